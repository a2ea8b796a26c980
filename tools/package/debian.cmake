# The packages `tidemark` and `libtidemark-dev`, made by CPack: cpack -G DEB.
# tools/package/: what Debian wants to know of them. Dependencies on libraries are found in the
# programs by dpkg-shlibdeps.
set(debian ${CMAKE_CURRENT_SOURCE_DIR}/debian)
set(made ${CMAKE_CURRENT_BINARY_DIR}/debian)

# ---- what only a package has: copyright, changelog, compressed pages ----
file(STRINGS ${PROJECT_SOURCE_DIR}/LICENSE LICENCE_LINES)
list(SUBLIST LICENCE_LINES 2 -1 LICENCE_LINES)
set(LICENCE "")
foreach(line IN LISTS LICENCE_LINES)
  string(APPEND LICENCE " ${line}\n")
endforeach()
string(REPLACE "\n \n" "\n .\n" LICENCE "${LICENCE}")
configure_file(${debian}/copyright.in ${made}/copyright @ONLY)
find_program(GZIP gzip)

set(CPACK_PACKAGE_NAME tidemark)
set(CPACK_PACKAGE_VENDOR "Tidemark maintainers")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
# As if it were CPack's own: else it is put before each package's own first line.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_NAME} built using CMake")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_TIDEMARK_STRIP ${CMAKE_STRIP})
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/debian_files.cmake)
set(CPACK_TIDEMARK_DEBIAN ${debian})
set(CPACK_TIDEMARK_COPYRIGHT ${made}/copyright)
set(CPACK_TIDEMARK_GZIP ${GZIP})

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "Tidemark maintainers <maintainers@tidemark.invalid>")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME tidemark)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
# deb-systemd-helper and deb-systemd-invoke of the maintainer scripts.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "init-system-helpers (>= 1.54~)")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "prometheus")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
    ${debian}/postinst ${debian}/prerm ${debian}/postrm ${debian}/conffiles)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
"persistent log broker for broadcast events
Tidemark keeps one log of events for each topic and serves it to browsers,
phones and services over WebSocket, HTTP and event streams. A follower that
was away names the last event it has seen and gets exactly those after it,
then the live ones, whether it was gone for a second or for weeks or while
the broker was restarted.

This package has the broker as a service, tidemarkd, and the command line,
tidemark. It listens on a loopback address until access is configured.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libtidemark-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libboost1.81-dev, libboost-json1.81-dev, libssl-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
"client library of the Tidemark log broker
A C++20 client of the Tidemark log broker: it publishes events and follows
topics over WebSocket, keeps its place over lost connections and restarts of
the broker, and its retries do not double.

This package has the headers, the static libraries and what CMake's
find_package(tidemark) needs.")

include(CPack)

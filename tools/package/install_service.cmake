# Installs the unit with the paths of this install, and the configuration where no other is yet.
# tools/package/: run by `cmake --install`; package_* are set by CMakeLists.txt.
set(BINDIR "${CMAKE_INSTALL_PREFIX}/${package_bindir}")
# As GNUInstallDirs has it: what belongs to /usr is configured in /etc.
if(IS_ABSOLUTE "${package_sysconfdir}")
  set(SYSCONFDIR "${package_sysconfdir}")
elseif(CMAKE_INSTALL_PREFIX MATCHES "^/usr/?$")
  set(SYSCONFDIR "/${package_sysconfdir}")
else()
  set(SYSCONFDIR "${CMAKE_INSTALL_PREFIX}/${package_sysconfdir}")
endif()
configure_file("${package_sources}/tidemarkd.service.in" "${package_work}/tidemarkd.service" @ONLY)
file(INSTALL "${package_work}/tidemarkd.service"
    DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/systemd/system")
if(NOT EXISTS "$ENV{DESTDIR}${SYSCONFDIR}/tidemark/tidemark.toml")
  file(INSTALL "${package_sources}/tidemark.toml" DESTINATION "${SYSCONFDIR}/tidemark")
endif()

# Adds to each staged package what Debian wants in it: copyright, changelog, overrides; compresses
# the pages.
# tools/package/: run by CPack once everything is staged, before the packages are made.
function(add_files component package)
  set(root "${CPACK_TEMPORARY_DIRECTORY}/${component}")
  if(NOT IS_DIRECTORY "${root}")
    return()
  endif()
  set(documents "${root}/usr/share/doc/${package}")
  file(INSTALL "${CPACK_TIDEMARK_COPYRIGHT}" DESTINATION "${documents}")
  file(INSTALL "${CPACK_TIDEMARK_DEBIAN}/changelog" DESTINATION "${documents}"
      RENAME changelog.Debian)
  file(INSTALL "${CPACK_TIDEMARK_DEBIAN}/${package}.lintian-overrides"
      DESTINATION "${root}/usr/share/lintian/overrides" RENAME ${package})
  file(GLOB pages "${root}/usr/share/man/man*/*")
  # Without time and name, so that the same page is the same file.
  execute_process(COMMAND ${CPACK_TIDEMARK_GZIP} -9n ${pages} "${documents}/changelog.Debian"
      COMMAND_ERROR_IS_FATAL ANY)
endfunction()
add_files(runtime tidemark)
add_files(development libtidemark-dev)

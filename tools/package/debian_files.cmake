# Adds to each staged package what Debian wants in it: copyright, changelog, overrides; compresses
# the pages.
# tools/package/: run by CPack once everything is staged, before the packages are made.
function(add_files component package)
  set(root "${CPACK_TEMPORARY_DIRECTORY}/${component}")
  if(NOT IS_DIRECTORY "${root}")
    return()
  endif()
  set(documents "${root}/usr/share/doc/${package}")
  # Not by file(INSTALL): CPack has DESTDIR set to the last component's root.
  file(MAKE_DIRECTORY "${documents}" "${root}/usr/share/lintian/overrides")
  file(COPY_FILE "${CPACK_TIDEMARK_COPYRIGHT}" "${documents}/copyright")
  file(COPY_FILE "${CPACK_TIDEMARK_DEBIAN}/changelog" "${documents}/changelog.Debian")
  file(COPY_FILE "${CPACK_TIDEMARK_DEBIAN}/${package}.lintian-overrides"
      "${root}/usr/share/lintian/overrides/${package}")
  file(GLOB_RECURSE archives "${root}/*.a")
  foreach(archive IN LISTS archives)  # CPack strips programs only
    execute_process(COMMAND ${CPACK_TIDEMARK_STRIP} --strip-debug "${archive}"
        COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  file(GLOB pages "${root}/usr/share/man/man*/*")
  # Without time and name, so that the same page is the same file.
  execute_process(COMMAND ${CPACK_TIDEMARK_GZIP} -9n ${pages} "${documents}/changelog.Debian"
      COMMAND_ERROR_IS_FATAL ANY)
endfunction()
add_files(runtime tidemark)
add_files(development libtidemark-dev)

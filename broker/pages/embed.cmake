# Writes files into one C++ source, byte by byte, with their types and tags: see pages.hpp.
# broker/pages/: cmake -DPAGES="a.html;b/c.js" -DFOLDER=… -DOUTPUT=… -P embed.cmake
cmake_minimum_required(VERSION 3.25)

set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_txt "text/plain; charset=utf-8")
set(type_svg "image/svg+xml")
set(type_png "image/png")
set(type_ico "image/x-icon")
set(type_woff2 "font/woff2")

set(PAGES_BODIES "")
set(PAGES_ENTRIES "")
list(LENGTH PAGES PAGES_COUNT)
set(number 0)
foreach(page IN LISTS PAGES)
  # What needs an escape in a URL would be asked for by another name than it has.
  if(NOT page MATCHES "^[a-z0-9_-]+(/[a-z0-9_-]+)*(\\.[a-z0-9_-]+)*\\.([a-z0-9]+)$")
    message(FATAL_ERROR "broker/pages/${page}: a page's name is of a-z 0-9 _ - and has a suffix")
  endif()
  set(type "${type_${CMAKE_MATCH_3}}")
  if(type STREQUAL "")
    message(FATAL_ERROR "broker/pages/${page}: embed.cmake has no content type for .${CMAKE_MATCH_3}")
  endif()
  file(READ "${FOLDER}/${page}" bytes HEX)
  file(SIZE "${FOLDER}/${page}" size)
  # The type is in the hash: should it change, what browsers keep is not the same any more.
  file(SHA256 "${FOLDER}/${page}" hash)
  string(SHA256 hash "${type} ${hash}")
  string(SUBSTRING "${hash}" 0 16 tag)
  # Literals of characters: a string of this length is more than every compiler has to take. The
  # zero behind them is not part of the page; an empty one is no empty array by it.
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND PAGES_BODIES "constexpr char kBody${number}[] = {  // ${page}\n${bytes}'\\0'};\n")
  string(APPEND PAGES_ENTRIES
      "    Page{\"/${page}\", \"${type}\", {kBody${number}, ${size}}, \"\\\"${tag}\\\"\"},\n")
  math(EXPR number "${number} + 1")
endforeach()
get_filename_component(here "${CMAKE_CURRENT_LIST_FILE}" DIRECTORY)
configure_file("${here}/embedded_pages.cpp.in" "${OUTPUT}" @ONLY)
# configure_file leaves alone what has not changed; the build has to see that it was looked at.
file(TOUCH "${OUTPUT}")

# Installs BUILD into an empty PREFIX and checks what a user would miss, or should not get.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

foreach(file
    include/riptide/pipeline/result.hpp bin/riptide share/doc/riptide/cli.md share/riptide/report.schema.json)
  if(NOT EXISTS ${PREFIX}/${file})
    message(FATAL_ERROR "not installed: ${file}")
  endif()
endforeach()

# Whoever moves or copies the prefix takes all of it along: no path of the build tree or of the sources stays.
file(GLOB_RECURSE texts ${PREFIX}/*.cmake ${PREFIX}/*.pc ${PREFIX}/*.hpp)
get_filename_component(sources ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
foreach(text ${texts})
  file(READ ${text} contents)
  string(REPLACE "${PREFIX}" "" contents "${contents}")
  if(contents MATCHES "${sources}")
    message(FATAL_ERROR "${text} names the source tree")
  endif()
endforeach()

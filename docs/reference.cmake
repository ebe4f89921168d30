# Makes the API reference: DOXYGEN, CONFIG, OUTPUT (a folder), LOG. Every warning is an error, but one: a member whose
# name and type say it all needs no comment. A class needs one.
file(REMOVE_RECURSE ${OUTPUT}/html)
file(MAKE_DIRECTORY ${OUTPUT})
execute_process(COMMAND ${DOXYGEN} ${CONFIG} OUTPUT_FILE ${LOG} ERROR_FILE ${LOG} COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${LOG} warnings)
list(FILTER warnings EXCLUDE REGEX "Member .* is not documented\\.$")
if(warnings)
  list(JOIN warnings "\n" warnings)
  message(FATAL_ERROR "the headers' comments do not make a reference:\n${warnings}")
endif()
message(STATUS "${OUTPUT}/html/index.html")

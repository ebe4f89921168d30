# What the installed headers include comes from the prefix and from the standard library: no library that riptide is
# built on is part of what its users compile.
execute_process(COMMAND ${COMPILER} -std=c++20 -M -I${PREFIX}/include ${SOURCE}
  OUTPUT_VARIABLE dependencies COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "/[^ \n\\]*(curl|simdjson|tbb|oneapi|sqlite|onigu|yaml|CLI|spdlog|fmt|xxh|zlib|gtest)[^ \n\\]*"
  foreign "${dependencies}")
string(REGEX MATCHALL "${PREFIX}/include/riptide/[^ \n\\]*" ours "${dependencies}")
list(FILTER foreign EXCLUDE REGEX "^${PREFIX}/")
list(REMOVE_ITEM foreign "${SOURCE}")
list(LENGTH ours count)
if(foreign OR count LESS 20)
  message(FATAL_ERROR "of ${count} headers, these include what is not ours: ${foreign}")
endif()
message(STATUS "${count} headers of riptide and the standard library")

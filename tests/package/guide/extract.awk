# Writes each code block of a guide into a file of FOLDER: ```cpp as a translation unit, ```cpp statements as the body of
# a function that has a graph and its streams, ```cmake and ```yaml as they are.
/^```[a-z]/ {
  number++
  kind = substr($1, 4)
  statements = ($2 == "statements")
  file = sprintf("%s/block_%02d.%s", FOLDER, number, kind)
  printf "" > file
  if (statements) {
    print "#include <cctype>\n#include <cstdio>\n#include <string>\n#include <thread>\n" > file
    print "#include \"riptide/riptide.hpp\"\n#include \"riptide/sinks/ndjson_sink.hpp\"\n" > file
    print "void block(riptide::Graph& graph, riptide::Stream<riptide::Record> records," > file
    print "           riptide::Stream<riptide::Entity> entities, riptide::Stop& stop) {" > file
  }
  printf "#line %d \"%s\"\n", FNR + 1, FILENAME > (kind == "cpp" ? file : "/dev/null")
  next
}
/^```$/ {
  if (statements) print "  (void)graph, (void)records, (void)entities, (void)stop;\n}" > file
  if (file) close(file)
  file = ""
  statements = 0
  next
}
file { print > file }

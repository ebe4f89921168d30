// The graph of sync as a graph file: it reads back as the same graph.
#include "riptide/cli/sync_graph.hpp"

#include <gmock/gmock.h>

#include <filesystem>

namespace riptide::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Config config() {
  ConfigSources sources;
  sources.environment = {{"OCEAN__INTEGRATION__TYPE", "octopus", 0}, {"OCEAN__RIPTIDE__MEMORY", "64MiB", 0}};
  return read_config(sources, {.source = ConfigNeeds::Missing::kPlaceholder}).config;
}

std::vector<sinks::SinkSpec> specs(std::initializer_list<const char*> texts) {
  std::vector<sinks::SinkSpec> out;
  for (const char* const text : texts) out.push_back(*sinks::parse_sink_spec(text));
  return out;
}

TEST(SyncGraphTest, IsASourceItsMappingAndTheSinks) {
  SyncFlags flags;
  flags.mapping = "my mapping.yml";
  flags.kinds = {"machine", "no"};
  flags.max_delete = "5%";
  const GraphFile graph = sync_as_graph(flags, config(), specs({"sqlite:a.db", "sqlite:b.db", "null"}));
  const std::string text = to_yaml(graph);
  EXPECT_EQ(text, R"(name: "octopus resync"
memory: 67108864
nodes:
  octopus:
    type: octopus
    kinds: [machine, "no"]
  transform:
    type: mapping
    inputs: octopus
    file: "my mapping.yml"
  sqlite:
    type: sqlite
    inputs: transform
    path: a.db
    reconcile: all
    max_delete: "5%"
  "sqlite 2":
    type: sqlite
    inputs: transform
    path: b.db
    reconcile: all
    max_delete: "5%"
  "null":
    type: "null"
    inputs: transform
)");
  const GraphFileReading read =
      read_graph_file(text, "graph.yml", [](std::string_view) { return std::optional<std::string>(); });
  EXPECT_THAT(read.problems, IsEmpty());
  EXPECT_EQ(to_yaml(read.graph), text);
}

TEST(SyncGraphTest, ItsFileMayLieAnywhere) {
  SyncFlags flags;
  flags.mapping = "m.yml";
  const GraphFile graph = with_absolute_paths(sync_as_graph(flags, config(), specs({"ndjson:-", "sqlite:x/../a.db"})));
  const std::string here = std::filesystem::current_path();
  EXPECT_EQ(graph.find("transform")->text("file"), here + "/m.yml");
  EXPECT_EQ(graph.find("ndjson")->text("path"), "-");
  EXPECT_EQ(graph.find("sqlite")->text("path"), here + "/a.db");
}

TEST(SyncGraphTest, NothingIsDeletedWithNoDelete) {
  SyncFlags flags;
  flags.no_delete = true;
  EXPECT_THAT(to_yaml(sync_as_graph(flags, config(), specs({"port"}))), HasSubstr("reconcile: never"));
  flags.no_delete = false;
  flags.delete_scope = "closed";
  EXPECT_THAT(to_yaml(sync_as_graph(flags, config(), specs({"port"}))), HasSubstr("reconcile: closed"));
}

TEST(SyncGraphTest, WritesEveryShapeSoThatItReadsBack) {
  constexpr std::string_view kText = R"(nodes:
  in:
    type: generate
    records: 10
  keep:
    type: redact
    inputs: in
    fields: [.a, ".b c"]
    with: "x: y # \" é"
  ways:
    type: route
    inputs: keep
    routes:
      big: ".n > 3"
      "yes": ".n"
  out:
    type: http
    inputs: [ways.big, ways.yes, ways.otherwise]
    url: http://localhost/x
    headers:
      X-A: "1"
)";
  const EnvironmentLookup none = [](std::string_view) { return std::optional<std::string>(); };
  const GraphFileReading once = read_graph_file(kText, "graph.yml", none);
  ASSERT_THAT(once.problems, IsEmpty());
  const std::string text = to_yaml(once.graph);
  const GraphFileReading twice = read_graph_file(text, "graph.yml", none);
  ASSERT_THAT(twice.problems, IsEmpty()) << text;
  EXPECT_EQ(to_yaml(twice.graph), text);
  EXPECT_EQ(twice.graph.find("keep")->text("with"), "x: y # \" é");
  EXPECT_THAT(twice.graph.find("keep")->texts("fields"), ElementsAre(".a", ".b c"));
}

}  // namespace
}  // namespace riptide::cli

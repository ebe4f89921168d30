// Reading graph files: what is wrong is said with its place and what to change.
#include "riptide/cli/graph_file.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <sstream>

#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const EnvironmentLookup kEnvironment = [](std::string_view name) -> std::optional<std::string> {
  static const std::map<std::string, std::string, std::less<>> kVariables = {
      {"FOLDER", "/exports"}, {"PAGE", "25"}, {"TOKEN", "s3cret-token"}};
  const auto found = kVariables.find(name);
  return found == kVariables.end() ? std::nullopt : std::optional(found->second);
};

GraphFileReading read(std::string_view text) { return read_graph_file(text, "graph.yml", kEnvironment); }

std::vector<std::string> said(const GraphFileReading& reading) {
  std::vector<std::string> out;
  for (const Problem& problem : reading.problems) out.push_back(to_string(problem));
  return out;
}

constexpr std::string_view kWhole = R"(
name: machines
memory: 64MiB
threads: 2
nodes:
  made up:
    type: generate
    records: 1000
    page: ${env:PAGE}
  map:
    type: mapping
    inputs: made up
    file: mapping.yml
  prod:
    type: filter
    inputs: [map]
    where: .properties.env == "prod"
  ways:
    type: route
    inputs: prod
    routes:
      big: .properties.cpus > 8
      small: "true"
  all:
    type: batch
    inputs: [ways.big, ways.small]
    records: 20
    bytes: 1MiB
  port:
    type: sqlite
    inputs: all
    path: ${env:FOLDER}/out.db
    reconcile: all
  rest: {type: null, inputs: ways.otherwise}
)";

TEST(GraphFileTest, ReadsAWholeGraph) {
  const GraphFileReading reading = read(kWhole);
  ASSERT_THAT(said(reading), IsEmpty());
  const GraphFile& graph = reading.graph;
  EXPECT_EQ(graph.name, "machines");
  EXPECT_EQ(graph.memory_bytes, 64u << 20);
  EXPECT_EQ(graph.threads, 2);
  ASSERT_EQ(graph.nodes.size(), 7u);
  const GraphFile::Node* const source = graph.find("made up");
  ASSERT_NE(source, nullptr);
  EXPECT_EQ(source->integer("records"), 1000);
  EXPECT_EQ(source->integer("page"), 25);
  EXPECT_EQ(source->bytes("size"), 2000u);  // the table's default
  EXPECT_EQ(source->gives, Carries::kRecords);
  EXPECT_EQ(graph.find("prod")->gives, Carries::kEntities);
  EXPECT_TRUE(graph.find("prod")->programs.contains("where"));
  EXPECT_TRUE(graph.find("ways")->programs.contains("routes.big"));
  EXPECT_EQ(graph.find("port")->text("path"), "/exports/out.db");
  EXPECT_EQ(graph.find("all")->inputs[1].output, "small");
}

TEST(GraphFileTest, PutsInputsFirst) {
  const GraphFileReading reading = read(R"(
nodes:
  out: {type: null, inputs: some}
  some: {type: sample, inputs: all, every: 3}
  all: {type: generate, records: 9}
)");
  ASSERT_THAT(said(reading), IsEmpty());
  std::vector<std::string> names;
  for (const GraphFile::Node& node : reading.graph.nodes) names.push_back(node.name);
  EXPECT_THAT(names, ElementsAre("all", "some", "out"));
}

TEST(GraphFileTest, KeepsSecretsForTheRedactor) {
  const GraphFileReading reading = read(R"(
nodes:
  in: {type: generate, records: 1}
  out: {type: http, inputs: in, url: "http://localhost/x", headers: {Authorization: "Bearer ${secret:TOKEN}"}}
)");
  ASSERT_THAT(said(reading), IsEmpty());
  EXPECT_THAT(reading.graph.secrets, ElementsAre("s3cret-token"));
  EXPECT_EQ(reading.graph.find("out")->fields.find("headers")->find("Authorization")->text, "Bearer s3cret-token");
}

TEST(GraphFileTest, TakesADollarSignAsItIs) {
  const GraphFileReading reading = read(R"(
nodes:
  in: {type: generate, records: 1}
  it: {type: jq, inputs: in, program: '{a: "$${env:PAGE}", b: "${x}", c: "${env:NONE:-none}"}'}
  out: {type: null, inputs: it}
)");
  ASSERT_THAT(said(reading), IsEmpty());
  EXPECT_EQ(reading.graph.find("it")->text("program"), R"({a: "${env:PAGE}", b: "${x}", c: "none"})");
}

struct Wrong {
  std::string what;
  std::string text;
  std::vector<std::string> said;  ///< One problem each, which contains it.
};

class GraphFileProblemTest : public ::testing::TestWithParam<Wrong> {};

TEST_P(GraphFileProblemTest, SaysWhereAndWhatToChange) {
  const std::vector<std::string> problems = said(read(GetParam().text));
  ASSERT_EQ(problems.size(), GetParam().said.size()) << ::testing::PrintToString(problems);
  for (std::size_t i = 0; i < problems.size(); ++i) EXPECT_THAT(problems[i], HasSubstr(GetParam().said[i]));
}

const Wrong kWrong[] = {
    {"not YAML", "nodes: [", {"graph.yml: "}},
    {"no block", "- a\n- b\n", {"graph.yml:1:1: a graph is `nodes:`"}},
    {"no nodes", "name: x\n", {"nodes: is required"}},
    {"a slip in a key", "nods: {}\n", {"nods: is not a field of a graph; did you mean 'nodes'?", "nodes: is required"}},
    {"an unknown type",
     "nodes:\n  a: {type: octopuss}\n",
     {"graph.yml:2:13: nodes.a.type: there is no type 'octopuss'; did you mean 'octopus'?"}},
    {"a slip in a field",
     "nodes:\n  a: {type: generate, recrods: 3, records: 3}\n  b: {type: null, inputs: a}\n",
     {"graph.yml:2:32: nodes.a.recrods: is not a field of source `generate`; did you mean 'records'?"}},
    {"a field that is missing",
     "nodes:\n  a: {type: generate}\n  b: {type: null, inputs: a}\n",
     {"nodes.a.records: is required: records made in all"}},
    {"a number out of its range",
     "nodes:\n  a: {type: generate, records: 3, page: 0}\n  b: {type: null, inputs: a}\n",
     {"graph.yml:2:41: nodes.a.page: must be a whole number from 1 to 100000"}},
    {"a size that is none",
     "memory: much\nnodes:\n  a: {type: generate, records: 3}\n  b: {type: null, inputs: a}\n",
     {"graph.yml:1:9: memory: must be a size"}},
    {"a wrong choice",
     "nodes:\n  a: {type: generate, records: 3}\n  r: {type: redact, inputs: a, fields: .x, mode: hide}\n  b: {type: "
     "null, inputs: r}\n",
     {"nodes.r.mode: must be one of mask, hash and remove"}},
    {"a program that does not compile",
     "nodes:\n  a: {type: generate, records: 3}\n  f:\n    type: filter\n    inputs: a\n    where: .a ==\n  b: {type: "
     "null, inputs: f}\n",
     {"graph.yml:6:"}},
    {"a program below a bar",
     "nodes:\n  a: {type: generate, records: 3}\n  f:\n    type: filter\n    inputs: a\n    where: |\n      .a\n      "
     "| "
     "foo\n  b: {type: null, inputs: f}\n",
     {"graph.yml:8:9: nodes.f.where: does not compile: "}},
    {"a variable that is not set",
     "nodes:\n  a: {type: generate, records: \"${env:NOPE}\"}\n  b: {type: null, inputs: a}\n",
     {"the variable NOPE is not set", "must be a whole number"}},
    {"a secret that is not set",
     "nodes:\n  a: {type: generate, records: 1, kind: \"${secret:NOPE}\"}\n  b: {type: null, inputs: a}\n",
     {"set it, or NOPE_FILE to the file"}},
    {"a reference that is not closed",
     "nodes:\n  a: {type: generate, records: 1, kind: \"${env:PAGE\"}\n  b: {type: null, inputs: a}\n",
     {"is not closed"}},
    {"an input that is not there",
     "nodes:\n  abc: {type: generate, records: 1}\n  b: {type: null, inputs: abd}\n",
     {"graph.yml:3:27: nodes.b.inputs: there is no node 'abd'; did you mean 'abc'?", "nodes.abc: is a dead end"}},
    {"an output that is not there",
     "nodes:\n  a: {type: generate, records: 1}\n  r: {type: route, inputs: a, routes: {x: .x}}\n  b: {type: null, "
     "inputs: [r.y, r.x, r.otherwise]}\n",
     {"'r' has no output 'y', only x and otherwise"}},
    {"a route without its output",
     "nodes:\n  a: {type: generate, records: 1}\n  r: {type: route, inputs: a, routes: {x: .x}}\n  b: {type: null, "
     "inputs: [r, r.x, r.otherwise]}\n",
     {"'r' is a route: name one of its outputs, r.x"}},
    {"a sink as an input",
     "nodes:\n  a: {type: generate, records: 1}\n  b: {type: null, inputs: a}\n  c: {type: null, inputs: b}\n",
     {"'b' is a sink"}},
    {"an input that is there twice",
     "nodes:\n  a: {type: generate, records: 1}\n  b: {type: null, inputs: [a, a]}\n",
     {"is there twice"}},
    {"a source with inputs",
     "nodes:\n  a: {type: generate, records: 1, inputs: a}\n  b: {type: null, inputs: a}\n",
     {"a source has none"}},
    {"a circle",
     "nodes:\n  a: {type: generate, records: 1}\n  x: {type: jq, inputs: [a, y], program: .}\n  y: {type: jq, inputs: "
     "x, program: .}\n  b: {type: null, inputs: y}\n",
     {"goes round in a circle: "}},
    {"records where entities are needed",
     "nodes:\n  a: {type: generate, records: 1}\n  b: {type: sqlite, inputs: a, path: x.db}\n",
     {"graph.yml:3:29: nodes.b.inputs: sqlite takes entities, and 'a' gives records: put a `mapping`"}},
    {"a mapping of entities",
     "nodes:\n  a: {type: generate, records: 1}\n  m: {type: mapping, inputs: a}\n  n: {type: mapping, inputs: m}\n  "
     "b: "
     "{type: null, inputs: n}\n",
     {"mapping takes records, and 'm' gives entities"}},
    {"a mixture",
     "nodes:\n  a: {type: generate, records: 1}\n  m: {type: mapping, inputs: a}\n  b: {type: null, inputs: [a, m]}\n",
     {"gets records from one input and entities from another"}},
    {"a dead end",
     "nodes:\n  a: {type: generate, records: 1}\n  f: {type: filter, inputs: a, where: .x}\n  b: {type: null, inputs: "
     "a}\n",
     {"nodes.f: is a dead end"}},
    {"a route that nobody takes",
     "nodes:\n  a: {type: generate, records: 1}\n  r: {type: route, inputs: a, routes: {x: .x, z: .z}}\n  b: {type: "
     "null, "
     "inputs: [r.x]}\n",
     {"the route 'z' is a dead end", "what no route takes is dropped"}},
    {"a batch without a bound",
     "nodes:\n  a: {type: generate, records: 1}\n  x: {type: batch, inputs: a}\n  b: {type: null, inputs: x}\n",
     {"has no bound"}},
    {"a batch far from a sink",
     "nodes:\n  a: {type: generate, records: 1}\n  x: {type: batch, inputs: a, records: 2}\n  f: {type: filter, "
     "inputs: "
     "x, where: .x}\n  b: {type: null, inputs: f}\n",
     {"a batch stands right before its sink"}},
    {"a window without a bound",
     "nodes:\n  a: {type: generate, records: 1}\n  w: {type: window, inputs: a, every: 5s}\n  b: {type: null, inputs: "
     "w}\n",
     {"nodes.w.count: is required"}},
    {"a sample of two minds",
     "nodes:\n  a: {type: generate, records: 1}\n  s: {type: sample, inputs: a, every: 5, first: 3}\n  b: {type: null, "
     "inputs: s}\n",
     {"exactly one of"}},
    {"deleting behind a sample",
     "nodes:\n  a: {type: generate, records: 1}\n  s: {type: sample, inputs: a, every: 5}\n  m: {type: mapping, "
     "inputs: "
     "s}\n  b: {type: sqlite, inputs: m, path: x, reconcile: all}\n",
     {"must be `never` behind 's'"}},
    {"two sinks for one file",
     "nodes:\n  a: {type: generate, records: 1}\n  b: {type: ndjson, inputs: a, path: x}\n  c: {type: ndjson, inputs: "
     "a, "
     "path: x}\n",
     {"'b' writes to the same file"}},
    {"a source that does not know what to read",
     "nodes:\n  a: {type: octopus}\n  b: {type: ndjson, inputs: a, path: x}\n",
     {"nodes.a: needs `kinds`"}},
    {"no sink", "nodes:\n  a: {type: generate, records: 1}\n", {"is a dead end", "there is no sink"}},
};

INSTANTIATE_TEST_SUITE_P(Problems, GraphFileProblemTest, ::testing::ValuesIn(kWrong),
                         [](const ::testing::TestParamInfo<Wrong>& wrong) {
                           std::string name = wrong.param.what;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

TEST(GraphFileTest, SaysNoSecretInAMessage) {
  const GraphFileReading reading = read(R"(
nodes:
  in: {type: generate, records: "${secret:TOKEN}"}
  out: {type: null, inputs: in}
)");
  const std::vector<std::string> problems = said(reading);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0], ::testing::Not(HasSubstr("s3cret")));
}

std::string text_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

void current(const std::string& path, const std::string& now) {
  if (std::getenv("RIPTIDE_UPDATE_DOCS") != nullptr) std::ofstream(path) << now;
  EXPECT_EQ(text_of(path), now) << path << " is old: run this test with RIPTIDE_UPDATE_DOCS=1";
}

TEST(GraphFileTest, TheSchemaIsCurrentAndJson) {
  current(RIPTIDE_SOURCE_DIR "/docs/graph.schema.json", graph_schema());
  std::string text = graph_schema();
  EXPECT_TRUE(read_json(text, "graph.schema.json").has_value());
}

TEST(GraphFileTest, TheDocumentsListEveryType) {
  const std::string path = RIPTIDE_SOURCE_DIR "/docs/graphs.md";
  const std::string text = text_of(path);
  constexpr std::string_view kBegin = "<!-- node types -->\n";
  constexpr std::string_view kEnd = "<!-- end of node types -->\n";
  const std::size_t begin = text.find(kBegin);
  const std::size_t end = text.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  current(path, text.substr(0, begin + kBegin.size()) + node_types_as_markdown() + text.substr(end));
}

}  // namespace
}  // namespace riptide::cli

// The verbs beside `sync`: graph, lint, map, jq, demo, bench, help.
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class VerbTest : public Workspace {
 protected:
  // A server that is not there: these verbs contact nobody.
  VerbTest() { point_at("http://127.0.0.1:1"); }
};

const std::vector<std::string> kStages = {"fetch",  "paginate", "budget",   "transform", "batch",
                                          "upload", "settle",   "frontier", "reconcile"};

TEST_F(VerbTest, HelpNamesEveryVerbAndCode) {
  const Ended help = riptide({"--help"});
  ASSERT_THAT(help, ExitsWith(0));
  for (const char* const word :
       {"sync", "graph", "lint", "demo", "bench", "map", "jq", "OCEAN__INTEGRATION__TYPE", "Exit codes", "130"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
  EXPECT_EQ(help.err, "");
  const Ended sync_help = riptide({"sync", "--help"});
  ASSERT_THAT(sync_help, ExitsWith(0));
  for (const char* const flag :
       {"--config", "--mapping", "--sink", "--kind", "--report", "--state", "--memory", "--in-flight", "--progress",
        "--log-level", "--log-format", "--no-delete", "--strict"}) {
    EXPECT_THAT(sync_help.out, HasSubstr(flag));
  }
  for (const char* const verb : {"sync", "graph", "lint", "demo", "bench", "map", "jq"}) {
    EXPECT_THAT(riptide({verb, "--help"}), ExitsWith(0)) << verb;
  }
  EXPECT_THAT(riptide({"--version"}).out, HasSubstr("riptide "));
}

TEST_F(VerbTest, GraphDrawsTheSameGraphInFourFormats) {
  for (const char* const format : {"dot", "mermaid", "svg", "json"}) {
    const Ended drawn = riptide({"graph", "--format", format});
    ASSERT_THAT(drawn, ExitsWith(0)) << format;
    for (const std::string& stage : kStages) EXPECT_THAT(drawn.out, HasSubstr(stage)) << format;
    EXPECT_THAT(drawn.out, HasSubstr("riptide.db")) << format << " shows the sink of this configuration";
  }
  const Json graph = Json::parse(riptide({"graph", "--format", "json"}).out);
  std::set<std::string> names;
  for (const Json& node : graph["nodes"].items()) names.insert(node["name"].text());
  EXPECT_EQ(names, std::set<std::string>(kStages.begin(), kStages.end()));
  EXPECT_GE(graph["edges"].items().size(), 6u);
  const std::string svg = riptide({"graph", "--format", "svg"}).out;
  EXPECT_EQ(svg.find("<svg"), 0u);
  EXPECT_NE(svg.find("</svg>"), std::string::npos);
  EXPECT_EQ(riptide({"graph", "--format", "dot"}).out.find("digraph"), 0u);
  EXPECT_THAT(riptide({"graph", "--sink", "port"}), ExitsWith(2)) << "what sync needs, graph needs";
  EXPECT_THAT(riptide({"graph", "--sink", "null", "--format", "json"}).out, HasSubstr("null"));
  EXPECT_THAT(riptide({"graph", "--format", "png"}), ExitsWith(2));
}

TEST_F(VerbTest, LintFindsNothingWrongWithWhatIsRight) {
  EXPECT_THAT(riptide({"lint"}), ExitsWith(0));
  write("mapping.yaml", small_mapping({"machine"}));
  EXPECT_THAT(riptide({"lint", "mapping.yaml"}), ExitsWith(0));
  write("config.yaml",
        "integration:\n  type: octopus\n  config:\n    serverUrl: http://127.0.0.1:1\n    octopusApiKey: k\n");
  EXPECT_THAT(riptide({"lint", "config.yaml", "mapping.yaml"}), ExitsWith(0));
}

TEST_F(VerbTest, LintNamesEveryProblemWithItsLine) {
  write("mapping.yaml", small_mapping({"machine"}, "'.Id |'") +
                            "  - kind: project\n    selector: {query: 'tru'}\n"
                            "    port: {entity: {mappings: {identifier: .Id}}}\n");
  const Ended mapping = riptide({"lint", "mapping.yaml"});
  ASSERT_THAT(mapping, ExitsWith(2));
  EXPECT_THAT(mapping.err, AllOf(HasSubstr("mapping.yaml:13"), HasSubstr("blueprint")));
  write("mapping.yaml", small_mapping({"machine"}, "'.Id |'") +
                            "  - kind: project\n    selector: {query: 'tru'}\n"
                            "    port: {entity: {mappings: {identifier: .Id, blueprint: '\"p\"'}}}\n");
  const Ended expressions = riptide({"lint", "mapping.yaml"});
  ASSERT_THAT(expressions, ExitsWith(2));
  EXPECT_THAT(expressions.err, AllOf(HasSubstr("mapping.yaml:8"), HasSubstr("mapping.yaml:12"), HasSubstr("tru")))
      << "both, not only the first";

  write("config.yaml", "integration:\n  type: octopus\nriptide:\n  memory: lots\n  memroy: 1GiB\n");
  const Ended config = riptide({"lint", "config.yaml"});
  ASSERT_THAT(config, ExitsWith(2));
  EXPECT_THAT(config.err, AllOf(HasSubstr("config.yaml:4"), HasSubstr("config.yaml:5"), HasSubstr("memory")));

  environment_.erase("OCEAN__INTEGRATION__CONFIG__SERVER_URL");
  std::filesystem::remove(path("config.yaml"));
  const Ended missing = riptide({"lint"});
  ASSERT_THAT(missing, ExitsWith(2));
  EXPECT_THAT(missing.err, HasSubstr("OCEAN__INTEGRATION__CONFIG__SERVER_URL"));
  EXPECT_THAT(riptide({"lint", "nowhere.yaml"}), ExitsWith(2));
}

TEST_F(VerbTest, MapReadsNdjsonAndArrays) {
  const std::string one = R"({"Id":"Machines-1","SpaceId":"Spaces-1","Name":"one"})";
  const std::string two = R"({"Id":"Machines-2","SpaceId":"Spaces-1","Name":"two"})";
  write("mapping.yaml", small_mapping({"machine"}));
  const std::vector<std::string> arguments = {"map", "--kind", "machine", "--mapping", "mapping.yaml"};
  for (const std::string& input : {one + "\n" + two + "\n", "[" + one + ",\n " + two + "]"}) {
    const Ended mapped = riptide(arguments, input);
    ASSERT_THAT(mapped, ExitsWith(0));
    EXPECT_EQ(mapped.err, "");
    EXPECT_EQ(keys_of(lines_of(mapped.out)),
              (std::set<Identity>{{"octopusMachine", "Machines-1"}, {"octopusMachine", "Machines-2"}}));
  }
  write("records.ndjson", one + "\n");
  auto from_file = arguments;
  from_file.insert(from_file.end(), {"--input", "records.ndjson"});
  EXPECT_EQ(riptide(from_file).out,
            "{\"identifier\":\"Machines-1\",\"blueprint\":\"octopusMachine\",\"title\":\"one\"}\n");
}

TEST_F(VerbTest, MapSaysWhatIsWrongWithEachRecord) {
  const Ended mapped = riptide({"map", "--kind", "machine"}, R"({"Id":"Machines-1"} {"Id":null} 17)");
  ASSERT_THAT(mapped, ExitsWith(1));
  EXPECT_EQ(lines_of(mapped.out).size(), 1u);
  std::map<std::uint64_t, std::set<std::string>> problems;
  std::string_view lines = mapped.err;
  while (!lines.empty()) {
    const Json line = Json::parse(lines.substr(0, lines.find('\n')));
    problems[line["record"].count()].insert(line["problem"].text());
    lines.remove_prefix(lines.find('\n') + 1);
  }
  EXPECT_TRUE(problems[1].contains("null"));
  EXPECT_TRUE(problems[2].contains("invalid"));
  EXPECT_TRUE(problems[3].contains("unreadable"));
  EXPECT_THAT(riptide({"map", "--kind", "machin"}, "{}"), ExitsWith(2));
  EXPECT_THAT(riptide({"map"}, "{}"), ExitsWith(2));
  EXPECT_THAT(riptide({"map", "--kind", "machine", "--input", "nowhere"}), ExitsWith(2));
}

TEST_F(VerbTest, JqIsJq) {
  struct Case {
    std::vector<std::string> arguments;
    const char* input;
    const char* out;
    int code;
  };
  for (const Case& one : {
           Case{{"-c", ".a, .b"}, R"({"a":1.0,"b":[1,2]})", "1.0\n[1,2]\n", 0},
           Case{{".a"}, R"({"a":{"b":1}})", "{\n  \"b\": 1\n}\n", 0},
           Case{{"-r", ".[]"}, R"(["a\nb",1])", "a\nb\n1\n", 0},
           Case{{"-n", "[limit(3; range(10))] | length"}, "", "3\n", 0}, Case{{"-nr", "\"a\" + \"b\""}, "", "ab\n", 0},
           Case{{"-c", ". as $x | {x: $x}"}, "9007199254740993 1", "{\"x\":9007199254740993}\n{\"x\":1}\n", 0},
           Case{{".a |"}, "{}", "", 3}, Case{{"nosuch"}, "{}", "", 3}, Case{{".a"}, "5", "", 5},
           Case{{".+1"}, "5 \"x\"", "6\n", 5}, Case{{".+1"}, "\"x\" 5", "6\n", 0},  // The last input decides.
           Case{{"-n", "error(\"no\")"}, "", "", 5}, Case{{"."}, "{", "", 5},       // As jq 1.8; 1.6 said 2.
           Case{{"--nosuch", "."}, "1", "", 2},
           Case{{}, "1", "1\n", 0},  // No filter is `.` where no terminal is asked.
       }) {
    std::vector<std::string> arguments = one.arguments;
    arguments.insert(arguments.begin(), "jq");
    const Ended ended = riptide(arguments, one.input);
    EXPECT_THAT(ended, ExitsWith(one.code)) << ::testing::PrintToString(one.arguments);
    EXPECT_EQ(ended.out, one.out) << ::testing::PrintToString(one.arguments);
    EXPECT_EQ(ended.err.empty(), one.code == 0 && ended.out == one.out && one.input != std::string("\"x\" 5"))
        << ended.err;
  }
}

TEST_F(VerbTest, DemoRunsTwice) {
  environment_.clear();  // Nothing of the user's configuration is needed or used.
  const std::vector<std::string> arguments = {"demo",         "--spaces", "4",          "--records", "400",
                                              "--latency-ms", "1",        "--progress", "none"};
  const Ended first = riptide(arguments);
  ASSERT_THAT(first, ExitsWith(0));
  EXPECT_EQ(first.out, "");
  EXPECT_EQ(identities(path("riptide.db")).size(), 404u);
  EXPECT_THAT(first.err, HasSubstr("sqlite3 riptide.db '"));
  const Ended second = riptide(arguments);
  ASSERT_THAT(second, ExitsWith(0));
  EXPECT_EQ(identities(path("riptide.db")).size(), 404u);
  // On a machine where the demo's port is taken the links change; the demo says so then.
  if (first.err.find("is taken") == std::string::npos && second.err.find("is taken") == std::string::npos) {
    const std::string total = second.err.substr(second.err.find("  total"));
    EXPECT_THAT(total.substr(0, total.find('\n')), ::testing::MatchesRegex(" +total +404 +0 +0 +404 +0"));
  }
  // The one line to query it, as it is printed.
  if (std::filesystem::exists("/usr/bin/sqlite3")) {
    const std::size_t at = first.err.find("sqlite3 riptide.db");
    Command query = command({});
    query.environment["PATH"] = "/usr/bin:/bin";
    query.arguments = {"/bin/sh", "-c", first.err.substr(at, first.err.find('\n', at) - at)};
    const Ended answered = run(query);
    EXPECT_THAT(answered, ExitsWith(0));
    EXPECT_THAT(answered.out, HasSubstr("octopusMachine|100"));
  }
}

TEST_F(VerbTest, BenchMeasuresItselfAndItsFloors) {
  const Ended ended = riptide({"bench", "--entities", "2000", "--repeat", "1", "--spaces", "4", "--floor", "--json"});
  ASSERT_THAT(ended, ExitsWith(0));
  std::set<std::string> programs;
  std::string_view lines = ended.out;
  while (!lines.empty()) {
    const Json line = Json::parse(lines.substr(0, lines.find('\n')));
    programs.insert(line["program"].text());
    EXPECT_EQ(line["error"].text(), "");
    EXPECT_GE(line["pages"].count(), 20u);
    if (line["program"].text() == "riptide") {
      EXPECT_GE(line["entities"].count(), 2000u);
    }
    lines.remove_prefix(lines.find('\n') + 1);
  }
  EXPECT_EQ(programs.size(), 3u) << ended.out;
  EXPECT_TRUE(programs.contains("riptide"));
}

}  // namespace
}  // namespace riptide::e2e

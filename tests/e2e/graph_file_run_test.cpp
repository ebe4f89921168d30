// `riptide run`, `test`, `tap` and `graph` on graph files: the real program.
#include <csignal>

#include "json_value.hpp"
#include "loopback_server.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using loopback::LoopbackServer;
using loopback::ReceivedRequest;
using loopback::Reply;
using loopback::Script;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class GraphFileRun : public Workspace {
 protected:
  [[nodiscard]] Ended run(const std::string& graph, std::vector<std::string> more = {}) const {
    write("graph.yml", graph);
    std::vector<std::string> arguments = {"run", "graph.yml", "--progress", "none", "--report", "report.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return riptide(std::move(arguments));
  }
  /// Lines of a file, as values.
  [[nodiscard]] std::vector<Json> lines(const std::string& name) const {
    std::vector<Json> out;
    std::string text = read(name);
    std::size_t from = 0;
    while (from < text.size()) {
      const std::size_t end = std::min(text.find('\n', from), text.size());
      out.push_back(Json::parse(text.substr(from, end - from)));
      from = end + 1;
    }
    return out;
  }
  /// The row of a stage in the report.
  [[nodiscard]] Json stage(const std::string& name) const {
    const Report whole = report();
    for (const Json& row : whole.json()["stages"].items()) {
      if (row["name"].text() == name && row.find("items_in")) return row;
    }
    throw std::runtime_error("no stage " + name + " in " + read("report.json"));
  }
};

TEST_F(GraphFileRun, FiltersMapsAndRoutes) {
  const Ended ended = run(R"(
name: by group
nodes:
  made: {type: generate, records: 1000, size: 500}
  even: {type: filter, inputs: made, where: .number % 2 == 0}
  map:
    type: mapping
    inputs: even
    inline:
      resources:
        - kind: record
          selector: {query: .active}
          port:
            entity:
              mappings:
                identifier: .id
                blueprint: '"thing"'
                title: .name
                properties: {group: .group, email: .owner.email}
  hide: {type: redact, inputs: map, fields: .properties.email}
  ways:
    type: route
    inputs: hide
    routes:
      four: .properties.group == "group-4"
      six: .properties.group == "group-6"
  four: {type: sqlite, inputs: ways.four, path: four.db}
  six: {type: ndjson, inputs: ways.six, path: six.ndjson}
  rest: {type: "null", inputs: ways.otherwise}
)");
  ASSERT_THAT(ended, ExitsWith(0));
  // Even numbers that 7 does not divide: 500 - 71; of each last digit 100 less those that 7 divides.
  EXPECT_EQ(identities(path("four.db")).size(), 85u);
  const auto six = lines("six.ndjson");
  EXPECT_THAT(six, SizeIs(86));
  for (const Json& entity : six) {
    EXPECT_EQ(entity["properties"]["group"].text(), "group-6");
    EXPECT_EQ(entity["properties"]["email"].text(), "***");
  }
  EXPECT_EQ(stage("even")["filtered"].count(), 500u);
  EXPECT_EQ(stage("ways")["items_in"].count(), 429u);
}

TEST_F(GraphFileRun, WhatSyncPrintsDoesWhatSyncDoes) {
  const auto server = serve({.kinds = only("machine", {130, 0, 55})});
  point_at(server->url());
  ASSERT_THAT(sync({"--sink", "sqlite:sync.db"}), ExitsWith(0));
  const std::uint64_t created = report().total("created");
  const Ended printed = riptide({"graph", "--format", "yaml", "--sink", "sqlite:run.db"});
  ASSERT_THAT(printed, ExitsWith(0));
  ASSERT_THAT(run(printed.out), ExitsWith(0));
  EXPECT_EQ(contents_of(path("run.db"), server->url()), contents_of(path("sync.db"), server->url()));
  EXPECT_EQ(report().total("created"), created);
  EXPECT_EQ(report().of("machine", "read"), 185u);
  // It deletes as sync does.
  ASSERT_TRUE(server->remove("Spaces-1", "machine", "Machines-1"));
  ASSERT_THAT(run(printed.out), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 1u);
  EXPECT_EQ(report().total("unchanged"), created - 1);
}

TEST_F(GraphFileRun, SeveralSourcesFlowIntoOneSinkAndOneSourceIntoSeveral) {
  const Ended ended = run(R"(
nodes:
  a: {type: generate, records: 300, kind: a}
  b: {type: generate, records: 200, kind: b}
  all: {type: ndjson, inputs: [a, b], path: all.ndjson}
  again: {type: ndjson, inputs: a, path: again.ndjson}
)");
  ASSERT_THAT(ended, ExitsWith(0));
  std::set<std::string> ids;
  for (const Json& record : lines("all.ndjson")) ids.insert(record["id"].text());
  EXPECT_EQ(ids.size(), 500u);
  EXPECT_THAT(lines("again.ndjson"), SizeIs(300));
}

TEST_F(GraphFileRun, TransformsByJqSampleDedupeEnrichAndWindows) {
  write("owners.csv", "group,team\ngroup-1,web\ngroup-2,db\n");
  const Ended ended = run(R"(
nodes:
  made: {type: generate, records: 1000}
  small: {type: jq, inputs: made, program: 'if .number % 2 == 0 then {group, n: .number} else empty end'}
  once: {type: dedupe, inputs: small, key: .n % 100}
  team: {type: enrich, inputs: once, file: owners.csv, key: .group, column: group, into: .team, select: team, missing: drop}
  first: {type: sample, inputs: team, first: 7}
  sums: {type: window, inputs: once, count: 20, program: '{sum: (map(.n) | add), size: length}'}
  kept: {type: ndjson, inputs: first, path: kept.ndjson}
  out: {type: ndjson, inputs: sums, path: sums.ndjson}
)");
  ASSERT_THAT(ended, ExitsWith(0));
  const auto kept = lines("kept.ndjson");
  EXPECT_THAT(kept, SizeIs(7));  // of the 10 keys that end with 2
  for (const Json& item : kept) EXPECT_EQ(item["team"].text(), "db");
  const auto sums = lines("sums.ndjson");
  EXPECT_THAT(sums, SizeIs(3));  // 50 items in windows of 20
  std::uint64_t items = 0;
  for (const Json& sum : sums) items += sum["size"].count();
  EXPECT_EQ(items, 50u);
}

TEST_F(GraphFileRun, AnItemThatFailsCostsItself) {
  const Ended ended = run(R"graph(
nodes:
  made: {type: generate, records: 1000}
  break: {type: jq, inputs: made, program: 'if .number % 100 == 0 then error("no \(.number)") else . end'}
  out: {type: ndjson, inputs: break, path: out.ndjson}
)graph");
  ASSERT_THAT(ended, ExitsWith(1));
  EXPECT_THAT(lines("out.ndjson"), SizeIs(990));
  EXPECT_EQ(stage("break")["failed"].count(), 10u);
  EXPECT_EQ(report().json()["errors_total"].count(), 10u);
  EXPECT_THAT(read("report.json"), AllOf(HasSubstr("\"stage\":\"break\""), HasSubstr("no 500")));
}

TEST_F(GraphFileRun, SendsBatchesToAnyEndpoint) {
  std::mutex mutex;
  std::set<std::string> taken;
  std::size_t largest = 0;
  LoopbackServer server([&](const ReceivedRequest& request) {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(request.header("Authorization"), "Bearer topsecret");
    const Json body = Json::parse(request.body);
    largest = std::max(largest, body.items().size());
    for (const Json& item : body.items()) {
      if (item["number"].count() == 17) return Reply::json("{\"error\":\"17\"}").with_status(422);
    }
    for (const Json& item : body.items()) taken.insert(item["id"].text());
    return Reply::json("{}");
  });
  environment_["TOKEN"] = "topsecret";
  const Ended ended =
      run("nodes:\n  made: {type: generate, records: 200}\n"
          "  some: {type: batch, inputs: made, records: 16, age: 60s}\n"
          "  out: {type: http, inputs: some, url: \"" +
          server.url("/items") + "\", headers: {Authorization: \"Bearer ${secret:TOKEN}\"}}\n");
  ASSERT_THAT(ended, ExitsWith(1));
  EXPECT_EQ(taken.size(), 199u);
  EXPECT_EQ(largest, 16u);
  EXPECT_EQ(report().total("rejected"), 1u);
  EXPECT_THAT(read("report.json") + ended.err, Not(HasSubstr("topsecret")));
}

TEST_F(GraphFileRun, AStopSettlesWhatIsOnItsWay) {
  write("graph.yml", R"(
nodes:
  made: {type: generate, records: 100000, latency: 20ms}
  out: {type: ndjson, inputs: made, path: out.ndjson}
)");
  Process process(command({"run", "graph.yml", "--progress", "json", "--report", "report.json"}));
  ASSERT_TRUE(eventually([&] { return process.err().find("\"phase\":\"reading\"") != std::string::npos; }));
  process.send(SIGINT);
  const Ended ended = process.wait();
  EXPECT_EQ(ended.exit_code, 130);
  EXPECT_FALSE(exists("out.ndjson"));
  EXPECT_EQ(lines("out.ndjson.partial").size(), report().total("updated"));
}

TEST_F(GraphFileRun, SomebodyLooksIn) {
  environment_["XDG_RUNTIME_DIR"] = path("runtime").string();
  std::filesystem::create_directories(path("runtime"));
  write("graph.yml", R"(
nodes:
  made: {type: generate, records: 1000000, latency: 10ms}
  odd: {type: filter, inputs: made, where: .number % 2 == 1}
  out: {type: "null", inputs: odd}
)");
  Process process(command({"run", "graph.yml", "--progress", "none"}));
  Ended tapped;
  ASSERT_TRUE(eventually([&] {
    tapped = riptide({"tap", "odd", "--count", "3"});
    return tapped.exit_code == 0 && !tapped.out.empty();
  }));
  std::size_t items = 0;
  for (std::size_t at = tapped.out.find("\"item\":{\"id\":"); at != std::string::npos;
       at = tapped.out.find("\"item\":{\"id\":", at + 1))
    ++items;
  EXPECT_EQ(items, 3u);
  EXPECT_THAT(riptide({"tap", "nope"}).err, AllOf(HasSubstr("nope"), HasSubstr("odd")));
  process.send(SIGINT);
  EXPECT_EQ(process.wait().exit_code, 130);
  EXPECT_EQ(riptide({"tap", "odd"}).exit_code, 2);
}

TEST_F(GraphFileRun, TestsAGraph) {
  write("graph.yml", R"(
nodes:
  octopus: {type: octopus}
  map:
    type: mapping
    inputs: octopus
    inline:
      resources:
        - kind: machine
          selector: {query: "true"}
          port:
            entity:
              mappings: {identifier: .Id, blueprint: '"machine"', properties: {env: .Env}}
  prod: {type: filter, inputs: map, where: .properties.env | test("^prod")}
  out: {type: sqlite, inputs: prod, path: never.db, reconcile: all}
)");
  write("graph_test.yml", R"(
graph: graph.yml
tests:
  - name: only production
    given:
      octopus:
        machine: [{Id: m-1, Env: prod-eu}, {Id: m-2, Env: test}]
    expect:
      items:
        out: [{identifier: m-1, properties: {env: prod-eu}}]
      counts: {map: 2}
  - name: without an environment it fails
    given: {octopus: {machine: [{Id: m-3}]}}
    expect:
      counts: {out: 0}
      errors: [{node: prod, message: cannot be matched}]
)");
  environment_["OCEAN__INTEGRATION__CONFIG__SERVER_URL"] = "http://localhost:1";
  environment_["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "API-X";
  const Ended good = riptide({"test", "graph_test.yml", "--junit", "junit.xml"});
  ASSERT_THAT(good, ExitsWith(0)) << good;
  EXPECT_THAT(good.err, AllOf(HasSubstr("ok      only production"), HasSubstr("2 tests, 0 failed")));
  EXPECT_THAT(read("junit.xml"), HasSubstr("tests=\"2\" failures=\"0\""));
  EXPECT_FALSE(exists("never.db"));

  write("bad_test.yml", R"(
graph: graph.yml
tests:
  - name: wrong
    given: {octopus: {machine: [{Id: m-1, Env: prod}]}}
    expect:
      items: {out: [{identifier: m-2}]}
      counts: {nope: 1}
  - name: also wrong
    given: {octopus: {machine: [{Id: m-1, Env: prod}]}}
    expect: {items: {out: [{identifier: m-2}]}}
)");
  const Ended bad = riptide({"test", "bad_test.yml"});
  EXPECT_THAT(bad, ExitsWith(1));
  EXPECT_THAT(bad.err, AllOf(HasSubstr("'nope', which is no node"), HasSubstr("expected \"m-2\", got \"m-1\""),
                             HasSubstr("not expected: {\"identifier\":\"m-1\""), HasSubstr("2 tests, 2 failed")));
}

TEST_F(GraphFileRun, DrawsAGraphFileWithoutContactingAnybody) {
  write("graph.yml", R"(
nodes:
  octopus: {type: octopus}
  map: {type: mapping, inputs: octopus}
  prod: {type: filter, inputs: map, where: .properties.env == "prod"}
  out: {type: sqlite, inputs: prod, path: out.db}
)");
  for (const std::string format : {"dot", "mermaid", "svg", "json"}) {
    const Ended drawn = riptide({"graph", "graph.yml", "--format", format});
    ASSERT_THAT(drawn, ExitsWith(0)) << drawn;
    EXPECT_THAT(drawn.out, AllOf(HasSubstr("prod"), HasSubstr("octopus")));
  }
  EXPECT_FALSE(exists("out.db"));
}

TEST_F(GraphFileRun, RemembersNothingWhereStateCannotBeWritten) {
  write("in the way", "");
  environment_["XDG_STATE_HOME"] = path("in the way").string();
  const Ended ended =
      run("nodes:\n  made: {type: generate, records: 5}\n  out: {type: ndjson, inputs: made, path: out}\n");
  EXPECT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(ended.err, HasSubstr("remembers nothing"));
  EXPECT_THAT(lines("out"), SizeIs(5));
}

TEST_F(GraphFileRun, WritesAPage) {
  write("graph.yml", "nodes:\n  made: {type: generate, records: 50}\n  out: {type: \"null\", inputs: made}\n");
  ASSERT_THAT(riptide({"run", "graph.yml", "--progress", "none", "--report", "page.html"}), ExitsWith(0));
  EXPECT_THAT(read("page.html"), AllOf(HasSubstr("<svg"), HasSubstr("made"), HasSubstr("exit code 0")));
}

}  // namespace
}  // namespace riptide::e2e

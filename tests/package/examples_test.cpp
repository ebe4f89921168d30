// The programs of docs/examples, built against the installed library: what they make of files and servers of their own.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "loopback_server.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using loopback::Json;
using loopback::LoopbackServer;
using loopback::ReceivedRequest;
using loopback::Reply;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;

class ExamplesTest : public Workspace {
 protected:
  [[nodiscard]] Ended example(const std::string& name, std::vector<std::string> arguments) const {
    Command started = command(std::move(arguments));
    started.arguments.front() = std::string(RIPTIDE_EXAMPLES) + "/" + name;
    return run(std::move(started));
  }
};

std::string csv(const std::string& prefix, int lines) {
  std::string text = "id,name,owner\n";
  for (int i = 0; i < lines; ++i)
    text += prefix + std::to_string(i) + ",Service " + std::to_string(i) + (i % 10 == 0 ? "\n" : ",team\n");
  return text;
}

TEST_F(ExamplesTest, CsvDirectoryReadsEveryFilePageByPage) {
  std::filesystem::create_directory(path("in"));
  write("in/large.csv", csv("large-", 1234));
  write("in/small.csv", csv("small-", 3));
  write("in/no-records.csv", "id,name,owner\n");
  write("in/notes.txt", "not a table");
  const Ended ended = example("csv_directory", {"in", "out.ndjson"});
  ASSERT_THAT(ended, ExitsWith(0)) << ended;

  const auto lines = lines_of(read("out.ndjson"));
  EXPECT_THAT(lines, SizeIs(1237));
  EXPECT_EQ(
      lines.at({"service", "large-1233"}),
      R"({"blueprint":"service","identifier":"large-1233","properties":{"owner":"team"},"title":"Service 1233"})");
  EXPECT_THAT(lines.at({"service", "small-0"}), HasSubstr(R"("owner":null)"));
  EXPECT_EQ(Report(ended.out).total("read"), 1237u);
}

TEST_F(ExamplesTest, CsvDirectorySaysWhatItCannotList) {
  const Ended ended = example("csv_directory", {"nowhere", "out.ndjson"});
  EXPECT_THAT(ended, ExitsWith(2));
  EXPECT_THAT(ended.err, HasSubstr("nowhere"));
}

TEST_F(ExamplesTest, PagedApiFollowsTheTokens) {
  const LoopbackServer server([](const ReceivedRequest& request) {
    const int page = request.parameter("after") ? std::stoi(*request.parameter("after")) : 0;
    std::string body = R"({"data":[)";
    for (int i = 0; i < 3; ++i)
      body += std::string(i == 0 ? "" : ",") + R"({"id":"thing-)" + std::to_string(page * 3 + i) + R"(","name":"A"})";
    return Reply::json(body + R"(],"next":)" + (page < 9 ? '"' + std::to_string(page + 1) + '"' : "null") + "}");
  });
  const Ended ended = example("paged_api", {server.url("/things"), "out.ndjson"});
  ASSERT_THAT(ended, ExitsWith(0)) << ended;
  EXPECT_THAT(lines_of(read("out.ndjson")), SizeIs(30));
  EXPECT_THAT(server.requests(), SizeIs(10));
}

TEST_F(ExamplesTest, PagedApiThatBreaksOffIsIncomplete) {
  const LoopbackServer server([](const ReceivedRequest& request) {
    return request.parameter("after") ? Reply::text(403, "no") : Reply::json(R"({"data":[{"id":"a"}],"next":"b"})");
  });
  const Ended ended = example("paged_api", {server.url("/things"), "out.ndjson"});
  EXPECT_THAT(ended, ExitsWith(3)) << ended;
  EXPECT_FALSE(exists("out.ndjson"));
}

TEST_F(ExamplesTest, EnrichFromSqliteSetsOwners) {
  write("services.csv", "a,Alpha\nb,Beta\nc,Gamma\n");
  {
    const Database owners(path("owners.db"));
    owners.execute("CREATE TABLE owners(service TEXT, owner TEXT)");
    owners.execute("INSERT INTO owners VALUES('a', 'team \"one\"'), ('c', 'three')");
  }
  const Ended ended = example("enrich_from_sqlite", {"services.csv", "owners.db", "out.ndjson"});
  ASSERT_THAT(ended, ExitsWith(0)) << ended;
  const auto lines = lines_of(read("out.ndjson"));
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(Json::parse(lines.at({"service", "a"}))["properties"]["owner"].text(), "team \"one\"");
  EXPECT_EQ(Json::parse(lines.at({"service", "c"}))["properties"]["owner"].text(), "three");
  EXPECT_THAT(lines.at({"service", "b"}), ::testing::Not(HasSubstr("owner")));
}

TEST_F(ExamplesTest, EnrichFromSqliteCountsWhatItCannotLookUp) {
  write("services.csv", "a,Alpha\nb,Beta\n");
  const Ended ended = example("enrich_from_sqlite", {"services.csv", "nowhere.db", "out.ndjson"});
  EXPECT_THAT(ended, ExitsWith(1)) << ended;
  EXPECT_THAT(ended.out, HasSubstr("\"stage\":\"owner\""));
}

TEST_F(ExamplesTest, HttpSinkSendsBatchesOfItsOwnFormat) {
  const LoopbackServer server([](const ReceivedRequest& request) {
    // The entity in question is refused; every batch of more than fifty is too large.
    const auto entities = Json::parse(request.body)["upsert"].items();
    if (entities.size() > 50) return Reply::text(413);
    std::string failed;
    for (std::size_t i = 0; i < entities.size(); ++i)
      if (entities[i]["identifier"].text() == "service-7")
        failed = R"({"index":)" + std::to_string(i) + R"(,"why":"not this one"})";
    return Reply::json(R"({"failed":[)" + failed + "]}");
  });
  const Ended ended = example("http_sink", {server.url("/bulk"), "1030"});
  ASSERT_THAT(ended, ExitsWith(1)) << ended;
  EXPECT_THAT(ended.out, HasSubstr("not this one"));
  const Report report(ended.out);
  EXPECT_EQ(report.total("updated"), 1029u);
  EXPECT_EQ(report.total("rejected"), 1u);

  std::size_t taken = 0;
  for (const ReceivedRequest& request : server.requests()) {
    const std::size_t entities = Json::parse(request.body)["upsert"].items().size();
    EXPECT_LE(entities, 100u);
    if (entities <= 50) taken += entities;
  }
  EXPECT_EQ(taken, 1030u);
}

TEST_F(ExamplesTest, TwoCataloguesFromOneRead) {
  simulator::OctopusOptions options;
  options.spaces = 3;
  options.total_records = 400;
  options.kinds = {{.name = "machine"}};
  options.api_key = "API-KEY";
  const auto server = serve(options);
  const Ended ended = example("two_catalogues", {server->url(), "API-KEY", "all.db", "healthy.ndjson"});
  ASSERT_THAT(ended, ExitsWith(0)) << ended;

  const Database all(path("all.db"));
  EXPECT_EQ(all.value("SELECT count(*) FROM entities WHERE kind = 'machine'"), "400");
  EXPECT_EQ(all.value("SELECT count(*) FROM entities WHERE kind = 'space'"), "3");
  const auto healthy = lines_of(read("healthy.ndjson"));
  EXPECT_EQ(all.value("SELECT count(*) FROM entities WHERE json_extract(properties, '$.healthy') = 1"),
            std::to_string(healthy.size()));
  EXPECT_THAT(healthy.size(), AllOf(::testing::Gt(0u), Le(400u)));
  // The next run finds all of it unchanged, and removes what the source does not have.
  all.execute(
      "INSERT INTO entities SELECT integration, kind, scope, blueprint, 'gone', title, icon, team, properties, "
      "relations, run_id, first_seen, updated_at FROM entities WHERE kind = 'machine' LIMIT 1");
  const Ended again = example("two_catalogues", {server->url(), "API-KEY", "all.db", "healthy.ndjson"});
  ASSERT_THAT(again, ExitsWith(0)) << again;
  EXPECT_EQ(Report(again.out).total("unchanged"), 403u);
  EXPECT_EQ(all.value("SELECT count(*) FROM entities WHERE identifier = 'gone'"), "0");
}

TEST_F(ExamplesTest, BenchmarkPrintsWhatItPasses) {
  const Ended ended = example("benchmark", {"20000", "2"});
  ASSERT_THAT(ended, ExitsWith(0)) << ended;
  EXPECT_THAT(ended.out, ::testing::ContainsRegex("^20000 records in .* records/s"));
  RecordProperty("benchmark", ended.out);
}

// What the guide promises of a source, stage, sink or paginator of one's own.
TEST(ExampleSources, ClassesTakeLessThanFortyLines) {
  for (const std::string name : {"csv_directory", "paged_api", "enrich_from_sqlite", "http_sink", "benchmark"}) {
    std::ifstream file(std::string(RIPTIDE_EXAMPLE_SOURCES) + "/" + name + ".cpp");
    int begun = 0;
    int number = 0;
    int classes = 0;
    for (std::string line; std::getline(file, line); ++number) {
      if (line.starts_with("class ")) begun = number;
      if (line != "};") continue;
      ++classes;
      EXPECT_LT(number - begun + 1, 40) << name << ", line " << begun + 1;
    }
    EXPECT_GT(classes, 0) << name;
  }
}

}  // namespace
}  // namespace riptide::e2e

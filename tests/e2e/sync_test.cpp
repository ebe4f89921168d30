// One resync into every local sink: what arrives, what a second run finds, what goes.
#include <fcntl.h>

#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::HasSubstr;

class SyncTest : public Workspace {
 protected:
  void start(simulator::OctopusOptions options) {
    options.api_key = "API-KEY";
    server_ = serve(std::move(options));
    point_at(server_->url());
  }

  // Everything that the default mapping makes of the server, as canonical JSON.
  [[nodiscard]] std::map<Identity, std::string> expected() const {
    std::map<Identity, std::string> all;
    for (const std::string& space : server_->spaces()) {
      all[{blueprint_of("space"), space}] = expected_entity(*server_, space, "space", space);
      for (const char* const kind : {"project", "release", "deployment", "machine"}) {
        for (const std::string& id : server_->ids(space, kind)) {
          all[{blueprint_of(kind), id}] = expected_entity(*server_, space, kind, id);
        }
      }
    }
    return all;
  }

  std::unique_ptr<simulator::OctopusServer> server_;
};

TEST_F(SyncTest, SqliteHoldsWhatTheServerLists) {
  start({.spaces = 5, .total_records = 1500, .skew = 1});
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  EXPECT_EQ(identities(path("all.db")), listed(*server_));
  const Report first = report();
  EXPECT_EQ(first.total("read"), 1505u);
  EXPECT_EQ(first.total("created"), 1505u);
  EXPECT_EQ(first.json()["kinds"].items().size(), 5u);
  EXPECT_EQ(first.json()["kinds"][1]["scopes_closed"].count(), 5u);
  EXPECT_EQ(first.json()["hosts"][0]["retries"].count(), 0u);
  EXPECT_EQ(first.json()["sinks"][0]["sink"].text(), "sqlite:all.db");

  const Database database(path("all.db"));
  const std::string run = first.json()["run_id"].text();
  EXPECT_EQ(database.value("select count(distinct run_id) from entities where run_id = '" + run + "'"), "1");
  EXPECT_EQ(database.value("select count(*) from entities where integration <> 'my-octopus-integration'"), "0");
  EXPECT_EQ(database.value("select count(*) from entities where kind = 'machine' and scope not like 'Spaces-%'"), "0");
  EXPECT_EQ(database.value("select count(*) from octopusMachine"), std::to_string(server_->total("machine")));
  EXPECT_EQ(database.value("select count(*) from octopusRelease r join octopusProject p on r.project = p.identifier"),
            std::to_string(server_->total("release")))
      << "the views have a column a relation";
  const std::string space = server_->spaces()[0];
  const std::string machine = server_->ids(space, "machine")[0];
  const Json entity = Json::parse(expected_entity(*server_, space, "machine", machine));
  const auto row =
      database.rows("select title, status, url, space from octopusMachine where identifier = '" + machine + "'")[0];
  EXPECT_EQ(row[0], entity["title"].text());
  EXPECT_EQ(row[1], entity["properties"]["status"].text());
  EXPECT_EQ(row[2], entity["properties"]["url"].text());
  EXPECT_EQ(row[3], space);
}

TEST_F(SyncTest, ASecondRunFindsUnchangedAndTouchesOnlyWhatChanged) {
  start({.spaces = 3, .total_records = 600});
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  const std::string first_run = report().json()["run_id"].text();
  const auto before = contents_of(path("all.db"));
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  EXPECT_EQ(report().total("unchanged"), 603u);
  EXPECT_EQ(report().total("created") + report().total("updated") + report().total("deleted"), 0u);
  EXPECT_EQ(contents_of(path("all.db")), before);

  const std::string space = server_->spaces()[1];
  const std::string changed = server_->ids(space, "release")[0];
  const std::string gone = server_->ids(space, "machine")[0];
  ASSERT_TRUE(server_->update(space, "release", changed));
  ASSERT_TRUE(server_->remove(space, "machine", gone));
  const auto made = server_->create(space, "project");
  ASSERT_TRUE(made);
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  const Report third = report();
  EXPECT_EQ(third.of("release", "updated"), 1u);
  EXPECT_EQ(third.of("project", "created"), 1u);
  EXPECT_EQ(third.of("machine", "deleted"), 1u);
  EXPECT_EQ(third.total("unchanged"), 603u - 2u);
  EXPECT_EQ(identities(path("all.db")), listed(*server_));
  const Database database(path("all.db"));
  EXPECT_EQ(database.value("select count(*) from entities where run_id = '" + first_run + "'"), "601")
      << "an unchanged row is not rewritten";
}

TEST_F(SyncTest, NdjsonIsTheEntityThatPortWouldGet) {
  start({.spaces = 2, .total_records = 300});
  ASSERT_THAT(sync({"--sink", "ndjson:all.ndjson"}), ExitsWith(0));
  EXPECT_EQ(lines_of(read("all.ndjson")), expected());
  EXPECT_FALSE(exists("all.ndjson.partial"));
}

TEST_F(SyncTest, NdjsonToStdoutIsDataAndNothingElse) {
  start({.spaces = 2, .total_records = 300});
  const Ended ended = sync({"--sink", "ndjson:-"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_EQ(lines_of(ended.out), expected());
}

TEST_F(SyncTest, NullTakesEverything) {
  start({.spaces = 2, .total_records = 300});
  ASSERT_THAT(sync({"--sink", "null"}), ExitsWith(0));
  EXPECT_EQ(report().total("read"), 302u);
  EXPECT_EQ(report().total("updated"), 302u);
}

TEST_F(SyncTest, SeveralSinksShareOneReading) {
  start({.spaces = 3, .total_records = 500});
  ASSERT_THAT(sync({"--sink", "sqlite:a.db", "--sink", "ndjson:b.ndjson", "--sink", "null"}), ExitsWith(0));
  EXPECT_EQ(identities(path("a.db")), listed(*server_));
  EXPECT_EQ(keys_of(lines_of(read("b.ndjson"))), listed(*server_));
  EXPECT_EQ(report().json()["sinks"].items().size(), 3u);
  for (std::size_t sink = 0; sink < 3; ++sink) EXPECT_EQ(report().total("read", sink), 503u) << sink;
  EXPECT_EQ(server_->stats().by_status.at(200), report().json()["hosts"][0]["requests"].count());
}

TEST_F(SyncTest, WithoutAFlagItIsTheEmbeddedCatalogue) {
  start({.spaces = 1, .total_records = 20});
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(identities(path("riptide.db")), listed(*server_));
}

TEST_F(SyncTest, NoDeleteKeepsAndSaysSo) {
  start({.spaces = 2, .total_records = 200});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  const std::string gone = server_->ids(space, "machine")[0];
  ASSERT_TRUE(server_->remove(space, "machine", gone));
  const Ended kept = sync({"--no-delete"});
  ASSERT_THAT(kept, ExitsWith(0));
  EXPECT_THAT(kept.err, HasSubstr("--no-delete"));
  EXPECT_TRUE(identities(path("riptide.db")).contains({blueprint_of("machine"), gone}));
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(report().of("machine", "deleted"), 1u);
  EXPECT_EQ(identities(path("riptide.db")), listed(*server_));
}

TEST_F(SyncTest, KindReadsAndDeletesOnlyThatKind) {
  start({.spaces = 2, .total_records = 200});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  const std::string machine = server_->ids(space, "machine")[0];
  const std::string project = server_->ids(space, "project")[0];
  ASSERT_TRUE(server_->remove(space, "machine", machine));
  ASSERT_TRUE(server_->remove(space, "project", project));
  ASSERT_THAT(sync({"--kind", "machine"}), ExitsWith(0));
  EXPECT_EQ(report().of("machine", "deleted"), 1u);
  EXPECT_EQ(report().total("read"), server_->total("machine"));
  const auto left = identities(path("riptide.db"));
  EXPECT_FALSE(left.contains({blueprint_of("machine"), machine}));
  EXPECT_TRUE(left.contains({blueprint_of("project"), project}));
  ASSERT_THAT(sync({"--kind", "project", "--kind", "space"}), ExitsWith(0));
  EXPECT_EQ(identities(path("riptide.db")), listed(*server_));
}

TEST_F(SyncTest, AnotherIntegrationsRowsAreLeftAlone) {
  start({.spaces = 2, .total_records = 100});
  environment_["OCEAN__INTEGRATION__IDENTIFIER"] = "first";
  ASSERT_THAT(sync({}), ExitsWith(0));
  environment_["OCEAN__INTEGRATION__IDENTIFIER"] = "second";
  write("mapping.yaml", small_mapping({"machine"}));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  const Database database(path("riptide.db"));
  EXPECT_EQ(database.value("select count(*) from entities where integration = 'first'"), "102");
  EXPECT_EQ(database.value("select count(*) from entities where integration = 'second'"),
            std::to_string(server_->total("machine")));
}

TEST_F(SyncTest, AboveTheThresholdNothingGoesAndTheNumbersAreSaid) {
  start({.spaces = 2, .total_records = 0, .kinds = only("machine", {50, 50})});
  write("mapping.yaml", "entityDeletionThreshold: 0.3\n" + small_mapping({"machine"}));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(server_->remove(space, "machine", server_->ids(space, "machine")[0]));
  const Ended guarded = sync({"--mapping", "mapping.yaml", "--sink", "sqlite:riptide.db", "--sink", "ndjson:b.ndjson"});
  ASSERT_THAT(guarded, ExitsWith(5));
  EXPECT_EQ(identities(path("riptide.db")).size(), 100u);
  EXPECT_THAT(guarded.err, HasSubstr("40 of 100")) << "the numbers";
  EXPECT_THAT(guarded.err, HasSubstr("0.3"));
  EXPECT_THAT(guarded.err, HasSubstr("octopusMachine/Machines-")) << "examples of what would have gone";
  EXPECT_EQ(report().total("deleted"), 0u);
  EXPECT_FALSE(exists("b.ndjson")) << "a file appears on 0 and 1 only";
  EXPECT_TRUE(exists("b.ndjson.partial"));
  EXPECT_THAT(guarded.err, HasSubstr("b.ndjson.partial"));

  write("mapping.yaml", "entityDeletionThreshold: 0.4\n" + small_mapping({"machine"}));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 40u) << "exactly at the threshold is allowed";
}

TEST_F(SyncTest, TheNewest150DeploymentsOfASpaceAreTheDefault) {
  start({.spaces = 2, .total_records = 0, .kinds = only("deployment", {400, 30})});
  environment_.erase("OCEAN__INTEGRATION__CONFIG__DEPLOYMENT_LIMIT");
  write("mapping.yaml", small_mapping({"deployment"}));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml", "--sink", "ndjson:some.ndjson"}), ExitsWith(0));
  std::set<Identity> newest;
  for (const std::string& space : server_->spaces()) {
    auto ids = server_->ids(space, "deployment");
    if (ids.size() > 150) ids.resize(150);
    for (const std::string& id : ids) newest.emplace(blueprint_of("deployment"), id);
  }
  EXPECT_EQ(keys_of(lines_of(read("some.ndjson"))), newest);
  EXPECT_EQ(report().json()["kinds"][0]["scopes_open"].count(), 0u) << "a capped scope is closed";
  environment_["OCEAN__INTEGRATION__CONFIG__DEPLOYMENT_LIMIT"] = "0";
  ASSERT_THAT(sync({"--mapping", "mapping.yaml", "--sink", "ndjson:all.ndjson"}), ExitsWith(0));
  EXPECT_EQ(lines_of(read("all.ndjson")).size(), 430u);
}

TEST_F(SyncTest, ConfigurationComesFromFilesToo) {
  start({.spaces = 1, .total_records = 20});
  const std::string url = server_->url();
  for (auto variable = environment_.begin(); variable != environment_.end();) {
    variable = variable->first.starts_with("OCEAN__") ? environment_.erase(variable) : std::next(variable);
  }
  write("config.yaml", "integration:\n  type: octopus\n  identifier: from-file\n  config:\n    serverUrl: '" + url +
                           "'\n    octopusApiKey: '{{ from env THE_KEY }}'\n");
  write(".env", "THE_KEY=API-KEY\n");
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(Database(path("riptide.db")).value("select distinct integration from entities"), "from-file");
}

TEST_F(SyncTest, AProgressDisplayIsForPeopleOrMachines) {
  start({.spaces = 2, .total_records = 100});
  for (const char* const how : {"auto", "log", "json", "tty", "none"}) {
    const Ended ended = riptide({"sync", "--progress", how, "--sink", "null"});
    EXPECT_THAT(ended, ExitsWith(0)) << how;
    EXPECT_EQ(ended.out, "") << how;
  }
  const Ended json = riptide({"sync", "--progress", "none", "--log-format", "json", "--sink", "null"});
  ASSERT_THAT(json, ExitsWith(0));
  EXPECT_THAT(json.err, HasSubstr("\"level\":\"INFO\""));
}

TEST_F(SyncTest, AReaderThatGoesAwayIsASinkThatFailed) {
  start({.spaces = 3, .total_records = 3000});
  Command shell = command({});
  shell.arguments = {"/bin/sh", "-c",
                     "{ '" + riptide_path() + "' sync --progress none --sink ndjson:-; echo $? >code; } | head -n 1"};
  const Ended ended = run(std::move(shell));
  EXPECT_EQ(read("code"), "4\n") << ended.err;
  EXPECT_EQ(ended.last_line().find(riptide_path()), 0u) << ended.err;
}

}  // namespace
}  // namespace riptide::e2e

// What sync would do to local targets: said before, and nothing written.
#include <random>

#include "planned.hpp"
#include "seed.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using simulator::Fault;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class PlanTest : public Workspace {
 protected:
  void start(simulator::OctopusOptions options) {
    server_ = serve(std::move(options));
    point_at(server_->url());
  }
  [[nodiscard]] Ended plan(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"plan", "--progress", "none"});
    return riptide(std::move(arguments));
  }
  // Names and sizes of all that lies in the workspace.
  [[nodiscard]] std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
      if (entry.is_regular_file())
        all[entry.path().string()] = read(entry.path().lexically_relative(directory_).string());
    }
    return all;
  }
  // Changes the source here and there; about as much of each.
  void shake(std::mt19937_64& random) {
    const std::vector<std::string> spaces = server_->spaces();
    const int changes = static_cast<int>(random() % 12);
    for (int i = 0; i < changes; ++i) {
      const std::string& space = spaces[random() % spaces.size()];
      const char* const kinds[] = {"project", "release", "deployment", "machine"};
      const std::string kind = kinds[random() % 4];
      const auto ids = server_->ids(space, kind);
      switch (random() % 4) {
        case 0:
          server_->create(space, kind);
          break;
        case 1:
          if (!ids.empty()) server_->remove(space, kind, ids[random() % ids.size()]);
          break;
        default:
          if (!ids.empty()) server_->update(space, kind, ids[random() % ids.size()]);
      }
    }
    if (random() % 6 == 0) server_->create(spaces[0], "space");
    if (random() % 6 == 0 && spaces.size() > 2) server_->remove(spaces.back(), "space", spaces.back());
  }

  std::unique_ptr<simulator::OctopusServer> server_;
};

TEST_F(PlanTest, AFileThatIsNotThereIsAnEmptyCatalogueAndIsNotMade) {
  start({.spaces = 2, .total_records = 100});
  const auto before = files();
  const Ended ended = plan({"--sink", "sqlite:all.db"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_EQ(files(), before) << "not even what is remembered between runs";
  const Planned planned(ended.out);
  EXPECT_EQ(planned.of("create"), listed(*server_));
  EXPECT_EQ(planned.count("read"), 102u);
  EXPECT_EQ(planned.json()["integration"].text(), "my-octopus-integration");
  EXPECT_TRUE(planned.json()["target"].text().ends_with("/all.db"));
  EXPECT_THAT(ended.err, HasSubstr("102 to create, 0 to update, 0 to delete, 0 unchanged; nothing was written"));
  EXPECT_FALSE(planned.json()["changes"][0].find("fields")) << "only with --diff fields";
}

TEST_F(PlanTest, WhatIsWrittenAnewIsAllCreated) {
  start({.spaces = 2, .total_records = 50});
  for (const char* const sink : {"ndjson:all.ndjson", "ndjson:-", "null"}) {
    const Ended ended = plan({"--sink", sink});
    ASSERT_THAT(ended, ExitsWith(0)) << sink;
    EXPECT_EQ(Planned(ended.out).of("create"), listed(*server_)) << sink;
  }
  EXPECT_FALSE(exists("all.ndjson") || exists("all.ndjson.partial"));
}

TEST_F(PlanTest, SaysWhatSyncThenDoes) {
  const std::uint64_t seed = seed_of_this_run();
  std::mt19937_64 random(seed);
  start({.spaces = 4, .total_records = 300, .seed = seed});
  const int rounds = soak() ? 60 : 8;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    const auto before = exists("all.db") ? contents_of(path("all.db")) : std::map<Identity, std::string>();
    const auto files_before = files();
    const Ended planned = plan({"--sink", "sqlite:all.db", "--max-delete", "100%"});
    ASSERT_THAT(planned, ExitsWith(0));
    ASSERT_EQ(files(), files_before) << "byte for byte";
    ASSERT_THAT(sync({"--sink", "sqlite:all.db", "--max-delete", "100%"}), ExitsWith(0));
    expect_done(Planned(planned.out), before, contents_of(path("all.db")), report());
    shake(random);
  }
}

TEST_F(PlanTest, FieldsAreShownBeforeAndAfter) {
  start({.spaces = 2, .total_records = 100});
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  const std::string release = server_->ids(space, "release")[0];
  const std::string machine = server_->ids(space, "machine")[0];
  const std::string old_notes = Json::parse(expected_entity(*server_, space, "release", release)).dump();
  ASSERT_TRUE(server_->update(space, "release", release));
  Database(path("all.db"))
      .execute(
          "update entities set title = 'other', scope = 'Spaces-99', properties = json_remove(properties, '$.status') "
          "where identifier = '" +
          machine + "'");
  const auto made = server_->create(space, "project");
  ASSERT_TRUE(made);
  const Ended ended = plan({"--sink", "sqlite:all.db", "--diff", "fields"});
  ASSERT_THAT(ended, ExitsWith(0));
  const Planned planned(ended.out);
  EXPECT_EQ(planned.of("update"),
            (std::set<Identity>{{blueprint_of("release"), release}, {blueprint_of("machine"), machine}}));

  std::map<std::string, Json> fields;
  for (const Json& field : planned.change({blueprint_of("machine"), machine})["fields"].items()) {
    fields.emplace(field["field"].text(), field);
  }
  const Json entity = Json::parse(expected_entity(*server_, space, "machine", machine));
  EXPECT_THAT(keys_of(fields), UnorderedElementsAre("title", "scope", "properties.status"));
  EXPECT_EQ(fields.at("title")["before"].text(), "other");
  EXPECT_EQ(fields.at("title")["after"].text(), entity["title"].text());
  EXPECT_EQ(fields.at("scope")["before"].text(), "Spaces-99");
  EXPECT_EQ(fields.at("scope")["after"].text(), space);
  EXPECT_FALSE(fields.at("properties.status").find("before"));
  EXPECT_EQ(fields.at("properties.status")["after"].dump(), entity["properties"]["status"].dump());

  const auto release_fields = planned.change({blueprint_of("release"), release})["fields"].items();
  ASSERT_EQ(release_fields.size(), 1u);
  EXPECT_NE(release_fields[0]["before"].dump(), release_fields[0]["after"].dump());
  EXPECT_THAT(old_notes, HasSubstr(release_fields[0]["before"].dump()));

  const Json created = planned.change({blueprint_of("project"), *made});
  EXPECT_EQ(created["action"].text(), "create");
  for (const Json& field : created["fields"].items()) EXPECT_FALSE(field.find("before")) << field.dump();
  EXPECT_GT(created["fields"].items().size(), 3u);
}

TEST_F(PlanTest, AGuardIsInTheObjectAndNotInTheCode) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {40})});
  write("mapping.yaml", "entityDeletionThreshold: 0.1\n" + small_mapping({"machine"}));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  std::set<Identity> gone;
  for (int i = 0; i < 12; ++i) {
    gone.insert({blueprint_of("machine"), server_->ids(space, "machine")[0]});
    ASSERT_TRUE(server_->remove(space, "machine", server_->ids(space, "machine")[0]));
  }
  const Ended ended = plan({"--mapping", "mapping.yaml"});
  ASSERT_THAT(ended, ExitsWith(0));
  const Planned planned(ended.out);
  EXPECT_EQ(planned.of("delete"), gone);
  EXPECT_EQ(planned.count("deleted"), 0u);
  const Json guard = planned.json()["guard"];
  EXPECT_TRUE(guard["would_trip"].truth());
  EXPECT_EQ(guard["rule"].text(), "deletion_threshold");
  EXPECT_EQ(guard["stale"].count(), 12u);
  EXPECT_EQ(guard["owned"].count(), 40u);
  EXPECT_EQ(guard["examples"].items().size(), 10u);
  EXPECT_THAT(ended.err, HasSubstr("a guard would stop the deletion: 12 of 40 owned entities"));
  EXPECT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(5)) << "as it said";

  write("mapping.yaml", small_mapping({"machine"}));
  const Ended limited = plan({"--mapping", "mapping.yaml", "--max-delete", "11"});
  EXPECT_EQ(Planned(limited.out).json()["guard"]["rule"].text(), "max_delete");
  const Planned kept(plan({"--mapping", "mapping.yaml", "--no-delete"}).out);
  EXPECT_EQ(kept.of("delete").size(), 0u);
  EXPECT_EQ(kept.json()["deletion"].text(), "--no-delete");
  EXPECT_FALSE(kept.json()["guard"]["would_trip"].truth());
}

TEST_F(PlanTest, WhatIsCreatedCountsForTheGuardAsItDoesInASync) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {40})});
  write("mapping.yaml", "entityDeletionThreshold: 0.2\n" + small_mapping({"machine"}));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  // 10 of 40 would be too many, 10 of 50 are not.
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(server_->remove(space, "machine", server_->ids(space, "machine")[0]));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(server_->create(space, "machine"));
  const Planned planned(plan({"--mapping", "mapping.yaml"}).out);
  EXPECT_FALSE(planned.json()["guard"]["would_trip"].truth());
  EXPECT_EQ(planned.json()["guard"]["owned"].count(), 50u);
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 10u);
}

TEST_F(PlanTest, AnIncompleteSourceIsCode3AndShowsWhatItKnows) {
  simulator::OctopusOptions options{.spaces = 3, .total_records = 100};
  start(options);
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::vector<std::string> spaces = server_->spaces();
  options.faults.rules = {{.target = "/" + spaces[1] + "/machines", .fault = Fault::kStatus, .status = 403}};
  start(options);
  const std::string gone = server_->ids(spaces[0], "project")[0];
  ASSERT_TRUE(server_->remove(spaces[0], "project", gone));
  const Ended all = plan({"--out", "plan.json"});
  ASSERT_THAT(all, ExitsWith(3));
  EXPECT_EQ(Planned(all.out).json()["deletion"].text(), "a scope could not be read to its end");
  EXPECT_EQ(Planned(all.out).json()["scopes_open"].count(), 1u);
  EXPECT_FALSE(exists("plan.json")) << "half a plan is none";
  EXPECT_EQ(all.last_line().find(riptide_path()), 0u) << all.err;
  const Ended closed = plan({"--delete-scope", "closed"});
  ASSERT_THAT(closed, ExitsWith(3));
  EXPECT_EQ(Planned(closed.out).of("delete"), (std::set<Identity>{{blueprint_of("project"), gone}}));
}

TEST_F(PlanTest, RecordsThatAreInvalidAreCountedAndAreNoFailure) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {20})});
  write("mapping.yaml", small_mapping({"machine"}, "(if .Id | endswith(\"0\") then null else .Id end)"));
  const Ended ended = plan({"--mapping", "mapping.yaml"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_GT(Planned(ended.out).count("invalid"), 0u);
}

TEST_F(PlanTest, WhatSeveralBlocksMakeIsPlannedOnceForEach) {
  start({.spaces = 2, .total_records = 0, .kinds = only("machine", {20, 20})});
  std::string twice = small_mapping({"machine", "machine"});
  write("mapping.yaml", twice);
  const Ended ended = plan({"--mapping", "mapping.yaml"});
  ASSERT_THAT(ended, ExitsWith(0));
  const Json json = Json::parse(ended.out);
  EXPECT_EQ(json["counts"]["read"].count(), 80u);
  EXPECT_EQ(json["counts"]["created"].count(), 40u);
  EXPECT_EQ(json["counts"]["updated"].count(), 40u);
  std::set<std::string> created;
  for (const Json& change : json["changes"].items()) {
    if (change["action"].text() != "create") continue;
    EXPECT_TRUE(created.insert(change["identifier"].text()).second);
  }
  EXPECT_EQ(created.size(), 40u);
}

TEST_F(PlanTest, WhatIsWrongIsSaidBeforeAnythingIsAsked) {
  start({.spaces = 1, .total_records = 10});
  const std::uint64_t requests = server_->stats().requests;
  EXPECT_THAT(plan({"--sink", "null", "--sink", "sqlite:a.db"}).err, HasSubstr("one --sink"));
  EXPECT_THAT(plan({"--sink", "null", "--sink", "sqlite:a.db"}), ExitsWith(2));
  EXPECT_THAT(plan({"--diff", "lines"}), ExitsWith(2));
  EXPECT_THAT(plan({"--kind", "machin"}), ExitsWith(2));
  write("broken.db", "this is no database, however long it is made to be, and it says so when it is asked.");
  EXPECT_THAT(plan({"--sink", "sqlite:broken.db"}), ExitsWith(2));
  EXPECT_EQ(server_->stats().requests, requests);
}

TEST_F(PlanTest, ACatalogueThatIsBeingWrittenIsReadAsItIs) {
  start({.spaces = 1, .total_records = 30});
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  const Database writer(path("all.db"));
  writer.execute("begin immediate");
  writer.execute("update entities set title = 'meanwhile'");
  const Ended ended = plan({"--sink", "sqlite:all.db"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_EQ(Planned(ended.out).count("unchanged"), 31u);
  writer.execute("commit");
  EXPECT_EQ(Planned(plan({"--sink", "sqlite:all.db"}).out).count("updated"), 31u);
}

}  // namespace
}  // namespace riptide::e2e

// What may be deleted: scopes that are closed, spaces that are gone, guards.
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using simulator::Fault;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DeleteScopeTest : public Workspace {
 protected:
  // The same server with the same records at the same address each time, so that only what a test changes is changed.
  void start(std::vector<simulator::FaultRule> rules, std::size_t spaces = 4) {
    simulator::OctopusOptions options{.spaces = spaces, .total_records = 400};
    options.port = port_;
    options.faults.rules = std::move(rules);
    server_.reset();
    server_ = serve(std::move(options));
    port_ = server_->port();
    point_at(server_->url());
    environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "2";
  }
  // Takes the first record of a kind away from the server, and returns what it was called in the catalogue.
  Identity take_away(const std::string& space, const std::string& kind) {
    const std::string id = server_->ids(space, kind)[0];
    EXPECT_TRUE(server_->remove(space, kind, id));
    return {blueprint_of(kind), id};
  }
  [[nodiscard]] std::set<Identity> held() const { return identities(path("riptide.db")); }

  std::uint16_t port_ = 0;
  std::unique_ptr<simulator::OctopusServer> server_;
};

TEST_F(DeleteScopeTest, ClosedScopesLoseWhatDisappearedAndADeadSpaceKeepsItsOwn) {
  start({});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::vector<std::string> spaces = server_->spaces();
  start({{.target = "/" + spaces[2] + "/", .fault = Fault::kStatus, .status = 403}});
  const Identity open = take_away(spaces[2], "machine");
  const Identity closed = take_away(spaces[0], "machine");
  const Identity another = take_away(spaces[1], "project");

  const Ended all = sync({});
  ASSERT_THAT(all, ExitsWith(3));
  EXPECT_EQ(report().total("deleted"), 0u) << "by default one open scope keeps everything";
  EXPECT_TRUE(held().contains(closed));

  const Ended ended = sync({"--delete-scope", "closed"});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_EQ(report().total("deleted"), 2u);
  EXPECT_EQ(report().of("machine", "deleted"), 1u);
  EXPECT_EQ(report().of("project", "deleted"), 1u);
  EXPECT_TRUE(held().contains(open));
  EXPECT_FALSE(held().contains(closed));
  EXPECT_FALSE(held().contains(another));
  EXPECT_THAT(ended.err, HasSubstr("their scope was not read to its end"));
  EXPECT_EQ(
      Database(path("riptide.db")).value("select count(*) from entities where scope = '" + spaces[2] + "'"),
      std::to_string(server_->ids(spaces[2], "machine").size() + server_->ids(spaces[2], "project").size() +
                     server_->ids(spaces[2], "release").size() + server_->ids(spaces[2], "deployment").size() + 1))
      << "everything of the dead space, the machine that was taken away too";
}

TEST_F(DeleteScopeTest, ADeletedSpaceGoesThoughAnotherIsDead) {
  start({});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::vector<std::string> spaces = server_->spaces();
  start({{.target = "/" + spaces[3] + "/releases", .fault = Fault::kStatus, .status = 403}});
  ASSERT_TRUE(server_->remove(spaces[1], "space", spaces[1]));
  const Identity kept = take_away(spaces[3], "release");
  ASSERT_THAT(sync({"--delete-scope", "closed"}), ExitsWith(3));
  std::set<Identity> expected = listed(*server_);
  expected.insert(kept);
  EXPECT_EQ(held(), expected);
}

TEST_F(DeleteScopeTest, NothingOfASpaceGoesWhenTheListOfSpacesIsBroken) {
  start({});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::set<Identity> before = held();
  const std::vector<std::string> spaces = server_->spaces();
  start({{.target = "/api/spaces", .fault = Fault::kStatus, .status = 403}});
  ASSERT_TRUE(server_->remove(spaces[1], "space", spaces[1]));
  ASSERT_THAT(sync({"--delete-scope", "closed"}), ExitsWith(3));
  EXPECT_EQ(held(), before);
}

TEST_F(DeleteScopeTest, AnIdentityThatCannotBeComputedKeepsItsScopeAlone) {
  start({});
  write("mapping.yaml", small_mapping({"machine"}));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  const std::vector<std::string> spaces = server_->spaces();
  const Identity here = take_away(spaces[0], "machine");
  const Identity there = take_away(spaces[1], "machine");
  const std::string odd = server_->ids(spaces[0], "machine")[0];
  write("mapping.yaml", small_mapping({"machine"}, "(if .Id == \"" + odd + "\" then error(\"odd\") else .Id end)"));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(1));
  EXPECT_TRUE(held().contains(here) && held().contains(there)) << "by default it keeps everything";
  ASSERT_THAT(sync({"--mapping", "mapping.yaml", "--delete-scope", "closed"}), ExitsWith(1));
  EXPECT_TRUE(held().contains(here));
  EXPECT_FALSE(held().contains(there));
}

TEST_F(DeleteScopeTest, WhatMovedToAnotherSpaceIsNotStale) {
  start({});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::vector<std::string> spaces = server_->spaces();
  const std::string machine = server_->ids(spaces[0], "machine")[0];
  // As if it had been read in another space before.
  Database(path("riptide.db"))
      .execute("update entities set scope = '" + spaces[1] + "' where identifier = '" + machine + "'");
  ASSERT_THAT(sync({"--delete-scope", "closed"}), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 0u);
  EXPECT_EQ(report().total("updated"), 1u) << "its scope";
  EXPECT_TRUE(held().contains({blueprint_of("machine"), machine}));
}

TEST_F(DeleteScopeTest, MoreThanMaxDeleteIsAGuardWithItsNumbers) {
  start({});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::vector<std::string> spaces = server_->spaces();
  for (int i = 0; i < 3; ++i) take_away(spaces[0], "machine");
  const std::set<Identity> before = held();
  for (const char* const limit : {"2", "0.5%", "0"}) {
    const Ended ended = sync({"--max-delete", limit});
    ASSERT_THAT(ended, ExitsWith(5)) << limit;
    EXPECT_THAT(ended.err, AllOf(HasSubstr("3 of 404"), HasSubstr(std::string("--max-delete ") + limit),
                                 HasSubstr("octopusMachine/Machines-")));
    EXPECT_EQ(held(), before);
    const Json guard = report().json()["guard"];
    EXPECT_EQ(guard["rule"].text(), "max_delete");
    EXPECT_EQ(guard["max_delete"].text(), limit);
    EXPECT_EQ(guard["stale"].count(), 3u);
    EXPECT_EQ(guard["owned"].count(), 404u);
    EXPECT_EQ(guard["examples"].items().size(), 3u);
  }
  ASSERT_THAT(sync({"--max-delete", "3"}), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 3u);
  EXPECT_THAT(sync({"--max-delete", "many"}), ExitsWith(2));
  EXPECT_THAT(sync({"--delete-scope", "some"}), ExitsWith(2));
}

}  // namespace
}  // namespace riptide::e2e

// What sync would do in Port: only reading, and carried out to the letter.
#include "fake_port.hpp"
#include "planned.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::set<std::string> kReads = {"token",     "integration", "provision", "organization",
                                      "blueprint", "search",      "owned"};

class PlanPortTest : public Workspace {
 protected:
  void start(simulator::OctopusOptions octopus, FakePort::Options port = {}) {
    server_ = serve(std::move(octopus));
    point_at(server_->url());
    port_ = std::make_unique<FakePort>(std::move(port));
    for (const auto& [name, value] : port_->environment()) environment_[name] = value;
    space_ = server_->spaces()[0];
  }
  [[nodiscard]] Ended plan(std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"plan", "--progress", "none", "--out", "plan.json"});
    return riptide(std::move(arguments));
  }
  // Routes that were asked since so many requests, and that are no reads.
  [[nodiscard]] std::vector<std::string> written_since(std::size_t begin) const {
    std::vector<std::string> all = port_->journal();
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(begin));
    std::erase_if(all, [](const std::string& route) { return kReads.contains(route); });
    return all;
  }

  std::unique_ptr<simulator::OctopusServer> server_;
  std::unique_ptr<FakePort> port_;
  std::string space_;
};

TEST_F(PlanPortTest, ANewIntegrationIsPlannedAndNotMade) {
  start({.spaces = 3, .total_records = 300});
  const Ended ended = plan();
  ASSERT_THAT(ended, ExitsWith(0));
  const Planned planned(ended.out);
  EXPECT_EQ(planned.of("create"), listed(*server_));
  EXPECT_EQ(planned.json()["target"].text(), "port:" + port_->url());
  EXPECT_THAT(written_since(0), IsEmpty());
  EXPECT_EQ(port_->integration(), "");
  EXPECT_TRUE(port_->catalogue().empty());
  EXPECT_LE(port_->count("search"), 5u + 303u / 50u) << "50 of a blueprint at a time";
}

TEST_F(PlanPortTest, ComparesWithWhatPortHoldsAndOnlyReads) {
  start({.spaces = 3, .total_records = 300}, {.owned_page = 100});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::string gone = server_->ids(space_, "machine")[0];
  const std::string changed = server_->ids(space_, "release")[1];
  ASSERT_TRUE(server_->remove(space_, "machine", gone));
  ASSERT_TRUE(server_->update(space_, "release", changed));
  const auto made = server_->create(space_, "project");
  ASSERT_TRUE(made);
  // What another integration owns there is not ours to update: it would be taken over.
  const std::string theirs = server_->ids(space_, "deployment")[0];
  port_->put({blueprint_of("deployment"), theirs}, "port-ocean/octopus/0.2.166/other/exporter");
  const auto before = port_->catalogue();
  const std::size_t requests = port_->journal().size();
  const Ended ended = plan({"--diff", "fields"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(written_since(requests), IsEmpty());
  EXPECT_EQ(port_->catalogue(), before);
  const Planned planned(ended.out);
  EXPECT_EQ(planned.of("create"),
            (std::set<Identity>{{blueprint_of("project"), *made}, {blueprint_of("deployment"), theirs}}));
  EXPECT_EQ(planned.of("update"), (std::set<Identity>{{blueprint_of("release"), changed}}));
  EXPECT_EQ(planned.of("delete"), (std::set<Identity>{{blueprint_of("machine"), gone}}));
  EXPECT_EQ(planned.count("unchanged"), 303u - 3u);
  const auto fields = planned.change({blueprint_of("release"), changed})["fields"].items();
  ASSERT_EQ(fields.size(), 1u);
  EXPECT_THAT(fields[0]["field"].text(), HasSubstr("properties."));
  EXPECT_NE(fields[0]["before"].dump(), fields[0]["after"].dump());
}

TEST_F(PlanPortTest, WithoutAMemoryItComparesWithWhatPortHolds) {
  start({.spaces = 2, .total_records = 200});
  ASSERT_THAT(sync({"--state", "state.db"}), ExitsWith(0));
  const std::string changed = server_->ids(space_, "release")[1];
  ASSERT_TRUE(server_->update(space_, "release", changed));
  const std::size_t searches = port_->count("search");
  const Ended remembering = plan({"--state", "state.db"});
  ASSERT_THAT(remembering, ExitsWith(0));
  EXPECT_EQ(Planned(remembering.out).of("update"), (std::set<Identity>{{blueprint_of("release"), changed}}));
  EXPECT_EQ(port_->count("search") - searches, 1u) << "only what is not known to be unchanged is searched for";
  const Ended forgetful = plan({"--state", "no-such-state.db", "--diff", "fields"});
  ASSERT_THAT(forgetful, ExitsWith(0));
  const Planned planned(forgetful.out);
  EXPECT_EQ(planned.of("update"), (std::set<Identity>{{blueprint_of("release"), changed}}));
  EXPECT_EQ(planned.count("unchanged"), 201u);
  EXPECT_EQ(planned.change({blueprint_of("release"), changed})["fields"].items().size(), 1u);
  EXPECT_FALSE(exists("no-such-state.db"));
}

TEST_F(PlanPortTest, WhatIsRememberedStaysAsItIs) {
  start({.spaces = 2, .total_records = 200});
  ASSERT_THAT(sync({"--state", "state.db"}), ExitsWith(0));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(server_->update(space_, "release", server_->ids(space_, "release")[i]));
  const std::string bytes = read("state.db");
  ASSERT_THAT(plan({"--state", "state.db"}), ExitsWith(0));
  EXPECT_EQ(read("state.db"), bytes);
  EXPECT_FALSE(exists("state.db-wal") || exists("state.db-shm"));
  ASSERT_THAT(sync({"--state", "state.db", "--apply", "plan.json"}), ExitsWith(0));
  EXPECT_EQ(report().total("updated"), 5u);
  ASSERT_THAT(sync({"--state", "state.db"}), ExitsWith(0));
  EXPECT_EQ(report().total("unchanged"), 202u) << "what was carried out is remembered";
}

TEST_F(PlanPortTest, ClosedScopesAreKnownFromWhatIsRemembered) {
  simulator::OctopusOptions options{.spaces = 3, .total_records = 300};
  start(options);
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::vector<std::string> spaces = server_->spaces();
  options.faults.rules = {{.target = "/" + spaces[1] + "/", .fault = simulator::Fault::kStatus, .status = 403}};
  options.port = server_->port();
  server_.reset();
  server_ = serve(options);
  const std::string gone = server_->ids(spaces[0], "machine")[0];
  const std::string open = server_->ids(spaces[1], "machine")[0];
  ASSERT_TRUE(server_->remove(spaces[0], "machine", gone));
  ASSERT_TRUE(server_->remove(spaces[1], "machine", open));
  const Ended planned = plan({"--delete-scope", "closed"});
  ASSERT_THAT(planned, ExitsWith(3));
  EXPECT_EQ(Planned(planned.out).of("delete"), (std::set<Identity>{{blueprint_of("machine"), gone}}));
  ASSERT_THAT(sync({"--delete-scope", "closed"}), ExitsWith(3));
  EXPECT_FALSE(port_->has({blueprint_of("machine"), gone}));
  EXPECT_TRUE(port_->has({blueprint_of("machine"), open}));
}

TEST_F(PlanPortTest, IsCarriedOutToTheLetter) {
  start({.spaces = 3, .total_records = 400});
  ASSERT_THAT(sync({}), ExitsWith(0));
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(server_->remove(space_, "machine", server_->ids(space_, "machine")[0]));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(server_->update(space_, "release", server_->ids(space_, "release")[i]));
  ASSERT_TRUE(server_->create(space_, "project"));
  const auto before = port_->catalogue();
  const Ended ended = plan();
  ASSERT_THAT(ended, ExitsWith(0));
  const std::size_t upserts = port_->count("upsert");
  ASSERT_THAT(sync({"--apply", "plan.json"}), ExitsWith(0));
  expect_done(Planned(ended.out), before, port_->catalogue(), report());
  EXPECT_EQ(port_->count("upsert") - upserts, 2u) << "5 releases and a project: nothing else was sent";
  EXPECT_EQ(port_->deletions().size(), 7u);
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
}

TEST_F(PlanPortTest, AppliedToNothingItMakesTheIntegrationToo) {
  start({.spaces = 2, .total_records = 100}, {.any_blueprint = false, .check_relations = true});
  ASSERT_THAT(plan(), ExitsWith(0));
  ASSERT_THAT(sync({"--apply", "plan.json"}), ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
  EXPECT_NE(port_->integration(), "");
}

TEST_F(PlanPortTest, ARefusedPlanWritesNothing) {
  start({.spaces = 2, .total_records = 100});
  ASSERT_THAT(sync({}), ExitsWith(0));
  ASSERT_TRUE(server_->update(space_, "release", server_->ids(space_, "release")[0]));
  ASSERT_THAT(plan(), ExitsWith(0));
  const std::string machine = server_->ids(space_, "machine")[0];
  port_->erase({blueprint_of("machine"), machine});
  const std::size_t requests = port_->journal().size();
  const Ended ended = sync({"--apply", "plan.json"});
  ASSERT_THAT(ended, ExitsWith(2));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("the catalogue has moved"), HasSubstr("create octopusMachine/" + machine)));
  EXPECT_THAT(written_since(requests), IsEmpty());
}

TEST_F(PlanPortTest, APortThatRefusesIsCode4) {
  start(
      {.spaces = 1, .total_records = 60},
      {.interfere = {{.route = "search", .reply = [](const loopback::Reply&) { return loopback::Reply::text(500); }}}});
  environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "2";
  const Ended ended = plan();
  ASSERT_THAT(ended, ExitsWith(4));
  EXPECT_EQ(ended.out, "") << "what is not known is not shown";
  EXPECT_FALSE(exists("plan.json"));
}

}  // namespace
}  // namespace riptide::e2e

// What Port holds together: parents before children where it makes up nothing, relations that keep an entity, the order
// of deletions, what somebody else wrote meanwhile, limits that Port turns out to have.
#include <algorithm>
#include <atomic>

#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kOurs = "port-ocean/octopus/0.1.0/my-octopus-integration/exporter";

// Machines relate to projects, projects to spaces, spaces to nothing; more resources may be added.
std::string config(const std::string& flags, const std::string& machine_relations = R"({"space":".SpaceId"})") {
  return R"({)" + flags + R"("resources":[
    {"kind":"machine","selector":{"query":"true"},"port":{"entity":{"mappings":
      {"identifier":".Id","blueprint":"\"octopusMachine\"","title":".Name","relations":)" +
         machine_relations + R"(}}}},
    {"kind":"space","selector":{"query":"true"},"port":{"entity":{"mappings":
      {"identifier":".Id","blueprint":"\"octopusSpace\"","title":".Name"}}}}]})";
}

const std::vector<std::string> kBlueprints = {
    R"({"identifier":"octopusSpace","title":"Space","schema":{"properties":{}}})",
    R"({"identifier":"octopusMachine","title":"Machine","schema":{"properties":{}},"relations":{
        "space":{"target":"octopusSpace","required":false,"many":false},
        "next":{"target":"octopusMachine","required":false,"many":false}}})"};

class PortOrderTest : public Workspace {
 protected:
  void start(FakePort::Options port, simulator::OctopusOptions octopus) {
    server_ = serve(std::move(octopus));
    point_at(server_->url());
    port.blueprints = kBlueprints;
    port.any_blueprint = false;
    port_ = std::make_unique<FakePort>(std::move(port));
    for (const auto& [name, value] : port_->environment()) environment_[name] = value;
  }
  std::unique_ptr<simulator::OctopusServer> server_;
  std::unique_ptr<FakePort> port_;
};

TEST_F(PortOrderTest, ParentsGoBeforeChildrenWherePortMakesUpNothing) {
  start({.config = config(R"("createMissingRelatedEntities":false,)"),
         .check_relations = true,
         .create_missing_related = "false"},
        {.spaces = 5, .total_records = 0, .kinds = only("machine", {200, 200, 200, 200, 200})});
  ASSERT_THAT(sync({"--memory", "8MiB"}), ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
  for (const Identity& identity : listed(*server_)) EXPECT_EQ(port_->upserts_of(identity), 1u) << identity.second;
  EXPECT_EQ(report().total("created"), 1005u);
  // A second run has nothing to send, and a parent that is unchanged is there.
  const std::size_t upserts = port_->count("upsert");
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(port_->count("upsert"), upserts);
  EXPECT_EQ(report().total("unchanged"), 1005u);
}

TEST_F(PortOrderTest, AChainGoesLinkByLink) {
  // Machines-1 relates to Machines-2 and so on: the order of reading is the wrong one.
  start(
      {.config = config(
           R"("createMissingRelatedEntities":false,)",
           R"({"next":"(.Id | split(\"-\")[1] | tonumber) as $n | if $n < 40 then \"Machines-\\($n + 1)\" else null end"})"),
       .check_relations = true,
       .create_missing_related = "false"},
      {.spaces = 1, .total_records = 0, .kinds = only("machine", {40})});
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
}

TEST_F(PortOrderTest, ACycleIsNotFatal) {
  // Each of ten relates to the next, the last to the first; the others to the last of the ten.
  start(
      {.config = config(
           R"("createMissingRelatedEntities":false,)",
           R"({"next":"(.Id | split(\"-\")[1] | tonumber) as $n | \"Machines-\\(if $n < 10 then $n + 1 elif $n == 10 then 1 else 10 end)\""})"),
       .check_relations = true,
       .create_missing_related = "false"},
      {.spaces = 1, .total_records = 0, .kinds = only("machine", {30})});
  ASSERT_THAT(sync({}), ExitsWith(1));
  EXPECT_EQ(report().total("rejected"), 30u) << "nobody was there before";
  EXPECT_EQ(report().total("deleted"), 0u);
  EXPECT_LE(port_->count("upsert"), 2u + 2u * 2u) << "each is sent twice at most";
  // One that is there already opens the cycle.
  port_->put({"octopusMachine", "Machines-1"}, kOurs);
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
}

TEST_F(PortOrderTest, AParentThatIsRefusedCostsItsChildrenOnly) {
  start({.config = config(R"("createMissingRelatedEntities":false,)"),
         .check_relations = true,
         .refuse = [](const Json& entity) -> std::optional<FakePort::Complaint> {
           if (entity["identifier"].text() != "Spaces-1") return std::nullopt;
           return FakePort::Complaint{422, "invalid_request", "no"};
         },
         .create_missing_related = "false"},
        {.spaces = 2, .total_records = 0, .kinds = only("machine", {10, 10})});
  ASSERT_THAT(sync({}), ExitsWith(1));
  EXPECT_EQ(report().total("rejected"), 11u);
  EXPECT_EQ(report().total("created"), 11u);
}

TEST_F(PortOrderTest, WhatRelatesKeepsWhatItRelatesTo) {
  // Port makes up spaces that machines relate to, and that nobody reads.
  start({.config = config("", R"({"space":"\"Spaces-made-up\""})"), .check_relations = true},
        {.spaces = 1, .total_records = 0, .kinds = only("machine", {20})});
  port_->put({"octopusSpace", "Spaces-made-up"}, kOurs);
  port_->put({"octopusSpace", "Spaces-gone"}, kOurs);
  port_->put({"octopusMachine", "Spaces-made-up"}, kOurs);  // The relation leads to another blueprint.
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_TRUE(port_->has({"octopusSpace", "Spaces-made-up"}));
  EXPECT_FALSE(port_->has({"octopusSpace", "Spaces-gone"}));
  EXPECT_FALSE(port_->has({"octopusMachine", "Spaces-made-up"}));
  EXPECT_THAT(ended.err, HasSubstr("1 entities at port were not seen and stay"));
}

TEST_F(PortOrderTest, WhatSomebodyElseWroteMeanwhileStays) {
  std::atomic<bool> wrote{false};
  simulator::OctopusOptions octopus{.spaces = 1, .total_records = 0, .kinds = only("machine", {20})};
  octopus.before_answer = [&](std::string_view target) {
    if (target.find("machines") == std::string_view::npos || wrote.exchange(true)) return;
    port_->put({"octopusMachine", "of-a-live-event"}, kOurs);
  };
  start({.config = config("")}, octopus);
  port_->put({"octopusMachine", "gone"}, kOurs);
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_TRUE(port_->has({"octopusMachine", "of-a-live-event"}));
  EXPECT_FALSE(port_->has({"octopusMachine", "gone"}));
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_FALSE(port_->has({"octopusMachine", "of-a-live-event"})) << "the next run did not see it either";
}

TEST_F(PortOrderTest, DependentsAreDeletedFirstOneByOne) {
  start({.config = config(R"("deleteDependentEntities":false,)"), .delete_dependents = "false"},
        {.spaces = 1, .total_records = 0, .kinds = only("machine", {20})});
  port_->put({"octopusMachine", "b-middle"}, kOurs, R"({"relations":{"next":"a-root"}})");
  port_->put({"octopusMachine", "a-root"}, kOurs, R"({"relations":{"next":null}})");
  port_->put({"octopusMachine", "c-leaf"}, kOurs, R"({"relations":{"next":"b-middle"}})");
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_THAT(port_->deletions(),
              ElementsAre(Identity("octopusMachine", "c-leaf"), Identity("octopusMachine", "b-middle"),
                          Identity("octopusMachine", "a-root")));
  EXPECT_EQ(port_->count("delete"), 3u);
}

TEST_F(PortOrderTest, ABodyThatWasTooLargeIsNotTriedAgainAndAgain) {
  start({.config = config(""), .accepted_bytes = 600},
        {.spaces = 1, .total_records = 0, .kinds = only("machine", {2000})});
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
  // About five fit; a hundred batches of twenty were on their way before the first answer, at worst.
  EXPECT_LE(port_->count("upsert"), 2000u / 2 + 200u);
}

}  // namespace
}  // namespace riptide::e2e

// What is remembered of Port between runs: nothing is uploaded twice, nothing that matters is left out.
#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class RememberTest : public Workspace {
 protected:
  void start(simulator::OctopusOptions octopus, FakePort::Options port = {}) {
    server_ = serve(std::move(octopus));
    point_at(server_->url());
    use(std::move(port));
  }
  void use(FakePort::Options port) {
    port_ = std::make_unique<FakePort>(std::move(port));
    for (const auto& [name, value] : port_->environment()) environment_[name] = value;
  }
  Ended again(std::vector<std::string> flags = {}) {
    upserts_ = port_->count("upsert");
    owned_ = port_->count("owned");
    return sync(std::move(flags));
  }
  // Since the last `again`.
  [[nodiscard]] std::size_t upserts() const { return port_->count("upsert") - upserts_; }
  [[nodiscard]] std::size_t listings() const { return port_->count("owned") - owned_; }
  [[nodiscard]] std::string machine(std::size_t index = 0) const {
    return server_->ids(server_->spaces()[0], "machine")[index];
  }

  std::unique_ptr<simulator::OctopusServer> server_;
  std::unique_ptr<FakePort> port_;
  std::size_t upserts_ = 0;
  std::size_t owned_ = 0;
};

TEST_F(RememberTest, WhatHasNotChangedIsNeitherSentNorReadBack) {
  start({.spaces = 4, .total_records = 800}, {.owned_page = 300});
  ASSERT_THAT(again(), ExitsWith(0));
  EXPECT_EQ(report().total("created"), 804u);
  EXPECT_EQ(listings(), 3u) << "nothing was known: the listing is for the deletion";
  for (int run = 0; run < 2; ++run) {
    ASSERT_THAT(again(), ExitsWith(0));
    EXPECT_EQ(upserts(), 0u);
    EXPECT_EQ(listings(), 3u) << "one listing serves both";
    EXPECT_EQ(report().total("unchanged"), 804u);
  }
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
}

TEST_F(RememberTest, WhatHasChangedIsSent) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {300})});
  ASSERT_THAT(again(), ExitsWith(0));
  ASSERT_TRUE(server_->update(server_->spaces()[0], "machine", machine(7)));
  ASSERT_THAT(again(), ExitsWith(0));
  EXPECT_EQ(upserts(), 1u);
  EXPECT_EQ(report().total("updated"), 1u);
  EXPECT_EQ(port_->catalogue().at({blueprint_of("machine"), machine(7)}),
            expected_entity(*server_, server_->spaces()[0], "machine", machine(7)));
  ASSERT_THAT(again(), ExitsWith(0));
  EXPECT_EQ(upserts(), 0u);
}

TEST_F(RememberTest, WhatSomeoneDeletedInPortComesBack) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {300})});
  ASSERT_THAT(again(), ExitsWith(0));
  port_->erase({blueprint_of("machine"), machine(3)});
  ASSERT_THAT(again(), ExitsWith(0));
  EXPECT_EQ(upserts(), 1u);
  EXPECT_EQ(report().total("created"), 1u);
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
}

TEST_F(RememberTest, WhatDisappearedIsDeletedFromTheSameListing) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {300})});
  ASSERT_THAT(again(), ExitsWith(0));
  const std::string gone = machine(5);
  ASSERT_TRUE(server_->remove(server_->spaces()[0], "machine", gone));
  ASSERT_THAT(again(), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 1u);
  EXPECT_EQ(listings(), 2u) << "the second asks which of what is to go nobody changed meanwhile";
  EXPECT_FALSE(port_->has({blueprint_of("machine"), gone}));
  // Deleted, then back in the source: it is new.
  ASSERT_THAT(again(), ExitsWith(0));
  EXPECT_EQ(upserts(), 0u);
}

// As many entities as before, all under new names: with those of this run half of what is owned is stale, not all.
TEST_F(RememberTest, TheThresholdCountsWhatTheRunCreated) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {40})});
  const auto mapping = [](const std::string& identifier) {
    return "entityDeletionThreshold: 0.9\nresources:\n- kind: machine\n  selector: {query: 'true'}\n  port: {entity: "
           "{mappings: "
           "{identifier: '" +
           identifier + "', blueprint: '\"box\"'}}}\n";
  };
  write("one.yaml", mapping(".Id"));
  write("two.yaml", mapping(".Id + \"-b\""));
  ASSERT_THAT(again({"--mapping", "one.yaml"}), ExitsWith(0));
  ASSERT_THAT(again({"--mapping", "two.yaml"}), ExitsWith(0));
  EXPECT_EQ(report().total("created"), 40u);
  EXPECT_EQ(report().total("deleted"), 40u);
}

TEST_F(RememberTest, WhatPortRefusedIsSentAgain) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {60})},
        {.refuse = [](const Json& entity) -> std::optional<FakePort::Complaint> {
          if (!entity["identifier"].text().ends_with("7")) return std::nullopt;
          return FakePort::Complaint{422, "invalid", "no sevens"};
        }});
  ASSERT_THAT(again(), ExitsWith(1));
  const std::uint64_t refused = report().total("rejected");
  ASSERT_GT(refused, 0u);
  ASSERT_THAT(again(), ExitsWith(1));
  EXPECT_EQ(report().total("rejected"), refused);
  EXPECT_EQ(report().total("unchanged"), 61 - refused) << "60 machines and their space";
  EXPECT_EQ(upserts(), 1u);
}

TEST_F(RememberTest, AListingThatFailsMeansThatEverythingIsSentAndNothingDeleted) {
  bool broken = false;
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {60})},
        {.instead = [&](const loopback::ReceivedRequest& request) -> std::optional<loopback::Reply> {
          if (!broken || request.target.find("datasource-entities") == std::string::npos) return std::nullopt;
          return loopback::Reply{.status = 400,
                                 .body = R"({"ok":false,"error":"bad_request","message":"no list today"})"};
        }});
  ASSERT_THAT(again(), ExitsWith(0));
  ASSERT_TRUE(server_->remove(server_->spaces()[0], "machine", machine(5)));
  broken = true;
  const Ended ended = again();
  ASSERT_THAT(ended, ExitsWith(4));
  EXPECT_EQ(upserts(), 4u) << "59 machines in three batches, and their space";
  EXPECT_EQ(report().total("deleted"), 0u);
  EXPECT_EQ(port_->catalogue().size(), 61u);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("could not be listed"), HasSubstr("no list today")));
  broken = false;
  ASSERT_THAT(again(), ExitsWith(0));
  EXPECT_EQ(upserts(), 0u);
  EXPECT_EQ(report().total("deleted"), 1u);
}

TEST_F(RememberTest, ASearchIsRememberedByWhatItFoundAndASearchAmongRelationsIsAlwaysSent) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {10})},
        {.search = [](const Json& query) -> std::optional<std::string> {
          return "found-" + query["rules"][0]["value"].text();
        }});
  write("search.yaml", R"(
resources:
- kind: machine
  selector: {query: 'true'}
  port:
    entity:
      mappings:
        identifier: {combinator: '"and"', rules: [{property: '"serial"', operator: '"="', value: .Id}]}
        blueprint: '"box"'
)");
  ASSERT_THAT(again({"--mapping", "search.yaml"}), ExitsWith(0));
  EXPECT_EQ(upserts(), 1u);
  ASSERT_THAT(again({"--mapping", "search.yaml"}), ExitsWith(0));
  EXPECT_EQ(upserts(), 0u);
  EXPECT_EQ(report().total("unchanged"), 10u);
  EXPECT_EQ(report().total("deleted"), 0u) << "what was found is seen";
  EXPECT_EQ(port_->catalogue().size(), 10u);
  port_->erase({"box", "found-" + machine(0)});
  ASSERT_THAT(again({"--mapping", "search.yaml"}), ExitsWith(0));
  EXPECT_EQ(upserts(), 1u);

  write("related.yaml", R"(
resources:
- kind: machine
  selector: {query: 'true'}
  port:
    entity:
      mappings:
        identifier: .Id
        blueprint: '"related"'
        relations:
          owner: {combinator: '"and"', rules: [{property: '"serial"', operator: '"="', value: .Id}]}
)");
  ASSERT_THAT(again({"--mapping", "related.yaml", "--no-delete"}), ExitsWith(0));
  ASSERT_THAT(again({"--mapping", "related.yaml", "--no-delete"}), ExitsWith(0));
  EXPECT_EQ(upserts(), 1u);
}

TEST_F(RememberTest, WithLittleMemoryTheSameIsRemembered) {
  start({.spaces = 4, .total_records = 60'000, .record_bytes = 300}, {.owned_page = 5000});
  environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = "500";
  ASSERT_THAT(again({"--memory", "8MiB"}), ExitsWith(0));
  ASSERT_THAT(again({"--memory", "8MiB"}), ExitsWith(0));
  EXPECT_EQ(upserts(), 0u);
  EXPECT_EQ(report().total("unchanged"), 60'004u);
  ASSERT_TRUE(server_->update(server_->spaces()[0], "machine", machine(7)));
  ASSERT_THAT(again({"--memory", "8MiB"}), ExitsWith(0));
  EXPECT_EQ(upserts(), 1u);
}

TEST_F(RememberTest, KindsThatAreLeftOutAreNotForgotten) {
  start({.spaces = 2, .total_records = 200});
  ASSERT_THAT(again(), ExitsWith(0));
  ASSERT_THAT(again({"--kind", "machine"}), ExitsWith(0));
  EXPECT_EQ(upserts(), 0u);
  ASSERT_THAT(again(), ExitsWith(0));
  EXPECT_EQ(upserts(), 0u);
}

TEST_F(RememberTest, AKillInTheMiddleLeavesWhatWasConfirmed) {
  start({.spaces = 4, .total_records = 4000, .latency = std::chrono::milliseconds(20)},
        {.latency = std::chrono::milliseconds(20)});
  Process running(sync_command({}));
  ASSERT_TRUE(eventually([&] { return port_->count("upsert") > 20; }));
  running.send(SIGKILL);
  (void)running.wait();
  const std::size_t before = port_->catalogue().size();
  ASSERT_THAT(again(), ExitsWith(0));
  EXPECT_GT(report().total("unchanged"), 0u);
  // At most what was in flight when it was killed, and what had been confirmed a moment before: 8 batches each.
  EXPECT_LE(before - report().total("unchanged"), 16u * 20u);
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
}

TEST_F(RememberTest, TheGraphShowsTheDiff) {
  start({.spaces = 1, .total_records = 20});
  const Ended ended = riptide({"graph", "--format", "json"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(ended.out, HasSubstr("\"diff\""));
  EXPECT_THAT(riptide({"graph", "--format", "json", "--sink", "null"}).out, Not(HasSubstr("\"diff\"")));
}

}  // namespace
}  // namespace riptide::e2e

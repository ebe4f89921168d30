// What Port is told around a resync: the integration, its blueprints and mapping, the resync's state, metrics,
// examples, the log. Every request is held against Port's rules by the loopback Port.
#include <algorithm>

#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::SizeIs;

const std::set<std::string> kDefaultBlueprints = {"octopusDeployment", "octopusMachine", "octopusProject",
                                                  "octopusRelease", "octopusSpace"};

class PortLifeTest : public Workspace {
 protected:
  void start(FakePort::Options port = {}, simulator::OctopusOptions octopus = {.spaces = 2, .total_records = 100}) {
    server_ = serve(std::move(octopus));
    point_at(server_->url());
    port_ = std::make_unique<FakePort>(std::move(port));
    for (const auto& [name, value] : port_->environment()) environment_[name] = value;
  }
  [[nodiscard]] std::vector<std::string> routes(const std::vector<std::string>& without = {}) const {
    std::vector<std::string> all = port_->journal();
    std::erase_if(all, [&](const std::string& route) {
      return std::find(without.begin(), without.end(), route) != without.end();
    });
    return all;
  }
  [[nodiscard]] Json integration() const { return Json::parse(port_->integration())["integration"]; }
  // States that a kind went through, as the metrics told them.
  [[nodiscard]] std::vector<std::string> states_of(const std::string& kind) const {
    std::vector<std::string> states;
    for (const std::string& body : port_->bodies("metrics")) {
      for (const Json& metric : Json::parse(body)["syncKindsMetrics"].items()) {
        if (metric["kindIdentifier"].text() == kind) states.push_back(metric["syncState"].text());
      }
    }
    for (const std::string& body : port_->bodies("kind_metrics")) {
      const Json metric = Json::parse(body)["syncKindMetrics"];
      if (metric["kindIdentifier"].text() == kind) states.push_back(metric["syncState"].text());
    }
    return states;
  }

  std::unique_ptr<simulator::OctopusServer> server_;
  std::unique_ptr<FakePort> port_;
};

TEST_F(PortLifeTest, ANewIntegrationIsCreatedWithItsBlueprintsAndMapping) {
  start({.any_blueprint = false, .check_relations = true});
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(port_->blueprints(), kDefaultBlueprints);
  EXPECT_THAT(port_->blueprint("octopusRelease"),
              AllOf(HasSubstr("calculationProperties"), HasSubstr("\"relations\"")));
  EXPECT_EQ(integration()["processingMode"].text(), "ocean-core");
  EXPECT_EQ(integration()["createPortResourcesOrigin"].text(), "Default");
  EXPECT_TRUE(integration()["arePortResourcesInitialized"].truth());
  EXPECT_EQ(integration()["config"]["resources"].items().size(), 5u);
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
  EXPECT_EQ(integration()["resyncState"]["status"].text(), "completed");
  EXPECT_EQ(port_->count("integration_create"), 1u);
  EXPECT_EQ(port_->count("blueprint_create"), 5u);
  EXPECT_EQ(port_->count("blueprint_patch"), 10u);

  // Everything is there: the second run changes nothing of it.
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(port_->count("integration_create"), 1u);
  EXPECT_EQ(port_->count("integration_patch"), 2u) << "the description, and that it is initialised: the first run's";
  EXPECT_EQ(port_->count("blueprint_create"), 5u);
}

TEST_F(PortLifeTest, TheStepsComeInTheirOrder) {
  start();
  ASSERT_THAT(sync({}), ExitsWith(0));
  std::vector<std::string> all =
      routes({"kind_metrics", "metrics", "examples", "upsert", "token", "blueprint", "logs"});
  all.erase(std::unique(all.begin(), all.end()), all.end());
  // The first three are asked for at once.
  ASSERT_GE(all.size(), 3u);
  std::sort(all.begin(), all.begin() + 3);
  EXPECT_THAT(all, ElementsAre("integration", "organization", "provision", "integration_create", "integration_patch",
                               "blueprint_create", "blueprint_patch", "integration_patch", "integration",
                               "resync_state", "owned", "resync_state"))
      << ::testing::PrintToString(all);
}

TEST_F(PortLifeTest, OneBlueprintThatIsThereMeansThatNoneIsCreated) {
  start({.blueprints = {R"({"identifier":"octopusProject","title":"Mine","schema":{"properties":{}}})"}});
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(port_->blueprints(), std::set<std::string>{"octopusProject"});
  EXPECT_THAT(port_->blueprint("octopusProject"), HasSubstr("Mine"));
  EXPECT_TRUE(integration()["arePortResourcesInitialized"].truth());
}

TEST_F(PortLifeTest, ABlueprintThatFailsTakesBackTheOthers) {
  start({.interfere = {{.route = "blueprint_patch",
                        .reply =
                            [](const loopback::Reply&) {
                              return loopback::Reply::json(
                                         R"({"ok":false,"error":"invalid_request","message":"no such icon"})")
                                  .with_status(422);
                            },
                        .after = 2,
                        .times = 1}}});
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(4));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("no such icon"), HasSubstr("none of them was left behind")));
  EXPECT_TRUE(port_->blueprints().empty());
  EXPECT_EQ(server_->stats().requests, 0u);
  EXPECT_TRUE(integration()["arePortResourcesInitialized"].truth());
}

TEST_F(PortLifeTest, WhatASettingForbidsIsNotCreated) {
  start();
  environment_["OCEAN__INITIALIZE_PORT_RESOURCES"] = "false";
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(port_->count("blueprint_create"), 0u);
  EXPECT_FALSE(integration().find("arePortResourcesInitialized"));
}

TEST_F(PortLifeTest, AnIntegrationThatIsBehindIsBroughtUpToDate) {
  start({.config = "{}",
         .integration_members = R"("version":"0.1.0","processingMode":"dsp","installationAppType":"octopus",
                                              "changelogDestination":{"type":"KAFKA"},"actionsProcessingEnabled":false,
                                              "incrementalSyncEnabled":false)"});
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(integration()["version"].text(), "0.2.166");
  EXPECT_EQ(integration()["processingMode"].text(), "ocean-core");
  EXPECT_EQ(integration()["changelogDestination"].dump(), "{}");
  EXPECT_EQ(integration()["config"]["resources"].items().size(), 5u) << "it had no mapping";
  EXPECT_EQ(port_->count("config_patch"), 1u);
}

TEST_F(PortLifeTest, AnIntegrationThatRunsElsewhereIsLeftAlone) {
  start({.config = "{}", .installation_type = "SaasOauth2"});
  const Ended ended = sync({});
  EXPECT_THAT(ended, ExitsWith(4));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("SaasOauth2"), HasSubstr("OCEAN__RUNTIME")));
  EXPECT_EQ(port_->count("integration_patch"), 0u);
}

TEST_F(PortLifeTest, AnOrganisationWithPortsOwnProcessorIsSaid) {
  start({.feature_flags = {"LAKEHOUSE_ELIGIBLE", "DATA_SOURCE_PROCESSOR_ENABLED"}});
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(ended.err, HasSubstr("data source processor"));
  EXPECT_EQ(integration()["processingMode"].text(), "ocean-core");
}

TEST_F(PortLifeTest, NothingIsAskedOfPortBeforeAllElseIsRight) {
  start();
  environment_["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "";
  EXPECT_THAT(riptide({"sync", "--progress", "none"}), ExitsWith(2));
  environment_["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "API-KEY";
  write("bad.yaml", "resources:\n  - kind: machine\n");
  EXPECT_THAT(riptide({"sync", "--progress", "none", "--mapping", "bad.yaml"}), ExitsWith(2));
  EXPECT_EQ(port_->journal(), std::vector<std::string>());
}

TEST_F(PortLifeTest, MetricsTellEachKindItsStatesAndCounts) {
  start({.config = "{}"});
  ASSERT_THAT(sync({}), ExitsWith(0));
  for (const char* kind : {"space-0", "project-1", "release-2", "deployment-3", "machine-4"}) {
    EXPECT_THAT(states_of(kind), ElementsAre("pending", "syncing", "completed")) << kind;
  }
  EXPECT_THAT(states_of("__runtime__"), ElementsAre("syncing", "completed"));
  EXPECT_THAT(states_of("__reconciliation__"), ElementsAre("syncing", "completed"));
  const Json last = Json::parse(port_->bodies("kind_metrics").end()[-2])["syncKindMetrics"];
  EXPECT_EQ(last["kindIdentifier"].text(), "machine-4");
  EXPECT_EQ(last["blueprint"].text(), "\"octopusMachine\"");
  EXPECT_EQ(last["eventId"].text(), report().json()["run_id"].text());
  const auto machines = static_cast<double>(server_->total("machine"));
  const Json phase = last["metrics"]["phase"];
  EXPECT_EQ(phase["extract"]["object_count_type"]["raw_extracted"]["object_count"].number(), machines);
  EXPECT_EQ(phase["load"]["object_count_type"]["loaded"]["object_count"].number(), machines);
  EXPECT_EQ(phase["resync"]["success"].number(), 1);
}

TEST_F(PortLifeTest, AnIncompleteRunIsToldAsFailed) {
  simulator::OctopusOptions octopus{.spaces = 2, .total_records = 100};
  octopus.faults.rules = {{.target = "/machines", .fault = simulator::Fault::kHtml, .times = 1000}};
  start({.config = "{}"}, octopus);
  ASSERT_THAT(sync({}), ExitsWith(3));
  EXPECT_THAT(states_of("machine-4"), ElementsAre("pending", "syncing", "failed"));
  EXPECT_THAT(states_of("project-1"), ElementsAre("pending", "syncing", "completed"));
  EXPECT_THAT(states_of("__reconciliation__"), ElementsAre("syncing", "failed"));
  EXPECT_EQ(integration()["resyncState"]["status"].text(), "failed");
}

TEST_F(PortLifeTest, AStoppedRunIsToldAsAborted) {
  start({.config = "{}"}, {.spaces = 1, .total_records = 400, .latency = milliseconds(300)});
  Process process(sync_command({}));
  ASSERT_TRUE(eventually([&] { return server_->stats().requests > 0; }));
  process.send(SIGINT);
  EXPECT_THAT(process.wait(), ExitsWith(130));
  EXPECT_EQ(integration()["resyncState"]["status"].text(), "aborted");
  EXPECT_THAT(states_of("__runtime__"), ElementsAre("syncing", "aborted"));
}

TEST_F(PortLifeTest, AHeartbeatWhileTheRunGoesOn) {
  start({.config = "{}"}, {.spaces = 1, .total_records = 50, .latency = milliseconds(700)});
  environment_["OCEAN__STATUS_HEARTBEAT_INTERVAL_SECONDS"] = "1";
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_GE(port_->count("heartbeat"), 1u);
}

TEST_F(PortLifeTest, FiveExamplesOfEachKindWithSecretsMasked) {
  start({.config = "{}"}, {.spaces = 2, .total_records = 400});
  environment_["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "Spaces-1";  // Stands in the records, too.
  ASSERT_THAT(sync({}), ExitsWith(0));
  std::size_t machines = 0;
  for (const std::string& body : port_->bodies("examples")) {
    EXPECT_THAT(body, Not(HasSubstr("\"Spaces-1\"")));
    EXPECT_THAT(body, HasSubstr("\"__url\""));
    for (const Json& example : Json::parse(body)["examples"].items()) {
      machines += example["Id"].text().starts_with("Machines-") ? 1 : 0;
    }
  }
  EXPECT_EQ(machines, 5u);
  const auto requests = server_->stats().requests;
  environment_["OCEAN__SEND_RAW_DATA_EXAMPLES"] = "false";
  const std::size_t before = port_->count("examples");
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(port_->count("examples"), before);
  EXPECT_GT(server_->stats().requests, requests);
}

TEST_F(PortLifeTest, TheLogGoesToPortUnlessItMayNot) {
  start({.config = "{}"});
  ASSERT_THAT(sync({}), ExitsWith(0));
  std::vector<std::string> messages;
  for (const std::string& body : port_->bodies("logs")) {
    for (const Json& line : Json::parse(body)["logs"].items()) messages.push_back(line["message"].text());
  }
  EXPECT_THAT(messages, IsSupersetOf({"Resync was triggered", "Resync finished successfully"}));
  EXPECT_THAT(messages, Contains(HasSubstr("Finished registering kind: machine-4 ,")));
  environment_["APPLICATION__ENABLE_HTTP_LOGGING"] = "false";
  const std::size_t before = port_->count("logs");
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(port_->count("logs"), before);
}

TEST_F(PortLifeTest, WhatPortIsToldInVainIsANoticeAndNoMore) {
  const auto broken = [](const char* route, auto reply) {
    return FakePort::Interference{.route = route, .reply = [reply](const loopback::Reply&) { return reply; }};
  };
  start({.config = "{}",
         .interfere = {broken("metrics", loopback::Reply::text(500, "broken")),
                       broken("kind_metrics", loopback::Reply::text(404, "gone")),
                       broken("examples", loopback::Reply::text(200, "{}").with_fault(loopback::Fault::kNoAnswer)),
                       broken("logs", loopback::Reply::text(413, "too much")),
                       broken("resync_state", loopback::Reply::text(401, "no"))}});
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
  for (const char* what : {"sync metrics", "raw examples", "the log", "the resync's state"}) {
    EXPECT_THAT(ended.err, HasSubstr(std::string(what) + " did not reach the target"));
  }
}

TEST_F(PortLifeTest, OtherSinksAreNoBusinessOfPorts) {
  start();
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  EXPECT_EQ(port_->journal(), std::vector<std::string>());
}

}  // namespace
}  // namespace riptide::e2e

// One resync into Port: every request held against Port's rules by the fake one.
#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::HasSubstr;

class PortTest : public Workspace {
 protected:
  void start(simulator::OctopusOptions octopus, FakePort::Options port = {}) {
    server_ = serve(std::move(octopus));
    point_at(server_->url());
    port_ = std::make_unique<FakePort>(std::move(port));
    for (const auto& [name, value] : port_->environment()) environment_[name] = value;
  }

  std::unique_ptr<simulator::OctopusServer> server_;
  std::unique_ptr<FakePort> port_;
};

TEST_F(PortTest, HoldsWhatTheServerListsAndDeletesWhatDisappeared) {
  start({.spaces = 4, .total_records = 800}, {.owned_page = 300});
  ASSERT_THAT(sync({}), ExitsWith(0)) << "port is the default where its credentials are";
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
  EXPECT_EQ(report().json()["sinks"][0]["sink"].text(), "port");
  EXPECT_EQ(report().total("created"), 804u);
  EXPECT_EQ(port_->resync_ids(), std::set<std::string>{report().json()["run_id"].text()});
  EXPECT_LE(port_->count("token"), 2u) << "one for the mapping, one for the entities";
  const std::string space = server_->spaces()[0];
  const std::string machine = server_->ids(space, "machine")[0];
  EXPECT_EQ(port_->catalogue().at({blueprint_of("machine"), machine}),
            expected_entity(*server_, space, "machine", machine));

  for (int i = 0; i < 40; ++i) ASSERT_TRUE(server_->remove(space, "machine", server_->ids(space, "machine")[0]));
  // What others wrote is theirs.
  port_->put({"service", "of-a-person"}, "port-ui");
  port_->put({"octopusMachine", "of-another-integration"}, "port-ocean/octopus/0.2.166/other/exporter");
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 40u);
  std::set<Identity> expected = listed(*server_);
  expected.insert({"service", "of-a-person"});
  expected.insert({"octopusMachine", "of-another-integration"});
  EXPECT_EQ(keys_of(port_->catalogue()), expected);
}

TEST_F(PortTest, DeletesInHundreds) {
  start({.spaces = 1, .total_records = 0, .kinds = only("machine", {400})});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(server_->remove(space, "machine", server_->ids(space, "machine")[0]));
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 250u);
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
  EXPECT_GE(port_->count("delete"), 3u);
}

TEST_F(PortTest, KindImpliesNoDeleteAndSaysSo) {
  start({.spaces = 2, .total_records = 100});
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  const std::string gone = server_->ids(space, "machine")[0];
  ASSERT_TRUE(server_->remove(space, "machine", gone));
  const Ended ended = sync({"--kind", "machine"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(ended.err, HasSubstr("--kind implies --no-delete"));
  EXPECT_TRUE(port_->has({blueprint_of("machine"), gone}));
  EXPECT_EQ(port_->count("delete"), 0u);
}

TEST_F(PortTest, TheMappingComesFromTheIntegration) {
  start({.spaces = 2, .total_records = 100},
        {.config = R"({"resources":[{"kind":"machine","selector":{"query":"true"},"port":{"entity":{"mappings":
           {"identifier":".Id","blueprint":"\"box\"","title":".Name"}}}}],"enableMergeEntity":false,
           "createMissingRelatedEntities":false,"deleteDependentEntities":false})",
         .delete_dependents = "false",
         .merge = "false",
         .create_missing_related = "false"});
  ASSERT_THAT(sync({}), ExitsWith(0));
  std::set<Identity> boxes;
  for (const std::string& space : server_->spaces()) {
    for (const std::string& id : server_->ids(space, "machine")) boxes.emplace("box", id);
  }
  EXPECT_EQ(keys_of(port_->catalogue()), boxes);
  ASSERT_TRUE(server_->remove(server_->spaces()[0], "machine", server_->ids(server_->spaces()[0], "machine")[0]));
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 1u);
}

TEST_F(PortTest, AnIntegrationWithoutAMappingGetsTheDefault) {
  start({.spaces = 1, .total_records = 20}, {.config = "{}"});
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
}

TEST_F(PortTest, ABrokenExpressionInPortIsNullAndNamedUnlessStrict) {
  start({.spaces = 1, .total_records = 20},
        {.config = R"({"resources":[{"kind":"machine","selector":{"query":"true"},"port":{"entity":{"mappings":
           {"identifier":".Id","blueprint":"\"box\"","title":".Name |","properties":{"a":"nosuchfunction","b":".Id"}}}}}]})"});
  const Ended lenient = sync({});
  EXPECT_THAT(lenient, ExitsWith(0));
  EXPECT_EQ(port_->catalogue().size(), server_->total("machine"));
  std::set<std::string> fields;
  for (const Json& field : report().json()["kinds"][0]["misconfigured"].items()) fields.insert(field["field"].text());
  EXPECT_THAT(fields, ::testing::IsSupersetOf({"title", "properties.a"}));
  const std::size_t upserts = port_->count("upsert");
  const Ended strict = sync({"--strict"});
  EXPECT_THAT(strict, ExitsWith(2));
  EXPECT_THAT(strict.err, HasSubstr("nosuchfunction"));
  EXPECT_EQ(port_->count("upsert"), upserts);
}

TEST_F(PortTest, EntitiesThatPortRefusesAreReportedAndCountAsSeen) {
  start({.spaces = 1, .total_records = 100}, {.refuse = [](const Json& entity) -> std::optional<FakePort::Complaint> {
          if (!entity["identifier"].text().ends_with("3")) return std::nullopt;
          return FakePort::Complaint{422, "invalid_request", "the property \"url\" is of the wrong shape"};
        }});
  std::size_t refused = 0;
  for (const Identity& identity : listed(*server_)) refused += identity.second.ends_with("3") ? 1 : 0;
  ASSERT_GT(refused, 0u);
  port_->put({"octopusMachine", server_->ids(server_->spaces()[0], "machine")[0]},
             "port-ocean/octopus/0.1.0/my-octopus-integration/exporter");
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(1));
  EXPECT_EQ(report().total("rejected"), refused);
  EXPECT_EQ(report().total("deleted"), 0u);
  const Json error = report().json()["errors"][0];
  EXPECT_EQ(error["stage"].text(), "upload");
  EXPECT_THAT(error["message"].text(), HasSubstr("the wrong shape"));
  EXPECT_THAT(ended.err, HasSubstr("the wrong shape"));
}

TEST_F(PortTest, AnswersThatAreTooLargeGoInHalves) {
  start({.spaces = 1, .total_records = 100}, {.accepted_entities = 3});
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
}

TEST_F(PortTest, ATokenThatIsNotTakenAnyMoreIsRefreshed) {
  start({.spaces = 2, .total_records = 400}, {.requests_a_token = 24});
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
  EXPECT_GT(port_->count("token"), 1u);
}

TEST_F(PortTest, WrongCredentialsAreSaidAtOnce) {
  start({.spaces = 1, .total_records = 20});
  environment_["OCEAN__PORT__CLIENT_SECRET"] = "another";
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(4));
  EXPECT_THAT(ended.err, HasSubstr("OCEAN__PORT__CLIENT_SECRET"));
  EXPECT_LE(port_->count("token"), 2u);
  EXPECT_EQ(server_->stats().requests, 0u);
  environment_["OCEAN__PORT__CLIENT_SECRET"] = "SECRET";
  EXPECT_THAT(paste(ended), ExitsWith(0));
  EXPECT_EQ(keys_of(port_->catalogue()), listed(*server_));
}

TEST_F(PortTest, APortThatIsDownIsASinkThatFailed) {
  start({.spaces = 1, .total_records = 20}, {.instead = [](const loopback::ReceivedRequest& request) {
          std::optional<loopback::Reply> reply;
          if (request.path.ends_with("/entities/bulk")) reply = loopback::Reply::text(503, "down");
          return reply;
        }});
  environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "2";
  const Ended ended = sync({"--sink", "port", "--sink", "sqlite:beside.db"});
  ASSERT_THAT(ended, ExitsWith(4));
  EXPECT_THAT(ended.err, HasSubstr("503"));
  EXPECT_EQ(report().total("abandoned", 0), 21u);
  EXPECT_EQ(identities(path("beside.db")), listed(*server_)) << "the other sink has everything";
}

TEST_F(PortTest, TheThresholdCountsAllThatIsOwned) {
  start({.spaces = 1, .total_records = 50},
        {.config = R"({"entityDeletionThreshold":0.1,"resources":[{"kind":"machine","selector":{"query":"true"},
           "port":{"entity":{"mappings":{"identifier":".Id","blueprint":"\"box\""}}}}]})"});
  for (int i = 0; i < 20; ++i) {
    port_->put({"box", "old-" + std::to_string(i)}, "port-ocean/octopus/0.1.9/my-octopus-integration/exporter");
  }
  const Ended guarded = sync({});
  ASSERT_THAT(guarded, ExitsWith(5));
  const std::size_t owned = 20 + server_->total("machine");
  EXPECT_THAT(guarded.err, HasSubstr("20 of " + std::to_string(owned)));
  EXPECT_EQ(port_->count("delete"), 0u);
}

}  // namespace
}  // namespace riptide::e2e

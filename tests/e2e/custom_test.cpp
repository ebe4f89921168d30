// Any REST API with a mapping and no C++, by the real program: what arrives, what is deleted, what is signed.
#include "loopback_server.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using loopback::LoopbackServer;
using loopback::ReceivedRequest;
using loopback::Reply;
using loopback::Script;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr const char* kMapping = R"(
resources:
  - kind: /teams
    selector: {query: "true", data_path: .items}
    port: {entity: {mappings: {identifier: .id, title: .name, blueprint: '"team"'}}}
  - kind: /teams/{team}/members
    selector:
      query: .active
      data_path: .items
      path_parameters:
        team: {endpoint: /teams, data_path: .items, field: .id}
    port: {entity: {mappings: {identifier: '.__team + "/" + .id', blueprint: '"member"', relations: {crew: .__team}}}}
)";

class CustomTest : public Workspace {
 protected:
  void start(const Script& script) {
    server_ = std::make_unique<LoopbackServer>(script);
    environment_["OCEAN__INTEGRATION__TYPE"] = "custom";
    environment_["OCEAN__INTEGRATION__CONFIG__BASE_URL"] = server_->url();
    environment_["OCEAN__INTEGRATION__CONFIG__PAGINATION_TYPE"] = "offset";
    environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = "10";
    environment_["OCEAN__INTEGRATION__CONFIG__TOTAL_PATH"] = "total";
    environment_["OCEAN__RIPTIDE__RETRY_BASE"] = "5ms";
    environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "4";
    write("mapping.yml", kMapping);
  }

  [[nodiscard]] Ended run_into(const std::string& file) const {
    return sync({"--mapping", "mapping.yml", "--sink", "sqlite:" + file});
  }

  std::unique_ptr<LoopbackServer> server_;
};

// A page of a listing with so many records; every third member is not active.
Reply page(const ReceivedRequest& request, std::size_t total, const std::string& prefix) {
  const std::size_t offset = std::stoul(request.parameter("offset").value_or("0"));
  const std::size_t limit = std::stoul(request.parameter("limit").value_or("0"));
  std::string items;
  for (std::size_t i = offset; i < std::min(total, offset + limit); ++i) {
    if (!items.empty()) items += ",";
    const std::string id = prefix + std::to_string(i);
    items += R"({"id":")" + id + R"(","name":"N )" + id + R"(","active":)" + (i % 3 == 0 ? "false" : "true") + "}";
  }
  return Reply::json(R"({"total":)" + std::to_string(total) + R"(,"items":[)" + items + "]}");
}

Script teams(std::size_t count, std::size_t members) {
  Script script;
  script.at("/teams", [count](const ReceivedRequest& request) { return page(request, count, "t"); });
  script.otherwise([members](const ReceivedRequest& request) {
    return request.path.ends_with("/members") ? page(request, members, "m") : Reply::text(404);
  });
  return script;
}

TEST_F(CustomTest, EndpointsBecomeEntitiesAndASecondRunFindsThemUnchanged) {
  start(teams(12, 24));
  ASSERT_THAT(run_into("all.db"), ExitsWith(0));
  const Database database(path("all.db"));
  EXPECT_EQ(database.value("select count(*) from team"), "12");
  EXPECT_EQ(database.value("select count(*) from member"), std::to_string(12 * 16));
  EXPECT_EQ(database.value("select count(*) from member where crew = 't11'"), "16");
  EXPECT_EQ(database.value("select count(distinct scope) from entities where blueprint = 'member'"), "12");
  EXPECT_EQ(server_->requests_to("/teams").size(), 2u) << "its two pages, for the kind and for the values of {team}";

  ASSERT_THAT(run_into("all.db"), ExitsWith(0));
  EXPECT_EQ(report().json()["sinks"][0]["kinds"][1]["unchanged"].count(), 12u * 16u);
}

TEST_F(CustomTest, AnEndpointThatFailsIsAnErrorAndDeletesNothing) {
  start(teams(3, 5));
  ASSERT_THAT(run_into("all.db"), ExitsWith(0));
  Script script;
  script.at("/teams", [](const ReceivedRequest& request) { return page(request, 3, "t"); });
  script.at("/teams/t1/members", Reply::text(404, "gone"));
  script.otherwise([](const ReceivedRequest& request) { return page(request, 2, "m"); });
  start(script);
  const Ended ended = run_into("all.db");
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr("/teams/{team}/members"));
  EXPECT_EQ(Database(path("all.db")).value("select count(*) from member where crew = 't0'"), "3")
      << "what the other teams lost stays too: the run was not complete";
}

TEST_F(CustomTest, AValueListingThatFailsLeavesItsEndpointOpen) {
  start(teams(3, 5));
  ASSERT_THAT(run_into("all.db"), ExitsWith(0));
  start(Script().otherwise([](const ReceivedRequest&) { return Reply::text(403, "no"); }));
  const Ended ended = run_into("all.db");
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr("AUTH_TYPE"));
  EXPECT_EQ(Database(path("all.db")).value("select count(*) from entities"), std::to_string(3 + 3 * 3));
}

TEST_F(CustomTest, CredentialsAreFetchedOnceAndPutWhereTheTemplateSays) {
  Script script;
  script.at("/token", Reply::json(R"({"access_token": "T-1", "user": {"id": 7}})"));
  script.otherwise([](const ReceivedRequest& request) {
    const bool is_signed = request.header("Authorization") == "Bearer T-1" && request.parameter("as") == "7";
    return !is_signed ? Reply::text(401) : page(request, request.path == "/teams" ? 3 : 5, "x");
  });
  start(script);
  environment_["OCEAN__INTEGRATION__CONFIG__AUTH_TYPE"] = "custom";
  environment_["OCEAN__INTEGRATION__CONFIG__CUSTOM_AUTH_REQUEST"] =
      R"({"endpoint": "/token", "body": {"client": "c", "secret": "S3CRET"}})";
  environment_["OCEAN__INTEGRATION__CONFIG__CUSTOM_AUTH_REQUEST_TEMPLATE"] =
      R"({"headers": {"Authorization": "Bearer {{.access_token}}"}, "queryParams": {"as": "{{.user.id}}"}})";
  const Ended ended = run_into("all.db");
  ASSERT_THAT(ended, ExitsWith(0));
  const auto tokens = server_->requests_to("/token");
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens[0].body, R"({"client":"c","secret":"S3CRET"})");
  EXPECT_THAT(ended.err, ::testing::Not(AnyOf(HasSubstr("S3CRET"), HasSubstr("T-1"))));
}

// Settings that Ocean's integration documents and drops.
TEST_F(CustomTest, SettingsThatOceanDropsAreHeeded) {
  start(Script().otherwise([](const ReceivedRequest& request) {
    return request.parameter("skip") && request.parameter("take") == "10" ? Reply::json(R"({"total":0,"items":[]})")
                                                                          : Reply::text(404);
  }));
  environment_["OCEAN__INTEGRATION__CONFIG__OFFSET_PARAM"] = "skip";
  environment_["OCEAN__INTEGRATION__CONFIG__LIMIT_PARAM"] = "take";
  environment_["OCEAN__INTEGRATION__CONFIG__CURSOR_PARAM"] = "of another page style";
  EXPECT_THAT(run_into("all.db"), ExitsWith(0));

  start(
      Script().otherwise([](const ReceivedRequest&) { return Reply::json("{}").with_delay(std::chrono::minutes(1)); }));
  environment_["OCEAN__INTEGRATION__CONFIG__TIMEOUT"] = "1";
  environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "1";
  const Ended ended = run_into("all.db");
  EXPECT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr("timed out"));
}

TEST_F(CustomTest, AnApiThatSendsTheSamePageForEverIsAnError) {
  environment_["OCEAN__INTEGRATION__CONFIG__TOTAL_PATH"] = "";
  start(Script().otherwise([](const ReceivedRequest&) {
    return Reply::json(R"({"items": [{"id": "a"}, {"id": "b"}], "has_more": true})");
  }));
  environment_.erase("OCEAN__INTEGRATION__CONFIG__TOTAL_PATH");
  const Ended ended = run_into("all.db");
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(report().json()["scopes"][0]["error"].text(), HasSubstr("pagination_param"));
}

TEST_F(CustomTest, WrongSelectorsAreSaidBeforeAnythingIsAskedFor) {
  start(teams(1, 1));
  write("mapping.yml", R"(
resources:
  - kind: /teams/{team}
    selector: {query: "true"}
    port: {entity: {mappings: {identifier: .id, blueprint: '"team"'}}}
)");
  const Ended ended = run_into("all.db");
  ASSERT_THAT(ended, ExitsWith(2));
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("mapping.yml:4:15: resources[0].selector"), HasSubstr("has no entry for {team}")));
  EXPECT_EQ(server_->num_requests(), 0u);
}

// A server with entity tags is asked whether its pages still hold.
TEST_F(CustomTest, PagesThatStillHoldAreNotSentAgain) {
  const auto tagged = [](Reply reply, const ReceivedRequest& request) {
    const std::string tag = "\"" + std::to_string(std::hash<std::string>()(reply.body)) + "\"";
    if (request.header("if-none-match") == tag) return Reply::text(304).with_header("ETag", tag);
    return reply.with_header("ETag", tag);
  };
  Script script;
  script.at("/teams", [=](const ReceivedRequest& request) { return tagged(page(request, 12, "t"), request); });
  script.otherwise([=](const ReceivedRequest& request) { return tagged(page(request, 24, "m"), request); });
  start(script);
  const auto of_host = [this](const char* field) { return report().json()["hosts"][0][field].count(); };
  const auto bytes_in = [this] {
    return report().json()["kinds"][0]["bytes_in"].count() + report().json()["kinds"][1]["bytes_in"].count();
  };
  ASSERT_THAT(run_into("all.db"), ExitsWith(0));
  EXPECT_EQ(of_host("status_304"), 0u);
  EXPECT_GT(bytes_in(), 10'000u);
  const std::uint64_t read = report().total("read");
  ASSERT_THAT(run_into("all.db"), ExitsWith(0));
  EXPECT_EQ(of_host("status_304"), of_host("requests"));
  EXPECT_EQ(bytes_in(), 0u);
  EXPECT_EQ(report().total("read"), read);
  EXPECT_EQ(report().total("unchanged") + report().total("filtered"), read);
  const auto kept = [this] {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path(""))) {
      files += entry.path().string().ends_with(".pages") ? 1 : 0;
    }
    return files;
  };
  EXPECT_EQ(kept(), 1u);
  environment_["OCEAN__RIPTIDE__PAGE_CACHE"] = "0";
  ASSERT_THAT(run_into("all.db"), ExitsWith(0));
  EXPECT_EQ(of_host("status_304"), 0u);
  EXPECT_EQ(kept(), 0u) << "0 keeps none, and removes what is there";
}

}  // namespace
}  // namespace riptide::e2e

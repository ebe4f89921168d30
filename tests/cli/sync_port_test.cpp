#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopback_server.hpp"
#include "program_run.hpp"
#include "riptide/simulator/octopus_server.hpp"

namespace riptide::cli {
namespace {

using loopback::LoopbackServer;
using loopback::ReceivedRequest;
using loopback::Reply;
using simulator::OctopusServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A Port that takes everything. `integration` is what it answers about the integration.
class SyncPort : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = OctopusServer::start({.spaces = 2, .total_records = 8, .record_bytes = 600});
    octopus_ = std::move(std::get<std::unique_ptr<OctopusServer>>(started));
    folder_.environment = {{"OCEAN__INTEGRATION__TYPE", "octopus"},
                           {"OCEAN__INTEGRATION__CONFIG__SERVER_URL", octopus_->url()},
                           {"OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY", "API-1"},
                           {"OCEAN__PORT__BASE_URL", port_.url()},
                           {"OCEAN__PORT__CLIENT_ID", "the-id"},
                           {"OCEAN__PORT__CLIENT_SECRET", "the-secret"},
                           {"OCEAN__RIPTIDE__RETRY_BASE", "1ms"},
                           {"OCEAN__RIPTIDE__RETRY_ATTEMPTS", "2"}};
  }

  Reply answer(const ReceivedRequest& request) {
    if (request.path == "/v1/auth/access_token") return token_;
    if (request.path.starts_with("/v1/integration/")) return integration_;
    if (request.path.ends_with("/entities/bulk")) {
      std::string entities;
      for (std::size_t at = 0, index = 0; (at = request.body.find("\"identifier\":", at)) != std::string::npos;
           ++at, ++index) {
        entities += (index == 0 ? "" : ",") + std::string("{\"index\":") + std::to_string(index) +
                    ",\"identifier\":\"x\",\"created\":true}";
      }
      return Reply::json("{\"ok\":true,\"entities\":[" + entities + "],\"errors\":[]}");
    }
    if (request.path.ends_with("/datasource-entities"))
      return Reply::json("{\"ok\":true,\"entities\":[],\"next\":null}");
    return Reply::text(404);
  }

  ProgramRun sync(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), "sync");
    ProgramRun run = folder_.run(flags);
    EXPECT_THAT(run.err, Not(HasSubstr("the-secret")));
    return run;
  }

  Reply token_ = Reply::json(R"({"ok":true,"accessToken":"T","expiresIn":3600,"tokenType":"Bearer"})");
  Reply integration_ = Reply::text(404, R"({"ok":false,"error":"not_found"})");
  LoopbackServer port_{[this](const ReceivedRequest& request) { return answer(request); }};
  std::unique_ptr<OctopusServer> octopus_;
  ProgramFolder folder_;
};

std::string integration_with(const std::string& config) {
  return R"({"ok":true,"integration":{"identifier":"my-octopus-integration","config":)" + config + "}}";
}

std::string mapping_with(const std::string& title) {
  return R"({"resources":[{"kind":"space","selector":{"query":"true"},"port":{"entity":{"mappings":{"identifier":".Id",)"
         R"("blueprint":"\"mine\"","title":")" +
         title + R"("}}}}]})";
}

TEST_F(SyncPort, IsTheDefaultSinkWhereItsCredentialsAre) {
  const ProgramRun run = sync();
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("-> port"), HasSubstr("no mapping for my-octopus-integration")));
  EXPECT_THAT(port_.requests_to("/v1/blueprints/octopusSpace/entities/bulk"), SizeIs(1));
  EXPECT_FALSE(folder_.exists("riptide.db"));
}

TEST_F(SyncPort, TakesTheMappingOfTheIntegration) {
  integration_ = Reply::json(integration_with(mapping_with(".Name")));
  const ProgramRun run = sync();
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("the mapping of my-octopus-integration in Port"));
  EXPECT_THAT(port_.requests_to("/v1/blueprints/mine/entities/bulk"), SizeIs(1));
  const auto asked = port_.requests_to("/v1/integration/my-octopus-integration");
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].header("Authorization"), "Bearer T");
}

TEST_F(SyncPort, AMappingFileWinsOverPort) {
  folder_.write("m.yaml", mapping_with(".Name"));
  EXPECT_EQ(sync({"--mapping", "m.yaml"}).exit_code, 0);
  EXPECT_THAT(port_.requests_to("/v1/integration/my-octopus-integration"), IsEmpty());
}

TEST_F(SyncPort, ABrokenExpressionInPortIsNullUnlessStrict) {
  integration_ = Reply::json(integration_with(mapping_with(".Name | nosuch")));
  const ProgramRun lenient = sync();
  EXPECT_EQ(lenient.exit_code, 0) << lenient.err;
  EXPECT_THAT(lenient.err, AllOf(HasSubstr("warning"), HasSubstr("nosuch")));
  const ProgramRun strict = sync({"--strict"});
  EXPECT_EQ(strict.exit_code, 2) << strict.err;
}

TEST_F(SyncPort, RefusedCredentialsAreFourWithAReport) {
  token_ = Reply::text(401, R"({"ok":false,"error":"invalid_credentials"})");
  const ProgramRun run = sync({"--report", "report.json"});
  EXPECT_EQ(run.exit_code, 4) << run.err;
  EXPECT_THAT(run.err, HasSubstr("the mapping could not be read from Port"));
  EXPECT_EQ(run.last_line_of_err(), "riptide sync --report report.json");
  EXPECT_THAT(folder_.read("report.json"), HasSubstr("\"status\":\"failed\""));
}

TEST_F(SyncPort, APortThatIsNotThereIsFour) {
  folder_.environment["OCEAN__PORT__BASE_URL"] = "http://127.0.0.1:9";
  const ProgramRun run = sync();
  EXPECT_EQ(run.exit_code, 4) << run.err;
  EXPECT_THAT(run.err, HasSubstr("127.0.0.1:9"));
}

TEST_F(SyncPort, AKindFilterImpliesNoDeleteAndSaysSo) {
  const ProgramRun run = sync({"--kind", "space"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("--kind implies --no-delete"));
  EXPECT_THAT(port_.requests_to("/v1/blueprints/entities/datasource-entities"), IsEmpty());
}

}  // namespace
}  // namespace riptide::cli

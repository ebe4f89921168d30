#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopback_port/loopback_port.hpp"
#include "program_run.hpp"
#include "riptide/simulator/octopus_server.hpp"

namespace riptide::cli {
namespace {

using loopback::LoopbackPort;
using simulator::OctopusServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SyncPort : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = OctopusServer::start({.spaces = 2, .total_records = 8, .record_bytes = 600});
    octopus_ = std::move(std::get<std::unique_ptr<OctopusServer>>(started));
    folder_.environment = {{"OCEAN__INTEGRATION__TYPE", "octopus"},
                           {"OCEAN__INTEGRATION__CONFIG__SERVER_URL", octopus_->url()},
                           {"OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY", "API-1"},
                           {"OCEAN__RIPTIDE__RETRY_BASE", "1ms"},
                           {"OCEAN__RIPTIDE__RETRY_ATTEMPTS", "2"}};
    start({});
  }

  void start(LoopbackPort::Options options) {
    options.client_secret = "the-secret";
    port_ = std::make_unique<LoopbackPort>(std::move(options));
    for (const auto& [name, value] : port_->environment()) folder_.environment[name] = value;
  }

  ProgramRun sync(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), "sync");
    ProgramRun run = folder_.run(flags);
    EXPECT_THAT(run.err, Not(HasSubstr("the-secret")));
    return run;
  }

  std::unique_ptr<OctopusServer> octopus_;
  std::unique_ptr<LoopbackPort> port_;
  ProgramFolder folder_;
};

std::string mapping_with(const std::string& title) {
  return R"({"resources":[{"kind":"space","selector":{"query":"true"},"port":{"entity":{"mappings":{"identifier":".Id",)"
         R"("blueprint":"\"mine\"","title":")" +
         title + R"("}}}}]})";
}

TEST_F(SyncPort, IsTheDefaultSinkWhereItsCredentialsAre) {
  const ProgramRun run = sync();
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("-> port"));
  EXPECT_TRUE(port_->has({"octopusSpace", "Spaces-1"}));
  EXPECT_FALSE(folder_.exists("riptide.db"));
}

TEST_F(SyncPort, TakesTheMappingOfTheIntegration) {
  start({.config = mapping_with(".Name")});
  const ProgramRun run = sync();
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("the mapping of my-octopus-integration in Port"));
  EXPECT_EQ(port_->count("upsert"), 1u);
  EXPECT_TRUE(port_->has({"mine", "Spaces-1"}));
  EXPECT_EQ(port_->count("integration"), 1u) << "nothing of it was to be changed";
}

TEST_F(SyncPort, AMappingFileWinsOverPort) {
  folder_.write("m.yaml", mapping_with(".Name"));
  EXPECT_EQ(sync({"--mapping", "m.yaml"}).exit_code, 0);
  EXPECT_TRUE(port_->has({"mine", "Spaces-1"}));
}

TEST_F(SyncPort, ABrokenExpressionInPortIsNullUnlessStrict) {
  start({.config = mapping_with(".Name | nosuch")});
  const ProgramRun lenient = sync();
  EXPECT_EQ(lenient.exit_code, 0) << lenient.err;
  EXPECT_THAT(lenient.err, AllOf(HasSubstr("warning"), HasSubstr("nosuch")));
  const ProgramRun strict = sync({"--strict"});
  EXPECT_EQ(strict.exit_code, 2) << strict.err;
}

TEST_F(SyncPort, RefusedCredentialsAreFourWithAReport) {
  folder_.environment["OCEAN__PORT__CLIENT_ID"] = "another";
  const ProgramRun run = sync({"--report", "report.json"});
  EXPECT_EQ(run.exit_code, 4) << run.err;
  EXPECT_THAT(run.err, HasSubstr("the integration could not be made ready in Port"));
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
  EXPECT_EQ(port_->count("owned"), 0u);
}

}  // namespace
}  // namespace riptide::cli

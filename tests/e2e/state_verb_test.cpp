// riptide state and riptide runs, with the real program.
#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class StateVerbTest : public Workspace {
 protected:
  void SetUp() override {
    server_ = serve({.spaces = 2, .total_records = 100});
    point_at(server_->url());
    port_ = std::make_unique<FakePort>(FakePort::Options{.owned_page = 30});
    for (const auto& [name, value] : port_->environment()) environment_[name] = value;
  }
  [[nodiscard]] Json json_of(std::vector<std::string> arguments, int exit_code = 0) const {
    arguments.emplace_back("--json");
    const Ended ended = riptide(std::move(arguments));
    EXPECT_THAT(ended, ExitsWith(exit_code));
    return Json::parse(ended.out);
  }

  std::unique_ptr<simulator::OctopusServer> server_;
  std::unique_ptr<FakePort> port_;
};

TEST_F(StateVerbTest, ShowsWhatIsRemembered) {
  EXPECT_EQ(json_of({"state", "show"})["exists"].dump(), "false");
  EXPECT_THAT(riptide({"state", "show"}).out, HasSubstr("nothing is remembered"));
  ASSERT_THAT(sync({}), ExitsWith(0));
  const Json shown = json_of({"state", "show"});
  EXPECT_EQ(shown["entities"].count(), 102u);
  EXPECT_EQ(shown["target"].text(), "port:" + port_->url());
  EXPECT_EQ(shown["kinds"]["space"].count(), 2u);
  EXPECT_EQ(shown["runs"].count(), 1u);
  EXPECT_THAT(riptide({"state", "show"}).out, AllOf(HasSubstr("102"), HasSubstr("machine"), HasSubstr("complete")));
  // The file alone says it too.
  const std::string file = shown["file"].text();
  environment_.erase("OCEAN__INTEGRATION__TYPE");
  EXPECT_EQ(json_of({"state", "show", "--state", file})["entities"].count(), 102u);
}

TEST_F(StateVerbTest, ResetForgets) {
  ASSERT_THAT(sync({}), ExitsWith(0));
  ASSERT_THAT(riptide({"state", "reset"}), ExitsWith(0));
  ASSERT_THAT(riptide({"state", "reset"}), ExitsWith(0));
  const std::size_t before = port_->count("upsert");
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(report().total("updated"), 102u);
  EXPECT_GT(port_->count("upsert"), before);
}

TEST_F(StateVerbTest, VerifyFindsWhatDiffers) {
  ASSERT_THAT(riptide({"state", "verify"}), ExitsWith(0)) << "nothing is remembered";
  ASSERT_THAT(sync({}), ExitsWith(0));
  const Json sample = json_of({"state", "verify"});
  EXPECT_EQ(sample["whole"].dump(), "false");
  EXPECT_EQ(sample["listed"].count(), 60u);
  const Json same = json_of({"state", "verify", "--all"});
  EXPECT_EQ(same["there"].count(), 102u);
  EXPECT_EQ(same["missing"].count(), 0u);

  const std::string machine = server_->ids(server_->spaces()[0], "machine")[0];
  port_->erase({blueprint_of("machine"), machine});
  port_->put({"octopusMachine", "stranger"}, "port-ocean/octopus/0.2.166/my-octopus-integration/exporter");
  const Json differs = json_of({"state", "verify", "--all"}, 1);
  EXPECT_EQ(differs["missing"].count(), 1u);
  EXPECT_EQ(differs["unknown"].count(), 1u);
  EXPECT_THAT(differs["examples"].dump(),
              AllOf(HasSubstr("octopusMachine/stranger"), HasSubstr("a machine of " + server_->spaces()[0])));
  EXPECT_EQ(port_->count("delete"), 0u);
}

TEST_F(StateVerbTest, VerifyOfAPortThatRefusesIsAFailure) {
  ASSERT_THAT(sync({}), ExitsWith(0));
  environment_["OCEAN__PORT__CLIENT_SECRET"] = "WRONG";
  EXPECT_THAT(riptide({"state", "verify"}), ExitsWith(4));
}

TEST_F(StateVerbTest, RunsAreListedAndTheirReportsShown) {
  EXPECT_THAT(riptide({"runs"}), ExitsWith(0));
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::string id = report().json()["run_id"].text();
  ASSERT_THAT(sync({}), ExitsWith(0));
  const Ended listed = riptide({"runs"});
  ASSERT_THAT(listed, ExitsWith(0));
  EXPECT_THAT(listed.out, AllOf(HasSubstr(id), HasSubstr("complete")));
  EXPECT_EQ(std::count(listed.out.begin(), listed.out.end(), '\n'), 3);
  const Ended shown = riptide({"runs", id.substr(0, 13)});
  ASSERT_THAT(shown, ExitsWith(0));
  EXPECT_EQ(Json::parse(shown.out)["run_id"].text(), id);
  EXPECT_THAT(riptide({"runs", "nonesuch"}), ExitsWith(2));
}

TEST_F(StateVerbTest, WrongUsageIsSaid) {
  EXPECT_THAT(riptide({"state", "shaw"}), ExitsWith(2));
  EXPECT_THAT(riptide({"state", "reset", "--all"}), ExitsWith(2));
  EXPECT_THAT(riptide({"state", "show", "--sink", "null"}), ExitsWith(2));
}

}  // namespace
}  // namespace riptide::e2e

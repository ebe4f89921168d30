// A plan that is carried out: exactly what it says, or nothing.
#include "planned.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PlanApplyTest : public Workspace {
 protected:
  void start(simulator::OctopusOptions options) {
    server_ = serve(std::move(options));
    point_at(server_->url());
    space_ = server_->spaces()[0];
  }
  [[nodiscard]] Ended plan(std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"plan", "--progress", "none", "--out", "plan.json"});
    return riptide(std::move(arguments));
  }
  // A catalogue that lags behind the source: something to create, to update and to delete.
  void lag_behind(const std::vector<std::string>& flags = {}) {
    ASSERT_THAT(sync(flags), ExitsWith(0));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(server_->remove(space_, "machine", server_->ids(space_, "machine")[0]));
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(server_->update(space_, "release", server_->ids(space_, "release")[i]));
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(server_->create(space_, "project"));
  }
  [[nodiscard]] std::map<Identity, std::string> held() const { return contents_of(path("riptide.db")); }

  std::unique_ptr<simulator::OctopusServer> server_;
  std::string space_;
};

TEST_F(PlanApplyTest, DoesWhatThePlanSays) {
  start({.spaces = 3, .total_records = 300});
  lag_behind();
  const auto before = held();
  const Ended planned = plan();
  ASSERT_THAT(planned, ExitsWith(0));
  EXPECT_EQ(read("plan.json"), planned.out);
  EXPECT_EQ(held(), before);
  ASSERT_THAT(sync({"--apply", "plan.json"}), ExitsWith(0));
  const Planned done(planned.out);
  EXPECT_EQ(done.count("created"), 5u);
  EXPECT_EQ(done.count("updated"), 4u);
  EXPECT_EQ(done.count("deleted"), 3u);
  expect_done(done, before, held(), report());
  EXPECT_EQ(identities(path("riptide.db")), listed(*server_));

  const Ended again = sync({"--apply", "plan.json"});
  ASSERT_THAT(again, ExitsWith(2)) << "it is done";
  EXPECT_THAT(again.err, AllOf(HasSubstr("the catalogue has moved"), HasSubstr("in the plan and not any more: 12")));
}

TEST_F(PlanApplyTest, FillsAnEmptyCatalogueInMoreThanOneWave) {
  start({.spaces = 5, .total_records = 6000, .skew = 1});
  ASSERT_THAT(plan({"--memory", "16MiB"}), ExitsWith(0));
  ASSERT_THAT(sync({"--apply", "plan.json", "--memory", "16MiB"}), ExitsWith(0));
  EXPECT_EQ(report().total("created"), 6005u);
  EXPECT_EQ(identities(path("riptide.db")), listed(*server_));
  EXPECT_EQ(Database(path("riptide.db")).value("select count(*) from octopusMachine"),
            std::to_string(server_->total("machine")))
      << "with its views";
}

TEST_F(PlanApplyTest, AnotherTargetThatIsWrittenAnewIsWritten) {
  start({.spaces = 2, .total_records = 100});
  ASSERT_THAT(plan({"--sink", "ndjson:all.ndjson"}), ExitsWith(0));
  ASSERT_THAT(sync({"--sink", "ndjson:all.ndjson", "--apply", "plan.json"}), ExitsWith(0));
  EXPECT_EQ(keys_of(lines_of(read("all.ndjson"))), listed(*server_));
}

TEST_F(PlanApplyTest, RefusesWhenTheSourceHasMoved) {
  start({.spaces = 3, .total_records = 300});
  lag_behind();
  ASSERT_THAT(plan(), ExitsWith(0));
  const std::string late = server_->ids(space_, "deployment")[0];
  ASSERT_TRUE(server_->update(space_, "deployment", late));
  const auto before = held();
  const std::string bytes = read("riptide.db");
  const Ended ended = sync({"--apply", "plan.json"});
  ASSERT_THAT(ended, ExitsWith(2));
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("does not hold any more; nothing was written"), HasSubstr("the source has moved"),
                    HasSubstr("not in the plan: 1"), HasSubstr("update octopusDeployment/" + late)));
  EXPECT_EQ(held(), before);
  EXPECT_EQ(read("riptide.db"), bytes);
}

TEST_F(PlanApplyTest, RefusesWhenWhatIsDeletedHasMoved) {
  start({.spaces = 3, .total_records = 300});
  lag_behind();
  ASSERT_THAT(plan(), ExitsWith(0));
  const std::string gone = server_->ids(space_, "machine")[0];
  ASSERT_TRUE(server_->remove(space_, "machine", gone));
  const Ended ended = sync({"--apply", "plan.json"});
  ASSERT_THAT(ended, ExitsWith(2));
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("the source has moved"), HasSubstr("not in the plan: 1 (delete octopusMachine/" + gone)));
}

TEST_F(PlanApplyTest, RefusesWhenTheCatalogueHasMoved) {
  start({.spaces = 3, .total_records = 300});
  lag_behind();
  ASSERT_THAT(plan(), ExitsWith(0));
  const std::string machine = server_->ids(space_, "machine")[0];
  Database(path("riptide.db")).execute("update entities set title = 'by hand' where identifier = '" + machine + "'");
  const auto before = held();
  const Ended ended = sync({"--apply", "plan.json"});
  ASSERT_THAT(ended, ExitsWith(2));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("the catalogue has moved"), HasSubstr("not in the plan: 1"),
                               HasSubstr("update octopusMachine/" + machine), Not(HasSubstr("the source has moved"))));
  EXPECT_EQ(held(), before);
}

TEST_F(PlanApplyTest, AnotherRunsPlanIsRefusedBeforeTheSourceIsAsked) {
  start({.spaces = 2, .total_records = 100});
  lag_behind();
  ASSERT_THAT(plan(), ExitsWith(0));
  const std::string good = read("plan.json");
  const auto before = held();
  const std::uint64_t requests = server_->stats().requests;
  write("mapping.yaml", small_mapping({"machine"}));
  struct Case {
    std::vector<std::string> flags;
    const char* says;
  };
  for (const Case& c :
       {Case{{"--mapping", "mapping.yaml"}, "the mapping is not the one"},
        Case{{"--sink", "sqlite:other.db"}, "target: planned with"}, Case{{"--sink", "null"}, "target: planned with"},
        Case{{"--kind", "machine"}, "--kind: planned with all kinds, here machine"},
        Case{{"--no-delete"}, "deleting: planned with allowed, here switched off"},
        Case{{"--delete-scope", "closed"}, "--delete-scope: planned with all, here closed"},
        Case{{"--max-delete", "3"}, "--max-delete: planned with none, here 3"}}) {
    std::vector<std::string> flags = c.flags;
    flags.insert(flags.end(), {"--apply", "plan.json"});
    const Ended ended = sync(flags);
    ASSERT_THAT(ended, ExitsWith(2)) << c.says;
    EXPECT_THAT(ended.err, HasSubstr(c.says));
  }
  environment_["OCEAN__INTEGRATION__IDENTIFIER"] = "another";
  EXPECT_THAT(sync({"--apply", "plan.json"}).err, HasSubstr("integration: planned with my-octopus-integration"));
  environment_.erase("OCEAN__INTEGRATION__IDENTIFIER");

  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  for (const auto& [text, says] : std::vector<std::pair<std::string, const char*>>{
           {replaced("riptide-plan/1", "riptide-plan/2"), "of another version"},
           {replaced("\"digest\":\"", "\"digest\":\"0"), "edited"},
           {good.substr(0, good.size() - 3), "cut off"},
           {good.substr(0, good.rfind("{\"kind\"")) + "]}\n", "edited"},
           {"", "it is empty"},
           {"{}\n", "is not a plan"},
           {"\xff\xfe garbage", "is not a plan"}}) {
    write("plan.json", text);
    const Ended ended = sync({"--apply", "plan.json"});
    ASSERT_THAT(ended, ExitsWith(2)) << says;
    EXPECT_THAT(ended.err, HasSubstr(says));
  }
  EXPECT_THAT(sync({"--apply", "no-such-plan.json"}), ExitsWith(2));
  EXPECT_THAT(sync({"--apply", "."}), ExitsWith(2));
  EXPECT_EQ(server_->stats().requests, requests) << "the source was not asked";
  EXPECT_EQ(held(), before);
}

TEST_F(PlanApplyTest, AGuardHoldsAsThePlanSaid) {
  start({.spaces = 2, .total_records = 200});
  lag_behind();
  const auto before = held();
  ASSERT_THAT(plan({"--max-delete", "2"}), ExitsWith(0));
  ASSERT_THAT(sync({"--max-delete", "2", "--apply", "plan.json"}), ExitsWith(5));
  EXPECT_EQ(report().total("created"), 5u);
  EXPECT_EQ(report().total("updated"), 4u);
  EXPECT_EQ(report().total("deleted"), 0u);
  EXPECT_EQ(report().json()["guard"]["stale"].count(), 3u);
  EXPECT_EQ(held().size(), before.size() + 5);
}

TEST_F(PlanApplyTest, ARunThatDidNotEndIsNotGoneOnFromAfterIt) {
  simulator::OctopusOptions options{.spaces = 3, .total_records = 300};
  start(options);
  const std::vector<std::string> spaces = server_->spaces();
  const std::uint16_t port = server_->port();
  const auto again = [&](std::vector<simulator::FaultRule> rules) {
    server_.reset();
    options.port = port;
    options.faults.rules = std::move(rules);
    start(options);
  };
  again({{.target = "/" + spaces[2] + "/", .fault = simulator::Fault::kStatus, .status = 403}});
  ASSERT_THAT(sync({}), ExitsWith(3)) << "and keeps a journal";
  again({});
  const auto made = server_->create(spaces[0], "machine");  // Its listing is settled in the journal.
  ASSERT_TRUE(made);
  ASSERT_THAT(plan(), ExitsWith(0));
  EXPECT_THAT(sync({"--apply", "plan.json", "--resume"}), ExitsWith(2));
  ASSERT_THAT(sync({"--apply", "plan.json"}), ExitsWith(0));
  ASSERT_THAT(sync({"--resume"}), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 0u);
  EXPECT_EQ(identities(path("riptide.db")), listed(*server_));
}

TEST_F(PlanApplyTest, ASourceThatIsIncompleteNowIsCode3AndNothingIsWritten) {
  simulator::OctopusOptions options{.spaces = 3, .total_records = 300};
  start(options);
  lag_behind();
  ASSERT_THAT(plan(), ExitsWith(0));
  const auto before = held();
  options.faults.rules = {{.target = "/" + space_ + "/machines", .fault = simulator::Fault::kStatus, .status = 403}};
  start(options);
  ASSERT_THAT(sync({"--apply", "plan.json"}), ExitsWith(3));
  EXPECT_EQ(report().total("created") + report().total("updated") + report().total("deleted"), 0u);
  EXPECT_EQ(held(), before);
}

}  // namespace
}  // namespace riptide::e2e

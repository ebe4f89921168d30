// riptide state and riptide runs, with the real program.
#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kDatasource[] = "port-ocean/octopus/0.2.166/my-octopus-integration/exporter";

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
  const Json same = json_of({"state", "verify", "--all"});
  EXPECT_EQ(same["there"].count(), 102u);
  EXPECT_EQ(same["compared"].count(), 102u);
  EXPECT_EQ(same["not_kept"].count(), 0u);
  EXPECT_EQ(same["entities_total"].count(), 0u);

  const auto machines = server_->ids(server_->spaces()[0], "machine");
  port_->erase({blueprint_of("machine"), machines[0]});
  port_->put({"octopusMachine", "stranger"}, kDatasource);
  const Json differs = json_of({"state", "verify", "--all"}, 1);
  EXPECT_EQ(differs["missing"].count(), 1u);
  EXPECT_EQ(differs["extra"].count(), 1u);
  EXPECT_EQ(differs["changed"].count(), 0u);
  EXPECT_THAT(differs["entities"].dump(),
              AllOf(HasSubstr(R"("identifier":"stranger")"), HasSubstr(R"("what":"extra")"),
                    HasSubstr(R"("identifier":")" + machines[0] + '"'), HasSubstr(R"("what":"missing")"),
                    HasSubstr(R"("partition":")" + server_->spaces()[0] + '"')));
  EXPECT_EQ(port_->count("delete"), 0u);
}

TEST_F(StateVerbTest, VerifyNamesTheFieldsThatSomebodyChanged) {
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::size_t upserts = port_->count("upsert");
  const auto catalogue = port_->catalogue();
  const auto changed = [&](const FakePort::Identity& identity, std::string_view from, std::string_view to) {
    std::string json = catalogue.at(identity);
    const auto at = json.find(from);
    ASSERT_NE(at, std::string::npos) << json;
    json.replace(at, from.size(), to);
    port_->put(identity, kDatasource, json);
  };
  const FakePort::Identity machine{blueprint_of("machine"), server_->ids(server_->spaces()[0], "machine")[0]};
  const FakePort::Identity project{blueprint_of("project"), server_->ids(server_->spaces()[0], "project")[0]};
  const FakePort::Identity release{blueprint_of("release"), server_->ids(server_->spaces()[1], "release")[0]};
  changed(machine, R"("properties":{)", R"("properties":{"x":1,)");  // Nothing that the mapping sets.
  changed(project, R"("relations":{"space":")", R"("relations":{"space":"other)");
  changed(release, R"("title":")", R"("title":"other )");
  const FakePort::Identity edited{blueprint_of("machine"), server_->ids(server_->spaces()[1], "machine")[0]};
  std::string property;
  const Json properties = Json::parse(catalogue.at(edited))["properties"];
  for (const std::string& name : properties.keys()) {
    if (properties[name].dump().starts_with('"')) property = name;
  }
  ASSERT_FALSE(property.empty()) << properties.dump();
  changed(edited, '"' + property + "\":" + properties[property].dump(), '"' + property + R"(":"edited")");
  // The same in other words: not a change.
  const FakePort::Identity space{blueprint_of("space"), server_->spaces()[0]};
  const Json entity = Json::parse(catalogue.at(space));
  std::string reordered = "{\"relations\":" + (entity.find("relations") ? entity["relations"].dump() : "{}");
  for (const char* const name : {"properties", "title"}) {
    if (const auto value = entity.find(name)) {
      reordered += ",\"" + std::string(name) + "\":" + value->dump();
    }
  }
  port_->put(space, kDatasource, reordered + R"(,"identifier":")" + space.second + R"("})");

  const Json differs = json_of({"state", "verify", "--all"}, 1);
  EXPECT_EQ(differs["changed"].count(), 3u) << differs.dump();
  EXPECT_EQ(differs["entities_total"].count(), 3u);
  std::map<std::string, std::string> fields;
  for (const Json& one : differs["entities"].items()) fields[one["identifier"].text()] = one["fields"].dump();
  EXPECT_EQ(fields[project.second], R"(["relations.space"])");
  EXPECT_EQ(fields[release.second], R"(["title"])");
  EXPECT_EQ(fields[edited.second], "[\"properties." + property + "\"]");
  EXPECT_EQ(port_->count("upsert"), upserts) << "it writes nothing";
  const Ended table = riptide({"state", "verify", "--all"});
  EXPECT_THAT(table, ExitsWith(1));
  EXPECT_THAT(table.out, HasSubstr("changed: " + project.first + "/" + project.second + " (relations.space)"));
}

TEST_F(StateVerbTest, VerifyReadsASampleBackByItsSeed) {
  ASSERT_THAT(sync({}), ExitsWith(0));
  // Every entity differs: what is found is what was read.
  for (const auto& [identity, json] : port_->catalogue()) {
    std::string other = json;
    const auto at = other.find(R"("title":")");
    if (at != std::string::npos) other.insert(at + 9, "other ");
    port_->put(identity, kDatasource, other);
  }
  const auto names = [](const Json& drift) {
    std::set<std::string> found;
    for (const Json& one : drift["entities"].items()) found.insert(one["blueprint"].text() + one["identifier"].text());
    return found;
  };
  const Json sample = json_of({"state", "verify", "--sample", "10", "--seed", "7"}, 1);
  EXPECT_EQ(sample["listed"].count(), 102u) << "what is there is always asked in full";
  EXPECT_EQ(sample["compared"].count(), 10u);
  EXPECT_EQ(sample["sample"].count(), 10u);
  EXPECT_EQ(sample["seed"].count(), 7u);
  EXPECT_EQ(names(sample).size(), 10u);
  EXPECT_EQ(names(json_of({"state", "verify", "--sample", "10", "--seed", "7"}, 1)), names(sample));
  EXPECT_NE(names(json_of({"state", "verify", "--sample", "10", "--seed", "8"}, 1)), names(sample));
  EXPECT_EQ(json_of({"state", "verify"}, 1)["compared"].count(), 102u) << "fewer than a sample: all";
}

TEST_F(StateVerbTest, VerifyKnowsWhatWasSentLast) {
  ASSERT_THAT(sync({}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  server_->update(space, "project", server_->ids(space, "project")[0]);
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(report().total("updated"), 1u);
  EXPECT_EQ(json_of({"state", "verify", "--all"})["compared"].count(), 102u);
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
  EXPECT_THAT(riptide({"state", "verify", "--all", "--sample", "5"}), ExitsWith(2));
  EXPECT_THAT(riptide({"state", "show", "--sink", "null"}), ExitsWith(2));
}

}  // namespace
}  // namespace riptide::e2e

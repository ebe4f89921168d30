// What is wrong before anything was contacted: exit code 2, nothing written, and a message that says what to change.
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BadConfigurationTest : public Workspace {
 protected:
  BadConfigurationTest() : server_(serve({.spaces = 1, .total_records = 20})) { point_at(server_->url()); }

  // Holds also against everything that exit code 2 promises.
  void expect_usage_error(const Ended& ended, const ::testing::Matcher<std::string>& message) const {
    EXPECT_THAT(ended, ExitsWith(2));
    EXPECT_THAT(ended.err, message);
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(server_->stats().requests, 0u) << "nothing is contacted";
    EXPECT_FALSE(exists("riptide.db")) << "nothing is written";
    EXPECT_FALSE(exists("report.json"));
  }

  std::unique_ptr<simulator::OctopusServer> server_;
};

TEST_F(BadConfigurationTest, AMissingSettingIsNamedByItsVariable) {
  for (const char* const name : {"OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY",
                                 "OCEAN__INTEGRATION__CONFIG__SERVER_URL", "OCEAN__INTEGRATION__TYPE"}) {
    const auto kept = environment_;
    environment_.erase(name);
    expect_usage_error(sync({}), AllOf(HasSubstr(name), HasSubstr("required")));
    environment_ = kept;
  }
  environment_["OCEAN__PORT__CLIENT_ID"] = "id";
  expect_usage_error(sync({}), HasSubstr("OCEAN__PORT__CLIENT_SECRET"));
  environment_.erase("OCEAN__PORT__CLIENT_ID");
  expect_usage_error(sync({"--sink", "port"}),
                     AllOf(HasSubstr("OCEAN__PORT__CLIENT_ID"), HasSubstr("OCEAN__PORT__CLIENT_SECRET")));
}

TEST_F(BadConfigurationTest, AVariableThatAFileAsksForIsNamed) {
  environment_.erase("OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY");
  write("config.yaml", "integration:\n  config:\n    octopusApiKey: '{{ from env OUR_OCTOPUS_KEY }}'\n");
  expect_usage_error(sync({}), AllOf(HasSubstr("OUR_OCTOPUS_KEY"), HasSubstr("config.yaml")));
}

TEST_F(BadConfigurationTest, AValueThatIsNotOneIsNamedByWhereItStands) {
  struct Case {
    const char* variable;
    const char* value;
    const char* why;
  };
  for (const Case& one :
       {Case{"OCEAN__INTEGRATION__CONFIG__SERVER_URL", "octopus.example", "http"},
        Case{"OCEAN__RIPTIDE__MEMORY", "lots", "128MiB"}, Case{"OCEAN__RIPTIDE__IN_FLIGHT", "0", "from 1"},
        Case{"OCEAN__RIPTIDE__RETRY_BASE", "soon", "duration"},
        Case{"OCEAN__INTEGRATION__TYPE", "octopuss", "octopus"}}) {
    const auto kept = environment_;
    environment_[one.variable] = one.value;
    expect_usage_error(sync({}), AllOf(HasSubstr(one.variable), HasSubstr(one.why)));
    environment_ = kept;
  }
  expect_usage_error(sync({"--memory", "lots"}), AllOf(HasSubstr("--memory"), HasSubstr("128MiB")));
  write("config.yaml", "riptide:\n  memory: lots\n");
  expect_usage_error(sync({}), HasSubstr("config.yaml:2"));
}

TEST_F(BadConfigurationTest, UnreadableFilesAreNamed) {
  std::filesystem::create_directory(path("folder"));
  expect_usage_error(sync({"--config", "folder"}), HasSubstr("folder"));
  expect_usage_error(sync({"--config", "nowhere.yaml"}), HasSubstr("nowhere.yaml"));
  expect_usage_error(sync({"--mapping", "folder"}), HasSubstr("folder"));
  expect_usage_error(sync({"--mapping", "nowhere.yaml"}), HasSubstr("nowhere.yaml"));
  write("config.yaml", "integration:\n  type: [octopus\n");
  expect_usage_error(sync({}), HasSubstr("config.yaml:"));
}

TEST_F(BadConfigurationTest, UnknownFlagsVerbsAndSinksGetASuggestion) {
  expect_usage_error(riptide({"sync", "--memroy", "1GiB"}), AllOf(HasSubstr("--memroy"), HasSubstr("--memory")));
  expect_usage_error(riptide({"snyc"}), AllOf(HasSubstr("snyc"), HasSubstr("sync")));
  expect_usage_error(riptide({}), HasSubstr("sync"));
  expect_usage_error(riptide({"sync", "more"}), HasSubstr("more"));
  expect_usage_error(riptide({"sync", "--sink"}), HasSubstr("--sink"));
  expect_usage_error(sync({"--sink", "sqlit:a.db"}), AllOf(HasSubstr("sqlit:a.db"), HasSubstr("sqlite")));
  expect_usage_error(sync({"--sink", "sqlite:"}), HasSubstr("sqlite:"));
  expect_usage_error(sync({"--sink", "null", "--sink", "null"}), HasSubstr("twice"));
  expect_usage_error(riptide({"sync", "--progress", "lots"}), HasSubstr("tty"));
}

TEST_F(BadConfigurationTest, AKindThatTheMappingDoesNotHave) {
  expect_usage_error(sync({"--kind", "machines"}),
                     AllOf(HasSubstr("'machines'"), HasSubstr("did you mean 'machine'?")));
}

TEST_F(BadConfigurationTest, AMalformedMappingIsNamedByItsLine) {
  struct Case {
    const char* text;
    const char* where;
    const char* what;
  };
  for (const Case& one :
       {Case{"resources:\n  - kind: machine\n    selector: {query: [\n", "mapping.yaml:", ""},
        Case{"", "mapping.yaml", "empty"}, Case{"- a\n- b\n", "mapping.yaml:1", "resources"},
        Case{"resources:\n  - kind: machine\n    selector:\n      query: 'true'\n    port:\n      entity:\n"
             "        mappings:\n          identifier: .Id\n",
             "mapping.yaml:8", "blueprint"},
        Case{"resources:\n  - selector:\n      query: 'true'\n", "mapping.yaml:2", "kind"},
        Case{"entityDeletionThreshold: much\nresources: []\n", "mapping.yaml:1", "0 to 1"}}) {
    write("mapping.yaml", one.text);
    expect_usage_error(sync({"--mapping", "mapping.yaml"}), AllOf(HasSubstr(one.where), HasSubstr(one.what)));
  }
}

TEST_F(BadConfigurationTest, AnExpressionThatDoesNotCompileIsNamedByLineAndColumn) {
  struct Case {
    const char* expression;
    const char* what;
  };
  for (const Case& one : {Case{".Id |", ""}, Case{".Name | ascii_downcas", "ascii_downcase"},
                          Case{"$nothing", "nothing"}, Case{"\"\\(.Id", ""}}) {
    write("mapping.yaml", small_mapping({"machine"}, "'" + std::string(one.expression) + "'"));
    // The identifier stands in line 8, from column 23 on.
    expect_usage_error(sync({"--mapping", "mapping.yaml"}),
                       AllOf(HasSubstr("mapping.yaml:8:"), HasSubstr("identifier"), HasSubstr(one.what)));
  }
}

TEST_F(BadConfigurationTest, ABuiltinThatIsNotThereIsRefusedByNameAtStart) {
  write("mapping.yaml", small_mapping({"machine"}, "'.Id | if . == \"x\" then nosuchbuiltin else . end'"));
  expect_usage_error(sync({"--mapping", "mapping.yaml"}), HasSubstr("nosuchbuiltin"));
}

TEST_F(BadConfigurationTest, AllProblemsAreSaidAtOnce) {
  environment_.erase("OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY");
  environment_["OCEAN__RIPTIDE__MEMORY"] = "lots";
  expect_usage_error(sync({}), AllOf(HasSubstr("OCTOPUS_API_KEY"), HasSubstr("OCEAN__RIPTIDE__MEMORY")));
}

TEST_F(BadConfigurationTest, ASinkThatCannotBeOpenedIsFoundBeforeTheSourceIsAsked) {
  expect_usage_error(sync({"--sink", "sqlite:no/such/folder/a.db"}), HasSubstr("no/such/folder"));
  expect_usage_error(sync({"--sink", "ndjson:no/such/folder/a"}), HasSubstr("no/such/folder"));
  write("text.db", "this is not a database, however long it may be: " + std::string(5000, 'x'));
  expect_usage_error(sync({"--sink", "sqlite:text.db"}), HasSubstr("text.db"));
}

}  // namespace
}  // namespace riptide::e2e

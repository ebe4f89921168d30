#include "riptide/cli/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::cli {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kKey[] = "integration.config.octopus_api_key";
constexpr char kUrl[] = "integration.config.server_url";

ConfigSources complete() {
  ConfigSources sources;
  sources.environment = {{"OCEAN__INTEGRATION__TYPE", "octopus"},
                         {"OCEAN__INTEGRATION__CONFIG__SERVER_URL", "https://octopus.example/"},
                         {"OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY", "API-1234567890"}};
  return sources;
}

std::vector<std::string> texts(const ConfigReading& reading, Problem::Level level) {
  std::vector<std::string> out;
  for (const Problem& problem : reading.problems) {
    if (problem.level == level) out.push_back(to_string(problem));
  }
  return out;
}
std::vector<std::string> errors(const ConfigReading& reading) { return texts(reading, Problem::Level::kError); }
std::vector<std::string> warnings(const ConfigReading& reading) { return texts(reading, Problem::Level::kWarning); }

TEST(Config, ReadsTheThreeVariablesOfTheMainJob) {
  const auto reading = read_config(complete(), {});
  EXPECT_THAT(reading.problems, IsEmpty());
  EXPECT_EQ(reading.config.type(), "octopus");
  EXPECT_EQ(reading.config.identifier(), "my-octopus-integration");
  EXPECT_EQ(reading.config.text(kUrl), "https://octopus.example");
  EXPECT_EQ(reading.config.secret(kKey).reveal(), "API-1234567890");
  EXPECT_EQ(reading.config.bytes("riptide.memory"), 128u << 20);
  EXPECT_EQ(reading.config.integer("riptide.in_flight"), 32);
  EXPECT_EQ(reading.config.duration("riptide.retry_base"), milliseconds(100));
  EXPECT_EQ(reading.config.integer("integration.config.deployment_limit"), 150);
  EXPECT_EQ(reading.config.text("port.base_url"), "https://api.getport.io");
  EXPECT_FALSE(reading.config.has_port());
}

// Each source wins over those below it, leaf by leaf.
TEST(Config, TakesFlagThenEnvironmentThenDotenvThenFileThenDefault) {
  const auto in_flight = [](int from) {
    ConfigSources sources = complete();
    if (from <= 3) sources.file = "riptide:\n  inFlight: 3\n  threads: 9\n";
    if (from <= 2) sources.dotenv = "OCEAN__RIPTIDE__IN_FLIGHT=2\n";
    if (from <= 1) sources.environment.push_back({"OCEAN__RIPTIDE__IN_FLIGHT", "1"});
    if (from <= 0) sources.flags.push_back({"--in-flight", "riptide.in_flight", "100"});
    const auto reading = read_config(sources, {});
    EXPECT_THAT(reading.problems, IsEmpty());
    if (from <= 3) {
      EXPECT_EQ(reading.config.integer("riptide.threads"), 9);
    }
    return reading.config.integer("riptide.in_flight");
  };
  EXPECT_EQ(in_flight(0), 100);
  EXPECT_EQ(in_flight(1), 1);
  EXPECT_EQ(in_flight(2), 2);
  EXPECT_EQ(in_flight(3), 3);
  EXPECT_EQ(in_flight(4), 32);
}

TEST(Config, ReadsVariablesInAnyCaseAndJsonForComplexFields) {
  ConfigSources sources;
  sources.environment = {{"ocean__integration", R"({"type": "octopus", "config": {"octopusApiKey": "from json"}})"},
                         {"Ocean__Integration__Config__Server_Url", "http://one"},
                         {"OCEAN__RIPTIDE", R"({"inFlight": 7, "memory": "64MiB"})"},
                         {"OCEAN__RIPTIDE__MEMORY", "32MiB"},
                         {"OCEAN__EVENT_LISTENER", R"({"type":"KAFKA"})"}};
  const auto reading = read_config(sources, {});
  EXPECT_THAT(reading.problems, IsEmpty());
  EXPECT_EQ(reading.config.secret(kKey).reveal(), "from json");
  EXPECT_EQ(reading.config.text(kUrl), "http://one");
  EXPECT_EQ(reading.config.integer("riptide.in_flight"), 7);
  EXPECT_EQ(reading.config.bytes("riptide.memory"), 32u << 20);
}

TEST(Config, MergesTheJsonOfTheIntegrationConfigWithSingleVariablesAndTheFile) {
  ConfigSources sources;
  sources.environment = {
      {"OCEAN__INTEGRATION__CONFIG__SERVER_URL", "http://variable"},
      {"OCEAN__INTEGRATION__CONFIG", R"({"serverUrl": "http://json", "octopus_api_key": "json key"})"}};
  sources.file = "integration:\n  type: Octopus\n  config: {pageSize: 100, serverUrl: 'http://file'}\n";
  const auto reading = read_config(sources, {});
  EXPECT_THAT(reading.problems, IsEmpty());
  EXPECT_EQ(reading.config.type(), "octopus");
  EXPECT_EQ(reading.config.text(kUrl), "http://variable");
  EXPECT_EQ(reading.config.secret(kKey).reveal(), "json key");
  EXPECT_EQ(reading.config.integer("integration.config.page_size"), 100);
}

TEST(Config, ResolvesProviderReferences) {
  ConfigSources sources;
  sources.environment = {{"MY_KEY", "k1"}};
  sources.dotenv = "MY_URL=https://dotenv\n";
  sources.file =
      "integration:\n  type: octopus\n  identifier: prefix {{ from env MY_KEY }}\n  config:\n"
      "    octopusApiKey: '{{ from env MY_KEY }} rest is dropped'\n    serverUrl: \"{{ from env MY_URL }}\"\n"
      "port: {clientId: '{{ from vault x }}'}\n";
  const auto reading = read_config(sources, {});
  EXPECT_EQ(reading.config.secret(kKey).reveal(), "k1");
  EXPECT_EQ(reading.config.text(kUrl), "https://dotenv");
  EXPECT_FALSE(reading.config.given("port.client_id"));
  EXPECT_THAT(warnings(reading), ElementsAre(HasSubstr("no provider 'vault'")));
  EXPECT_THAT(errors(reading), ElementsAre(HasSubstr("must not have spaces")));  // a reference must begin the text
}

TEST(Config, ASecretThatIsMissingIsNamedByItsVariableAndItsKey) {
  ConfigSources sources;
  sources.file = "integration:\n  type: octopus\n  config:\n    octopusApiKey: '{{ from env OCTOPUS_KEY }}'\n";
  const auto reading = read_config(sources, {});
  EXPECT_THAT(
      errors(reading),
      ElementsAre(AllOf(HasSubstr("OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"),
                        HasSubstr("integration.config.octopusApiKey"), HasSubstr("OCTOPUS_KEY, which is not set")),
                  AllOf(HasSubstr("OCEAN__INTEGRATION__CONFIG__SERVER_URL"), HasSubstr("required"))));
  const auto placeholders = read_config(sources, {.source = ConfigNeeds::Missing::kPlaceholder});
  EXPECT_THAT(placeholders.problems, IsEmpty());
  EXPECT_THAT(placeholders.config.text(kUrl), HasSubstr(".invalid"));
  EXPECT_THAT(warnings(read_config(sources, {.source = ConfigNeeds::Missing::kWarning})), SizeIs(2));
}

TEST(Config, ReportsEveryProblemAtOnce) {
  ConfigSources sources;
  sources.environment = {{"OCEAN__INTEGRATION__TYPE", "octopus"},
                         {"OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY", "key with newline\n"},
                         {"OCEAN__INTEGRATION__CONFIG__SERVER_URL", "API-ABCDEF"},
                         {"OCEAN__RIPTIDE__MEMORY", "lots"},
                         {"OCEAN__PORT__CLIENT_ID", "id"},
                         {"OCEAN__SSL__THIRD_PARTY__VERIFY", "maybe"}};
  sources.dotenv = "\nOCEAN__CLIENT_TIMEOUT=1.5\n";
  sources.file = "riptide:\n  retryBase: soon\n  inFlight: [1]\n  threads: 5000\n";
  const auto reading = read_config(sources, {});
  EXPECT_THAT(errors(reading), ::testing::UnorderedElementsAre(
                                   AllOf(HasSubstr("OCTOPUS_API_KEY"), HasSubstr("line break")),
                                   AllOf(HasSubstr("SERVER_URL"), HasSubstr("http://")),
                                   AllOf(HasSubstr("RIPTIDE__MEMORY"), HasSubstr("size")), HasSubstr("CLIENT_SECRET"),
                                   AllOf(HasSubstr("VERIFY"), HasSubstr("true or false")),
                                   AllOf(HasSubstr(".env:2"), HasSubstr("whole number")),
                                   AllOf(HasSubstr("config.yaml:2:14"), HasSubstr("RETRY_BASE"), HasSubstr("duration")),
                                   AllOf(HasSubstr("config.yaml:3:13"), HasSubstr("a list")),
                                   AllOf(HasSubstr("config.yaml:4:12"), HasSubstr("from 0 to 1024"))));
  for (const std::string& error : errors(reading)) {
    EXPECT_THAT(error, Not(HasSubstr("API-ABCDEF")));
    EXPECT_THAT(error, Not(HasSubstr("key with")));
  }
}

TEST(Config, NeverShowsAJsonValueThatDoesNotParse) {
  ConfigSources sources = complete();
  sources.environment.push_back({"OCEAN__INTEGRATION__CONFIG", R"({"octopusApiKey": "hunter2" oops)"});
  sources.environment.push_back({"OCEAN__PORT", "[1]"});
  const auto reading = read_config(sources, {});
  EXPECT_THAT(errors(reading), ElementsAre(AllOf(HasSubstr("OCEAN__PORT"), HasSubstr("not a list")),
                                           AllOf(HasSubstr("OCEAN__INTEGRATION__CONFIG"), Not(HasSubstr("hunter2")))));
}

TEST(Config, SuggestsNamesForUnknownOnes) {
  ConfigSources sources = complete();
  sources.environment.push_back({"OCEAN__RIPTIDE__INFLIGHT", "3"});
  sources.environment.push_back({"OCEAN__INTEGRATION__CONFIG__SERVER_ULR", "x"});
  sources.environment.push_back({"OCEAN__INTEGRATON__IDENTIFIER", "x"});
  sources.environment.push_back({"OCEAN__SOMETHING_OF_A_LATER_OCEAN", "x"});
  const auto reading = read_config(sources, {});
  EXPECT_THAT(errors(reading), IsEmpty());
  EXPECT_THAT(
      warnings(reading),
      ElementsAre(AllOf(HasSubstr("OCEAN__RIPTIDE__INFLIGHT"), HasSubstr("did you mean OCEAN__RIPTIDE__IN_FLIGHT")),
                  AllOf(HasSubstr("SERVER_ULR"), HasSubstr("OCEAN__INTEGRATION__CONFIG__SERVER_URL")),
                  AllOf(HasSubstr("OCEAN__INTEGRATON"), HasSubstr("OCEAN__INTEGRATION"))));
}

TEST(Config, KnowsWhichTypesAreNotThereYet) {
  const auto with_type = [](const std::string& type) {
    ConfigSources sources;
    sources.environment = {{"OCEAN__INTEGRATION__TYPE", type}};
    return errors(read_config(sources, {}));
  };
  EXPECT_THAT(with_type("octupus"), ElementsAre(HasSubstr("did you mean 'octopus'")));
  EXPECT_THAT(errors(read_config({}, {})), ElementsAre(HasSubstr("OCEAN__INTEGRATION__TYPE")));
  EXPECT_THAT(errors(read_config({}, {.type = false})), IsEmpty());
}

TEST(Config, AsksForOneOfTwoSettings) {
  ConfigSources sources;
  sources.environment = {{"OCEAN__INTEGRATION__TYPE", "jira-server"},
                         {"OCEAN__INTEGRATION__CONFIG__JIRA_SERVER_HOST", "https://jira.example.test"}};
  EXPECT_THAT(errors(read_config(sources, {})), ElementsAre(AllOf(HasSubstr("OCEAN__INTEGRATION__CONFIG__TOKEN"),
                                                                  HasSubstr("OCEAN__INTEGRATION__CONFIG__PASSWORD"))));
  sources.environment.push_back({"OCEAN__INTEGRATION__CONFIG__PASSWORD", "hunter2"});
  EXPECT_THAT(errors(read_config(sources, {})), IsEmpty());
}

TEST(Config, TreatsAnEmptyVariableAsNotSet) {
  ConfigSources sources = complete();
  sources.environment.push_back({"OCEAN__INTEGRATION__IDENTIFIER", ""});
  sources.file = "integration: {identifier: from-file}\n";
  EXPECT_EQ(read_config(sources, {}).config.identifier(), "from-file");
}

TEST(Config, RefusesFilesThatAreNotSettings) {
  const auto with_file = [](const std::string& text) {
    ConfigSources sources = complete();
    sources.file = text;
    return errors(read_config(sources, {}));
  };
  EXPECT_THAT(with_file(""), ElementsAre(HasSubstr("empty")));
  EXPECT_THAT(with_file("# only a comment\n"), ElementsAre(HasSubstr("empty")));
  EXPECT_THAT(with_file("- a\n"), ElementsAre(HasSubstr("a list")));
  EXPECT_THAT(with_file("a: [\n"), ElementsAre(HasSubstr("config.yaml: ")));
  EXPECT_THAT(with_file("integration: [1]\n"), Contains(HasSubstr("OCEAN__")).Times(0));
}

TEST(Config, ReadsTheLogLevelInAnyCase) {
  ConfigSources sources = complete();
  sources.environment.push_back({"APPLICATION__LOG_LEVEL", "debug"});
  EXPECT_EQ(read_config(sources, {}).config.text("application.log_level"), "DEBUG");
  sources.flags.push_back({"--log-level", "application.log_level", "warnin"});
  EXPECT_THAT(errors(read_config(sources, {})), ElementsAre(AllOf(HasSubstr("--log-level"), HasSubstr("'WARNING'"))));
}

}  // namespace
}  // namespace riptide::cli

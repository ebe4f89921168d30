#include "riptide/cli/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "riptide/cli/integration_type.hpp"

namespace riptide::cli {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(Settings, ReadsSizes) {
  const std::pair<std::string, std::uint64_t> cases[] = {
      {"134217728", 134'217'728},
      {"128MiB", 134'217'728},
      {"128 MiB", 134'217'728},
      {"128m", 134'217'728},
      {"1GB", 1'000'000'000},
      {"1.5KiB", 1536},
      {"2kB", 2000},
      {"0", 0},
  };
  for (const auto& [text, bytes] : cases) EXPECT_EQ(parse_size(text), bytes) << text;
  for (const char* const text : {"", "MiB", "12 parsecs", "-1", "1e99GB", "1.2.3"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Settings, ReadsDurations) {
  const std::pair<std::string, milliseconds> cases[] = {
      {"100ms", milliseconds(100)},    {"2s", milliseconds(2000)}, {"1.5m", milliseconds(90'000)},
      {"1h", milliseconds(3'600'000)}, {"3", milliseconds(3000)},  {"0.25", milliseconds(250)},
  };
  for (const auto& [text, duration] : cases) EXPECT_EQ(parse_duration(text), duration) << text;
  for (const char* const text : {"", "ms", "5 fortnights", "-1s"}) EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Settings, CoercesAsPydanticDoes) {
  for (const char* const yes : {"true", "True", "1", "YES", "on", "t", "Y"}) EXPECT_EQ(parse_boolean(yes), true) << yes;
  for (const char* const no : {"false", "0", "No", "OFF", "f", "n"}) EXPECT_EQ(parse_boolean(no), false) << no;
  for (const char* const bad : {"", "2", "ja", "truee"}) EXPECT_FALSE(parse_boolean(bad)) << bad;
  EXPECT_EQ(parse_integer(" 42 "), 42);
  EXPECT_EQ(parse_integer("+1_000"), 1000);
  EXPECT_EQ(parse_integer("-3"), -3);
  for (const char* const bad : {"", "1.5", "1e3", "x", "99999999999999999999"}) EXPECT_FALSE(parse_integer(bad)) << bad;
}

TEST(Settings, ChecksUrlsWithoutQuotingThem) {
  const std::pair<std::string, std::string> good[] = {
      {"https://demo.octopus.app/", "https://demo.octopus.app"},
      {"http://127.0.0.1:8080//", "http://127.0.0.1:8080"},
      {"https://[::1]:443/octopus", "https://[::1]:443/octopus"},
      {" https://a.b ", "https://a.b"},
  };
  for (const auto& [text, url] : good) {
    const auto checked = checked_url(text);
    ASSERT_TRUE(checked) << text;
    EXPECT_EQ(*checked, url);
  }
  for (const std::string bad : {"API-SECRET", "ftp://secret.host", "https://", "https://secret host",
                                "https://secret:port", "https://secret?x=1", "https://secret:0", "//secret"}) {
    const auto checked = checked_url(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_THAT(checked.error().message, ::testing::Not(HasSubstr("ecret")));
  }
}

TEST(Settings, NamesTheVariableAndTheKey) {
  EXPECT_EQ(variable_of("integration.config.octopus_api_key"), "OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY");
  EXPECT_EQ(variable_of("application.log_level"), "APPLICATION__LOG_LEVEL");
  EXPECT_EQ(yaml_key_of("ssl.third_party.verify"), "ssl.thirdParty.verify");
}

// The tables in the documentation are the tables that the program reads with. RIPTIDE_UPDATE_DOCS=1 writes them.
TEST(Settings, AreDocumentedWithNameUnitAndDefault) {
  const std::string path = std::string(RIPTIDE_SOURCE_DIR) + "/docs/configuration.md";
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::stringstream buffer;
  buffer << file.rdbuf();
  std::string document = buffer.str();
  std::vector<std::pair<std::string, std::string>> tables = {{"settings", settings_as_markdown(framework_settings())}};
  for (const IntegrationType& type : integration_types()) {
    tables.emplace_back(std::string(type.name), settings_as_markdown(type.settings));
  }
  for (const auto& [name, rows] : tables) {
    const std::string begin = "<!-- begin " + name + " -->\n";
    const std::string end = "<!-- end " + name + " -->\n";
    const std::string table =
        "\n| variable | config.yaml | type | default | meaning |\n|---|---|---|---|---|\n" + rows + "\n";
    const std::size_t from = document.find(begin);
    const std::size_t to = document.find(end);
    ASSERT_NE(from, std::string::npos) << begin;
    ASSERT_NE(to, std::string::npos) << end;
    if (std::getenv("RIPTIDE_UPDATE_DOCS") != nullptr) {
      document.replace(from + begin.size(), to - from - begin.size(), table);
      std::ofstream(path) << document;
      continue;
    }
    EXPECT_EQ(document.substr(from + begin.size(), to - from - begin.size()), table)
        << "docs/configuration.md is behind the table in settings.cpp; run this test with RIPTIDE_UPDATE_DOCS=1";
  }
}

}  // namespace
}  // namespace riptide::cli

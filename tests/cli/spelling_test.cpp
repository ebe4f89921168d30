#include "riptide/cli/spelling.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace riptide::cli {
namespace {

TEST(Spelling, FindsTheNearestName) {
  const std::vector<std::string> verbs = {"sync", "graph", "lint", "demo", "bench", "map", "jq"};
  EXPECT_EQ(nearest("snyc", verbs), "sync");
  EXPECT_EQ(nearest("grpah", verbs), "graph");
  EXPECT_EQ(nearest("BENHC", verbs), "bench");
  EXPECT_EQ(nearest("completely-else", verbs), "");
  EXPECT_EQ(nearest("", verbs), "");
  EXPECT_EQ(nearest("server_ulr", std::vector<std::string>{"server_url", "app_host"}), "server_url");
  EXPECT_EQ(nearest("in-flight", std::vector<std::string>{"memory", "in_flight"}), "in_flight");
}

TEST(Spelling, ListsForASentence) {
  EXPECT_EQ(listed(std::vector<std::string>{}), "");
  EXPECT_EQ(listed(std::vector<std::string>{"a"}), "a");
  EXPECT_EQ(listed(std::vector<std::string>{"a", "b", "c"}), "a, b and c");
}

TEST(Spelling, TurnsCamelCaseIntoSnakeCaseAndBack) {
  const std::pair<std::string, std::string> cases[] = {
      {"octopusApiKey", "octopus_api_key"},
      {"serverUrl", "server_url"},
      {"clientID", "client_id"},
      {"inFlight", "in_flight"},
      {"HTTPServer", "http_server"},
      {"already_snake", "already_snake"},
      {"x509", "x509"},
  };
  for (const auto& [camel, snake] : cases) EXPECT_EQ(snake_case(camel), snake);
  EXPECT_EQ(camel_case("port.client_id"), "port.clientId");
  EXPECT_EQ(camel_case("integration.config.octopus_api_key"), "integration.config.octopusApiKey");
}

TEST(Spelling, QuotesForTheShell) {
  EXPECT_EQ(shell_quoted("sqlite:riptide.db"), "sqlite:riptide.db");
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("$HOME;rm"), "'$HOME;rm'");
}

}  // namespace
}  // namespace riptide::cli

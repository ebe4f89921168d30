#include "riptide/cli/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Say said(const std::vector<std::string>& arguments) {
  const Invocation invocation = parse_command_line(arguments);
  const auto* const say = std::get_if<Say>(&invocation);
  EXPECT_NE(say, nullptr);
  return say == nullptr ? Say{} : *say;
}

TEST(CommandLine, ReadsEveryFlagOfSync) {
  const Invocation invocation = parse_command_line({"sync",         "--config", "c.yaml",         "--mapping=m.yaml",
                                                    "--sink",       "null",     "--sink",         "sqlite:x.db",
                                                    "--kind",       "a",        "--kind",         "b",
                                                    "--report",     "r.json",   "--state",        "s.db",
                                                    "--memory",     "64MiB",    "--in-flight",    "8",
                                                    "--progress",   "none",     "--log-level",    "DEBUG",
                                                    "--log-format", "json",     "--no-delete",    "--strict",
                                                    "--max-delete", "2.5%",     "--delete-scope", "closed"});
  const auto& flags = std::get<SyncFlags>(invocation);
  EXPECT_EQ(flags.common.config, "c.yaml");
  EXPECT_EQ(flags.mapping, "m.yaml");
  EXPECT_THAT(flags.sinks, ElementsAre("null", "sqlite:x.db"));
  EXPECT_THAT(flags.kinds, ElementsAre("a", "b"));
  EXPECT_EQ(flags.report, "r.json");
  EXPECT_EQ(flags.state, "s.db");
  EXPECT_EQ(flags.memory, "64MiB");
  EXPECT_EQ(flags.in_flight, "8");
  EXPECT_EQ(flags.progress, "none");
  EXPECT_EQ(flags.common.log_level, "DEBUG");
  EXPECT_EQ(flags.common.log_format, "json");
  EXPECT_TRUE(flags.no_delete);
  EXPECT_EQ(flags.max_delete, "2.5%");
  EXPECT_EQ(flags.delete_scope, "closed");
  EXPECT_TRUE(flags.strict);
}

TEST(CommandLine, RefusesWhatItDoesNotKnowWithASuggestion) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"snyc"}, "did you mean 'sync'"},
      {{"sync", "--inflight", "3"}, "did you mean '--in-flight'"},
      {{"sync", "--no-delte"}, "did you mean '--no-delete'"},
      {{"sync", "stray"}, "takes no argument 'stray'"},
      {{"sync", "--progress", "tyt"}, "did you mean 'tty'"},
      {{"sync", "--log-format", "xml"}, "only text and json"},
      {{"sync", "--delete-scope", "close"}, "did you mean 'closed'"},
      {{"sync", "--max-delete", "ten"}, "'ten' is neither a number"},
      {{"graph", "--format", "png"}, "there is no 'png'"},
      {{"map"}, "--kind"},
      {{"bench", "--page", "0"}, "--page"},
      {{"bench", "--entities", "many"}, "--entities"},
      {{"--wrong"}, "--wrong"},
      {{"sync", "--report"}, "--report"},
      {{"serve"}, "there is no verb 'serve'"},
      {{"plan", "--diff", "field"}, "did you mean 'fields'"},
      {{"plan", "--sink", "null", "--sink", "port"}, "name one --sink"},
      {{"plan", "--apply", "plan.json"}, "plan has no flag '--apply'"},
  };
  for (const auto& [arguments, expected] : cases) {
    const Say say = said(arguments);
    EXPECT_EQ(say.exit_code, kExitUsage) << expected;
    EXPECT_THAT(say.text, AllOf(HasSubstr(expected), HasSubstr("--help"))) << ::testing::PrintToString(arguments);
  }
}

TEST(CommandLine, ShowsHelpAndVersion) {
  for (const char* const verb : {"sync", "plan", "graph", "lint", "demo", "bench", "map"}) {
    EXPECT_THAT(said({"--help"}).text, HasSubstr(verb));
    const Say help = said({verb, "--help"});
    EXPECT_EQ(help.exit_code, kExitComplete);
    EXPECT_THAT(help.text, HasSubstr("--"));
    EXPECT_EQ(said({"help", verb}).text, help.text);
  }
  EXPECT_THAT(said({"sync", "--help"}).text,
              AllOf(HasSubstr("sqlite:FILE"), HasSubstr("--in-flight"), HasSubstr("SIGINT")));
  EXPECT_EQ(said({"--version"}).text, "riptide " + version() + "\n");
  EXPECT_EQ(said({}).exit_code, kExitUsage);
}

TEST(CommandLine, ReadsExplainAndSample) {
  const auto map = [](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"map", "--kind", "k"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::get<MapFlags>(parse_command_line(arguments));
  };
  EXPECT_EQ(map({}).explain, "");
  EXPECT_EQ(map({"--explain"}).explain, "text");
  EXPECT_EQ(map({"--explain", "--input", "x"}).input, "x");
  EXPECT_EQ(map({"--explain=json"}).explain, "json");
  EXPECT_THAT(said({"map", "--kind", "k", "--explain=jsn"}).text, HasSubstr("did you mean 'json'?"));
  const auto lint = std::get<LintFlags>(parse_command_line({"lint", "m.yaml", "--sample", "s", "--kind", "k"}));
  EXPECT_THAT(lint.files, ElementsAre("m.yaml"));
  EXPECT_EQ(lint.sample, "s");
  EXPECT_EQ(lint.kind, "k");
  EXPECT_THAT(said({"lint", "--kind", "k"}).text, HasSubstr("--sample"));
}

TEST(CommandLine, LeavesTheArgumentsOfJqAlone) {
  const Invocation invocation = parse_command_line({"jq", "-c", "--arg", "a", "-1", ".x", "--help"});
  EXPECT_THAT(std::get<JqFlags>(invocation).arguments, ElementsAre("-c", "--arg", "a", "-1", ".x", "--help"));
}

}  // namespace
}  // namespace riptide::cli

#include <unistd.h>

#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "riptide/simulator/jira_server.hpp"
#include "riptide/simulator/octopus_server.hpp"

int main(int argc, char** argv) {
  std::vector<std::string> flags(argv + 1, argv + argc);
  for (const std::string& flag : flags) {
    if (flag != "--help" && flag != "-h") continue;
    std::printf(
        "riptide-simulator: a made-up Octopus Deploy on 127.0.0.1\n\n%s\n"
        "riptide-simulator jira: a made-up Jira\n\n%s",
        riptide::simulator::usage().c_str(), riptide::simulator::jira_usage().c_str());
    return 0;
  }
  if (!flags.empty() && flags.front() == "jira") {
    flags.erase(flags.begin());
    const auto options = riptide::simulator::parse_jira_flags(flags);
    if (const auto* wrong = std::get_if<std::string>(&options)) {
      std::fprintf(stderr, "riptide-simulator: %s\n", wrong->c_str());
      return 2;
    }
    return riptide::simulator::serve_until_stopped(std::get<riptide::simulator::JiraOptions>(options), STDOUT_FILENO);
  }
  const auto options = riptide::simulator::parse_flags(flags);
  if (const auto* wrong = std::get_if<std::string>(&options)) {
    std::fprintf(stderr, "riptide-simulator: %s\n", wrong->c_str());
    return 2;
  }
  return riptide::simulator::serve_until_stopped(std::get<riptide::simulator::OctopusOptions>(options), STDOUT_FILENO);
}

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "riptide/simulator/jira_server.hpp"

namespace riptide::simulator {
namespace {

// Returns what is wrong with a value, or "".
using Read = std::string (*)(std::string_view value, JiraOptions& options);

struct Flag {
  std::string_view name;
  std::string_view value;
  std::string_view meaning;
  Read read;
};

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

template <auto Member>
std::string whole(std::string_view text, JiraOptions& options) {
  return read_number(text, options.*Member) ? "" : "is not a whole number in range";
}

// 200,500x99: in the first, second, ... project.
std::string read_issues(std::string_view text, JiraOptions& options) {
  options.issues.clear();
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const std::size_t cross = part.find('x');
    std::size_t count = 0;
    std::size_t times = 1;
    if (!read_number(part.substr(0, cross), count) ||
        (cross != std::string_view::npos && !read_number(part.substr(cross + 1), times)) || times > 1'000'000) {
      return "is not N,NxTIMES,...";
    }
    options.issues.insert(options.issues.end(), times, count);
  }
  options.projects = options.issues.size();
  return "";
}

std::string read_latency(std::string_view text, JiraOptions& options) {
  double value = 0;
  if (!read_number(text, value) || !(value >= 0 && value <= 3.6e6)) return "is not a number of milliseconds";
  options.latency = std::chrono::microseconds{std::llround(value * 1000)};
  return "";
}

constexpr std::array kFlags{
    Flag{"--port", "N", "on 127.0.0.1; 0, the default, takes a free one", whole<&JiraOptions::port>},
    Flag{"--projects", "N", "how many projects (20)", whole<&JiraOptions::projects>},
    Flag{"--issues-per-project", "N", "issues in each (100)", whole<&JiraOptions::issues_per_project>},
    Flag{"--issues", "N,NxTIMES,...", "exactly so many issues in the first, second, ... project", read_issues},
    Flag{"--users", "N", "how many users (120)", whole<&JiraOptions::users>},
    Flag{"--boards", "N", "how many boards (9)", whole<&JiraOptions::boards>},
    Flag{"--worklogs-per-issue", "N", "worklogs of each issue (2)", whole<&JiraOptions::worklogs_per_issue>},
    Flag{"--record-bytes", "N", "about the size of an issue (2048)", whole<&JiraOptions::record_bytes>},
    Flag{"--seed", "N", "of contents (1)", whole<&JiraOptions::seed>},
    Flag{"--latency-ms", "X", "before each answer (0)", read_latency},
    Flag{"--capacity", "N", "requests served at once, more wait (0: no limit)", whole<&JiraOptions::capacity>},
};

}  // namespace

std::variant<JiraOptions, std::string> parse_jira_flags(const std::vector<std::string>& flags) {
  JiraOptions options;
  for (std::size_t i = 0; i < flags.size(); i += 2) {
    const Flag* found = nullptr;
    for (const Flag& flag : kFlags) {
      if (flag.name == flags[i]) found = &flag;
    }
    if (found == nullptr) return "unknown flag of jira: " + flags[i];
    if (i + 1 == flags.size()) return flags[i] + " needs a value: " + std::string(found->value);
    const std::string wrong = found->read(flags[i + 1], options);
    if (!wrong.empty()) return flags[i] + " " + wrong + ": " + flags[i + 1];
  }
  if (std::optional<std::string> wrong = check(options)) return *std::move(wrong);
  return options;
}

std::string jira_usage() {
  std::string text;
  for (const Flag& flag : kFlags) {
    std::string line = "  " + std::string(flag.name) + " " + std::string(flag.value);
    line.resize(std::max<std::size_t>(line.size() + 2, 28), ' ');
    text += line + std::string(flag.meaning) + "\n";
  }
  return text;
}

}  // namespace riptide::simulator

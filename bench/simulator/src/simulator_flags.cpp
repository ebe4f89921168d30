#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "riptide/simulator/octopus_server.hpp"

namespace riptide::simulator {
namespace {

using std::chrono::microseconds;

// Returns what is wrong with a value, or "".
using Read = std::string (*)(std::string_view value, OctopusOptions& options);

struct Flag {
  std::string_view name;
  std::string_view value;  ///< What it takes; empty: nothing.
  std::string_view meaning;
  Read read;
};

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

template <auto Member>
std::string whole(std::string_view text, OctopusOptions& options) {
  return read_number(text, options.*Member) ? "" : "is not a whole number in range";
}

template <auto Member>
std::string milliseconds(std::string_view text, OctopusOptions& options) {
  double value = 0;
  if (!read_number(text, value) || !(value >= 0 && value <= 3.6e6)) return "is not a number of milliseconds";
  options.*Member = microseconds{std::llround(value * 1000)};
  return "";
}

template <auto Member>
std::string rate(std::string_view text, OctopusOptions& options) {
  return read_number(text, options.faults.rates.*Member) ? "" : "is not a number from 0 to 1";
}

std::vector<std::string_view> cut(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// project,release:5,custom
std::string read_kinds(std::string_view text, OctopusOptions& options) {
  options.kinds.clear();
  for (const std::string_view part : cut(text, ',')) {
    KindOptions kind{.name = std::string(part.substr(0, part.find(':')))};
    if (const std::size_t colon = part.find(':'); colon != std::string_view::npos) {
      if (!read_number(part.substr(colon + 1), kind.share)) return "has a share that is not a number";
    }
    options.kinds.push_back(std::move(kind));
  }
  return "";
}

// machine=50000,1000x99
std::string read_shape(std::string_view text, OctopusOptions& options) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return "is not KIND=N,N,NxTIMES,...";
  std::vector<std::size_t> records;
  for (const std::string_view part : cut(text.substr(equals + 1), ',')) {
    std::size_t count = 0;
    std::size_t times = 1;
    const std::size_t cross = part.find('x');
    const bool repeated = cross != std::string_view::npos;
    if (!read_number(part.substr(0, cross), count) || (repeated && !read_number(part.substr(cross + 1), times)) ||
        times > 1'000'000) {
      return "is not KIND=N,N,NxTIMES,...";
    }
    records.insert(records.end(), times, count);
  }
  for (KindOptions& kind : options.kinds) {
    if (kind.name != text.substr(0, equals)) continue;
    kind.records_per_space = std::move(records);
    return "";
  }
  return "names a kind that is not there; --kinds comes before";
}

// /Spaces-7/=status:404, or releases=reset@2x1: the third time it is asked, once
std::string read_rule(std::string_view text, OctopusOptions& options) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) return "is not TARGET=FAULT[:STATUS][@AFTER[xTIMES]]";
  FaultRule rule{.target = std::string(text.substr(0, equals))};
  std::string_view what = text.substr(equals + 1);
  if (const std::size_t at = what.find('@'); at != std::string_view::npos) {
    const std::string_view when = what.substr(at + 1);
    what = what.substr(0, at);
    const std::size_t cross = when.find('x');
    if (!read_number(when.substr(0, cross), rule.after)) return "has no number behind @";
    if (cross != std::string_view::npos && !read_number(when.substr(cross + 1), rule.times)) {
      return "has no number behind x";
    }
  }
  const std::size_t colon = what.find(':');
  const auto fault = fault_by_name(what.substr(0, colon));
  if (!fault) return "names no fault";
  rule.fault = *fault;
  if (colon != std::string_view::npos && !read_number(what.substr(colon + 1), rule.status)) return "has no status";
  options.faults.rules.push_back(std::move(rule));
  return "";
}

std::string read_retry_after(std::string_view text, OctopusOptions& options) {
  if (text == "none") {
    options.faults.retry_after.reset();
    return "";
  }
  std::int64_t seconds = 0;
  if (!read_number(text, seconds)) return "is not a number of seconds, or none";
  options.faults.retry_after = std::chrono::seconds{seconds};
  return "";
}

constexpr std::array kFlags{
    Flag{"--port", "N", "on 127.0.0.1; 0, the default, takes a free one", whole<&OctopusOptions::port>},
    Flag{"--spaces", "N", "how many spaces (50)", whole<&OctopusOptions::spaces>},
    Flag{"--records", "N", "over all kinds and spaces (10000)", whole<&OctopusOptions::total_records>},
    Flag{"--skew", "X", "the n-th largest space gets a part of 1/n^X (0: even)",
         [](std::string_view text, OctopusOptions& options) -> std::string {
           return read_number(text, options.skew) ? "" : "is not a number";
         }},
    Flag{"--kinds", "K[:SHARE],...",
         "which kinds, and each one's part of the records (project,release,deployment,machine)", read_kinds},
    Flag{"--shape", "K=N,NxTIMES,...", "exactly so many records of a kind in the first, second, ... space", read_shape},
    Flag{"--record-bytes", "N", "about the size of a record (2048)", whole<&OctopusOptions::record_bytes>},
    Flag{"--seed", "N", "of contents, sizes and faults (1)", whole<&OctopusOptions::seed>},
    Flag{"--default-take", "N", "records a page when the query does not say (30)",
         whole<&OctopusOptions::default_take>},
    Flag{"--max-take", "N", "the most records a page (1000)", whole<&OctopusOptions::max_take>},
    Flag{"--latency-ms", "X", "before each answer (0)", milliseconds<&OctopusOptions::latency>},
    Flag{"--latency-jitter-ms", "X", "up to this much more (0)", milliseconds<&OctopusOptions::latency_jitter>},
    Flag{"--capacity", "N", "requests served at once, more wait (0: no limit)", whole<&OctopusOptions::capacity>},
    Flag{"--gzip", "", "compress for clients that accept it",
         [](std::string_view, OctopusOptions& options) -> std::string {
           options.gzip = true;
           return "";
         }},
    Flag{"--gzip-ahead-take", "N", "compress every page of this size before listening",
         whole<&OctopusOptions::gzip_ahead_take>},
    Flag{"--api-key", "KEY", "ask for this key (none)",
         [](std::string_view text, OctopusOptions& options) -> std::string {
           options.api_key = text;
           return "";
         }},
    Flag{"--fault", "TARGET=FAULT[:STATUS][@AFTER[xTIMES]]",
         "for targets that contain TARGET, e.g. /Spaces-7/=status:404; may be repeated", read_rule},
    Flag{"--rate-429", "P", "chance of 429", rate<&FaultRates::too_many_requests>},
    Flag{"--rate-503", "P", "chance of 503", rate<&FaultRates::unavailable>},
    Flag{"--rate-reset", "P", "chance of a reset in the middle of a body", rate<&FaultRates::reset>},
    Flag{"--rate-short-body", "P", "chance of a body that ends early", rate<&FaultRates::short_body>},
    Flag{"--rate-truncated-json", "P", "chance of JSON that stops half way", rate<&FaultRates::truncated_json>},
    Flag{"--rate-html", "P", "chance of HTML with status 200", rate<&FaultRates::html>},
    Flag{"--rate-drip", "P", "chance of an answer that comes drop by drop", rate<&FaultRates::drip>},
    Flag{"--retry-after", "SECONDS", "of 429 and 503; none leaves it out (1)", read_retry_after},
};

}  // namespace

std::variant<OctopusOptions, std::string> parse_flags(const std::vector<std::string>& flags) {
  OctopusOptions options;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    std::string_view name = flags[i];
    std::string_view value;
    const std::size_t equals = name.find('=');
    const bool attached = name.starts_with("--") && equals != std::string_view::npos;
    if (attached) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    const Flag* found = nullptr;
    for (const Flag& flag : kFlags) {
      if (flag.name == name) found = &flag;
    }
    if (found == nullptr) return "unknown flag: " + std::string(name);
    if (found->value.empty() && attached) return std::string(name) + " takes no value";
    if (!found->value.empty() && !attached) {
      if (++i == flags.size()) return std::string(name) + " needs a value: " + std::string(found->value);
      value = flags[i];
    }
    const std::string wrong = found->read(value, options);
    if (!wrong.empty()) return std::string(name) + " " + wrong + ": " + std::string(value);
  }
  if (std::optional<std::string> wrong = check(options)) return *std::move(wrong);
  return options;
}

std::string usage() {
  std::string text;
  for (const Flag& flag : kFlags) {
    std::string line = "  " + std::string(flag.name);
    if (!flag.value.empty()) line += " " + std::string(flag.value);
    line.resize(std::max<std::size_t>(line.size() + 2, 28), ' ');
    text += line + std::string(flag.meaning) + "\n";
  }
  return text;
}

}  // namespace riptide::simulator

#include "quota_report.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "riptide/stages/retry_after.hpp"

namespace riptide::stages {
namespace {

using std::chrono::milliseconds;

/// Policies that a host may list; a hostile one lists more.
constexpr std::size_t kMostReports = 8;
constexpr double kMostRequests = 1e15;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view text, std::string_view lower_text) noexcept {
  return std::equal(text.begin(), text.end(), lower_text.begin(), lower_text.end(),
                    [](char a, char b) { return lower(a) == b; });
}

/// Takes `prefix` (lower case) off the front of `text`.
bool eat(std::string_view& text, std::string_view prefix) noexcept {
  if (text.size() < prefix.size() || !same(text.substr(0, prefix.size()), prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) noexcept {
  text = trimmed(text);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (code != std::errc{} || end != text.data() + text.size() || !(value >= 0) || value > kMostRequests) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(value);
}

std::optional<milliseconds> seconds(std::string_view text) noexcept {
  const auto whole = number(text);
  // A year bounds it, as in `parse_retry_after`.
  if (!whole || *whole == 0 || *whole > 366u * 24 * 3600) return std::nullopt;
  return milliseconds{static_cast<std::int64_t>(*whole) * 1000};
}

/// Cuts the next part off a list; quoted text holds no separators.
std::string_view next_part(std::string_view& rest, char separator) noexcept {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < rest.size() && (quoted || rest[at] != separator); ++at) {
    if (rest[at] == '"') quoted = !quoted;
  }
  const std::string_view part = trimmed(rest.substr(0, at));
  rest.remove_prefix(std::min(rest.size(), at + 1));
  return part;
}

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

/// One member of a list with its parameters: `"name";q=100;w=60`, `100;w=60`, or `limit=100`.
struct Member {
  std::string_view value;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;

  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const noexcept {
    for (const auto& [name, text] : parameters) {
      if (same(name, key)) return text;
    }
    return std::nullopt;
  }
};

std::vector<Member> members(std::string_view list) {
  std::vector<Member> all;
  while (!list.empty() && all.size() < kMostReports) {
    std::string_view rest = next_part(list, ',');
    Member member{next_part(rest, ';'), {}};
    while (!rest.empty() && member.parameters.size() < kMostReports) {
      const std::string_view parameter = next_part(rest, ';');
      const auto equals = parameter.find('=');
      if (equals == std::string_view::npos) continue;
      member.parameters.emplace_back(trimmed(parameter.substr(0, equals)), trimmed(parameter.substr(equals + 1)));
    }
    all.push_back(std::move(member));
  }
  return all;
}

/// The values of the headers, as far as they came.
struct Fields {
  std::string_view limit, remaining, reset, period, resource, combined, policy;
};

Fields fields_of(const std::vector<Header>& headers) noexcept {
  Fields fields;
  for (const Header& header : headers) {
    std::string_view name = header.name;
    // Most headers are none of these: one look at the first letter.
    if (name.empty() || (lower(name.front()) != 'x' && lower(name.front()) != 'r')) continue;
    eat(name, "x-");
    if (!eat(name, "ratelimit") && !eat(name, "rate-limit")) continue;
    std::string_view* field = nullptr;
    if (name.empty()) {
      field = &fields.combined;
    } else if (same(name, "-limit")) {
      field = &fields.limit;
    } else if (same(name, "-remaining")) {
      field = &fields.remaining;
    } else if (same(name, "-reset")) {
      field = &fields.reset;
    } else if (same(name, "-period")) {
      field = &fields.period;
    } else if (same(name, "-resource")) {
      field = &fields.resource;
    } else if (same(name, "-policy")) {
      field = &fields.policy;
    }
    if (field != nullptr && field->empty()) *field = trimmed(header.value);
  }
  return fields;
}

void read_reset(std::string_view text, std::chrono::system_clock::time_point now, QuotaReport& report) {
  report.reset = parse_retry_after(text, now);
  // 0 means that less than a second is left, or nothing; a date that has just passed says the same.
  if (!report.reset) report.reset = milliseconds{0};
  report.whole_seconds = text.find('.') == std::string_view::npos;
}

/// `100, 100;w=60`: the first number counts, its window is in the policy that has the same one.
void read_limit(std::string_view text, QuotaReport& report) {
  for (const Member& member : members(text)) {
    const auto limit = number(member.value);
    if (!limit) continue;
    if (!report.limit) report.limit = limit;
    if (const auto window = member.get("w"); window && limit == report.limit && !report.window) {
      report.window = seconds(*window);
    }
  }
}

/// From draft 08 on: `"name";r=50;t=5`.
std::vector<QuotaReport> read_structured(const Fields& fields) {
  std::vector<QuotaReport> reports;
  const std::vector<Member> policies = members(fields.policy);
  for (const Member& member : members(fields.combined)) {
    const auto left = member.get("r");
    const auto remaining = left ? number(*left) : std::nullopt;
    if (!remaining) continue;
    QuotaReport report;
    report.name = unquoted(member.value);
    report.remaining = *remaining;
    if (const auto reset = member.get("t")) {
      if (const auto wait = number(*reset)) report.reset = seconds(*reset).value_or(milliseconds{0});
    }
    for (const Member& policy : policies) {
      if (policy.value != member.value) continue;
      if (const auto quota = policy.get("q")) report.limit = number(*quota);
      if (const auto window = policy.get("w")) report.window = seconds(*window);
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

/// Up to draft 07: `limit=100, remaining=50, reset=5`.
void spread_combined(Fields& fields) {
  for (const Member& member : members(fields.combined)) {
    std::string_view text = member.value;
    if (eat(text, "limit=")) fields.limit = text;
    if (eat(text, "remaining=")) fields.remaining = text;
    if (eat(text, "reset=")) fields.reset = text;
  }
}

}  // namespace

std::vector<QuotaReport> read_quota_headers(const std::vector<Header>& headers,
                                            std::chrono::system_clock::time_point now) {
  Fields fields = fields_of(headers);
  if (!fields.combined.empty()) {
    if (auto reports = read_structured(fields); !reports.empty()) return reports;
    spread_combined(fields);
  }
  const auto remaining = number(fields.remaining);
  if (!remaining) return {};
  QuotaReport report;
  report.name = std::string(fields.resource);
  report.remaining = *remaining;
  read_limit(fields.limit, report);
  if (!fields.reset.empty()) read_reset(fields.reset, now, report);
  if (!report.window) report.window = seconds(fields.period);
  for (const Member& policy : members(fields.policy)) {
    if (report.window || number(policy.value) != report.limit) continue;
    if (const auto window = policy.get("w")) report.window = seconds(*window);
  }
  std::vector<QuotaReport> reports;
  reports.push_back(std::move(report));
  return reports;
}

}  // namespace riptide::stages

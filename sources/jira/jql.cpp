#include "jql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace riptide::sources::jira {
namespace {

/// Values in one list. Jira documents no bound; queries of the web interface stay far under this.
constexpr std::size_t kMaxListed = 500;

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool is_word(char c) noexcept {
  return !is_blank(c) && std::string_view("()[]\"',=!<>~&|").find(c) == std::string_view::npos;
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is(std::string_view word, std::string_view lowercase) noexcept {
  return std::equal(word.begin(), word.end(), lowercase.begin(), lowercase.end(),
                    [](char a, char b) { return lower(a) == b; });
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The position behind a quoted text's closing quote; nothing if it does not close.
std::optional<std::size_t> quote_end(std::string_view text, std::size_t begin) noexcept {
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == text[begin]) {
      return i + 1;
    }
  }
  return std::nullopt;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) noexcept {
  if (at + count > text.size()) return std::nullopt;
  const char* const begin = text.data() + at;
  int value = 0;
  const auto [end, error] = std::from_chars(begin, begin + count, value);
  if (error != std::errc() || end != begin + count || value < 0) return std::nullopt;
  return value;
}

}  // namespace

JqlShape shape_of(std::string_view jql) {
  JqlShape shape;
  shape.conditions = trimmed(jql);
  std::vector<char> open;
  std::optional<std::size_t> order;  // Where the word before this one began, if it is ORDER.
  for (std::size_t i = 0; i < jql.size();) {
    const char c = jql[i];
    if (is_blank(c)) {
      ++i;
      continue;
    }
    if (c == '"' || c == '\'') {
      const auto end = quote_end(jql, i);
      if (!end) return shape;
      // A field may be quoted too.
      if (is(jql.substr(i + 1, *end - i - 2), "project")) shape.names_project = true;
      i = *end;
      order.reset();
      continue;
    }
    if (c == '(' || c == '[') {
      open.push_back(c == '(' ? ')' : ']');
    } else if (c == ')' || c == ']') {
      if (open.empty() || open.back() != c) return shape;
      open.pop_back();
    }
    if (!is_word(c)) {
      ++i;
      order.reset();
      continue;
    }
    const std::size_t begin = i;
    while (i < jql.size() && is_word(jql[i])) i += jql[i] == '\\' ? 2 : 1;
    i = std::min(i, jql.size());
    const std::string_view word = jql.substr(begin, i - begin);
    if (is(word, "project")) shape.names_project = true;
    if (is(word, "by") && order && open.empty()) {
      shape.conditions = trimmed(jql.substr(0, *order));
      shape.closed = true;
      return shape;
    }
    order = is(word, "order") ? std::optional(begin) : std::nullopt;
  }
  shape.closed = open.empty();
  return shape;
}

std::string narrowed(std::string_view conditions, std::string_view clause) {
  return conditions.empty() ? std::string(clause) : fmt::format("({}) AND {}", conditions, clause);
}

std::string in_projects(const std::vector<std::string_view>& ids) {
  if (ids.size() == 1) return fmt::format("project = {}", ids.front());
  return fmt::format("project in ({})", fmt::join(ids, ", "));
}

std::string outside_projects(const std::vector<std::string_view>& ids) {
  std::string text;
  for (std::size_t i = 0; i < ids.size(); i += kMaxListed) {
    if (i != 0) text += " AND ";
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(i);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(kMaxListed, ids.size() - i));
    text += fmt::format("project not in ({})", fmt::join(begin, end, ", "));
  }
  return text;
}

std::optional<Minute> minute_of(std::string_view timestamp) {
  const auto year = digits(timestamp, 0, 4);
  const auto month = digits(timestamp, 5, 2);
  const auto day = digits(timestamp, 8, 2);
  const auto hour = digits(timestamp, 11, 2);
  const auto minute = digits(timestamp, 14, 2);
  if (!year || !month || !day || !hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  if (timestamp[4] != '-' || timestamp[7] != '-' || timestamp[13] != ':') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute);
}

std::string jql_text(Minute minute) {
  const auto day = std::chrono::floor<std::chrono::days>(minute);
  const std::chrono::year_month_day date(day);
  const auto of_day = (minute - day).count();
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day / 60, of_day % 60);
}

std::vector<std::string> cut_by_created(std::string_view conditions, Minute first, Minute last, std::size_t parts) {
  std::vector<Minute> cuts;
  const auto span = last - first;
  const auto wanted = static_cast<std::chrono::minutes::rep>(parts);
  for (std::chrono::minutes::rep i = 1; i < wanted; ++i) {
    const Minute cut = first + std::chrono::minutes(span.count() * i / wanted);
    if (cut > first && (cuts.empty() || cut > cuts.back())) cuts.push_back(cut);
  }
  std::vector<std::string> queries;
  if (cuts.empty()) return queries;
  queries.push_back(narrowed(conditions, fmt::format("created < \"{}\"", jql_text(cuts.front()))));
  for (std::size_t i = 1; i < cuts.size(); ++i) {
    queries.push_back(narrowed(
        conditions, fmt::format("created >= \"{}\" AND created < \"{}\"", jql_text(cuts[i - 1]), jql_text(cuts[i]))));
  }
  queries.push_back(narrowed(conditions, fmt::format("created >= \"{}\"", jql_text(cuts.back()))));
  return queries;
}

}  // namespace riptide::sources::jira

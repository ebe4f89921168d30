#include "jql_query.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace riptide::simulator {
namespace {

constexpr int kMaxDepth = 200;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool contains(const std::vector<std::string>& values, std::string_view text) {
  return std::any_of(values.begin(), values.end(), [text](const std::string& value) {
    return std::equal(value.begin(), value.end(), text.begin(), text.end(),
                      [](char a, char b) { return a == lower(b); });
  });
}

std::optional<int> number(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, value);
  if (error != std::errc{} || end != text.data() + at + count) return std::nullopt;
  return value;
}

}  // namespace

// Reads by recursive descent.
class JqlParser {
 public:
  JqlParser(std::string_view text, std::int64_t utc_offset_ms, std::int64_t now_ms)
      : text_(text), utc_offset_ms_(utc_offset_ms), now_ms_(now_ms) {}

  std::optional<JqlQuery> parse() {
    next();
    if (at_end_ || is("order")) {
      query_.root_ = add({});
    } else {
      query_.root_ = any(0);
    }
    if (is("order")) order_by();
    if (bad_ || !at_end_) return std::nullopt;
    return std::move(query_);
  }

 private:
  using Kind = JqlQuery::Kind;
  using Relation = JqlQuery::Relation;
  using Node = JqlQuery::Node;

  // One token: a bracket or comma, an operator, a word, or a quoted text.
  void next() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n' || text_.front() == '\t')) {
      text_.remove_prefix(1);
    }
    token_.clear();
    quoted_ = false;
    at_end_ = text_.empty();
    if (at_end_) return;
    const char c = text_.front();
    if (c == '(' || c == ')' || c == ',') return take(1);
    if (c == '"' || c == '\'') {
      quoted_ = true;
      std::size_t i = 1;
      for (; i < text_.size() && text_[i] != c; ++i) {
        if (text_[i] == '\\' && i + 1 < text_.size()) ++i;
        token_ += text_[i];
      }
      if (i >= text_.size()) bad_ = true;
      text_.remove_prefix(std::min(i + 1, text_.size()));
      return;
    }
    constexpr std::string_view kOperators = "=!<>";
    if (kOperators.find(c) != std::string_view::npos) {
      return take(text_.size() > 1 && text_[1] == '=' ? 2 : 1);
    }
    std::size_t i = 0;
    while (i < text_.size() && std::string_view("(),\"'=!<> \t\n").find(text_[i]) == std::string_view::npos) ++i;
    take(i);
  }
  void take(std::size_t count) {
    token_ = text_.substr(0, count);
    text_.remove_prefix(count);
  }
  [[nodiscard]] bool is(std::string_view word) const { return !quoted_ && !at_end_ && lowered(token_) == word; }
  bool skip(std::string_view word) {
    if (!is(word)) return false;
    next();
    return true;
  }
  std::size_t add(Node node) {
    query_.nodes_.push_back(std::move(node));
    return query_.nodes_.size() - 1;
  }
  std::size_t wrong() {
    bad_ = true;
    return 0;
  }

  std::size_t any(int depth) { return joined(depth, "or", Kind::kOr); }
  std::size_t joined(int depth, std::string_view word, Kind kind) {
    if (depth > kMaxDepth) return wrong();
    const auto operand = [&] { return kind == Kind::kOr ? joined(depth + 1, "and", Kind::kAnd) : one(depth + 1); };
    Node node{.kind = kind};
    node.operands.push_back(operand());
    while (!bad_ && skip(word)) node.operands.push_back(operand());
    return node.operands.size() == 1 ? node.operands.front() : add(std::move(node));
  }
  std::size_t one(int depth) {
    if (bad_ || depth > kMaxDepth) return wrong();
    if (skip("not")) {
      const std::size_t operand = one(depth + 1);
      return add({.kind = Kind::kNot, .operands = {operand}});
    }
    if (skip("(")) {
      const std::size_t inner = any(depth + 1);
      if (!skip(")")) return wrong();
      return inner;
    }
    return clause();
  }
  std::size_t clause() {
    Node node;
    const std::string field = lowered(token_);
    if (field == "project") {
      node.kind = Kind::kProject;
    } else if (field == "key" || field == "issuekey") {
      node.kind = Kind::kKey;
    } else if (field == "status" || field == "statuscategory") {
      node.kind = Kind::kStatus;
    } else if (field == "created") {
      node.kind = Kind::kCreated;
    } else if (field == "updated") {
      node.kind = Kind::kUpdated;
    } else {
      return wrong();
    }
    next();
    const bool time = node.kind == Kind::kCreated || node.kind == Kind::kUpdated;
    bool list = false;
    if (skip("=")) {
      node.relation = Relation::kIn;
    } else if (skip("!=")) {
      node.relation = Relation::kNotIn;
    } else if (skip("in")) {
      list = true;
    } else if (skip("not")) {
      if (!skip("in")) return wrong();
      node.relation = Relation::kNotIn;
      list = true;
    } else if (skip("<=")) {
      node.relation = Relation::kAtMost;
    } else if (skip(">=")) {
      node.relation = Relation::kAtLeast;
    } else if (skip("<")) {
      node.relation = Relation::kLess;
    } else if (skip(">")) {
      node.relation = Relation::kGreater;
    } else {
      return wrong();
    }
    const bool compares = node.relation != Relation::kIn && node.relation != Relation::kNotIn;
    if (time != compares) return wrong();
    if (list && !skip("(")) return wrong();
    do {
      if (at_end_ || (!quoted_ && (token_ == ")" || token_ == ","))) return wrong();
      if (time && !read_time(node.time_ms)) return wrong();
      node.values.push_back(lowered(token_));
      next();
    } while (list && skip(","));
    if (list && !skip(")")) return wrong();
    return add(std::move(node));
  }
  // "2024-03-01 10:11", "2024-03-01", -1w, -3d, -2h, -30m
  bool read_time(std::int64_t& ms) const {
    if (token_.size() >= 3 && token_.front() == '-') {
      std::int64_t count = 0;
      const auto [end, error] = std::from_chars(token_.data() + 1, token_.data() + token_.size() - 1, count);
      if (error != std::errc{} || end != token_.data() + token_.size() - 1 || count > 100'000) return false;
      const char unit = token_.back();
      const std::int64_t minutes = unit == 'w' ? 10'080 : unit == 'd' ? 1'440 : unit == 'h' ? 60 : unit == 'm' ? 1 : 0;
      ms = now_ms_ - count * minutes * 60'000;
      return minutes != 0;
    }
    const auto year = number(token_, 0, 4);
    const auto month = number(token_, 5, 2);
    const auto day = number(token_, 8, 2);
    if (!year || !month || !day) return false;
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return false;
    std::int64_t minutes = std::chrono::sys_days(date).time_since_epoch().count() * 1'440;
    if (token_.size() > 10) {
      const auto hour = number(token_, 11, 2);
      const auto minute = number(token_, 14, 2);
      if (!hour || !minute || token_.size() != 16) return false;
      minutes += *hour * 60 + *minute;
    }
    ms = minutes * 60'000 - utc_offset_ms_;
    return true;
  }
  void order_by() {
    next();
    if (!skip("by") || !skip("created")) {
      bad_ = true;
      return;
    }
    query_.order_ = JqlQuery::Order::kCreatedAscending;
    if (skip("desc")) {
      query_.order_ = JqlQuery::Order::kCreatedDescending;
    } else {
      skip("asc");
    }
  }

  std::string_view text_;
  std::int64_t utc_offset_ms_;
  std::int64_t now_ms_;
  JqlQuery query_;
  std::string token_;
  bool quoted_ = false;
  bool at_end_ = false;
  bool bad_ = false;
};

std::optional<JqlQuery> JqlQuery::parse(std::string_view text, std::int64_t utc_offset_ms, std::int64_t now_ms) {
  return JqlParser(text, utc_offset_ms, now_ms).parse();
}

bool JqlQuery::finds(const JqlFacts& facts) const { return holds(root_, facts); }

bool JqlQuery::holds(std::size_t index, const JqlFacts& facts) const {
  const Node& node = nodes_[index];
  const bool wanted = node.relation == Relation::kIn;
  const auto compared = [&node](std::int64_t ms) {
    switch (node.relation) {
      case Relation::kLess:
        return ms < node.time_ms;
      case Relation::kAtMost:
        return ms <= node.time_ms;
      case Relation::kGreater:
        return ms > node.time_ms;
      case Relation::kAtLeast:
        return ms >= node.time_ms;
      case Relation::kIn:
      case Relation::kNotIn:
        break;
    }
    return false;
  };
  switch (node.kind) {
    case Kind::kAll:
      return true;
    case Kind::kAnd:
      return std::all_of(node.operands.begin(), node.operands.end(),
                         [&](std::size_t one) { return holds(one, facts); });
    case Kind::kOr:
      return std::any_of(node.operands.begin(), node.operands.end(),
                         [&](std::size_t one) { return holds(one, facts); });
    case Kind::kNot:
      return !holds(node.operands.front(), facts);
    case Kind::kProject:
      return (contains(node.values, facts.project_key) || contains(node.values, std::to_string(facts.project_id))) ==
             wanted;
    case Kind::kKey:
      return contains(node.values, facts.key) == wanted;
    case Kind::kStatus:
      return contains(node.values, facts.status) == wanted;
    case Kind::kCreated:
      return compared(facts.created_ms);
    case Kind::kUpdated:
      return compared(facts.updated_ms);
  }
  return false;
}

std::string timestamp_of(std::int64_t ms, std::int64_t utc_offset_ms) {
  const auto local = std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(ms + utc_offset_ms));
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date(day);
  const std::int64_t of_day = (local - day).count();
  const std::int64_t offset = utc_offset_ms / 60'000;
  const std::int64_t size = offset < 0 ? -offset : offset;
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03d%c%02d%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(of_day / 3'600'000), static_cast<int>(of_day / 60'000 % 60),
                static_cast<int>(of_day / 1'000 % 60), static_cast<int>(of_day % 1'000), offset < 0 ? '-' : '+',
                static_cast<int>(size / 60), static_cast<int>(size % 60));
  return text;
}

}  // namespace riptide::simulator

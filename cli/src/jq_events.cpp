#include "riptide/cli/jq_events.hpp"

#include <algorithm>
#include <utility>

namespace riptide::cli {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\x1E'; }
bool is_structure(char c) { return c == '[' || c == ']' || c == '{' || c == '}' || c == ',' || c == ':' || c == '"'; }

}  // namespace

JqEvents::Got JqEvents::broken(const char* problem) {
  problem_ = problem;
  return Got::kBroken;
}

void JqEvents::reset() {
  last_ = Last::kNone;
  levels_.clear();
  path_.clear();
  token_.clear();
  next_.clear();
  after_.clear();
  escaped_ = false;
}

// Makes `step` the last one of the path, in place of the one before it.
void JqEvents::set_step(std::string_view step) {
  path_.resize(levels_.back().path);
  if (levels_.size() > 1) path_ += ',';
  path_ += step;
}

void JqEvents::leaf(std::string_view value, std::string& event) const {
  event = "[[";
  event += path_;
  event += "],";
  event += value;
  event += ']';
}

// Goes on with a string or a word; false if it does not end in this piece.
bool JqEvents::take_token(std::string_view piece, std::size_t& at) {
  const std::size_t begin = at;
  if (token_[0] != '"') {
    while (at < piece.size() && !is_space(piece[at]) && !is_structure(piece[at])) ++at;
    token_ += piece.substr(begin, at - begin);
    return at < piece.size();
  }
  for (; at < piece.size(); ++at) {
    if (escaped_) {
      escaped_ = false;
    } else if (piece[at] == '\\') {
      escaped_ = true;
    } else if (piece[at] == '"') {
      ++at;
      token_ += piece.substr(begin, at - begin);
      return true;
    }
  }
  token_ += piece.substr(begin);
  return false;
}

// False if it is neither a string nor a word of JSON; then `problem_` says why.
bool JqEvents::is_scalar(std::string_view token) {
  const auto is_plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '\\'; };
  if (token[0] == '"' && std::all_of(token.begin(), token.end(), is_plain)) return true;
  std::size_t at = 0;
  const auto loaded = checker_.load_next(token, at, true);
  if (loaded) return true;
  problem_ = loaded.error().message;
  problem_.resize(std::min(problem_.rfind(" at line "), problem_.size()));
  if (problem_.ends_with(" at EOF")) problem_.resize(problem_.size() - std::string_view(" at EOF").size());
  return false;
}

// A key or a value has been read. kMore: it is no event yet.
JqEvents::Got JqEvents::token_complete(std::string& event) {
  std::string token;
  token.swap(token_);
  if (!is_scalar(token)) return Got::kBroken;
  if (!next_.empty() || last_ == Last::kValue) return broken("Expected separator between values");
  if (levels_.empty()) {
    leaf(token, event);
    return Got::kEvent;
  }
  last_ = Last::kValue;
  next_ = std::move(token);
  return Got::kMore;
}

JqEvents::Got JqEvents::open(char bracket) {
  const bool object = bracket == '{';
  if (object ? last_ == Last::kValue : !next_.empty()) return broken("Expected a separator between values");
  if (last_ == Last::kOpenObject) {
    return broken(object ? "Expected string key after '{', not '{'" : "Expected string key after '{', not '['");
  }
  if (last_ == Last::kComma && levels_.back().object) {
    return broken(object ? "Expected string key after ',' in object, not '{'"
                         : "Expected string key after ',' in object, not '['");
  }
  levels_.push_back({object, path_.size(), 0, false});
  set_step(object ? "null" : "0");
  last_ = object ? Last::kOpenObject : Last::kOpenArray;
  return Got::kMore;
}

JqEvents::Got JqEvents::colon() {
  if (levels_.empty() || !levels_.back().object) return broken("':' not as part of an object");
  if (next_.empty() || last_ == Last::kNone) return broken("Expected string key before ':'");
  if (next_[0] != '"') return broken("Object keys must be strings");
  if (last_ != Last::kValue) return broken("':' should follow a key");
  last_ = Last::kColon;
  set_step(std::exchange(next_, {}));
  levels_.back().has_key = true;
  return Got::kMore;
}

JqEvents::Got JqEvents::comma(std::string& event) {
  if (last_ != Last::kValue) return broken("Expected value before ','");
  Level& level = levels_.back();
  if (level.object && !level.has_key) return broken("Objects must consist of key:value pairs");
  const bool has_event = !next_.empty();
  if (has_event) leaf(std::exchange(next_, {}), event);
  set_step(level.object ? std::string("null") : std::to_string(++level.index));
  level.has_key = false;
  last_ = Last::kComma;
  return has_event ? Got::kEvent : Got::kMore;
}

JqEvents::Got JqEvents::close(char bracket, std::string& event) {
  const bool object = bracket == '}';
  if (levels_.empty()) return broken(object ? "Unmatched '}' at the top-level" : "Unmatched ']' at the top-level");
  if (last_ == Last::kComma)
    return broken(object ? "Expected another key:value pair" : "Expected another array element");
  const Level level = levels_.back();
  if (level.object != object) {
    return broken(object ? "Unmatched '}' in the middle of an array" : "Unmatched ']' in the middle of an object");
  }
  const bool empty = last_ == Last::kOpenArray || last_ == Last::kOpenObject;
  if (object && !next_.empty() && !level.has_key) return broken("Objects must consist of key:value pairs");
  if (object && last_ == Last::kColon) return broken("Missing value in key:value pair");
  std::string closing = "[[" + path_ + "]]";
  if (!next_.empty()) {
    leaf(std::exchange(next_, {}), event);
    after_ = std::move(closing);
  } else if (!empty) {
    event = std::move(closing);
  }
  path_.resize(level.path);
  levels_.pop_back();
  if (empty) leaf(object ? "{}" : "[]", event);
  last_ = levels_.empty() ? Last::kNone : Last::kValue;
  return Got::kEvent;
}

JqEvents::Got JqEvents::structure(char c, std::string& event) {
  switch (c) {
    case '[':
    case '{':
      return open(c);
    case ':':
      return colon();
    case ',':
      return comma(event);
    default:
      return close(c, event);
  }
}

JqEvents::Got JqEvents::next(std::string_view piece, std::size_t& at, std::string& event) {
  if (!after_.empty()) {
    event = std::exchange(after_, {});
    return Got::kEvent;
  }
  while (true) {
    if (!token_.empty()) {
      if (!take_token(piece, at)) return Got::kMore;
      const bool word = token_[0] != '"';
      const Got got = token_complete(event);
      // At the top, what cannot follow a word takes it along.
      constexpr std::string_view kNotBehind = ",:]}";
      if (word && got == Got::kEvent && levels_.empty() && kNotBehind.find(piece[at]) != kNotBehind.npos) {
        return structure(piece[at++], event);
      }
      // A word is noticed with the character behind it.
      if (got == Got::kBroken && word) ++at;
      if (got != Got::kMore) return got;
    }
    while (at < piece.size() && is_space(piece[at])) ++at;
    if (at == piece.size()) return Got::kMore;
    const char c = piece[at++];
    if (c == '"' || !is_structure(c)) {
      token_ = c;
      escaped_ = false;
    } else if (const Got got = structure(c, event); got != Got::kMore) {
      return got;
    }
  }
}

JqEvents::Got JqEvents::finish(std::string& event) {
  if (!after_.empty()) {
    event = std::exchange(after_, {});
    return Got::kEvent;
  }
  if (!token_.empty()) {
    if (token_[0] == '"') return broken("Unfinished string at EOF");
    const Got got = token_complete(event);
    if (got == Got::kBroken) problem_ += " at EOF";
    if (got != Got::kMore) return got;
  }
  return levels_.empty() ? Got::kMore : broken("Unfinished JSON term at EOF");
}

}  // namespace riptide::cli

#include "riptide/cli/jq_events.hpp"

namespace riptide::cli {
namespace {

constexpr std::size_t kDeepest = 10'000;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\x1E'; }
bool is_structure(char c) { return c == '[' || c == ']' || c == '{' || c == '}' || c == ',' || c == ':' || c == '"'; }

}  // namespace

JqEvents::Got JqEvents::broken(const char* problem) {
  problem_ = problem;
  return Got::kBroken;
}

// Makes `step` the last one of the path, in place of the one before it.
void JqEvents::set_step(std::string_view step) {
  const Level& level = levels_.back();
  path_.resize(level.path);
  if (levels_.size() > 1) path_ += ',';
  path_ += step;
}

void JqEvents::open(char bracket) {
  levels_.push_back({bracket == '{', path_.size(), 0});
  if (bracket == '[') set_step("0");
  expects_ = bracket == '{' ? Expects::kFirstKey : Expects::kFirstValue;
}

void JqEvents::value_done() { expects_ = levels_.empty() ? Expects::kValue : Expects::kSeparator; }

void JqEvents::leaf(std::string_view value, std::string& event) {
  event = "[[";
  event += path_;
  event += "],";
  event += value;
  event += ']';
  value_done();
}

// Goes on with a string or a word; false if it does not end in this piece.
bool JqEvents::take_token(std::string_view piece, std::size_t& at) {
  if (token_[0] != '"') {
    const std::size_t begin = at;
    while (at < piece.size() && !is_space(piece[at]) && !is_structure(piece[at])) ++at;
    token_ += piece.substr(begin, at - begin);
    return at < piece.size();
  }
  const std::size_t begin = at;
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

JqEvents::Got JqEvents::token_complete(std::string& event, bool& has_event) {
  has_event = false;
  switch (expects_) {
    case Expects::kValue:
    case Expects::kFirstValue:
      leaf(token_, event);
      has_event = true;
      break;
    case Expects::kKey:
    case Expects::kFirstKey:
      if (token_[0] != '"') return broken("Object keys must be strings");
      set_step(token_);
      expects_ = Expects::kColon;
      break;
    case Expects::kColon:
    case Expects::kSeparator:
      return broken("Expected separator between values");
  }
  token_.clear();
  return Got::kEvent;
}

JqEvents::Got JqEvents::close(char c, std::string& event) {
  const bool object = c == '}';
  if (levels_.empty() || levels_.back().object != object) return broken(object ? "Unmatched '}'" : "Unmatched ']'");
  const bool empty = expects_ == (object ? Expects::kFirstKey : Expects::kFirstValue);
  if (!empty && expects_ != Expects::kSeparator) {
    if (expects_ == Expects::kKey) return broken("Expected another key-value pair");
    if (expects_ == Expects::kColon) return broken("Objects must consist of key:value pairs");
    return broken(object ? "Unmatched '}'" : "Expected another array element");
  }
  if (!empty) event = "[[" + path_ + "]]";
  path_.resize(levels_.back().path);
  levels_.pop_back();
  if (empty) {
    leaf(object ? "{}" : "[]", event);
  } else {
    value_done();
  }
  return Got::kEvent;
}

JqEvents::Got JqEvents::structure(char c, std::string& event) {
  switch (c) {
    case '[':
    case '{':
      if (expects_ == Expects::kSeparator || expects_ == Expects::kColon) {
        return broken("Expected separator between values");
      }
      if (expects_ != Expects::kValue && expects_ != Expects::kFirstValue) {
        return broken("Object keys must be strings");
      }
      if (levels_.size() >= kDeepest) return broken("Exceeds depth limit for parsing");
      open(c);
      return Got::kMore;
    case ':':
      if (expects_ != Expects::kColon) return broken("':' not as part of an object");
      expects_ = Expects::kValue;
      return Got::kMore;
    case ',':
      if (expects_ == Expects::kColon) return broken("Objects must consist of key:value pairs");
      if (expects_ != Expects::kSeparator) return broken("Expected value before ','");
      if (levels_.back().object) {
        expects_ = Expects::kKey;
      } else {
        set_step(std::to_string(++levels_.back().index));
        expects_ = Expects::kValue;
      }
      return Got::kMore;
    default:
      return close(c, event);
  }
}

JqEvents::Got JqEvents::next(std::string_view piece, std::size_t& at, std::string& event) {
  while (true) {
    if (!token_.empty()) {
      if (!take_token(piece, at)) return Got::kMore;
      bool has_event = false;
      if (const Got got = token_complete(event, has_event); got == Got::kBroken || has_event) return got;
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
  if (!token_.empty()) {
    if (token_[0] == '"') return broken("Unfinished string at EOF");
    bool has_event = false;
    if (const Got got = token_complete(event, has_event); got == Got::kBroken || has_event) return got;
  }
  return levels_.empty() ? Got::kMore : broken("Unfinished JSON term at EOF");
}

}  // namespace riptide::cli

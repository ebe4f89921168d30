#include "jq/json_reader.hpp"

#include <emmintrin.h>

#include <array>
#include <cstring>
#include <new>

#include "jq/number_text.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

constexpr std::uint32_t kIndexed = 64;  ///< Objects of that many members are indexed at once, others when needed.

constexpr bool is_space(char c) noexcept {
  return static_cast<unsigned char>(c) <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r');
}
constexpr bool is_structure(char c) noexcept {
  return c == '[' || c == ']' || c == '{' || c == '}' || c == ',' || c == ':' || c == '"';
}

constexpr std::array<bool, 256> make_word_ends() {
  std::array<bool, 256> ends{};
  for (std::size_t c = 0; c < ends.size(); ++c) {
    ends[c] = is_space(static_cast<char>(c)) || is_structure(static_cast<char>(c));
  }
  return ends;
}
constexpr std::array<bool, 256> kEndsWord = make_word_ends();

/// Which of 16 bytes a string does not just go on with: quotes, backslashes, control characters.
inline unsigned string_stops(__m128i block) noexcept {
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
  const __m128i marks =
      _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(control, marks)));
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool hex4(const char* at, const char* end, std::uint32_t& unit) noexcept {
  if (end - at < 4) return false;
  unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) return false;
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  return true;
}

// Decodes the escapes of a string body; false on a bad one.
bool unescape(std::string_view body, bool lenient, std::string& out) {
  const char* at = body.data();
  const char* const end = at + body.size();
  while (at < end) {
    const char* const plain = at;
    while (at < end && *at != '\\') ++at;
    out.append(plain, at);
    if (at == end) return true;
    if (end - at < 2) return false;
    const char kind = at[1];
    at += 2;
    switch (kind) {
      case '"':
      case '\\':
      case '/':
        out += kind;
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        std::uint32_t unit = 0;
        if (!hex4(at, end, unit)) return false;
        at += 4;
        std::uint32_t low = 0;
        if (unit >= 0xD800 && unit < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
            hex4(at + 2, end, low) && low >= 0xDC00 && low < 0xE000) {
          unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
          at += 6;
        } else if (unit >= 0xD800 && unit < 0xDC00 && !lenient) {
          return false;
        }
        utf8::append(out, unit);
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

// Makes the value of a bare word; false if it is none that jq knows.
bool word_value(std::string_view word, bool borrow, Value& value) {
  if (word == "null") return value = Value::null(), true;
  if (word == "true") return value = Value::boolean(true), true;
  if (word == "false") return value = Value::boolean(false), true;
  if (is_number_text(word)) return value = number_from_text(word, borrow), true;
  return named_number(word, value);
}

}  // namespace

inline void JsonReader::skip_space() noexcept {
  while (at_ < end_ && is_space(*at_)) ++at_;
}

bool JsonReader::raw_string(RawString& raw) {
  const char* const body = ++at_;
  const int strict = lenient_ ? 0 : -1;
  while (true) {
    // Sixteen bytes at a time to the next quote, backslash or control character.
    while (end_ - at_ >= 16) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
      const int control = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block)) & strict;
      const int stops = control | _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                                                                 _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
      const int high = _mm_movemask_epi8(block);
      if (stops != 0) {
        const int first = __builtin_ctz(static_cast<unsigned>(stops));
        if ((static_cast<unsigned>(high) & ((1u << first) - 1u)) != 0) raw.ascii = false;
        at_ += first;
        break;
      }
      if (high != 0) raw.ascii = false;
      at_ += 16;
    }
    while (at_ < end_ && *at_ != '"' && *at_ != '\\' && (lenient_ || static_cast<unsigned char>(*at_) >= 0x20)) {
      if (static_cast<signed char>(*at_) < 0) raw.ascii = false;
      ++at_;
    }
    if (at_ >= end_) return false;
    if (*at_ == '"') break;
    if (*at_ != '\\') return false;
    raw.escaped = true;
    if (end_ - at_ < 2) {
      at_ = end_;
      return false;
    }
    at_ += 2;
  }
  raw.body = std::string_view(body, static_cast<std::size_t>(at_ - body));
  ++at_;
  return true;
}

bool JsonReader::string(Value& value) {
  RawString raw;
  if (!raw_string(raw)) return false;
  if (!raw.escaped && (raw.ascii || utf8::valid(raw.body))) {
    value = borrow_ ? borrowed_string(raw.body) : Value::string(raw.body);
    return true;
  }
  scratch_.clear();
  if (!unescape(raw.body, lenient_, scratch_)) return false;
  value = raw.ascii ? Value::string(scratch_) : repaired_string(scratch_);
  if (borrow_) value.head()->references = NodeHead::kImmortal;
  return true;
}

bool JsonReader::scalar(Value& value) {
  const char* const begin = at_;
  while (at_ < end_ && !kEndsWord[static_cast<unsigned char>(*at_)]) ++at_;
  return at_ != begin && word_value({begin, static_cast<std::size_t>(at_ - begin)}, borrow_, value);
}

void JsonReader::close(bool object, std::size_t first, Value& value) {
  const std::size_t count = values_.size() - first;
  bool settle = false;
  if (object) {
    value = Value::object();
    ObjectNode* node = value.object_node();
    if (count > 0) {
      const auto members = static_cast<std::uint32_t>(count / 2);
      node->entries = static_cast<ObjectEntry*>(Heap::current()->allocate(members * sizeof(ObjectEntry)));
      node->capacity = members;
      std::memcpy(static_cast<void*>(node->entries), static_cast<const void*>(&values_[first]), count * sizeof(Value));
      node->size = members;
      node->unchecked = true;
      settle = !borrow_ || members >= kIndexed;
    }
  } else {
    value = Value::array(count);
    ArrayNode* node = value.array_node();
    if (count > 0) {
      std::memcpy(static_cast<void*>(node->items), static_cast<const void*>(&values_[first]), count * sizeof(Value));
    }
    node->size = static_cast<std::uint32_t>(count);
  }
  if (borrow_) value.head()->references = NodeHead::kImmortal;
  // Moved by their bytes: what is left behind owns nothing.
  for (std::size_t i = first; i < values_.size(); ++i) new (&values_[i]) Value();
  values_.resize(first);
  if (settle) object_settle(value);
}

// Reads a key and its colon. With a view of the object, says whether the member is seen, and as what.
bool JsonReader::key(const View*& view, bool& seen) {
  if (at_ >= end_ || *at_ != '"') return false;
  seen = true;
  if (view == nullptr) {
    Value name;
    if (!string(name)) return false;
    values_.push_back(std::move(name));
  } else {
    const char* const begin = at_;
    RawString raw;
    if (end_ - begin > 16) {  // most keys are short
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin + 1));
      const unsigned stops = string_stops(block) | static_cast<unsigned>(_mm_movemask_epi8(block));
      const int length = stops == 0 ? 0 : __builtin_ctz(stops);
      if (stops != 0 && begin[1 + length] == '"') {
        raw.body = std::string_view(begin + 1, static_cast<std::size_t>(length));
        at_ = begin + length + 2;
      }
    }
    if (at_ == begin && !raw_string(raw)) return false;
    std::string_view text = raw.body;
    Value decoded;
    if (raw.escaped || !raw.ascii) {
      at_ = begin;
      if (!string(decoded)) return false;
      text = decoded.string();
    }
    view = view->find(text);
    seen = view != nullptr;
    if (seen) values_.push_back(decoded.valid() ? std::move(decoded) : borrowed_string(text));
    if (seen && view->whole) view = nullptr;
  }
  skip_space();
  return at_ < end_ && *at_++ == ':';
}

// Steps over a string: most have neither escapes nor an end of the text nearby.
inline bool JsonReader::skip_string() {
  const char* at = at_ + 1;
  while (end_ - at >= 16) {
    const unsigned stops = string_stops(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    if (stops == 0) {
      at += 16;
      continue;
    }
    at += __builtin_ctz(stops);
    if (*at != '"') break;
    at_ = at + 1;
    return true;
  }
  RawString raw;
  if (!raw_string(raw)) return false;
  scratch_.clear();
  return !raw.escaped || unescape(raw.body, lenient_, scratch_);
}

inline bool JsonReader::skip_scalar() {
  if (*at_ == '"') return skip_string();
  const char* const begin = at_;
  const char* at = begin + (*begin == '-' ? 1 : 0);
  const char* const digits = at;
  while (at < end_ && *at >= '0' && *at <= '9') ++at;
  if (at > digits && at < end_ && kEndsWord[static_cast<unsigned char>(*at)]) {  // an integer
    at_ = at;
    return true;
  }
  while (at < end_ && !kEndsWord[static_cast<unsigned char>(*at)]) ++at;
  at_ = at;
  const std::string_view word(begin, static_cast<std::size_t>(at - begin));
  if (word == "true" || word == "null" || word == "false") return true;
  Value ignored;
  return !word.empty() && (is_number_text(word) || word_value(word, borrow_, ignored));
}

// Steps over a value, as strictly as if it were read.
bool JsonReader::skip() {
  skipped_.clear();
  while (true) {
    skip_space();
    if (at_ >= end_) return false;
    if (*at_ == '{' || *at_ == '[') {
      const char bracket = *at_++;
      if (open_.size() + skipped_.size() >= max_depth_) {
        too_deep_ = true;
        return false;
      }
      skipped_ += bracket;
      skip_space();
      if (at_ < end_ && *at_ == (bracket == '{' ? '}' : ']')) {
        skipped_.pop_back();
        ++at_;
      } else if (bracket == '[') {
        continue;
      } else {
        if (at_ >= end_ || *at_ != '"' || !skip_scalar()) return false;
        skip_space();
        if (at_ >= end_ || *at_++ != ':') return false;
        continue;
      }
    } else if (!skip_scalar()) {
      return false;
    }
    while (true) {
      if (skipped_.empty()) return true;
      skip_space();
      if (at_ >= end_) return false;
      const char next = *at_++;
      if (next == ',') {
        if (skipped_.back() == '{') {
          skip_space();
          if (at_ >= end_ || *at_ != '"' || !skip_scalar()) return false;
          skip_space();
          if (at_ >= end_ || *at_++ != ':') return false;
        }
        break;
      }
      if (next != (skipped_.back() == '{' ? '}' : ']')) return false;
      skipped_.pop_back();
    }
  }
}

bool JsonReader::parse(const View* view, Value& result) {
  while (true) {
    // A value is next, seen as `view` says.
    skip_space();
    if (at_ >= end_) return false;
    Value value;
    bool complete = true;
    bool seen = true;
    const char c = *at_;
    if (c == '"') {
      if (!string(value)) return false;
    } else if (c == '{' || c == '[') {
      ++at_;
      if (open_.size() >= max_depth_) {
        too_deep_ = true;
        return false;
      }
      const std::size_t first = values_.size();
      skip_space();
      if (at_ < end_ && *at_ == (c == '{' ? '}' : ']')) {
        ++at_;
        close(c == '{', first, value);
      } else {
        if (c == '[') view = nullptr;
        open_.push_back({c == '{', first, view});
        if (c == '[') continue;
        if (!key(view, seen)) return false;
        complete = false;
      }
    } else if (!scalar(value)) {
      return false;
    }
    // A value is complete: it goes to its container, which may be complete then as well.
    while (true) {
      if (complete) {
        if (open_.empty()) {
          result = std::move(value);
          return true;
        }
        if (seen) values_.push_back(std::move(value));
        seen = true;
        const Frame frame = open_.back();
        skip_space();
        if (at_ >= end_) return false;
        const char next = *at_++;
        if (next != ',') {
          if (next != (frame.object ? '}' : ']')) return false;
          open_.pop_back();
          close(frame.object, frame.first, value);
          continue;
        }
        view = frame.view;
        if (frame.object) {
          skip_space();
          if (!key(view, seen)) return false;
        }
      }
      complete = !seen;
      if (seen) break;
      if (!skip()) return false;
    }
  }
}

void JsonReader::begin(std::string_view text, Ownership ownership, std::uint32_t max_depth) noexcept {
  at_ = text.data();
  end_ = at_ + text.size();
  borrow_ = ownership != Ownership::kCopy;
  lenient_ = ownership == Ownership::kBorrow;
  max_depth_ = max_depth;
  too_deep_ = false;
  open_.clear();
  values_.clear();
}

bool JsonReader::parse_all(const View* view, Value& value) {
  bool good = false;
  try {
    good = parse(view, value);
  } catch (...) {
    values_.clear();
    throw;
  }
  values_.clear();
  return good;
}

bool JsonReader::read(std::string_view text, Ownership ownership, std::uint32_t max_depth, Value& value,
                      std::string& error) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  begin(text, ownership, max_depth);
  if (parse_all(nullptr, value)) {
    skip_space();
    if (at_ == end_) return true;
    value = Value();
  }
  error = too_deep_ ? "Exceeds depth limit for parsing" : json_error(text);
  return false;
}

JsonReader::Found JsonReader::next(std::string_view text, std::size_t& at, bool last, std::uint32_t max_depth,
                                   const View* view, Value& value) {
  begin(text, Ownership::kBorrowStrict, max_depth);
  at_ += at;
  skip_space();
  at = static_cast<std::size_t>(at_ - text.data());
  if (at_ == end_) return Found::kNothing;
  const char first = *at_;
  const bool good = parse_all(view, value);
  // A bare word at the end of the text may go on.
  const bool bare = first != '{' && first != '[' && first != '"';
  if (at_ >= end_ && !last && (!good || bare)) return Found::kUnfinished;
  if (!good) return Found::kBroken;
  // As in jq, which sees the bracket before it has given the word.
  if (bare && at_ < end_ && (*at_ == ']' || *at_ == '}' || *at_ == ',' || *at_ == ':')) return Found::kBroken;
  at = static_cast<std::size_t>(at_ - text.data());
  return Found::kValue;
}

// ---- why it is not JSON

namespace {

// Walks a text as jq's tokenizer does, to say what it says: tokens end at structural characters, a position is where
// the tokenizer noticed.
class Complaint {
 public:
  explicit Complaint(std::string_view text) : text_(text) {}

  std::string run() {
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const char c = text_[i];
      ++column_;
      if (c == '\n') {
        ++line_;
        column_ = 0;
      }
      if (in_string_) {
        token_ += c;
        if (escape_) {
          escape_ = false;
        } else if (c == '\\') {
          escape_ = true;
        } else if (c == '"') {
          in_string_ = false;
          token_.pop_back();
          if (const char* problem = bad_escape(token_)) return at(problem, false);
          token_.clear();
          if (const char* problem = value(true)) return at(problem, false);
        }
        continue;
      }

      if (is_space(c) || is_structure(c)) {
        if (const char* problem = flush()) return at(problem, false);
        if (c == '"') {
          in_string_ = true;
        } else if (!is_space(c)) {
          if (const char* problem = structure(c)) return at(problem, false);
        }
      } else {
        token_ += c;
      }
    }
    if (in_string_) return at("Unfinished string", true);
    if (const char* problem = flush()) return at(problem, true);
    if (!stack_.empty()) return at("Unfinished JSON term", true);
    if (complete_ > 1) return "Unexpected extra JSON values";
    return "Expected JSON value";
  }

 private:
  enum class State : std::uint8_t { kEmpty, kValue, kAfterComma, kKey, kColon };
  struct Level {
    bool object;
    State state;
  };

  std::string at(const char* problem, bool end) const {
    return std::string(problem) + (end ? " at EOF" : "") + " at line " + std::to_string(line_) + ", column " +
           std::to_string(column_);
  }

  const char* flush() {
    if (token_.empty()) return nullptr;
    std::string token;
    token.swap(token_);
    if (token[0] == '\'') return "Invalid string literal; expected \", but got '";
    Value ignored;
    const bool literal = token[0] == 't' || token[0] == 'f' || (token[0] == 'n' && token.size() > 1 && token[1] != 'a');
    if (!word_value(token, false, ignored)) return literal ? "Invalid literal" : "Invalid numeric literal";
    return value(false);
  }

  const char* value(bool is_string) {
    if (stack_.empty()) {
      ++complete_;
      return nullptr;
    }
    Level& level = stack_.back();
    if (level.state == State::kValue) return "Expected separator between values";
    if (level.object && level.state != State::kColon) {
      if (level.state == State::kKey) return "Expected separator between values";
      key_is_string_ = is_string;
      level.state = State::kKey;
      return nullptr;
    }
    level.state = State::kValue;
    return nullptr;
  }

  const char* structure(char c) {
    switch (c) {
      case '[':
      case '{':
        if (!stack_.empty() && stack_.back().state == State::kValue) return "Expected separator between values";

        if (stack_.size() >= 10'000) return "Exceeds depth limit for parsing";
        stack_.push_back({c == '{', State::kEmpty});
        return nullptr;
      case ':':
        if (stack_.empty()) return "Expected string key before ':'";
        if (!stack_.back().object) return "':' not as part of an object";
        if (stack_.back().state != State::kKey) return "Expected string key before ':'";
        if (!key_is_string_) return "Object keys must be strings";
        stack_.back().state = State::kColon;
        return nullptr;
      case ',':
        if (stack_.empty()) return "Expected value before ','";
        if (stack_.back().state == State::kKey) return "Objects must consist of key:value pairs";
        if (stack_.back().state != State::kValue) return "Expected value before ','";
        stack_.back().state = State::kAfterComma;
        return nullptr;
      case ']':
        if (stack_.empty() || stack_.back().object) return "Unmatched ']'";
        if (stack_.back().state == State::kAfterComma) return "Expected another array element";
        break;
      default:
        if (stack_.empty() || !stack_.back().object) return "Unmatched '}'";
        if (stack_.back().state == State::kAfterComma) return "Expected another key-value pair";
        if (stack_.back().state == State::kColon) return "Unmatched '}'";
        if (stack_.back().state == State::kKey) return "Objects must consist of key:value pairs";
        break;
    }
    stack_.pop_back();
    return value(false);
  }

  static const char* bad_escape(std::string_view body) {
    for (std::size_t i = 0; i < body.size(); ++i) {
      if (static_cast<unsigned char>(body[i]) < 0x20) {
        return "Invalid string: control characters from U+0000 through U+001F must be escaped";
      }
      if (body[i] != '\\') continue;
      ++i;
      if (i >= body.size()) return "Expected escape character at end of string";
      if (body[i] == 'u') {
        std::uint32_t unit = 0;
        if (body.size() - i < 5) return "Invalid \\uXXXX escape";
        if (!hex4(body.data() + i + 1, body.data() + body.size(), unit)) return "Invalid characters in \\uXXXX escape";
        i += 4;
        if (unit >= 0xD800 && unit < 0xDC00) {
          std::uint32_t low = 0;
          if (body.size() - i < 7 || body[i + 1] != '\\' || body[i + 2] != 'u' ||
              !hex4(body.data() + i + 3, body.data() + body.size(), low) || low < 0xDC00 || low >= 0xE000) {
            return "Invalid \\uXXXX\\uXXXX surrogate pair escape";
          }
          i += 6;
        }
      } else if (std::string_view("\"\\/bfnrt").find(body[i]) == std::string_view::npos) {
        return "Invalid escape";
      }
    }
    return nullptr;
  }

  std::string_view text_;
  std::vector<Level> stack_;
  std::string token_;
  std::size_t line_ = 1;
  std::size_t column_ = 0;
  std::size_t complete_ = 0;
  bool in_string_ = false;
  bool escape_ = false;
  bool key_is_string_ = false;
};

}  // namespace

std::string json_error(std::string_view text) { return Complaint(text).run(); }

}  // namespace riptide::transform::jq

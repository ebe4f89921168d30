#include <string>
#include <string_view>
#include <vector>

#include "jq/json_reader.hpp"
#include "jq/json_text.hpp"

// Why a text is not JSON.
namespace riptide::transform::jq {
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
    return "Expected JSON value";
  }

 private:
  static constexpr const char* kExtra = "Unexpected extra JSON values";
  enum class State : std::uint8_t { kEmpty, kValue, kAfterComma, kKey, kColon };
  struct Level {
    bool object;
    State state;
  };

  std::string at(const char* problem, bool end) const {
    if (problem == kExtra) return problem;
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
      return complete_ > 1 ? kExtra : nullptr;
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
    // A value, or a key, has been read and nothing has taken it.
    const bool pending =
        !stack_.empty() && (stack_.back().state == State::kValue || stack_.back().state == State::kKey);
    const bool object = !stack_.empty() && stack_.back().object;
    switch (c) {
      case '[':
      case '{':
        if (stack_.size() >= 10'000) return "Exceeds depth limit for parsing";
        if (pending) return "Expected separator between values";
        stack_.push_back({c == '{', State::kEmpty});
        return nullptr;
      case ':':
        if (!pending) return "Expected string key before ':'";
        if (!object || stack_.back().state != State::kKey) return "':' not as part of an object";
        if (!key_is_string_) return "Object keys must be strings";
        stack_.back().state = State::kColon;
        return nullptr;
      case ',':
        if (!pending) return "Expected value before ','";
        if (stack_.back().state == State::kKey) return "Objects must consist of key:value pairs";
        stack_.back().state = State::kAfterComma;
        return nullptr;
      case ']':
        // Behind a colon, the key is what is open.
        if (!stack_.empty() && !object) {
          if (stack_.back().state == State::kAfterComma) return "Expected another array element";
          break;
        }
        return "Unmatched ']'";
      default:
        if (stack_.empty()) return "Unmatched '}'";
        if (pending && (!object || stack_.back().state == State::kKey))
          return "Objects must consist of key:value pairs";
        if (!object || stack_.back().state == State::kColon) return "Unmatched '}'";
        if (stack_.back().state == State::kAfterComma) return "Expected another key-value pair";
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

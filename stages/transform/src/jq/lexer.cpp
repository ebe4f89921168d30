#include "jq/lexer.hpp"

#include <algorithm>
#include <array>

#include "jq/json_text.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

constexpr std::array<std::string_view, 19> kKeywords = {
    "as",     "import", "include", "module", "def", "if",    "then",  "else",  "elif",   "end",
    "reduce", "and",    "foreach", "or",     "try", "catch", "label", "break", "__loc__"};

constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_word(char c) noexcept { return is_letter(c) || is_digit(c); }
constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Lexer {
 public:
  Lexer(std::string_view text, std::vector<Token>& tokens, CompileError& error)
      : text_(text), tokens_(tokens), error_(error) {}

  bool run() {
    while (true) {
      if (!open_.empty() && open_.back() == '"') {
        if (!string_part()) return false;
        continue;
      }
      skip_blanks();
      if (at_ >= text_.size()) break;
      if (!token()) return false;
    }
    if (!open_.empty() && inside_string()) return fail("unterminated string", open_at_.back());
    add(TokenKind::kEnd, at_, {});
    return true;
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  ast::Position position(std::size_t offset) {
    while (counted_ < offset) {
      if (text_[counted_++] == '\n') {
        ++line_;
        line_start_ = counted_;
      }
    }
    return {line_, static_cast<std::uint32_t>(offset - line_start_ + 1)};
  }

  void add(TokenKind kind, std::size_t begin, std::string text) {
    tokens_.push_back({kind, position(begin), std::move(text)});
  }

  bool fail(std::string message, ast::Position at) {
    error_ = {std::move(message), static_cast<int>(at.line), static_cast<int>(at.column)};
    return false;
  }
  bool fail(std::string message, std::size_t offset) { return fail(std::move(message), position(offset)); }

  [[nodiscard]] bool inside_string() const { return std::find(open_.begin(), open_.end(), '"') != open_.end(); }

  void skip_blanks() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (text_[at_] == '#') {
        skip_comment();
      } else {
        return;
      }
    }
  }

  // An odd number of backslashes before the line end continues a comment on the next line.
  void skip_comment() {
    while (at_ < text_.size()) {
      if (text_[at_] == '\\') {
        ++at_;
        if (peek() == '\r' && peek(1) == '\n') ++at_;
        if (at_ < text_.size()) ++at_;
      } else if (text_[at_] == '\n' || text_[at_] == '\r') {
        return;
      } else {
        ++at_;
      }
    }
  }

  std::size_t word_end(std::size_t from) const noexcept {
    while (from < text_.size() && is_word(text_[from])) ++from;
    return from;
  }

  // name(::name)*
  std::size_t path_end(std::size_t from) const noexcept {
    from = word_end(from);
    while (from + 2 < text_.size() && text_[from] == ':' && text_[from + 1] == ':' && is_letter(text_[from + 2])) {
      from = word_end(from + 2);
    }
    return from;
  }

  std::string slice(std::size_t begin, std::size_t end) const { return std::string(text_.substr(begin, end - begin)); }

  bool token() {
    const std::size_t begin = at_;
    const char c = text_[at_];
    if (c == '"') {
      add(TokenKind::kStringStart, begin, {});
      open('"', begin);
      ++at_;
      return true;
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '.' && is_letter(peek(1))) {
      at_ = word_end(at_ + 1);
      add(TokenKind::kField, begin, slice(begin + 1, at_));
      return true;
    }
    if (is_letter(c)) {
      at_ = path_end(at_);
      std::string word = slice(begin, at_);
      const bool keyword = std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end();
      add(keyword ? TokenKind::kKeyword : TokenKind::kIdentifier, begin, std::move(word));
      return true;
    }
    if (c == '$' && is_letter(peek(1))) {
      at_ = path_end(at_ + 1);
      std::string word = slice(begin + 1, at_);
      const bool location = word == "__loc__";
      add(location ? TokenKind::kLocation : TokenKind::kVariable, begin, std::move(word));
      return true;
    }
    if (c == '@' && is_word(peek(1))) {
      at_ = word_end(at_ + 1);
      add(TokenKind::kFormat, begin, slice(begin + 1, at_));
      return true;
    }
    return symbol();
  }

  bool number() {
    const std::size_t begin = at_;
    while (is_digit(peek())) ++at_;
    if (peek() == '.') {
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      std::size_t ahead = 1;
      if (peek(ahead) == '+' || peek(ahead) == '-') ++ahead;
      if (is_digit(peek(ahead))) {
        at_ += ahead;
        while (is_digit(peek())) ++at_;
      }
    }
    add(TokenKind::kNumber, begin, slice(begin, at_));
    return true;
  }

  void open(char bracket, std::size_t offset) {
    open_.push_back(bracket);
    open_at_.push_back(position(offset));
  }

  bool symbol() {
    static constexpr std::array<std::string_view, 16> kSymbols = {
        "?//", "//=", "|=", "+=", "-=", "*=", "/=", "%=", "==", "!=", "<=", ">=", "//", "..", "&&", "||"};
    const std::size_t begin = at_;
    for (const std::string_view candidate : kSymbols) {
      if (text_.substr(at_, candidate.size()) != candidate) continue;
      if (candidate == "&&" || candidate == "||") {
        return fail(std::string("syntax error, unexpected '") + std::string(candidate) + "'; jq spells it '" +
                        (candidate == "&&" ? "and'" : "or'"),
                    begin);
      }
      at_ += candidate.size();
      add(TokenKind::kSymbol, begin, std::string(candidate));
      return true;
    }
    const char c = text_[at_];
    if (std::string_view(".?=;,:|+-*/%<>()[]{}").find(c) == std::string_view::npos) {
      if (c == '\'') return fail("syntax error, unexpected \"'\"; strings take double quotes", begin);
      if (c == '!') return fail("syntax error, unexpected '!'; jq spells it '| not'", begin);
      std::string shown(text_.substr(at_, utf8::sequence_length(text_.substr(at_))));
      return fail("syntax error, unexpected '" + utf8::repaired(shown) + "'", begin);
    }
    if (c == '(' || c == '[' || c == '{') {
      open(c, begin);
    } else if (c == ')' || c == ']' || c == '}') {
      const char opener = c == ')' ? '(' : c == ']' ? '[' : '{';
      const bool interpolation = !open_.empty() && open_.back() == '\\' && c == ')';
      if (!interpolation && (open_.empty() || open_.back() != opener)) {
        return fail(std::string("syntax error, unexpected '") + c + "', no open '" + opener + "'", begin);
      }
      open_.pop_back();
      open_at_.pop_back();
      if (interpolation) {
        ++at_;
        add(TokenKind::kInterpolationEnd, begin, {});
        return true;
      }
    }
    ++at_;
    add(TokenKind::kSymbol, begin, std::string(1, c));
    return true;
  }

  // Reads up to the end of the string, or to an interpolation.
  bool string_part() {
    const std::size_t begin = at_;
    std::string decoded;
    while (true) {
      if (at_ >= text_.size()) return fail("syntax error, unterminated string", open_at_.back());
      const char c = text_[at_];
      if (c == '"') {
        if (!decoded.empty()) add(TokenKind::kStringText, begin, utf8::repaired(decoded));
        add(TokenKind::kStringEnd, at_++, {});
        open_.pop_back();
        open_at_.pop_back();
        return true;
      }
      if (c != '\\') {
        decoded += c;
        ++at_;
        continue;
      }
      if (peek(1) == '(') {
        if (!decoded.empty()) add(TokenKind::kStringText, begin, utf8::repaired(decoded));
        add(TokenKind::kInterpolationStart, at_, {});
        open('\\', at_);
        at_ += 2;
        return true;
      }
      if (!escape(decoded)) return false;
    }
  }

  bool escape(std::string& decoded) {
    const std::size_t begin = at_;
    const char c = peek(1);
    at_ += 2;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        decoded += c;
        return true;
      case 'b':
        decoded += '\b';
        return true;
      case 'f':
        decoded += '\f';
        return true;
      case 'n':
        decoded += '\n';
        return true;
      case 'r':
        decoded += '\r';
        return true;
      case 't':
        decoded += '\t';
        return true;
      case 'u': {
        std::uint32_t unit = 0;
        if (!hex4(at_, unit)) return fail("invalid \\uXXXX escape in a string", begin);
        at_ += 4;
        if (unit >= 0xD800 && unit < 0xDC00) {
          std::uint32_t low = 0;
          if (peek() == '\\' && peek(1) == 'u' && hex4(at_ + 2, low) && low >= 0xDC00 && low < 0xE000) {
            at_ += 6;
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
          } else {
            unit = 0xFFFD;
          }
        } else if (unit >= 0xDC00 && unit < 0xE000) {
          unit = 0xFFFD;
        }
        utf8::append(decoded, unit);
        return true;
      }
      default:
        return fail("invalid escape in a string: only \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX and \\( are known",
                    begin);
    }
  }

  bool hex4(std::size_t from, std::uint32_t& unit) const noexcept {
    const char* const end = text_.data() + text_.size();
    return from <= text_.size() && jq::hex4(text_.data() + from, end, unit);
  }

  std::string_view text_;
  std::vector<Token>& tokens_;
  CompileError& error_;
  std::size_t at_ = 0;
  std::size_t counted_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
  std::string open_;                    ///< Open brackets; '"' is a string, '\\' an interpolation.
  std::vector<ast::Position> open_at_;  ///< Where each was opened.
};

}  // namespace

bool tokenize(std::string_view program, std::vector<Token>& tokens, CompileError& error) {
  return Lexer(program, tokens, error).run();
}

}  // namespace riptide::transform::jq

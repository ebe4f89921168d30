#include "riptide/cli/dotenv.hpp"

#include <algorithm>

namespace riptide::cli {
namespace {

class DotenvReader {
 public:
  DotenvReader(std::string_view text, const std::string& origin, const EnvironmentLookup& environment,
               std::vector<Problem>& problems)
      : text_(text), origin_(origin), environment_(environment), problems_(problems) {}

  std::vector<Variable> read() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    while (at_ < text_.size()) {
      const std::size_t line_begin = at_;
      const int line = line_;
      if (!read_line()) {
        problems_.push_back({Problem::Level::kWarning, origin_, line, 0, "",
                             "this line is not NAME=value and is ignored (an open quote?)"});
        at_ = line_begin;
        line_ = line;
        skip_to_line_end();
      }
    }
    return std::move(variables_);
  }

 private:
  [[nodiscard]] bool at_end_of_line() const { return at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r'; }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  void skip_to_line_end() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    if (at_ < text_.size()) {
      ++at_;
      ++line_;
    }
  }

  bool read_line() {
    skip_blanks();
    if (at_end_of_line() || text_[at_] == '#') {
      skip_to_line_end();
      return true;
    }
    if (text_.substr(at_).starts_with("export ") || text_.substr(at_).starts_with("export\t")) {
      at_ += 7;
      skip_blanks();
    }
    Variable variable;
    variable.line = line_;
    if (!at_end_of_line() && text_[at_] == '\'') {
      if (!read_quoted('\'', variable.name)) return false;
    } else {
      while (!at_end_of_line() && text_[at_] != '=' && text_[at_] != '#' && text_[at_] != ' ' && text_[at_] != '\t') {
        variable.name += text_[at_++];
      }
    }
    if (variable.name.empty()) return false;
    skip_blanks();
    if (at_end_of_line() || text_[at_] == '#') {  // a name alone sets nothing
      skip_to_line_end();
      return true;
    }
    if (text_[at_] != '=') return false;
    ++at_;
    skip_blanks();
    if (!at_end_of_line() && (text_[at_] == '\'' || text_[at_] == '"')) {
      if (!read_quoted(text_[at_], variable.value)) return false;
      skip_blanks();
      if (!at_end_of_line() && text_[at_] != '#') return false;
    } else {
      read_plain(variable.value);
    }
    skip_to_line_end();
    variable.value = expanded(variable.value);
    variables_.push_back(std::move(variable));
    return true;
  }

  bool read_quoted(char quote, std::string& out) {
    ++at_;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        read_escape(quote, out);
        continue;
      }
      if (text_[at_] == '\n') ++line_;
      out += text_[at_++];
    }
    if (at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  void read_escape(char quote, std::string& out) {
    const char c = text_[at_ + 1];
    constexpr std::string_view kFrom = "abfnrtv";
    constexpr std::string_view kTo = "\a\b\f\n\r\t\v";
    const std::size_t control = quote == '"' ? kFrom.find(c) : std::string_view::npos;
    if (control != std::string_view::npos) {
      out += kTo[control];
    } else if (c == '\\' || c == '\'' || (quote == '"' && c == '"')) {
      out += c;
    } else {
      out += '\\';
      ++at_;
      return;
    }
    at_ += 2;
  }

  void read_plain(std::string& out) {
    while (!at_end_of_line()) {
      if (text_[at_] == '#' && !out.empty() && (out.back() == ' ' || out.back() == '\t')) break;
      if (text_[at_] == '#' && out.empty() && at_ > 0 && (text_[at_ - 1] == ' ' || text_[at_ - 1] == '\t')) break;
      out += text_[at_++];
    }
    while (!out.empty() && (out.back() == ' ' || out.back() == '\t')) out.pop_back();
  }

  [[nodiscard]] std::string lookup(std::string_view name, std::string_view otherwise) const {
    for (auto variable = variables_.rbegin(); variable != variables_.rend(); ++variable) {
      if (variable->name == name) return variable->value;
    }
    if (environment_) {
      if (auto value = environment_(name)) return *value;
    }
    return std::string(otherwise);
  }

  [[nodiscard]] std::string expanded(const std::string& value) const {
    std::string out;
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t close = value.compare(at, 2, "${") == 0 ? value.find('}', at) : std::string::npos;
      if (close == std::string::npos) {
        out += value[at++];
        continue;
      }
      const std::string_view inside = std::string_view(value).substr(at + 2, close - at - 2);
      const std::size_t dash = inside.find(":-");
      out += lookup(inside.substr(0, dash), dash == std::string_view::npos ? "" : inside.substr(dash + 2));
      at = close + 1;
    }
    return out;
  }

  std::string_view text_;
  const std::string& origin_;
  const EnvironmentLookup& environment_;
  std::vector<Problem>& problems_;
  std::vector<Variable> variables_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<Variable> read_dotenv(std::string_view text, const std::string& origin,
                                  const EnvironmentLookup& environment, std::vector<Problem>& problems) {
  return DotenvReader(text, origin, environment, problems).read();
}

}  // namespace riptide::cli

#include "riptide/cli/jq_inputs.hpp"

#include <algorithm>
#include <thread>

#include "riptide/cli/jq_runner.hpp"
#include "riptide/json/document.hpp"

namespace riptide::cli {

namespace jq = transform::jq;
using pipeline::ErrorKind;
using pipeline::unexpected;

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Behind the value that begins at `at`: the bracket that closes it, the closing quote, or what ends a bare word (with
// that character, unless it begins another value).
std::size_t value_end(std::string_view text, std::size_t at) {
  const char first = text[at];
  std::size_t depth = 0;
  if (first != '{' && first != '[' && first != '"') {
    while (at < text.size() && !is_space(text[at]) && std::string_view("[]{},:\"").find(text[at]) == text.npos) ++at;
    if (at < text.size() && std::string_view("[{\"").find(text[at]) == text.npos) ++at;
    return at;
  }
  for (; at < text.size(); ++at) {
    switch (text[at]) {
      case '"':
        for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\' ? 1 : 0;
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        --depth;
        break;
      default:
        break;
    }
    if (depth == 0) return std::min(at + 1, text.size());
  }
  return text.size();
}

}  // namespace

JqSource::Cut JqInputs::cut_for(const JqOptions& options) {
  if (options.raw_input) return JqSource::Cut::kLines;
  if (options.stream) return JqSource::Cut::kNowhere;
  return options.sequence ? JqSource::Cut::kRecords : JqSource::Cut::kValues;
}

void JqInputs::say_complaints() {
  std::string all = source_.complaints();
  if (!all.empty()) err_ += "jq: error: " + all + '\n';
}

bool JqInputs::next_block() {
  has_block_ = source_.next(block_);
  begin_ = at_ = 0;
  say_complaints();
  return has_block_;
}

JqBlock::Place JqInputs::place() const { return has_block_ ? block_.place(at_) : source_.place(); }

std::string JqInputs::where() const {
  if (!source_.begun()) return "<unknown>";
  const JqBlock::Place here = place();
  return source_.name(here.file) + ":" + std::to_string(here.line);
}

std::string_view JqInputs::input_filename() const {
  if (!source_.begun()) return {};
  return source_.name(place().file);
}

std::size_t JqInputs::input_line_number() const { return source_.begun() ? place().line : 0; }

std::string JqInputs::positioned(const std::string& message) const {
  const JqBlock::Position start = has_block_ ? block_.position(begin_) : JqBlock::Position{};
  return with_position(message, start.line, start.column);
}

void JqInputs::debug(std::string_view json) {
  const std::string message = "[\"DEBUG:\"," + std::string(json) + "]";
  if (!debug_layout_.plain() && debugged_.load(message)) {
    print_json(debugged_.input(), debug_layout_, err_);
  } else {
    err_ += message;
  }
  err_ += '\n';
}

void JqInputs::standard_error(std::string_view text) { err_ += text; }

JqInputs::Next JqInputs::value(std::string& json) {
  while (true) {
    while (has_block_ && at_ < block_.text().size() && is_space(block_.text()[at_])) ++at_;
    if (has_block_ && at_ < block_.text().size()) break;
    if (has_block_ && block_.last) return false;
    if (!next_block()) return false;
  }
  begin_ = at_;
  at_ = value_end(block_.text(), begin_);
  json = block_.text().substr(begin_, at_ - begin_);
  return true;
}

JqInputs::Next JqInputs::line(std::string& text) {
  while (!has_block_ || at_ == block_.text().size()) {
    if (!next_block()) return false;
  }
  begin_ = at_;
  const std::size_t end = std::min(block_.text().find('\n', begin_), block_.text().size());
  text = block_.text().substr(begin_, end - begin_);
  at_ = std::min(end + 1, block_.text().size());
  return true;
}

JqInputs::Next JqInputs::record(std::string& json) {
  while (true) {
    if (!has_block_ || at_ == block_.text().size()) {
      if (!next_block()) return false;
    }
    const std::string_view text = block_.text();
    if (text[at_] == '\x1E') {
      ++at_;
      in_record_ = true;
      continue;
    }
    const std::size_t separator = std::min(text.find('\x1E', at_), text.size());
    if (!in_record_) {  // what is in front of the first separator counts for nothing
      at_ = separator;
      if (separator == text.size()) abandon();
      continue;
    }
    std::size_t at = at_;
    const auto found = checker_.load_next(text.substr(0, separator), at, false);
    if (found && *found == jq::Evaluator::Loaded::kEnd) {
      at_ = separator;
      continue;
    }
    if (found && *found == jq::Evaluator::Loaded::kValue) {
      begin_ = at_;
      at_ = at;
      json.clear();
      checker_.input().append_json(json);
      return true;
    }
    begin_ = at;
    // A text that is cut short costs only itself.
    at_ = separator;
    if (found && separator == text.size()) {
      abandon();
    } else if (found) {
      const JqBlock::Position here = block_.position(separator + 1);
      err_ +=
          "jq: ignoring parse error: " + with_position("Truncated value at line 1, column 0", here.line, here.column) +
          '\n';
    } else {
      err_ += "jq: ignoring parse error: " + positioned(found.error().message) + '\n';
    }
  }
}

void JqInputs::abandon() {
  const JqBlock::Position here = block_.position(block_.text().size());
  err_ += "jq: ignoring parse error: " +
          with_position("Unfinished abandoned text at EOF at line 1, column 0", here.line, here.column) + '\n';
}

JqInputs::Next JqInputs::event(std::string& json) {
  while (!finished_) {
    if (skips_line_ && has_block_) {
      const std::size_t line = block_.text().find('\n', at_);
      skips_line_ = line == std::string_view::npos;
      at_ = skips_line_ ? block_.text().size() : line + 1;
    }
    if (has_block_) {
      const JqEvents::Got got = events_.next(block_.text(), at_, json);
      if (got == JqEvents::Got::kEvent) return true;
      if (got == JqEvents::Got::kBroken) return stream_error(json);
    }
    if ((has_block_ && block_.last) || !next_block()) {
      const JqEvents::Got got = events_.finish(json);
      finished_ = got != JqEvents::Got::kEvent;
      if (got == JqEvents::Got::kBroken) return stream_error(json);
      return got == JqEvents::Got::kEvent;
    }
  }
  return false;
}

// With --stream-errors an event of its own; the rest of the line is not read then.
JqInputs::Next JqInputs::stream_error(std::string& json) {
  const JqBlock::Position here = has_block_ ? block_.position(at_) : JqBlock::Position{};
  const std::string message =
      events_.problem() + " at line " + std::to_string(here.line) + ", column " + std::to_string(here.column);
  if (!options_.stream_errors) {
    finished_ = true;
    return unexpected(ErrorKind::kMalformed, message);
  }
  json = "[";
  json::append_quoted(message, json);
  json += ",[" + events_.path() + "]]";
  events_.reset();
  skips_line_ = true;
  return true;
}

// One input, as JSON; of lines, the text.
JqInputs::Next JqInputs::one(std::string& json) {
  if (options_.raw_input) return line(json);
  if (options_.stream) return event(json);
  return options_.sequence ? record(json) : value(json);
}

JqInputs::Next JqInputs::slurp(std::string& json) {
  if (slurped_) return false;
  slurped_ = true;
  if (options_.raw_input) {
    source_.read_all(block_);
    has_block_ = true;
    at_ = block_.text().size();
    say_complaints();
    json.clear();
    json::append_quoted(block_.text(), json);
    return true;
  }
  json = "[";
  while (true) {
    const Next more = one(text_);
    if (!more) return more;
    if (!*more) break;
    if (json.size() > 1) json += ',';
    json += text_;
  }
  json += ']';
  return true;
}

JqInputs::Next JqInputs::next_input(std::string& json) {
  if (options_.slurp) return slurp(json);
  if (!options_.raw_input) return one(json);
  const Next more = line(text_);
  if (more && *more) {
    json.clear();
    json::append_quoted(text_, json);
  }
  return more;
}

JqInputs::Next JqInputs::load_next(jq::Evaluator& evaluator) {
  std::size_t at = 0;
  if (options_.slurp && !options_.stream && !options_.sequence) {
    if (slurped_) return false;
    slurped_ = true;
    source_.read_all(block_);
    has_block_ = true;
    say_complaints();
    const unsigned threads = std::thread::hardware_concurrency();
    if (options_.raw_input) {
      evaluator.load_string(block_.text());
    } else if (const auto loaded = evaluator.load_all(block_.text(), begin_, threads); !loaded) {
      return unexpected(loaded.error().kind, positioned(loaded.error().message));
    }
    at_ = block_.text().size();
    return true;
  }
  // A copy: `input` may go on to the next block while the program looks at it.
  const Next more = options_.slurp ? slurp(loaded_) : one(loaded_);
  if (!more || !*more) return more;
  if (options_.raw_input) {
    evaluator.load_string(loaded_);
  } else if (const auto loaded = evaluator.load_next(loaded_, at, true); !loaded) {
    return unexpected(loaded.error().kind, positioned(loaded.error().message));
  }
  return true;
}

}  // namespace riptide::cli

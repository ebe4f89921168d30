#include "riptide/cli/jq_runner.hpp"

#include <cstdio>

namespace riptide::cli {

namespace jq = transform::jq;

namespace {

constexpr std::size_t kFull = std::size_t{256} << 10;

}  // namespace

void JqVerdict::add(const JqVerdict& later) {
  if (!later.any) return;
  any = true;
  code = later.code;
  if (later.last_output >= 0) last_output = later.last_output;
  stopped = stopped || later.stopped;
}

int JqVerdict::exit_code(bool exit_status) const {
  if (!exit_status) return code > 0 ? code : 0;
  if (code != kNothing) return code < 0 ? -code : code;
  return last_output < 0 ? jq_exit::kNoOutput : last_output == 0 ? 1 : 0;
}

// False: the output cannot be written as asked.
bool JqRunner::write(jq::ValueRef value, int& code) {
  if (options_.raw_output && value.type() == jq::Type::kString) {
    if (options_.layout.ascii) {
      print_json(value, {.compact = true, .ascii = true}, out);
    } else if (options_.refuse_nul && value.string().find('\0') != std::string_view::npos) {
      return false;
    } else {
      out += value.string();
    }
    code = 0;
  } else {
    if (options_.sequence) out += '\x1E';
    if (plain_) {
      value.append_json(out);
    } else {
      print_json(value, options_.layout, out);
    }
    code = value.truthy() ? 0 : JqVerdict::kFalse;
  }
  out += options_.after;
  if (full != nullptr && (options_.unbuffered || out.size() > kFull)) (*full)();
  return true;
}

void JqRunner::run(jq::FunctionRef<std::string()> where) {
  JqVerdict mine = {.any = true};
  bool unwritable = false;
  const jq::Outcome outcome = evaluator_.run(program_, [&](jq::ValueRef value) {
    unwritable = !write(value, mine.code);
    return unwritable ? jq::Next::kStop : jq::Next::kContinue;
  });
  const auto failed = [&](const std::string& what) {
    err += "jq: error (at " + where() + what + '\n';
    mine.code = jq_exit::kError;
  };
  if (mine.code == 0 || mine.code == JqVerdict::kFalse) mine.last_output = mine.code == 0 ? 1 : 0;
  switch (outcome.ending) {
    case jq::Outcome::Ending::kDone:
    case jq::Outcome::Ending::kStopped:
      if (unwritable) {
        mine.last_output = -1;
        failed("): Cannot dump a string containing NUL with --raw-output0 option");
      }
      break;
    case jq::Outcome::Ending::kError: {
      mine.last_output = -1;
      std::string text;
      if (outcome.value.type() == jq::Type::kString || outcome.message == "break") {
        failed("): " + outcome.message);
      } else {
        outcome.value.append_json(text);
        failed(") (not a string): " + text);
      }
      break;
    }
    case jq::Outcome::Ending::kLimit:
      mine.last_output = -1;
      failed("): " + outcome.message);
      break;
    case jq::Outcome::Ending::kHalted:
      mine.last_output = -1;
      mine.code = outcome.exit_code;
      mine.stopped = true;
      halt(outcome);
      break;
  }
  verdict.add(mine);
  if (full != nullptr && err.size() > kFull) (*full)();
}

void JqRunner::halt(const jq::Outcome& outcome) {
  if (!outcome.has_value || outcome.value.type() == jq::Type::kNull) return;
  if (outcome.value.type() == jq::Type::kString) {
    err += outcome.value.string();
  } else {
    outcome.value.append_json(err);
    err += '\n';
  }
}

void JqRunner::refuse_input(const std::string& message) {
  err += "jq: parse error: " + message + '\n';
  verdict.add({.code = jq_exit::kError, .last_output = -1, .any = true, .stopped = true});
}

std::string with_position(const std::string& message, std::size_t line, std::size_t column) {
  const std::size_t at = message.rfind(" at line ");
  unsigned long relative_line = 0, relative_column = 0;
  if (at == std::string::npos ||
      std::sscanf(message.c_str() + at, " at line %lu, column %lu", &relative_line, &relative_column) != 2) {
    return message;
  }
  if (relative_line == 1) relative_column += column;
  return message.substr(0, at) + " at line " + std::to_string(line + relative_line - 1) + ", column " +
         std::to_string(relative_column);
}

}  // namespace riptide::cli

#pragma once

#include <string>

#include "riptide/cli/jq_options.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::cli {

/// How the values so far ended, for the exit code.
struct JqVerdict {
  static constexpr int kNothing = -4;  ///< The last value had no output.
  static constexpr int kFalse = -1;    ///< Its last output was false or null.

  int code = kNothing;   ///< Of the last value: these, or an exit code.
  int last_output = -1;  ///< 0: false or null, 1: another, -1: there was none.
  bool any = false;      ///< Something was run: else this says nothing.
  bool stopped = false;  ///< `halt`, or an input that is not JSON: nothing more is run.

  /// Goes on with what came later.
  void add(const JqVerdict& later);
  [[nodiscard]] int exit_code(bool exit_status) const;
};

/// Runs the program on inputs that the evaluator has loaded, and writes what jq would to two texts. One thread.
class JqRunner {
 public:
  /// All borrowed.
  JqRunner(const JqOptions& options, const transform::jq::Program& program, transform::jq::Evaluator& evaluator)
      : options_(options), program_(program), evaluator_(evaluator), plain_(options.layout.plain()) {}

  /// Runs the program on the evaluator's input. `where` is asked for the place that an error is to name.
  void run(transform::jq::FunctionRef<std::string()> where);
  /// Notes an input that cannot be read: the end of the run.
  void refuse_input(const std::string& message);

  std::string out;
  std::string err;
  JqVerdict verdict;
  /// Called when `out` or `err` has grown large, or after each output if it must not be held back; may empty them.
  transform::jq::FunctionRef<void()>* full = nullptr;

 private:
  bool write(transform::jq::ValueRef value, int& code);
  void halt(const transform::jq::Outcome& outcome);

  const JqOptions& options_;
  const transform::jq::Program& program_;
  transform::jq::Evaluator& evaluator_;
  const bool plain_;
};

/// A message of the reader of JSON, whose positions count from `line` and `column`, with positions in the whole input.
std::string with_position(const std::string& message, std::size_t line, std::size_t column);

}  // namespace riptide::cli

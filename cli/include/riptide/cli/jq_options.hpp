#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "riptide/cli/jq_printer.hpp"
#include "riptide/transform/evaluation_limits.hpp"

namespace riptide::cli {

/// jq's exit codes.
namespace jq_exit {
inline constexpr int kUsage = 2;  ///< Wrong usage, or a file that cannot be read.
inline constexpr int kDoesNotCompile = 3;
inline constexpr int kNoOutput = 4;
inline constexpr int kError = 5;  ///< Of the last value, or an input that is not JSON.
}  // namespace jq_exit

/// What `riptide jq` was asked to do.
struct JqOptions {
  JqLayout layout;
  bool null_input = false;
  bool slurp = false;
  bool raw_input = false;
  bool stream = false;
  bool stream_errors = false;  ///< --stream-errors: what is not JSON is an event, too.
  bool sequence = false;       ///< --seq: texts begin with a record separator.
  bool raw_output = false;
  bool refuse_nul = false;  ///< --raw-output0.
  bool unbuffered = false;
  bool exit_status = false;
  std::string after = "\n";
  std::string program;
  std::vector<std::string> files;
  std::optional<std::vector<std::string>> libraries;           ///< -L: folders of modules.
  std::string program_folder = ".";                            ///< Of the file of -f.
  std::vector<std::pair<std::string, std::string>> variables;  ///< Values as JSON text; `ARGS` is among them.
};

/// Bounds for the user's own programs on the user's own machine: as good as none.
inline constexpr transform::EvaluationLimits kJqLimits = {
    .max_steps = UINT64_MAX / 2, .max_memory_bytes = SIZE_MAX / 4, .max_output_bytes = SIZE_MAX / 4};

/// The end of a run before it began: the exit code, and what goes to standard output and standard error.
struct JqRefusal {
  int code = 0;
  std::string out;
  std::string err;
};

/// Reads jq's command line, and the files that it names for the program and for variables. Without a program, `.` is
/// run if `has_pipe`: standard input or output is no terminal. `colors` is for output in colours, where neither -C nor
/// -M says otherwise.
struct JqTerminal {
  bool has_pipe = false;
  bool colors = false;
  JqColors palette = JqColors::standard();
};
std::variant<JqOptions, JqRefusal> read_jq_options(const std::vector<std::string>& arguments,
                                                   const JqTerminal& terminal);

}  // namespace riptide::cli

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>

#include "riptide/cli/jq_inputs.hpp"
#include "riptide/cli/jq_modules.hpp"
#include "riptide/cli/jq_options.hpp"
#include "riptide/cli/jq_parallel.hpp"
#include "riptide/cli/jq_runner.hpp"
#include "riptide/cli/jq_source.hpp"
#include "riptide/cli/verbs.hpp"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace riptide::cli {
namespace {

namespace jq = transform::jq;

std::shared_ptr<const jq::Program> compile(const JqOptions& options, const JqModules& modules,
                                           jq::CompileError& where) {
  jq::CompileOptions compile;
  compile.host_functions = true;
  compile.modules = &modules;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    if (const char* const equals = std::strchr(*variable, '=')) {
      compile.environment.emplace_back(std::string(*variable, static_cast<std::size_t>(equals - *variable)),
                                       equals + 1);
    }
  }
  compile.variables = options.variables;
  auto program = jq::Program::compile(options.program, compile, &where);
  return program ? *program : nullptr;
}

// One input after the other on this thread: for programs that look at more than their input.
class Serial {
 public:
  Serial(const JqOptions& options, const jq::Program& program, JqSource& source, const JqModules& modules,
         const JqStreams& streams)
      : options_(options),
        streams_(streams),
        runner_(options, program, evaluator_),
        inputs_(options, source, modules, runner_.err) {
    evaluator_.set_host(&inputs_);
  }

  JqVerdict run() {
    const auto where = [this] { return inputs_.where(); };
    const auto flush_now = [this] { flush(); };
    jq::FunctionRef<void()> full(flush_now);
    runner_.full = &full;
    if (options_.null_input) {
      evaluator_.load_null();
      runner_.run(where);
    }
    while (!options_.null_input && !runner_.verdict.stopped && !write_failed_) {
      const auto more = inputs_.load_next(evaluator_);
      if (!more) {
        runner_.refuse_input(more.error().message);
      } else if (*more) {
        runner_.run(where);
      } else {
        break;
      }
    }
    flush();
    return runner_.verdict;
  }

  [[nodiscard]] bool write_failed() const { return write_failed_; }

 private:
  void flush() {
    write_failed_ = !write_fully(streams_.out, runner_.out) || write_failed_;
    write_fully(streams_.err, runner_.err);
    runner_.out.clear();
    runner_.err.clear();
  }

  const JqOptions& options_;
  const JqStreams& streams_;
  bool write_failed_ = false;
  jq::Evaluator evaluator_{kJqLimits};
  JqRunner runner_;
  JqInputs inputs_;
};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

// The folder of this program's file, as far as the system tells.
std::string own_folder() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? "." : program.parent_path().string();
}

}  // namespace

int run_jq(const JqFlags& flags, const JqStreams& streams) {
  const bool to_terminal = ::isatty(streams.out) != 0;
  JqTerminal terminal;
  terminal.has_pipe = ::isatty(streams.in) == 0 || !to_terminal;
  terminal.colors = to_terminal && variable("NO_COLOR").empty();
  if (auto palette = JqColors::read(variable("JQ_COLORS"))) {
    terminal.palette = std::move(*palette);
  } else {
    write_fully(streams.err, "Failed to set $JQ_COLORS\n");
  }
  const auto read = read_jq_options(flags.arguments, terminal);
  if (const auto* const refusal = std::get_if<JqRefusal>(&read)) {
    write_fully(streams.out, refusal->out);
    write_fully(streams.err, refusal->err);
    return refusal->code;
  }
  const JqOptions& options = std::get<JqOptions>(read);
  jq::CompileError problem;
  const JqModules modules({options.libraries, options.program_folder, variable("HOME"), own_folder()});
  const auto program = compile(options, modules, problem);
  if (program == nullptr) {
    write_fully(streams.err, "jq: error: " + problem.message + " at " +
                                 (problem.file.empty() ? "" : problem.file + ", ") + "line " +
                                 std::to_string(problem.line) + ", column " + std::to_string(problem.column) +
                                 "\njq: 1 compile error\n");
    return jq_exit::kDoesNotCompile;
  }
  JqVerdict verdict;
  bool write_failed = false;
  const bool each_alone = !options.null_input && !options.slurp && !options.stream && !options.sequence &&
                          !options.unbuffered && !program->asks_host();
  const JqSource::Cut cut = JqInputs::cut_for(options);
  JqSource source(options.files, streams.in,
                  each_alone && cut == JqSource::Cut::kValues ? JqSource::Cut::kGuessed : cut);
  if (each_alone) {
    const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
    JqParallel parallel(options, *program, source, {streams.out, streams.err, threads});
    verdict = parallel.run();
    write_failed = parallel.write_failed();
  } else {
    Serial serial(options, *program, source, modules, streams);
    verdict = serial.run();
    write_failed = serial.write_failed();
  }
  if (source.failed()) verdict.code = jq_exit::kUsage;
  if (write_failed) {
    write_fully(streams.err, std::string("jq: error: writing output failed: ") + std::strerror(errno) + "\n");
    verdict.code = jq_exit::kUsage;
  }
  return verdict.exit_code(options.exit_status);
}

}  // namespace riptide::cli

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "riptide/pipeline/record.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/transform/evaluation_limits.hpp"

/// The jq language, version 1.8: programs, and the machine that evaluates them.
namespace riptide::transform::jq {

using pipeline::Result;

namespace ast {
struct Module;
}
struct Code;
struct View;
class Machine;

/// Why a program does not compile, and where.
struct CompileError {
  std::string
      message;       ///< Without the position, e.g. "unknown function 'ascii_uppercase'; did you mean 'ascii_upcase'?".
  int line = 1;      ///< 1-based.
  int column = 1;    ///< 1-based, in bytes.
  std::string file;  ///< The module that it is in; empty: the program itself.
};

/// Where the modules of programs come from. Immutable while a program is compiled.
class ModuleFiles {
 public:
  virtual ~ModuleFiles() = default;

  /// A module as a program names it.
  struct Wanted {
    std::string path;                                ///< As written behind `import` or `include`.
    std::optional<std::vector<std::string>> search;  ///< Of the import's metadata; nothing if it has none.
    bool is_data = false;                            ///< JSON instead of jq.
    std::string importer;                            ///< `Found::file` of the module that imports; empty: the program.
  };
  /// A module that is there.
  struct Found {
    std::string file;  ///< Its full name: the same for the same file.
    std::string text;
  };
  /// Errors: kConfig, with jq's message.
  [[nodiscard]] virtual Result<Found> find(const Wanted& wanted) const = 0;
  /// The module that each program includes without saying so.
  [[nodiscard]] virtual std::optional<Found> included_always() const = 0;
  /// What `get_search_list`, `get_jq_origin` and `get_prog_origin` give.
  [[nodiscard]] virtual std::vector<std::string> search_list() const = 0;
  [[nodiscard]] virtual std::string jq_origin() const = 0;
  [[nodiscard]] virtual std::string program_origin() const = 0;
};

/// What `modulemeta` tells of a module's text, as JSON: its metadata with `deps` and `defs`. `null` if it does not
/// parse.
std::string module_meta(std::string_view text);

/// What a program may see and call.
struct CompileOptions {
  /// What `env` and `$ENV` show. Empty, as by default: `{}`.
  std::vector<std::pair<std::string, std::string>> environment;
  /// Global variables beside `$ENV` and `$__loc__`: name without `$`, value as JSON text.
  std::vector<std::pair<std::string, std::string>> variables;
  /// True where a `Host` answers `input`, `inputs`, `debug`, `stderr`, `input_filename`, `input_line_number`,
  /// `modulemeta`, `halt` and `halt_error`; false refuses them by name.
  bool host_functions = false;
  /// Finds what `import` and `include` name; borrowed. Null refuses them by name.
  const ModuleFiles* modules = nullptr;
};

/// A compiled program: immutable, shared by all threads.
class Program {
 public:
  /// Compiles `text`. Errors: kConfig, "message at line L, column C"; `where`, if given, receives the parts.
  static Result<std::shared_ptr<const Program>> compile(std::string_view text, const CompileOptions& options = {},
                                                        CompileError* where = nullptr);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] std::string_view text() const noexcept;
  /// The syntax tree (src/jq/ast.hpp), for those who look for shapes that they can do faster.
  [[nodiscard]] const ast::Module& syntax() const noexcept;
  /// What the program can see of its input (src/jq/view.hpp); null: all of it.
  [[nodiscard]] const View* view() const noexcept;
  /// True if the program can have at most one output.
  [[nodiscard]] bool single_output() const noexcept;
  /// True if the program calls a function that a `Host` answers: then it is more than a function of its input.
  [[nodiscard]] bool asks_host() const noexcept;

 private:
  friend class Evaluator;
  struct Parts;
  explicit Program(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

enum class Type : std::uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

/// A value of an `Evaluator`, borrowed: an output is valid during its callback (longer with `Evaluator::keep`), the
/// input until the next `load`.
class ValueRef {
 public:
  ValueRef() = default;

  [[nodiscard]] Type type() const noexcept;
  /// False for `false` and `null` only, as in jq.
  [[nodiscard]] bool truthy() const noexcept { return type() != Type::kNull && type() != Type::kFalse; }
  [[nodiscard]] double number() const noexcept;            ///< 0 unless it is a number.
  [[nodiscard]] std::string_view string() const noexcept;  ///< Its UTF-8 bytes; empty unless it is a string.
  [[nodiscard]] std::size_t size() const noexcept;         ///< Elements or members; bytes of a string; else 0.
  [[nodiscard]] ValueRef element(std::size_t index) const noexcept;    ///< Null outside an array.
  [[nodiscard]] ValueRef member(std::string_view key) const noexcept;  ///< Null if not there.
  [[nodiscard]] std::pair<std::string_view, ValueRef> entry(std::size_t index) const noexcept;  ///< In insertion order.

  /// Appends the value as jq -c prints it. False if that would take more than `max_bytes`; `out` is as before then.
  bool append_json(std::string& out, std::size_t max_bytes = SIZE_MAX) const;

 private:
  friend class Evaluator;
  friend struct ValueAccess;
  std::uint64_t words_[2] = {0, 0};
};

/// Appends a string as jq prints it, with quotes and escapes; `text` must be valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

/// A borrowed callable, for callbacks that are called before the call returns.
template <class Signature>
class FunctionRef;
/// Borrows any callable of that signature; valid as long as it lives. Copies are the same callable.
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
      FunctionRef(F&& function)  // NOLINT(google-explicit-constructor): so that a lambda can be passed
      : object_(const_cast<void*>(static_cast<const void*>(&function))), call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}
  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

/// What a program can ask of its surroundings (`CompileOptions::host_functions`).
class Host {
 public:
  virtual ~Host() = default;
  /// Gives the text of the next input; false at the end. An error is raised in the program.
  virtual Result<bool> next_input(std::string& json) = 0;
  /// Words what is wrong with the text that `next_input` gave last; line and column in `problem` count from its
  /// beginning.
  [[nodiscard]] virtual std::string input_problem(const std::string& problem) const { return problem; }
  /// What `modulemeta` gives for a module, as JSON (`jq::module_meta`). An error is raised in the program.
  virtual Result<std::string> module_meta(std::string_view name) = 0;
  virtual void debug(std::string_view json) = 0;  ///< A value that `debug` was called on, as JSON.
  virtual void standard_error(std::string_view text) = 0;
  [[nodiscard]] virtual std::string_view input_filename() const = 0;  ///< Empty: null.
  [[nodiscard]] virtual std::size_t input_line_number() const = 0;    ///< Lines read of that file so far.
};

enum class Next : std::uint8_t { kContinue, kStop };

/// How an evaluation ended.
struct Outcome {
  enum class Ending : std::uint8_t {
    kDone,     ///< All outputs were given.
    kStopped,  ///< The callback asked for no more.
    kError,    ///< The program raised an error (after the outputs given).
    kLimit,    ///< A budget of `EvaluationLimits` ran out.
    kHalted,   ///< `halt` or `halt_error`: see `exit_code` and `value`.
  };
  Ending ending = Ending::kDone;
  std::string message;     ///< Of kError and kLimit, as jq words it.
  ValueRef value;          ///< What was raised, or given to `halt_error` (kept until the next `load`).
  int exit_code = 0;       ///< Of kHalted.
  bool has_value = false;  ///< kHalted: `value` is to be printed on standard error.

  [[nodiscard]] bool ok() const noexcept { return ending == Ending::kDone || ending == Ending::kStopped; }
};

/// Evaluates programs: the heap and the stacks of one thread. Load an input once, then run as many programs on it as
/// needed. Costs no allocation per record once warm.
class Evaluator {
 public:
  explicit Evaluator(EvaluationLimits limits = {});
  ~Evaluator();
  Evaluator(Evaluator&&) noexcept;
  Evaluator& operator=(Evaluator&&) noexcept;

  /// Reads one JSON text (nothing may follow it) as the input. `json` is borrowed until the next `load`. All values of
  /// before become invalid. Errors: kMalformed, kLimit (depth, memory).
  Result<void> load(std::string_view json);
  /// Reads a record and puts its overlay over it, as `record + overlay` would (the record must then be an object).
  Result<void> load(const pipeline::RecordView& record);
  /// Makes null the input.
  void load_null();
  /// Makes a string of any bytes the input; what is not UTF-8 becomes U+FFFD. Borrowed like `load`'s.
  void load_string(std::string_view text);

  /// What `load_next` came to.
  enum class Loaded : std::uint8_t {
    kValue,       ///< The input is the next value.
    kEnd,         ///< There was only white space.
    kUnfinished,  ///< The text ends within a value, or at the end of a word that may go on.
  };
  /// Reads the next of the values that `text` holds as the input, from `at` on, which is moved behind it; with
  /// kUnfinished and on errors, to its beginning. All values of before become invalid; `text` is borrowed until the
  /// next load. As strict as jq is with its inputs: control characters and lone surrogates in strings are errors.
  /// @param text  Borrowed until the next load.
  /// @param at    A position in `text`: where to begin, and where it ended.
  /// @param last  Nothing follows the text: never kUnfinished.
  /// @param only_for  If given, members that this program cannot see may be left out of the input.
  /// Errors: kMalformed, kLimit; line and column in their messages are counted from `at`.
  Result<Loaded> load_next(std::string_view text, std::size_t& at, bool last, const Program* only_for = nullptr);
  /// Prepares calls of `load_next` with this text and `only_for` this program: they step over what it cannot see much
  /// faster. `json::Document::kPadding` readable bytes must follow the text, which must not change before the last one.
  void prepare(std::string_view text, const Program& only_for);
  /// Reads all values that `text` holds as an array.
  /// @param text  Borrowed until the next load.
  /// @param at    Where to begin; on errors, the beginning of the value that is wrong.
  /// @param threads  A long text is read by that many, if it can be cut at line breaks between values.
  /// Errors: as of `load_next`.
  Result<void> load_all(std::string_view text, std::size_t& at, unsigned threads = 1);

  [[nodiscard]] ValueRef input() const noexcept;

  using Output = FunctionRef<Next(ValueRef)>;
  /// Runs `program` on the loaded input, or on `input` (of this evaluator). `output` gets one value after the other.
  /// `program` must outlive all values that it made. Does not throw, but for std::bad_alloc and what `output` throws.
  Outcome run(const Program& program, Output output);
  Outcome run(const Program& program, ValueRef input, Output output);

  /// Keeps an output alive until the next `load`.
  ValueRef keep(ValueRef value);
  /// Returns `object` with `key` set to `value`; both of this evaluator. Valid until the next `load`.
  ValueRef with_member(ValueRef object, std::string_view key, ValueRef value);
  /// Reads another JSON text without invalidating anything; borrowed until the next `load`.
  Result<ValueRef> read(std::string_view json);

  void set_host(Host* host) noexcept;  ///< Borrowed; null takes it away.
  void set_limits(const EvaluationLimits& limits) noexcept;

 private:
  std::unique_ptr<Machine> machine_;
};

}  // namespace riptide::transform::jq

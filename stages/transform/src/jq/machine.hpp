#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jq/code.hpp"
#include "jq/json_reader.hpp"
#include "jq/regex.hpp"
#include "jq/value.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::transform::jq {

struct Slot {
  Value value;
  const Code* code = nullptr;  ///< Of a closure.
  struct Environment* environment = nullptr;
};

/// A scope at run time: the variables of a binding, or the arguments of a call. Lives on the machine's scope stack.
struct Environment {
  Environment* up = nullptr;        ///< The scope around it in the program.
  Environment* previous = nullptr;  ///< The one made before it.
  std::uint64_t serial = 0;
  std::uint32_t size = 0;
  [[nodiscard]] Slot* slots() noexcept { return reinterpret_cast<Slot*>(this + 1); }
};

/// The path to the value at hand, while a path expression is followed; lives on the native stack.
struct Track {
  const Track* up = nullptr;
  Value key;  ///< Invalid at the root.
  Value at;   ///< The value there.
};

/// Evaluates code on one thread. `one` serves code of at most one output without any generator; `many` calls back for
/// each output, so that generators are lazy. Both turn tail calls into loops, and go on in further stack segments
/// where a program recurses deeply.
class Machine {
 public:
  using Emit = FunctionRef<Status(Value&&, const Track*)>;

  explicit Machine(EvaluationLimits limits);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Status one(const Code* code, Environment* environment, Value&& input, Value& output);
  Status many(const Code* code, Environment* environment, Value&& input, const Track* track, Emit emit);

  // ---- for builtins
  Status fail(std::string_view message);
  Status fail_with(Value value);
  [[nodiscard]] const Value& error() const noexcept { return error_; }
  [[nodiscard]] std::string error_message() const;
  void count_steps(std::uint64_t steps) { heap_.spend(steps); }
  Heap& heap() noexcept { return heap_; }
  JsonReader& reader() noexcept { return reader_; }
  RegexCache& regexes() noexcept { return regexes_; }
  Host* host() noexcept { return host_; }

  Status halt(int code, const Value* value);

  // ---- for the evaluator
  void begin();  ///< Starts the budgets of one evaluation.
  void reset();  ///< Takes all values back.

  EvaluationLimits limits_;
  std::vector<std::unique_ptr<Machine>> readers_;  ///< What other threads have read for this one lies in their heaps.
  Heap heap_;
  JsonReader reader_;
  RegexCache regexes_;
  Host* host_ = nullptr;
  Value input_;
  std::vector<Value> kept_;
  Value halt_value_;
  int exit_code_ = 0;
  bool halted_ = false;

 private:
  struct Mark {
    Environment* last;
  };
  class ScopeGuard {
   public:
    explicit ScopeGuard(Machine& machine) noexcept : machine_(machine), last(machine.last_environment_) {}
    ~ScopeGuard() {
      if (machine_.last_environment_ != last) machine_.pop_to(last);
    }
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;

   private:
    Machine& machine_;

   public:
    Environment* const last;
  };

  Status one_here(const Code* code, Environment* environment, Value&& input, Value& output);
  Status many_here(const Code* code, Environment* environment, Value&& input, const Track* track, Emit emit);

  Environment* push(Environment* up, std::uint32_t size);
  void pop_to(Environment* last) noexcept;
  static Environment* climb(Environment* environment, std::uint32_t hops) noexcept {
    while (hops-- > 0) environment = environment->up;
    return environment;
  }

  Status path_steps(const Code& code, Environment* environment, Value&& input, Value& output);
  Status track_steps(const Code& code, std::size_t step, Value&& input, const Track* track, Emit emit);
  Status index(const Value& base, const Value& key, Value& output);
  Status index_tracked(Value&& base, Value key, const Track* track, Emit emit, bool optional);
  Status iterate(Value&& base, const Track* track, Emit emit);
  Status recurse(Value&& base, const Track* track, Emit emit);
  Status recurse_here(Value&& base, const Track* track, Emit emit);
  Status object_one(const Code& code, Environment* environment, const Value& input, Value& output);
  Status object_many(const Code& code, std::size_t entry, Environment* environment, const Value& input,
                     const Value& so_far, const Track* track, Emit emit);
  Status template_one(const Code& code, Environment* environment, const Value& input, Value& output);
  Status template_many(const Code& code, std::size_t part, Environment* environment, const Value& input,
                       const Value& tail, const Track* track, Emit emit);
  Status builtin_one(const Code& code, Environment* environment, Value&& input, Value& output);
  Status builtin_many(const Code& code, std::size_t left, Value* arguments, Environment* environment,
                      const Value& input, const Track* track, Emit emit);
  Status call_builtin(const Code& code, Value& input, Value* arguments, Value& output);
  Status binary(ast::Operator op, Value& left, Value& right, Value& output);
  Status format_one(std::string_view format, const Value& value, Value& output);

  Status collect(const Code* code, Environment* environment, Value&& input, const Track* track, Value& output);
  Status reduce(const Code& code, Environment* environment, Value&& input, Value&& state, const Track* track,
                Value& output);
  Status foreach (const Code& code, Environment * environment, Value && input, Value && state, const Track* track,
                  Emit emit);
  Status bind(const Code& code, Environment* environment, Value&& bound, FunctionRef<Status(Environment*)> body);
  Status destructure(const PatternCode& pattern, const Value& value, Environment* environment, const Value& input,
                     FunctionRef<Status()> next);
  Status destructure_elements(const PatternCode& pattern, std::size_t element, const Value& value,
                              Environment* environment, const Value& input, FunctionRef<Status()> next);
  Status destructure_entries(const PatternCode& pattern, std::size_t entry, const Value& value,
                             Environment* environment, const Value& input, FunctionRef<Status()> next);

  Status paths_of(const Code* code, Environment* environment, const Value& input,
                  FunctionRef<Status(Value&& path)> each);
  Status all_paths(const Code* code, Environment* environment, const Value& input, Value& paths);
  Status assign(const Code& code, Environment* environment, Value&& input, const Value& value, Value& output);
  enum class Replacement : std::uint8_t { kCertain, kPossible };
  Status update(const Code* code, Environment* environment, Value&& input,
                FunctionRef<Status(Value&& old, Value& replacement)> change, Replacement replacement_kind,
                Value& output);
  Status update_one(const Code& code, Environment* environment, Value&& input, Value& output);
  Status update_op(const Code& code, Environment* environment, Value&& input, const Value& operand, Value& output);

  /// Fills a new environment with the arguments of a call; may first drop what lies above `guard`.
  Status enter_call(const Code& code, Environment*& environment, const Value& input, const ScopeGuard& guard);
  Status call_many(const Code& code, std::size_t argument, Environment* called, Environment* environment,
                   const Value& input, const Track* track, Emit emit);
  void close_over(const Code* argument, Environment* environment, Slot& slot);

  Status not_a_count(const Value& value);
  Status generator_one(const Code& code, Environment* environment, Value&& input, Value& output);
  Status generator_many(const Code& code, Environment* environment, Value&& input, const Track* track, Emit emit);
  Status range(const Value& from, const Value& upto, const Track* track, Emit emit);
  Status range_by(const Value& from, const Value& upto, const Value& by, const Track* track, Emit emit);
  Status repeat(const Code& code, Environment* environment, Value&& input, const Track* track, Emit emit);
  Status until(const Code& code, Environment* environment, Value&& input, const Track* track, Emit emit);
  Status while_loop(const Code& code, Environment* environment, Value&& input, const Track* track, Emit emit);
  /// Runs code that has been found to have one output or is wanted once: calls `body` with the value.
  Status each(const Code* code, Environment* environment, const Value& input, FunctionRef<Status(Value&&)> body);

  [[nodiscard]] std::uint64_t new_label() noexcept { return ++last_label_; }

  Value error_;
  std::uint64_t break_label_ = 0;
  std::uint64_t last_label_ = 0;

  // The scope stack: chunks, and the environment on top.
  struct Chunk {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;
  std::byte* scope_top_ = nullptr;
  std::byte* scope_end_ = nullptr;
  Environment* last_environment_ = nullptr;
};

/// Combines two values by an operator, as jq's `+` and so on. False: `error` says why not.
bool arithmetic(ast::Operator op, Value& left, Value& right, Value& output, std::string& error);

}  // namespace riptide::transform::jq

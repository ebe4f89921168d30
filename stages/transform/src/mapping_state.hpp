#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "indexed_page.hpp"
#include "mapping_program.hpp"

namespace riptide::transform {

using pipeline::Part;

/// What an expression came to; its JSON has been written in any case (null with kNull and kError).
enum class Came : std::uint8_t { kValue, kNull, kError };

enum class Selected : std::uint8_t { kYes, kNo, kUnreadable };

/// How the type of a value is called.
std::string_view type_name(jq::Type type) noexcept;

/// All that a mapper has at hand. The record at the time, how its expressions are evaluated (mapping_evaluate.cpp), its
/// items (mapping_items.cpp), and the entities that are written from them (mapping_mapper.cpp).
struct Mapper::State {
  explicit State(std::shared_ptr<const Mapping> of)
      : mapping(std::move(of)),
        evaluator(mapping->program_->limits),
        max_output(mapping->program_->limits.max_output_bytes) {
    machine.set_limits(mapping->program_->limits);
  }

  using Clock = std::chrono::steady_clock;
  static double nanoseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  }

  /// How often a field came out null or failed in this call.
  struct FieldTrouble {
    std::uint64_t count = 0;
    bool error = false;
    std::string example;
  };

  std::shared_ptr<const Mapping> mapping;
  jq::Evaluator evaluator;
  std::size_t max_output;
  fast::Machine machine;
  IndexedPage indexed;

  // Of the call to `map`:
  const CompiledResource* resource = nullptr;
  std::uint32_t resource_index = 0;
  MappedPage* out = nullptr;
  MappedPage::Counts counts;
  std::vector<FieldTrouble> troubles;  ///< By field number.
  ResourceMeasure* measure = nullptr;  ///< Where expressions are to be measured.
  bool repeating = false;              ///< For the clock only: nothing is noted.
  bool loading = false;                ///< A `LoadTimer` runs.
  bool used_evaluator = false;         ///< By the last expression.

  // Of the current record:
  std::uint32_t record_index = 0;
  pipeline::RecordView record;
  bool walked = false;  ///< The machine has the record.
  /// kEvaluated and kAny: that part of it (`fast::Part`).
  enum class Loaded : std::uint8_t { kNo, kEvaluated, kAny, kYes, kFailed } loaded = Loaded::kNo;
  bool part_is_most = false;  ///< Of the record before: most of it was needed.
  std::string loaded_part;    ///< The part of the record that is loaded.
  std::string load_error;
  jq::ValueRef input;   ///< What expressions see: the record, or one of its items.
  std::string message;  ///< Of the last error.
  std::string scratch;
  std::string blueprint_text;

  void begin(std::uint32_t index);

  void end();

  void report_trouble(const ExpressionSpec& spec, const FieldTrouble& trouble);

  /// Notes that a field came out null, or failed with `message`.
  void note(const CompiledExpression& expression, Came came);

  void fault(MappingFault::Kind kind, std::string text);

  /// Counts every mapping of the record as one evaluation that came to nothing.
  void fault_all(MappingFault::Kind kind, const std::string& text);

  /// Evaluates an expression, again and again for the clock, and adds to the measure what it came to.
  template <class Evaluate>
  Came measured(const CompiledExpression& expression, Evaluate&& evaluate);

  /// Adds the time of making a value, where one is to be made and the time is asked for.
  class LoadTimer;

  /// Makes the record a value for an expression, or the part of it that it sees. False: `message` says why it cannot.
  bool load_for(const CompiledExpression& expression);

  /// Makes the record a value, once. False: `message` says why it cannot be one.
  bool load();

  /// Runs a program on `input` for its first output. `take(value)` gets it, and returns false if it is too large.
  template <class Take>
  Came run(const jq::Program& program, Take&& take) {
    bool any = false;
    bool fits = true;
    const jq::Outcome outcome = evaluator.run(program, input, [&](jq::ValueRef value) {
      any = true;
      fits = take(value);
      return jq::Next::kStop;
    });
    if (!outcome.ok()) {
      message = outcome.message;
      if (outcome.ending == jq::Outcome::Ending::kHalted) message = "halt is not for mappings";
      return Came::kError;
    }
    if (!fits) {
      message = "the output exceeds " + std::to_string(max_output) + " bytes";
      return Came::kError;
    }
    return any ? Came::kValue : Came::kNull;
  }

  /// Tries the fast path. False: the evaluator has to do it.
  bool append_fast(const CompiledExpression& expression, std::string& bytes, Came& came);

  /// Appends what an expression comes to.
  Came append(const CompiledExpression& expression, std::string& bytes);

  Came append_once(const CompiledExpression& expression, std::string& bytes);

  /// A search query is a value whatever its leaves come to, but an error in one of them is told.
  Came append(const CompiledSearch& search, std::string& bytes);

  Came append(const CompiledValue& value, std::string& bytes);

  Selected select();

  Selected select_once();

  /// Evaluates all mappings of the resource on `input`.
  void evaluate();

  /// Appends one part of an entity: key, then value.
  Came append_part(std::string_view key, const CompiledValue& value, std::uint64_t entity_begin, Part& part);

  /// As `append_part`, and makes numbers and booleans strings.
  void append_text_part(std::string_view key, const CompiledValue& value, std::uint64_t entity_begin, Part& part);

  /// Appends `"properties":{...}` or `"relations":{...}`; true if one of the members is an object.
  bool append_members(std::string_view key, const std::vector<std::pair<std::string, CompiledValue>>& members,
                      std::uint64_t entity_begin, Part& part);

  /// Writes one entity, or a fault.
  void write(const CompiledEntity& compiled);

  /// What the evaluator needs for the items of the current record, or why it cannot have them.
  struct Items {
    enum class State : std::uint8_t { kNotYet, kReady, kFault } state = State::kNotYet;
    jq::ValueRef list;
    jq::ValueRef rest;
    MappingFault::Kind fault = MappingFault::Kind::kInvalid;
    Came noted = Came::kValue;
    std::string text;
  };
  Items made;
  static constexpr std::size_t kNoItem = SIZE_MAX;
  std::size_t item = kNoItem;        ///< The element that expressions see.
  std::size_t input_item = kNoItem;  ///< The element that `input` shows.

  bool no_items(MappingFault::Kind kind, Came noted, std::string text);

  /// Makes the list of the record's items and the record without them. An error means that its identities are unknown.
  bool make_items(const CompiledItems& items);

  /// Makes the current item the input.
  bool load_item();

  /// Evaluates the mappings on each element of the record's list.
  void evaluate_items(const CompiledItems& items);

  void map_record();

  void map(std::uint32_t index, const pipeline::Page& page, const pipeline::RecordSet& records, MappedPage& mapped);

  template <class Walk>
  bool measured_walk(Walk&& walk) {
    if (measure == nullptr) return walk();
    const Clock::time_point begin = Clock::now();
    const bool good = walk();
    measure->walk_nanoseconds += nanoseconds_since(begin);
    return good;
  }
};

}  // namespace riptide::transform

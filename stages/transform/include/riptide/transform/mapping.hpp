#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/record.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/transform/evaluation_limits.hpp"
#include "riptide/transform/explain.hpp"
#include "riptide/transform/mapping_spec.hpp"

namespace riptide::transform {

using pipeline::Result;

/// What the expressions of a mapping may see and spend.
struct CompileOptions {
  bool environment = true;  ///< `env` and `$ENV` show the process environment.
  /// An expression that does not compile: false makes `compile` fail; true maps it to null with an error, as Ocean
  /// does.
  bool lenient = false;
  EvaluationLimits limits;
};

/// One problem of a mapping: where, what, and what to change.
struct Diagnostic {
  std::string path;  ///< e.g. "resources[0].port.entity.mappings.properties.url"
  std::string expression;
  std::string message;
  int line = 0;
  int column = 0;
};

/// What became of one mapping evaluation that made no entity. Filtered ones are only counted.
struct MappingFault {
  enum class Kind : std::uint8_t {
    kInvalid,     ///< The identifier or blueprint is null or empty, though nothing went wrong: does not block deletes.
    kUnreadable,  ///< Identity could not be computed because of an error: blocks deletes.
  };
  Kind kind = Kind::kInvalid;
  std::uint32_t resource = 0;
  std::uint32_t record = 0;  ///< Index within the page.
  std::string message;
};

/// A field that came out null or failed, over the records of a page. Field and expression are the mapping's, which must
/// outlive it.
struct Misconfigured {
  std::uint32_t resource = 0;
  std::string_view field;  ///< e.g. "properties.url"
  std::string_view expression;
  std::uint64_t count = 0;
  std::string example;  ///< The first error message, or "null".
  bool error = false;   ///< True if evaluating failed; false if it came out null.
};

/// What one page of records became under one or several resources.
struct MappedPage {
  pipeline::EntityBuffer entities;  ///< `scope` and `duplicate` are left to the caller.
  std::vector<MappingFault> faults;
  std::vector<Misconfigured> misconfigured;
  /// Mapping evaluations of one resource, by their ends.
  struct Counts {
    std::uint64_t read = 0;      ///< Mapping evaluations: records x mappings, elements of itemsToParse counted singly.
    std::uint64_t filtered = 0;  ///< The selector said false.
    std::uint64_t invalid = 0;   ///< As many as `faults` of this resource.
  };
  std::vector<std::pair<std::uint32_t, Counts>> counts;  ///< By resource. read == filtered + invalid + entities.
};

/// A mapping, compiled: immutable, shared by all threads.
class Mapping {
 public:
  /// Compiles every expression. Errors: kConfig with all diagnostics in its text; `diagnostics`, if given, receives
  /// them one by one. Where it compiles all the same they are warnings: expressions that do not compile under
  /// `lenient`, an `itemsToParse` whose path cannot be told. A missing identifier or blueprint is an error even then.
  static Result<std::shared_ptr<const Mapping>> compile(const MappingSpec& spec, const CompileOptions& options,
                                                        std::vector<Diagnostic>* diagnostics = nullptr);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] const MappingSpec& spec() const noexcept;
  /// How each expression is evaluated, resource by resource: selector, items, then the entities in file order.
  [[nodiscard]] std::vector<FieldPlan> explain() const;

 private:
  friend class Mapper;
  friend class PathProbe;
  struct Program;
  explicit Mapping(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

/// Evaluates a mapping: parsers, arena and slots of one thread. Reused from page to page.
class Mapper {
 public:
  explicit Mapper(std::shared_ptr<const Mapping> mapping);
  ~Mapper();
  Mapper(Mapper&&) noexcept;
  Mapper& operator=(Mapper&&) noexcept;

  /// Maps all records of a page by one resource and appends to `out`. Record errors are data (`out.faults`); nothing
  /// thrown, nothing lost: counts.read grows by the number of evaluations.
  void map(std::uint32_t resource, const pipeline::Page& page, const pipeline::RecordSet& records, MappedPage& out);

  /// As `map`, and adds to `measure` what each expression did. Several times slower: for a sample.
  void measure(std::uint32_t resource, const pipeline::Page& page, const pipeline::RecordSet& records, MappedPage& out,
               ResourceMeasure& measure);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace riptide::transform

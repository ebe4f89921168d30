#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::transform {

/// A path that an expression reads and that was nowhere in the records seen.
struct UnmatchedPath {
  std::uint32_t resource = 0;
  std::string field;  ///< As `FieldPlan` has it, as well as `place` and `expression`.
  std::string place;
  std::string expression;
  int line = 0;  ///< Of the last step, in the mapping's file, or in the expression if that has no file.
  int column = 0;
  std::string path;               ///< As jq writes it, up to the step that was not there: ".Links.Web".
  std::string parent;             ///< What it would be in: ".Links", or "." for the record.
  std::string key;                ///< The last step, if it is a member.
  std::vector<std::string> keys;  ///< Members that the parent had instead.
  std::string found;              ///< Where the parent never had such parts: what it was, e.g. "null or a string".
  std::uint64_t records = 0;      ///< Records seen, or elements of itemsToParse.
};

/// Looks for the paths that a mapping reads in a sample of records. A member that is there and null counts as there.
/// The selector does not count: a record that it leaves out shows as well which keys records have. One thread.
class PathProbe {
 public:
  explicit PathProbe(std::shared_ptr<const Mapping> mapping);
  ~PathProbe();
  PathProbe(const PathProbe&) = delete;
  PathProbe& operator=(const PathProbe&) = delete;

  /// Looks at a record on behalf of a resource. `json` is borrowed for the call.
  /// Errors: kMalformed, kLimit (the record is no JSON), and those of itemsToParse.
  Result<void> see(std::uint32_t resource, std::string_view json);

  /// What was nowhere so far, in the order of the mapping, of the resources that saw a record.
  [[nodiscard]] std::vector<UnmatchedPath> unmatched() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace riptide::transform

#pragma once

#include "riptide/cli/jq_options.hpp"
#include "riptide/cli/jq_runner.hpp"
#include "riptide/cli/jq_source.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::cli {

/// Writes all of `text`; false if that is not possible.
bool write_fully(int descriptor, std::string_view text);

/// Runs the program on each value (or line) of the input, block by block on `threads` threads; output comes in the
/// order of the input. `program` must not ask its host. Memory: a few blocks a thread, and what they give.
class JqParallel {
 public:
  struct Where {
    int out, err;          ///< File descriptors.
    unsigned threads = 1;  ///< At least 1.
  };
  /// All borrowed.
  JqParallel(const JqOptions& options, const transform::jq::Program& program, JqSource& source, Where where);
  ~JqParallel();
  JqParallel(const JqParallel&) = delete;
  JqParallel& operator=(const JqParallel&) = delete;

  JqVerdict run();
  [[nodiscard]] bool write_failed() const;

 private:
  class Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace riptide::cli

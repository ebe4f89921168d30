#pragma once

#include <string>
#include <string_view>

#include "riptide/cli/jq_events.hpp"
#include "riptide/cli/jq_modules.hpp"
#include "riptide/cli/jq_options.hpp"
#include "riptide/cli/jq_source.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::cli {

/// The inputs of a run one after the other, as the flags want them, for the main loop and for `input`.
class JqInputs final : public transform::jq::Host {
 public:
  /// Borrowed; `err` takes what goes to standard error.
  JqInputs(const JqOptions& options, JqSource& source, const JqModules& modules, std::string& err)
      : options_(options), source_(source), modules_(modules), err_(err), debug_layout_(options.layout) {
    debug_layout_.compact = true;
  }

  /// How `source` must cut for the flags.
  static JqSource::Cut cut_for(const JqOptions& options);

  /// Loads the next input into `evaluator`; false at the end. An error is of the input's text, with its position.
  transform::jq::Result<bool> load_next(transform::jq::Evaluator& evaluator);

  transform::jq::Result<bool> next_input(std::string& json) override;
  [[nodiscard]] std::string input_problem(const std::string& problem) const override { return positioned(problem); }
  transform::jq::Result<std::string> module_meta(std::string_view name) override { return modules_.meta(name); }
  void debug(std::string_view json) override;
  void standard_error(std::string_view text) override;
  [[nodiscard]] std::string_view input_filename() const override;
  [[nodiscard]] std::size_t input_line_number() const override;

  /// "file:line" of the last input, for messages.
  [[nodiscard]] std::string where() const;

 private:
  using Next = transform::jq::Result<bool>;
  Next slurp(std::string& json);
  Next one(std::string& json);
  Next value(std::string& json);
  Next line(std::string& text);
  Next record(std::string& json);
  Next event(std::string& json);
  Next stream_error(std::string& json);
  void abandon();
  bool next_block();
  void say_complaints();
  [[nodiscard]] JqBlock::Place place() const;
  [[nodiscard]] std::string positioned(const std::string& message) const;

  const JqOptions& options_;
  JqSource& source_;
  const JqModules& modules_;
  std::string& err_;
  JqLayout debug_layout_;
  JqBlock block_;
  bool has_block_ = false;
  std::size_t begin_ = 0;  ///< Of the last input in the block.
  std::size_t at_ = 0;     ///< Behind it.
  bool slurped_ = false;
  bool finished_ = false;
  bool skips_line_ = false;  ///< --stream-errors: what is left of a line with an error.
  bool in_record_ = false;   ///< There has been a record separator.
  std::string text_;
  std::string loaded_;  ///< The text of the main loop's input.
  JqEvents events_;
  transform::jq::Evaluator checker_{kJqLimits};
  transform::jq::Evaluator debugged_{kJqLimits};
};

}  // namespace riptide::cli

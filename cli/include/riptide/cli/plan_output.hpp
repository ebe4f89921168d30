#pragma once

#include <memory>
#include <string>

#include "riptide/cli/terminal.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/stages/plan_file.hpp"

namespace riptide::cli {

/// Makes the sink that says what this one would do, and writes nothing. `remembers`: something is remembered of what
/// the target confirmed. Errors: kConfig.
pipeline::Result<std::unique_ptr<stages::Sink>> make_planning_sink(const sinks::SinkSpec& spec, const Config& config,
                                                                   const stages::SinkContext& context, bool remembers);

/// What a plan of this run is a plan of. `options` has what was decided of the deletion.
stages::PlanSubject plan_subject(const SyncFlags& flags, const sinks::SinkSpec& spec, const Config& config,
                                 const MappingText& mapping, const stages::ResyncOptions& options);

/// Writes the plan to a file that is whole or not there. `terminal` knows the secrets. Errors: kConfig, kTransport.
pipeline::Result<void> write_plan_file(const std::string& path, const stages::PlanSubject& subject,
                                       const pipeline::RunReport& report, const stages::Plan& plan,
                                       const Terminal& terminal);

/// Shows the plan on stdout: the JSON object, or on a terminal a table and the first changes. Errors: kTransport.
pipeline::Result<void> show_plan(const stages::PlanSubject& subject, const pipeline::RunReport& report,
                                 const stages::Plan& plan, const Terminal& terminal);

/// The table: what would be done by blueprint, then the first `most` changes and deletions, lines at most `width` wide.
pipeline::Result<std::string> plan_table(const pipeline::RunReport& report, const stages::Plan& plan, bool colours,
                                         int width, std::size_t most = 20);

/// A few lines for stderr: the numbers, what stood in the way, what went wrong.
std::string plan_summary(const pipeline::RunReport& report, const stages::Plan& plan, bool colours);

}  // namespace riptide::cli

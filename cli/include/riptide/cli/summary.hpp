#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/run_report.hpp"

namespace riptide::cli {

/// What a run did, for people: a table for each sink, the totals, what went wrong (the first five), what was not
/// deleted and why. Ends with a line break.
std::string summary_text(const pipeline::RunReport& report, bool colours);

/// The shell command that shows what a sqlite sink holds, e.g. `sqlite3 riptide.db 'select ...'`; "" for other sinks.
std::string query_hint(std::string_view sink_spec);

/// The command line again, quoted for a shell: how to go on after a run that did not end. With `resume` it goes on from
/// what was settled.
std::string command_to_go_on(const std::vector<std::string>& command, bool resume = false);

}  // namespace riptide::cli

#pragma once

#include <string>

#include "riptide/cli/config.hpp"
#include "riptide/cli/graph_file.hpp"
#include "riptide/cli/graph_test.hpp"

namespace riptide::cli {

/// Runs one test on a graph that was read: its sources give the test's records, its sinks keep nothing; nobody is
/// contacted. Blocks. @param settings Of the process, for what nodes leave out.
GraphTestResult run_graph_test(const GraphFile& graph, const GraphTestFile::Test& test, const ConfigSources& settings);

}  // namespace riptide::cli

#pragma once

#include "riptide/cli/graph_file.hpp"

namespace riptide::cli {

/// Checks a graph whose nodes were read: what each input names, circles, what the edges carry, dead ends, buffers
/// without a bound, reconciling behind what lets only some items through, files with two writers. Puts the nodes in an
/// order in which inputs come first, and fills `gives`. Adds to the problems.
void check_graph(GraphFileReading& reading);

}  // namespace riptide::cli

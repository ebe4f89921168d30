#pragma once

/// All that a graph is built with; the sources and sinks that come with the library have headers of their own
/// (riptide/sources/, riptide/sinks/).
#include "riptide/graph.hpp"
#include "riptide/item.hpp"
#include "riptide/live.hpp"
#include "riptide/local_source.hpp"
#include "riptide/mapping.hpp"
#include "riptide/node_options.hpp"
#include "riptide/stage.hpp"
#include "riptide/stream.hpp"

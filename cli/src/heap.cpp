#include "riptide/cli/heap.hpp"

#include <malloc.h>

namespace riptide::cli {

void use_one_heap() noexcept { mallopt(M_ARENA_MAX, 1); }

}  // namespace riptide::cli

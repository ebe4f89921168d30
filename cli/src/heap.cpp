#include "riptide/cli/heap.hpp"

#include <malloc.h>

namespace riptide::cli {

void use_two_heaps() noexcept { mallopt(M_ARENA_MAX, 2); }

}  // namespace riptide::cli

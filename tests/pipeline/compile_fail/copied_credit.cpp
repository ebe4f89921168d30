#include "riptide/pipeline/credits.hpp"

riptide::pipeline::Credit twice(riptide::pipeline::Credit& credit) {
#ifdef RIPTIDE_VALID
  return std::move(credit);
#else
  return credit;  // Credit is move-only: a copy would give back twice.
#endif
}

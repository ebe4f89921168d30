#include "riptide/pipeline/result.hpp"

riptide::pipeline::Result<int> answer();

int use() {
#ifdef RIPTIDE_VALID
  return answer() ? 1 : 0;
#else
  answer();  // An error must not be dropped unseen.
  return 0;
#endif
}

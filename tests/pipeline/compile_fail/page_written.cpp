#include "riptide/pipeline/page.hpp"

void write(const riptide::pipeline::Page& page, riptide::pipeline::PageBuffer& filling) {
#ifdef RIPTIDE_VALID
  filling.append(page->view());
#else
  page->append("x");  // A page is frozen once it is shared.
  (void)filling;
#endif
}

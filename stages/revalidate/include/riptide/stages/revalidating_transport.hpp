#pragma once

#include <memory>

#include "riptide/pipeline/page.hpp"
#include "riptide/stages/remembered_pages.hpp"
#include "riptide/stages/transport.hpp"

namespace riptide::stages {

/// Puts remembered pages around a transport: of a page that is known the server is asked whether it still holds, and a
/// 304 becomes the page, `HttpResponse::remembered` set. Where the request's credit cannot grow to the page's size, or
/// `Send::fresh` is set, the whole page is asked for. A page that cannot be recalled after all ends with
/// Error{kLimit, Retry::now()}: asked again, it comes whole.
/// @param buffers  Where bodies come from; null allocates. Borrowed.
std::unique_ptr<Transport> revalidating(std::unique_ptr<Transport> transport, std::shared_ptr<RememberedPages> pages,
                                        pipeline::PagePool* buffers);

}  // namespace riptide::stages

#include "riptide/pipeline/error.hpp"

#include <cstdio>
#include <cstdlib>

#include "riptide/pipeline/check.hpp"

namespace riptide::pipeline {

std::string_view to_string(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::kConfig:
      return "config";
    case ErrorKind::kMalformed:
      return "malformed";
    case ErrorKind::kLimit:
      return "limit";
    case ErrorKind::kAuth:
      return "auth";
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kRateLimited:
      return "rate_limited";
    case ErrorKind::kTransport:
      return "transport";
    case ErrorKind::kRejected:
      return "rejected";
    case ErrorKind::kStopped:
      return "stopped";
    case ErrorKind::kInternal:
      return "internal";
  }
  return "internal";
}

Error Error::within(std::string_view context) && {
  message.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "riptide: broken invariant: %s at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace riptide::pipeline

#pragma once

#include <string_view>

#include "byte_buffer.hpp"
#include "http_request.hpp"

namespace riptide::simulator {

/// What a made-up server says: a request in, a status and a body out. Whoever serves it holds its lock.
class Api {
 public:
  virtual ~Api() = default;

  struct Answer {
    int status = 200;
    bool gzip = false;  ///< The body is compressed.
  };
  enum class Encoding { kPlain, kGzip };
  /// Appends the answer's body to the empty `body`.
  virtual Answer answer(const HttpRequest& request, Encoding accepted, ByteBuffer& body) = 0;

  /// Methods that it knows, as in an Allow header.
  [[nodiscard]] virtual std::string_view methods() const = 0;
  [[nodiscard]] virtual bool knows(const HttpRequest& request) const = 0;  ///< Whether its credentials are right.
  /// Appends an error's body; `message` is plain ASCII without quotes.
  virtual void write_error(std::string_view message, ByteBuffer& body) const = 0;
};

}  // namespace riptide::simulator

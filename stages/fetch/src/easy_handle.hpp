#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>

#include "content_decoder.hpp"
#include "environment.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::stages {

struct Transfer;

/// Says whether a request with this body goes out with a body, be it an empty one.
[[nodiscard]] bool sends_body(Method method, const std::string& body) noexcept;

/// One libcurl easy handle with everything that libcurl borrows from us. Set up once, reused for many transfers: what
/// differs between two requests is set for each, so nothing of the last one is left.
class EasyHandle {
 public:
  /// Null when libcurl has no memory.
  static std::unique_ptr<EasyHandle> create(const HttpClientOptions& options, const NetworkEnvironment& environment);

  /// Makes the handle ready for one attempt of a transfer, which must stay where it is until the attempt has ended.
  /// @param headers  Borrowed until then. @return false when libcurl refuses: out of memory.
  bool prepare(Transfer& transfer, curl_slist* headers, bool tls, const NetworkEnvironment& environment);

  [[nodiscard]] CURL* get() const noexcept { return easy_.get(); }
  /// What libcurl said in its own words; empty if nothing.
  [[nodiscard]] const char* message() const noexcept { return message_.data(); }

  ContentDecoder decoder;

 private:
  struct Cleanup {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
  };
  EasyHandle() = default;

  std::array<char, CURL_ERROR_SIZE> message_{};
  std::unique_ptr<CURL, Cleanup> easy_;
};

}  // namespace riptide::stages

#pragma once

#include <chrono>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// Somebody who sends requests and waits for their answers: what a description needs whose next request hangs on the
/// last answer, while sockets and clocks stay with others. Tests play it without a network.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Waits for `pause`, sends all requests at once, and returns one answer for each, in order: of any status, or an
  /// error as of `HttpClient`. Blocks.
  [[nodiscard]] virtual std::vector<pipeline::Result<HttpResponse>> ask(
      std::vector<HttpRequest> requests, std::chrono::milliseconds pause = std::chrono::milliseconds{0}) = 0;

  /// The same for one request.
  [[nodiscard]] pipeline::Result<HttpResponse> ask_one(HttpRequest request,
                                                       std::chrono::milliseconds pause = std::chrono::milliseconds{0}) {
    std::vector<HttpRequest> one;
    one.push_back(std::move(request));
    return std::move(ask(std::move(one), pause).front());
  }
};

}  // namespace riptide::stages

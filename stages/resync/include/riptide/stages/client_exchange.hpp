#pragma once

#include <vector>

#include "riptide/stages/exchange.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::stages {

/// Sends what an `Exchange` is asked through an HTTP client and waits for the answers. Not for a worker of a graph, nor
/// for the client's own thread.
class ClientExchange final : public Exchange {
 public:
  explicit ClientExchange(HttpClient& client) : client_(client) {}

  [[nodiscard]] std::vector<pipeline::Result<HttpResponse>> ask(
      std::vector<HttpRequest> requests, std::chrono::milliseconds pause = std::chrono::milliseconds{0}) override;

 private:
  HttpClient& client_;
};

}  // namespace riptide::stages

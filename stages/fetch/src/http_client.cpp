#include "riptide/stages/http_client.hpp"

#include <curl/curl.h>

#include <utility>

#include "loop.hpp"

namespace riptide::stages {

Result<std::unique_ptr<HttpClient>> HttpClient::start(HttpClientOptions options) {
  auto loop = std::make_unique<Loop>(std::move(options));
  if (Result<void> started = loop->start(); !started) return pipeline::unexpected(std::move(started).error());
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(loop)));
}

HttpClient::HttpClient(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpClient::~HttpClient() = default;

void HttpClient::send(Send send) { loop_->send(std::move(send)); }
void HttpClient::send_all(std::vector<Send> sends) { loop_->send(std::move(sends)); }
void HttpClient::drain() { loop_->drain(); }
void HttpClient::abort() { loop_->abort(); }
std::vector<HostStats> HttpClient::stats() const { return loop_->stats(); }

HttpRuntime::HttpRuntime() { curl_global_init(CURL_GLOBAL_DEFAULT); }
HttpRuntime::~HttpRuntime() { curl_global_cleanup(); }

}  // namespace riptide::stages

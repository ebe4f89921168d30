#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loopback_server.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::stages {

using loopback::Fault;
using loopback::LoopbackServer;
using loopback::ReceivedRequest;
using loopback::Reply;
using loopback::Script;

/// Quick retries, a fixed seed: what the tests start from.
HttpClientOptions quick_options();

std::unique_ptr<HttpClient> start_client(HttpClientOptions options = quick_options());

HttpRequest get(std::string url);
HttpRequest post(std::string url, std::string body, bool retryable);

/// Collects answers from the I/O thread. May die before the client: what comes later is forgotten.
class Answers {
 public:
  using Callback = std::function<void(const Result<HttpResponse>&)>;

  Answers() = default;
  ~Answers();
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  /// A request whose answer lands here.
  Send send(HttpRequest request, pipeline::Credit credit = {});
  /// Waits until that many answers came (fails the test and returns what is there after 20 s). For when no more than
  /// those are on their way.
  const std::deque<Result<HttpResponse>>& wait(std::size_t count);
  /// Waits for the answer with that index and returns it; more may come meanwhile.
  const Result<HttpResponse>& at(std::size_t index);
  /// The same, and keeps nothing of it.
  Result<HttpResponse> take(std::size_t index);
  std::size_t count() const;
  /// Has each answer shown to `callback` on the I/O thread, before it can be waited for. Set before the first send.
  void on_answer(Callback callback);

 private:
  struct State {
    std::mutex mutex;  ///< Guards all below.
    std::condition_variable changed;
    std::deque<Result<HttpResponse>> answers;  ///< Elements stay where they are.
    Callback callback;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Sends one request and waits for its answer.
Result<HttpResponse> fetch(HttpClient& client, HttpRequest request, pipeline::Credit credit = {});

/// Sets an environment variable for a scope.
class ScopedVariable {
 public:
  ScopedVariable(std::string name, const std::string& value);
  ~ScopedVariable();
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  std::string name_;
  std::optional<std::string> before_;
};

/// Waits until something holds, for what no event announces; false after 20 s.
bool eventually(const std::function<bool()>& holds);

MATCHER_P2(FailsWith, kind, text, "") {
  if (arg) {
    *result_listener << "it is an answer: " << arg->status;
    return false;
  }
  *result_listener << pipeline::to_string(arg.error().kind) << ": " << arg.error().message;
  return arg.error().kind == kind && testing::Value(arg.error().message, text);
}

MATCHER_P(HasStatus, status, "") {
  if (!arg) {
    *result_listener << pipeline::to_string(arg.error().kind) << ": " << arg.error().message;
    return false;
  }
  *result_listener << "status " << arg->status;
  return arg->status == status;
}

}  // namespace riptide::stages

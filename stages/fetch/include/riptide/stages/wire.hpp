#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "riptide/stages/auth.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// One attempt of a request, borrowed from the client for a call.
struct Attempt {
  const HttpRequest& request;                ///< As its maker wrote it: nothing of the credentials is in it.
  int number = 1;                            ///< Of this request's attempts.
  bool for_credentials = false;              ///< It fetches credentials: request and answer are secret.
  const Credentials* signed_with = nullptr;  ///< What is added to it on the way out; null: nothing.
};

/// How an attempt ended: with an answer, or a failure (which may have come after the answer's head).
struct AttemptEnding {
  int status = 0;  ///< 0: not even the head came.
  std::vector<Header> headers;
  Page body;                     ///< Decoded. May be null. Of an answer that is asked for again only the beginning.
  std::optional<Error> failure;  ///< Why there is no answer; its URL is safe to show.
  bool permanent = false;        ///< Of the failure: another attempt is pointless.
  std::chrono::microseconds elapsed{0};
  std::chrono::system_clock::time_point at;  ///< When it ended: dates in the headers are relative to it.
};

/// Stands between the client and the network, one attempt at a time: retries, quotas, limits and credentials are the
/// client's, whoever answers. All calls come from the client's I/O thread: they must not throw or block for long.
class Wire {
 public:
  Wire() = default;
  virtual ~Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// Answers in the network's place, after `AttemptEnding::elapsed`. Nothing: the attempt goes out.
  [[nodiscard]] virtual std::optional<AttemptEnding> answer(const Attempt& attempt) = 0;
  /// An attempt ended, whoever answered. Not called for one that was broken off because the run was stopped.
  virtual void ended(const Attempt& attempt, const AttemptEnding& ending) = 0;
  /// Whether `answer` answers everything: then no socket is opened, and the client's clock jumps over whatever there
  /// is to wait for.
  [[nodiscard]] virtual bool offline() const noexcept = 0;
};

}  // namespace riptide::stages

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

using std::chrono::milliseconds;

/// What happened to a host so far.
struct HostStats {
  std::string host;            ///< scheme://host:port
  std::uint64_t requests = 0;  ///< Sends, retries included.
  std::uint64_t retries = 0;
  std::uint64_t status_304 = 0;  ///< Pages that still held, see `RememberedPages`.
  std::uint64_t status_429 = 0;
  double seconds_paused = 0;
  std::uint64_t max_in_flight = 0;
  double p50_ms = 0;
  double p99_ms = 0;
};

/// One request on its way.
struct Send {
  HttpRequest request;
  /// Credit for the expected body; the transport grows it while the body comes, and hands it on with
  /// the page. A body that outgrows its credit when the pool has none left ends with Error{kLimit, Retry::now()}: send
  /// it again with a larger credit. One that no pool can hold is kLimit with Retry::never().
  pipeline::Credit credit;
  milliseconds not_before{0};  ///< Waits this long first (a retry that the caller decided).
  int max_attempts = 0;        ///< Sends in all, where the retry policy would allow more; 0 is as many as it does.
  bool fresh = false;          ///< Nothing that is remembered of the page will do.
  /// Called once, on a thread of the transport's, with the answer of the last attempt (any status), or an error:
  /// kTransport when all attempts failed, kLimit, kStopped, kAuth (credentials could not be fetched), kConfig (bad URL
  /// or header). Must not throw or block.
  std::function<void(Result<HttpResponse>)> done;
};

/// Gets answers to requests: over a network, from files, from what was kept of another run. Whoever reads a source sees
/// no more of it than this. Ends with every `done` called.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Hands a request over. Any thread, `done` callbacks included. Never blocks; the caller bounds what is in flight.
  virtual void send(Send send) = 0;
  /// No further attempt is made: what waits ends as kStopped, what is on its way finishes.
  virtual void drain() = 0;
  /// What is on its way is broken off too.
  virtual void abort() = 0;

  [[nodiscard]] virtual std::vector<HostStats> stats() const = 0;
};

}  // namespace riptide::stages

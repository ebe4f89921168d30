#pragma once

#include <curl/curl.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "auth_session.hpp"
#include "easy_handle.hpp"
#include "environment.hpp"
#include "host.hpp"
#include "origin.hpp"
#include "riptide/stages/http_client.hpp"
#include "riptide/stages/wire.hpp"
#include "transfer.hpp"

namespace riptide::stages {

/// The I/O thread: takes requests from the inbox, sends them through one curl multi, keeps the timers.
/// A request is in exactly one place: a host's queue, a timer, a session's waiting list, or `running_`.
class HttpClient::Loop {
 public:
  explicit Loop(HttpClientOptions options);
  ~Loop();

  Result<void> start();
  void send(std::vector<Send> sends);
  void send(Send one);
  void drain() { advance(Phase::kDraining); }
  void abort() { advance(Phase::kAborting); }
  /// Ends the thread with everything answered.
  void close();
  [[nodiscard]] std::vector<HostStats> stats() const;

 private:
  /// Only ever moves forward.
  enum class Phase : std::uint8_t { kRunning, kDraining, kAborting, kClosing };
  struct Timer {
    SteadyClock::time_point due;
    std::uint64_t sequence = 0;          ///< Equal times keep their order.
    std::unique_ptr<Transfer> transfer;  ///< Sent now, or its `ending` comes. Null: `host` may send again.
    Host* host = nullptr;
  };
  struct MultiCleanup {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
  };
  using Answer = std::pair<std::function<void(Result<HttpResponse>)>, Result<HttpResponse>>;

  // Any thread.
  void advance(Phase phase);
  template <class Change>
  void post(Change change);

  // The I/O thread.
  void run() noexcept;
  void take_inbox();
  void enter(Phase phase);
  void admit(Send send);
  void enqueue(std::unique_ptr<Transfer> transfer);
  void dispatch(Host& host);
  std::optional<std::size_t> ready_lane(Host& host, SteadyClock::time_point now);
  void start_attempt(std::unique_ptr<Transfer> transfer);
  void count_started(Transfer& transfer);
  [[nodiscard]] HeaderSlist sent_headers(const Transfer& transfer) const;
  void collect_completed();
  void complete(std::unique_ptr<Transfer> transfer, CURLcode code);
  void answered(std::unique_ptr<Transfer> transfer, std::chrono::microseconds elapsed);
  void unanswered(std::unique_ptr<Transfer> transfer, Error error, bool permanent);
  [[nodiscard]] bool attempts_left(const Transfer& transfer) const noexcept;
  void retry(std::unique_ptr<Transfer> transfer, std::string_view why, milliseconds delay);
  void pause(Host& host, milliseconds delay);
  void note_ending(Host& host, const Transfer& transfer, CURLcode code, SteadyClock::time_point now);
  void arm(SteadyClock::time_point due, std::unique_ptr<Transfer> transfer, Host* host);
  void wake_at(Host& host, SteadyClock::time_point due);
  void fire_timers();

  // Attempts that the wire answers or hears of.
  [[nodiscard]] bool offline() const noexcept { return options_.wire != nullptr && options_.wire->offline(); }
  bool answered_by_wire(std::unique_ptr<Transfer>& transfer);
  void complete_here(std::unique_ptr<Transfer> transfer);
  void tell(const Transfer& transfer, AttemptEnding ending) const;
  /// Now; what the clock jumped over has passed.
  [[nodiscard]] SteadyClock::time_point now() const noexcept {
    return SteadyClock::now() + SteadyClock::duration(jumped_.load(std::memory_order_relaxed));
  }

  // Credentials.
  AuthSession& session_of(const Auth& auth);
  void want_credentials(AuthSession& session, std::unique_ptr<Transfer> waiting);
  void token_answered(std::unique_ptr<Transfer> transfer, HttpResponse response);
  void resume_waiting(AuthSession& session);
  void fail_waiting(AuthSession& session, const Error& error);

  // Handing over.
  void deliver(Transfer& transfer, Result<HttpResponse> result);
  void deliver_stopped(std::unique_ptr<Transfer> transfer);
  void hand_over();
  [[nodiscard]] bool hand_over_due() const noexcept;
  void sleep();

  Host& host_of(const std::string& name);
  [[nodiscard]] std::unique_ptr<Host> new_host(const std::string& name) const;
  void assign(Transfer& transfer, const Origin& origin);
  [[nodiscard]] double unit_random() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  const HttpClientOptions options_;
  const BodyLimits body_limits_;
  const NetworkEnvironment environment_;
  std::unique_ptr<CURLM, MultiCleanup> multi_;
  std::thread thread_;

  mutable std::mutex inbox_mutex_;  ///< Guards the three below. A leaf lock.
  std::vector<Send> inbox_;         ///< Bounded by its senders, who bound what is in flight.
  Phase wanted_phase_ = Phase::kRunning;
  bool sleeping_ = false;  ///< The loop is, or is about to be, in its poll: whoever posts must wake it.

  mutable std::mutex metrics_mutex_;  ///< Guards `hosts_` as a map, and each host's `metrics`. A leaf lock.
  std::unordered_map<std::string, std::unique_ptr<Host>> hosts_;

  // Of the I/O thread alone.
  Phase phase_ = Phase::kRunning;
  std::vector<Send> admitting_;
  std::vector<std::unique_ptr<Transfer>> running_;
  std::size_t answering_ = 0;                ///< Transfers among the timers whose ending is known and to come.
  std::atomic<SteadyClock::rep> jumped_{0};  ///< Time that nobody waited for.
  std::vector<Timer> timers_;                ///< A heap, the earliest in front.
  std::uint64_t next_sequence_ = 0;
  std::unordered_map<const Auth*, std::unique_ptr<AuthSession>> sessions_;
  std::vector<std::unique_ptr<EasyHandle>> idle_handles_;
  std::vector<Answer> finished_;
  SteadyClock::time_point first_finished_;
  bool started_some_ = false;     ///< Transfers that libcurl has not seen yet.
  bool transfers_moved_ = false;  ///< A socket is ready, or one of libcurl's own timers is due.
  bool skipped_poll_ = false;
  std::mt19937_64 random_;
};

}  // namespace riptide::stages

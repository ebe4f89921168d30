#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "api.hpp"
#include "byte_buffer.hpp"
#include "fault_plan.hpp"
#include "http_request.hpp"
#include "riptide/simulator/faults.hpp"
#include "riptide/simulator/server_stats.hpp"

namespace riptide::simulator {

/// An open file descriptor; closes it.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// How requests are served, whatever is answered.
struct ServiceOptions {
  std::uint64_t seed = 1;
  std::chrono::microseconds latency{0};
  std::chrono::microseconds latency_jitter{0};
  std::size_t capacity = 0;
  Faults faults = {};
  std::uint16_t port = 0;
  std::function<void(std::string_view target)> before_answer = {};
};

/// The HTTP side: one thread, one epoll, one timer. `run` owns everything but the api and the stats, which lie behind
/// `mutex`.
///
/// Sockets are registered once, edge-triggered, so that a request costs three system calls: wait, receive, send.
class Service {
 public:
  /// `api` is borrowed, and asked with `mutex` held.
  Service(ServiceOptions options, Api& api);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Listens. Returns what went wrong, as a sentence.
  std::optional<std::string> open();
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Serves until `stop` or until `stop_fd` (when it is not -1) gets readable.
  void run(int stop_fd);
  /// Any thread.
  void stop() noexcept;
  [[nodiscard]] ServerStats stats() const;

  mutable std::mutex mutex;  ///< Over what the api answers from, and the stats; never held while calling out.

 private:
  enum class Phase {
    kReading,  ///< No request is being served.
    kQueued,   ///< A whole request waits for capacity.
    kDelayed,  ///< In service; the latency has not passed yet.
    kSending,
    kDripping,  ///< Sending, and waiting for the next drop.
    kDraining,  ///< All is said; unread input is thrown away so that closing does not reset the answer.
  };
  enum class Ending { kKeepOpen, kClose, kDrain, kReset };  ///< Once the output is sent.

  struct Connection {
    Descriptor socket;
    std::uint64_t generation = 0;  ///< Tells it from an earlier connection in the same slot.
    Phase phase = Phase::kReading;
    bool readable = false;  ///< The kernel may have more input.
    std::string input;      ///< Read and not yet answered; unchanged while a request is served.
    HttpRequest request;    ///< Views into `input`.
    FaultPlan::Decision fault;
    ByteBuffer buffer;
    std::string_view unsent;  ///< Of `buffer`.
    Ending ending = Ending::kKeepOpen;
    bool in_service = false;  ///< Counts against the capacity.
  };
  struct Timer {
    std::int64_t due_ns;  ///< CLOCK_MONOTONIC
    std::uint64_t order;  ///< First in, first out among equals.
    std::uint32_t slot;
    std::uint64_t generation;
    bool operator>(const Timer& other) const {
      return due_ns != other.due_ns ? due_ns > other.due_ns : order > other.order;
    }
  };

  enum class Progress { kMore, kBlocked, kClosed };
  struct Reply {
    int status = 200;
    std::string_view content_type = "application/json; charset=utf-8";
    bool gzip = false;
    std::string extra_headers = {};  ///< Each with its line end.
  };

  void accept_all();
  void advance(std::uint32_t slot);
  Progress read_request(std::uint32_t slot);
  Progress receive(std::uint32_t slot);
  Progress send_some(std::uint32_t slot);
  Progress finish(std::uint32_t slot);
  Progress drain(std::uint32_t slot);
  void begin(std::uint32_t slot);
  void make_answer(Connection& connection);
  Reply write_answer(Connection& connection);
  void seal(Connection& connection, const Reply& reply);
  void refuse(Connection& connection, int status, std::string_view message);
  void leave_service(Connection& connection);
  void close(std::uint32_t slot, Ending how);
  void schedule(std::uint32_t slot, std::int64_t due_ns);
  void fire_timers();
  void arm_timer();
  void write_stats(ByteBuffer& body) const;

  ServiceOptions options_;
  Api& api_;
  FaultPlan faults_;
  std::uint16_t port_ = 0;
  Descriptor listener_;
  Descriptor epoll_;
  Descriptor timer_;
  Descriptor wake_;

  std::deque<Connection> connections_;  ///< A deque: growing it moves none.
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t next_generation_ = 1;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint64_t next_timer_ = 0;
  std::int64_t armed_ns_ = 0;  ///< When the timer fires; 0: not set.
  struct Waiting {
    std::uint32_t slot;
    std::uint64_t generation;
  };
  std::deque<Waiting> queue_;  ///< Of capacity, in order of arrival.
  std::size_t in_service_ = 0;
  BufferPool buffers_;
  std::vector<std::uint32_t> runnable_;  ///< Got their turn of capacity.
  std::string header_;                   ///< Scratch.
  ServerStats stats_;                    ///< But for `cpu`.
  std::optional<clockid_t> cpu_clock_;   ///< Of the thread in `run`.
};

}  // namespace riptide::simulator

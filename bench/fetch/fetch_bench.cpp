// The ratios of the HTTP engine, each within one run: exit 1 when one is missed.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <queue>
#include <random>
#include <thread>
#include <vector>

#include "bare_loop.hpp"
#include "loopback_server.hpp"
#include "quota_host.hpp"
#include "riptide/simulator/octopus_server.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::bench {
namespace {

using Clock = std::chrono::steady_clock;
using loopback::LoopbackServer;
using loopback::ReceivedRequest;
using loopback::Reply;
using std::chrono::milliseconds;
using std::chrono::seconds;

bool missed = false;

void hold(const char* what, double value, const char* relation, double bound) {
  const bool fine = std::string_view(relation) == ">=" ? value >= bound : value <= bound;
  missed = missed || !fine;
  fmt::print("{:<72} {:9.3f}  {} {:<8} {}\n", what, value, relation, bound, fine ? "ok" : "MISSED");
  std::fflush(stdout);
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Keeps a client busy with one URL.
class Load {
 public:
  Load(stages::HttpClientOptions options, std::string url) : url_(std::move(url)) {
    client_ = std::move(stages::HttpClient::start(std::move(options))).value();
  }
  ~Load() { ended_ = true; }

  /// Sends so many in all, so many handed over at once, and waits for the last answer.
  /// @return Bytes of all bodies; 0 when an answer was not 200.
  std::size_t fetch(std::size_t requests, std::size_t at_once) {
    to_send_ = static_cast<std::int64_t>(requests - at_once);
    to_come_ = requests;
    bytes_ = 0;
    hand_over(at_once);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return to_come_ == 0; });
    return failed_ ? 0 : bytes_.load();
  }
  /// Sends without an end.
  void start(std::size_t at_once) {
    to_send_ = INT64_MAX;
    to_come_ = SIZE_MAX;
    hand_over(at_once);
  }
  [[nodiscard]] std::size_t answers() const { return answers_; }
  [[nodiscard]] stages::HostStats stats() const { return client_->stats().at(0); }

 private:
  void hand_over(std::size_t count) {
    std::vector<stages::Send> sends;
    for (std::size_t i = 0; i < count; ++i) sends.push_back(one());
    client_->send_all(std::move(sends));
  }
  stages::Send one() {
    stages::Send send;
    send.request.url = url_;
    send.done = [this](stages::Result<stages::HttpResponse> answer) {
      if (answer && answer->ok()) {
        bytes_ += answer->body->size();
        ++answers_;
      } else {
        failed_ = true;
      }
      if (!ended_ && to_send_.fetch_sub(1) > 0) client_->send(one());
      const std::lock_guard lock(mutex_);
      if (--to_come_ == 0) done_.notify_all();
    };
    return send;
  }

  const std::string url_;
  std::atomic<bool> ended_ = false;
  std::atomic<bool> failed_ = false;
  std::atomic<std::int64_t> to_send_ = 0;
  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<std::size_t> answers_ = 0;
  std::mutex mutex_;  ///< Guards `to_come_`.
  std::condition_variable done_;
  std::size_t to_come_ = 0;
  std::unique_ptr<stages::HttpClient> client_;  // Dies first.
};

void beside_a_bare_loop() {
  constexpr std::size_t kRequests = 4'000;
  constexpr std::size_t kInFlight = 32;
  simulator::OctopusOptions options{.spaces = 1, .total_records = 0};
  options.kinds = {{.name = "machine", .records_per_space = {50}}};
  auto started = simulator::OctopusServer::start(std::move(options));
  const auto& server = std::get<0>(started);
  const std::string url = server->url() + "/api/" + server->spaces().front() + "/machines?skip=0&take=50";
  pipeline::PagePool pages(16u << 20);
  std::vector<double> ratios;
  for (int round = 0; round < 7; ++round) {
    const auto bare_began = Clock::now();
    const std::size_t expected = fetch_bare(url, kRequests, kInFlight);
    const double bare = seconds_since(bare_began);
    stages::HttpClientOptions engine{.name = "bench", .max_in_flight_per_host = kInFlight};
    engine.hand_over_delay = milliseconds{2};  // As the source's side has it.
    engine.pages = &pages;
    Load load(std::move(engine), url);
    const auto began = Clock::now();
    const std::size_t bytes = load.fetch(kRequests, 2 * kInFlight);
    ratios.push_back(bare / seconds_since(began));
    if (bytes == 0 || bytes != expected) hold("bytes of the engine beside the bare loop's", 0, ">=", 1);
  }
  hold("static pages of 100 KB on loopback: rate beside a bare curl multi loop", median(ratios), ">=", 0.9);
}

void at_a_quota() {
  stages::QuotaHost host;
  host.kind = stages::QuotaHost::Window::kFromFirst;
  LoopbackServer server([&](const ReceivedRequest& request) {
    stages::QuotaHost::Answer answer = host.count(request.received);
    Reply reply = Reply::text(answer.status);
    for (auto& header : answer.headers) reply.headers.emplace_back(std::move(header.name), std::move(header.value));
    return reply;
  });
  Load load({.name = "bench", .max_in_flight_per_host = 8}, server.url("/"));
  const auto began = Clock::now();
  load.fetch(5'000, 16);
  hold("5,000 requests at a quota of 500 a second: share of the quota used", 5'000 / (seconds_since(began) * 500),
       ">=", 0.97);
  hold("... answers of 429", static_cast<double>(host.refused), "<=", 0);
}

/// So many are served at once, more wait in line, and what is more than twice as much is refused.
class HiddenCapacity {
 public:
  Reply answer(Clock::time_point now) {
    const std::size_t capacity = capacity_;
    while (!ends_.empty() && ends_.top() <= now) ends_.pop();
    if (ends_.size() >= 2 * capacity) return Reply::text(429);
    while (free_.size() > capacity) free_.pop();
    while (free_.size() < capacity) free_.push(now);
    const auto begins = std::max(now, free_.top());
    free_.pop();
    const auto ends =
        begins + std::chrono::duration_cast<Clock::duration>(kService * (1 + 0.2 * (unit_(random_) - 0.5)));
    free_.push(ends);
    ends_.push(ends);
    return Reply::text(200).with_delay(std::chrono::round<milliseconds>(ends - now));
  }
  void set(std::size_t capacity) { capacity_ = capacity; }
  /// Answers a second, at best.
  [[nodiscard]] double best() const {
    return static_cast<double>(capacity_) / std::chrono::duration<double>(kService).count();
  }

 private:
  static constexpr milliseconds kService{50};
  using Times = std::priority_queue<Clock::time_point, std::vector<Clock::time_point>, std::greater<>>;
  std::atomic<std::size_t> capacity_ = 24;
  Times free_;
  Times ends_;
  std::mt19937_64 random_{7};
  std::uniform_real_distribution<double> unit_{0, 1};
};

void before_a_hidden_capacity() {
  HiddenCapacity host;
  LoopbackServer server([&](const ReceivedRequest& request) { return host.answer(request.received); });
  Load load({.name = "bench", .max_in_flight_per_host = 128}, server.url("/"));
  load.start(256);
  std::size_t answers = 0;
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;
  const auto measure = [&](double& rate, double& share) {
    const auto began = Clock::now();
    std::this_thread::sleep_for(seconds(10));
    const auto stats = load.stats();
    rate = static_cast<double>(load.answers() - answers) / seconds_since(began);
    share = static_cast<double>(stats.status_429 - refused) / static_cast<double>(stats.requests - requests);
    answers = load.answers();
    requests = stats.requests;
    refused = stats.status_429;
  };
  double rate = 0;
  double share = 0;
  double first_share = 0;
  measure(rate, first_share);
  measure(rate, share);
  hold("hidden capacity, from 10 to 20 s: rate beside the best fixed setting's", rate / host.best(), ">=", 0.85);
  hold("... share of 429 in 20 s, %", (first_share + share) * 50, "<=", 1);
  host.set(12);
  measure(rate, share);
  measure(rate, share);
  hold("half of it, 10 s later: rate beside the best fixed setting's", rate / host.best(), ">=", 0.85);
  hold("... share of 429 by then, %", share * 100, "<=", 1);
}

}  // namespace
}  // namespace riptide::bench

int main(int argc, char** argv) {
  const std::string_view only = argc > 1 ? argv[1] : "";  // loop, quota, capacity
  const riptide::stages::HttpRuntime http;
  if (only.empty() || only == "loop") riptide::bench::beside_a_bare_loop();
  if (only.empty() || only == "quota") riptide::bench::at_a_quota();
  if (only.empty() || only == "capacity") riptide::bench::before_a_hidden_capacity();
  return riptide::bench::missed ? 1 : 0;
}

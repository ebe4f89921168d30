#include "loop.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <system_error>

#include "address_guard.hpp"
#include "origin.hpp"

namespace riptide::stages {
namespace {

/// Connections are kept for this many hosts at most.
constexpr std::size_t kMaxPooledHosts = 8;
constexpr milliseconds kLongestSleep{60'000};
/// Two replays wait alike.
constexpr std::uint64_t kOfflineSeed = 1;

constexpr auto kLater = [](const auto& a, const auto& b) noexcept {
  return a.due != b.due ? a.due > b.due : a.sequence > b.sequence;
};

HttpClientOptions checked(HttpClientOptions options) {
  options.max_in_flight_per_host = std::max<std::size_t>(options.max_in_flight_per_host, 1);
  return options;
}

}  // namespace

HttpClient::Loop::Loop(HttpClientOptions options)
    : options_(checked(std::move(options))),
      body_limits_{options_.max_body_bytes, options_.body_credits, options_.pages},
      environment_(NetworkEnvironment::read()),
      random_(options_.seed != 0 ? options_.seed : offline() ? kOfflineSeed : std::random_device{}()) {}

HttpClient::Loop::~Loop() { close(); }

Result<void> HttpClient::Loop::start() {
  multi_.reset(curl_multi_init());
  if (!multi_) return pipeline::unexpected(ErrorKind::kInternal, "libcurl does not start");
  // Signals belong to the program's signal thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<void> started;
  try {
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), ("http " + options_.name).substr(0, 15).c_str());
  } catch (const std::system_error& failure) {
    started = pipeline::unexpected(ErrorKind::kInternal, std::string("no thread for HTTP: ") + failure.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

void HttpClient::Loop::send(Send one) {
  post([&] { inbox_.push_back(std::move(one)); });
}

void HttpClient::Loop::send(std::vector<Send> sends) {
  post([&] {
    for (Send& one : sends) inbox_.push_back(std::move(one));
  });
}

void HttpClient::Loop::advance(Phase phase) {
  post([&] { wanted_phase_ = std::max(wanted_phase_, phase); });
}

template <class Change>
void HttpClient::Loop::post(Change change) {
  bool asleep = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    change();
    asleep = std::exchange(sleeping_, false);
  }
  if (asleep) curl_multi_wakeup(multi_.get());
}

void HttpClient::Loop::close() {
  if (!thread_.joinable()) return;
  advance(Phase::kClosing);
  thread_.join();
}

std::vector<HostStats> HttpClient::Loop::stats() const {
  const auto now = this->now();
  std::vector<HostStats> all;
  const std::lock_guard lock(metrics_mutex_);
  for (const auto& [name, host] : hosts_) {
    const HostMetrics& metrics = host->metrics;
    const auto to_come = std::max(metrics.paused_until - now, SteadyClock::duration{0});
    HostStats stats;
    stats.host = name;
    stats.requests = metrics.requests;
    stats.retries = metrics.retries;
    stats.status_304 = metrics.status_304;
    stats.status_429 = metrics.status_429;
    stats.seconds_paused = std::chrono::duration<double>(metrics.paused - to_come).count();
    stats.max_in_flight = metrics.max_in_flight;
    stats.p50_ms = metrics.latency.quantile_ms(0.5);
    stats.p99_ms = metrics.latency.quantile_ms(0.99);
    all.push_back(std::move(stats));
  }
  std::sort(all.begin(), all.end(), [](const HostStats& a, const HostStats& b) { return a.host < b.host; });
  return all;
}

void HttpClient::Loop::run() noexcept {
  while (true) {
    take_inbox();
    fire_timers();
    // What a completion sets free starts within the same round, before anybody is told: the server works meanwhile.
    // A pass visits every transfer, so that none is made when no socket, timer or start asks for it.
    for (int round = 0; round < 4 && (started_some_ || transfers_moved_); ++round) {
      started_some_ = false;
      transfers_moved_ = false;
      int still_running = 0;
      curl_multi_perform(multi_.get(), &still_running);
      collect_completed();
    }
    if (hand_over_due()) hand_over();
    if (phase_ == Phase::kClosing) {
      const std::lock_guard lock(inbox_mutex_);
      if (inbox_.empty()) break;
    }
    sleep();
  }
  idle_handles_.clear();
}

void HttpClient::Loop::take_inbox() {
  Phase wanted{};
  {
    const std::lock_guard lock(inbox_mutex_);
    admitting_.swap(inbox_);
    wanted = wanted_phase_;
  }
  if (wanted > phase_) enter(wanted);
  for (Send& send : admitting_) admit(std::move(send));
  admitting_.clear();
}

void HttpClient::Loop::enter(Phase phase) {
  phase_ = phase;
  for (auto& [name, host] : hosts_) {
    while (host->waiting != 0) deliver_stopped(host->take_any());
  }
  for (Timer& timer : std::exchange(timers_, {})) {
    if (!timer.transfer) continue;
    if (timer.transfer->ending && phase < Phase::kAborting) {  // As good as running: it finishes.
      timers_.push_back(std::move(timer));
      continue;
    }
    if (timer.transfer->ending) {
      --answering_;
      --timer.transfer->host->in_flight;
    }
    deliver_stopped(std::move(timer.transfer));
  }
  std::make_heap(timers_.begin(), timers_.end(), kLater);
  for (auto& [auth, session] : sessions_) {
    for (auto& transfer : std::exchange(session->waiting, {})) deliver_stopped(std::move(transfer));
  }
  if (phase < Phase::kAborting) return;
  for (auto& transfer : std::exchange(running_, {})) {
    curl_multi_remove_handle(multi_.get(), transfer->handle->get());
    --transfer->host->in_flight;
    deliver_stopped(std::move(transfer));
  }
}

void HttpClient::Loop::admit(Send send) {
  const milliseconds wait = send.not_before;
  auto transfer = std::make_unique<Transfer>(std::move(send), body_limits_);
  transfer->max_header_bytes = options_.max_header_bytes;
  if (phase_ != Phase::kRunning) return deliver_stopped(std::move(transfer));
  Result<Origin> origin = parse_origin(transfer->request.url);
  if (!origin) return deliver(*transfer, pipeline::unexpected(std::move(origin).error()));
  for (const Header& header : transfer->request.headers) {
    if (is_sendable(header)) continue;
    return deliver(*transfer, pipeline::unexpected(ErrorKind::kConfig,
                                                   "a header of the request cannot be sent: a line break or another "
                                                   "forbidden character in it: " +
                                                       transfer->safe_url));
  }
  assign(*transfer, *origin);
  if (transfer->request.auth != nullptr) transfer->session = &session_of(*transfer->request.auth);
  if (wait > milliseconds{0}) return arm(now() + wait, std::move(transfer), nullptr);
  enqueue(std::move(transfer));
}

void HttpClient::Loop::arm(SteadyClock::time_point due, std::unique_ptr<Transfer> transfer, Host* host) {
  timers_.push_back({due, next_sequence_++, std::move(transfer), host});
  std::push_heap(timers_.begin(), timers_.end(), kLater);
}

void HttpClient::Loop::wake_at(Host& host, SteadyClock::time_point due) {
  if (host.wakes_at <= due) return;
  host.wakes_at = due;
  arm(due, nullptr, &host);
}

void HttpClient::Loop::fire_timers() {
  if (timers_.empty()) return;
  const auto now = this->now();
  while (!timers_.empty() && timers_.front().due <= now) {
    std::pop_heap(timers_.begin(), timers_.end(), kLater);
    Timer timer = std::move(timers_.back());
    timers_.pop_back();
    if (timer.transfer && timer.transfer->ending) {
      complete_here(std::move(timer.transfer));
    } else if (timer.transfer) {
      enqueue(std::move(timer.transfer));
    } else {
      timer.host->wakes_at = SteadyClock::time_point::max();
      dispatch(*timer.host);
    }
  }
}

void HttpClient::Loop::deliver(Transfer& transfer, Result<HttpResponse> result) {
  if (!result) transfer.body.abandon();  // Its credit must be back before anybody hears of it and asks for more.
  if (!transfer.done) return;            // A token request that was stopped.
  if (finished_.empty()) first_finished_ = now();
  finished_.emplace_back(std::move(transfer.done), std::move(result));
}

void HttpClient::Loop::deliver_stopped(std::unique_ptr<Transfer> transfer) {
  if (transfer->token_for != nullptr) transfer->token_for->fetching = false;
  deliver(*transfer, pipeline::unexpected(ErrorKind::kStopped, "stopped before an answer came: " + transfer->safe_url));
}

bool HttpClient::Loop::hand_over_due() const noexcept {
  if (finished_.empty()) return false;
  return (running_.empty() && answering_ == 0) || phase_ == Phase::kClosing ||
         options_.hand_over_delay <= milliseconds{0} || now() >= first_finished_ + options_.hand_over_delay;
}

void HttpClient::Loop::hand_over() {
  std::vector<Answer> ready = std::exchange(finished_, {});
  for (Answer& answer : ready) answer.first(std::move(answer.second));
}

void HttpClient::Loop::sleep() {
  const auto now = this->now();
  auto until = now + kLongestSleep;
  if (!timers_.empty()) until = std::min(until, timers_.front().due);
  if (!finished_.empty()) until = std::min(until, first_finished_ + options_.hand_over_delay);
  {
    const std::lock_guard lock(inbox_mutex_);
    if (!inbox_.empty() || wanted_phase_ > phase_) {
      // Senders that never pause must not keep the sockets waiting for ever.
      transfers_moved_ = std::exchange(skipped_poll_, true);
      return;
    }
    sleeping_ = true;
  }
  skipped_poll_ = false;
  if (offline() && !(timers_.empty() && finished_.empty())) {
    // Nobody else is waited for: what is due next is due now.
    jumped_.fetch_add(std::max(until - now, SteadyClock::duration{0}).count(), std::memory_order_relaxed);
    const std::lock_guard lock(inbox_mutex_);
    sleeping_ = false;
    return;
  }
  const auto wait = std::chrono::ceil<milliseconds>(std::max(until - now, SteadyClock::duration{0}));
  int ready = 0;
  curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(wait.count()), &ready);
  long due = -1;
  curl_multi_timeout(multi_.get(), &due);
  transfers_moved_ = ready > 0 || due == 0;
  const std::lock_guard lock(inbox_mutex_);
  sleeping_ = false;
}

Host& HttpClient::Loop::host_of(const std::string& name) {
  // Only this thread changes the map, so that looking needs no lock.
  if (const auto found = hosts_.find(name); found != hosts_.end()) return *found->second;
  auto host = new_host(name);
  Host& added = *host;
  {
    const std::lock_guard lock(metrics_mutex_);
    hosts_.emplace(name, std::move(host));
  }
  const std::size_t pooled = options_.max_in_flight_per_host * std::min(hosts_.size(), kMaxPooledHosts);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(pooled));
  return added;
}

std::unique_ptr<Host> HttpClient::Loop::new_host(const std::string& name) const {
  ConcurrencyLimit::Options limits;
  limits.floor = options_.least_in_flight_per_host;
  limits.ceiling = options_.max_in_flight_per_host;
  std::vector<RequestBudget> budgets;
  for (const HostLimits& declared : options_.host_limits) {
    if (const auto origin = parse_origin(declared.url); !declared.url.empty() && (!origin || origin->name != name)) {
      continue;
    }
    if (declared.max_in_flight != 0) limits.ceiling = std::min(limits.ceiling, declared.max_in_flight);
    budgets.insert(budgets.end(), declared.budgets.begin(), declared.budgets.end());
  }
  return std::make_unique<Host>(name, limits, Pacer(budgets, now()));
}

void HttpClient::Loop::assign(Transfer& transfer, const Origin& origin) {
  transfer.host = &host_of(origin.name);
  transfer.lane = transfer.host->lane_of(transfer.request);
  transfer.tls = origin.tls;
  const bool proxied = !(origin.tls ? environment_.https_proxy : environment_.http_proxy).empty();
  transfer.guarded = !options_.allow_private_addresses && !proxied && !is_trusted_host(origin.host());
}

}  // namespace riptide::stages

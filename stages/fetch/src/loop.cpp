#include "loop.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <system_error>

#include "origin.hpp"
#include "riptide/stages/retry_after.hpp"
#include "transport_error.hpp"

namespace riptide::stages {
namespace {

/// Connections are kept for this many hosts at most.
constexpr std::size_t kMaxPooledHosts = 8;
constexpr milliseconds kLongestSleep{60'000};

constexpr auto kLater = [](const auto& a, const auto& b) noexcept {
  return a.due != b.due ? a.due > b.due : a.sequence > b.sequence;
};

HttpClientOptions checked(HttpClientOptions options) {
  options.max_in_flight_per_host = std::max<std::size_t>(options.max_in_flight_per_host, 1);
  return options;
}

bool has_header(const std::vector<Header>& headers, std::string_view lower_name) {
  return std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
    return std::equal(header.name.begin(), header.name.end(), lower_name.begin(), lower_name.end(), [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
  });
}

}  // namespace

HttpClient::Loop::Loop(HttpClientOptions options)
    : options_(checked(std::move(options))),
      body_limits_{options_.max_body_bytes, options_.body_credits, options_.pages},
      environment_(NetworkEnvironment::read()),
      random_(options_.seed != 0 ? options_.seed : std::random_device{}()) {}

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
  const auto now = SteadyClock::now();
  std::vector<HostStats> all;
  const std::lock_guard lock(metrics_mutex_);
  for (const auto& [name, host] : hosts_) {
    const HostMetrics& metrics = host->metrics;
    const auto to_come = std::max(metrics.paused_until - now, SteadyClock::duration{0});
    HostStats stats;
    stats.host = name;
    stats.requests = metrics.requests;
    stats.retries = metrics.retries;
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
    while (!host->idle()) deliver_stopped(host->take_next());
  }
  for (Timer& timer : std::exchange(timers_, {})) {
    if (timer.transfer) deliver_stopped(std::move(timer.transfer));
  }
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
  transfer->host = &host_of(origin->name);
  transfer->tls = origin->tls;
  if (transfer->request.auth != nullptr) transfer->session = &session_of(*transfer->request.auth);
  if (wait > milliseconds{0}) return arm(wait, std::move(transfer), nullptr);
  enqueue(std::move(transfer));
}

void HttpClient::Loop::enqueue(std::unique_ptr<Transfer> transfer) {
  Host& host = *transfer->host;
  if (transfer->token_for != nullptr) {
    host.first.push_front(std::move(transfer));
  } else if (transfer->attempts > 0) {
    host.first.push_back(std::move(transfer));
  } else {
    host.queue.push_back(std::move(transfer));
  }
  dispatch(host);
}

void HttpClient::Loop::dispatch(Host& host) {
  while (!host.idle() && host.in_flight < options_.max_in_flight_per_host) {
    if (const auto now = SteadyClock::now(); host.paused_until > now) {
      if (!std::exchange(host.resume_armed, true)) arm(host.paused_until - now, nullptr, &host);
      return;
    }
    start_attempt(host.take_next());
  }
}

void HttpClient::Loop::start_attempt(std::unique_ptr<Transfer> transfer) {
  const auto now = SteadyClock::now();
  if (AuthSession* session = transfer->session; session != nullptr && !session->usable(now)) {
    return want_credentials(*session, std::move(transfer));
  }
  if (transfer->session != nullptr) transfer->credentials_generation = transfer->session->generation;
  Host& host = *transfer->host;
  if (!idle_handles_.empty()) {
    transfer->handle = std::move(idle_handles_.back());
    idle_handles_.pop_back();
  } else {
    transfer->handle = EasyHandle::create(options_, environment_);
  }
  ++transfer->attempts;
  transfer->sent_headers = sent_headers(*transfer);
  transfer->started = now;
  const bool added = transfer->handle && transfer->sent_headers &&
                     transfer->handle->prepare(*transfer, transfer->sent_headers.get(), transfer->tls, environment_) &&
                     curl_multi_add_handle(multi_.get(), transfer->handle->get()) == CURLM_OK;
  if (!added) {
    return unanswered(std::move(transfer), Error(ErrorKind::kInternal, "libcurl takes no request: out of memory"),
                      true);
  }
  ++host.in_flight;
  started_some_ = true;
  {
    const std::lock_guard lock(metrics_mutex_);
    ++host.metrics.requests;
    if (transfer->attempts > 1) ++host.metrics.retries;
    host.metrics.max_in_flight = std::max<std::uint64_t>(host.metrics.max_in_flight, host.in_flight);
  }
  transfer->running_index = running_.size();
  running_.push_back(std::move(transfer));
}

HeaderSlist HttpClient::Loop::sent_headers(const Transfer& transfer) const {
  HeaderSlist list;
  const auto append = [&](const char* line) {
    curl_slist* longer = curl_slist_append(list.get(), line);
    if (longer == nullptr) return false;
    if (!list) list.reset(longer);
    return true;
  };
  const HttpRequest& request = transfer.request;
  bool fine = true;
  // What is asked for here is decoded by us.
  if (!has_header(request.headers, "accept-encoding")) fine = append("Accept-Encoding: gzip, deflate");
  if (sends_body(request)) {
    // "Expect: 100-continue" costs a round trip, and with some servers a second.
    fine = fine && append("Expect:");
    // libcurl would call a body without a type a form.
    if (!has_header(request.headers, "content-type")) fine = fine && append("Content-Type:");
  }
  std::string line;
  const auto append_header = [&](const Header& header) {
    line.assign(header.name);
    // libcurl's way to write a header without a value; "Name:" would leave it out.
    if (header.value.empty()) {
      line += ';';
    } else {
      line.append(": ").append(header.value);
    }
    fine = fine && append(line.c_str());
  };
  for (const Header& header : request.headers) append_header(header);
  if (transfer.session != nullptr) {
    for (const Header& header : transfer.session->credentials->headers) append_header(header);
  }
  // Null means failure, so that it holds one at least.
  if (fine && !list) fine = append("Expect:");
  if (!fine) list.reset();
  return list;
}

void HttpClient::Loop::collect_completed() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;  // The message dies with the handle's removal.
    void* owner = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    curl_multi_remove_handle(multi_.get(), easy);
    const std::size_t index = static_cast<Transfer*>(owner)->running_index;
    std::unique_ptr<Transfer> transfer = std::move(running_[index]);
    if (index + 1 != running_.size()) {
      running_[index] = std::move(running_.back());
      running_[index]->running_index = index;
    }
    running_.pop_back();
    complete(std::move(transfer), code);
  }
}

void HttpClient::Loop::complete(std::unique_ptr<Transfer> transfer, CURLcode code) {
  Host& host = *transfer->host;
  const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - transfer->started);
  --host.in_flight;
  {
    const std::lock_guard lock(metrics_mutex_);
    host.metrics.latency.add(elapsed);
    if (code == CURLE_OK && transfer->status == 429) ++host.metrics.status_429;
  }
  std::unique_ptr<EasyHandle> handle = std::exchange(transfer->handle, nullptr);
  if (transfer->failure) {
    Error error = *std::move(transfer->failure);
    error.message += ": " + transfer->safe_url;
    const bool permanent = error.kind != ErrorKind::kTransport;
    unanswered(std::move(transfer), std::move(error), permanent);
  } else if (code == CURLE_OK && transfer->body_begun && !handle->decoder.complete()) {
    Error error(ErrorKind::kTransport, "the compressed answer was cut short: " + transfer->safe_url);
    unanswered(std::move(transfer), std::move(error), false);
  } else if (code == CURLE_OK) {
    answered(std::move(transfer), elapsed);
  } else {
    TransportFailure failure;
    failure.code = code;
    failure.message = handle->message();
    long os_error = 0;
    curl_easy_getinfo(handle->get(), CURLINFO_OS_ERRNO, &os_error);
    failure.os_error = static_cast<int>(os_error);
    long request_bytes = 0;
    curl_easy_getinfo(handle->get(), CURLINFO_REQUEST_SIZE, &request_bytes);
    failure.connected = request_bytes > 0;
    failure.proxied = !(transfer->tls ? environment_.https_proxy : environment_.http_proxy).empty();
    Error error = transport_error(failure, transfer->safe_url, options_);
    unanswered(std::move(transfer), std::move(error), is_permanent(code));
  }
  idle_handles_.push_back(std::move(handle));
  dispatch(host);
}

bool HttpClient::Loop::attempts_left(const Transfer& transfer) const noexcept {
  // The attempt that renewed the credentials is not one of those that the policy counts.
  const int most = transfer.max_attempts > 0 ? std::min(transfer.max_attempts, options_.retry.attempts)
                                             : options_.retry.attempts;
  return phase_ == Phase::kRunning && transfer.attempts < most + (transfer.refreshed ? 1 : 0) &&
         may_repeat(transfer.request);
}

void HttpClient::Loop::unanswered(std::unique_ptr<Transfer> transfer, Error error, bool permanent) {
  if (!permanent && attempts_left(*transfer)) {
    const milliseconds delay = retry_delay(options_.retry, transfer->attempts, std::nullopt, unit_random());
    return retry(std::move(transfer), error.message, delay);
  }
  if (transfer->attempts > 1) error.message += fmt::format(" (after {} attempts)", transfer->attempts);
  if (AuthSession* session = transfer->token_for) {
    session->fetching = false;
    Error refused(ErrorKind::kAuth, std::move(error.message));
    return fail_waiting(*session, std::move(refused).within("credentials could not be had"));
  }
  deliver(*transfer, pipeline::unexpected(std::move(error)));
}

void HttpClient::Loop::answered(std::unique_ptr<Transfer> transfer, std::chrono::microseconds elapsed) {
  HttpResponse response;
  response.status = transfer->status;
  response.headers = std::move(transfer->headers);
  response.safe_url = transfer->safe_url;
  response.elapsed = elapsed;
  response.attempts = transfer->attempts;
  const int status = response.status;
  if (status >= 400) {
    const auto asked = requested_delay(response, std::chrono::system_clock::now());
    const milliseconds delay = retry_delay(options_.retry, transfer->attempts, asked, unit_random());
    if (pauses_host(status, asked.has_value())) pause(*transfer->host, delay);
    if (is_retried_status(transfer->request.method, status) && attempts_left(*transfer)) {
      return retry(std::move(transfer), fmt::format("HTTP {}", status), delay);
    }
    if (status == 401 && transfer->session != nullptr) {
      AuthSession& session = *transfer->session;
      if (session.generation == transfer->credentials_generation) session.credentials.reset();
      if (!transfer->refreshed && phase_ == Phase::kRunning && may_repeat(transfer->request)) {
        transfer->refreshed = true;
        transfer->restart();
        return enqueue(std::move(transfer));
      }
    }
  }
  response.body = transfer->body.finish();
  if (transfer->token_for != nullptr) return token_answered(std::move(transfer), std::move(response));
  deliver(*transfer, std::move(response));
}

void HttpClient::Loop::retry(std::unique_ptr<Transfer> transfer, std::string_view why, milliseconds delay) {
  if (options_.on_retry) options_.on_retry(transfer->safe_url, why, delay, transfer->attempts);
  transfer->restart();
  arm(delay, std::move(transfer), nullptr);
}

void HttpClient::Loop::pause(Host& host, milliseconds delay) {
  const auto now = SteadyClock::now();
  const auto until = now + delay;
  if (until <= host.paused_until) return;
  const auto added = until - std::max(now, host.paused_until);
  host.paused_until = until;
  const std::lock_guard lock(metrics_mutex_);
  host.metrics.paused += added;
  host.metrics.paused_until = until;
}

void HttpClient::Loop::arm(SteadyClock::duration delay, std::unique_ptr<Transfer> transfer, Host* host) {
  timers_.push_back({SteadyClock::now() + delay, next_sequence_++, std::move(transfer), host});
  std::push_heap(timers_.begin(), timers_.end(), kLater);
}

void HttpClient::Loop::fire_timers() {
  if (timers_.empty()) return;
  const auto now = SteadyClock::now();
  while (!timers_.empty() && timers_.front().due <= now) {
    std::pop_heap(timers_.begin(), timers_.end(), kLater);
    Timer timer = std::move(timers_.back());
    timers_.pop_back();
    if (timer.transfer) {
      enqueue(std::move(timer.transfer));
    } else {
      timer.host->resume_armed = false;
      dispatch(*timer.host);
    }
  }
}

AuthSession& HttpClient::Loop::session_of(const Auth& auth) {
  auto& session = sessions_[&auth];
  if (!session) session = std::make_unique<AuthSession>(auth);
  return *session;
}

void HttpClient::Loop::want_credentials(AuthSession& session, std::unique_ptr<Transfer> waiting) {
  session.waiting.push_back(std::move(waiting));
  if (std::exchange(session.fetching, true)) return;
  session.refusals = 0;
  Result<std::optional<HttpRequest>> request = token_request_of(session.auth);
  if (!request) {
    session.fetching = false;
    return fail_waiting(session, request.error());
  }
  if (!*request) {
    const Result<void> read = session.read_fixed(SteadyClock::now());
    session.fetching = false;
    return read ? resume_waiting(session) : fail_waiting(session, read.error());
  }
  Send send;
  send.request = **std::move(request);
  send.request.retryable = true;
  send.request.auth = nullptr;
  auto transfer = std::make_unique<Transfer>(std::move(send), body_limits_);
  transfer->max_header_bytes = options_.max_header_bytes;
  transfer->token_for = &session;
  const Result<Origin> origin = parse_origin(transfer->request.url);
  const auto& headers = transfer->request.headers;
  if (!origin || !std::all_of(headers.begin(), headers.end(), is_sendable)) {
    session.fetching = false;
    const std::string why = origin ? "a header of the request for credentials cannot be sent" : origin.error().message;
    return fail_waiting(session, Error(ErrorKind::kAuth, why));
  }
  transfer->host = &host_of(origin->name);
  transfer->tls = origin->tls;
  enqueue(std::move(transfer));
}

void HttpClient::Loop::token_answered(std::unique_ptr<Transfer> transfer, HttpResponse response) {
  AuthSession& session = *transfer->token_for;
  if ((response.status == 401 || response.status == 403) && session.refusals++ == 0 && phase_ == Phase::kRunning) {
    // Once more with what the description says now: a file may have changed, and a server may have been behind.
    if (Result<std::optional<HttpRequest>> again = token_request_of(session.auth); again && *again) {
      transfer->request.headers = std::move((*again)->headers);
      transfer->request.body = std::move((*again)->body);
    }
    const milliseconds delay = retry_delay(options_.retry, 1, std::nullopt, unit_random());
    return retry(std::move(transfer), fmt::format("HTTP {}", response.status), delay);
  }
  session.fetching = false;
  if (!response.ok()) {
    Error error = http_error(response);
    error.kind = ErrorKind::kAuth;
    const bool refused = response.status == 401 || response.status == 403;
    return fail_waiting(session, std::move(error).within(refused ? fmt::format("the credentials were refused; check {}",
                                                                               session.auth.settings())
                                                                 : "credentials could not be had"));
  }
  Result<Credentials> fresh = read_token_with(session.auth, response);
  if (!fresh) return fail_waiting(session, fresh.error());
  session.accept(std::move(fresh).value(), SteadyClock::now());
  resume_waiting(session);
}

void HttpClient::Loop::resume_waiting(AuthSession& session) {
  // In front of what came later, in their own order. Hosts may be added while others are served.
  std::vector<Host*> hosts;
  for (auto& transfer : std::exchange(session.waiting, {})) {
    Host* host = transfer->host;
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
    host->first.push_back(std::move(transfer));
  }
  for (Host* host : hosts) dispatch(*host);
}

void HttpClient::Loop::fail_waiting(AuthSession& session, const Error& error) {
  for (auto& transfer : std::exchange(session.waiting, {})) deliver(*transfer, pipeline::unexpected(error));
}

void HttpClient::Loop::deliver(Transfer& transfer, Result<HttpResponse> result) {
  if (!result) transfer.body.abandon();  // Its credit must be back before anybody hears of it and asks for more.
  if (!transfer.done) return;            // A token request that was stopped.
  if (finished_.empty()) first_finished_ = SteadyClock::now();
  finished_.emplace_back(std::move(transfer.done), std::move(result));
}

void HttpClient::Loop::deliver_stopped(std::unique_ptr<Transfer> transfer) {
  if (transfer->token_for != nullptr) transfer->token_for->fetching = false;
  deliver(*transfer, pipeline::unexpected(ErrorKind::kStopped, "stopped before an answer came: " + transfer->safe_url));
}

bool HttpClient::Loop::hand_over_due() const noexcept {
  if (finished_.empty()) return false;
  return running_.empty() || phase_ == Phase::kClosing || options_.hand_over_delay <= milliseconds{0} ||
         SteadyClock::now() >= first_finished_ + options_.hand_over_delay;
}

void HttpClient::Loop::hand_over() {
  std::vector<Answer> ready = std::exchange(finished_, {});
  for (Answer& answer : ready) answer.first(std::move(answer.second));
}

void HttpClient::Loop::sleep() {
  const auto now = SteadyClock::now();
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
  auto host = std::make_unique<Host>();
  host->name = name;
  Host& added = *host;
  {
    const std::lock_guard lock(metrics_mutex_);
    hosts_.emplace(name, std::move(host));
  }
  const std::size_t pooled = options_.max_in_flight_per_host * std::min(hosts_.size(), kMaxPooledHosts);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(pooled));
  return added;
}

}  // namespace riptide::stages

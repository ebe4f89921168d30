#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "loop.hpp"
#include "riptide/stages/retry_after.hpp"
#include "transport_error.hpp"

// One attempt after the other: which request goes next, how it leaves, and what its ending means.
namespace riptide::stages {
namespace {

/// A wait for a quota that the user hears of.
constexpr milliseconds kWorthSaying{1'000};

/// Of an answer that is the beginning kept for the wire, where the client throws it away.
constexpr std::size_t kToldBytes = 4u << 10;

/// The time that dates in the headers are relative to.
std::chrono::system_clock::time_point wall_clock(const Transfer& transfer) {
  return transfer.ending ? transfer.ending->at : std::chrono::system_clock::now();
}

bool is_overload(int status) noexcept { return status == 408 || status == 502 || status == 503 || status == 504; }

}  // namespace

void HttpClient::Loop::enqueue(std::unique_ptr<Transfer> transfer) {
  Host& host = *transfer->host;
  const auto place = transfer->token_for != nullptr ? Host::Place::kFront
                     : transfer->attempts > 0       ? Host::Place::kFirst
                                                    : Host::Place::kQueue;
  host.put(std::move(transfer), place);
  dispatch(host);
}

void HttpClient::Loop::dispatch(Host& host) {
  while (host.waiting != 0 && host.in_flight < host.concurrency.limit()) {
    const auto now = this->now();
    if (host.paused_until > now) return wake_at(host, host.paused_until);
    const auto lane = ready_lane(host, now);
    if (!lane) return;
    start_attempt(host.take_from(*lane));
  }
}

/// The next lane, in turn, whose quota lets a request go. None: the host is woken when one will.
std::optional<std::size_t> HttpClient::Loop::ready_lane(Host& host, SteadyClock::time_point now) {
  auto soonest = SteadyClock::time_point::max();
  for (std::size_t step = 1; step <= host.lanes.size(); ++step) {
    const std::size_t number = (host.last_lane + step) % host.lanes.size();
    Lane& lane = host.lanes[number];
    if (lane.idle()) continue;
    const auto ready = host.pacer.ready_at(number, now, host.in_flight);
    if (ready <= now) return number;
    soonest = std::min(soonest, ready);
    if (ready == SteadyClock::time_point::max() || ready - now < kWorthSaying || ready <= lane.told_until) continue;
    lane.told_until = ready + kWorthSaying;
    if (options_.on_quota_wait) {
      options_.on_quota_wait(host.name, host.pacer.group_name(number), std::chrono::ceil<milliseconds>(ready - now));
    }
  }
  // Without a time, an answer that is on its way will tell.
  if (soonest != SteadyClock::time_point::max()) wake_at(host, soonest);
  return std::nullopt;
}

void HttpClient::Loop::start_attempt(std::unique_ptr<Transfer> transfer) {
  const auto now = this->now();
  if (AuthSession* session = transfer->session; session != nullptr && !session->usable(now)) {
    return want_credentials(*session, std::move(transfer));
  }
  if (transfer->session != nullptr) transfer->sign();
  ++transfer->attempts;
  transfer->started = now;
  if (answered_by_wire(transfer)) return;
  if (!idle_handles_.empty()) {
    transfer->handle = std::move(idle_handles_.back());
    idle_handles_.pop_back();
  } else {
    transfer->handle = EasyHandle::create(options_, environment_);
  }
  transfer->sent_headers = sent_headers(*transfer);
  const bool added = transfer->handle && transfer->sent_headers &&
                     transfer->handle->prepare(*transfer, transfer->sent_headers.get(), transfer->tls, environment_) &&
                     curl_multi_add_handle(multi_.get(), transfer->handle->get()) == CURLM_OK;
  if (!added) {
    return unanswered(std::move(transfer), Error(ErrorKind::kInternal, "libcurl takes no request: out of memory"),
                      true);
  }
  count_started(*transfer);
  started_some_ = true;
  transfer->running_index = running_.size();
  running_.push_back(std::move(transfer));
}

void HttpClient::Loop::count_started(Transfer& transfer) {
  Host& host = *transfer.host;
  host.pacer.sent(transfer.lane, transfer.started, host.in_flight);
  ++host.in_flight;
  host.concurrency.started(host.in_flight);
  const std::lock_guard lock(metrics_mutex_);
  ++host.metrics.requests;
  if (transfer.attempts > 1) ++host.metrics.retries;
  host.metrics.max_in_flight = std::max<std::uint64_t>(host.metrics.max_in_flight, host.in_flight);
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
  if (sends_body(request.method, transfer.signed_body.empty() ? request.body : transfer.signed_body)) {
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
  static const std::vector<Header> kNone;
  const std::vector<Header>& signed_with = transfer.session != nullptr ? transfer.session->credentials->headers : kNone;
  for (const Header& header : request.headers) {
    if (!has_header(signed_with, header.name)) append_header(header);
  }
  for (const Header& header : signed_with) append_header(header);
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
  const auto now = this->now();
  const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(now - transfer->started);
  --host.in_flight;
  note_ending(host, *transfer, code, now);
  {
    const std::lock_guard lock(metrics_mutex_);
    host.metrics.latency.add(elapsed);
    if (code == CURLE_OK && transfer->status == 304) ++host.metrics.status_304;
    if (code == CURLE_OK && transfer->status == 429) ++host.metrics.status_429;
  }
  std::unique_ptr<EasyHandle> handle = std::exchange(transfer->handle, nullptr);
  if (transfer->failure) {
    Error error = *std::move(transfer->failure);
    error.message += ": " + transfer->safe_url;
    const bool permanent = error.kind != ErrorKind::kTransport;
    unanswered(std::move(transfer), std::move(error), permanent);
  } else if (code != CURLE_OK && transfer->address_refused) {
    Error error(ErrorKind::kConfig,
                "the host's address is not a public one, and only those may be contacted "
                "(OCEAN__RUNTIME is Saas; OCEAN__DISABLE_IP_OUTBOUND_BLOCKER lifts it): " +
                    transfer->safe_url);
    unanswered(std::move(transfer), std::move(error), true);
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

/// Tells the host's pacer and concurrency limit how an attempt ended.
void HttpClient::Loop::note_ending(Host& host, const Transfer& transfer, CURLcode code, SteadyClock::time_point now) {
  Pacer::Ending ending{.group = transfer.lane, .sent = transfer.started, .status = transfer.status};
  if (transfer.status != 0) {
    const auto wall = wall_clock(transfer);
    ending.reports = read_quota_headers(transfer.headers, wall);
    if (transfer.status == 429) {
      const auto asked = requested_delay(transfer.headers, wall);
      ending.paused_until = now + retry_delay(options_.retry, transfer.attempts, asked, 0.5);
    }
  }
  host.pacer.ended(ending, now, host.in_flight);
  if (transfer.failure && transfer.failure->kind != ErrorKind::kTransport) return;  // We broke it off.
  auto outcome = ConcurrencyLimit::Outcome::kServed;
  if (code != CURLE_OK || transfer.failure || is_overload(transfer.status))
    outcome = ConcurrencyLimit::Outcome::kBroken;
  if (transfer.status == 429) {
    // A spent quota says nothing about how many requests at once are too many.
    const auto spent = [](const QuotaReport& report) { return report.remaining == 0; };
    if (std::any_of(ending.reports.begin(), ending.reports.end(), spent)) return;
    outcome = ConcurrencyLimit::Outcome::kRefused;
  }
  host.concurrency.ended(outcome, transfer.started, now, host.in_flight);
}

bool HttpClient::Loop::attempts_left(const Transfer& transfer) const noexcept {
  // The attempt that renewed the credentials is not one of those that the policy counts.
  const int most =
      transfer.max_attempts > 0 ? std::min(transfer.max_attempts, options_.retry.attempts) : options_.retry.attempts;
  return phase_ == Phase::kRunning && transfer.attempts < most + (transfer.refreshed ? 1 : 0) &&
         may_repeat(transfer.request);
}

void HttpClient::Loop::unanswered(std::unique_ptr<Transfer> transfer, Error error, bool permanent) {
  if (options_.wire != nullptr) {
    AttemptEnding ending{.status = transfer->status, .headers = transfer->headers, .body = nullptr, .failure = error};
    ending.permanent = permanent;
    tell(*transfer, std::move(ending));
  }
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
  const auto tell_of_refusal = [&] {
    if (options_.wire == nullptr) return;
    tell(*transfer, {.status = status,
                     .headers = response.headers,
                     .body = pipeline::make_page(transfer->body.view().substr(0, kToldBytes)),
                     .failure = {}});
  };
  if (status >= 400) {
    const auto asked = requested_delay(response.headers, wall_clock(*transfer));
    const milliseconds delay = retry_delay(options_.retry, transfer->attempts, asked, unit_random());
    if (pauses_host(status, asked.has_value())) pause(*transfer->host, delay);
    if (is_retried_status(transfer->request.method, status) && attempts_left(*transfer)) {
      tell_of_refusal();
      return retry(std::move(transfer), fmt::format("HTTP {}", status), delay);
    }
    if (status == 401 && transfer->session != nullptr) {
      AuthSession& session = *transfer->session;
      if (session.generation == transfer->credentials_generation) session.credentials.reset();
      if (!transfer->refreshed && phase_ == Phase::kRunning && may_repeat(transfer->request)) {
        transfer->refreshed = true;
        tell_of_refusal();
        transfer->restart();
        return enqueue(std::move(transfer));
      }
    }
  }
  response.body = status == 304 ? transfer->body.finish_for_another() : transfer->body.finish();
  if (options_.wire != nullptr) {
    tell(*transfer, {.status = status, .headers = response.headers, .body = response.body, .failure = {}});
  }
  if (transfer->token_for != nullptr) return token_answered(std::move(transfer), std::move(response));
  deliver(*transfer, std::move(response));
}

void HttpClient::Loop::retry(std::unique_ptr<Transfer> transfer, std::string_view why, milliseconds delay) {
  if (options_.on_retry) options_.on_retry(transfer->safe_url, why, delay, transfer->attempts);
  transfer->restart();
  arm(now() + delay, std::move(transfer), nullptr);
}

void HttpClient::Loop::pause(Host& host, milliseconds delay) {
  const auto now = this->now();
  const auto until = now + delay;
  if (until <= host.paused_until) return;
  const auto added = until - std::max(now, host.paused_until);
  host.paused_until = until;
  const std::lock_guard lock(metrics_mutex_);
  host.metrics.paused += added;
  host.metrics.paused_until = until;
}

}  // namespace riptide::stages

#include "reading_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "compose/src/local_reading.hpp"
#include "riptide/json/structurals.hpp"
#include "riptide/pipeline/cores.hpp"
#include "riptide/stages/file_reader.hpp"
#include "riptide/stages/http_client.hpp"
#include "riptide/stages/revalidating_transport.hpp"

namespace riptide::stages {
namespace {

using pipeline::Concurrency;

/// Before the first answers tell how large a body is.
constexpr std::size_t kFirstBodyCredit = 256u << 10;
/// Files that are read side by side: a file is read by one thread at a time, which is faster than a core maps.
constexpr std::size_t kMostFileThreads = 4;
/// Answers are handed to the workers together: a worker that is woken for every page spins in between.
constexpr milliseconds kHandOverDelay{2};

}  // namespace

ReadingSide::ReadingSide(RunState& state, std::vector<ReadingSource> sources, const riptide::JoinedSources* joined)
    : state_(state),
      book_(state.source != nullptr && state.source->reads_files() ? kMostFileThreads : 0),
      // Idle buffers are memory too: about what the pages in flight take at their usual size.
      page_buffers_(state.options.memory_bytes / 8),
      body_credit_(kFirstBodyCredit),
      sources_(std::move(sources)),
      joined_(joined) {}

void ReadingSide::build(pipeline::Graph& graph) {
  graph_ = &graph;
  fetch_ = graph.async<AdmittedRequest, FetchedPage>(
      {.name = "fetch",
       .says = state_.source->reads_files()
                   ? fmt::format("files, at most {} at once", kMostFileThreads)
                   : fmt::format("HTTP, {} requests in flight a host, retries as timers", state_.options.in_flight),
       .waiting_on = [this] { return std::string(waits_for_.load(std::memory_order_relaxed)); }},
      [this](std::shared_ptr<AdmittedRequest> admitted, pipeline::Completion<FetchedPage> completion) {
        send_request(std::move(admitted), std::move(completion));
      });
  paginate_ = graph.stage<FetchedPage, ReadPage>(
      {.name = "paginate", .says = "finds the records of a page and the requests that follow"},
      [this](std::shared_ptr<FetchedPage> page, pipeline::Emit<ReadPage> emit) { read_page(*page, emit); });
  graph.edge(*fetch_, *paginate_, "page");
  state_.pages.on_release([this] { admit(); });
  state_.body_bytes.on_release([this] { admit(); });
}

Result<void> ReadingSide::open() {
  for (const ReadingSource& source : sources_) {
    auto transport = transport_of(source);
    if (!transport) return pipeline::unexpected(std::move(transport).error());
    transports_.push_back(std::move(*transport));
  }
  return {};
}

Result<std::unique_ptr<Transport>> ReadingSide::transport_of(const ReadingSource& source) {
  const riptide::SourceOptions& options = source.options;
  if (source.local != nullptr) {
    return std::unique_ptr<Transport>(
        std::make_unique<riptide::LocalReaders>(source.local, options.retry, state_.body_bytes));
  }
  if (source.source->reads_files()) {
    auto reader = FileReader::start(
        {.name = sources_.size() == 1 ? "source" : source.name,
         .threads = std::clamp<std::size_t>(static_cast<std::size_t>(pipeline::cores_allowed()), 2, kMostFileThreads),
         .max_body_bytes = state_.body_bytes.capacity(),
         .body_credits = &state_.body_bytes,
         .pages = &page_buffers_});
    if (!reader) return pipeline::unexpected(std::move(reader).error());
    return std::unique_ptr<Transport>(std::move(*reader));
  }
  HttpClientOptions client_options =
      state_.client_options(sources_.size() == 1 ? "source" : source.name,
                            options.in_flight != 0 ? options.in_flight : state_.options.in_flight, options.retry,
                            options.timeout, options.verify_tls);
  client_options.least_in_flight_per_host = options.least_in_flight;
  client_options.allow_private_addresses = options.allow_private_addresses;
  client_options.http2 = options.http2;
  client_options.wire = options.wire.get();
  client_options.host_limits = source.source->host_limits();
  client_options.hand_over_delay = kHandOverDelay;
  client_options.body_credits = &state_.body_bytes;
  client_options.pages = &page_buffers_;
  client_options.max_body_bytes = state_.body_bytes.capacity();
  auto client = HttpClient::start(std::move(client_options));
  if (!client) return pipeline::unexpected(std::move(client).error());
  std::unique_ptr<Transport> transport = std::move(*client);
  if (state_.remembered_pages) {
    transport = revalidating(std::move(transport), state_.remembered_pages, &page_buffers_);
  }
  return transport;
}

std::size_t ReadingSide::source_of(const Request& request) const noexcept {
  return joined_ != nullptr ? joined_->part_of(request) : 0;
}

void ReadingSide::start(std::vector<Request> requests) {
  book_.start(std::move(requests));
  admit();
}

void ReadingSide::close() {
  closed_.store(true, std::memory_order_release);  // The token's return must not admit anybody.
  spare_token_.reset();
}

void ReadingSide::stop(pipeline::Stop::Urgency urgency) {
  book_.stop(state_.stop->reason().value_or(Error(ErrorKind::kStopped, "stopped")));
  for (const auto& transport : transports_) {
    if (urgency == pipeline::Stop::Urgency::kAbort) {
      transport->abort();
    } else {
      transport->drain();
    }
  }
}

std::vector<HostStats> ReadingSide::host_stats() const {
  std::vector<HostStats> stats;
  for (const auto& transport : transports_) {
    for (HostStats& host : transport->stats()) stats.push_back(std::move(host));
  }
  if (!stats.empty()) stats.front().retries += malformed_retries_.load(std::memory_order_relaxed);
  return stats;
}

void ReadingSide::admit() noexcept {
  if (closed_.load(std::memory_order_acquire)) return;
  if (admissions_.fetch_add(1, std::memory_order_acq_rel) != 0) return;
  int calls = 1;
  do {
    admit_all();
    calls = admissions_.fetch_sub(calls, std::memory_order_acq_rel) - calls;
  } while (calls != 0);
}

void ReadingSide::admit_all() noexcept {
  while (true) {
    if (state_.stop->requested()) {
      book_.stop(state_.stop->reason().value_or(Error(ErrorKind::kStopped, "stopped")));
      return;
    }
    // A token that found no request or no memory is kept here for the next time: giving it back would call us again.
    if (!spare_token_) spare_token_ = state_.pages.try_take(1);
    if (!spare_token_) {
      waits_for_.store("page tokens", std::memory_order_relaxed);
      return;
    }
    auto pending = book_.next();
    if (!pending) {
      waits_for_.store("source", std::memory_order_relaxed);
      return;
    }
    auto body =
        state_.body_bytes.try_take(std::max(pending->body_credit, body_credit_.load(std::memory_order_relaxed)));
    if (!body) {
      waits_for_.store("page memory", std::memory_order_relaxed);
      book_.put_back(std::move(*pending));
      return;
    }
    auto admitted = std::make_shared<AdmittedRequest>();
    admitted->pending = std::move(*pending);
    admitted->token = std::move(*spare_token_);
    admitted->body = std::move(*body);
    spare_token_.reset();
    graph_->put(*fetch_, std::move(admitted));
  }
}

void ReadingSide::send_request(std::shared_ptr<AdmittedRequest> admitted,
                               pipeline::Completion<FetchedPage> completion) {
  Send send;
  const std::size_t number = source_of(admitted->pending.request);
  send.request = state_.source->render(admitted->pending.request);
  if (send.request.auth == nullptr) send.request.auth = state_.source->auth();
  send.credit = std::move(admitted->body);
  send.not_before = admitted->pending.not_before;
  send.fresh = admitted->pending.asked_again > 0;  // What is remembered would be as unreadable as before.
  auto shared = std::make_shared<pipeline::Completion<FetchedPage>>(std::move(completion));
  send.done = [admitted = std::move(admitted), shared](Result<HttpResponse> answer) {
    shared->emit(
        std::make_shared<FetchedPage>(std::move(admitted->pending), std::move(admitted->token), std::move(answer)));
    shared->finish();
  };
  transports_[number]->send(std::move(send));
}

void ReadingSide::read_page(FetchedPage& fetched, const pipeline::Emit<ReadPage>& emit) {
  if (!fetched.answer) {
    page_without_answer(fetched);
  } else {
    const HttpResponse& response = *fetched.answer;
    learn_body_size(response.body ? response.body->capacity() : 0);
    auto document = state_.documents.borrow();
    auto step = step_of(fetched, *document);
    if (!step && step.error().kind == ErrorKind::kMalformed && repair_utf8(*fetched.answer)) {
      step = step_of(fetched, *document);
    }
    if (step) {
      page_of(fetched, std::move(*step), emit);
    } else {
      page_unreadable(fetched, std::move(step).error());
    }
  }
  fetched.token.release();
  admit();
}

/// Sources may be anybody's: what one throws costs the page.
Result<PageStep> ReadingSide::step_of(const FetchedPage& fetched, json::Document& document) const {
  try {
    return state_.source->read(fetched.pending.request, *fetched.answer, document);
  } catch (const std::exception& thrown) {
    return pipeline::unexpected(ErrorKind::kInternal, fmt::format("reading the answer threw: {}", thrown.what()));
  }
}

/// Puts a copy in the place of a body that is not UTF-8, with U+FFFD for what is none. False if it is UTF-8.
bool ReadingSide::repair_utf8(HttpResponse& response) {
  if (!response.body) return false;
  std::string text;
  json::append_repaired_utf8(response.body->view(), text);
  if (text == response.body->view()) return false;
  std::shared_ptr<pipeline::PageBuffer> repaired = page_buffers_.take();
  repaired->credit = state_.body_bytes.take(text.size());  // The body's own comes home with it.
  repaired->append(text);
  response.body = std::move(repaired);
  if (!said_repaired_.exchange(true, std::memory_order_relaxed)) {
    state_.say(LogLevel::kWarning, fmt::format("not UTF-8, read with U+FFFD for every invalid byte sequence (said once "
                                               "a run): {}",
                                               response.safe_url));
  }
  return true;
}

void ReadingSide::page_of(FetchedPage& fetched, PageStep step, const pipeline::Emit<ReadPage>& emit) {
  const HttpResponse& response = *fetched.answer;
  const ScopeRef& spec = fetched.pending.request.scope;
  const std::size_t bytes_in = response.body && !response.remembered ? response.body->size() : 0;
  for (const std::uint32_t resource : spec->resources) {
    state_.ledger.page(resource, step.records.spans.size(), bytes_in);
  }
  std::vector<Request> next;
  if (state_.tickets) next = step.next;
  ScopeBook::PageRead read = book_.page_read(fetched.pending, step);
  if (!read.notice.empty()) state_.note(std::move(read.notice));
  if (!read.failure.empty()) say_failure(*spec, read.failure);
  std::uint32_t ticket = 0;
  if (state_.tickets) {
    ticket = state_.tickets->open({fetched.pending.scope, fetched.pending.request, std::move(read.head), read.place,
                                   step.edges, std::move(next), step.records.spans.size(),
                                   bytes_in});
  }
  if (step.records.spans.empty() || spec->resources.empty()) {
    if (ticket != 0) state_.tickets->mapped(ticket, {});
    return;
  }
  auto page = std::make_shared<ReadPage>();
  page->page = step.page ? charged(std::move(step.page)) : response.body;
  page->records = std::move(step.records);
  page->scope = fetched.pending.scope;
  page->ticket = ticket;
  page->begins = step.begins;
  page->spec = spec;
  page->token = std::move(fetched.token);
  page->source = static_cast<std::uint32_t>(source_of(fetched.pending.request));
  emit(std::move(page));
}

/// A page that the source made itself, with the credit that its bytes need.
Page ReadingSide::charged(Page made) {
  std::shared_ptr<pipeline::PageBuffer> page = page_buffers_.take();
  page->credit = state_.body_bytes.take(made->size());
  page->append(made->view());
  return page;
}

/// No answer came: the request is asked again with more memory, or its scope stays open.
void ReadingSide::page_without_answer(FetchedPage& fetched) {
  Error error = std::move(fetched.answer).error();
  if (error.kind == ErrorKind::kLimit && error.retry.when != pipeline::Retry::When::kNever) {
    PendingRequest again = std::move(fetched.pending);
    again.body_credit = std::min(state_.body_bytes.capacity(), std::max(again.body_credit, body_credit_.load()) * 2);
    book_.put_back(std::move(again));
    return;
  }
  page_failed(fetched.pending, error);
}

/// An answer that is not what it should be: asked again like a 503, then an error.
void ReadingSide::page_unreadable(FetchedPage& fetched, Error error) {
  const RetryPolicy& retry = sources_[source_of(fetched.pending.request)].options.retry;
  if (error.kind == ErrorKind::kMalformed && fetched.pending.asked_again + 1 < retry.attempts &&
      !state_.stop->requested()) {
    PendingRequest again = std::move(fetched.pending);
    again.not_before = std::min(retry.cap, milliseconds(retry.base.count() << std::min(again.asked_again, 20)));
    ++again.asked_again;
    malformed_retries_.fetch_add(1, std::memory_order_relaxed);
    state_.say(LogLevel::kDebug, fmt::format("asking again in {} ms: {}", again.not_before.count(), error.message));
    book_.put_back(std::move(again));
    return;
  }
  page_failed(fetched.pending, error);
}

void ReadingSide::page_failed(const PendingRequest& pending, const Error& error) {
  book_.page_failed(pending, error);
  if (error.kind == ErrorKind::kStopped) return;
  say_failure(*pending.request.scope, error.message);
}

void ReadingSide::say_failure(const ScopeSpec& spec, const std::string& message) {
  const auto& concerned = spec.resources.empty() ? spec.dependents : spec.resources;
  const std::string kind = concerned.empty() ? std::string() : state_.kind_of(concerned.front());
  state_.say(LogLevel::kError, fmt::format("{} of {}: {}", kind, spec.partition, message));
  state_.errors.add({kind, {}, {}, "fetch", fmt::format("{}: {}", spec.partition, message), 1});
}

void ReadingSide::learn_body_size(std::size_t bytes) noexcept {
  // The largest seen so far: too much credit costs concurrency only when memory is short, too little an aborted body.
  std::size_t known = body_credit_.load(std::memory_order_relaxed);
  while (known < bytes && !body_credit_.compare_exchange_weak(known, bytes, std::memory_order_relaxed)) {
  }
}

}  // namespace riptide::stages

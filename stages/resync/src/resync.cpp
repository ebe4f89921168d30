#include "riptide/stages/resync.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <variant>

#include "batch/batcher.hpp"
#include "ledger.hpp"
#include "loan_pool.hpp"
#include "paginate/scope_book.hpp"
#include "reconcile/catalogues.hpp"
#include "reconcile/reconcile.hpp"
#include "riptide/pipeline/check.hpp"
#include "riptide/pipeline/peak_memory.hpp"
#include "riptide/pipeline/seen_set.hpp"
#include "upload/local_writer.hpp"
#include "upload/valve.hpp"

namespace riptide::stages {
namespace {

using pipeline::Completion;
using pipeline::Concurrency;
using pipeline::Credit;
using pipeline::CreditPool;
using pipeline::Emit;
using pipeline::NodeSpec;
using Clock = std::chrono::steady_clock;

/// Before the first answers tell how large a body is.
constexpr std::size_t kFirstBodyCredit = 256u << 10;
/// Pages that are admitted for each request in flight: one on its way, one waiting for its turn at the host, so that a
/// connection never idles while a page is mapped.
constexpr std::size_t kPagesPerRequest = 2;
/// Answers are handed to the workers together: a worker that is woken for every page spins in between.
constexpr milliseconds kHandOverDelay{2};
/// Full batches that may wait for the one writer of a local sink.
constexpr std::size_t kLocalBatches = 8;
constexpr std::size_t kMaxOpenScopesInReport = 1000;

// --- what travels the graph ---------------------------------------------------------------------------------------

/// frontier -> fetch
struct AdmittedRequest {
  PendingRequest pending;
  Credit token;  ///< One page.
  Credit body;   ///< Bytes of the expected body.
};

/// fetch -> paginate
struct FetchedPage {
  FetchedPage(PendingRequest request, Credit page_token, Result<HttpResponse> result)
      : pending(std::move(request)), token(std::move(page_token)), answer(std::move(result)) {}
  PendingRequest pending;
  Credit token;
  Result<HttpResponse> answer;
};

/// paginate -> budget -> transform
struct ReadPage {
  Page page;
  pipeline::RecordSet records;
  std::uint32_t scope = 0;
  ScopeRef spec;
  Credit token;
  Credit credit;  ///< For the entities to come; given by the valve.
};

/// transform -> batch, and the calls to let partial batches go.
struct MappedBlock {
  enum class Flush { kNone, kAll, kOlder, kStarved };
  pipeline::EntityBuffer entities;
  Credit credit;
  Flush flush = Flush::kNone;
};

/// upload -> settle
struct Answer {
  std::shared_ptr<Batch> batch;
  std::variant<Result<HttpResponse>, Result<std::vector<Outcome>>> what;
};

std::string new_run_id() {
  std::random_device device;
  std::mt19937_64 random((static_cast<std::uint64_t>(device()) << 32) ^ device());
  const std::uint64_t high = random();
  const std::uint64_t low = random();
  // A version 4 UUID: Port files the run under it.
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xfff,
                     8 + ((low >> 62) & 3), (low >> 48) & 0xfff, low & 0xffffffffffff);
}

int cores_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// Bytes of entities on their way that keep every sink busy, at most `most`: a queue in front of a slow sink that is
/// longer than that costs memory and brings nothing.
std::size_t batch_memory(std::size_t most, const std::vector<std::unique_ptr<Sink>>& sinks) {
  std::size_t useful = 0;
  for (const auto& sink : sinks) {
    const SinkLimits limits = sink->limits();
    const std::size_t at_once =
        dynamic_cast<const RemoteSink*>(sink.get()) != nullptr ? 2 * limits.max_in_flight : kLocalBatches;
    useful += at_once * std::min(limits.max_bytes, most);
  }
  return std::min(most, useful);
}

/// A sink with its part of the graph.
struct SinkLane {
  SinkLane(std::unique_ptr<Sink> target, std::size_t resources) : sink(std::move(target)), ledger(resources) {
    remote = dynamic_cast<RemoteSink*>(sink.get());
    local = dynamic_cast<LocalSink*>(sink.get());
  }

  std::unique_ptr<Sink> sink;
  RemoteSink* remote = nullptr;
  LocalSink* local = nullptr;
  SinkLedger ledger;
  std::unique_ptr<HttpClient> client;
  std::unique_ptr<LocalWriter> writer;
  std::unique_ptr<Batcher> batcher;
  std::optional<pipeline::Node<MappedBlock, Batch>> batch;
  std::optional<pipeline::Node<Batch, Answer>> upload;
  std::optional<pipeline::Node<Answer, void>> settle;
  std::atomic<std::size_t> in_flight{0};  ///< Batches between batch and settle.
  std::atomic<bool> failed{false};
  std::atomic<bool> identity_unknown{false};  ///< A search identifier that the target did not resolve.
  std::mutex mutex;                           ///< Guards error.
  std::optional<Error> error;
  bool opened = false;
};

}  // namespace

struct Resync::Impl {
  Impl(ResyncParts resync_parts, ResyncOptions resync_options)
      : parts(std::move(resync_parts)),
        options(std::move(resync_options)),
        pages("pages", std::max<std::size_t>(1, options.in_flight * kPagesPerRequest)),
        body_bytes("page memory", options.memory_bytes / 2),
        batch_bytes("batch memory", batch_memory(options.memory_bytes / 2, parts.sinks)),
        // Idle buffers are memory too: as much as the pages in flight would take at their usual size.
        page_buffers(options.memory_bytes / 8),
        ledger(parts.context.kinds),
        documents([] { return json::Document(); }),
        mappers([mapping = parts.mapping] { return transform::Mapper(mapping); }) {}

  // --- building ---------------------------------------------------------------------------------------------------

  Result<void> check() {
    std::vector<SourceResource> wanted;
    const auto& resources = parts.mapping->spec().resources;
    if (options.resources.empty()) {
      for (std::uint32_t i = 0; i < resources.size(); ++i) options.resources.push_back(i);
    }
    for (const std::uint32_t index : options.resources) {
      wanted.push_back({index, resources.at(index).kind, resources.at(index).selector_fields});
    }
    auto started = parts.source->start(wanted);
    if (!started) return pipeline::unexpected(std::move(started).error());
    first_requests = std::move(*started);
    return {};
  }

  void build(pipeline::Stop& run_stop) {
    stop = &run_stop;
    graph = std::make_unique<pipeline::Graph>(
        pipeline::Graph::Options{.title = fmt::format("{} resync", parts.source->type()),
                                 .threads = options.threads > 0 ? options.threads : cores_allowed(),
                                 .stop = stop});

    fetch = graph->async<AdmittedRequest, FetchedPage>(
        NodeSpec{.name = "fetch",
                 .says = fmt::format("HTTP, {} requests in flight a host, retries as timers", options.in_flight),
                 .concurrency = Concurrency::kUnlimited,
                 .waiting_on = [this] { return admission_waits(); }},
        [this](std::shared_ptr<AdmittedRequest> admitted, Completion<FetchedPage> completion) {
          send_request(std::move(admitted), std::move(completion));
        });
    paginate = graph->stage<FetchedPage, ReadPage>(
        NodeSpec{.name = "paginate",
                 .says = "finds the records of a page and the requests that follow",
                 .concurrency = Concurrency::kUnlimited},
        [this](std::shared_ptr<FetchedPage> page, Emit<ReadPage> emit) { read_page(*page, emit); });
    budget = graph->async<ReadPage, ReadPage>(
        NodeSpec{.name = "budget",
                 .says = fmt::format("waits while {} KiB of entities are on their way", batch_bytes.capacity() >> 10),
                 .concurrency = Concurrency::kUnlimited,
                 .waiting_on = [] { return std::string("batch memory"); }},
        [this](std::shared_ptr<ReadPage> page, Completion<ReadPage> completion) {
          const std::size_t amount = expected_entity_bytes(page->page->size());
          valve->pass(std::move(page), amount, std::move(completion));
        });
    transform = graph->stage<ReadPage, MappedBlock>(
        NodeSpec{.name = "transform",
                 .says = "maps records to entities, drops repeats, frees the page",
                 .concurrency = Concurrency::kUnlimited},
        [this](std::shared_ptr<ReadPage> page, Emit<MappedBlock> emit) { map_page(*page, emit); });
    graph->edge(*fetch, *paginate, "page");
    graph->edge(*paginate, *budget, "page + record spans");
    graph->edge(*budget, *transform, "page + record spans");
    named_sinks = 0;
    for (const auto& lane : lanes) add_sink(*lane);
    describe_surroundings();
    valve = std::make_unique<Valve<ReadPage>>(batch_bytes, [this] { flush(MappedBlock::Flush::kStarved); });
    pages.on_release([this] { admit(); });
    body_bytes.on_release([this] { admit(); });
  }

  void add_sink(SinkLane& lane) {
    // Two sinks may have the same name: the graph's nodes may not.
    const std::string suffix =
        lanes.size() == 1 ? std::string() : fmt::format(" {} ({})", ++named_sinks, lane.sink->spec());
    const SinkLimits limits = lane.sink->limits();
    lane.batcher = std::make_unique<Batcher>(limits, batch_bytes);
    lane.batch = graph->stage<MappedBlock, Batch>(
        NodeSpec{.name = "batch" + suffix,
                 .says = fmt::format("at most {} entities and {} KiB{}", limits.max_records, limits.max_bytes >> 10,
                                     limits.one_blueprint ? ", a lane for each blueprint" : ""),
                 .concurrency = Concurrency::kSerial},
        [this, &lane](std::shared_ptr<MappedBlock> block, Emit<Batch> emit) { fill_batches(lane, *block, emit); });
    lane.upload = graph->async<Batch, Answer>(
        NodeSpec{.name = "upload" + suffix,
                 .says = lane.remote != nullptr
                             ? fmt::format("{}, {} batches in flight", lane.sink->spec(), limits.max_in_flight)
                             : fmt::format("{}, one writer", lane.sink->spec()),
                 .concurrency = Concurrency::kUnlimited,
                 .waiting_on = [&lane] { return std::string(lane.sink->spec()); }},
        [this, &lane](std::shared_ptr<Batch> batch, Completion<Answer> completion) {
          upload(lane, std::move(batch), std::move(completion));
        });
    lane.settle = graph->stage<Answer, void>(
        NodeSpec{.name = "settle" + suffix,
                 .says = "an outcome for each entity; credits go home",
                 .concurrency = Concurrency::kUnlimited},
        [this, &lane](std::shared_ptr<Answer> answer, Emit<void>) { settle(lane, *answer); });
    graph->edge(*transform, *lane.batch, "entities");
    graph->edge(*lane.batch, *lane.upload, "batch");
    graph->edge(*lane.upload, *lane.settle, "answer");
  }

  /// What belongs to the picture beside the nodes and edges.
  void describe_surroundings() {
    const std::size_t frontier =
        graph->describe_phase({.name = "frontier",
                               .says = fmt::format("{} pages admitted at most, scopes in turn", pages.capacity()),
                               .concurrency = Concurrency::kSerial});
    graph->describe_edge(frontier, fetch->index(), "request", false);
    graph->describe_edge(paginate->index(), frontier, "new requests", true);
    graph->describe_edge(transform->index(), frontier, "page token", true);
    const std::size_t reconcile_phase =
        graph->describe_phase({.name = "reconcile",
                               .says = options.delete_stale ? "when every scope is closed: deletes what was not seen"
                                                            : "deletes nothing (--no-delete)",
                               .concurrency = Concurrency::kSerial});
    for (const auto& lane : lanes) {
      graph->describe_edge(lane->settle->index(), reconcile_phase, "identities seen", false);
      graph->describe_edge(lane->settle->index(), budget->index(), "batch memory", true);
    }
  }

  // --- frontier -> fetch ------------------------------------------------------------------------------------------

  /// Admits requests as far as page tokens and memory allow. Any thread; called whenever credit comes home or requests
  /// come in. One caller works, the others only make it look again.
  void admit() noexcept {
    if (done.load(std::memory_order_acquire)) return;
    if (admissions.fetch_add(1, std::memory_order_acq_rel) != 0) return;
    int calls = 1;
    do {
      admit_all();
      calls = admissions.fetch_sub(calls, std::memory_order_acq_rel) - calls;
    } while (calls != 0);
  }

  void admit_all() noexcept {
    while (true) {
      if (stop->requested()) {
        book.stop(stop->reason().value_or(Error(ErrorKind::kStopped, "stopped")));
        return;
      }
      // A token that found no request or no memory is kept here for the next time: giving it back would call us again.
      if (!spare_token) spare_token = pages.try_take(1);
      if (!spare_token) {
        waits_for.store("page tokens", std::memory_order_relaxed);
        return;
      }
      auto pending = book.next();
      if (!pending) {
        waits_for.store("source", std::memory_order_relaxed);
        return;
      }
      auto body = body_bytes.try_take(std::max(pending->body_credit, body_credit.load(std::memory_order_relaxed)));
      if (!body) {
        waits_for.store("page memory", std::memory_order_relaxed);
        book.put_back(std::move(*pending));
        return;
      }
      auto admitted = std::make_shared<AdmittedRequest>();
      admitted->pending = std::move(*pending);
      admitted->token = std::move(*spare_token);
      admitted->body = std::move(*body);
      spare_token.reset();
      graph->put(*fetch, std::move(admitted));
    }
  }

  [[nodiscard]] std::string admission_waits() const { return waits_for.load(std::memory_order_relaxed); }

  void send_request(std::shared_ptr<AdmittedRequest> admitted, Completion<FetchedPage> completion) {
    Send send;
    send.request = parts.source->render(admitted->pending.request);
    if (send.request.auth == nullptr) send.request.auth = parts.source->auth();
    send.credit = std::move(admitted->body);
    send.not_before = admitted->pending.not_before;
    auto shared = std::make_shared<Completion<FetchedPage>>(std::move(completion));
    send.done = [admitted = std::move(admitted), shared](Result<HttpResponse> answer) {
      shared->emit(
          std::make_shared<FetchedPage>(std::move(admitted->pending), std::move(admitted->token), std::move(answer)));
      shared->finish();
    };
    source_client->send(std::move(send));
  }

  // --- paginate ---------------------------------------------------------------------------------------------------

  void read_page(FetchedPage& fetched, const Emit<ReadPage>& emit) {
    if (!fetched.answer) {
      page_without_answer(fetched);
    } else {
      const HttpResponse& response = *fetched.answer;
      learn_body_size(response.body ? response.body->capacity() : 0);
      auto document = documents.borrow();
      auto step = parts.source->read(fetched.pending.request, response, *document);
      if (step) {
        page_of(fetched, std::move(*step), emit);
      } else {
        page_unreadable(fetched, std::move(step).error());
      }
    }
    fetched.token.release();
    admit();
  }

  void page_of(FetchedPage& fetched, PageStep step, const Emit<ReadPage>& emit) {
    const HttpResponse& response = *fetched.answer;
    const ScopeRef& spec = fetched.pending.request.scope;
    for (const std::uint32_t resource : spec->resources) {
      ledger.page(resource, step.records.spans.size(), response.body ? response.body->size() : 0);
    }
    std::string notice = book.page_read(fetched.pending, step);
    if (!notice.empty()) note(std::move(notice));
    if (step.records.spans.empty() || spec->resources.empty()) return;
    auto page = std::make_shared<ReadPage>();
    page->page = response.body;
    page->records = std::move(step.records);
    page->scope = fetched.pending.scope;
    page->spec = spec;
    page->token = std::move(fetched.token);
    emit(std::move(page));
  }

  /// No answer came: the request is asked again with more memory, or its scope stays open.
  void page_without_answer(FetchedPage& fetched) {
    Error error = std::move(fetched.answer).error();
    if (error.kind == ErrorKind::kLimit && error.retry.when != pipeline::Retry::When::kNever) {
      PendingRequest again = std::move(fetched.pending);
      again.body_credit = std::min(body_bytes.capacity(), std::max(again.body_credit, body_credit.load()) * 2);
      book.put_back(std::move(again));
      return;
    }
    page_failed(fetched.pending, error);
  }

  /// An answer that is not what it should be: asked again like a 503, then an error.
  void page_unreadable(FetchedPage& fetched, Error error) {
    if (error.kind == ErrorKind::kMalformed && fetched.pending.asked_again + 1 < options.source_retry.attempts &&
        !stop->requested()) {
      PendingRequest again = std::move(fetched.pending);
      again.not_before = std::min(options.source_retry.cap,
                                  milliseconds(options.source_retry.base.count() << std::min(again.asked_again, 20)));
      ++again.asked_again;
      malformed_retries.fetch_add(1, std::memory_order_relaxed);
      say(LogLevel::kDebug, fmt::format("asking again in {} ms: {}", again.not_before.count(), error.message));
      book.put_back(std::move(again));
      return;
    }
    page_failed(fetched.pending, error);
  }

  void page_failed(const PendingRequest& pending, const Error& error) {
    book.page_failed(pending, error);
    if (error.kind == ErrorKind::kStopped) return;
    const ScopeSpec& spec = *pending.request.scope;
    const auto& concerned = spec.resources.empty() ? spec.dependents : spec.resources;
    const std::string kind = concerned.empty() ? std::string() : kind_of(concerned.front());
    say(LogLevel::kError, fmt::format("{} of {}: {}", kind, spec.partition, error.message));
    errors.add({kind, {}, {}, "fetch", fmt::format("{}: {}", spec.partition, error.message), 1});
  }

  void learn_body_size(std::size_t bytes) noexcept {
    // The largest seen so far: too much credit costs concurrency only when memory is short, too little an aborted body.
    std::size_t known = body_credit.load(std::memory_order_relaxed);
    while (known < bytes && !body_credit.compare_exchange_weak(known, bytes, std::memory_order_relaxed)) {
    }
  }

  // --- transform --------------------------------------------------------------------------------------------------

  [[nodiscard]] std::size_t expected_entity_bytes(std::size_t page_bytes) const noexcept {
    // Per mille of the page that its entities took so far, for each sink's copy.
    const std::size_t share = entity_share.load(std::memory_order_relaxed);
    return std::max<std::size_t>(1, page_bytes / 1000 * share * lanes.size());
  }

  void map_page(ReadPage& read, const Emit<MappedBlock>& emit) {
    transform::MappedPage mapped;
    {
      auto mapper = mappers.borrow();
      for (const std::uint32_t resource : read.spec->resources) mapper->map(resource, read.page, read.records, mapped);
    }
    const std::size_t page_bytes = read.page->size();
    read.page.reset();
    read.token.release();
    ledger.mapped(mapped);
    report_faults(mapped, read.scope);
    drop_repeats(mapped, read.scope);

    auto block = std::make_shared<MappedBlock>();
    block->entities = std::move(mapped.entities);
    block->credit = std::move(read.credit);
    block->credit.resize(block->entities.bytes.size() * lanes.size());
    if (page_bytes >= 1000)
      entity_share.store(std::max<std::size_t>(1, block->entities.bytes.size() / (page_bytes / 1000)),
                         std::memory_order_relaxed);
    if (block->entities.entities.empty()) {
      block->credit.release();
      return;
    }
    emit(std::move(block));
  }

  void report_faults(const transform::MappedPage& mapped, std::uint32_t scope) {
    for (const transform::MappingFault& fault : mapped.faults) {
      errors.add({kind_of(fault.resource),
                  {},
                  {},
                  "transform",
                  fmt::format("{}: {}", book.partition(scope), fault.message),
                  1});
    }
  }

  /// Repeats within a scope: the same contents go no further, other contents travel on and the last one stays.
  void drop_repeats(transform::MappedPage& mapped, std::uint32_t scope) {
    auto& entities = mapped.entities.entities;
    std::vector<std::uint64_t> dropped;
    std::erase_if(entities, [&](pipeline::Entity& entity) {
      entity.scope = scope;
      const std::string_view json = mapped.entities.json(entity);
      const auto contents = static_cast<std::uint32_t>(XXH3_64bits(json.data(), json.size()));
      switch (seen.note(entity.identity, scope * resource_stride() + entity.resource, contents)) {
        case pipeline::SeenSet::Sighting::kNew:
          return false;
        case pipeline::SeenSet::Sighting::kChanged:
          entity.duplicate = true;
          return false;
        case pipeline::SeenSet::Sighting::kSame:
          break;
      }
      if (dropped.size() <= entity.resource) dropped.resize(entity.resource + 1);
      ++dropped[entity.resource];
      return true;
    });
    for (std::uint32_t resource = 0; resource < dropped.size(); ++resource) {
      if (dropped[resource] != 0) ledger.duplicates(resource, dropped[resource]);
    }
  }

  /// A scope is (resource, partition) where repeats are concerned: two resources may make the same entity of a record.
  [[nodiscard]] std::uint32_t resource_stride() const noexcept {
    return static_cast<std::uint32_t>(parts.context.kinds.size());
  }

  // --- batch, upload, settle --------------------------------------------------------------------------------------

  void fill_batches(SinkLane& lane, MappedBlock& block, const Emit<Batch>& emit) {
    std::vector<std::shared_ptr<Batch>> full;
    const auto now = Clock::now();
    switch (block.flush) {
      case MappedBlock::Flush::kNone:
        for (const pipeline::Entity& entity : block.entities.entities)
          lane.batcher->add(block.entities, entity, now, full);
        break;
      case MappedBlock::Flush::kAll:
        lane.batcher->flush(full);
        break;
      case MappedBlock::Flush::kOlder:
        lane.batcher->flush_older(now - options.batch_age, full);
        break;
      case MappedBlock::Flush::kStarved:
        // Batches on their way will bring credit home; only when there are none must the partial ones go.
        if (lane.in_flight.load(std::memory_order_acquire) == 0) lane.batcher->flush(full);
        break;
    }
    lane.in_flight.fetch_add(full.size(), std::memory_order_acq_rel);
    for (auto& batch : full) emit(std::move(batch));
  }

  void upload(SinkLane& lane, std::shared_ptr<Batch> batch, Completion<Answer> completion) {
    auto shared = std::make_shared<Completion<Answer>>(std::move(completion));
    const auto finish = [shared, batch](auto what) {
      auto answer = std::make_shared<Answer>(Answer{batch, std::move(what)});
      shared->emit(std::move(answer));
      shared->finish();
    };
    if (lane.failed.load(std::memory_order_acquire) || stop->aborting()) {
      finish(Result<std::vector<Outcome>>(pipeline::unexpected(ErrorKind::kStopped, "not sent")));
      return;
    }
    lane.ledger.request(*batch);
    if (lane.local != nullptr) {
      lane.writer->write(batch, finish);
      return;
    }
    Send send;
    send.request = lane.remote->encode(*batch);
    if (send.request.auth == nullptr) send.request.auth = lane.remote->auth();
    send.done = finish;
    lane.client->send(std::move(send));
  }

  void settle(SinkLane& lane, Answer& answer) {
    Batch& batch = *answer.batch;
    Result<std::vector<Outcome>> outcomes = outcomes_of(lane, answer);
    if (outcomes) {
      if (!outcomes->empty()) enter_outcomes(lane, batch, *outcomes);
    } else {
      lane.ledger.abandoned(batch);
      fail(lane, std::move(outcomes).error());
    }
    // In this order: who is woken by the credit must find the batch gone.
    lane.in_flight.fetch_sub(1, std::memory_order_acq_rel);
    batch.credit.release();
  }

  /// Outcomes of a batch; none when it was split and its halves are on their way.
  Result<std::vector<Outcome>> outcomes_of(SinkLane& lane, Answer& answer) {
    if (auto* local = std::get_if<Result<std::vector<Outcome>>>(&answer.what)) {
      if (*local && (*local)->size() != answer.batch->entities.size()) {
        return pipeline::unexpected(ErrorKind::kInternal,
                                    fmt::format("sink {} gave {} outcomes for {} entities", lane.sink->spec(),
                                                (*local)->size(), answer.batch->entities.size()));
      }
      return std::move(*local);
    }
    auto& response = std::get<Result<HttpResponse>>(answer.what);
    if (!response) return pipeline::unexpected(std::move(response).error());
    auto document = documents.borrow();
    auto read = lane.remote->read(*answer.batch, *response, *document);
    if (!read) return pipeline::unexpected(std::move(read).error());
    if (read->split && answer.batch->entities.size() > 1) {
      auto [first, second] = split(*answer.batch, batch_bytes);
      lane.in_flight.fetch_add(2, std::memory_order_acq_rel);
      graph->put(*lane.upload, std::move(first));
      graph->put(*lane.upload, std::move(second));
      return std::vector<Outcome>();
    }
    if (read->outcomes.size() != answer.batch->entities.size()) {
      return pipeline::unexpected(ErrorKind::kMalformed,
                                  fmt::format("the target answered for {} of {} entities: {}", read->outcomes.size(),
                                              answer.batch->entities.size(), response->safe_url));
    }
    return std::move(read->outcomes);
  }

  void enter_outcomes(SinkLane& lane, const Batch& batch, const std::vector<Outcome>& outcomes) {
    lane.ledger.settled(batch, outcomes);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const pipeline::Entity& entity = batch.entities[i];
      if (entity.searched) note_searched(lane, batch, entity, outcomes[i]);
      if (outcomes[i].kind != Outcome::Kind::kRejected) continue;
      errors.add({kind_of(entity.resource), text_of(batch.part(entity, entity.identifier)),
                  text_of(batch.part(entity, entity.blueprint)), "upload", outcomes[i].message, 1});
    }
  }

  /// Only the target knows which entity a search found: what it returned was seen.
  void note_searched(SinkLane& lane, const Batch& batch, const pipeline::Entity& entity, const Outcome& outcome) {
    if (!outcome.identifier.empty()) {
      seen.note(pipeline::identity_digest(text_of(batch.part(entity, entity.blueprint)), outcome.identifier),
                entity.scope * resource_stride() + entity.resource, 0);
    } else if (lane.remote != nullptr && batch.part(entity, entity.identifier).starts_with('{')) {
      lane.identity_unknown.store(true, std::memory_order_relaxed);
    }
  }

  [[nodiscard]] static std::string text_of(std::string_view raw) {
    if (raw.starts_with('"')) {
      if (auto text = json::decoded(raw)) return std::move(*text);
    }
    return std::string(raw);
  }

  void fail(SinkLane& lane, Error error) {
    {
      const std::lock_guard lock(lane.mutex);
      // What was given up because of the first error says nothing new.
      if (!lane.error && !(error.kind == ErrorKind::kStopped && stop->requested())) {
        say(LogLevel::kError, fmt::format("sink {}: {}", lane.sink->spec(), error.message));
        errors.add({{}, {}, {}, "upload", fmt::format("{}: {}", lane.sink->spec(), error.message), 1});
        lane.error = std::move(error);
      }
    }
    if (lane.failed.exchange(true, std::memory_order_acq_rel)) return;
    const bool any_left =
        std::any_of(lanes.begin(), lanes.end(), [](const auto& other) { return !other->failed.load(); });
    // With no sink left, reading on helps nobody.
    if (!any_left) stop->request(Error(ErrorKind::kStopped, "no sink takes anything any more"));
  }

  void flush(MappedBlock::Flush how) {
    for (const auto& lane : lanes) {
      auto call = std::make_shared<MappedBlock>();
      call->flush = how;
      graph->put(*lane->batch, std::move(call));
    }
  }

  // --- the run ----------------------------------------------------------------------------------------------------

  Result<void> open_sinks() {
    for (const auto& lane : lanes) {
      if (lane->local != nullptr) {
        lane->local->set_scope_names([this](std::uint32_t scope) { return book.partition(scope); });
        auto opened = lane->local->open();
        if (!opened && opened.error().kind == ErrorKind::kConfig) return opened;
        if (!opened) {
          fail(*lane, std::move(opened).error());
          continue;
        }
        lane->writer = std::make_unique<LocalWriter>(*lane->local);
      } else {
        auto client = HttpClient::start(client_options("sink", lane->sink->limits().max_in_flight, options.sink_retry,
                                                       options.sink_timeout, options.verify_sink_tls));
        if (!client) return pipeline::unexpected(std::move(client).error());
        lane->client = std::move(*client);
      }
      lane->opened = true;
    }
    HttpClientOptions source = client_options("source", options.in_flight, options.source_retry, options.source_timeout,
                                              options.verify_source_tls);
    source.hand_over_delay = kHandOverDelay;
    source.body_credits = &body_bytes;
    source.pages = &page_buffers;
    source.max_body_bytes = body_bytes.capacity();
    auto client = HttpClient::start(std::move(source));
    if (!client) return pipeline::unexpected(std::move(client).error());
    source_client = std::move(*client);
    return {};
  }

  HttpClientOptions client_options(std::string name, std::size_t in_flight, const RetryPolicy& retry,
                                   milliseconds timeout, bool verify_tls) {
    HttpClientOptions client;
    client.name = std::move(name);
    client.max_in_flight_per_host = in_flight;
    client.retry = retry;
    client.total_timeout = timeout;
    client.connect_timeout = std::min(client.connect_timeout, timeout);
    client.verify_tls = verify_tls;
    client.user_agent = "riptide/" + options.version;
    client.on_retry = [this](std::string_view url, std::string_view why, milliseconds delay, int attempt) {
      say(LogLevel::kWarning, fmt::format("{}: {}, attempt {} in {} ms", url, why, attempt + 1, delay.count()));
    };
    return client;
  }

  /// Reads everything and settles everything.
  void drive() {
    set_phase("reading");
    book.start(std::move(first_requests));
    const BatchTimer timer(*this);
    admit();
    graph->wait();
    while (!book.idle()) {
      // Whatever is still listed could not be admitted with all credit at home: never by design.
      const auto before = book.totals().pages_read;
      admit();
      graph->wait();
      if (book.totals().pages_read == before && !book.idle()) {
        stop->request(Error(ErrorKind::kInternal, "the frontier does not empty though nothing is in flight"));
        admit();
        break;
      }
    }
    set_phase("flushing");
    flush(MappedBlock::Flush::kAll);
    graph->wait();
  }

  /// Lets batches go that are not full but old. Its own thread: nothing in the graph knows the time.
  class BatchTimer {
   public:
    explicit BatchTimer(Impl& owner)
        : thread_([this, &owner] {
            std::unique_lock lock(mutex_);
            while (!wake_.wait_for(lock, owner.options.batch_age / 2 + milliseconds(1), [this] { return ending_; })) {
              owner.flush(MappedBlock::Flush::kOlder);
            }
          }) {}
    ~BatchTimer() {
      {
        const std::lock_guard lock(mutex_);
        ending_ = true;
      }
      wake_.notify_one();
      thread_.join();
    }
    BatchTimer(const BatchTimer&) = delete;
    BatchTimer& operator=(const BatchTimer&) = delete;

   private:
    std::mutex mutex_;  ///< Guards ending_.
    std::condition_variable wake_;
    bool ending_ = false;
    std::thread thread_;
  };

  /// Why nothing may be deleted anywhere, or nothing.
  [[nodiscard]] std::string deletion_obstacle() const {
    if (!options.delete_stale)
      return options.no_delete_reason.empty() ? "deleting is switched off" : options.no_delete_reason;
    if (stop->requested()) return "the run was stopped";
    if (!book.complete()) return "a scope could not be read to its end";
    if (ledger.unreadable()) return "the identity of a record could not be computed because of an error";
    return {};
  }

  void reconcile_all(pipeline::RunReport& report) {
    set_phase("reconciling");
    report.deletion = deletion_obstacle();
    if (!report.deletion.empty()) return;
    for (const auto& lane : lanes) {
      if (lane->failed || !lane->sink->can_delete()) continue;
      if (lane->identity_unknown) {
        report.deletion = fmt::format("{} did not say which entity a search identifier found", lane->sink->spec());
        continue;
      }
      reconcile_sink(*lane, report);
    }
  }

  void reconcile_sink(SinkLane& lane, pipeline::RunReport& report) {
    const double threshold = parts.mapping->spec().deletion_threshold;
    std::unique_ptr<Catalogue> catalogue;
    if (lane.local != nullptr) {
      catalogue = std::make_unique<LocalCatalogue>(*lane.local, options.resources);
    } else {
      catalogue = std::make_unique<RemoteCatalogue>(*lane.remote, *lane.client, *stop);
    }
    auto result = reconcile(*catalogue, seen, threshold);
    if (!result) {
      fail(lane, std::move(result).error());
      return;
    }
    if (result->guarded) {
      report.guard = {true,      std::string(lane.sink->spec()), result->stale, result->owned,
                      threshold, std::move(result->examples)};
      return;
    }
    book_deletions(lane, *result);
  }

  void book_deletions(SinkLane& lane, const Reconciled& result) {
    // The target says how many; kinds are known for what was asked. The difference was gone already.
    std::uint64_t left = result.removed_count;
    for (const OwnedEntity& entity : result.removed) {
      if (left == 0) break;
      lane.ledger.deleted(resource_of(lane, entity), 1);
      --left;
    }
  }

  [[nodiscard]] std::uint32_t resource_of(const SinkLane& lane, const OwnedEntity& entity) const {
    for (const std::uint32_t resource : options.resources) {
      if (!entity.kind.empty() && kind_of(resource) == entity.kind) return resource;
    }
    const std::uint32_t resource = lane.ledger.resource_of(entity.blueprint);
    const bool was_read =
        std::find(options.resources.begin(), options.resources.end(), resource) != options.resources.end();
    return was_read || options.resources.empty() ? resource : options.resources.front();
  }

  [[nodiscard]] pipeline::RunFacts facts(const pipeline::RunReport& report, int signal) const {
    pipeline::RunFacts facts;
    facts.stop_signal = signal;
    facts.sink_failed = std::any_of(lanes.begin(), lanes.end(), [](const auto& lane) { return lane->failed.load(); });
    facts.source_incomplete = !book.complete();
    facts.guarded = report.guard.tripped;
    for (const pipeline::SinkReport& sink : report.sinks) {
      for (const auto& kind : sink.kinds) {
        if (kind.tally.invalid != 0 || kind.tally.rejected != 0) facts.records_failed = true;
      }
    }
    return facts;
  }

  void count_sinks(pipeline::RunReport& report) const {
    report.sinks.clear();
    for (const auto& lane : lanes) {
      pipeline::SinkReport& sink = report.sinks.emplace_back();
      sink.sink = lane->sink->spec();
      {
        const std::lock_guard lock(lane->mutex);
        if (lane->error) sink.error = lane->error->message;
      }
      for (const std::uint32_t resource : options.resources) {
        pipeline::SinkKindReport row = lane->ledger.row(resource);
        row.kind = kind_of(resource);
        row.index = resource;
        row.tally += ledger.shared(resource);
        sink.kinds.push_back(std::move(row));
      }
    }
  }

  void count_scopes(pipeline::RunReport& report) const {
    const std::vector<pipeline::KindReport> all = ledger.rows();
    for (const std::uint32_t resource : options.resources) report.kinds.push_back(all.at(resource));
    const auto row_of = [&](std::uint32_t resource) -> pipeline::KindReport& {
      return *std::find_if(report.kinds.begin(), report.kinds.end(),
                           [&](const auto& row) { return row.index == resource; });
    };
    for (const ScopeBook::ScopeState& scope : book.states()) {
      for (const std::uint32_t resource : scope.spec->resources) {
        ++(scope.closed ? row_of(resource).scopes_closed : row_of(resource).scopes_open);
        if (!scope.closed) add_open_scope(report, resource, scope);
      }
      if (scope.closed) continue;
      for (const std::uint32_t resource : scope.spec->dependents) {
        ++row_of(resource).scopes_open;
        add_open_scope(report, resource, scope);
      }
    }
  }

  void add_open_scope(pipeline::RunReport& report, std::uint32_t resource, const ScopeBook::ScopeState& scope) const {
    ++report.scopes_total;
    if (report.scopes.size() >= kMaxOpenScopesInReport) return;
    report.scopes.push_back(
        {kind_of(resource), scope.spec->partition, scope.pages_expected, scope.pages_read, scope.error});
  }

  void count_hosts(pipeline::RunReport& report) const {
    std::vector<HostStats> stats = source_client ? source_client->stats() : std::vector<HostStats>();
    // A source is one host; its answers that were no pages are asked for again from here.
    if (!stats.empty()) stats.front().retries += malformed_retries.load(std::memory_order_relaxed);
    for (const auto& lane : lanes) {
      if (!lane->client) continue;
      for (HostStats& host : lane->client->stats()) stats.push_back(std::move(host));
    }
    for (HostStats& host : stats) {
      report.hosts.push_back({std::move(host.host), host.requests, host.retries, host.status_429, host.seconds_paused,
                              host.max_in_flight, host.p50_ms, host.p99_ms});
    }
  }

  void finish_sinks(int code) {
    set_phase("finishing");
    for (const auto& lane : lanes) {
      if (lane->local == nullptr || !lane->opened) continue;
      const bool whole = (code == 0 || code == 1) && !lane->failed;
      auto finished = lane->local->finish(whole ? Finish::kComplete : Finish::kPartial);
      if (!finished) fail(*lane, std::move(finished).error());
    }
  }

  Result<pipeline::RunReport> run(pipeline::Stop& run_stop, const std::function<int()>& stop_signal) {
    const auto begin = Clock::now();
    build(run_stop);
    auto opened = open_sinks();
    if (!opened) return pipeline::unexpected(std::move(opened).error());
    const auto listening = run_stop.on_request([this](pipeline::Stop::Urgency urgency) { stop_requested(urgency); });
    drive();
    for (const auto& lane : lanes) lane->writer.reset();

    pipeline::RunReport report;
    report.run_id = parts.context.run_id;
    report.version = options.version;
    report.started_at = options.started_at;
    reconcile_all(report);
    count_sinks(report);
    int code = pipeline::exit_code(facts(report, stop_signal()));
    finish_sinks(code);
    count_sinks(report);
    count_scopes(report);
    code = pipeline::exit_code(facts(report, stop_signal()));
    count_hosts(report);
    report.stages = graph->stats();
    check_conservation(report, code);
    report.exit_code = code;
    report.status = pipeline::status_of(code);
    report.errors = errors.rows();
    report.errors_total = errors.total();
    {
      const std::lock_guard lock(notices_mutex);
      report.notices = notices;
    }
    report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    report.peak_rss_bytes = pipeline::peak_rss_bytes();
    set_phase("done");
    return report;
  }

  /// The guard against silent loss: everything adds up, all credit is at home. A violation is a failed run.
  void check_conservation(pipeline::RunReport& report, int& code) {
    done.store(true, std::memory_order_release);  // The spare token's return must not admit anybody.
    spare_token.reset();
    std::vector<std::string> faults = pipeline::check_accounting(report);
    for (const CreditPool* pool : {&pages, &body_bytes, &batch_bytes}) {
      if (pool->taken() != 0)
        faults.push_back(fmt::format("{} did not come home: {} of {}", pool->name(), pool->taken(), pool->capacity()));
    }
    if (const auto reason = stop->reason(); reason && reason->kind == ErrorKind::kInternal)
      faults.push_back(reason->message);
    for (std::string& fault : faults) {
      say(LogLevel::kError, fault);
      errors.add({{}, {}, {}, "accounting", std::move(fault), 1});
      if (code < 128) code = 4;
    }
  }

  void stop_requested(pipeline::Stop::Urgency urgency) {
    book.stop(stop->reason().value_or(Error(ErrorKind::kStopped, "stopped")));
    const bool aborting = urgency == pipeline::Stop::Urgency::kAbort;
    if (source_client) aborting ? source_client->abort() : source_client->drain();
    for (const auto& lane : lanes) {
      if (lane->client && aborting) lane->client->abort();
    }
  }

  // --- small things -----------------------------------------------------------------------------------------------

  [[nodiscard]] const std::string& kind_of(std::uint32_t resource) const { return parts.context.kinds.at(resource); }

  void say(LogLevel level, std::string_view text) const {
    if (options.log) options.log(level, text);
  }

  /// Something the user should know when the run is over.
  void note(std::string text) {
    say(LogLevel::kWarning, text);
    const std::lock_guard lock(notices_mutex);
    if (notices.size() < kMaxNotices) notices.push_back(std::move(text));
  }

  void set_phase(std::string name) {
    const std::lock_guard lock(notices_mutex);
    phase = std::move(name);
  }

  static constexpr std::size_t kMaxNotices = 100;

  ResyncParts parts;
  ResyncOptions options;
  pipeline::Stop* stop = nullptr;
  std::vector<Request> first_requests;

  // Credits outlive everything that holds some.
  CreditPool pages;
  CreditPool body_bytes;
  CreditPool batch_bytes;
  pipeline::PagePool page_buffers;
  std::optional<Credit> spare_token;  ///< Touched by whoever admits, one at a time.
  std::atomic<int> admissions{0};
  std::atomic<bool> done{false};
  std::atomic<const char*> waits_for{"source"};
  std::atomic<std::size_t> body_credit{kFirstBodyCredit};
  std::atomic<std::size_t> entity_share{1000};
  std::atomic<std::uint64_t> malformed_retries{0};

  ScopeBook book;
  pipeline::SeenSet seen;
  ReadLedger ledger;
  pipeline::ErrorLog errors;
  LoanPool<json::Document> documents;
  LoanPool<transform::Mapper> mappers;
  std::vector<std::unique_ptr<SinkLane>> lanes;
  int named_sinks = 0;
  mutable std::mutex notices_mutex;  ///< Guards notices and phase.
  std::vector<std::string> notices;
  std::string phase = "starting";

  std::unique_ptr<Valve<ReadPage>> valve;
  std::unique_ptr<pipeline::Graph> graph;
  std::optional<pipeline::Node<AdmittedRequest, FetchedPage>> fetch;
  std::optional<pipeline::Node<FetchedPage, ReadPage>> paginate;
  std::optional<pipeline::Node<ReadPage, ReadPage>> budget;
  std::optional<pipeline::Node<ReadPage, MappedBlock>> transform;
  std::unique_ptr<HttpClient> source_client;  // Dies first: its callbacks reach into the graph.
};

Resync::Resync(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Resync::~Resync() = default;

Result<std::unique_ptr<Resync>> Resync::create(ResyncParts parts, ResyncOptions options) {
  RIPTIDE_CHECK(parts.source != nullptr && parts.mapping != nullptr);
  if (parts.sinks.empty()) return pipeline::unexpected(ErrorKind::kConfig, "no sink was given");
  if (parts.context.run_id.empty()) parts.context.run_id = new_run_id();
  if (parts.context.kinds.empty()) {
    for (const auto& resource : parts.mapping->spec().resources) parts.context.kinds.push_back(resource.kind);
  }
  auto impl = std::make_unique<Impl>(std::move(parts), std::move(options));
  for (auto& sink : impl->parts.sinks)
    impl->lanes.push_back(std::make_unique<SinkLane>(std::move(sink), impl->parts.context.kinds.size()));
  if (auto checked = impl->check(); !checked) return pipeline::unexpected(std::move(checked).error());
  return std::unique_ptr<Resync>(new Resync(std::move(impl)));
}

pipeline::GraphDescription Resync::describe() const {
  pipeline::Stop unused;
  impl_->build(unused);
  auto description = impl_->graph->describe();
  impl_->graph.reset();
  return description;
}

Result<pipeline::RunReport> Resync::run(pipeline::Stop& stop, const std::function<int()>& stop_signal) {
  return impl_->run(stop, stop_signal);
}

Progress Resync::progress() const {
  Progress progress;
  const ScopeBook::Totals totals = impl_->book.totals();
  progress.pages_read = totals.pages_read;
  progress.pages_known = totals.pages_known;
  progress.scopes_closed = totals.scopes_closed;
  progress.scopes_known = totals.scopes_known;
  progress.records_read = impl_->ledger.records();
  progress.bytes_in = impl_->ledger.bytes();
  progress.entities_settled = impl_->lanes.front()->ledger.settled_total();
  progress.errors = impl_->errors.total();
  progress.memory_taken = impl_->body_bytes.taken() + impl_->batch_bytes.taken();
  progress.in_flight = impl_->pages.taken();
  {
    const std::lock_guard lock(impl_->notices_mutex);
    progress.phase = impl_->phase;
  }
  if (progress.phase == "starting") return progress;
  progress.retries = impl_->malformed_retries.load(std::memory_order_relaxed);
  for (const HostStats& host : impl_->source_client->stats()) progress.retries += host.retries;
  return progress;
}

}  // namespace riptide::stages

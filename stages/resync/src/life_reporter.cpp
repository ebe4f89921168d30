#include "life_reporter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

namespace riptide::stages {
namespace {

using std::chrono::steady_clock;

constexpr milliseconds kTick{500};
/// Lines go together: so many, or those of so long.
constexpr std::size_t kLogBatch = 100;
constexpr std::chrono::seconds kLogAge{5};
/// What cannot be sent is given up beyond these.
constexpr std::size_t kMaxQueued = 1000;
constexpr std::size_t kMaxLog = 5000;
constexpr std::size_t kMaxExampleBytes = 256u << 10;
/// A sign that fails this often in a row is not worth more of the target's time.
constexpr std::uint64_t kMostFailures = 20;
constexpr int kAttempts = 3;

std::string_view name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "INFO";
}

}  // namespace

std::optional<std::string> example_of(const pipeline::RecordView& record, std::size_t most, json::Document& document) {
  if (record.json.size() > most) return std::nullopt;
  const auto root = document.index(record.json);
  if (!root || root->type != json::Type::kObject || !document.check()) return std::nullopt;
  std::string out = "{";
  json::Document::Members members(document, *root);
  while (members.next()) {
    const bool covered = std::any_of(record.overlay.begin(), record.overlay.end(),
                                     [&](const pipeline::OverlayField& field) { return members.key_is(field.key); });
    if (covered) continue;
    const auto raw = members.raw_value();
    if (!raw) return std::nullopt;
    out += out.size() == 1 ? "\"" : ",\"";
    out.append(members.raw_key()).append("\":").append(*raw);
  }
  if (!members.status()) return std::nullopt;
  for (const pipeline::OverlayField& field : record.overlay) {
    if (out.size() != 1) out += ',';
    json::append_quoted(field.key, out);
    out += ':';
    out += record.overlay_value(field);
  }
  return out + "}";
}

LifeReporter::LifeReporter(RunState& state, const RunLife& life, const SinkLedger& ledger, HttpClient& client)
    : state_(state), life_(life), ledger_(ledger), client_(client), begun_kinds_(state.context.kinds.size(), false) {
  for (const std::uint32_t resource : state_.options.resources) {
    if (life_.max_examples() > 0) examples_left_[state_.kind_of(resource)] = life_.max_examples();
  }
}

LifeReporter::~LifeReporter() = default;

double LifeReporter::seconds() const { return std::chrono::duration<double>(steady_clock::now() - begun_).count(); }

KindLife LifeReporter::life_of(std::uint32_t resource) const {
  const pipeline::Tally shared = state_.ledger.shared(resource);
  pipeline::Tally tally = ledger_.row(resource).tally;
  tally += shared;
  KindLife life;
  life.kind = state_.kind_of(resource);
  life.index = resource;
  const transform::ResourceSpec* const block = state_.blocks.at(resource);
  if (block != nullptr && !block->entities.empty() && block->entities.front().blueprint) {
    if (const auto* const text = std::get_if<transform::ExpressionSpec>(&*block->entities.front().blueprint)) {
      life.blueprint = text->text;
    }
  }
  life.seconds = seconds();
  life.extracted = tally.read;
  life.filtered = tally.filtered;
  life.invalid = tally.invalid;
  life.transformed = tally.read - std::min(tally.read, tally.filtered + tally.invalid);
  life.loaded = tally.created + tally.updated;
  life.rejected = tally.rejected + tally.abandoned;
  life.unchanged = tally.unchanged;
  return life;
}

std::string LifeReporter::description_of(std::uint32_t resource) const {
  return fmt::format("{}-{}", state_.kind_of(resource), resource);
}

void LifeReporter::started() {
  std::vector<KindLife> kinds;
  for (const std::uint32_t resource : state_.options.resources) kinds.push_back(life_of(resource));
  push(life_.started(std::chrono::system_clock::now(), kinds));
  log(LogLevel::kInfo, "Resync was triggered");
  ticker_ = std::make_unique<Ticker>(std::min(kTick, std::max(milliseconds(1), life_.heartbeat_period())),
                                     [this] { tick(); });
}

/// What time brings: a heartbeat, kinds that began meanwhile, old log lines.
void LifeReporter::tick() {
  const auto now = steady_clock::now();
  const auto rows = state_.ledger.rows();
  for (const std::uint32_t resource : state_.options.resources) {
    if (rows.at(resource).pages == 0) continue;
    {
      const std::lock_guard lock(mutex_);
      if (begun_kinds_[resource]) continue;
      begun_kinds_[resource] = true;
    }
    log(LogLevel::kInfo, fmt::format("Fetching {} resync results", state_.kind_of(resource)));
    KindLife life = life_of(resource);
    life.state = SyncState::kSyncing;
    push(life_.kind_changed(life));
  }
  bool beat = false;
  {
    const std::lock_guard lock(mutex_);
    // A target that does not answer needs no more of them.
    beat = now - last_beat_ >= life_.heartbeat_period() && queue_.empty();
    if (beat) last_beat_ = now;
  }
  if (beat) push(life_.heartbeat());
  flush_log(false);
}

void LifeReporter::offer_examples(const ReadPage& page) {
  if (life_.max_examples() == 0) return;
  std::vector<std::string> kinds;
  for (const std::uint32_t resource : page.spec->resources) {
    const std::string& kind = state_.kind_of(resource);
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  for (const std::string& kind : kinds) {
    std::size_t wanted = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto left = examples_left_.find(kind);
      if (left == examples_left_.end()) continue;
      wanted = std::min(left->second, page.records.spans.size());
      left->second -= wanted;
      if (left->second == 0) examples_left_.erase(left);
    }
    std::vector<std::string> examples;
    auto document = state_.documents.borrow();
    for (std::size_t i = 0; i < wanted; ++i) {
      auto example = example_of(view_of(page.page, page.records, page.records.spans[i]), kMaxExampleBytes, *document);
      if (example) examples.push_back(std::move(*example));
    }
    if (!examples.empty()) push(life_.examples(kind, examples));
  }
}

void LifeReporter::log(LogLevel level, std::string_view message) {
  if (!life_.wants_log() || level == LogLevel::kDebug) return;
  const std::lock_guard lock(mutex_);
  if (log_.size() < kMaxLog) {
    log_.push_back({std::string(message), name_of(level), std::chrono::system_clock::now()});
  }
}

void LifeReporter::flush_log(bool all) {
  std::vector<LifeLogRecord> batch;
  {
    const std::lock_guard lock(mutex_);
    const auto now = steady_clock::now();
    if (log_.empty() || (!all && log_.size() < kLogBatch && now - last_flush_ < kLogAge)) return;
    last_flush_ = now;
    batch.swap(log_);
  }
  for (std::size_t at = 0; at < batch.size(); at += kLogBatch) {
    push(life_.log(std::span(batch).subspan(at, std::min(kLogBatch, batch.size() - at))));
  }
}

void LifeReporter::kinds_finished(const std::vector<std::uint32_t>& incomplete) {
  const bool aborted = state_.stop->requested();
  const UnreadableScopes unreadable = state_.ledger.unreadable_scopes();
  for (const std::uint32_t resource : state_.options.resources) {
    KindLife life = life_of(resource);
    bool told = false;
    {
      const std::lock_guard lock(mutex_);
      told = begun_kinds_[resource];
      begun_kinds_[resource] = true;
    }
    if (!told) {
      life.state = SyncState::kSyncing;
      push(life_.kind_changed(life));
    }
    const bool open = std::find(incomplete.begin(), incomplete.end(), resource) != incomplete.end();
    life.state = aborted ? SyncState::kAborted : open ? SyncState::kFailed : SyncState::kCompleted;
    const bool all_read =
        std::none_of(unreadable.begin(), unreadable.end(), [&](const auto& scope) { return scope.first == resource; });
    life.success = life.state == SyncState::kCompleted && all_read;
    push(life_.kind_changed(life));
    log(LogLevel::kInfo, fmt::format("Finished registering kind: {} ,{} entities out of {} raw results",
                                     description_of(resource), life.transformed, life.extracted));
  }
}

void LifeReporter::reconciling() { push(life_.reconciling()); }

void LifeReporter::reconciled(SyncState how, std::uint64_t deleted) {
  push(life_.reconciled({.state = how, .seconds = seconds(), .deleted = deleted}));
}

void LifeReporter::ended(SyncState how, std::uint64_t deleted) {
  silence();
  if (state_.stop->aborting()) {
    last_word(how, deleted);
    return note_failures();
  }
  log(LogLevel::kInfo, how == SyncState::kCompleted ? "Resync finished successfully" : "Resync did not complete");
  flush_log(true);
  push(life_.ended(std::chrono::system_clock::now(), {.state = how, .seconds = seconds(), .deleted = deleted}));
  {
    std::unique_lock lock(mutex_);
    if (!idle_.wait_for(lock, kLastWait, [this] { return !sending_; })) {
      Failure& failure = failures_[queue_.empty() ? "the last sign" : queue_.back().what];
      failure.count += queue_.size() + 1;
      if (failure.first.empty()) failure.first = fmt::format("no answer within {} s", kLastWait.count());
      queue_.clear();
    }
  }
  note_failures();
}

/// The lane's client was broken off, and sends nothing any more: how the resync ended goes alone, on a client of its
/// own. What else there was to tell is lost.
void LifeReporter::last_word(SyncState how, std::uint64_t deleted) {
  RunLife::LifeSigns signs =
      life_.ended(std::chrono::system_clock::now(), {.state = how, .seconds = seconds(), .deleted = deleted});
  if (signs.empty()) return;
  const ResyncOptions& options = state_.options;
  HttpClientOptions once =
      state_.client_options("last word", 1, options.sink_retry, kLastWordWait, options.verify_sink_tls);
  once.connect_timeout = kLastWordWait;
  auto client = HttpClient::start(std::move(once));
  if (!client) return;
  auto promise = std::make_shared<std::promise<Result<HttpResponse>>>();
  auto answer = promise->get_future();
  Send send;
  send.request = std::move(signs.front().request);
  send.max_attempts = 1;
  send.done = [promise](Result<HttpResponse> result) { promise->set_value(std::move(result)); };
  (*client)->send(std::move(send));
  const bool came = answer.wait_for(kLastWordWait) == std::future_status::ready;
  if (!came) (*client)->abort();
  const auto result = answer.get();
  if (came && result && result->ok()) return;
  const std::lock_guard lock(mutex_);
  Failure& failure = failures_[signs.front().what];
  if (failure.count++ == 0) {
    failure.first = !came ? fmt::format("no answer within {} ms", kLastWordWait.count())
                          : (result ? http_error(*result) : result.error()).message;
  }
}

void LifeReporter::push(RunLife::LifeSigns signs) {
  {
    const std::lock_guard lock(mutex_);
    for (LifeSign& sign : signs) {
      if (queue_.size() < kMaxQueued) queue_.push_back(std::move(sign));
    }
    if (sending_ || queue_.empty()) return;
    sending_ = true;
  }
  send_next();
}

/// Sends the first of the queue; `sending_` is set and ours.
void LifeReporter::send_next() {
  LifeSign sign;
  {
    const std::lock_guard lock(mutex_);
    while (!queue_.empty()) {
      const auto failed = failures_.find(queue_.front().what);
      if (failed == failures_.end() || failed->second.count < kMostFailures) break;
      queue_.pop_front();
    }
    if (queue_.empty()) {
      sending_ = false;
      idle_.notify_all();
      return;
    }
    sign = std::move(queue_.front());
    queue_.pop_front();
  }
  Send send;
  send.request = std::move(sign.request);
  send.max_attempts = kAttempts;
  send.done = [this, what = sign.what](Result<HttpResponse> answer) { answered(what, answer); };
  client_.send(std::move(send));
}

void LifeReporter::answered(std::string_view what, const Result<HttpResponse>& answer) {
  if (!answer || !answer->ok()) {
    const Error error = answer ? http_error(*answer) : answer.error();
    const std::lock_guard lock(mutex_);
    if (error.kind != ErrorKind::kStopped) {
      Failure& failure = failures_[what];
      if (failure.count++ == 0) failure.first = error.message;
    }
  }
  send_next();
}

void LifeReporter::note_failures() {
  std::map<std::string_view, Failure> failures;
  {
    const std::lock_guard lock(mutex_);
    failures.swap(failures_);
  }
  for (const auto& [what, failure] : failures) {
    const std::string times = failure.count > 1 ? fmt::format(" ({} times)", failure.count) : std::string();
    state_.note(fmt::format("{} did not reach the target{}: {}", what, times, failure.first));
  }
}

}  // namespace riptide::stages

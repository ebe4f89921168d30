#include "run_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace riptide::stages {
namespace {

/// Pages that are admitted for each request in flight: one on its way, one waiting for its turn at the host, so that a
/// connection never idles while a page is mapped.
constexpr std::size_t kPagesPerRequest = 2;
/// Full batches that may wait for the one writer of a local sink.
constexpr std::size_t kLocalBatches = 8;
constexpr std::size_t kMaxNotices = 100;
/// The memory falls into thirds: pages, entities on their way, and what is seen and remembered.
constexpr std::size_t kMovingShares = 3;

/// Bytes of entities on their way that keep every sink busy, at most `most`: a queue in front of a slow sink that is
/// longer than that costs memory and brings nothing.
std::size_t batch_memory(std::size_t most, const std::vector<RunParts::SinkSize>& sinks) {
  std::size_t useful = 0;
  for (const RunParts::SinkSize& sink : sinks) {
    const std::size_t at_once = sink.remote ? 2 * sink.limits.max_in_flight : kLocalBatches;
    useful += at_once * std::min(sink.limits.max_bytes, most);
  }
  return std::min(most, useful);
}

bool has_remote(const std::vector<RunParts::SinkSize>& sinks) {
  return std::any_of(sinks.begin(), sinks.end(), [](const RunParts::SinkSize& sink) { return sink.remote; });
}

/// Beside what is remembered, where there is room for such things; else where all programs put them.
std::string spill_directory(const std::shared_ptr<const state::StateFile>& file) {
  if (file != nullptr) {
    const std::string directory = std::filesystem::path(file->path()).parent_path().string();
    return directory.empty() ? "." : directory;
  }
  std::error_code failure;
  return std::filesystem::temp_directory_path(failure).string();
}

/// What is related to takes a quarter of what is seen, where a target may ask for it.
std::size_t related_memory(std::size_t share) { return share / 4; }
std::size_t seen_memory(std::size_t share, bool relates) { return relates ? share - related_memory(share) : share; }

ResyncOptions with_resources(ResyncOptions options, std::size_t resources) {
  for (std::uint32_t i = 0; options.resources.size() < resources && i < resources; ++i) options.resources.push_back(i);
  return options;
}

}  // namespace

RunState::RunState(RunParts parts, ResyncOptions resync_options)
    : source(std::move(parts.source)),
      blocks(std::move(parts.blocks)),
      context(std::move(parts.context)),
      state_file(std::move(parts.state)),
      letters(std::move(parts.dead_letters)),
      remembered_pages(std::move(parts.remembered_pages)),
      options(resync_options.resources.empty() ? with_resources(std::move(resync_options), context.kinds.size())
                                               : std::move(resync_options)),
      pages("pages", std::max<std::size_t>(1, options.in_flight * kPagesPerRequest)),
      body_bytes("page memory", options.memory_bytes / kMovingShares),
      batch_bytes("batch memory", batch_memory(options.memory_bytes / kMovingShares, parts.sinks)),
      digest_bytes(state_file != nullptr && has_remote(parts.sinks) ? options.memory_bytes / kMovingShares / 2 : 0),
      spill_to(spill_directory(state_file)),
      seen({.memory_bytes = seen_memory(options.memory_bytes / kMovingShares - digest_bytes, has_remote(parts.sinks)),
            .directory = spill_to}),
      related(
          {.memory_bytes = related_memory(options.memory_bytes / kMovingShares - digest_bytes), .directory = spill_to}),
      ledger(context.kinds),
      documents([] { return json::Document(); }),
      journalled(parts.journalled) {}

std::unique_ptr<pipeline::SeenSet> RunState::new_seen_set() const {
  // Past its share of the memory it spills.
  constexpr std::size_t kShare = 4;
  return std::make_unique<pipeline::SeenSet>(
      pipeline::SeenSet::Options{.memory_bytes = options.memory_bytes / kMovingShares / kShare, .directory = spill_to});
}

HttpClientOptions RunState::client_options(std::string name, std::size_t in_flight, const RetryPolicy& retry,
                                           milliseconds timeout, bool verify_tls) const {
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
  client.on_quota_wait = [this](std::string_view host, std::string_view group, milliseconds wait) {
    say(LogLevel::kInfo, fmt::format("{}: the quota{}{} is used up, going on in {:.1f} s", host,
                                     group.empty() ? "" : " of ", group, static_cast<double>(wait.count()) / 1000));
  };
  return client;
}

void RunState::flush_letters() {
  if (!letters) return;
  auto flushed = letters->flush();
  if (flushed) return;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(said_letters_, true)) return;
  }
  note("dead letters are lost, they could not be written: " + flushed.error().message);
}

void RunState::say(LogLevel level, std::string_view text) const {
  if (options.log) options.log(level, text);
  if (log_tap) log_tap(level, text);
}

void RunState::note(std::string text) {
  say(LogLevel::kWarning, text);
  const std::lock_guard lock(mutex_);
  if (notices_.size() < kMaxNotices) notices_.push_back(std::move(text));
}

std::vector<std::string> RunState::notices() const {
  const std::lock_guard lock(mutex_);
  return notices_;
}

void RunState::set_phase(std::string name) {
  const std::lock_guard lock(mutex_);
  phase_ = std::move(name);
}

std::string RunState::phase() const {
  const std::lock_guard lock(mutex_);
  return phase_;
}

}  // namespace riptide::stages

// The digest store and the seen set with generated entities, no network. Each measure is a process of its own, so that
// its peak memory is its own.
//
// usage: state_bench [ENTITIES [MEMORY_MIB...]]
// The first run of ENTITIES into an empty store, a second one that finds nothing changed, a third one with one in a
// hundred changed; with the memory that a resync of MEMORY_MIB gives (a third of it for both). 0 MiB is no bound.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/peak_memory.hpp"
#include "riptide/pipeline/seen_set.hpp"
#include "riptide/state/digest_store.hpp"
#include "riptide/state/sent_fields.hpp"

namespace riptide::bench {
namespace {

using pipeline::Digest;
using state::DigestStore;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPage = 100;
constexpr std::size_t kAhead = 20'000;
constexpr std::string_view kShape(
    "octopusDeployment\0title\0icon\0properties.a\0properties.b\0properties.c\0"
    "properties.d\0properties.e\0properties.f\0relations.a\0relations.b\0"
    "relations.c\0relations.d\0",
    155);

[[noreturn]] void fail(const std::string& what) {
  fmt::print(stderr, "state_bench: {}\n", what);
  std::_Exit(1);
}

template <typename Result>
auto checked(Result result) {
  if (!result) fail(result.error().message);
  if constexpr (!std::is_same_v<Result, pipeline::Result<void>>) return std::move(*result);
}

// Any two distinct numbers, spread as digests are.
Digest mixed(std::uint64_t number, std::uint64_t salt) {
  const std::array<std::uint64_t, 2> words = {number, salt};
  return pipeline::digest_of({reinterpret_cast<const char*>(words.data()), sizeof(words)});
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

struct Run {
  std::string what;
  std::size_t entities = 0;
  std::size_t memory_bytes = 0;
  std::size_t one_changed_in = 0;  // 0: none
  std::uint64_t version = 0;       // Of those that change.
};

state::StateFile state_file(const std::string& directory) {
  return checked(state::StateFile::open(directory + "/state.db", {"bench", "bench"}));
}

// One resync's worth of questions and confirmations, page by page as the diff asks.
void run_store(const std::string& directory, const Run& run) {
  const state::StateFile file = state_file(directory);
  auto begin = Clock::now();
  auto store = checked(DigestStore::open(file, {.memory_bytes = run.memory_bytes}));
  const double opening = seconds_since(begin);
  const std::size_t known = store->size();

  begin = Clock::now();
  if (known != 0) {
    for (std::size_t i = 0; i < run.entities; ++i) checked(store->note_present(mixed(i, 1)));
    checked(store->listing_ended(DigestStore::Listing::kComplete));
  }
  const double listing = seconds_since(begin);

  std::vector<DigestStore::Question> questions(kPage);
  std::vector<DigestStore::Answer> answers(kPage);
  std::vector<std::uint32_t> digests(12, 7);
  std::size_t sent = 0;
  std::size_t on_disk = 0;
  begin = Clock::now();
  for (std::size_t first = 0; first < run.entities; first += kPage) {
    const std::size_t count = std::min(kPage, run.entities - first);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t number = first + i;
      const bool changes = run.one_changed_in != 0 && number % run.one_changed_in == 0;
      questions[i] = {mixed(number, 1), mixed(number, changes ? run.version : 2), 1};
    }
    (void)checked(store->ask(std::span(questions).first(count), std::span(answers).first(count)));
    for (std::size_t i = 0; i < count; ++i) {
      if (answers[i].unchanged) continue;
      ++sent;
      const std::string name = fmt::format("Deployments-{}", first + i);
      digests.back() = static_cast<std::uint32_t>(run.version);
      const state::SentFields fields{name, kShape, digests};
      store->confirm(questions[i], {}, {}, &fields);
    }
    // No target confirms faster than this.
    if (sent - on_disk < kAhead) continue;
    on_disk = sent;
    std::promise<void> written;
    store->when_written([&](const pipeline::Result<void>&) { written.set_value(); });
    written.get_future().wait();
  }
  const double asking = seconds_since(begin);
  const std::size_t memory = store->bytes();
  const bool spilled = store->spilled();
  begin = Clock::now();
  checked(store->finish(DigestStore::Ending::kWholeRun));
  const double commit = seconds_since(begin);
  const std::size_t expected = known == 0                ? run.entities
                               : run.one_changed_in == 0 ? 0
                                                         : (run.entities + run.one_changed_in - 1) / run.one_changed_in;
  if (sent != expected) fail(fmt::format("{} were sent, not {}", sent, expected));
  fmt::print(
      "{{\"bench\":\"digest store, {}\",\"entities\":{},\"memory_mib\":{},\"spilled\":{},\"sent\":{},\"open_s\":{:.2f},"
      "\"listing_s\":{:.2f},\"ask_s\":{:.2f},\"asked_per_second\":{:.0f},\"commit_s\":{:.2f},\"store_mib\":{:.1f},"
      "\"peak_rss_mib\":{:.1f}}}\n",
      run.what, run.entities, run.memory_bytes >> 20, spilled, sent, opening, listing, asking,
      static_cast<double>(run.entities) / asking, commit, static_cast<double>(memory) / 1048576,
      static_cast<double>(pipeline::peak_rss_bytes()) / 1048576);
}

// What was kept of the entities' fields, as `state verify` looks it up.
void run_fields(const std::string& directory, const Run& run) {
  const state::StateFile file = state_file(directory);
  auto begin = Clock::now();
  const auto fields = checked(state::SentFieldsReader::open(file));
  const double opening = seconds_since(begin);
  constexpr std::size_t kLookups = 100'000;
  begin = Clock::now();
  for (std::size_t i = 0; i < kLookups; ++i) {
    const std::size_t number = mixed(i, 5).low % run.entities;
    const auto found = checked(fields->find(mixed(number, 1)));
    if (!found || found->identifier != fmt::format("Deployments-{}", number)) fail("fields of an entity were lost");
    if (found->digests.back() != run.version) fail("the fields of an entity are out of date");
  }
  const double finding = seconds_since(begin);
  fmt::print(
      "{{\"bench\":\"sent fields\",\"entities\":{},\"open_s\":{:.2f},\"found_per_second\":{:.0f},\"file_mib\":{:.0f},"
      "\"peak_rss_mib\":{:.1f}}}\n",
      run.entities, opening, static_cast<double>(kLookups) / finding,
      static_cast<double>(std::filesystem::file_size(directory + "/state.db")) / 1048576,
      static_cast<double>(pipeline::peak_rss_bytes()) / 1048576);
}

void run_seen(const std::string& directory, const Run& run) {
  pipeline::SeenSet seen({.memory_bytes = run.memory_bytes, .directory = directory});
  auto begin = Clock::now();
  for (std::size_t i = 0; i < run.entities; ++i) {
    if (seen.note(mixed(i, 1), 1, 1) != pipeline::SeenSet::Sighting::kNew) fail("a new identity was seen before");
  }
  const double noting = seconds_since(begin);
  begin = Clock::now();
  for (std::size_t i = 0; i < run.entities; ++i) {
    if (!seen.contains(mixed(i, 1))) fail("an identity was lost");
  }
  const double finding = seconds_since(begin);
  if (seen.contains(mixed(run.entities, 1))) fail("an identity was made up");
  fmt::print(
      "{{\"bench\":\"seen set\",\"entities\":{},\"memory_mib\":{},\"spilled\":{},\"note_s\":{:.2f},"
      "\"noted_per_second\":{:.0f},\"contains_s\":{:.2f},\"seen_mib\":{:.1f},\"peak_rss_mib\":{:.1f}}}\n",
      run.entities, run.memory_bytes >> 20, seen.spilled(), noting, static_cast<double>(run.entities) / noting, finding,
      static_cast<double>(seen.bytes()) / 1048576, static_cast<double>(pipeline::peak_rss_bytes()) / 1048576);
}

void in_its_own_process(const std::function<void()>& measure) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    measure();
    std::fflush(nullptr);
    std::_Exit(0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) fail("a measure failed");
}

int run_all(std::size_t entities, const std::vector<std::size_t>& memories) {
  for (const std::size_t mib : memories) {
    std::string directory = (std::filesystem::temp_directory_path() / "riptide-state-bench-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) fail("no temporary directory");
    // As a resync splits its memory: a third for both, of that a third for the names of the listing.
    const std::size_t share = mib == 0 ? std::size_t{1} << 40 : (mib << 20) / 3 / 2;
    const std::size_t digests = mib == 0 ? share : share - share / 3;
    const std::vector<Run> runs = {{"first run", entities, digests, 0, 0},
                                   {"nothing changed", entities, digests, 0, 0},
                                   {"one in a hundred changed", entities, digests, 100, 3},
                                   {"all changed", entities, digests, 1, 4}};
    for (const Run& run : runs) in_its_own_process([&] { run_store(directory, run); });
    in_its_own_process([&] { run_fields(directory, runs.back()); });
    in_its_own_process([&] { run_seen(directory, {"", entities, share, 0, 0}); });
    std::filesystem::remove_all(directory);
  }
  return 0;
}

}  // namespace
}  // namespace riptide::bench

int main(int argc, char** argv) {
  const std::size_t entities = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  std::vector<std::size_t> memories;
  for (int i = 2; i < argc; ++i) memories.push_back(std::strtoull(argv[i], nullptr, 10));
  if (memories.empty()) memories = {0, 128};
  return riptide::bench::run_all(entities, memories);
}

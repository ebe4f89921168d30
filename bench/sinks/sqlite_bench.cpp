// The embedded catalogue beside bare prepared inserts of the same rows into the same table with the same key, in one
// transaction and with the same pragmas. `.../shuffled:1` has the keys in random order.

#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include <memory>

#include "made_up_releases.hpp"
#include "riptide/sinks/sqlite_sink.hpp"

namespace riptide::bench {
namespace {

constexpr std::size_t kRows = 200'000;

void remove_database(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
}

std::int64_t rows_in(const std::string& path) {
  sqlite3* handle = nullptr;
  sqlite3_stmt* statement = nullptr;
  std::int64_t rows = -1;
  if (sqlite3_open(path.c_str(), &handle) == SQLITE_OK &&
      sqlite3_prepare_v2(handle, "SELECT count(*) FROM entities", -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    rows = sqlite3_column_int64(statement, 0);
  }
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return rows;
}

// One run of the sink over all batches; the kind of every outcome must be the expected one.
bool run_sink(const std::string& path, const std::vector<stages::Batch>& batches, stages::Outcome::Kind expected) {
  sinks::SqliteSink::Options options;
  options.path = path;
  options.context.integration = "my-octopus-integration";
  options.context.run_id = "run-1";
  options.context.kinds = {"release"};
  options.now = [] { return std::string("2026-01-01T00:00:00Z"); };
  sinks::SqliteSink sink(std::move(options));
  sink.set_scope_names([](std::uint32_t scope) { return "Spaces-" + std::to_string(scope); });
  if (!sink.open()) return false;
  for (const stages::Batch& batch : batches) {
    const auto outcomes = sink.write(batch);
    if (!outcomes) return false;
    for (const stages::Outcome& outcome : *outcomes) {
      if (outcome.kind != expected) return false;
    }
  }
  return sink.finish(stages::Finish::kComplete).has_value();
}

bool run_floor(const std::string& path, const std::vector<stages::Batch>& batches) {
  sqlite3* handle = nullptr;
  sqlite3_stmt* insert = nullptr;
  if (sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    return false;
  }
  bool good = sqlite3_exec(handle,
                           "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;"
                           "CREATE TABLE entities(integration TEXT NOT NULL, kind TEXT NOT NULL, scope TEXT NOT NULL,"
                           "blueprint TEXT NOT NULL, identifier TEXT NOT NULL, title TEXT, icon TEXT, team TEXT,"
                           "properties TEXT, relations TEXT, run_id TEXT NOT NULL, first_seen TEXT NOT NULL,"
                           "updated_at TEXT NOT NULL, PRIMARY KEY (integration, blueprint, identifier));"
                           "BEGIN IMMEDIATE",
                           nullptr, nullptr, nullptr) == SQLITE_OK;
  good = good && sqlite3_prepare_v2(handle, "INSERT INTO entities VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)", -1, &insert,
                                    nullptr) == SQLITE_OK;
  const auto bind = [insert](int column, std::string_view text) {
    sqlite3_bind_text(insert, column, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  };
  for (const stages::Batch& batch : batches) {
    for (const stages::Entity& entity : batch.entities) {
      if (!good) break;
      const auto inside = [&](pipeline::Part part) {
        const std::string_view raw = batch.part(entity, part);
        return raw.substr(1, raw.size() - 2);
      };
      const std::string scope = "Spaces-" + std::to_string(entity.scope);
      bind(1, "my-octopus-integration");
      bind(2, "release");
      bind(3, scope);
      bind(4, inside(entity.blueprint));
      bind(5, inside(entity.identifier));
      bind(6, inside(entity.title));
      bind(9, batch.part(entity, entity.properties));
      bind(10, batch.part(entity, entity.relations));
      bind(11, "run-1");
      bind(12, "2026-01-01T00:00:00Z");
      bind(13, "2026-01-01T00:00:00Z");
      good = sqlite3_step(insert) == SQLITE_DONE;
      sqlite3_reset(insert);
    }
  }
  good = good && sqlite3_exec(handle, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK;
  sqlite3_finalize(insert);
  sqlite3_close(handle);
  return good;
}

void count(benchmark::State& state, const std::vector<stages::Batch>& batches) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes_of(batches)));
}

void BM_Sqlite_Floor(benchmark::State& state) {
  const auto batches = made_up_releases(kRows, state.range(0) != 0);
  const std::string path = scratch_file("floor.db");
  for (auto _ : state) {
    state.PauseTiming();
    remove_database(path);
    state.ResumeTiming();
    if (!run_floor(path, batches)) return state.SkipWithError("the bare inserts failed");
  }
  if (rows_in(path) != static_cast<std::int64_t>(kRows)) return state.SkipWithError("rows are missing");
  count(state, batches);
  remove_database(path);
}

void BM_Sqlite_Insert(benchmark::State& state) {
  const auto batches = made_up_releases(kRows, state.range(0) != 0);
  const std::string path = scratch_file("insert.db");
  for (auto _ : state) {
    state.PauseTiming();
    remove_database(path);
    state.ResumeTiming();
    if (!run_sink(path, batches, stages::Outcome::Kind::kCreated)) return state.SkipWithError("not all were created");
  }
  if (rows_in(path) != static_cast<std::int64_t>(kRows)) return state.SkipWithError("rows are missing");
  count(state, batches);
  remove_database(path);
}

void BM_Sqlite_Unchanged(benchmark::State& state) {
  const auto batches = made_up_releases(kRows, state.range(0) != 0);
  const std::string path = scratch_file("unchanged.db");
  remove_database(path);
  if (!run_sink(path, batches, stages::Outcome::Kind::kCreated)) return state.SkipWithError("not all were created");
  for (auto _ : state) {
    if (!run_sink(path, batches, stages::Outcome::Kind::kUnchanged)) return state.SkipWithError("some were changed");
  }
  count(state, batches);
  remove_database(path);
}

void BM_Sqlite_Update(benchmark::State& state) {
  const std::vector<stages::Batch> editions[] = {made_up_releases(kRows, state.range(0) != 0, 0),
                                                 made_up_releases(kRows, state.range(0) != 0, 1)};
  const std::string path = scratch_file("update.db");
  remove_database(path);
  if (!run_sink(path, editions[0], stages::Outcome::Kind::kCreated)) return state.SkipWithError("not all were created");
  std::size_t edition = 0;
  for (auto _ : state) {
    edition = 1 - edition;
    if (!run_sink(path, editions[edition], stages::Outcome::Kind::kUpdated)) {
      return state.SkipWithError("not all were updated");
    }
  }
  count(state, editions[0]);
  remove_database(path);
}

BENCHMARK(BM_Sqlite_Floor)->ArgName("shuffled")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Sqlite_Insert)->ArgName("shuffled")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Sqlite_Unchanged)->ArgName("shuffled")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Sqlite_Update)->ArgName("shuffled")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace riptide::bench

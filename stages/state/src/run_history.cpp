#include "riptide/state/run_history.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace riptide::state {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::Tally;
using pipeline::unexpected;

constexpr std::array<std::string_view, 1> kSteps = {R"sql(
CREATE TABLE runs(
  number     INTEGER PRIMARY KEY,
  run_id     TEXT NOT NULL UNIQUE,
  started_at TEXT NOT NULL,
  seconds    TEXT NOT NULL,
  exit_code  INTEGER NOT NULL,
  status     TEXT NOT NULL,
  read       INTEGER NOT NULL,
  created    INTEGER NOT NULL,
  updated    INTEGER NOT NULL,
  unchanged  INTEGER NOT NULL,
  filtered   INTEGER NOT NULL,
  invalid    INTEGER NOT NULL,
  rejected   INTEGER NOT NULL,
  duplicate  INTEGER NOT NULL,
  abandoned  INTEGER NOT NULL,
  deleted    INTEGER NOT NULL,
  report     TEXT NOT NULL
)
)sql"};
constexpr Schema kSchema{"runs", kSteps};

/// Columns of the counts, in the order of the table.
constexpr std::array<std::uint64_t Tally::*, 10> kCounts = {
    &Tally::read,    &Tally::created,  &Tally::updated,   &Tally::unchanged, &Tally::filtered,
    &Tally::invalid, &Tally::rejected, &Tally::duplicate, &Tally::abandoned, &Tally::deleted};
constexpr int kFirstCount = 5;

}  // namespace

Result<RunHistory> RunHistory::open(const StateFile& file) {
  auto database = file.connect();
  if (!database) return unexpected(std::move(database).error());
  if (auto done = file.prepare(**database, kSchema); !done) return unexpected(std::move(done).error());
  return RunHistory(std::move(*database));
}

Result<void> RunHistory::add(const PastRun& run, std::string_view report) {
  auto transaction = Transaction::begin(*database_);
  if (!transaction) return unexpected(std::move(transaction).error());
  {
    auto insert = database_->prepare(
        "INSERT OR REPLACE INTO runs(run_id, started_at, seconds, exit_code, status, read, created, updated, "
        "unchanged, "
        "filtered, invalid, rejected, duplicate, abandoned, deleted, report) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)");
    if (!insert) return unexpected(std::move(insert).error());
    const std::string seconds = fmt::format("{:.3f}", run.seconds);
    insert->bind(1, std::string_view(run.run_id));
    insert->bind(2, std::string_view(run.started_at));
    insert->bind(3, std::string_view(seconds));
    insert->bind_integer(4, run.exit_code);
    insert->bind(5, std::string_view(run.status));
    for (std::size_t i = 0; i < kCounts.size(); ++i) {
      insert->bind_integer(kFirstCount + 1 + static_cast<int>(i), static_cast<std::int64_t>(run.counts.*kCounts[i]));
    }
    insert->bind(kFirstCount + 1 + static_cast<int>(kCounts.size()), report);
    if (auto done = insert->run(); !done) return done;
  }
  if (auto done =
          database_->run(fmt::format("DELETE FROM runs WHERE number <= (SELECT max(number) FROM runs) - {}", kMost));
      !done) {
    return done;
  }
  return transaction->commit();
}

Result<std::vector<PastRun>> RunHistory::all() {
  auto rows = database_->prepare(
      "SELECT run_id, started_at, seconds, exit_code, status, read, created, updated, unchanged, filtered, invalid, "
      "rejected, duplicate, abandoned, deleted FROM runs ORDER BY number DESC");
  if (!rows) return unexpected(std::move(rows).error());
  std::vector<PastRun> all;
  while (true) {
    auto row = rows->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return all;
    PastRun& run = all.emplace_back();
    run.run_id = rows->text(0);
    run.started_at = rows->text(1);
    run.seconds = std::strtod(std::string(rows->text(2)).c_str(), nullptr);
    run.exit_code = static_cast<int>(rows->integer(3));
    run.status = rows->text(4);
    for (std::size_t i = 0; i < kCounts.size(); ++i) {
      run.counts.*kCounts[i] = static_cast<std::uint64_t>(rows->integer(kFirstCount + static_cast<int>(i)));
    }
  }
}

Result<std::optional<std::string>> RunHistory::report(std::string_view run_id) {
  auto rows = database_->prepare("SELECT report FROM runs WHERE substr(run_id, 1, length(?1)) = ?1 LIMIT 2");
  if (!rows) return unexpected(std::move(rows).error());
  rows->bind(1, run_id);
  std::optional<std::string> found;
  while (true) {
    auto row = rows->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return found;
    if (found) {
      return unexpected(ErrorKind::kConfig, fmt::format("several runs begin with {}: give more of the id", run_id));
    }
    found = std::string(rows->text(0));
  }
}

PastRun past_run(const pipeline::RunReport& report, std::string_view sink) {
  PastRun run;
  run.run_id = report.run_id;
  run.started_at = report.started_at;
  run.seconds = report.seconds;
  run.exit_code = report.exit_code;
  run.status = pipeline::to_string(report.status);
  if (report.sinks.empty()) return run;
  const pipeline::SinkReport* counted = &report.sinks.front();
  for (const pipeline::SinkReport& one : report.sinks) {
    if (one.sink == sink) counted = &one;
  }
  for (const pipeline::SinkKindReport& kind : counted->kinds) run.counts += kind.tally;
  return run;
}

}  // namespace riptide::state

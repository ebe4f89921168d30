#include "sent_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace riptide::state {
namespace {

using pipeline::Result;
using pipeline::unexpected;

constexpr std::size_t kHeader = sizeof(Digest) + 12;
/// So many records out of date are not worth the work.
constexpr std::size_t kFewRecords = 10'000;
constexpr std::int64_t kRowsTogether = 8192;

template <class T>
void append_value(T value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T value_at(std::string_view bytes, std::size_t at) noexcept {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// Removes rows up to `last`, in which `looked_at` records were; `kept` of them are written again.
Result<void> replace_rows(Database& database, std::int64_t last, SentRows& kept, std::size_t looked_at) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return unexpected(std::move(transaction).error());
  if (auto done = kept.write(database); !done) return done;
  kept.clear();
  if (auto done = database.run(fmt::format("DELETE FROM digest_sent WHERE id <= {}", last)); !done) return done;
  auto counted = database.run(
      fmt::format("UPDATE digest_state SET value = max(0, value - {}) WHERE name = 'sent_records'", looked_at));
  if (!counted) return counted;
  return transaction->commit();
}

}  // namespace

std::optional<SentRecord> SentRecord::read(std::string_view bytes) noexcept {
  if (bytes.size() < kHeader) return std::nullopt;
  SentRecord record;
  record.identity = value_at<Digest>(bytes, 0);
  record.contents = value_at<std::uint32_t>(bytes, sizeof(Digest));
  record.shape = value_at<std::uint32_t>(bytes, sizeof(Digest) + 4);
  const std::size_t fields = value_at<std::uint16_t>(bytes, sizeof(Digest) + 8);
  const std::size_t length = value_at<std::uint16_t>(bytes, sizeof(Digest) + 10);
  record.bytes = kHeader + length + fields * sizeof(std::uint32_t);
  if (bytes.size() < record.bytes) return std::nullopt;
  record.identifier = bytes.substr(kHeader, length);
  record.digests = bytes.substr(kHeader + length, fields * sizeof(std::uint32_t));
  return record;
}

Result<void> ShapeNumbers::load(Database& database) {
  auto rows = database.prepare("SELECT number, names FROM digest_shapes");
  if (!rows) return unexpected(std::move(rows).error());
  const std::lock_guard lock(mutex_);
  while (true) {
    auto row = rows->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return {};
    numbers_.emplace(rows->bytes(1), static_cast<std::uint32_t>(rows->integer(0)));
  }
}

ShapeNumbers::Number ShapeNumbers::number(std::string_view shape) {
  const std::lock_guard lock(mutex_);
  std::string names(shape);
  if (const auto found = numbers_.find(names); found != numbers_.end()) return {found->second, false};
  if (numbers_.size() >= kMost) return {};
  const auto number = static_cast<std::uint32_t>(numbers_.size() + 1);
  numbers_.emplace(std::move(names), number);
  return {number, true};
}

void SentRows::add(const DigestEntry& entry, std::uint32_t shape, const SentFields& fields) {
  const std::size_t bytes = kHeader + fields.identifier.size() + fields.digests.size_bytes();
  if (rows_.empty() || rows_.back().size() + bytes > kBytesPerRow) rows_.emplace_back().reserve(kBytesPerRow);
  std::string& row = rows_.back();
  append_value(entry.identity, row);
  append_value(static_cast<std::uint32_t>(entry.contents.low), row);
  append_value(shape, row);
  append_value(static_cast<std::uint16_t>(fields.digests.size()), row);
  append_value(static_cast<std::uint16_t>(fields.identifier.size()), row);
  row += fields.identifier;
  row.append(reinterpret_cast<const char*>(fields.digests.data()), fields.digests.size_bytes());
  ++records_;
}

void SentRows::add(std::string_view record) {
  if (rows_.empty() || rows_.back().size() + record.size() > kBytesPerRow) rows_.emplace_back().reserve(kBytesPerRow);
  rows_.back() += record;
  ++records_;
}

Result<void> SentRows::write(Database& database) const {
  auto insert = database.prepare("INSERT INTO digest_sent(records) VALUES(?1)");
  if (!insert) return unexpected(std::move(insert).error());
  for (const std::string& row : rows_) {
    insert->bind_bytes(1, row);
    if (auto done = insert->run(); !done) return done;
  }
  return database.run(
      fmt::format("INSERT INTO digest_state(name, value) VALUES('sent_records', {0}) "
                  "ON CONFLICT(name) DO UPDATE SET value = value + {0}",
                  records_));
}

void SentRows::clear() {
  rows_.clear();
  records_ = 0;
}

Result<std::int64_t> next_sent_row(Database& database) {
  auto last = database.integer("SELECT coalesce(max(id), 0) FROM digest_sent");
  if (!last) return unexpected(std::move(last).error());
  return *last + 1;
}

namespace {

/// More records than these are worth the work.
std::size_t bearable(std::size_t known) noexcept { return 2 * known + kFewRecords; }

Result<std::size_t> records_in_log(Database& database) {
  auto count = database.integer("SELECT value FROM digest_state WHERE name = 'sent_records'");
  if (!count) return unexpected(std::move(count).error());
  return static_cast<std::size_t>(std::max<std::int64_t>(0, *count));
}

}  // namespace

Result<bool> sent_log_is_stale(Database& database, std::size_t known, std::size_t sent) {
  auto records = records_in_log(database);
  if (!records) return unexpected(std::move(records).error());
  return *records > bearable(known) || (sent >= known && *records > sent);
}

Result<void> clean_sent_log(Database& database, const SentLogUse& use) {
  auto stale = sent_log_is_stale(database, use.known, use.sent);
  if (!stale) return unexpected(std::move(stale).error());
  if (!*stale) return {};
  auto count = records_in_log(database);
  if (!count) return unexpected(std::move(count).error());
  std::size_t records = *count;
  SentRows kept;
  if (use.sent >= use.known)
    return replace_rows(database, use.first_row - 1, kept, records - std::min(records, use.sent));

  std::size_t looked_at = 0;
  while (records > bearable(use.known) - use.known / 2 && looked_at < use.most_records) {
    auto select = database.prepare("SELECT id, records FROM digest_sent WHERE id < ?1 ORDER BY id LIMIT ?2");
    if (!select) return unexpected(std::move(select).error());
    // What moved to the end is not looked at again.
    select->bind_integer(1, use.first_row);
    select->bind_integer(2, kRowsTogether);
    std::int64_t last = 0;
    std::size_t here = 0;
    while (true) {
      auto row = select->step();
      if (!row) return unexpected(std::move(row).error());
      if (!*row) break;
      last = select->integer(0);
      std::string_view bytes = select->bytes(1);
      while (const auto record = SentRecord::read(bytes)) {
        auto current = use.is_current(*record);
        if (!current) return unexpected(std::move(current).error());
        if (*current) kept.add(bytes.substr(0, record->bytes));
        bytes.remove_prefix(record->bytes);
        ++here;
      }
    }
    if (last == 0) return {};
    select->reset();
    records -= std::min(records, here - kept.records());
    looked_at += here;
    if (auto done = replace_rows(database, last, kept, here); !done) return done;
  }
  return {};
}

}  // namespace riptide::state

#include "sent_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace riptide::state {
namespace {

using pipeline::Result;
using pipeline::unexpected;

constexpr std::size_t kHeader = sizeof(Digest) + 8;
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

/// Identities that were met, by their key. Open addressing; 0 is a free slot, and never a key.
class KeySet {
 public:
  explicit KeySet(std::size_t keys) : slots_(std::max<std::size_t>(64, keys * 3 / 2)) {}
  /// False if it was there.
  bool insert(std::uint64_t key) {
    if ((used_ + 1) * 4 > slots_.size() * 3) grow();
    for (std::size_t at = key % slots_.size();; at = at + 1 == slots_.size() ? 0 : at + 1) {
      if (slots_[at] == key) return false;
      if (slots_[at] != 0) continue;
      slots_[at] = key;
      ++used_;
      return true;
    }
  }

 private:
  void grow() {
    KeySet larger(slots_.size() * 4 / 3);
    for (const std::uint64_t key : slots_) {
      if (key != 0) larger.insert(key);
    }
    *this = std::move(larger);
  }
  std::vector<std::uint64_t> slots_;
  std::size_t used_ = 0;
};

std::uint64_t key_of(const Digest& identity) noexcept { return identity.low == 0 ? 1 : identity.low; }

/// Reads rows up to `end`, the last record first.
Result<void> keep_last(Database& database, std::int64_t end,
                       const std::function<void(const Digest&, std::string_view record)>& visit) {
  auto select = database.prepare("SELECT records FROM digest_sent WHERE id <= ?1 AND id > ?2 ORDER BY id DESC");
  if (!select) return unexpected(std::move(select).error());
  select->bind_integer(1, end);
  select->bind_integer(2, end - kRowsTogether);
  std::vector<std::string_view> records;
  while (true) {
    auto row = select->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return {};
    std::string_view bytes = select->bytes(0);
    records.clear();
    while (const auto record = SentRecord::read(bytes)) {
      records.push_back(bytes.substr(0, record->bytes));
      bytes.remove_prefix(record->bytes);
    }
    for (auto at = records.rbegin(); at != records.rend(); ++at) visit(SentRecord::read(*at)->identity, *at);
  }
}

Result<void> commit_rows(Database& database, SentRows& rows) {
  if (rows.empty()) return {};
  auto transaction = Transaction::begin(database);
  if (!transaction) return unexpected(std::move(transaction).error());
  if (auto done = rows.write(database); !done) return done;
  rows.clear();
  return transaction->commit();
}

}  // namespace

void SentRecord::append(const Digest& identity, std::uint32_t shape, const SentFields& fields, std::string& out) {
  append_value(identity, out);
  append_value(shape, out);
  append_value(static_cast<std::uint16_t>(fields.digests.size()), out);
  append_value(static_cast<std::uint16_t>(fields.identifier.size()), out);
  out += fields.identifier;
  out.append(reinterpret_cast<const char*>(fields.digests.data()), fields.digests.size_bytes());
}

std::optional<SentRecord> SentRecord::read(std::string_view bytes) noexcept {
  if (bytes.size() < kHeader) return std::nullopt;
  SentRecord record;
  record.identity = value_at<Digest>(bytes, 0);
  record.shape = value_at<std::uint32_t>(bytes, sizeof(Digest));
  const std::size_t fields = value_at<std::uint16_t>(bytes, sizeof(Digest) + 4);
  const std::size_t length = value_at<std::uint16_t>(bytes, sizeof(Digest) + 6);
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

void SentRows::add(const Digest& identity, std::uint32_t shape, const SentFields& fields) {
  const std::size_t bytes = kHeader + fields.identifier.size() + fields.digests.size_bytes();
  if (rows_.empty() || rows_.back().size() + bytes > kBytesPerRow) rows_.emplace_back().reserve(kBytesPerRow);
  SentRecord::append(identity, shape, fields, rows_.back());
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

Result<void> tidy_sent_log(Database& database, std::size_t entities, std::size_t memory_bytes,
                           const std::function<bool(const Digest&)>& known) {
  auto records = database.integer("SELECT value FROM digest_state WHERE name = 'sent_records'");
  if (!records) return unexpected(std::move(records).error());
  if (static_cast<std::size_t>(*records) <= 2 * entities + kFewRecords) return {};
  auto last = database.integer("SELECT coalesce(max(id), 0) FROM digest_sent");
  if (!last) return unexpected(std::move(last).error());
  // An interruption leaves records twice: the later one counts, and is the same.
  const std::size_t parts =
      std::clamp<std::size_t>(entities * 16 / std::max<std::size_t>(1, memory_bytes) + 1, 1, kDigestShards);
  std::size_t kept = 0;
  SentRows rows;
  for (std::size_t part = 0; part < parts; ++part) {
    KeySet met(entities / parts);
    for (std::int64_t end = *last; end > 0; end -= kRowsTogether) {
      auto done = keep_last(database, end, [&](const Digest& identity, std::string_view record) {
        if (digest_shard(identity) % parts != part) return;
        if (met.insert(key_of(identity)) && known(identity)) rows.add(record);
      });
      if (!done) return done;
      kept += rows.records();
      if (auto written = commit_rows(database, rows); !written) return written;
    }
  }
  auto transaction = Transaction::begin(database);
  if (!transaction) return unexpected(std::move(transaction).error());
  if (auto done = database.run(fmt::format("DELETE FROM digest_sent WHERE id <= {}", *last)); !done) return done;
  if (auto done = database.run(fmt::format("UPDATE digest_state SET value = {} WHERE name = 'sent_records'", kept));
      !done) {
    return done;
  }
  return transaction->commit();
}

}  // namespace riptide::state

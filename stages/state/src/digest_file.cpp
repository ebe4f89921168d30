#include "digest_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "digest_journal.hpp"

namespace riptide::state {
namespace {

using pipeline::Result;
using pipeline::unexpected;

constexpr std::array<std::string_view, 2> kSteps = {R"sql(
CREATE TABLE digest_state(
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE digest_blocks(
  id      INTEGER PRIMARY KEY,  -- number of the blocks << 32 + place
  entries BLOB NOT NULL         -- up to 100 entries of 40 bytes, sorted
);
CREATE TABLE digest_journal(
  id      INTEGER PRIMARY KEY,
  entries BLOB NOT NULL         -- up to 100 entries of 40 bytes, newer than the blocks
);
CREATE TABLE digest_scopes(
  number    INTEGER PRIMARY KEY,
  kind      TEXT NOT NULL,
  partition TEXT NOT NULL
);
CREATE TABLE digest_found(
  identity   BLOB PRIMARY KEY,  -- of the entity as it was mapped, with a search for its identifier
  blueprint  TEXT NOT NULL,     -- what the target found
  identifier TEXT NOT NULL
) WITHOUT ROWID;
)sql",
                                                    R"sql(
CREATE TABLE digest_shapes(
  number INTEGER PRIMARY KEY,
  names  BLOB NOT NULL  -- blueprint and fields, each ended by a NUL
);
CREATE TABLE digest_sent(
  id      INTEGER PRIMARY KEY,
  records BLOB NOT NULL -- what was kept of entities' fields, later over earlier
);
)sql"};
constexpr Schema kSchema{"digests", kSteps};

}  // namespace

Result<void> DigestFile::open(const StateFile& file, Opening how) {
  for (auto* connection : {&writer_, &reader_}) {
    auto connected = file.connect();
    if (!connected) return unexpected(std::move(connected).error());
    *connection = std::move(*connected);
  }
  if (auto done = file.prepare(*writer_, kSchema); !done) return done;
  auto blocks_number = value("blocks");
  if (!blocks_number) return unexpected(std::move(blocks_number).error());
  number_ = *blocks_number;
  auto last = value("generation");
  if (!last) return unexpected(std::move(last).error());
  generation_ = static_cast<std::uint32_t>(*last + 1) % DigestEntry::kMostGenerations;
  if (how == Opening::kLook) return {};
  // Before anything is confirmed in it: no two runs may have the same.
  if (auto done = set_value("generation", generation_); !done) return done;
  return drop_other_blocks();
}

Result<std::int64_t> DigestFile::value(std::string_view name) const {
  auto statement = writer_->prepare("SELECT value FROM digest_state WHERE name = ?1");
  if (!statement) return unexpected(std::move(statement).error());
  statement->bind(1, name);
  auto row = statement->step();
  if (!row) return unexpected(std::move(row).error());
  return *row ? statement->integer(0) : std::int64_t{0};
}

Result<void> DigestFile::set_value(std::string_view name, std::int64_t value) const {
  auto statement = writer_->prepare("INSERT OR REPLACE INTO digest_state(name, value) VALUES(?1, ?2)");
  if (!statement) return unexpected(std::move(statement).error());
  statement->bind(1, name);
  statement->bind_integer(2, value);
  return statement->run();
}

Result<std::size_t> DigestFile::count_blocks() const {
  auto rows = writer_->integer(
      fmt::format("SELECT count(*) FROM digest_blocks WHERE id >= {} AND id < {}", number_ << 32, (number_ + 1) << 32));
  if (!rows) return unexpected(std::move(rows).error());
  return static_cast<std::size_t>(*rows);
}

Result<std::size_t> DigestFile::entries_in_journal() const {
  auto sum = writer_->integer("SELECT coalesce(sum(length(entries)), 0) FROM digest_journal");
  if (!sum) return unexpected(std::move(sum).error());
  return static_cast<std::size_t>(*sum) / sizeof(DigestEntry);
}

Result<void> DigestFile::append(std::vector<DigestEntry>& entries) const {
  if (entries.empty()) return {};
  auto transaction = Transaction::begin(*writer_);
  if (!transaction) return unexpected(std::move(transaction).error());
  if (auto done = DigestJournal::append(*writer_, entries); !done) return done;
  entries.clear();
  return transaction->commit();
}

Result<void> DigestFile::drop_other_blocks() const {
  return writer_->run(
      fmt::format("DELETE FROM digest_blocks WHERE id < {} OR id >= {}", number_ << 32, (number_ + 1) << 32));
}

Result<void> DigestFile::write_anew(const Fill& fill) {
  auto writer = DigestBlockWriter::begin(*writer_, number_ + 1);
  if (!writer) return unexpected(std::move(writer).error());
  if (auto done = fill(*writer); !done) return done;
  if (auto done = writer->end(); !done) return done;
  auto transaction = Transaction::begin(*writer_);
  if (!transaction) return unexpected(std::move(transaction).error());
  if (auto done = set_value("blocks", number_ + 1); !done) return done;
  if (auto done = writer_->run("DELETE FROM digest_journal"); !done) return done;
  if (auto done = transaction->commit(); !done) return done;
  ++number_;
  return {};
}

Result<void> DigestFile::merge(std::size_t memory_bytes) {
  auto journalled = entries_in_journal();
  if (!journalled) return unexpected(std::move(journalled).error());
  DigestBlocks old(*reader_, number_);
  if (auto loaded = old.load(nullptr); !loaded) return loaded;
  const std::size_t at_once = std::max<std::size_t>(1, memory_bytes / 2 / sizeof(DigestEntry));
  const std::size_t parts = std::min(kDigestShards, *journalled / at_once + 1);
  const std::size_t shards_a_part = (kDigestShards + parts - 1) / parts;
  return write_anew([&](DigestBlockWriter& writer) -> Result<void> {
    for (std::size_t first = 0; first < kDigestShards; first += shards_a_part) {
      const std::size_t last = std::min(kDigestShards, first + shards_a_part) - 1;
      if (auto done = merge_part(old, first, last, writer); !done) return done;
    }
    return {};
  });
}

Result<void> DigestFile::merge_part(DigestBlocks& old, std::size_t first, std::size_t last,
                                    DigestBlockWriter& writer) const {
  std::vector<DigestEntry> newer;
  auto read = DigestJournal::each(*writer_, [&](const DigestEntry& entry) {
    const std::size_t shard = digest_shard(entry.identity);
    if (shard >= first && shard <= last) newer.push_back(entry);
  });
  if (!read) return read;
  std::stable_sort(newer.begin(), newer.end(),
                   [](const DigestEntry& a, const DigestEntry& b) { return before(a.identity, b.identity); });
  Result<void> done;
  const auto add = [&](const DigestEntry& entry) {
    if (done && !entry.is(DigestEntry::kGone)) done = writer.add(entry);
  };
  std::size_t at = 0;
  // Of several about one identity the last one counts.
  const auto add_newer_before = [&](const Digest* limit) {
    while (at < newer.size() && (limit == nullptr || before(newer[at].identity, *limit))) {
      if (at + 1 == newer.size() || !(newer[at + 1].identity == newer[at].identity)) add(newer[at]);
      ++at;
    }
  };
  auto walked = old.each_of_shards(first, last, [&](const DigestEntry& entry) {
    add_newer_before(&entry.identity);
    if (at == newer.size() || !(newer[at].identity == entry.identity)) add(entry);
  });
  if (!walked) return walked;
  add_newer_before(nullptr);
  return done;
}

}  // namespace riptide::state

#include "digest_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace riptide::state {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

/// Blocks of one number lie between `number << kBlockBits` and the next.
constexpr int kBlockBits = 32;
/// Others wait for a transaction: about 8 MB.
constexpr std::size_t kBlocksPerTransaction = 2000;
constexpr std::size_t kFetchesPerTransaction = 4096;

std::int64_t row_of(std::int64_t number, std::size_t block) {
  return (number << kBlockBits) + static_cast<std::int64_t>(block);
}

}  // namespace

Result<void> DigestBlocks::read(std::string_view bytes, std::vector<DigestEntry>& out) {
  if (bytes.size() % sizeof(DigestEntry) != 0) {
    return unexpected(ErrorKind::kConfig,
                      "the state file is damaged (a row of digests has an odd length): forget it with `riptide state "
                      "reset`");
  }
  out.resize(bytes.size() / sizeof(DigestEntry));
  if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return {};
}

Result<void> DigestBlocks::load(const std::function<void(std::span<const DigestEntry>)>& visit) {
  auto rows = database_.prepare("SELECT entries FROM digest_blocks WHERE id >= ?1 AND id < ?2 ORDER BY id");
  if (!rows) return unexpected(std::move(rows).error());
  rows->bind_integer(1, row_of(number_, 0));
  rows->bind_integer(2, row_of(number_ + 1, 0));
  size_ = 0;
  firsts_.clear();
  fetched_.reset();
  std::vector<DigestEntry> entries;
  while (true) {
    auto row = rows->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) break;
    if (auto done = read(rows->bytes(0), entries); !done) return done;
    if (entries.empty()) continue;
    firsts_.push_back(entries.front().identity.high);
    size_ += entries.size();
    if (visit) visit(entries);
  }
  return {};
}

Result<void> DigestBlocks::fetch(std::size_t block) {
  if (fetched_ == block) return {};
  if (!select_) {
    auto prepared = database_.prepare("SELECT entries FROM digest_blocks WHERE id = ?1");
    if (!prepared) return unexpected(std::move(prepared).error());
    select_ = std::move(*prepared);
  }
  // In a transaction a read costs no locks. Now and then a new one, so that the log can be emptied meanwhile.
  if (fetches_++ % kFetchesPerTransaction == 0) {
    if (auto ended = end_reading(); !ended) return ended;
    if (!database_.in_transaction()) {
      if (auto begun = database_.run("BEGIN"); !begun) return begun;
      reading_ = true;
    }
  }
  fetched_.reset();
  block_.clear();
  select_->bind_integer(1, row_of(number_, block));
  auto row = select_->step();
  if (!row) return unexpected(std::move(row).error());
  Result<void> done;
  if (*row) done = read(select_->bytes(0), block_);
  select_->reset();
  if (done) fetched_ = block;
  return done;
}

Result<void> DigestBlocks::end_reading() {
  if (!std::exchange(reading_, false)) return {};
  return database_.run("COMMIT");
}

Result<std::optional<DigestBlocks::Found>> DigestBlocks::find(const Digest& identity) {
  std::optional<Found> none;
  // The last block whose first is not behind the identity; those before it only where `high` is the same.
  std::size_t block =
      static_cast<std::size_t>(std::upper_bound(firsts_.begin(), firsts_.end(), identity.high) - firsts_.begin());
  while (block > 0) {
    --block;
    if (auto done = fetch(block); !done) return unexpected(std::move(done).error());
    const auto at = std::lower_bound(block_.begin(), block_.end(), identity,
                                     [](const DigestEntry& a, const Digest& b) { return before(a.identity, b); });
    if (at != block_.end() && at->identity == identity) {
      return std::optional<Found>({*at, block * kEntriesPerBlock + static_cast<std::size_t>(at - block_.begin())});
    }
    if (firsts_[block] < identity.high) return none;
  }
  return none;
}

Result<void> DigestBlocks::each_of_shards(std::size_t first, std::size_t last,
                                          const std::function<void(const DigestEntry&)>& visit) {
  const std::uint64_t low = static_cast<std::uint64_t>(first) << 56;
  std::size_t block = static_cast<std::size_t>(std::lower_bound(firsts_.begin(), firsts_.end(), low) - firsts_.begin());
  if (block > 0) --block;
  for (; block < firsts_.size(); ++block) {
    if (auto done = fetch(block); !done) return done;
    for (const DigestEntry& entry : block_) {
      const std::size_t shard = digest_shard(entry.identity);
      if (shard > last) return {};
      if (shard >= first) visit(entry);
    }
  }
  return {};
}

Result<DigestBlockWriter> DigestBlockWriter::begin(Database& database, std::int64_t number) {
  auto insert = database.prepare("INSERT OR REPLACE INTO digest_blocks(id, entries) VALUES(?1, ?2)");
  if (!insert) return unexpected(std::move(insert).error());
  return DigestBlockWriter(database, number, std::move(*insert));
}

Result<void> DigestBlockWriter::add(const DigestEntry& entry) {
  DigestEntry& kept = block_.emplace_back(entry);
  kept.clear(DigestEntry::kFlags);
  ++size_;
  return block_.size() < DigestBlocks::kEntriesPerBlock ? Result<void>() : write_block();
}

Result<void> DigestBlockWriter::write_block() {
  if (block_.empty()) return {};
  if (!transaction_) {
    auto begun = Transaction::begin(*database_);
    if (!begun) return unexpected(std::move(begun).error());
    transaction_ = std::make_unique<Transaction>(std::move(*begun));
  }
  insert_.bind_integer(1, row_of(number_, blocks_));
  insert_.bind_bytes(2, {reinterpret_cast<const char*>(block_.data()), block_.size() * sizeof(DigestEntry)});
  if (auto done = insert_.run(); !done) return done;
  block_.clear();
  if (++blocks_ % kBlocksPerTransaction != 0) return {};
  auto done = transaction_->commit();
  transaction_.reset();
  return done;
}

Result<void> DigestBlockWriter::end() {
  if (auto done = write_block(); !done) return done;
  if (!transaction_) return {};
  auto done = transaction_->commit();
  transaction_.reset();
  return done;
}

}  // namespace riptide::state

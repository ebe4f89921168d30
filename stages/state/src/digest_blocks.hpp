#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "digest_entry.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/state/database.hpp"

namespace riptide::state {

/// Entries on disk: sorted, a hundred a row, so that a row is one page of the file. One connection, one thread at a
/// time.
class DigestBlocks {
 public:
  static constexpr std::size_t kEntriesPerBlock = 100;

  /// Where an entry stands among all.
  using Position = std::size_t;
  struct Found {
    DigestEntry entry;
    Position position = 0;
  };

  /// `number` tells the blocks of one generation from another's, which is being written beside them.
  DigestBlocks(Database& database, std::int64_t number) : database_(database), number_(number) {}
  ~DigestBlocks() { (void)end_reading().has_value(); }
  DigestBlocks(const DigestBlocks&) = delete;
  DigestBlocks& operator=(const DigestBlocks&) = delete;

  /// Reads the blocks in order; `visit` may be null. Afterwards `find` works. Errors: as of the database, kMalformed.
  [[nodiscard]] pipeline::Result<void> load(const std::function<void(std::span<const DigestEntry>)>& visit);
  [[nodiscard]] pipeline::Result<std::optional<Found>> find(const Digest& identity);
  /// Ends the reading that `find` goes on with: before the blocks are taken away.
  [[nodiscard]] pipeline::Result<void> end_reading();
  /// Calls `visit` with the entries of identities of shards from `first` to `last`, in order.
  [[nodiscard]] pipeline::Result<void> each_of_shards(std::size_t first, std::size_t last,
                                                      const std::function<void(const DigestEntry&)>& visit);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::int64_t number() const noexcept { return number_; }
  /// Bytes of memory that finding takes.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return firsts_.capacity() * sizeof(std::uint64_t) + sizeof(block_);
  }

  /// Reads what a row holds.
  [[nodiscard]] static pipeline::Result<void> read(std::string_view bytes, std::vector<DigestEntry>& out);

 private:
  [[nodiscard]] pipeline::Result<void> fetch(std::size_t block);

  Database& database_;
  std::int64_t number_;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> firsts_;  ///< `high` of each block's first identity.
  std::optional<Statement> select_;
  std::vector<DigestEntry> block_;  ///< Read last.
  std::optional<std::size_t> fetched_;
  std::size_t fetches_ = 0;
  bool reading_ = false;  ///< In a transaction of ours.
};

/// Writes blocks of a new generation beside those that stand, in transactions of its own.
class DigestBlockWriter {
 public:
  [[nodiscard]] static pipeline::Result<DigestBlockWriter> begin(Database& database, std::int64_t number);

  /// Adds entries; all calls together must be in order.
  [[nodiscard]] pipeline::Result<void> add(const DigestEntry& entry);
  [[nodiscard]] pipeline::Result<void> end();
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  DigestBlockWriter(Database& database, std::int64_t number, Statement insert)
      : database_(&database), number_(number), insert_(std::move(insert)) {}
  [[nodiscard]] pipeline::Result<void> write_block();

  Database* database_;
  std::int64_t number_;
  Statement insert_;
  std::unique_ptr<Transaction> transaction_;
  std::vector<DigestEntry> block_;
  std::size_t blocks_ = 0;
  std::size_t size_ = 0;
};

}  // namespace riptide::state

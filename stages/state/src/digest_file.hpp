#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "digest_blocks.hpp"
#include "digest_entry.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/state/database.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::state {

/// The digests in a state file: the blocks that stand, and a journal of what came after them; and how both become new
/// blocks. One thread at a time, but for what is `const`; errors are those of the database.
class DigestFile {
 public:
  enum class Opening : std::uint8_t {
    kRun,   ///< A new generation begins, and what a run that was broken off has left goes.
    kLook,  ///< Nothing is written but missing tables.
  };
  /// Connects and makes the tables.
  [[nodiscard]] pipeline::Result<void> open(const StateFile& file, Opening how);

  [[nodiscard]] Database& writer() const noexcept { return *writer_; }  ///< The journal's, while its thread runs.
  [[nodiscard]] Database& reader() const noexcept { return *reader_; }  ///< For looking up blocks.
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::int64_t blocks_number() const noexcept { return number_; }  ///< Of the blocks that stand.

  [[nodiscard]] pipeline::Result<std::size_t> count_blocks() const;
  [[nodiscard]] pipeline::Result<std::size_t> entries_in_journal() const;
  /// Adds entries to the journal, in a transaction, and empties the list.
  [[nodiscard]] pipeline::Result<void> append(std::vector<DigestEntry>& entries) const;

  /// Makes blocks of what `fill` adds, in order, in place of blocks and journal. `drop_other_blocks` removes the old
  /// ones, once nobody reads them.
  using Fill = std::function<pipeline::Result<void>(DigestBlockWriter&)>;
  [[nodiscard]] pipeline::Result<void> write_anew(const Fill& fill);
  /// Makes blocks of the old ones and the journal, in their place, within `memory_bytes`: a part of the identities at a
  /// time.
  [[nodiscard]] pipeline::Result<void> merge(std::size_t memory_bytes);
  [[nodiscard]] pipeline::Result<void> drop_other_blocks() const;

 private:
  [[nodiscard]] pipeline::Result<std::int64_t> value(std::string_view name) const;
  [[nodiscard]] pipeline::Result<void> set_value(std::string_view name, std::int64_t value) const;
  [[nodiscard]] pipeline::Result<void> merge_part(DigestBlocks& old, std::size_t first, std::size_t last,
                                                  DigestBlockWriter& writer) const;

  std::unique_ptr<Database> writer_;
  std::unique_ptr<Database> reader_;
  std::uint32_t generation_ = 1;
  std::int64_t number_ = 0;
};

}  // namespace riptide::state

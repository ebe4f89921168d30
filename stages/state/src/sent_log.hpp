#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "digest_entry.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/state/database.hpp"
#include "riptide/state/sent_fields.hpp"

namespace riptide::state {

/// One record of what was kept of an entity: identity (16), the low half of the low word of the digest of its contents
/// (4), shape (4), number of fields (2), length of the identifier (2), identifier, digests (4 each), little-endian.
struct SentRecord {
  Digest identity;
  std::uint32_t contents = 0;
  std::uint32_t shape = 0;
  std::string_view identifier;
  std::string_view digests;  ///< Their bytes.
  std::size_t bytes = 0;     ///< Of the whole record.

  static constexpr std::size_t kMostFields = UINT16_MAX;
  static constexpr std::size_t kMostIdentifier = UINT16_MAX;
  /// Reads the record at the front; nothing if it is cut short.
  [[nodiscard]] static std::optional<SentRecord> read(std::string_view bytes) noexcept;
};

/// Numbers of shapes. Any thread.
class ShapeNumbers {
 public:
  /// What has more shapes than this is made of arbitrary names: nothing is kept of the rest.
  static constexpr std::size_t kMost = 10'000;

  [[nodiscard]] pipeline::Result<void> load(Database& database);
  struct Number {
    std::uint32_t number = 0;  ///< 0: there are too many.
    bool is_new = false;
  };
  [[nodiscard]] Number number(std::string_view shape);

 private:
  std::mutex mutex_;  ///< Guards numbers_.
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

/// The rows of the log, as they are filled: a row is one page of the file.
class SentRows {
 public:
  static constexpr std::size_t kBytesPerRow = 4000;
  void add(const DigestEntry& entry, std::uint32_t shape, const SentFields& fields);
  void add(std::string_view record);
  [[nodiscard]] std::size_t records() const noexcept { return records_; }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  /// Writes all rows. In a transaction of the caller.
  [[nodiscard]] pipeline::Result<void> write(Database& database) const;
  void clear();

 private:
  std::vector<std::string> rows_;
  std::size_t records_ = 0;
};

/// What `clean_sent_log` goes by.
struct SentLogUse {
  std::size_t known = 0;         ///< Entities.
  std::size_t sent = 0;          ///< Records that this run has added.
  std::int64_t first_row = 0;    ///< The first of these.
  std::size_t most_records = 0;  ///< That may be looked at: what cleaning may cost.
  /// Whether a record is of what is known of its entity now.
  std::function<pipeline::Result<bool>(const SentRecord&)> is_current;
};
/// Removes rows from the log's begin once half of it is out of date; what counts of them moves to the end. A run that
/// has sent everything anew leaves nothing that counts behind: then nothing is looked at.
[[nodiscard]] pipeline::Result<void> clean_sent_log(Database& database, const SentLogUse& use);
/// Whether it would remove anything, of `known` entities after a run that has added `sent` records.
[[nodiscard]] pipeline::Result<bool> sent_log_is_stale(Database& database, std::size_t known, std::size_t sent);
/// The row that comes next.
[[nodiscard]] pipeline::Result<std::int64_t> next_sent_row(Database& database);

}  // namespace riptide::state

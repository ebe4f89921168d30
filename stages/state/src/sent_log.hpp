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

/// One record of what was kept of an entity: identity (16), shape (4), number of fields (2), length of the identifier
/// (2), identifier, digests (4 each), little-endian.
struct SentRecord {
  Digest identity;
  std::uint32_t shape = 0;
  std::string_view identifier;
  std::string_view digests;  ///< Their bytes.
  std::size_t bytes = 0;     ///< Of the whole record.

  static constexpr std::size_t kMostFields = UINT16_MAX;
  static constexpr std::size_t kMostIdentifier = UINT16_MAX;
  static void append(const Digest& identity, std::uint32_t shape, const SentFields& fields, std::string& out);
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
  void add(const Digest& identity, std::uint32_t shape, const SentFields& fields);
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

/// Makes the log anew once most of it is out of date: of each entity the last record, if `known` says that it is still
/// known. `entities` are known in all. Takes `memory_bytes` or less, and reads the log as often as that needs.
[[nodiscard]] pipeline::Result<void> tidy_sent_log(Database& database, std::size_t entities, std::size_t memory_bytes,
                                                   const std::function<bool(const Digest&)>& known);

}  // namespace riptide::state

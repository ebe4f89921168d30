#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

using pipeline::Result;

/// Rows by a key, read once into memory: to enrich items with. Any thread.
class LookupTable {
 public:
  /// The file, and what of it.
  struct Options {
    std::string file;    ///< `.csv` with a header line, `.ndjson`/`.jsonl`, or SQLite (`.db`, `.sqlite`, `.sqlite3`).
    std::string table;   ///< Of a SQLite file; "" is its only one.
    std::string column;  ///< That the key stands in. Of rows with the same key the last one counts.
    std::string select;  ///< One column instead of the whole row; "" is the row.
    std::size_t max_bytes = 256u << 20;  ///< Of memory.
  };

  /// Reads the table. Errors: kConfig (no such file, table or column; a line that does not parse, with its number),
  /// kLimit.
  static Result<std::shared_ptr<const LookupTable>> load(const Options& options);

  /// The row as a JSON object, or the selected column's value; "" if there is none with this key.
  [[nodiscard]] std::string_view find(std::string_view key) const;
  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

 private:
  class Loader;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::string, Hash, std::equal_to<>> rows_;
};

}  // namespace riptide::stages

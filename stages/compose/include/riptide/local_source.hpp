#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/item.hpp"
#include "riptide/stages/source.hpp"

namespace riptide {

/// A page to read: what a `LocalSource` asked for.
struct PageRequest {
  std::string partition = "*";  ///< The part of the kind that it belongs to: read to its end, or not.
  std::string cursor;           ///< Where in the partition; empty is its beginning.
};

/// A page of records, and where the partition goes on.
struct LocalPage {
  std::string records;              ///< JSON objects, one behind the other; white space between them.
  std::optional<std::string> next;  ///< Cursor of the next page; none: this was the last.
};

/// A source that reads on this machine, or by means of its own (a driver, a directory, a generator): its calls may
/// block, and come from reader threads, several at once for different pages. Partitions are read side by side, pages of
/// one in their order.
class LocalSource {
 public:
  virtual ~LocalSource() = default;
  /// What it is called, e.g. "csv".
  [[nodiscard]] virtual std::string_view type() const = 0;
  /// Returns the first pages of a kind: one for each partition. Called before anything is read. Errors: kConfig (it has
  /// no such kind).
  virtual Result<std::vector<PageRequest>> start(const std::string& kind) = 0;
  /// Reads a page. An Error leaves the partition incomplete: kTransport is tried again first.
  virtual Result<LocalPage> read_page(const std::string& kind, const PageRequest& request) = 0;
  /// Reader threads: pages that are read at once.
  [[nodiscard]] virtual std::size_t readers() const { return 4; }
};

}  // namespace riptide

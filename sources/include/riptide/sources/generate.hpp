#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "riptide/item.hpp"
#include "riptide/local_source.hpp"

namespace riptide::sources {

/// Makes records up, to measure with and to try graphs on. The same options give the same records.
///
/// A record: {"id": "record-17", "number": 17, "name": "Record 17", "group": "group-3", "active": true, "score": 0.17,
/// "tags": ["a", "b"], "owner": {"name": "...", "email": "..."}, "text": "..."}; `text` fills it up to `record_bytes`.
/// Partitions are called "part-1" and so on.
class GenerateSource final : public LocalSource {
 public:
  /// How many records, and how they look.
  struct Options {
    std::uint64_t records = 0;        ///< In all.
    std::size_t record_bytes = 2000;  ///< Of one, about; at least some 250.
    std::size_t page_records = 100;
    std::uint64_t partitions = 4;
    std::string kind = "record";
    std::chrono::milliseconds latency{0};  ///< Of each page.
    /// Waits; std::this_thread::sleep_for unless a test counts.
    std::function<void(std::chrono::milliseconds)> pause = {};
  };
  explicit GenerateSource(Options options);

  [[nodiscard]] std::string_view type() const override { return "generate"; }
  Result<std::vector<PageRequest>> start(const std::string& kind) override;
  Result<LocalPage> read_page(const std::string& kind, const PageRequest& request) override;
  [[nodiscard]] std::size_t readers() const override { return 2; }

 private:
  void append_record(std::uint64_t number, std::string& out) const;

  Options options_;
  std::string filler_;
};

}  // namespace riptide::sources

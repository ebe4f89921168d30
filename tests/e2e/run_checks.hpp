#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "json_value.hpp"
#include "program.hpp"

namespace riptide::e2e {

/// A report, read and held against the contract: every field there, of its type, codes that fit, the accounting
/// equation recomputed. What is wrong becomes a failure of the current test.
class Report {
 public:
  explicit Report(std::string_view text);

  [[nodiscard]] const Json& json() const { return json_; }
  /// A count over all kinds of a sink, e.g. "created".
  [[nodiscard]] std::uint64_t total(std::string_view count, std::size_t sink = 0) const;
  /// The same of one kind.
  [[nodiscard]] std::uint64_t of(std::string_view kind, std::string_view count, std::size_t sink = 0) const;
  [[nodiscard]] std::uint64_t peak_rss_bytes() const { return json_["peak_rss_bytes"].count(); }

 private:
  void check_schema() const;
  void check_accounting() const;
  Json json_;
};

/// Holds the end of a `sync` against the contract: stdout, the last line of stderr, the report's codes.
void check_end_of_sync(const Command& command, const Ended& ended, const std::string& report);

}  // namespace riptide::e2e

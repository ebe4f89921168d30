#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::simulator {

/// What a query can ask of an issue.
struct JqlFacts {
  std::string_view key;
  std::string_view project_key;
  std::uint64_t project_id = 0;
  std::int64_t created_ms = 0;  ///< Since 1970, UTC.
  std::int64_t updated_ms = 0;
  std::string_view status;  ///< Its category has the same name.
};

/// A query in the part of JQL that the made-up Jira understands.
class JqlQuery {
 public:
  enum class Order { kNone, kCreatedAscending, kCreatedDescending };

  /// Reads a query; times are read as `utc_offset_ms` ahead of UTC, and days back from `now_ms`. Nothing when it is no
  /// such query.
  static std::optional<JqlQuery> parse(std::string_view text, std::int64_t utc_offset_ms, std::int64_t now_ms);

  [[nodiscard]] bool finds(const JqlFacts& facts) const;
  [[nodiscard]] Order order() const noexcept { return order_; }

 private:
  friend class JqlParser;
  enum class Kind { kAll, kAnd, kOr, kNot, kProject, kKey, kStatus, kCreated, kUpdated };
  enum class Relation { kIn, kNotIn, kLess, kAtMost, kGreater, kAtLeast };
  struct Node {
    Kind kind = Kind::kAll;
    Relation relation = Relation::kIn;
    std::vector<std::size_t> operands;  ///< Of kAnd, kOr, kNot: nodes.
    std::vector<std::string> values;    ///< In lower case.
    std::int64_t time_ms = 0;
  };
  [[nodiscard]] bool holds(std::size_t node, const JqlFacts& facts) const;

  std::vector<Node> nodes_;
  std::size_t root_ = 0;
  Order order_ = Order::kNone;
};

/// "2024-03-01T10:11:12.345+0100" of a time and an offset.
std::string timestamp_of(std::int64_t ms, std::int64_t utc_offset_ms);

}  // namespace riptide::simulator

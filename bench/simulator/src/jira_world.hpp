#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "byte_buffer.hpp"
#include "jql_query.hpp"
#include "riptide/simulator/jira_options.hpp"

namespace riptide::simulator {

/// Everything that exists on the made-up Jira. Not thread-safe: its owner holds a lock. An issue is 40 bytes here;
/// texts are made when they are asked for.
class JiraWorld {
 public:
  explicit JiraWorld(const JiraOptions& options);

  struct Issue {
    std::uint64_t id = 0;
    std::uint32_t project = 0;
    std::uint32_t number = 0;  ///< Of the key.
    std::int64_t created_ms = 0;
    std::int64_t updated_ms = 0;
    std::uint8_t status = 0;
    bool exists = true;
  };
  enum class Fields { kAll, kCreated, kKey };

  /// The issues that a query finds, in its order, as indexes; nothing when it is no query.
  const std::vector<std::uint32_t>* find(std::string_view jql);
  /// Where the issue behind that one stands in a result; the result's size behind the last.
  [[nodiscard]] std::size_t place_behind(const std::vector<std::uint32_t>& found, std::uint32_t issue,
                                         std::string_view jql) const;
  [[nodiscard]] const Issue& issue(std::uint32_t index) const { return issues_[index]; }
  [[nodiscard]] std::string key(std::uint32_t index) const;
  [[nodiscard]] std::optional<std::uint32_t> find_issue(std::string_view key) const;

  [[nodiscard]] std::size_t projects() const noexcept { return options_.projects; }
  [[nodiscard]] std::size_t listed_projects() const noexcept;
  [[nodiscard]] std::string project_key(std::size_t project) const;
  [[nodiscard]] std::optional<std::size_t> find_project(std::string_view key) const;

  /// Each appends one record as JSON. `base` is the address that links begin with.
  void write_issue(std::uint32_t index, Fields fields, std::string_view base, ByteBuffer& out) const;
  void write_project(std::size_t project, std::string_view base, ByteBuffer& out) const;
  void write_user(std::size_t user, std::string_view base, bool server, ByteBuffer& out) const;

  std::uint32_t create_issue(std::size_t project);
  void remove_issue(std::uint32_t index);

  [[nodiscard]] const JiraOptions& options() const noexcept { return options_; }

 private:
  [[nodiscard]] JqlFacts facts_of(const Issue& issue, std::string& key, std::string& project) const;

  JiraOptions options_;
  std::vector<Issue> issues_;
  std::vector<std::uint32_t> next_number_;
  std::int64_t utc_offset_ms_;
  struct Result {
    JqlQuery::Order order = JqlQuery::Order::kNone;
    std::vector<std::uint32_t> issues;
  };
  std::map<std::string, Result, std::less<>> found_;  ///< Since the last change.
  std::unordered_map<std::string, std::uint32_t> by_key_;
};

}  // namespace riptide::simulator

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "walk_source.hpp"

namespace riptide::test {

/// A small system that a source reads, and what may be wrong with it.
struct Trouble {
  bool empty = false;    ///< It holds nothing.
  bool repeats = false;  ///< It does not heed where a page begins: every page is the first.
  /// It gets one more record, in front of the others, once it has given so many answers.
  std::optional<std::size_t> grows_after = {};
};

/// One source under the contract: all that a new one has to say of itself.
struct SourceCase {
  std::string name;
  std::function<std::unique_ptr<stages::Source>()> make;
  std::vector<stages::SourceResource> resources;
  std::function<Server(const Trouble&)> system;
  std::size_t records = 0;      ///< What the system holds, over all resources.
  std::size_t twice = 0;        ///< How many of them a walk meets a second time.
  std::string leaves_out = {};  ///< The key, with its quotes, without which a record is left out on purpose.
  /// Statuses that mean to this source that there is nothing, and no error.
  std::function<bool(const stages::Request&, int status)> tolerates = [](const auto&, int) { return false; };
};

SourceCase custom_case();
SourceCase jira_case();
SourceCase jira_server_case();
SourceCase octopus_case();

}  // namespace riptide::test

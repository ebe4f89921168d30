#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::stages {

struct ScopeEntry;
struct SeenEntry;
struct SettledCounts;

/// What a run hangs on: a journal is good for runs on the same terms. Texts and digests, compared as they are.
struct JournalTerms {
  std::string version;    ///< Of riptide.
  std::string mapping;    ///< Digest of the mapping's text.
  std::string source;     ///< Digest of the source's type and settings, its secrets left out.
  std::string selection;  ///< The resource blocks that are read.
  std::string sinks;      ///< Their specs, in order.
  /// Since when this machine is up, where a sink's file may lose its last commits when it goes down; empty elsewhere.
  std::string boot;
};

/// A run that did not come to its end, as its journal says.
struct UnfinishedRun {
  std::vector<std::string> run_ids;  ///< The run, and those that went on from it.
  std::int64_t begun = 0;            ///< Of the first of them: seconds since 1970, UTC.
  JournalTerms terms;
  std::string catalogues;  ///< Which files its local sinks wrote to.
};

/// Says why a run on these terms cannot go on from that one, or nothing. `now` is in seconds since 1970.
[[nodiscard]] std::string obstacle_to_resume(const UnfinishedRun& run, const JournalTerms& terms, std::int64_t now);

/// The tables that say how far an unfinished run came: which pages are settled at every sink, what they taught of their
/// scopes, which identities they had, and what they came to. What is in them was confirmed by the sinks before. One
/// thread at a time. Errors: those of `state::Database`; kMalformed when what is there is damaged.
class Journal {
 public:
  /// A journal that is older than this is no longer gone on with.
  static constexpr std::chrono::hours kMostAge{24};

  [[nodiscard]] static pipeline::Result<std::unique_ptr<Journal>> open(const state::StateFile& file);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// The run that has not come to its end, if there is one.
  [[nodiscard]] pipeline::Result<std::optional<UnfinishedRun>> unfinished();

  /// Forgets what is there, and begins one for `run`.
  [[nodiscard]] pipeline::Result<void> begin(const UnfinishedRun& run, const SettledCounts& nothing);
  /// Enters one more run that goes on from the others.
  [[nodiscard]] pipeline::Result<void> go_on(const std::string& run_id);
  /// Forgets everything: the run is complete.
  [[nodiscard]] pipeline::Result<void> remove();

  [[nodiscard]] pipeline::Result<std::vector<ScopeEntry>> scopes();
  [[nodiscard]] pipeline::Result<SettledCounts> counts(std::size_t resources, std::size_t sinks);
  /// Calls `visit` with each identity, and the scope's id and resource that it was read in.
  [[nodiscard]] pipeline::Result<void> seen(
      const std::function<void(std::uint32_t scope, std::uint32_t resource, const SeenEntry& entry)>& visit);

  /// What has settled since the last time, in the packed forms of the entries.
  struct Progress {
    std::vector<std::pair<std::uint32_t, std::string>> scopes;  ///< By id; they take the place of what was there.
    std::string seen;                                           ///< Added to what was there.
    std::string counts;                                         ///< Take the place of what was there.
  };
  /// Enters it, all or nothing.
  [[nodiscard]] pipeline::Result<void> enter(const Progress& progress);

 private:
  struct State;
  explicit Journal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace riptide::stages

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "riptide/stages/plan.hpp"

namespace riptide::stages {

/// What a plan is a plan of. It can be carried out only by a run that is of the same.
struct PlanSubject {
  std::string integration;
  std::string integration_type;
  std::string target;              ///< Address of the catalogue.
  std::string mapping;             ///< Digest of the mapping and of what else shapes the entities.
  std::vector<std::string> kinds;  ///< Of `--kind`; empty are all.
  bool deletes = true;
  std::string delete_scope = "all";
  std::string max_delete;  ///< As it was given; empty is no limit.
};

/// What of `planned` a run that is `here` differs in: a sentence each, both values said.
[[nodiscard]] std::vector<std::string> differences(const PlanSubject& planned, const PlanSubject& here);

/// Writes a plan as one JSON object (docs/plan.schema.json), piece by piece: the head, then a line for each change and
/// deletion. `report` is that of the run that made it. Errors: what reading the plan or `write` returned.
pipeline::Result<void> write_plan(const PlanSubject& subject, const pipeline::RunReport& report, const Plan& plan,
                                  const std::function<pipeline::Result<void>(std::string_view)>& write);

/// A plan in a file, as `write_plan` wrote it: its head, and digests of its changes and deletions, 8 bytes each.
class PlanFile {
 public:
  /// Errors: kConfig: no such file, no plan (or one that was written by another program), of another version of the
  /// format, cut off or edited.
  [[nodiscard]] static pipeline::Result<PlanFile> open(std::string path);

  [[nodiscard]] const PlanSubject& subject() const noexcept { return subject_; }
  [[nodiscard]] const std::string& run_id() const noexcept { return run_id_; }
  [[nodiscard]] const std::string& created_at() const noexcept { return created_at_; }

  /// What has moved between this plan and `now`, the same made anew: a sentence each, with numbers and examples. Empty
  /// if they do the same. Errors: kConfig (the file cannot be read any more), those of `now`.
  [[nodiscard]] pipeline::Result<std::vector<std::string>> moved(const Plan& now,
                                                                 const pipeline::RunReport& report) const;

 private:
  explicit PlanFile(std::string path) : path_(std::move(path)) {}
  struct Entry {
    pipeline::Digest digest;
    bool is_change = false;
    std::string action, blueprint, identifier;
  };
  pipeline::Result<void> read_head(std::string_view line);
  /// Calls `visit` with each change and deletion; false ends it.
  pipeline::Result<void> read_entries(const std::function<bool(const Entry&)>& visit) const;
  [[nodiscard]] pipeline::Error wrong(std::string_view what) const;

  std::string path_;
  PlanSubject subject_;
  std::string run_id_, created_at_;
  SetDigest source_, changes_, deletions_;
  bool would_trip_ = false;
  std::string deletion_;
  std::vector<std::uint64_t> entries_;  ///< Of all digests, the low half; sorted.
};

}  // namespace riptide::stages

#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "reconcile/closed_scopes.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::stages {

/// What was read, by resource: the part of the accounting that all sinks share. Any thread.
class ReadLedger {
 public:
  explicit ReadLedger(std::vector<std::string> kinds);

  void page(std::uint32_t resource, std::uint64_t records, std::uint64_t bytes);
  /// Enters what became of a page of the scope with this number.
  void mapped(const transform::MappedPage& page, std::uint32_t scope);
  void duplicates(std::uint32_t resource, std::uint64_t count);
  /// Enters what runs before this one read, of which this one is the rest.
  void carry(std::uint32_t resource, std::uint64_t pages, std::uint64_t records, std::uint64_t bytes,
             const pipeline::Tally& tally);

  /// True once a record's identity could not be computed: nothing may be deleted then.
  [[nodiscard]] bool unreadable() const;
  /// Where that happened.
  [[nodiscard]] UnreadableScopes unreadable_scopes() const;
  [[nodiscard]] std::uint64_t records() const;
  [[nodiscard]] std::uint64_t bytes() const;
  /// Counts of a resource that are the same at every sink: read, filtered, invalid, duplicate.
  [[nodiscard]] pipeline::Tally shared(std::uint32_t resource) const;
  /// Fills pages, records, bytes and misconfigured fields.
  [[nodiscard]] std::vector<pipeline::KindReport> rows() const;

 private:
  struct Row {
    pipeline::KindReport report;
    pipeline::Tally tally;
    std::unordered_map<std::string, std::size_t> fields;  ///< Into report.misconfigured.
  };
  mutable std::mutex mutex_;  ///< Guards everything below.
  std::vector<Row> rows_;
  UnreadableScopes unreadable_;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

/// What became of the entities at one sink, by resource. Any thread.
class SinkLedger {
 public:
  explicit SinkLedger(std::size_t resources);

  /// Enters the outcomes of a batch, one for each entity. Those of `held` (none if it is empty) wait: they are to be
  /// sent later.
  void settled(const pipeline::Batch& batch, const std::vector<pipeline::Outcome>& outcomes,
               const std::vector<bool>& held = {});
  /// An entity that was held is sent now.
  void sent_later(const pipeline::Entity& entity);
  /// An entity that was held is not sent, since a later one of the same identity is.
  void replaced(const pipeline::Entity& entity);
  /// Whatever is still held is given up.
  void held_abandoned();
  /// Enters a batch whose entities were all given up.
  void abandoned(const pipeline::Batch& batch);
  /// Enters entities that came, where their number is not told by what was read.
  void arrived(const std::vector<pipeline::Entity>& entities);
  /// Enters entities that came before and go no further.
  void repeated(const std::vector<pipeline::Entity>& entities);
  [[nodiscard]] std::uint64_t arrived_total() const;
  /// Enters entities that need not be sent.
  void unchanged(const std::vector<pipeline::Entity>& entities);
  void request(const pipeline::Batch& batch);
  void deleted(std::uint32_t resource, std::uint64_t count);
  /// Enters what became of entities in runs before this one, of which this one is the rest.
  void carry(std::uint32_t resource, const pipeline::Tally& tally, std::uint64_t bytes_out);

  [[nodiscard]] std::uint64_t settled_total() const;
  /// By this run alone.
  [[nodiscard]] std::uint64_t created_total() const;
  [[nodiscard]] pipeline::SinkKindReport row(std::uint32_t resource) const;
  /// The resource that an entity of this blueprint came from in this run, else 0: who a deletion is booked under where
  /// the target cannot tell.
  [[nodiscard]] std::uint32_t resource_of(std::string_view blueprint) const;

 private:
  mutable std::mutex mutex_;  ///< Guards everything below.
  std::vector<pipeline::SinkKindReport> rows_;
  std::vector<std::uint64_t> held_;  ///< By resource.
  std::unordered_map<std::string, std::uint32_t> blueprints_;
  std::uint64_t settled_total_ = 0;
  std::uint64_t arrived_total_ = 0;
  std::uint64_t carried_created_ = 0;
};

}  // namespace riptide::stages

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "diff/field_digests.hpp"
#include "diff/owned_listing.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/loan_pool.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/sink.hpp"
#include "riptide/state/digest_store.hpp"

namespace riptide::stages {

/// What is known of a target, during one run: tells which entities need not be sent, and remembers what became of those
/// that were. Free of TBB; any thread, but for `begin` and what stands behind it.
class Diff {
 public:
  /// Kind and partition of an entity, as they are remembered.
  using ScopeName = std::function<std::pair<std::string, std::string>(const Entity&)>;
  /// Told of the identity that a search found in an earlier run, for an entity that is not sent.
  using NoteFound = std::function<void(const Entity&, const pipeline::Digest&)>;

  Diff(std::unique_ptr<state::DigestStore> store, const SinkContext& context, ScopeName scope_name,
       NoteFound note_found);

  /// Starts the listing of the target, if anything is known of it; else nothing has to be listed before the end.
  /// `catalogue` is borrowed.
  void begin(Catalogue& catalogue, std::size_t name_bytes);
  /// Calls back when `filter` may be asked: at once, or when the listing is over, on its thread.
  void when_ready(std::function<void()> ready);

  /// What remains to be done with a page's entities.
  struct Split {
    std::vector<Entity> changed;    ///< To be sent.
    std::vector<Entity> unchanged;  ///< Settled.
    bool wait = false;              ///< Nothing may be sent before `when_written` has called back.
  };
  [[nodiscard]] pipeline::Result<Split> filter(const EntityBuffer& entities);
  void when_written(std::function<void(const pipeline::Result<void>&)> done) { store_->when_written(std::move(done)); }

  /// Remembers what became of a batch; without outcomes: nobody knows.
  void settled(const EntityBuffer& batch, std::span<const Outcome> outcomes);
  [[nodiscard]] pipeline::Result<void> removed(std::span<const OwnedEntity> entities);
  /// Adds what is known of an entity that the target lists: the kind and partition that it was read in.
  [[nodiscard]] pipeline::Result<void> describe(OwnedEntity& entity);

  // On one thread, when nothing is on its way any more.
  /// The listing of the run's beginning; null if there was none.
  [[nodiscard]] const OwnedListing* listing();
  /// `whole_run`: every scope of every kind was read to its end.
  [[nodiscard]] pipeline::Result<void> finish(state::DigestStore::Ending how) { return store_->finish(how); }

 private:
  /// Neighbours are mostly of one scope: its number is not looked up for each.
  struct LastScope {
    std::uint64_t key = 0;
    std::optional<std::uint32_t> number;
  };
  [[nodiscard]] state::DigestStore::Question question_of(const EntityBuffer& buffer, const Entity& entity,
                                                         LastScope& last);
  [[nodiscard]] std::uint32_t number_of(std::uint64_t key, const Entity& entity);
  void confirm(const EntityBuffer& batch, const Entity& entity, const Outcome& outcome, FieldDigests& fields,
               LastScope& last);
  void listing_is_over(const pipeline::Result<void>& result);

  const std::unique_ptr<state::DigestStore> store_;
  const pipeline::Digest options_;  ///< Of what entities are sent with.
  const ScopeName scope_name_;
  const NoteFound note_found_;
  pipeline::LoanPool<FieldDigests> fields_{[] { return FieldDigests(); }};

  std::mutex scopes_mutex_;  ///< Guards scopes_.
  std::unordered_map<std::uint64_t, std::uint32_t> scopes_;

  std::mutex mutex_;  ///< Guards ready_ and waiting_.
  bool ready_ = true;
  std::vector<std::function<void()>> waiting_;
  std::unique_ptr<OwnedListing> listing_;
};

/// The target as reconciling sees it, with the listing that the run began with in place of another one, and with what
/// is remembered of where entities came from. For the thread that runs the resync, after the graph is done.
class RememberingCatalogue final : public Catalogue {
 public:
  /// `created` entities were added by this run, and are owned too. Both are borrowed.
  RememberingCatalogue(Catalogue& target, Diff& diff, std::uint64_t created)
      : target_(target), diff_(diff), created_(created) {}
  pipeline::Result<void> owned(const std::function<void(const OwnedEntity&)>& visit) override;
  pipeline::Result<void> spare(std::vector<OwnedEntity>& stale) override { return target_.spare(stale); }
  [[nodiscard]] bool removes_together() const override { return target_.removes_together(); }
  pipeline::Result<std::size_t> remove(std::span<const OwnedEntity> entities) override;
  [[nodiscard]] std::uint64_t unlisted() const override { return unlisted_; }

 private:
  Catalogue& target_;
  Diff& diff_;
  const std::uint64_t created_;
  std::uint64_t unlisted_ = 0;
};

}  // namespace riptide::stages

#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/auth.hpp"
#include "riptide/stages/http_message.hpp"
#include "riptide/stages/run_life.hpp"

namespace riptide::stages {

using pipeline::Batch;
using pipeline::Entity;
using pipeline::EntityBuffer;
using pipeline::Outcome;

/// What one upload may carry. A single entity over `max_bytes` travels alone.
struct SinkLimits {
  std::size_t max_records = 1000;
  std::size_t max_bytes = 1 << 20;  ///< Of the encoded request body, or of the entities for a local sink.
  std::size_t envelope_bytes = 0;   ///< Of the body around the entities.
  std::size_t separator_bytes = 0;  ///< Between two entities.
  std::size_t max_in_flight = 8;    ///< Uploads at once.
  bool one_blueprint = false;       ///< A batch holds one blueprint only: one lane each.
};

/// An entity that the target holds and this integration owns.
struct OwnedEntity {
  std::string blueprint;  ///< Text, as in `identity_digest`.
  std::string identifier;
  std::string kind;  ///< Kind that it was read as, where the target remembers it; empty otherwise.
  std::optional<std::string> partition = std::nullopt;  ///< Of the scope that it was read in, where that is known.
  std::vector<std::string> related = {};  ///< Identifiers that it relates to, where the sink `removes_in_order`.
};

/// What the run asks of the target beside the entities: upsert options of the mapping, what was read.
struct SinkContext {
  std::string integration;  ///< Identifier of the integration: what ownership hangs on.
  std::string integration_type;
  std::string run_id;
  std::vector<std::string> kinds;  ///< Kind of each resource block of the mapping, by index.
  bool merge = true;
  bool create_missing_related = true;
  bool delete_dependents = true;
};

/// A target, as a pure description: no socket, clock, thread or log.
class Sink {
 public:
  virtual ~Sink() = default;
  /// As the user wrote it: "port", "sqlite:FILE", "ndjson:FILE", "null".
  [[nodiscard]] virtual std::string_view spec() const noexcept = 0;
  [[nodiscard]] virtual SinkLimits limits() const noexcept = 0;
  /// Whether what the target holds can be listed and removed by kind. If not, `--kind` implies `--no-delete`.
  [[nodiscard]] virtual bool owns_by_kind() const noexcept { return false; }
  /// Whether stale entities can be removed at all (a file that is written anew has none).
  [[nodiscard]] virtual bool can_delete() const noexcept { return false; }
  /// Whether what it confirmed stays in the target when the run goes down, so that another run can go on from there.
  [[nodiscard]] virtual bool can_resume() const noexcept { return false; }
  /// Whether it takes any JSON object, not only entities: such have no parts, and an identity of their own.
  [[nodiscard]] virtual bool takes_any() const noexcept { return false; }
};

/// How the answer to a batch request is to be read.
struct UploadAnswer {
  std::vector<Outcome> outcomes;  ///< One for each entity of the batch, in order. Empty with `split`.
  bool split = false;             ///< Too large for the target: send it again in halves, and later ones smaller.
  bool keep_size = false;         ///< With `split`: it was not the size, so later batches stay as large as they are.
};

/// Where a relation of a blueprint leads.
struct RelationSpec {
  std::string name;
  std::string target;  ///< A blueprint.
};

/// What a target holds of one entity: raw JSON, empty where it is not there. Borrowed.
struct HeldEntity {
  std::string identifier;  ///< Text.
  std::string_view title, icon, team, properties, relations;
};

/// A page of owned entities, and the request for the next one.
struct OwnedPage {
  std::vector<OwnedEntity> entities;
  std::optional<std::string> cursor;
};

/// A target behind HTTP. Pure: called concurrently, same arguments, same result.
class RemoteSink : public Sink {
 public:
  [[nodiscard]] bool can_resume() const noexcept override { return true; }
  [[nodiscard]] virtual HttpRequest encode(const Batch& batch) const = 0;
  /// Reads any final answer to `encode(batch)`. An Error fails the sink (credentials, a target that is gone); a refused
  /// entity is an outcome.
  [[nodiscard]] virtual Result<UploadAnswer> read(const Batch& batch, const HttpResponse& response,
                                                  json::Document& document) const = 0;

  /// Lists what this integration owns, page by page. Called where it `can_delete`, or where what it confirmed is
  /// remembered between runs; others need not have it.
  [[nodiscard]] virtual HttpRequest owned_request(std::string_view cursor) const;
  [[nodiscard]] virtual Result<OwnedPage> read_owned(const HttpResponse& response, json::Document& document) const;

  /// Removes entities of one blueprint, at most `max_delete()` of them. Called where it `can_delete`.
  [[nodiscard]] virtual HttpRequest delete_request(std::string_view blueprint,
                                                   std::span<const std::string> identifiers) const;
  /// Returns how many of them the target says it removed.
  [[nodiscard]] virtual Result<std::size_t> read_deleted(std::span<const std::string> identifiers,
                                                         const HttpResponse& response, json::Document& document) const;
  [[nodiscard]] virtual std::size_t max_delete() const noexcept { return 100; }

  /// Lists only what nobody changed since `before`, answered as `owned_request` is. Nothing if the target cannot tell:
  /// then what somebody else wrote during the run is not told from what is stale.
  [[nodiscard]] virtual std::optional<HttpRequest> unchanged_request(
      std::string_view cursor, std::chrono::system_clock::time_point before) const {
    (void)cursor;
    (void)before;
    return std::nullopt;
  }
  /// Asks where the relations of a blueprint lead, for sinks whose targets make up what is related to and not there:
  /// that must stay as long as something relates to it. Nothing for others.
  [[nodiscard]] virtual std::optional<HttpRequest> relations_request(std::string_view blueprint) const {
    (void)blueprint;
    return std::nullopt;
  }
  [[nodiscard]] virtual Result<std::vector<RelationSpec>> read_relations(const HttpResponse& response,
                                                                         json::Document& document) const {
    (void)response;
    (void)document;
    return std::vector<RelationSpec>();
  }
  /// Asks what the target holds of some entities of a blueprint, at most `max_read_back()`: of these fields ("title",
  /// "properties.NAME"). Nothing if it cannot be asked.
  [[nodiscard]] virtual std::optional<HttpRequest> contents_request(std::string_view blueprint,
                                                                    std::span<const std::string> identifiers,
                                                                    const std::set<std::string>& fields) const {
    (void)blueprint;
    (void)identifiers;
    (void)fields;
    return std::nullopt;
  }
  /// Calls `visit` with those that are there.
  [[nodiscard]] virtual Result<void> read_contents(const HttpResponse& response, json::Document& document,
                                                   const std::function<void(const HeldEntity&)>& visit) const {
    (void)response;
    (void)document;
    (void)visit;
    return {};
  }
  [[nodiscard]] virtual std::size_t max_read_back() const noexcept { return 50; }
  /// True if what relates to a stale entity must be removed before it, one request each.
  [[nodiscard]] virtual bool removes_in_order() const noexcept { return false; }
  /// True if the target refuses an entity that relates to one which is not there: parents then go first.
  [[nodiscard]] virtual bool parents_first() const noexcept { return false; }

  [[nodiscard]] virtual const Auth* auth() const noexcept { return nullptr; }
  /// What the target is told of the run; null if nothing. Lives as long as the sink.
  [[nodiscard]] virtual const RunLife* life() const noexcept { return nullptr; }
};

/// How a local sink ends: its result stands, or what was written is kept aside.
enum class Finish { kComplete, kPartial };

/// A target on this machine. All calls come from one writer thread (or inline where `inline_writes()`), one at a time,
/// and may block on the disk. After an Error only `finish(kPartial)` is called.
class LocalSink : public Sink {
 public:
  /// Opens the target. Errors, naming it: kConfig (cannot be opened: the user must change something), kRejected (it
  /// cannot take anything now: another process holds it).
  [[nodiscard]] virtual Result<void> open() = 0;
  /// Writes a batch; one outcome for each entity. An Error fails the sink (disk full).
  [[nodiscard]] virtual Result<std::vector<Outcome>> write(const Batch& batch) = 0;
  /// Whether all that was written so far survives the death of this process; else `keep` will make it.
  [[nodiscard]] virtual bool is_kept() const noexcept { return true; }
  /// Makes all that was written so far survive the death of this process. An Error fails the sink.
  [[nodiscard]] virtual Result<void> keep() { return {}; }
  /// Names this very catalogue as long as it exists: one that was removed and made anew has another name. After `open`.
  [[nodiscard]] virtual std::string catalogue_name() const { return {}; }
  /// Calls `visit` with each owned entity of the resources that this run read (false ends the walk).
  [[nodiscard]] virtual Result<void> owned(std::span<const std::uint32_t> resources,
                                           const std::function<bool(const OwnedEntity&)>& visit) {
    (void)resources;
    (void)visit;
    return {};
  }
  /// Removes entities; returns how many were there.
  [[nodiscard]] virtual Result<std::size_t> remove(std::span<const OwnedEntity> entities) {
    (void)entities;
    return std::size_t{0};
  }
  /// Makes what was written durable and visible. Called once, last.
  [[nodiscard]] virtual Result<void> finish(Finish how) = 0;
  /// Partition of a scope number, for sinks that store it. Set before `open`; any thread.
  void set_scope_names(std::function<std::string(std::uint32_t)> names) { scope_names_ = std::move(names); }
  /// Kind of each resource, by number, for sinks that store it. Set before `open`.
  void set_kinds(std::vector<std::string> kinds) { kinds_ = std::move(kinds); }
  /// True if `write` never blocks, so that no thread is needed.
  [[nodiscard]] virtual bool inline_writes() const noexcept { return false; }

 protected:
  std::function<std::string(std::uint32_t)> scope_names_;
  std::vector<std::string> kinds_;
};

/// The duty to answer for one batch, once, from any thread. Dropped without an answer, the batch is given up and the
/// sink fails. Move-only.
class BatchReply {
 public:
  using Done = std::function<void(Result<std::vector<Outcome>>)>;
  explicit BatchReply(Done done) noexcept : done_(std::move(done)) {}
  BatchReply(BatchReply&& other) noexcept : done_(std::exchange(other.done_, nullptr)) {}
  BatchReply& operator=(BatchReply&& other) noexcept;
  BatchReply(const BatchReply&) = delete;
  BatchReply& operator=(const BatchReply&) = delete;
  ~BatchReply();

  /// Gives an outcome for each entity of the batch, in order; an Error fails the sink.
  void operator()(Result<std::vector<Outcome>> outcomes);

 private:
  Done done_;
};

/// A target that answers later, by means of its own (a driver with its own threads, a message broker).
class AsyncSink : public Sink {
 public:
  /// Makes it ready. Errors as of `LocalSink::open`.
  [[nodiscard]] virtual Result<void> open() { return {}; }
  /// Begins to send a batch: at most `limits().max_in_flight` are not answered at once. Called from several threads;
  /// must not block.
  virtual void send(std::shared_ptr<const Batch> batch, BatchReply reply) = 0;
  /// Called once, last, when all batches were answered.
  [[nodiscard]] virtual Result<void> finish(Finish how) {
    (void)how;
    return {};
  }
};

}  // namespace riptide::stages

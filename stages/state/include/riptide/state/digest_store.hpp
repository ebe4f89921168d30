#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/state/sent_fields.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::state {

/// What the target confirmed of each entity: so that what has not changed is not sent again.
///
/// An entity is known by its digest only after the target confirmed it, and is forgotten on disk before another version
/// of it is sent: being killed at any moment costs repeated work and never hides a difference. Entities that were sent
/// with two contents at the same time are forgotten, since nobody knows which one stood.
///
/// In memory about 50 bytes an entity; past `memory_bytes` what is known stays on disk, sorted, with a hundredth of it
/// in memory, and is looked up there (a few microseconds each).
class DigestStore {
 public:
  struct Options {
    std::size_t memory_bytes = std::size_t{256} << 20;
    std::chrono::milliseconds linger{5};  ///< A confirmation is on disk after this long.
    enum class Use : std::uint8_t {
      kRun,
      kLook
    } use = Use::kRun;  ///< kLook writes nothing: only `each` and what is const.
  };

  /// Opens the digests of a state file. Errors: kConfig (damaged, or of a later riptide), kTransport.
  [[nodiscard]] static pipeline::Result<std::unique_ptr<DigestStore>> open(const StateFile& file, Options options);
  [[nodiscard]] static pipeline::Result<std::unique_ptr<DigestStore>> open(const StateFile& file) {
    return open(file, Options());
  }
  ~DigestStore();
  DigestStore(const DigestStore&) = delete;
  DigestStore& operator=(const DigestStore&) = delete;

  /// Number of a scope, for `Question::scope`. Any thread.
  [[nodiscard]] std::uint32_t scope(std::string_view kind, std::string_view partition);

  /// An entity that is about to be sent.
  struct Question {
    pipeline::Digest identity;
    pipeline::Digest contents;  ///< Of its bytes and of the options that it is sent with.
    std::uint32_t scope = 0;
    bool by_search = false;    ///< Its identifier is a search: what the target found is remembered with it.
    bool always_sent = false;  ///< Nothing is remembered of it, and what was is forgotten.
  };
  struct Answer {
    bool unchanged = false;
    std::optional<pipeline::Digest> found;  ///< With `by_search` and `unchanged`: identity of what the target found.
  };
  /// Says which entities need not be sent: confirmed with the same contents, and in the target (`note_present`). All
  /// others count as sent from now on, until `confirm` or `forget`. Returns true if something had to be forgotten
  /// first: send nothing before `when_written` has called back. Any thread; reads the disk where the memory does not
  /// do.
  [[nodiscard]] pipeline::Result<bool> ask(std::span<const Question> questions, std::span<Answer> answers);
  /// Calls back, on a thread of the store, when all that was said before is on disk. Must not throw. Any thread.
  void when_written(std::function<void(const pipeline::Result<void>&)> done);

  /// Kind and partition that an entity was read in when it was sent last; nothing where that is not known. Any thread.
  [[nodiscard]] pipeline::Result<std::optional<std::pair<std::string, std::string>>> scope_of(
      const pipeline::Digest& identity);

  /// The target has taken the entity. With `by_search`: what it found, as texts; without them it is forgotten. Any
  /// thread.
  void confirm(const Question& sent, std::string_view found_blueprint = {}, std::string_view found_identifier = {}) {
    confirm(sent, found_blueprint, found_identifier, nullptr);
  }
  /// The same; what `fields` (borrowed; may be null) says of its contents is kept on disk, for `SentFieldsReader`.
  void confirm(const Question& sent, std::string_view found_blueprint, std::string_view found_identifier,
               const SentFields* fields);
  /// Nobody knows what the target has of an entity that was asked for: it refused it, or was not heard. Any thread.
  void give_up(const pipeline::Digest& identity);
  /// Forgets an entity, whatever is known of it: the target is asked to remove it. Any thread.
  [[nodiscard]] pipeline::Result<void> forget(const pipeline::Digest& identity);

  /// Notes that the target has this entity. One thread at a time; then, once all are noted, `listing_ended`. Before
  /// that, and after a listing that was not complete, nothing known from an earlier run counts as unchanged.
  [[nodiscard]] pipeline::Result<void> note_present(const pipeline::Digest& identity);
  enum class Listing { kComplete, kFailed };
  [[nodiscard]] pipeline::Result<void> listing_ended(Listing how);

  /// Writes the rest, and where much has changed, all anew. Call it last, when nothing is on its way. `kWholeRun`: all
  /// scopes were read, so what was neither read nor is in the target is forgotten.
  enum class Ending { kWholeRun, kPartial };
  [[nodiscard]] pipeline::Result<void> finish(Ending how);

  struct Known {
    pipeline::Digest identity;
    pipeline::Digest contents;
    pipeline::Digest found;  ///< Identity that the target knows it by: its own, or what its search found.
    std::uint32_t scope = 0;
    std::uint32_t generation = 0;  ///< Run that it was sent in, counted from the file's first.
  };
  /// Calls `visit` with all that is known, each entity once, in no order. Before the first `ask`.
  [[nodiscard]] pipeline::Result<void> each(const std::function<void(const Known&)>& visit);
  /// Kind and partition of a scope's number; empty for one that is not there.
  [[nodiscard]] std::pair<std::string, std::string> scope_name(std::uint32_t scope) const;

  [[nodiscard]] std::size_t size() const;   ///< Entities that were known when it was opened.
  [[nodiscard]] std::size_t bytes() const;  ///< Of memory.
  [[nodiscard]] bool spilled() const;       ///< Whether it works from the disk.

 private:
  struct Impl;
  explicit DigestStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace riptide::state

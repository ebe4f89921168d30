#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::stages {

/// A record or an entity that was given up, and why.
struct DeadLetter {
  std::int64_t id = 0;  ///< Given by the store; a letter that comes again keeps it.
  std::string stage;    ///< "transform" (the record has no identity) or "upload" (the target refused the entity).
  std::string kind;
  std::uint32_t resource = 0;  ///< Resource block of the mapping that it was.
  std::string scope;           ///< Partition.
  std::string sink;            ///< Of "upload": which one refused it.
  std::string blueprint;       ///< Of "upload".
  std::string identifier;      ///< Of "upload".
  std::string reason;
  std::string url;         ///< Of the page that it was read from.
  std::string request_id;  ///< What the target called the request, if it said.
  std::string at;          ///< ISO 8601, UTC.
  std::string run_id;
  std::string bytes;  ///< The raw record for "transform" (what the source adds to it included), else the entity.
  pipeline::Digest identity;  ///< Of "upload".
};

/// The dead letters of a target, in its state file; bounded, the oldest go first. Writing is put off: `add` and
/// `delivered` cost a queue, `flush` brings it to the disk. Any thread. Errors: those of `state::Database`.
class DeadLetters {
 public:
  /// How much is kept, and what is hidden.
  struct Options {
    std::size_t max_bytes = 64u << 20;  ///< Of records and entities.
    /// Takes secrets out of a text; null: there are none.
    std::function<std::string(std::string)> redact;
  };

  [[nodiscard]] static pipeline::Result<std::unique_ptr<DeadLetters>> open(const state::StateFile& file,
                                                                           Options options);
  ~DeadLetters();
  DeadLetters(const DeadLetters&) = delete;
  DeadLetters& operator=(const DeadLetters&) = delete;

  /// Adds a letter. One of the same record or entity takes the place of the one before. With more than 4 MiB waiting
  /// for `flush`, the oldest of those go.
  void add(DeadLetter letter);
  /// An entity reached a sink: its letter has become pointless.
  void delivered(const pipeline::Digest& identity, std::string_view sink);
  /// True if there may be letters of entities: else `delivered` need not be called. Cheap.
  [[nodiscard]] bool has_entities() const noexcept { return has_entities_.load(std::memory_order_acquire); }

  /// Writes what waits.
  [[nodiscard]] pipeline::Result<void> flush();
  /// Everything of these kinds was read by these runs: letters of earlier ones are of records that are gone, or well.
  [[nodiscard]] pipeline::Result<void> forget_earlier(std::span<const std::string> run_ids,
                                                      std::span<const std::string> kinds,
                                                      std::span<const std::string> sinks);
  /// Letters that went since `open` to stay within the bound.
  [[nodiscard]] std::uint64_t trimmed() const noexcept { return trimmed_.load(std::memory_order_relaxed); }

  /// Which letters; what is empty does not matter.
  struct Filter {
    std::vector<std::string> kinds;
    std::string stage;
    std::string run_id;
    std::string reason;  ///< Part of it.
    std::vector<std::int64_t> ids;
  };
  /// Calls `visit` with each letter, the oldest first, until it returns false.
  [[nodiscard]] pipeline::Result<void> list(const Filter& filter, const std::function<bool(const DeadLetter&)>& visit);
  /// Removes letters, and returns how many there were.
  [[nodiscard]] pipeline::Result<std::size_t> drop(std::span<const std::int64_t> ids);

 private:
  struct State;
  explicit DeadLetters(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  std::atomic<bool> has_entities_{false};
  std::atomic<std::uint64_t> trimmed_{0};
};

/// A record as text, with what its source put over it: what a mapping sees.
[[nodiscard]] std::string whole_record(std::string_view json,
                                       std::span<const std::pair<std::string, std::string>> over);

}  // namespace riptide::stages

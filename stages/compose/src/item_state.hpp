#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/item.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/loan_pool.hpp"
#include "riptide/pipeline/record.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::detail {

/// What the items of a run have in common. Outlives them. Any thread.
struct Surroundings {
  std::function<const std::string&(std::uint32_t resource)> kind_of;
  std::function<std::string(std::uint32_t scope)> partition_of;
  pipeline::LoanPool<json::Document>* documents = nullptr;
};

/// Where an item was read.
struct Provenance {
  std::uint32_t resource = 0;
  std::uint32_t scope = 0;
  std::uint32_t page = 0;  ///< Ticket.
};

/// An item while it is in a stage. The bytes are those of the block that it came with, until it is edited.
class ItemState {
 public:
  /// A record of a page.
  void begin(const Surroundings& around, Provenance from, const pipeline::RecordView& record,
             const char* readable_end) noexcept;
  /// An entity of a block.
  void begin(const Surroundings& around, Provenance from, std::string_view json, const char* readable_end) noexcept;
  /// An item that a stage made. Errors: kMalformed (no object).
  Result<void> make(const Surroundings& around, Provenance from, std::string_view json);
  /// A copy of another one, as it is now.
  void copy(const ItemState& other);

  [[nodiscard]] std::string_view json() const;
  [[nodiscard]] std::optional<std::string_view> at(std::string_view pointer) const;
  Result<void> set(std::string_view pointer, std::string_view json);
  Result<void> remove(std::string_view pointer);
  Result<void> replace(std::string_view json);
  [[nodiscard]] std::size_t size() const noexcept;

  [[nodiscard]] bool edited() const noexcept { return edited_; }
  /// Edited since the last time that somebody asked.
  [[nodiscard]] bool take_dirty() noexcept { return std::exchange(dirty_, false); }
  [[nodiscard]] const Surroundings& around() const noexcept { return *around_; }

  Provenance from;
  std::size_t place = kMade;  ///< In the block that it came with.
  pipeline::Entity parts;     ///< Of an edited entity, after it was checked.
  bool passed = false;        ///< In the call of an expanding stage: was given to `Emit`.
  static constexpr std::size_t kMade = SIZE_MAX;

 private:
  /// The text to index: what is followed by padding.
  [[nodiscard]] std::string_view padded(std::string& scratch) const;
  void own(std::string text);
  void merge_overlay() const;

  const Surroundings* around_ = nullptr;
  mutable std::string_view json_;
  mutable std::span<const pipeline::OverlayField> overlay_;
  mutable std::string_view overlay_bytes_;
  const char* readable_end_ = nullptr;  ///< Of the memory that `json_` lies in.
  mutable std::string own_;             ///< With padding behind, where `json_` lies in it.
  bool edited_ = false;
  bool dirty_ = false;
};

/// Where the outputs of one call of an expanding stage go.
struct Emitting {
  std::function<void(const Item&)> pass;
  std::function<Result<void>(std::string_view json)> make;
};

/// A block of items that wait for their answers.
struct Asked {
  enum class Answer : std::uint8_t { kKept, kDropped, kFailed };
  virtual ~Asked() = default;
  /// The item with this number has its answer. Once for each; any thread.
  virtual void answered(std::size_t number, Answer answer, Error error) = 0;
};

/// Reads the parts of an entity in its JSON, which `json::Document::kPadding` readable bytes follow. Errors: kMalformed
/// (no identifier or blueprint, or empty ones; not JSON). Leaves begin, resource, scope and page alone.
Result<void> take_apart(std::string_view json, json::Document& document, pipeline::Entity& entity);

}  // namespace riptide::detail

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::simulator {

/// A place in a record that differs from one to the next.
enum class Slot : std::uint8_t {
  kId,        ///< "@{id}": the digits behind the prefix.
  kSpace,     ///< "@{space}": the digits of the space's id.
  kName,      ///< "@{name}": a word and the ordinal, with a blank between in projects.
  kSlug,      ///< "@{slug}": the same with a dash.
  kRevision,  ///< "@{revision}": nothing, or " (revision 3)" after the third update.
  kNullable,  ///< "@{nullable}": null, or "revision 3" with its quotes after the third update.
  kTime,      ///< "@{time}": when it was made; later for larger ids.
  kProject,   ///< "@{project}": the digits of a project of the space.
  kRelease,   ///< "@{release}": the digits of a release of the space.
  kVersion,   ///< "@{version}": a release's version.
};
inline constexpr std::size_t kNumSlots = 10;

/// What goes into the slots. Texts lie in fixed places, so that a template copies a constant number of bytes, which is
/// cheaper than as many as there are.
struct SlotValues {
  static constexpr std::size_t kMaxBytes = 32;
  alignas(16) char texts[kNumSlots][kMaxBytes] = {};
  std::size_t sizes[kNumSlots] = {};

  [[nodiscard]] char* text(Slot slot) noexcept { return texts[static_cast<std::size_t>(slot)]; }
  void set_end(Slot slot, const char* end) noexcept {
    sizes[static_cast<std::size_t>(slot)] = static_cast<std::size_t>(end - text(slot));
  }
  /// At most kMaxBytes of `value`.
  void set(Slot slot, std::string_view value) noexcept;
  void set_number(Slot slot, std::uint64_t number) noexcept;
};

/// A record's text with its slots cut out: making one is a few memcpy, about 75 ns for 2 KB, and takes no memory that
/// grows with the records.
class RecordTemplate {
 public:
  explicit RecordTemplate(std::string_view pattern);

  /// Writes one record and returns its end; needs max_bytes() of room, some of it behind the end.
  char* render(char* out, const SlotValues& values) const noexcept;
  [[nodiscard]] std::size_t max_bytes() const noexcept { return max_bytes_; }

 private:
  struct Piece {
    std::uint32_t offset;  ///< Of the literal in front of the slot.
    std::uint32_t size;
    Slot slot;
  };
  std::string text_;  ///< With kSlack bytes behind its end.
  std::size_t text_bytes_ = 0;
  std::vector<Piece> pieces_;
  std::uint32_t tail_offset_ = 0;  ///< The literal behind the last slot.
  std::size_t max_bytes_ = 0;
};

/// Makes the pattern of one kind ("project", ..., "space", or a custom one), about `record_bytes` long once its slots
/// are filled. `variant` chooses among different contents; the same arguments give the same pattern.
std::string record_pattern(std::string_view kind, std::size_t record_bytes, std::uint64_t variant, std::uint64_t seed);

/// "project" -> "Project": the ItemType; with an s, the prefix of the ids.
std::string item_type(std::string_view kind);

}  // namespace riptide::simulator

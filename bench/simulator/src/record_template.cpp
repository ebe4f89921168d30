#include "record_template.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace riptide::simulator {
namespace {

constexpr std::array<std::pair<std::string_view, Slot>, kNumSlots> kSlotNames{{
    {"id", Slot::kId},
    {"space", Slot::kSpace},
    {"name", Slot::kName},
    {"slug", Slot::kSlug},
    {"revision", Slot::kRevision},
    {"nullable", Slot::kNullable},
    {"time", Slot::kTime},
    {"project", Slot::kProject},
    {"release", Slot::kRelease},
    {"version", Slot::kVersion},
}};

// Literals up to this size are copied as if they were this long.
constexpr std::size_t kSlack = 64;

}  // namespace

void SlotValues::set(Slot slot, std::string_view value) noexcept {
  value = value.substr(0, kMaxBytes);
  if (!value.empty()) std::memcpy(text(slot), value.data(), value.size());
  set_end(slot, text(slot) + value.size());
}

void SlotValues::set_number(Slot slot, std::uint64_t number) noexcept {
  set_end(slot, std::to_chars(text(slot), text(slot) + kMaxBytes, number).ptr);
}

RecordTemplate::RecordTemplate(std::string_view pattern) {
  std::uint32_t literal = 0;
  std::size_t at = 0;
  while (at < pattern.size()) {
    const std::size_t mark = pattern.find("@{", at);
    if (mark == std::string_view::npos) break;
    const std::size_t close = pattern.find('}', mark);
    const std::string_view name = pattern.substr(mark + 2, close - mark - 2);
    text_.append(pattern.substr(at, mark - at));
    for (const auto& [known, slot] : kSlotNames) {
      if (known != name) continue;
      pieces_.push_back({literal, static_cast<std::uint32_t>(text_.size()) - literal, slot});
      literal = static_cast<std::uint32_t>(text_.size());
    }
    at = close + 1;
  }
  text_.append(pattern.substr(at));
  tail_offset_ = literal;
  text_bytes_ = text_.size();
  max_bytes_ = text_bytes_ + pieces_.size() * SlotValues::kMaxBytes + kSlack;
  text_.append(kSlack, '\0');
}

char* RecordTemplate::render(char* out, const SlotValues& values) const noexcept {
  const char* text = text_.data();
  for (const Piece& piece : pieces_) {
    if (piece.size <= kSlack) {
      std::memcpy(out, text + piece.offset, kSlack);
    } else {
      std::memcpy(out, text + piece.offset, piece.size);
    }
    out += piece.size;
    const auto slot = static_cast<std::size_t>(piece.slot);
    std::memcpy(out, values.texts[slot], SlotValues::kMaxBytes);
    out += values.sizes[slot];
  }
  std::memcpy(out, text + tail_offset_, text_bytes_ - tail_offset_);
  return out + text_bytes_ - tail_offset_;
}

}  // namespace riptide::simulator

#include "record_template.hpp"

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

}  // namespace

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
  max_bytes_ = text_.size() + pieces_.size() * kMaxSlotBytes;
}

char* RecordTemplate::render(char* out, const SlotValues& values) const noexcept {
  const char* text = text_.data();
  for (const Piece& piece : pieces_) {
    std::memcpy(out, text + piece.offset, piece.size);
    out += piece.size;
    const std::string_view value = values[static_cast<std::size_t>(piece.slot)];
    if (!value.empty()) {  // an unused slot has no memory to copy from
      std::memcpy(out, value.data(), value.size());
      out += value.size();
    }
  }
  std::memcpy(out, text + tail_offset_, text_.size() - tail_offset_);
  return out + text_.size() - tail_offset_;
}

}  // namespace riptide::simulator

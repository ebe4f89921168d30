#include "jq/json_writer.hpp"

#include <emmintrin.h>

#include <array>
#include <vector>

#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

constexpr std::size_t kMaxDepth = 10'000;

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0; c < plain.size(); ++c) plain[c] = c >= 0x20 && c != '"' && c != '\\' && c != 0x7F;
  return plain;
}
constexpr std::array<bool, 256> kPlain = make_plain();

// Which of 16 bytes cannot stand in a string as they are.
unsigned special_bytes(const char* at) noexcept {
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
  const __m128i quotes =
      _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
  const __m128i deleted = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7F));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(control, quotes), deleted)));
}

struct Level {
  const Value* container;
  std::uint32_t next;
};

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const char* const plain = at;
    bool stopped = false;
    while (!stopped && end - at >= 16) {
      const unsigned special = special_bytes(at);
      stopped = special != 0;
      at += stopped ? __builtin_ctz(special) : 16;
    }
    while (!stopped && at < end && kPlain[static_cast<unsigned char>(*at)]) ++at;
    out.append(plain, at);
    if (at == end) break;
    const char c = *at++;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default: {
        constexpr std::string_view kHex = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(c);
        out += "\\u00";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
      }
    }
  }
  out += '"';
}

bool append_json(std::string& out, const Value& root, std::size_t max_size) {
  // Most values are scalars or shallow: the levels are only touched for containers.
  std::vector<Level> levels;
  const Value* value = &root;
  while (true) {
    switch (value->tag()) {
      case Tag::kInvalid:
      case Tag::kNull:
        out += "null";
        break;
      case Tag::kFalse:
        out += "false";
        break;
      case Tag::kTrue:
        out += "true";
        break;
      case Tag::kNumber:
      case Tag::kLiteral:
        append_number(out, *value);
        break;
      case Tag::kString:
        append_json_string(out, value->string());
        break;
      case Tag::kArray:
      case Tag::kObject:
        if (levels.size() > kMaxDepth) {
          out += "<skipped: too deep>";
        } else {
          out += value->is_array() ? '[' : '{';
          levels.push_back({value, 0});
        }
        break;
    }
    if (out.size() > max_size) return false;
    while (true) {
      if (levels.empty()) return out.size() <= max_size;
      Level& level = levels.back();
      const Value& container = *level.container;
      if (container.is_array()) {
        if (level.next < array_size(container)) {
          if (level.next > 0) out += ',';
          value = &array_at(container, level.next++);
          break;
        }
        out += ']';
      } else {
        if (level.next < object_size(container)) {
          if (level.next > 0) out += ',';
          const ObjectEntry& entry = object_entry(container, level.next++);
          append_json_string(out, entry.key.string());
          out += ':';
          value = &entry.value;
          break;
        }
        out += '}';
      }
      levels.pop_back();
    }
  }
}

void append_json(std::string& out, const Value& value) {
  const std::size_t room = Heap::current()->room();
  const std::size_t limit = room > SIZE_MAX - out.size() ? SIZE_MAX : out.size() + room;
  if (!append_json(out, value, limit)) throw LimitExceeded{"evaluation exceeds the memory limit"};
}

std::string shortened(const Value& value) {
  constexpr std::size_t kLimit = 29;  // jq's buffer of 30 bytes, for message and terminator
  std::string text;
  append_json(text, value, std::size_t{1} << 12);
  if (text.size() <= kLimit) return text;
  const std::string_view ending = value.is_string()   ? "...\""
                                  : value.is_array()  ? "...]"
                                  : value.is_object() ? "...}"
                                                      : "...";
  std::size_t keep = kLimit - ending.size();
  while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xC0u) == 0x80u) --keep;
  text.resize(keep);
  text += ending;
  return text;
}

}  // namespace riptide::transform::jq

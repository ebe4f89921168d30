#include <emmintrin.h>

#include <algorithm>
#include <cstring>

#include "jq/json_reader.hpp"
#include "jq/json_text.hpp"
#include "jq/number_text.hpp"

// What nobody wants to see: stepped over, and checked as if it were read; byte by byte, or by the structural index.
namespace riptide::transform::jq {

// Steps over a string: most have neither escapes nor an end of the text nearby.
inline bool JsonReader::skip_string() {
  const char* at = at_ + 1;
  while (end_ - at >= 16) {
    const unsigned stops = string_stops(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    if (stops == 0) {
      at += 16;
      continue;
    }
    at += __builtin_ctz(stops);
    if (*at != '"') break;
    at_ = at + 1;
    return true;
  }
  RawString raw;
  if (!raw_string(raw)) return false;
  scratch_.clear();
  return !raw.escaped || unescape(raw.body, lenient_, scratch_);
}

inline bool JsonReader::skip_scalar() {
  if (*at_ == '"') return skip_string();
  const char* const begin = at_;
  const char* at = begin + (*begin == '-' ? 1 : 0);
  const char* const digits = at;
  while (at < end_ && *at >= '0' && *at <= '9') ++at;
  if (at > digits && at < end_ && kEndsWord[static_cast<unsigned char>(*at)]) {  // an integer
    at_ = at;
    return true;
  }
  while (at < end_ && !kEndsWord[static_cast<unsigned char>(*at)]) ++at;
  at_ = at;
  const std::string_view word(begin, static_cast<std::size_t>(at - begin));
  if (word == "true" || word == "null" || word == "false") return true;
  Value ignored;
  return !word.empty() && (is_number_text(word) || word_value(word, borrow_, ignored));
}

// Steps over a value, as strictly as if it were read.
bool JsonReader::skip() {
  skipped_.clear();
  while (true) {
    skip_space();
    if (at_ >= end_) return false;
    if (*at_ == '{' || *at_ == '[') {
      const char bracket = *at_++;
      if (open_.size() + skipped_.size() >= max_depth_) {
        too_deep_ = true;
        return false;
      }
      skipped_ += bracket;
      skip_space();
      if (at_ < end_ && *at_ == (bracket == '{' ? '}' : ']')) {
        skipped_.pop_back();
        ++at_;
      } else if (bracket == '[') {
        continue;
      } else {
        if (at_ >= end_ || *at_ != '"' || !skip_scalar()) return false;
        skip_space();
        if (at_ >= end_ || *at_++ != ':') return false;
        continue;
      }
    } else if (!skip_scalar()) {
      return false;
    }
    while (true) {
      if (skipped_.empty()) return true;
      skip_space();
      if (at_ >= end_) return false;
      const char next = *at_++;
      if (next == ',') {
        if (skipped_.back() == '{') {
          skip_space();
          if (at_ >= end_ || *at_ != '"' || !skip_scalar()) return false;
          skip_space();
          if (at_ >= end_ || *at_++ != ':') return false;
        }
        break;
      }
      if (next != (skipped_.back() == '{' ? '}' : ']')) return false;
      skipped_.pop_back();
    }
  }
}

// ---- by the structural index

void JsonReader::index(std::string_view text) {
  structurals_ = {};
  indexed_size_ = text.size();
  cursor_ = 0;
  backslash_ = text.data();
  // What stage 1 refuses (invalid UTF-8 for one, which is repaired) is read byte by byte.
  if (text.empty()) return;
  if (const auto built = index_.build(text)) structurals_ = *built;
}

// A string that begins at a structural: it is closed, and without control characters; only escapes may be wrong.
inline bool JsonReader::good_string(std::uint32_t place) {
  const char* const begin = structurals_.text + structurals_.at[place];
  const char* const behind = structurals_.text + structurals_.at[place + 1];
  if (backslash_ >= behind) [[likely]]
    return true;
  if (backslash_ < begin) {
    const void* const found = std::memchr(begin, '\\', static_cast<std::size_t>(end_ - begin));
    backslash_ = found == nullptr ? end_ : static_cast<const char*>(found);
    if (backslash_ >= behind) return true;
  }
  at_ = begin;
  return skip_string();
}

inline bool JsonReader::good_word(std::uint32_t place) const {
  const char* const begin = structurals_.text + structurals_.at[place];
  const char* const behind = structurals_.text + structurals_.at[place + 1];
  const auto ends = [behind](const char* at) { return at == behind || is_space(*at); };
  const char* at = begin + (*begin == '-' ? 1 : 0);
  const char* const digits = at;
  while (at < behind && *at >= '0' && *at <= '9') ++at;
  if (at > digits && ends(at)) return true;
  const auto is = [&](std::string_view word) {
    return static_cast<std::size_t>(behind - begin) >= word.size() &&
           std::memcmp(begin, word.data(), word.size()) == 0 && ends(begin + word.size());
  };
  if (is("null") || is("true") || is("false")) return true;
  at = begin;
  while (!ends(at)) ++at;
  return is_number_text({begin, static_cast<std::size_t>(at - begin)});
}

inline bool JsonReader::good_scalar(std::uint32_t place) {
  return structurals_.byte(place) == '"' ? good_string(place) : good_word(place);
}

// Returns the structural behind the value at `place`; 0 if it is wrong, too deep for this, or not clear.
std::uint32_t JsonReader::skip_by_index(std::uint32_t place) {
  constexpr unsigned kDeepest = 63;  // levels that one word remembers
  const std::uint32_t size = structurals_.size;
  const auto is_open = [](char byte) { return byte == '{' || byte == '['; };
  char byte = structurals_.byte(place);
  if (!is_open(byte)) return good_scalar(place) ? place + 1 : 0;
  if (open_.size() + kDeepest > max_depth_) return 0;
  std::uint64_t objects = 0;
  unsigned depth = 0;

open:
  if (depth == kDeepest) return 0;
  ++depth;
  if (++place >= size) return 0;
  objects = objects << 1 | (byte == '{' ? 1 : 0);
  if (structurals_.byte(place) == (byte == '{' ? '}' : ']')) goto close;
  if (byte == '{') goto member;

element:
  byte = structurals_.byte(place);
  if (is_open(byte)) goto open;
  if (!good_scalar(place)) return 0;
  goto next;

member:
  // A key, a colon, a value and what ends the member: four structurals at the least.
  if (size - place < 4 || structurals_.byte(place) != '"' || structurals_.byte(place + 1) != ':') return 0;
  if (!good_string(place)) return 0;
  place += 2;
  byte = structurals_.byte(place);
  if (is_open(byte)) goto open;
  if (!good_scalar(place)) return 0;

next:
  if (++place >= size) return 0;
  byte = structurals_.byte(place);
  if (byte == ',') {
    if (++place >= size) return 0;
    if ((objects & 1) != 0) goto member;
    goto element;
  }
  if (byte != ((objects & 1) != 0 ? '}' : ']')) return 0;

close:
  objects >>= 1;
  if (--depth == 0) return place + 1;
  goto next;
}

// From the key at hand on, looks for a member that the view shows. What is not clear is left to be read byte by byte.
JsonReader::Members JsonReader::next_seen_member(const View*& view) {
  const std::uint32_t size = structurals_.size;
  const auto offset = static_cast<std::uint32_t>(at_ - structurals_.text);
  if (cursor_ > 0 && structurals_.at[cursor_ - 1] >= offset) cursor_ = 0;
  while (structurals_.at[cursor_] < offset) ++cursor_;
  if (structurals_.at[cursor_] != offset) return Members::kUnclear;
  while (true) {
    const std::uint32_t key = cursor_;
    at_ = structurals_.text + structurals_.at[key];
    if (size - key < 4 || *at_ != '"' || structurals_.byte(key + 1) != ':') return Members::kUnclear;
    const char* last = structurals_.text + structurals_.at[key + 1] - 1;
    while (is_space(*last)) --last;
    if (backslash_ < last) {
      const char* const begin = at_;
      const bool good = good_string(key);
      at_ = begin;
      if (!good || backslash_ < last) return Members::kUnclear;
    }
    const std::string_view name(at_ + 1, static_cast<std::size_t>(last - at_ - 1));
    if (const View* const shown = view->find(name); shown != nullptr) {
      values_.push_back(borrowed_string(name));
      view = shown->whole ? nullptr : shown;
      cursor_ = key + 2;
      at_ = structurals_.text + structurals_.at[cursor_];
      return Members::kSeen;
    }
    const char* const begin = at_;
    const std::uint32_t behind = skip_by_index(key + 2);
    at_ = begin;
    if (behind == 0 || behind >= size) return Members::kUnclear;
    const char separator = structurals_.byte(behind);
    if (separator == '}') {
      cursor_ = behind;
      at_ = structurals_.text + structurals_.at[behind];
      return Members::kNoMore;
    }
    if (separator != ',') return Members::kUnclear;
    cursor_ = behind + 1;
  }
}

}  // namespace riptide::transform::jq

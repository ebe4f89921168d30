#include "jq/json_reader.hpp"

#include <emmintrin.h>

#include <cstring>
#include <new>
#include <utility>

#include "jq/json_text.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

constexpr std::uint32_t kIndexed = 64;  ///< Objects of that many members are indexed at once, others when needed.

}  // namespace

bool JsonReader::raw_string(RawString& raw) {
  const char* const body = ++at_;
  const int strict = lenient_ ? 0 : -1;
  while (true) {
    // Sixteen bytes at a time to the next quote, backslash or control character.
    while (end_ - at_ >= 16) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
      const int control = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block)) & strict;
      const int stops = control | _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                                                                 _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
      const int high = _mm_movemask_epi8(block);
      if (stops != 0) {
        const int first = __builtin_ctz(static_cast<unsigned>(stops));
        if ((static_cast<unsigned>(high) & ((1u << first) - 1u)) != 0) raw.ascii = false;
        at_ += first;
        break;
      }
      if (high != 0) raw.ascii = false;
      at_ += 16;
    }
    while (at_ < end_ && *at_ != '"' && *at_ != '\\' && (lenient_ || static_cast<unsigned char>(*at_) >= 0x20)) {
      if (static_cast<signed char>(*at_) < 0) raw.ascii = false;
      ++at_;
    }
    if (at_ >= end_) return false;
    if (*at_ == '"') break;
    if (*at_ != '\\') return false;
    raw.escaped = true;
    if (end_ - at_ < 2) {
      at_ = end_;
      return false;
    }
    at_ += 2;
  }
  raw.body = std::string_view(body, static_cast<std::size_t>(at_ - body));
  ++at_;
  return true;
}

bool JsonReader::string(Value& value) {
  RawString raw;
  if (!raw_string(raw)) return false;
  if (!raw.escaped && (raw.ascii || utf8::valid(raw.body))) {
    value = borrow_ ? borrowed_string(raw.body) : Value::string(raw.body);
    return true;
  }
  scratch_.clear();
  if (!unescape(raw.body, lenient_, scratch_)) return false;
  value = raw.ascii ? Value::string(scratch_) : repaired_string(scratch_);
  if (borrow_) value.head()->references = NodeHead::kImmortal;
  return true;
}

bool JsonReader::scalar(Value& value) {
  const char* const begin = at_;
  while (at_ < end_ && !kEndsWord[static_cast<unsigned char>(*at_)]) ++at_;
  return at_ != begin && word_value({begin, static_cast<std::size_t>(at_ - begin)}, borrow_, value);
}

void JsonReader::close(bool object, std::size_t first, Value& value) {
  const std::size_t count = values_.size() - first;
  bool settle = false;
  if (object) {
    value = Value::object();
    ObjectNode* node = value.object_node();
    if (count > 0) {
      const auto members = static_cast<std::uint32_t>(count / 2);
      node->entries = static_cast<ObjectEntry*>(Heap::current()->allocate(members * sizeof(ObjectEntry)));
      node->capacity = members;
      std::memcpy(static_cast<void*>(node->entries), static_cast<const void*>(&values_[first]), count * sizeof(Value));
      node->size = members;
      node->unchecked = true;
      settle = !borrow_ || members >= kIndexed;
    }
  } else {
    value = Value::array(count);
    ArrayNode* node = value.array_node();
    if (count > 0) {
      std::memcpy(static_cast<void*>(node->items), static_cast<const void*>(&values_[first]), count * sizeof(Value));
    }
    node->size = static_cast<std::uint32_t>(count);
  }
  if (borrow_) value.head()->references = NodeHead::kImmortal;
  // Moved by their bytes: what is left behind owns nothing.
  for (std::size_t i = first; i < values_.size(); ++i) new (&values_[i]) Value();
  values_.resize(first);
  if (settle) object_settle(value);
}

// Reads a key and its colon. With a view of the object, says whether the member is seen, and as what.
bool JsonReader::key(const View*& view, bool& seen) {
  if (at_ >= end_ || *at_ != '"') return false;
  seen = true;
  if (view != nullptr && indexed_) {
    switch (next_seen_member(view)) {
      case Members::kSeen:
        return true;
      case Members::kNoMore:
        seen = false;
        skipped_over_ = true;
        return true;
      case Members::kUnclear:
        if (at_ >= end_ || *at_ != '"') return false;
        break;
    }
  }
  if (view == nullptr) {
    Value name;
    if (!string(name)) return false;
    values_.push_back(std::move(name));
  } else {
    const char* const begin = at_;
    RawString raw;
    if (end_ - begin > 16) {  // most keys are short
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin + 1));
      const unsigned stops = string_stops(block) | static_cast<unsigned>(_mm_movemask_epi8(block));
      const int length = stops == 0 ? 0 : __builtin_ctz(stops);
      if (stops != 0 && begin[1 + length] == '"') {
        raw.body = std::string_view(begin + 1, static_cast<std::size_t>(length));
        at_ = begin + length + 2;
      }
    }
    if (at_ == begin && !raw_string(raw)) return false;
    std::string_view text = raw.body;
    Value decoded;
    if (raw.escaped || !raw.ascii) {
      at_ = begin;
      if (!string(decoded)) return false;
      text = decoded.string();
    }
    view = view->find(text);
    seen = view != nullptr;
    if (seen) values_.push_back(decoded.valid() ? std::move(decoded) : borrowed_string(text));
    if (seen && view->whole) view = nullptr;
  }
  skip_space();
  return at_ < end_ && *at_++ == ':';
}

bool JsonReader::parse(const View* view, Value& result) {
  while (true) {
    // A value is next, seen as `view` says.
    skip_space();
    if (at_ >= end_) return false;
    Value value;
    bool complete = true;
    bool seen = true;
    const char c = *at_;
    if (c == '"') {
      if (!string(value)) return false;
    } else if (c == '{' || c == '[') {
      ++at_;
      if (open_.size() >= max_depth_) {
        too_deep_ = true;
        return false;
      }
      const std::size_t first = values_.size();
      skip_space();
      if (at_ < end_ && *at_ == (c == '{' ? '}' : ']')) {
        ++at_;
        close(c == '{', first, value);
      } else {
        if (c == '[') view = nullptr;
        open_.push_back({c == '{', first, view});
        if (c == '[') continue;
        if (!key(view, seen)) return false;
        complete = false;
      }
    } else if (!scalar(value)) {
      return false;
    }
    // A value is complete: it goes to its container, which may be complete then as well.
    while (true) {
      if (complete) {
        if (open_.empty()) {
          result = std::move(value);
          return true;
        }
        if (seen) values_.push_back(std::move(value));
        seen = true;
        const Frame frame = open_.back();
        skip_space();
        if (at_ >= end_) return false;
        const char next = *at_++;
        if (next != ',') {
          if (next != (frame.object ? '}' : ']')) return false;
          open_.pop_back();
          close(frame.object, frame.first, value);
          continue;
        }
        view = frame.view;
        if (frame.object) {
          skip_space();
          if (!key(view, seen)) return false;
        }
      }
      complete = !seen;
      if (seen) break;
      if (!std::exchange(skipped_over_, false) && !skip()) return false;
    }
  }
}

void JsonReader::begin(std::string_view text, Ownership ownership, std::uint32_t max_depth) noexcept {
  at_ = text.data();
  end_ = at_ + text.size();
  borrow_ = ownership != Ownership::kCopy;
  lenient_ = ownership == Ownership::kBorrow;
  max_depth_ = max_depth;
  too_deep_ = false;
  indexed_ = false;
  skipped_over_ = false;
  open_.clear();
  values_.clear();
}

bool JsonReader::parse_all(const View* view, Value& value) {
  bool good = false;
  try {
    good = parse(view, value);
  } catch (...) {
    values_.clear();
    throw;
  }
  values_.clear();
  return good;
}

bool JsonReader::read(std::string_view text, Ownership ownership, std::uint32_t max_depth, Value& value,
                      std::string& error) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  begin(text, ownership, max_depth);
  if (parse_all(nullptr, value)) {
    skip_space();
    if (at_ == end_) return true;
    value = Value();
  }
  error = too_deep_ ? "Exceeds depth limit for parsing" : json_error(text);
  return false;
}

JsonReader::Found JsonReader::next(std::string_view text, std::size_t& at, bool last, std::uint32_t max_depth,
                                   const View* view, Value& value) {
  begin(text, Ownership::kBorrowStrict, max_depth);
  indexed_ = view != nullptr && structurals_.text != nullptr && text.data() == structurals_.text &&
             text.size() == indexed_size_;
  at_ += at;
  skip_space();
  at = static_cast<std::size_t>(at_ - text.data());
  if (at_ == end_) return Found::kNothing;
  const char first = *at_;
  const bool good = parse_all(view, value);
  // A bare word at the end of the text may go on.
  const bool bare = first != '{' && first != '[' && first != '"';
  if (at_ >= end_ && !last && (!good || bare)) return Found::kUnfinished;
  if (!good) return Found::kBroken;
  // As in jq, which sees the bracket before it has given the word.
  if (bare && at_ < end_ && (*at_ == ']' || *at_ == '}' || *at_ == ',' || *at_ == ':')) return Found::kBroken;
  at = static_cast<std::size_t>(at_ - text.data());
  return Found::kValue;
}

}  // namespace riptide::transform::jq

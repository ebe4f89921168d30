#include <cstring>

#include "riptide/json/structurals.hpp"

namespace riptide::json {

namespace {

// One walk for stepping over, checking and copying: `Visitor::scalar` sees every scalar (false: malformed), `token`
// every bracket and separator. No recursion: `brackets` remembers what is open.
template <class Visitor>
std::uint32_t walk(const Structurals& structurals, std::uint32_t index, Brackets& brackets, Visitor& visitor,
                   std::uint32_t* failed_at) {
  const std::uint32_t size = structurals.size;
  const auto fail = [&](std::uint32_t where) {
    if (failed_at != nullptr) *failed_at = where < size ? where : size;
    return 0u;
  };
  brackets.clear();
  bool in_object = false;

  for (;;) {  // a value begins at `index`
    if (index >= size) return fail(index);
    switch (class_of(structurals.byte(index))) {
      case Class::kScalar:
      case Class::kString:
        if (!visitor.scalar(index)) return fail(index);
        ++index;
        break;
      case Class::kOpenObject:
        visitor.token(index);
        ++index;
        if (index < size && structurals.byte(index) == '}') {
          visitor.token(index);
          ++index;
          break;
        }
        if (brackets.depth() >= visitor.max_depth()) return fail(index);
        brackets.push(true);
        in_object = true;
        goto member;
      case Class::kOpenArray:
        visitor.token(index);
        ++index;
        if (index < size && structurals.byte(index) == ']') {
          visitor.token(index);
          ++index;
          break;
        }
        if (brackets.depth() >= visitor.max_depth()) return fail(index);
        brackets.push(false);
        in_object = false;
        continue;
      case Class::kNone:
      case Class::kCloseObject:
      case Class::kCloseArray:
      case Class::kColon:
      case Class::kComma:
        return fail(index);
    }
    // A value ended before `index`: close what ends with it.
    for (;;) {
      if (brackets.depth() == 0) return index;
      if (index >= size) return fail(index);
      const char separator = structurals.byte(index);
      if (separator == ',') {
        visitor.token(index);
        ++index;
        break;
      }
      if (separator != (in_object ? '}' : ']')) return fail(index);
      visitor.token(index);
      ++index;
      brackets.pop();
      in_object = brackets.top_is_object();
    }
    if (!in_object) continue;
  member:
    if (index + 2 >= size) return fail(size);
    if (structurals.byte(index) != '"') return fail(index);
    if (structurals.byte(index + 1) != ':') return fail(index + 1);
    if (!visitor.scalar(index)) return fail(index);
    visitor.token(index + 1);
    index += 2;
  }
}

struct Nothing {
  static bool scalar(std::uint32_t /*index*/) { return true; }
  static void token(std::uint32_t /*index*/) {}
  static std::uint32_t max_depth() { return UINT32_MAX; }
};

struct Checking {
  const Structurals& structurals;
  [[nodiscard]] bool scalar(std::uint32_t index) const { return is_scalar(structurals.token(index)); }
  static void token(std::uint32_t /*index*/) {}
  static std::uint32_t max_depth() { return UINT32_MAX; }
};

// Copies run by run: what stands together in the text, without white space and escapes between, is appended at once.
struct Copying {
  const Structurals& structurals;
  std::string& out;
  std::uint32_t deepest;
  const char* run = nullptr;
  const char* run_end = nullptr;

  [[nodiscard]] bool scalar(std::uint32_t index) {
    const std::string_view token = structurals.token(index);
    if (token.front() == '"') {
      if (std::memchr(token.data(), '\\', token.size()) != nullptr) {
        flush();
        return append_canonical(token, out);
      }
    } else if (!is_scalar(token)) {
      return false;
    }
    add(token.data(), token.size());
    return true;
  }
  void token(std::uint32_t index) { add(structurals.text + structurals.at[index], 1); }
  void add(const char* begin, std::size_t size) {
    if (begin != run_end) {
      flush();
      run = begin;
    }
    run_end = begin + size;
  }
  void flush() {
    if (run != run_end) out.append(run, run_end);
    run = run_end = nullptr;
  }
  [[nodiscard]] std::uint32_t max_depth() const { return deepest; }
};

}  // namespace

namespace {

constexpr unsigned kShallow = 63;  // levels that one word remembers

// Steps over a container that is no deeper than `kShallow`: the walk above, with a whole member to a turn. Returns 0
// where it is deeper or malformed; the walk above tells which.
std::uint32_t step_over_shallow(const char* const text, const std::uint32_t* const at, std::uint32_t index,
                                const std::uint32_t size) noexcept {
  const std::uint32_t* next = at + index;
  const std::uint32_t* const end = at + size;
  const std::uint32_t* const last_member = size < 4 ? at : end - 4;  // no member begins behind it
  std::uint64_t objects = 0;                                         // a bit for each open bracket
  unsigned depth = 0;
  char byte = text[*next];

open:
  if (depth == kShallow) return 0;
  ++depth;
  ++next;
  if (next >= end) return 0;
  if (byte == '{') {
    objects = (objects << 1) | 1;
    if (text[*next] == '}') goto close;
    goto member;
  }
  objects <<= 1;
  if (text[*next] == ']') goto close;

element:
  byte = text[*next];
  if (!begins_scalar(byte)) {
    if (is_open(byte)) goto open;
    return 0;
  }
  if (++next >= end) return 0;
  byte = text[*next];
  if (byte == ',') {
    if (++next >= end) return 0;
    goto element;
  }
  if (byte == ']') goto close;
  return 0;

member:
  // A key, a colon, a value and what ends the member: four structurals at the least.
  if (next > last_member) return 0;
  if (text[next[0]] != '"' || text[next[1]] != ':') return 0;
  byte = text[next[2]];
  if (!begins_scalar(byte)) {
    if (!is_open(byte)) return 0;
    next += 2;
    goto open;
  }
  byte = text[next[3]];
  if (byte == ',') {
    next += 4;
    goto member;
  }
  if (byte != '}') return 0;
  next += 3;

close:
  ++next;
  objects >>= 1;
  if (--depth == 0) return static_cast<std::uint32_t>(next - at);
  if (next >= end) return 0;
  byte = text[*next];
  if (byte == ',') {
    if (++next >= end) return 0;
    if ((objects & 1) != 0) goto member;
    goto element;
  }
  if (byte == ((objects & 1) != 0 ? '}' : ']')) goto close;
  return 0;
}

}  // namespace

std::uint32_t step_over_container(const Structurals& structurals, std::uint32_t index, Brackets& brackets,
                                  std::uint32_t* failed_at) {
  if (index < structurals.size && is_open(structurals.byte(index))) {
    const std::uint32_t behind = step_over_shallow(structurals.text, structurals.at, index, structurals.size);
    if (behind != 0) return behind;
  }
  Nothing visitor;
  return walk(structurals, index, brackets, visitor, failed_at);
}

std::uint32_t check_value(const Structurals& structurals, std::uint32_t index, Brackets& brackets,
                          std::uint32_t* failed_at) {
  Checking visitor{structurals};
  return walk(structurals, index, brackets, visitor, failed_at);
}

namespace {

// True if the value between two structurals stands in the text as `append_compact` would write it.
bool is_compact(const Structurals& structurals, std::uint32_t index, std::uint32_t behind) noexcept {
  const char* const text = structurals.text;
  const std::uint32_t begin = structurals.at[index];
  for (std::uint32_t end = begin; index < behind - 1; ++index) {
    const std::uint32_t at = end;
    end = structurals.at[index + 1];
    const char byte = text[at];
    if (byte == '"') {
      if (text[end - 1] != '"') return false;
    } else if (begins_scalar(byte)) {
      if (!is_scalar({text + at, end - at})) return false;
    } else if (end - at != 1) {
      return false;
    }
  }
  return has_canonical_escapes({text + begin, structurals.at[behind - 1] - begin});
}

}  // namespace

std::uint32_t append_compact(const Structurals& structurals, std::uint32_t index, Brackets& brackets, std::string& out,
                             std::uint32_t max_depth) {
  // Most texts are compact already; all but the very deep ones are copied at once then.
  if (index < structurals.size && is_open(structurals.byte(index)) && max_depth > kShallow) {
    const std::uint32_t behind = step_over_shallow(structurals.text, structurals.at, index, structurals.size);
    if (behind != 0 && is_compact(structurals, index, behind)) {
      out.append(structurals.text + structurals.at[index], structurals.text + structurals.at[behind - 1] + 1);
      return behind;
    }
  }
  const std::size_t before = out.size();
  Copying visitor{structurals, out, max_depth};
  const std::uint32_t behind = walk(structurals, index, brackets, visitor, nullptr);
  visitor.flush();
  if (behind == 0) out.resize(before);
  return behind;
}

}  // namespace riptide::json

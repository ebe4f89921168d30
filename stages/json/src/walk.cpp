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

bool is_token(Class of) noexcept { return of == Class::kScalar || of == Class::kString; }

bool is_open(Class of) noexcept { return of == Class::kOpenObject || of == Class::kOpenArray; }

constexpr unsigned kShallow = 63;  // levels that one word remembers

// Steps over a container that is no deeper than `kShallow`: the walk above, with a whole member to a turn. Returns 0
// where it is deeper or malformed; the walk above tells which.
std::uint32_t step_over_shallow(const Structurals& structurals, std::uint32_t index) noexcept {
  const char* const text = structurals.text;
  const std::uint32_t* const at = structurals.at;
  const std::uint32_t size = structurals.size;
  std::uint64_t objects = 0;  // a bit for each open bracket
  unsigned depth = 0;
  char byte = text[at[index]];

open:
  if (depth == kShallow) return 0;
  ++depth;
  ++index;
  if (index >= size) return 0;
  if (byte == '{') {
    objects = (objects << 1) | 1;
    if (text[at[index]] == '}') goto close;
    goto member;
  }
  objects <<= 1;
  if (text[at[index]] == ']') goto close;

element:
  byte = text[at[index]];
  if (const Class value = class_of(byte); !is_token(value)) {
    if (is_open(value)) goto open;
    return 0;
  }
  if (++index >= size) return 0;
  byte = text[at[index]];
  if (byte == ',') {
    if (++index >= size) return 0;
    goto element;
  }
  if (byte == ']') goto close;
  return 0;

member:
  // A key, a colon, a value and what ends the member: four structurals at the least.
  if (size - index < 4) return 0;
  if (text[at[index]] != '"' || text[at[index + 1]] != ':') return 0;
  byte = text[at[index + 2]];
  if (const Class value = class_of(byte); !is_token(value)) {
    if (!is_open(value)) return 0;
    index += 2;
    goto open;
  }
  byte = text[at[index + 3]];
  if (byte == ',') {
    index += 4;
    if (index >= size) return 0;
    goto member;
  }
  if (byte != '}') return 0;
  index += 3;

close:
  ++index;
  objects >>= 1;
  if (--depth == 0) return index;
  if (index >= size) return 0;
  byte = text[at[index]];
  if (byte == ',') {
    if (++index >= size) return 0;
    if ((objects & 1) != 0) goto member;
    goto element;
  }
  if (byte == ((objects & 1) != 0 ? '}' : ']')) goto close;
  return 0;
}

}  // namespace

std::uint32_t step_over(const Structurals& structurals, std::uint32_t index, Brackets& brackets,
                        std::uint32_t* failed_at) {
  if (index < structurals.size) {
    const Class value = class_of(structurals.byte(index));
    if (is_token(value)) return index + 1;
    if (is_open(value)) {
      if (const std::uint32_t behind = step_over_shallow(structurals, index); behind != 0) return behind;
    }
  }
  Nothing visitor;
  return walk(structurals, index, brackets, visitor, failed_at);
}

std::uint32_t check_value(const Structurals& structurals, std::uint32_t index, Brackets& brackets,
                          std::uint32_t* failed_at) {
  Checking visitor{structurals};
  return walk(structurals, index, brackets, visitor, failed_at);
}

std::uint32_t append_compact(const Structurals& structurals, std::uint32_t index, Brackets& brackets, std::string& out,
                             std::uint32_t max_depth) {
  const std::size_t before = out.size();
  Copying visitor{structurals, out, max_depth};
  const std::uint32_t behind = walk(structurals, index, brackets, visitor, nullptr);
  visitor.flush();
  if (behind == 0) out.resize(before);
  return behind;
}

}  // namespace riptide::json

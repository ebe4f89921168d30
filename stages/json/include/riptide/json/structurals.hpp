#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/result.hpp"

namespace riptide::json {

/// JSON's white space, and nothing else.
constexpr bool is_space(char byte) noexcept { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

/// Where the tokens of a text begin: brackets, commas, colons, opening quotes, first bytes of numbers and literals.
/// Borrowed from a `StructuralIndex`. The layer under `Document`, for code that must be fast; all others use
/// `Document`.
struct Structurals {
  const char* text = nullptr;
  const std::uint32_t* at =
      nullptr;  ///< `size` offsets, ascending, then `StructuralIndex::kSentinels` times the length.
  std::uint32_t size = 0;

  [[nodiscard]] char byte(std::uint32_t index) const noexcept { return text[at[index]]; }

  /// The raw bytes of the scalar that begins at `index`: up to the next structural, white space left out. A string's
  /// last byte is its closing quote (stage 1 saw to it).
  [[nodiscard]] std::string_view token(std::uint32_t index) const noexcept {
    const std::uint32_t begin = at[index];
    std::uint32_t end = at[index + 1];
    if (static_cast<unsigned char>(text[end - 1]) > ' ') return {text + begin, end - begin};  // mostly
    while (end > begin + 1 && is_space(text[end - 1])) --end;
    return {text + begin, end - begin};
  }
};

/// Builds `Structurals`: simdjson's stage 1, or a scalar scan of our own that finds the same places. Checks UTF-8, that
/// strings are closed, and that no control character stands in them; not the grammar. One per thread, reused.
class StructuralIndex {
 public:
  enum class Scan : std::uint8_t { kSimd, kScalar };
  static constexpr std::uint32_t kSentinels = 8;

  /// kSimd falls back to kScalar when the simdjson at hand is not the version that this was written for.
  explicit StructuralIndex(Scan scan = Scan::kSimd);
  ~StructuralIndex();
  StructuralIndex(StructuralIndex&&) noexcept;
  StructuralIndex& operator=(StructuralIndex&&) noexcept;

  /// Indexes `text`, which `Document::kPadding` readable bytes follow. A leading byte order mark is left out.
  /// Errors: kMalformed, kLimit (4 GB and more).
  pipeline::Result<Structurals> build(std::string_view text);

 private:
  struct Stage1;
  std::unique_ptr<Stage1> stage1_;
  std::vector<std::uint32_t> positions_;
  Scan scan_;
};

/// What can begin at a structural.
enum class Class : std::uint8_t {
  kNone,
  kScalar,
  kString,
  kOpenObject,
  kOpenArray,
  kCloseObject,
  kCloseArray,
  kColon,
  kComma
};

namespace detail {
constexpr std::array<Class, 256> classes() {
  std::array<Class, 256> table{};
  for (char digit = '0'; digit <= '9'; ++digit) table[static_cast<unsigned char>(digit)] = Class::kScalar;
  for (const char scalar : {'-', 't', 'f', 'n'}) table[static_cast<unsigned char>(scalar)] = Class::kScalar;
  table['"'] = Class::kString;
  table['{'] = Class::kOpenObject;
  table['['] = Class::kOpenArray;
  table['}'] = Class::kCloseObject;
  table[']'] = Class::kCloseArray;
  table[':'] = Class::kColon;
  table[','] = Class::kComma;
  return table;
}
inline constexpr std::array<Class, 256> kClasses = classes();
constexpr std::array<bool, 256> scalar_beginnings() {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte)
    table[byte] = kClasses[byte] == Class::kScalar || kClasses[byte] == Class::kString;
  return table;
}
inline constexpr std::array<bool, 256> kBeginsScalar = scalar_beginnings();
}  // namespace detail

inline Class class_of(char byte) noexcept { return detail::kClasses[static_cast<unsigned char>(byte)]; }

/// True if a string, a number or a literal begins with `byte`.
inline bool begins_scalar(char byte) noexcept { return detail::kBeginsScalar[static_cast<unsigned char>(byte)]; }

/// True for `{` and `[`.
constexpr bool is_open(char byte) noexcept { return byte == '{' || byte == '['; }

/// The open brackets of a walk, one bit each, so that depth costs no recursion. Reused: allocates only past its
/// deepest.
class Brackets {
 public:
  void clear() noexcept {
    depth_ = 0;
    word_ = 0;
    full_.clear();
  }
  void push(bool object) {
    if (depth_ != 0 && depth_ % 64 == 0) full_.push_back(word_);
    word_ = (word_ << 1) | (object ? 1u : 0u);
    ++depth_;
  }
  /// Drops the top; the stack must not be empty.
  void pop() noexcept {
    --depth_;
    word_ >>= 1;
    if (depth_ != 0 && depth_ % 64 == 0) {
      word_ = full_.back();
      full_.pop_back();
    }
  }
  [[nodiscard]] bool top_is_object() const noexcept { return (word_ & 1) != 0; }
  [[nodiscard]] std::uint32_t depth() const noexcept { return depth_; }

 private:
  std::uint64_t word_ = 0;  ///< The top up to 64 levels.
  std::uint32_t depth_ = 0;
  std::vector<std::uint64_t> full_;
};

/// `step_over` for what is no scalar.
std::uint32_t step_over_container(const Structurals& structurals, std::uint32_t index, Brackets& brackets,
                                  std::uint32_t* failed_at);

/// Steps over the value at structural `index` and returns the index behind it, or 0 if it is malformed; then
/// `*failed_at` is the structural that does not fit. Checks brackets and separators; scalars only for their first byte.
inline std::uint32_t step_over(const Structurals& structurals, std::uint32_t index, Brackets& brackets,
                               std::uint32_t* failed_at) {
  if (index < structurals.size && begins_scalar(structurals.byte(index))) return index + 1;
  return step_over_container(structurals, index, brackets, failed_at);
}

/// As `step_over`, and checks every scalar inside.
std::uint32_t check_value(const Structurals& structurals, std::uint32_t index, Brackets& brackets,
                          std::uint32_t* failed_at);

/// Appends the value at `index` without white space; strings in their canonical form (`append_canonical`), numbers
/// digit by digit. Returns the index behind it, or 0 if anything in it is malformed or nests deeper than `max_depth`
/// (then `out` has lost its tail).
std::uint32_t append_compact(const Structurals& structurals, std::uint32_t index, Brackets& brackets, std::string& out,
                             std::uint32_t max_depth = UINT32_MAX);

/// Appends a raw string (with quotes) so that equal texts have equal bytes: escapes that are not needed are decoded,
/// lone surrogates become U+FFFD. False if an escape is malformed.
bool append_canonical(std::string_view raw_string, std::string& out);

/// True if all escapes between the quotes of a raw string stand as `append_canonical` would write them; also true for
/// what has none. May be false for `\u` escapes that stand so. `text` may hold several strings.
bool has_canonical_escapes(std::string_view text) noexcept;

/// True if `token` is a number by RFC 8259.
bool is_number(std::string_view token) noexcept;

/// True if `token` is a number, `true`, `false`, `null`, or a string with good escapes.
bool is_scalar(std::string_view token) noexcept;

/// Compares the raw bytes of a key (between its quotes) with a decoded key; escaped keys match too.
bool key_equals(std::string_view raw_key, std::string_view key) noexcept;

/// The scalar scan: what `StructuralIndex` uses under `Scan::kScalar`. Fills `positions` (without sentinels).
pipeline::Result<void> scan_scalar(std::string_view text, std::vector<std::uint32_t>& positions);

/// Length of the UTF-8 sequence at `bytes[0]`, 0 if it is none (overlong, surrogate, too large, cut off).
std::size_t utf8_sequence(std::string_view bytes) noexcept;

/// Appends `text` with each invalid byte sequence replaced by U+FFFD, as jq does when it reads.
void append_repaired_utf8(std::string_view text, std::string& out);

}  // namespace riptide::json

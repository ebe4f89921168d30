#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"

namespace riptide::json {

using pipeline::Result;

struct Structurals;

enum class Type : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

/// A place in an indexed document. A handle, valid until the `Document` indexes another text.
struct Value {
  std::uint32_t at = 0;  ///< Position in the structural index (private to `Document`).
  Type type = Type::kNull;
};

/// Walks one JSON text over simdjson's structural index: no tree, no copy, raw spans of the text.
///
/// `index()` runs stage 1 (UTF-8, strings closed) and the walk checks the grammar of what it steps over: brackets that
/// match, separators where they belong, tokens that end. What nobody steps over is not checked: call `check()` for the
/// whole (numbers, literals and escapes inside a container that is stepped over are such). A second value behind the
/// root is found when the root was stepped over to its end. Depth is bounded by the text, without recursion. One per
/// thread, reused; not copyable. All texts must be followed by `kPadding` readable bytes; a text may be a part of a
/// larger one, indexed in place.
class Document {
 public:
  static constexpr std::size_t kPadding = 64;

  enum class Scan : std::uint8_t {
    kSimd,    ///< simdjson's stage 1.
    kScalar,  ///< Our own scan, byte by byte: the fallback, and the test of the other.
  };

  explicit Document(Scan scan = Scan::kSimd);
  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  /// Indexes `text` (borrowed until the next call) and returns its root. Leading and trailing white space is allowed.
  /// Errors: kMalformed (empty, not UTF-8, open string, something after the root), kLimit (over 4 GB).
  Result<Value> index(std::string_view text);

  /// The structural index of the text, for code that walks by itself (riptide/json/structurals.hpp). A `Value`'s `at`
  /// counts in it.
  [[nodiscard]] const Structurals& structurals() const noexcept;

  /// Returns the raw bytes of a value, from its first to its last byte. Costs a step over the structurals inside it.
  /// Errors: kMalformed.
  Result<std::string_view> raw(Value value) const;

  /// Checks the whole text against RFC 8259. Errors: kMalformed with the byte offset.
  Result<void> check() const;

  /// What `Members` and `Elements` share: a walk from one value of a container to the next.
  class Steps {
   public:
    [[nodiscard]] Value value() const noexcept { return value_; }
    /// The raw span of the current value; afterwards `next()` need not step over it again. Errors: kMalformed.
    Result<std::string_view> raw_value();
    [[nodiscard]] Result<void> status() const;

   protected:
    /// A `container` of another type has nothing in it and a status of kMalformed.
    Steps(const Document& document, Value container, Type type);
    /// Moves to where the next value, or its key, begins. False at the end and on an error.
    bool advance(char close);
    /// Reads the value there. False if it is malformed.
    bool read_value();
    bool fail(std::uint32_t at);

    const Document* document_;
    std::uint32_t next_ = 0;  ///< The structural behind the current value, 0 while unknown.

   private:
    Value value_;
    std::uint32_t container_ = 0;  ///< Structural of the opening bracket.
    bool done_ = false;
    bool first_ = true;
    std::uint32_t error_at_ = 0;  ///< 1 + byte offset of an error.
  };

  /// Steps over the members of an object, in text order, duplicates included (the last one counts, as in jq).
  ///   json::Document::Members members(document, object);
  ///   while (members.next()) if (members.key_is("Items")) items = members.value();
  ///   if (auto checked = members.status(); !checked) ...
  class Members : public Steps {
   public:
    Members(const Document& document, Value object) : Steps(document, object, Type::kObject) {}
    /// Moves to the next member; false at the end and on an error (see `status`).
    bool next();
    /// The key's raw bytes between its quotes (escapes not decoded).
    [[nodiscard]] std::string_view raw_key() const noexcept { return key_; }
    /// Compares with a decoded key; an escaped key in the text matches too.
    [[nodiscard]] bool key_is(std::string_view key) const;

   private:
    std::string_view key_;
  };

  /// Steps over the elements of an array. Same use as `Members`.
  class Elements : public Steps {
   public:
    Elements(const Document& document, Value array) : Steps(document, array, Type::kArray) {}
    bool next() { return advance(']') && read_value(); }
  };

  /// Finds a member of an object by its decoded key; with duplicates the last. Errors: kMalformed.
  Result<std::optional<Value>> find(Value object, std::string_view key) const;

 private:
  struct Index;
  std::unique_ptr<Index> index_;
};

/// Decodes the raw bytes of a JSON string (with its quotes) and appends them to `out` as UTF-8. Lone surrogates become
/// U+FFFD. Errors: kMalformed.
Result<void> append_decoded(std::string_view raw_string, std::string& out);

/// Returns the decoded text of a raw JSON string with its quotes.
Result<std::string> decoded(std::string_view raw_string);

/// Appends `text` as a JSON string with quotes. Control characters, `"` and `\` are escaped; bytes that are not UTF-8
/// become U+FFFD. All else is left as it is.
void append_quoted(std::string_view text, std::string& out);

/// Returns `text` as a JSON string with quotes: see `append_quoted`.
std::string quoted(std::string_view text);

/// Returns a raw JSON value as text: strings decoded, anything else (and what cannot be decoded) as it is written.
std::string text_of(std::string_view raw);

/// Reads a raw number as an unsigned integer; nothing if it is negative, a fraction, or over 64 bits.
std::optional<std::uint64_t> to_uint64(std::string_view raw_number) noexcept;

}  // namespace riptide::json

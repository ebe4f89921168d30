#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "jq/heap.hpp"

namespace riptide::transform::jq {

enum class Tag : std::uint8_t {
  kInvalid,
  kNull,
  kFalse,
  kTrue,
  kNumber,   ///< A double.
  kLiteral,  ///< A number that nobody computed on, whose digits a double does not print: a node.
  kString,
  kArray,
  kObject,
};

/// References of a node: counted without atomics, as a value belongs to one thread. Immortal nodes (parsed inputs,
/// constants of a program) are not counted, never changed in place, and go with their heap.
struct NodeHead {
  static constexpr std::uint32_t kImmortal = 0x80000000u;
  std::uint32_t references = 1;
  [[nodiscard]] bool unique() const noexcept { return references == 1; }
  [[nodiscard]] bool immortal() const noexcept { return (references & kImmortal) != 0; }
};

struct LiteralNode;
struct StringNode;
struct ArrayNode;
struct ObjectNode;

/// A JSON value: two words. Copies share; `*_mut` functions copy on write.
class Value {
 public:
  Value() noexcept : tag_(Tag::kInvalid), bits_(0) {}
  ~Value() {
    if (counted() && !head()->immortal() && --head()->references == 0) destroy();
  }
  Value(const Value& other) noexcept : tag_(other.tag_), bits_(other.bits_) {
    if (counted() && !head()->immortal()) ++head()->references;
  }
  Value(Value&& other) noexcept : tag_(other.tag_), bits_(other.bits_) { other.tag_ = Tag::kInvalid; }
  Value& operator=(const Value& other) noexcept {
    Value copy(other);
    swap(copy);
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    Value moved(std::move(other));
    swap(moved);
    return *this;
  }
  /// Lets go without giving back: for values whose heap is taken back as a whole, or whose program may be gone.
  void forget() noexcept { tag_ = Tag::kInvalid; }
  void swap(Value& other) noexcept {
    std::swap(tag_, other.tag_);
    std::swap(bits_, other.bits_);
  }

  static Value null() noexcept { return Value(Tag::kNull); }
  static Value boolean(bool value) noexcept { return Value(value ? Tag::kTrue : Tag::kFalse); }
  static Value number(double value) noexcept {
    Value result(Tag::kNumber);
    result.number_ = value;
    return result;
  }
  static Value number(std::size_t value) noexcept { return number(static_cast<double>(value)); }
  static Value string(std::string_view bytes);  ///< Copies; must be valid UTF-8.
  static Value array(std::size_t capacity = 0);
  static Value object();

  [[nodiscard]] Tag tag() const noexcept { return tag_; }
  [[nodiscard]] bool valid() const noexcept { return tag_ != Tag::kInvalid; }
  [[nodiscard]] bool is_null() const noexcept { return tag_ == Tag::kNull; }
  [[nodiscard]] bool is_number() const noexcept { return tag_ == Tag::kNumber || tag_ == Tag::kLiteral; }
  [[nodiscard]] bool is_string() const noexcept { return tag_ == Tag::kString; }
  [[nodiscard]] bool is_array() const noexcept { return tag_ == Tag::kArray; }
  [[nodiscard]] bool is_object() const noexcept { return tag_ == Tag::kObject; }
  [[nodiscard]] bool is_boolean() const noexcept { return tag_ == Tag::kTrue || tag_ == Tag::kFalse; }
  [[nodiscard]] bool truthy() const noexcept { return tag_ != Tag::kNull && tag_ != Tag::kFalse; }

  [[nodiscard]] double number() const noexcept;
  [[nodiscard]] std::string_view string() const noexcept;

  /// The same value in the same place in memory, or an equal scalar: what jq's path tracking compares.
  [[nodiscard]] bool identical(const Value& other) const noexcept {
    return tag_ == other.tag_ && (tag_ <= Tag::kTrue || bits_ == other.bits_);
  }

  [[nodiscard]] LiteralNode* literal_node() const noexcept { return reinterpret_cast<LiteralNode*>(bits_); }
  [[nodiscard]] StringNode* string_node() const noexcept { return reinterpret_cast<StringNode*>(bits_); }
  [[nodiscard]] ArrayNode* array_node() const noexcept { return reinterpret_cast<ArrayNode*>(bits_); }
  [[nodiscard]] ObjectNode* object_node() const noexcept { return reinterpret_cast<ObjectNode*>(bits_); }
  [[nodiscard]] NodeHead* head() const noexcept { return reinterpret_cast<NodeHead*>(bits_); }
  [[nodiscard]] bool counted() const noexcept { return tag_ >= Tag::kLiteral; }
  [[nodiscard]] bool unique() const noexcept { return counted() && head()->unique(); }

  /// Wraps a node and takes over one reference to it.
  static Value adopt(Tag tag, void* node) noexcept {
    Value result(tag);
    result.bits_ = reinterpret_cast<std::uint64_t>(node);
    return result;
  }
  [[nodiscard]] std::uint64_t bits() const noexcept { return bits_; }
  static Value from_bits(Tag tag, std::uint64_t bits) noexcept {
    Value result(tag);
    result.bits_ = bits;
    return result;
  }

 private:
  explicit Value(Tag tag) noexcept : tag_(tag), bits_(0) {}
  void destroy() noexcept;

  Tag tag_;
  union {
    std::uint64_t bits_;
    double number_;
  };
};

struct LiteralNode : NodeHead {
  std::uint32_t size = 0;
  double number = 0;
  const char* text = nullptr;  ///< As it was written; behind the node if `owned`.
  bool owned = false;
};

struct StringNode : NodeHead {
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;  ///< Bytes behind the node; 0: `data` lies elsewhere (in an input).
  std::uint32_t hash = 0;      ///< 0 while unknown.
  const char* data = nullptr;
  [[nodiscard]] char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
};

struct ArrayNode : NodeHead {
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;
  Value* items = nullptr;
};

struct ObjectEntry {
  Value key;
  Value value;
};

struct ObjectNode : NodeHead {
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;
  std::uint32_t index_size = 0;    ///< A power of two; 0: no index.
  ObjectEntry* entries = nullptr;  ///< In insertion order.
  std::uint32_t* index = nullptr;  ///< Hash to 1 + entry.
  bool unchecked = false;          ///< From a parser: may hold duplicate keys; the last counts.
};

inline double Value::number() const noexcept {
  return tag_ == Tag::kNumber ? number_ : tag_ == Tag::kLiteral ? literal_node()->number : 0.0;
}
inline std::string_view Value::string() const noexcept {
  if (tag_ != Tag::kString) return {};
  return {string_node()->data, string_node()->size};
}

/// Returns the name of the type as `type` does.
std::string_view type_name(const Value& value) noexcept;

// ---- strings

/// A string that points to `bytes`, which must be valid UTF-8 and outlive the heap's next reset. Immortal.
Value borrowed_string(std::string_view bytes);
/// Appends to a string, in place if nobody else sees it.
void append(Value& string, std::string_view bytes);
/// The decoded text with U+FFFD for what is broken.
Value repaired_string(std::string_view bytes);

// ---- numbers

/// A number from its JSON text (checked already). Borrows the text if `borrow`, and is immortal then.
Value number_from_text(std::string_view text, bool borrow);
/// Appends a number as jq prints it.
void append_number(std::string& out, const Value& value);
void append_double(std::string& out, double value);
/// The negated number; digits stay.
Value negated(const Value& number);

// ---- arrays

[[nodiscard]] inline std::uint32_t array_size(const Value& array) noexcept { return array.array_node()->size; }
[[nodiscard]] inline const Value& array_at(const Value& array, std::size_t index) noexcept {
  return array.array_node()->items[index];
}
void array_push(Value& array, Value element);
/// Room for one more slot to write: makes the array unique and `index` exist (nulls in between).
Value& array_slot(Value& array, std::size_t index);
Value array_slice(const Value& array, std::size_t begin, std::size_t end);

// ---- objects

/// Resolves duplicates of an object just read, and indexes it if it is large.
void object_settle(Value& object);
std::uint32_t object_size(const Value& object);
/// Insertion order; duplicates resolved.
const ObjectEntry& object_entry(const Value& object, std::size_t index);
const Value* object_find(const Value& object, std::string_view key);
void object_set(Value& object, Value key, Value value);
/// The value under `key` to write, null if it was not there. Makes the object unique.
Value& object_slot(Value& object, const Value& key);
void object_remove(Value& object, std::string_view key);
/// Indexes of the entries in the order of their keys.
void sorted_entries(const Value& object, std::uint32_t* order);

// ---- both

/// Total order of jq. Throws ErrorRaised ("Comparison too deep") past 10,000 levels.
int compare(const Value& a, const Value& b);
bool equal(const Value& a, const Value& b);

/// Marks everything in `value` immortal, with all hashes and indexes made: it can be shared by threads then.
void freeze(const Value& value);

}  // namespace riptide::transform::jq

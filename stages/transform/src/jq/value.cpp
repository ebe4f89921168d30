#include "jq/value.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <vector>

#include "jq/native_stack.hpp"
#include "jq/number_text.hpp"
#include "jq/raised.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

constexpr std::uint32_t kIndexFrom = 24;  ///< Objects of that many members get a hash index.
constexpr std::uint32_t kMaxDepth = 10'000;

Heap& heap() noexcept { return *Heap::current(); }

template <class Node>
Node* make_node(std::size_t extra = 0) {
  return new (heap().allocate(sizeof(Node) + extra)) Node();
}

std::uint32_t checked_size(std::size_t size) {
  if (size >= (std::size_t{1} << 29)) throw LimitExceeded{"value exceeds the size limit"};
  return static_cast<std::uint32_t>(size);
}

std::uint32_t hash_of(std::string_view key) noexcept {
  std::uint64_t hash = 0x9E3779B97F4A7C15ull ^ key.size();
  const char* at = key.data();
  std::size_t left = key.size();
  while (left >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    hash = (hash ^ word) * 0xFF51AFD7ED558CCDull;
    hash ^= hash >> 32;
    at += 8;
    left -= 8;
  }
  std::uint64_t tail = 0;
  if (left > 0) std::memcpy(&tail, at, left);
  hash = (hash ^ tail) * 0xC4CEB9FE1A85EC53ull;
  hash ^= hash >> 29;
  const auto folded = static_cast<std::uint32_t>(hash ^ (hash >> 32));
  return folded == 0 ? 1 : folded;
}

std::uint32_t hash_of(StringNode& node) noexcept {
  if (node.hash == 0) node.hash = hash_of(std::string_view(node.data, node.size));
  return node.hash;
}

std::string_view key_of(const ObjectEntry& entry) noexcept {
  const StringNode* node = entry.key.string_node();
  return {node->data, node->size};
}

void drop_index(ObjectNode& node) noexcept {
  if (node.index == nullptr) return;
  heap().release(node.index, node.index_size * sizeof(std::uint32_t));
  node.index = nullptr;
  node.index_size = 0;
}

void index_entry(ObjectNode& node, std::uint32_t entry) noexcept {
  const std::uint32_t mask = node.index_size - 1;
  std::uint32_t slot = hash_of(*node.entries[entry].key.string_node()) & mask;
  while (node.index[slot] != 0) slot = (slot + 1) & mask;
  node.index[slot] = entry + 1;
}

void build_index(ObjectNode& node, std::uint32_t entries) {
  drop_index(node);
  std::uint32_t size = 64;
  while (size < entries * 2) size *= 2;
  node.index = static_cast<std::uint32_t*>(heap().allocate(size * sizeof(std::uint32_t)));
  node.index_size = size;
  std::memset(node.index, 0, size * sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < node.size; ++i) index_entry(node, i);
}

constexpr std::uint32_t kNone = 0xFFFFFFFFu;

std::uint32_t find_indexed(const ObjectNode& node, std::string_view key, std::uint32_t hash) noexcept {
  const std::uint32_t mask = node.index_size - 1;
  for (std::uint32_t slot = hash & mask; node.index[slot] != 0; slot = (slot + 1) & mask) {
    const std::uint32_t entry = node.index[slot] - 1;
    if (key_of(node.entries[entry]) == key) return entry;
  }
  return kNone;
}

// From the back: where duplicates have not been resolved yet, the last one counts.
std::uint32_t find_scanning(const ObjectNode& node, std::string_view key) noexcept {
  for (std::uint32_t i = node.size; i-- > 0;) {
    const StringNode* candidate = node.entries[i].key.string_node();
    if (std::string_view(candidate->data, candidate->size) == key) return i;
  }
  return kNone;
}

// The first place with the last value, as repeated insertion would leave it. Allocates nothing in the heap: a value may
// be looked at while another heap is the current one.
void resolve_duplicates(ObjectNode& node) {
  node.unchecked = false;
  if (node.size < 2) return;
  bool found = false;
  if (node.size <= 16) {
    for (std::uint32_t i = 1; i < node.size && !found; ++i) {
      for (std::uint32_t j = 0; j < i; ++j) {
        if (key_of(node.entries[i]) == key_of(node.entries[j])) {
          found = true;
          break;
        }
      }
    }
    if (!found) return;
  }
  static thread_local std::vector<std::uint32_t> slots;
  std::uint32_t size = 64;
  while (size < node.size * 2) size *= 2;
  slots.assign(size, 0);
  const std::uint32_t mask = size - 1;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < node.size; ++i) {
    ObjectEntry& entry = node.entries[i];
    std::uint32_t slot = hash_of(*entry.key.string_node()) & mask;
    while (slots[slot] != 0 && key_of(node.entries[slots[slot] - 1]) != key_of(entry)) slot = (slot + 1) & mask;
    if (slots[slot] != 0) {
      node.entries[slots[slot] - 1].value = std::move(entry.value);
      entry.key = Value();
      continue;
    }
    if (kept != i) {
      node.entries[kept].key = std::move(entry.key);
      node.entries[kept].value = std::move(entry.value);
    }
    slots[slot] = ++kept;
  }
  node.size = kept;
}

void ready(const Value& object) {
  ObjectNode* node = object.object_node();
  if (node->unchecked) [[unlikely]]
    resolve_duplicates(*node);
}

void unshare(Value& value) {
  if (value.unique()) return;
  if (value.is_array()) {
    const ArrayNode* from = value.array_node();
    Value copy = Value::array(from->size);
    ArrayNode* to = copy.array_node();
    for (std::uint32_t i = 0; i < from->size; ++i) new (&to->items[i]) Value(from->items[i]);
    to->size = from->size;
    value = std::move(copy);
  } else {
    ready(value);
    const ObjectNode* from = value.object_node();
    Value copy = Value::object();
    ObjectNode* to = copy.object_node();
    to->capacity = std::max(from->size + 2, 4u);
    to->entries = static_cast<ObjectEntry*>(heap().allocate(to->capacity * sizeof(ObjectEntry)));
    for (std::uint32_t i = 0; i < from->size; ++i) new (&to->entries[i]) ObjectEntry(from->entries[i]);
    to->size = from->size;
    value = std::move(copy);
  }
}

void reserve(ArrayNode& node, std::size_t wanted) {
  if (wanted <= node.capacity) return;
  const std::size_t capacity = std::max<std::size_t>(wanted, std::size_t{node.capacity} + node.capacity / 2 + 4);
  const std::size_t bytes = Heap::rounded(checked_size(capacity) * sizeof(Value));
  auto* items = static_cast<Value*>(heap().allocate(bytes));
  if (node.size > 0)
    std::memcpy(static_cast<void*>(items), static_cast<const void*>(node.items), node.size * sizeof(Value));
  if (node.items != nullptr) heap().release(node.items, node.capacity * sizeof(Value));
  node.items = items;
  node.capacity = static_cast<std::uint32_t>(bytes / sizeof(Value));
}

void reserve(ObjectNode& node, std::size_t wanted) {
  if (wanted <= node.capacity) return;
  const std::uint32_t capacity = checked_size(std::max<std::size_t>(wanted, std::size_t{node.capacity} * 2 + 4));
  auto* entries = static_cast<ObjectEntry*>(heap().allocate(capacity * sizeof(ObjectEntry)));
  if (node.size > 0) {
    std::memcpy(static_cast<void*>(entries), static_cast<const void*>(node.entries), node.size * sizeof(ObjectEntry));
  }
  if (node.entries != nullptr) heap().release(node.entries, node.capacity * sizeof(ObjectEntry));
  node.entries = entries;
  node.capacity = capacity;
}

// Frees one node whose last reference went; counted children go to `doomed`, so that depth costs no stack.
void free_node(Tag tag, void* address, std::vector<std::pair<Tag, void*>>& doomed) {
  const auto drop = [&doomed](Value& child) {
    if (child.counted() && !child.head()->immortal() && --child.head()->references == 0) {
      doomed.emplace_back(child.tag(), child.head());
    }
  };
  if (tag == Tag::kArray) {
    auto* node = static_cast<ArrayNode*>(address);
    for (std::uint32_t i = 0; i < node->size; ++i) drop(node->items[i]);
    if (node->items != nullptr) heap().release(node->items, node->capacity * sizeof(Value));
    heap().release(node, sizeof(ArrayNode));
  } else if (tag == Tag::kObject) {
    auto* node = static_cast<ObjectNode*>(address);
    for (std::uint32_t i = 0; i < node->size; ++i) {
      drop(node->entries[i].key);
      drop(node->entries[i].value);
    }
    drop_index(*node);
    if (node->entries != nullptr) heap().release(node->entries, node->capacity * sizeof(ObjectEntry));
    heap().release(node, sizeof(ObjectNode));
  } else if (tag == Tag::kString) {
    auto* node = static_cast<StringNode*>(address);
    heap().release(node, sizeof(StringNode) + node->capacity);
  } else if (tag == Tag::kLiteral) {
    auto* node = static_cast<LiteralNode*>(address);
    heap().release(node, sizeof(LiteralNode) + (node->owned ? node->size : 0));
  }
}

}  // namespace

void Value::destroy() noexcept {
  const Tag tag = tag_;
  void* const node = head();
  tag_ = Tag::kInvalid;
  if (tag == Tag::kString) {
    auto* text = static_cast<StringNode*>(node);
    heap().release(text, sizeof(StringNode) + text->capacity);
    return;
  }
  // One list per thread: a destructor never runs inside another one of these.
  static thread_local std::vector<std::pair<Tag, void*>> doomed;
  const std::size_t floor = doomed.size();
  doomed.emplace_back(tag, node);
  while (doomed.size() > floor) {
    const auto [next_tag, next] = doomed.back();
    doomed.pop_back();
    free_node(next_tag, next, doomed);
  }
}

std::string_view type_name(const Value& value) noexcept {
  switch (value.tag()) {
    case Tag::kInvalid:
      return "<invalid>";
    case Tag::kNull:
      return "null";
    case Tag::kFalse:
    case Tag::kTrue:
      return "boolean";
    case Tag::kNumber:
    case Tag::kLiteral:
      return "number";
    case Tag::kString:
      return "string";
    case Tag::kArray:
      return "array";
    case Tag::kObject:
      return "object";
  }
  return "<invalid>";
}

// ---- strings

Value Value::string(std::string_view bytes) {
  const std::uint32_t size = checked_size(bytes.size());
  auto* node = make_node<StringNode>(size);
  node->size = size;
  node->capacity = static_cast<std::uint32_t>(Heap::rounded(sizeof(StringNode) + size) - sizeof(StringNode));
  if (size > 0) std::memcpy(node->bytes(), bytes.data(), size);
  node->data = node->bytes();
  return adopt(Tag::kString, node);
}

Value borrowed_string(std::string_view bytes) {
  auto* node = make_node<StringNode>();
  node->references = NodeHead::kImmortal;
  node->size = checked_size(bytes.size());
  node->data = bytes.data();
  return Value::adopt(Tag::kString, node);
}

void append(Value& string, std::string_view bytes) {
  if (bytes.empty()) return;
  StringNode* node = string.string_node();
  const std::size_t size = std::size_t{node->size} + bytes.size();
  if (node->unique() && size <= node->capacity) {
    std::memcpy(node->bytes() + node->size, bytes.data(), bytes.size());
    node->size = static_cast<std::uint32_t>(size);
    node->hash = 0;
    return;
  }
  const std::uint32_t room = checked_size(node->unique() ? size + size / 2 : size);
  auto* grown = make_node<StringNode>(room);
  grown->capacity = static_cast<std::uint32_t>(Heap::rounded(sizeof(StringNode) + room) - sizeof(StringNode));
  grown->size = static_cast<std::uint32_t>(size);
  std::memcpy(grown->bytes(), node->data, node->size);
  std::memcpy(grown->bytes() + node->size, bytes.data(), bytes.size());
  grown->data = grown->bytes();
  string = Value::adopt(Tag::kString, grown);
}

Value repaired_string(std::string_view bytes) {
  return utf8::valid(bytes) ? Value::string(bytes) : Value::string(utf8::repaired(bytes));
}

// ---- arrays

Value Value::array(std::size_t capacity) {
  auto* node = make_node<ArrayNode>();
  Value result = adopt(Tag::kArray, node);
  if (capacity > 0) reserve(*node, capacity);
  return result;
}

void array_push(Value& array, Value element) {
  unshare(array);
  ArrayNode* node = array.array_node();
  reserve(*node, std::size_t{node->size} + 1);
  new (&node->items[node->size]) Value(std::move(element));
  ++node->size;
}

Value& array_slot(Value& array, std::size_t index) {
  unshare(array);
  ArrayNode* node = array.array_node();
  if (index >= node->size) {
    reserve(*node, index + 1);
    for (std::size_t i = node->size; i <= index; ++i) new (&node->items[i]) Value(Value::null());
    node->size = static_cast<std::uint32_t>(index + 1);
  }
  return node->items[index];
}

Value array_slice(const Value& array, std::size_t begin, std::size_t end) {
  const ArrayNode* from = array.array_node();
  Value result = Value::array(end - begin);
  ArrayNode* to = result.array_node();
  for (std::size_t i = begin; i < end; ++i) new (&to->items[to->size++]) Value(from->items[i]);
  return result;
}

// ---- objects

Value Value::object() { return adopt(Tag::kObject, make_node<ObjectNode>()); }

void object_settle(Value& object) {
  ready(object);
  ObjectNode& node = *object.object_node();
  if (node.size >= kIndexFrom && node.index == nullptr) build_index(node, node.size);
}

std::uint32_t object_size(const Value& object) {
  ready(object);
  return object.object_node()->size;
}

const ObjectEntry& object_entry(const Value& object, std::size_t index) {
  ready(object);
  return object.object_node()->entries[index];
}

const Value* object_find(const Value& object, std::string_view key) {
  const ObjectNode* node = object.object_node();
  const std::uint32_t found =
      node->index != nullptr ? find_indexed(*node, key, hash_of(key)) : find_scanning(*node, key);
  return found == kNone ? nullptr : &node->entries[found].value;
}

Value& object_slot(Value& object, const Value& key) {
  unshare(object);
  ready(object);
  ObjectNode* node = object.object_node();
  const std::uint32_t found = node->index != nullptr ? find_indexed(*node, key.string(), hash_of(*key.string_node()))
                                                     : find_scanning(*node, key.string());
  if (found != kNone) return node->entries[found].value;
  reserve(*node, std::size_t{node->size} + 1);
  new (&node->entries[node->size]) ObjectEntry{key, Value::null()};
  ++node->size;
  if (node->index != nullptr && node->size * 2 <= node->index_size) {
    index_entry(*node, node->size - 1);
  } else if (node->size >= kIndexFrom) {
    build_index(*node, node->size * 2);
  }
  return node->entries[node->size - 1].value;
}

void object_set(Value& object, Value key, Value value) { object_slot(object, key) = std::move(value); }

void object_remove(Value& object, std::string_view key) {
  if (object_find(object, key) == nullptr) return;
  unshare(object);
  ready(object);
  ObjectNode* node = object.object_node();
  drop_index(*node);
  const std::uint32_t found = find_scanning(*node, key);
  for (std::uint32_t i = found; i + 1 < node->size; ++i) {
    node->entries[i].key.swap(node->entries[i + 1].key);
    node->entries[i].value.swap(node->entries[i + 1].value);
  }
  --node->size;
  node->entries[node->size].~ObjectEntry();
}

void sorted_entries(const Value& object, std::uint32_t* order) {
  const std::uint32_t size = object_size(object);
  const ObjectEntry* entries = object.object_node()->entries;
  for (std::uint32_t i = 0; i < size; ++i) order[i] = i;
  std::sort(order, order + size,
            [entries](std::uint32_t a, std::uint32_t b) { return key_of(entries[a]) < key_of(entries[b]); });
}

// ---- comparison

namespace {

int rank(const Value& value) noexcept {
  switch (value.tag()) {
    case Tag::kInvalid:
      return 0;
    case Tag::kNull:
      return 1;
    case Tag::kFalse:
      return 2;
    case Tag::kTrue:
      return 3;
    case Tag::kNumber:
    case Tag::kLiteral:
      return 4;
    case Tag::kString:
      return 5;
    case Tag::kArray:
      return 6;
    case Tag::kObject:
      return 7;
  }
  return 0;
}

int sign(int order) noexcept { return order < 0 ? -1 : order > 0 ? 1 : 0; }

int compare_text(std::string_view a, std::string_view b) noexcept { return sign(a.compare(b)); }

int compare_decimals(const Value& a, const Value& b) {
  const auto text = [](const Value& value) {
    return std::string_view(value.literal_node()->text, value.literal_node()->size);
  };
  const Decimal x = read_decimal(text(a));
  const Decimal y = read_decimal(text(b));
  const bool x_zero = x.zero();
  const bool y_zero = y.zero();
  if (x_zero || y_zero) {
    if (x_zero && y_zero) return 0;
    return x_zero ? (y.negative ? 1 : -1) : (x.negative ? -1 : 1);
  }
  if (x.negative != y.negative) return x.negative ? -1 : 1;
  int order =
      x.point() != y.point() ? (x.point() < y.point() ? -1 : 1) : compare_text(x.significant(), y.significant());
  return x.negative ? -order : order;
}

int compare_numbers(const Value& a, const Value& b) {
  const double x = a.number();
  const double y = b.number();
  if (x < y) return -1;
  if (x > y) return 1;
  if (x == y) return a.tag() == Tag::kLiteral && b.tag() == Tag::kLiteral ? compare_decimals(a, b) : 0;
  // NaN is less than any number, itself included.
  return std::isnan(x) ? -1 : 1;
}

[[noreturn]] void too_deep(const char* what) { throw ErrorRaised{std::string(what) + " too deep"}; }

int compare_at(const Value& a, const Value& b, std::uint32_t depth);

int compare_objects(const Value& a, const Value& b, std::uint32_t depth) {
  std::vector<std::uint32_t> left(object_size(a));
  std::vector<std::uint32_t> right(object_size(b));
  sorted_entries(a, left.data());
  sorted_entries(b, right.data());
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const int order = compare_text(key_of(object_entry(a, left[i])), key_of(object_entry(b, right[i])));
    if (order != 0) return order;
  }
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const int order = compare_at(object_entry(a, left[i]).value, object_entry(b, right[i]).value, depth + 1);
    if (order != 0) return order;
  }
  return 0;
}

int compare_at(const Value& a, const Value& b, std::uint32_t depth) {
  const int ranks = rank(a) - rank(b);
  if (ranks != 0) return sign(ranks);
  switch (a.tag()) {
    case Tag::kInvalid:
    case Tag::kNull:
    case Tag::kFalse:
    case Tag::kTrue:
      return 0;
    case Tag::kNumber:
    case Tag::kLiteral:
      return compare_numbers(a, b);
    case Tag::kString:
      return compare_text(a.string(), b.string());
    case Tag::kArray: {
      if (depth > kMaxDepth) too_deep("Comparison");
      heap().spend(1);
      return with_native_stack([&] {
        const std::uint32_t shared = std::min(array_size(a), array_size(b));
        for (std::uint32_t i = 0; i < shared; ++i) {
          const int order = compare_at(array_at(a, i), array_at(b, i), depth + 1);
          if (order != 0) return order;
        }
        return array_size(a) == array_size(b) ? 0 : array_size(a) < array_size(b) ? -1 : 1;
      });
    }
    case Tag::kObject:
      if (depth > kMaxDepth) too_deep("Comparison");
      heap().spend(1);
      return with_native_stack([&] { return compare_objects(a, b, depth); });
  }
  return 0;
}

bool equal_at(const Value& a, const Value& b, std::uint32_t depth) {
  if (rank(a) != rank(b)) return false;
  switch (a.tag()) {
    case Tag::kInvalid:
    case Tag::kNull:
    case Tag::kFalse:
    case Tag::kTrue:
      return true;
    case Tag::kNumber:
    case Tag::kLiteral:
      return compare_numbers(a, b) == 0;
    case Tag::kString:
      return a.string() == b.string();
    case Tag::kArray:
      if (array_size(a) != array_size(b)) return false;
      if (depth > kMaxDepth) too_deep("Equality check");
      heap().spend(1);
      return with_native_stack([&] {
        for (std::uint32_t i = 0; i < array_size(a); ++i) {
          if (!equal_at(array_at(a, i), array_at(b, i), depth + 1)) return false;
        }
        return true;
      });
    case Tag::kObject:
      if (object_size(a) != object_size(b)) return false;
      if (depth > kMaxDepth) too_deep("Equality check");
      heap().spend(1);
      return with_native_stack([&] {
        for (std::uint32_t i = 0; i < object_size(a); ++i) {
          const ObjectEntry& entry = object_entry(a, i);
          const Value* other = object_find(b, entry.key.string());
          if (other == nullptr || !equal_at(entry.value, *other, depth + 1)) return false;
        }
        return true;
      });
  }
  return false;
}

}  // namespace

int compare(const Value& a, const Value& b) { return compare_at(a, b, 0); }
bool equal(const Value& a, const Value& b) { return equal_at(a, b, 0); }

void freeze(const Value& value) {
  std::vector<const Value*> pending{&value};
  while (!pending.empty()) {
    const Value* next = pending.back();
    pending.pop_back();
    if (!next->counted()) continue;
    next->head()->references |= NodeHead::kImmortal;
    if (next->is_string()) {
      hash_of(*next->string_node());
    } else if (next->is_array()) {
      for (std::uint32_t i = 0; i < array_size(*next); ++i) pending.push_back(&array_at(*next, i));
    } else if (next->is_object()) {
      ready(*next);
      ObjectNode& node = *next->object_node();
      if (node.size >= kIndexFrom && node.index == nullptr) build_index(node, node.size);
      for (std::uint32_t i = 0; i < node.size; ++i) {
        pending.push_back(&node.entries[i].key);
        pending.push_back(&node.entries[i].value);
      }
    }
  }
}

}  // namespace riptide::transform::jq

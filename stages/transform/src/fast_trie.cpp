#include "fast_trie.hpp"

#include <algorithm>
#include <cstring>

#include "fast_bytes.hpp"

namespace riptide::transform::fast {

namespace {

constexpr std::size_t kMostNodes = 4096;
constexpr std::uint16_t kDeepest = 48;  // `walk` recurses this deep at most
constexpr std::uint32_t kLargestIndex = 1u << 20;

}  // namespace

PathTrie::NodeId PathTrie::add(NodeId parent, bool is_element) {
  if (nodes_.size() >= kMostNodes || nodes_[parent].depth >= kDeepest) return kNone;
  const auto id = static_cast<NodeId>(nodes_.size());
  const auto depth = static_cast<std::uint16_t>(nodes_[parent].depth + 1);
  Node& node = nodes_.emplace_back();
  node.parent = parent;
  node.depth = depth;
  node.is_element = is_element;
  return id;
}

PathTrie::NodeId PathTrie::member(NodeId parent, std::string_view key) {
  for (const Key& known : nodes_[parent].keys) {
    if (known.text == key) return known.child;
  }
  const auto escaped = [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == '"' || byte == '\\'; };
  if (std::any_of(key.begin(), key.end(), escaped) || key.size() > UINT16_MAX) return kNone;
  const NodeId child = add(parent, false);
  if (child == kNone) return kNone;
  Key made;
  made.text = key;
  made.length = static_cast<std::uint32_t>(key.size());
  made.child = child;
  const std::size_t prefix = std::min<std::size_t>(key.size(), 8);
  if (prefix != 0) {
    std::memcpy(&made.prefix, key.data(), prefix);
    std::memset(&made.mask, 0xFF, prefix);
  }
  if (key.size() > 8) std::memcpy(&made.suffix, key.data() + key.size() - 8, 8);
  nodes_[parent].keys.push_back(std::move(made));
  return child;
}

PathTrie::NodeId PathTrie::element(NodeId parent, std::uint32_t index) {
  if (index > kLargestIndex) return kNone;
  for (const auto& [known, child] : nodes_[parent].elements) {
    if (known == index) return child;
  }
  const NodeId child = add(parent, true);
  if (child != kNone) nodes_[parent].elements.emplace_back(index, child);
  return child;
}

void PathTrie::need(NodeId node, Need what, Part part) {
  // What one part needs all of them need.
  for (std::size_t of = static_cast<std::size_t>(part); of < nodes_[node].need.size(); ++of) {
    nodes_[node].need[of] = std::max(nodes_[node].need[of], what);
    for (NodeId above = nodes_[node].parent; above != kNone; above = nodes_[above].parent) {
      nodes_[above].need[of] = std::max(nodes_[above].need[of], Need::kType);
    }
  }
}

void PathTrie::finish() {
  for (Node& node : nodes_) {
    std::stable_sort(node.keys.begin(), node.keys.end(),
                     [](const Key& a, const Key& b) { return bucket_of(a.length) < bucket_of(b.length); });
    node.lengths = 0;
    for (std::size_t index = node.keys.size(); index-- > 0;) {
      Key& key = node.keys[index];
      const std::uint32_t bucket = bucket_of(key.length);
      key.last_of_bucket = (node.lengths >> bucket & 1) == 0;
      node.first[bucket] = static_cast<std::uint16_t>(index);
      node.lengths |= std::uint64_t{1} << bucket;
    }
  }
}

PathTrie::NodeId PathTrie::find_member(NodeId node, std::string_view key) const noexcept {
  for (const Key& known : nodes_[node].keys) {
    if (known.text == key) return known.child;
  }
  return kNone;
}

void PathTrie::forget(NodeId id, Place* found) const {
  found[id] = kAbsent;
  for (const Key& key : nodes_[id].keys) forget(key.child, found);
  for (const auto& [index, child] : nodes_[id].elements) forget(child, found);
}

// A wanted key holds nothing that JSON escapes, so a raw key that equals it byte for byte has no escapes either.
// For keys whose bucket is not empty.
inline PathTrie::NodeId PathTrie::match(const Node& node, const char* key, std::uint32_t length) noexcept {
  std::uint64_t head;
  std::memcpy(&head, key, sizeof head);
  for (const Key* wanted = node.keys.data() + node.first[bucket_of(length)];; ++wanted) {
    if ((head & wanted->mask) == wanted->prefix && wanted->length == length) {
      if (length <= 8) return wanted->child;
      std::uint64_t tail;
      std::memcpy(&tail, key + length - 8, sizeof tail);
      if (tail == wanted->suffix && (length <= 16 || std::memcmp(key + 8, wanted->text.data() + 8, length - 16) == 0)) {
        return wanted->child;
      }
    }
    if (wanted->last_of_bucket) return kNone;
  }
}

PathTrie::NodeId PathTrie::match_escaped(const Node& node, std::string_view raw_key) const noexcept {
  for (const Key& wanted : node.keys) {
    if (json::key_equals(raw_key, wanted.text)) return wanted.child;
  }
  return kNone;
}

// What one walk looks at again and again. All of it stays as it is but for `found`.
struct PathTrie::Walk {
  const PathTrie& trie;
  const json::Structurals& structurals;
  const char* text;
  const std::uint32_t* at;
  std::uint32_t size;
  Place mark;
  Place* found;
  json::Brackets& brackets;

  std::uint32_t value(std::uint32_t index, NodeId id) const;
  std::uint32_t object(std::uint32_t index, const Node& node) const;
  std::uint32_t array(std::uint32_t index, const Node& node) const;
};

std::uint32_t PathTrie::walk(const json::Structurals& structurals, std::uint32_t index, NodeId id, Place mark,
                             std::vector<Place>& found, json::Brackets& brackets) const {
  if (index >= structurals.size) return 0;
  const Walk walk{*this, structurals, structurals.text, structurals.at, structurals.size, mark, found.data(), brackets};
  return walk.value(index, id);
}

std::uint32_t PathTrie::Walk::value(std::uint32_t index, NodeId id) const {
  if (index >= size) return 0;
  const char byte = text[at[index]];
  found[id] = index | mark;
  if (json::begins_scalar(byte)) return index + 1;
  const Node& node = trie.nodes_[id];
  if (byte == '{' && !node.keys.empty()) return object(index, node);
  if (byte == '[' && !node.elements.empty()) return array(index, node);
  return json::step_over_container(structurals, index, brackets, nullptr);
}

std::uint32_t PathTrie::Walk::object(std::uint32_t index, const Node& node) const {
  const char* const bytes = text;
  const std::uint32_t* next = at + index + 1;
  const std::uint32_t* const end = at + size;
  const std::uint32_t* const last_member = size < 4 ? at : end - 4;  // no member begins behind it
  const std::uint64_t lengths = node.lengths;
  if (next < end && bytes[*next] == '}') return index + 2;
  for (;;) {
    if (next > last_member) return 0;
    const std::uint32_t key_at = next[0];
    const std::uint32_t colon_at = next[1];
    if (bytes[key_at] != '"' || bytes[colon_at] != ':') return 0;
    const char* const key = bytes + key_at + 1;
    std::uint32_t length = colon_at - key_at - 2;
    if (bytes[colon_at - 1] != '"') [[unlikely]] {  // white space; a string ends before the next structural
      const char* key_end = bytes + colon_at - 2;
      while (*key_end != '"') --key_end;
      length = static_cast<std::uint32_t>(key_end - key);
    }
    NodeId child = kNone;
    if ((lengths >> bucket_of(length) & 1) != 0) [[unlikely]]
      child = match(node, key, length);
    if (child == kNone) [[likely]] {
      if (may_have_backslash(key, length)) [[unlikely]]
        child = trie.match_escaped(node, {key, length});
    }
    const char value_byte = bytes[next[2]];
    char separator = bytes[next[3]];
    if (json::begins_scalar(value_byte)) [[likely]] {
      if (child != kNone) [[unlikely]] {
        if (found[child] != kAbsent) trie.forget(child, found);
        found[child] = static_cast<std::uint32_t>(next + 2 - at) | mark;
      }
      next += 4;
    } else {
      const auto here = static_cast<std::uint32_t>(next + 2 - at);
      std::uint32_t behind = 0;
      if (child != kNone) {
        if (found[child] != kAbsent) trie.forget(child, found);
        behind = value(here, child);
      } else if (value_byte == '[' && separator == ']') {
        behind = here + 2;  // no call for what is empty
      } else {
        behind = json::step_over_container(structurals, here, brackets, nullptr);
      }
      if (behind == 0 || behind >= size) return 0;
      next = at + behind;
      separator = bytes[*next++];
    }
    if (separator == ',') [[likely]]
      continue;
    return separator == '}' ? static_cast<std::uint32_t>(next - at) : 0;
  }
}

std::uint32_t PathTrie::Walk::array(std::uint32_t index, const Node& node) const {
  ++index;
  if (index < size && text[at[index]] == ']') return index + 1;
  for (std::uint32_t position = 0;; ++position) {
    NodeId child = kNone;
    for (const auto& [wanted, id] : node.elements) {
      if (wanted == position) child = id;
    }
    index = child != kNone ? value(index, child) : json::step_over(structurals, index, brackets, nullptr);
    if (index == 0 || index >= size) return 0;
    const char separator = text[at[index]];
    ++index;
    if (separator == ',') continue;
    return separator == ']' ? index : 0;
  }
}

}  // namespace riptide::transform::fast

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/json/structurals.hpp"

namespace riptide::transform::fast {

/// Where a value lies: a structural of the page, or, with the top bit, of the overlay values.
using Place = std::uint32_t;
inline constexpr Place kAbsent = UINT32_MAX;
inline constexpr Place kOverlay = 1u << 31;
/// Documents with more structurals are left to the evaluator.
inline constexpr std::uint32_t kMostStructurals = kOverlay - 16;

/// For whom a part of the record is needed.
enum class Part : std::uint8_t {
  kEvaluated,  ///< Expressions that always need the evaluator.
  kAny,        ///< All expressions: one that the fast path gave up on may be any of them.
};

/// All paths that the expressions of a resource need, as one tree, so that one walk over a record finds all of them.
/// Node 0 is the record.
class PathTrie {
 public:
  using NodeId = std::uint32_t;
  static constexpr NodeId kRoot = 0;
  static constexpr NodeId kNone = UINT32_MAX;

  PathTrie() : nodes_(1) {}

  /// The node of a member, made if need be. kNone if the key has bytes that JSON escapes, or the tree is full or too
  /// deep: such a path is not for the fast path.
  NodeId member(NodeId parent, std::string_view key);
  NodeId element(NodeId parent, std::uint32_t index);
  /// What the evaluator has to see of a node: nothing, of what type it is (it must be there, with what is needed below
  /// it), or all of it. Needs only grow.
  enum class Need : std::uint8_t { kNothing, kType, kWhole };
  void need(NodeId node, Need what, Part part);
  /// Makes the tables that `walk` reads. Call once, when all paths are known.
  void finish();

  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
  [[nodiscard]] NodeId parent(NodeId node) const noexcept { return nodes_[node].parent; }
  [[nodiscard]] bool is_element(NodeId node) const noexcept { return nodes_[node].is_element; }

  /// Walks the value at `index`, writes the places of all nodes at or below `node` into `found` (which holds kAbsent
  /// for them), and returns the index behind the value; 0 if it is malformed. Of duplicate keys the last counts.
  /// `mark` is or-ed into the places. Checks what it steps over, as json::step_over does.
  std::uint32_t walk(const json::Structurals& structurals, std::uint32_t index, NodeId node, Place mark,
                     std::vector<Place>& found, json::Brackets& brackets) const;

  /// Calls `child(key, node)` for each member of `node` of which something is needed.
  template <class Child>
  bool for_each_needed(NodeId node, Part part, Child&& child) const {
    for (const Key& key : nodes_[node].keys) {
      if (need_of(key.child, part) != Need::kNothing && !child(std::string_view(key.text), key.child)) return false;
    }
    return true;
  }
  [[nodiscard]] Need need_of(NodeId node, Part part) const noexcept {
    return nodes_[node].need[static_cast<std::size_t>(part)];
  }

  /// The child of `node` for a decoded key; kNone if no path goes there.
  [[nodiscard]] NodeId find_member(NodeId node, std::string_view key) const noexcept;

  /// Makes `node` and all below it absent.
  void forget(NodeId node, Place* found) const;

 private:
  struct Key {
    std::uint64_t prefix = 0;  ///< The first eight bytes, zero-padded, as they lie in memory.
    std::uint64_t mask = 0;
    std::uint64_t suffix = 0;  ///< The last eight bytes of a key that is longer.
    std::uint32_t length = 0;
    bool last_of_bucket = false;
    NodeId child = kNone;
    std::string text;
  };
  static constexpr std::size_t kBuckets = 64;  ///< By key length; longer keys share them.
  static constexpr std::uint32_t bucket_of(std::uint32_t length) noexcept { return length % kBuckets; }
  struct Node {
    NodeId parent = kNone;
    std::uint16_t depth = 0;
    bool is_element = false;
    std::array<Need, 2> need{};  ///< By `Part`.
    std::uint64_t lengths = 0;   ///< A bit for each bucket that has keys.
    std::vector<Key> keys;       ///< By bucket, once finished.
    std::vector<std::pair<std::uint32_t, NodeId>> elements;
    std::array<std::uint16_t, kBuckets> first{};  ///< Index of the first key of a bucket that has any.
    [[nodiscard]] bool is_leaf() const noexcept { return keys.empty() && elements.empty(); }
  };

  NodeId add(NodeId parent, bool is_element);
  [[nodiscard]] static NodeId match(const Node& node, const char* key, std::uint32_t length) noexcept;
  [[nodiscard]] NodeId match_escaped(const Node& node, std::string_view raw_key) const noexcept;
  struct Walk;

  std::vector<Node> nodes_;
};

}  // namespace riptide::transform::fast

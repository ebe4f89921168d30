// What the evaluator has to see of the record. An expression that it has to run mostly looks at one or two paths; then
// only these are made values, not the whole record.
#include "fast_path.hpp"
#include "jq/view.hpp"

namespace riptide::transform::fast {

namespace {

/// Puts the paths of a view below `node` into the trie. False if the whole of the record is needed.
bool put(PathTrie& trie, PathTrie::NodeId node, const jq::View& view, Part part) {
  if (view.whole) {
    trie.need(node, PathTrie::Need::kWhole, part);
    return node != PathTrie::kRoot;
  }
  trie.need(node, PathTrie::Need::kType, part);  // it decides about errors
  for (const auto& [name, below] : view.members) {
    const PathTrie::NodeId child = trie.member(node, name);
    if (child == PathTrie::kNone) {  // where the trie cannot have it, all of what it lies in is needed
      trie.need(node, PathTrie::Need::kWhole, part);
      return node != PathTrie::kRoot;
    }
    if (!put(trie, child, *below, part)) return false;
  }
  return true;
}

}  // namespace

bool Plan::see(const jq::View* view, Part part) {
  if (view == nullptr) return false;
  PathTrie before = trie_;
  if (put(trie_, PathTrie::kRoot, *view, part)) return true;
  trie_ = std::move(before);
  return false;
}

}  // namespace riptide::transform::fast

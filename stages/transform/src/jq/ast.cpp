#include "jq/ast.hpp"

namespace riptide::transform::jq::ast {

Node::~Node() {
  std::vector<NodePtr> doomed;
  const auto take = [&doomed](Node& node) {
    for (NodePtr& child : node.children) {
      if (child) doomed.push_back(std::move(child));
    }
    for (ObjectEntry& entry : node.entries) {
      if (entry.key) doomed.push_back(std::move(entry.key));
      if (entry.value) doomed.push_back(std::move(entry.value));
    }
    if (node.function && node.function->body) doomed.push_back(std::move(node.function->body));
  };
  take(*this);
  while (!doomed.empty()) {
    NodePtr node = std::move(doomed.back());
    doomed.pop_back();
    take(*node);
  }
}

}  // namespace riptide::transform::jq::ast

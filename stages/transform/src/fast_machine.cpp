#include "fast_evaluation.hpp"

#include <algorithm>

#include "fast_bytes.hpp"

namespace riptide::transform::fast {

namespace {

constexpr std::size_t kChunkBytes = std::size_t{16} << 10;
constexpr std::size_t kMostKept = std::size_t{4} << 20;  // from one record to the next

/// How a scalar constant is written; it stands between its quotes (`Compiler::string_cell`).
std::string_view bytes_of(const Cell& constant) noexcept {
  switch (constant.kind) {
    case Cell::Kind::kString:
      return {constant.text - 1, constant.size + std::size_t{2}};
    case Cell::Kind::kNumber:
      return constant.view();
    case Cell::Kind::kNull:
    case Cell::Kind::kFalse:
    case Cell::Kind::kTrue:
      return word(constant.kind);
    case Cell::Kind::kContainer:
    case Cell::Kind::kList:
    case Cell::Kind::kRecord:
      break;
  }
  return {};
}

}  // namespace

char* Arena::take(std::size_t bytes) {
  bytes = (bytes + 7) & ~std::size_t{7};
  taken_ += bytes;
  for (;;) {
    if (chunk_ < chunks_.size() && chunks_[chunk_].size - used_ >= bytes) {
      char* const piece = chunks_[chunk_].bytes.get() + used_;
      used_ += bytes;
      return piece;
    }
    if (chunk_ + 1 >= chunks_.size()) {
      const std::size_t size = std::max(bytes, kChunkBytes);
      chunks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
      chunk_ = chunks_.size() - 1;
    } else {
      ++chunk_;
    }
    used_ = 0;
  }
}

void Arena::clear() noexcept {
  // One record's large values must not stay for the rest of the run.
  if (chunks_.size() > 64) chunks_.resize(64);
  std::erase_if(chunks_, [](const Chunk& chunk) { return chunk.size > 64 * kChunkBytes; });
  chunk_ = 0;
  used_ = 0;
  taken_ = 0;
}

void Machine::begin(const Plan& plan, const json::Structurals& page, const json::Structurals& overlay) {
  plan_ = &plan;
  page_ = page;
  overlay_ = overlay;
  found_.assign(plan.trie().size(), kAbsent);
  registers_.resize(std::max<std::size_t>(registers_.size(), plan.registers()));
}

std::uint32_t Machine::walk(std::uint32_t index) {
  std::fill(found_.begin(), found_.end(), kAbsent);
  arena_.clear();
  steps_ = 0;
  overlaid_ = false;
  if (decoded_.capacity() + scratch_.capacity() + stack_.capacity() * sizeof(Cell) > kMostKept) let_go();
  return plan_->trie().walk(page_, index, PathTrie::kRoot, 0, found_, brackets_);
}

void Machine::let_go() noexcept {
  decoded_ = std::string();
  scratch_ = std::string();
  stack_ = std::vector<Cell>();
}

bool Machine::lay_over(std::string_view key, std::uint32_t index, std::uint32_t behind) {
  overlaid_ = true;
  const PathTrie& trie = plan_->trie();
  const PathTrie::NodeId node = trie.find_member(PathTrie::kRoot, key);
  if (node == PathTrie::kNone) return true;
  if (found_[node] != kAbsent) trie.forget(node, found_.data());
  return trie.walk(overlay_, index, node, kOverlay, found_, brackets_) == behind;
}

Came Machine::evaluate(ClosureId id, Cell& result) {
  steps_ = 0;
  return Evaluation(*this).run(id, result);
}

std::string_view Machine::plain(ClosureId id) const noexcept {
  const Closure& closure = plan_->closure(id);
  if (closure.op != Op::kPlace) return closure.op == Op::kConstant ? bytes_of(closure.constant) : std::string_view();
  const Place found = found_[closure.node];
  if (found == kAbsent) return {};
  const json::Structurals& text = (found & kOverlay) != 0 ? overlay_ : page_;
  const std::uint32_t index = found & ~kOverlay;
  const char first = text.byte(index);
  if (json::is_open(first)) return {};
  const std::string_view token = text.token(index);
  if (first == '"') {
    const bool as_it_is = !has_backslash(token.data(), token.size()) || json::has_canonical_escapes(token);
    return as_it_is ? token : std::string_view();
  }
  return json::is_scalar(token) ? token : std::string_view();
}

bool Machine::list_items(ClosureId id, std::size_t& count) {
  if (evaluate(id, items_) != Came::kValue || !Evaluation(*this).expand(items_)) return false;
  for (std::uint32_t index = 0; index < items_.size; ++index) {
    if (items_.cells[index].place == kAbsent) return false;  // made, not read
  }
  count = items_.size;
  items_end_ = arena_.mark();
  return true;
}

bool Machine::take_out(PathTrie::NodeId node) {
  if (found_[node] == kAbsent) return false;
  plan_->trie().forget(node, found_.data());
  overlaid_ = true;
  return true;
}

bool Machine::enter_item(std::size_t index, PathTrie::NodeId node) {
  arena_.rewind(items_end_);
  overlaid_ = true;
  const PathTrie& trie = plan_->trie();
  trie.forget(node, found_.data());
  const Place place = items_.cells[index].place;
  const Place mark = place & kOverlay;
  return trie.walk(mark != 0 ? overlay_ : page_, place & ~kOverlay, node, mark, found_, brackets_) != 0;
}

bool Machine::append_needed(Part part, std::string& out) { return append_needed(PathTrie::kRoot, part, out); }

bool Machine::append_needed(PathTrie::NodeId node, Part part, std::string& out) {
  const Place place = found_[node];
  const json::Structurals& text = (place & kOverlay) != 0 ? overlay_ : page_;
  const std::uint32_t index = place & ~kOverlay;
  const PathTrie& trie = plan_->trie();
  // What is no object shows all of itself: an error may name it.
  if (trie.need_of(node, part) == PathTrie::Need::kWhole || text.byte(index) != '{') {
    return json::append_compact(text, index, brackets_, out, limits_.max_depth) != 0;
  }
  out += '{';
  bool first = true;
  const bool good = trie.for_each_needed(node, part, [&](std::string_view key, PathTrie::NodeId child) {
    if (found_[child] == kAbsent) return true;
    out += first ? "\"" : ",\"";
    first = false;
    out += key;
    out += "\":";
    return append_needed(child, part, out);
  });
  out += '}';
  return good;
}

bool Machine::append(const Cell& cell, std::string& out) {
  switch (cell.kind) {
    case Cell::Kind::kNull:
    case Cell::Kind::kFalse:
    case Cell::Kind::kTrue:
      out += word(cell.kind);
      return true;
    case Cell::Kind::kNumber:
      out += cell.view();
      return true;
    case Cell::Kind::kString:
      if (cell.escapes == Cell::Escapes::kUnknown) {  // it stands in the page, between its quotes
        const std::string_view quoted(cell.text - 1, cell.size + std::size_t{2});
        if (has_backslash(cell.text, cell.size)) return json::append_canonical(quoted, out);
        out += quoted;
        return true;
      }
      out += '"';
      out += cell.view();
      out += '"';
      return true;
    case Cell::Kind::kContainer: {
      const bool overlay = (cell.place & kOverlay) != 0;
      return json::append_compact(overlay ? overlay_ : page_, cell.place & ~kOverlay, brackets_, out,
                                  limits_.max_depth) != 0;
    }
    case Cell::Kind::kList:
    case Cell::Kind::kRecord:
      break;
  }
  const std::size_t before = out.size();
  const bool record = cell.kind == Cell::Kind::kRecord;
  out += record ? '{' : '[';
  for (std::uint32_t index = 0; index < cell.size; ++index) {
    if (index != 0) out += record && index % 2 == 1 ? ':' : ',';
    if (!append(cell.cells[index], out)) {
      out.resize(before);
      return false;
    }
  }
  out += record ? '}' : ']';
  return true;
}

}  // namespace riptide::transform::fast

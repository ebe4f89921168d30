#include <algorithm>
#include <map>
#include <numeric>

#include "riptide/cli/graph_drawing.hpp"

namespace riptide::cli {
namespace {

using pipeline::GraphDescription;

constexpr double kMargin = 24;
constexpr double kTitleHeight = 36;
constexpr double kNameWidth = 9.0;  // of a letter, generous: no font is measured
constexpr double kTextWidth = 6.9;
constexpr double kLineHeight = 17;
constexpr double kBoxPadding = 14;
constexpr double kBoxGap = 36;
constexpr double kLayerGap = 52;
constexpr double kLaneGap = 22;
constexpr double kLegendWidth = 400;
constexpr double kLegendHeight = 30;
constexpr std::size_t kMostLetters = 64;  // of a line in a box

std::size_t letters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<std::string> broken_into_lines(std::string_view text) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (word.empty()) continue;
    if (!line.empty() && letters(line) + 1 + letters(word) > kMostLetters) lines.push_back(std::exchange(line, ""));
    if (!line.empty()) line += ' ';
    line += word;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

class Layouter {
 public:
  explicit Layouter(const GraphDescription& graph) : graph_(graph), layer_(graph.nodes.size(), 0) {
    layout_.boxes.resize(graph.nodes.size());
    layout_.paths.resize(graph.edges.size());
    against_.resize(graph.edges.size());
  }

  GraphLayout run() {
    find_edges_against_the_flow();
    find_layers();
    order_layers();
    size_boxes();
    place();
    return std::move(layout_);
  }

 private:
  [[nodiscard]] bool valid(const GraphDescription::Edge& edge) const {
    return edge.from < graph_.nodes.size() && edge.to < graph_.nodes.size();
  }

  // Besides the edges that say so, whatever closes a circle (depth first, on a stack of our own).
  void find_edges_against_the_flow() {
    std::vector<std::vector<std::size_t>> out(graph_.nodes.size());
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
      const auto& edge = graph_.edges[e];
      against_[e] = !valid(edge) || edge.back || edge.from == edge.to;
      if (!against_[e]) out[edge.from].push_back(e);
    }
    std::vector<char> state(graph_.nodes.size(), 0);  // 0 new, 1 on the stack, 2 done
    for (std::size_t start = 0; start < graph_.nodes.size(); ++start) {
      if (state[start] != 0) continue;
      std::vector<std::pair<std::size_t, std::size_t>> stack = {{start, 0}};
      state[start] = 1;
      while (!stack.empty()) {
        auto& [node, next] = stack.back();
        if (next == out[node].size()) {
          state[node] = 2;
          stack.pop_back();
          continue;
        }
        const std::size_t e = out[node][next++];
        const std::size_t to = graph_.edges[e].to;
        if (state[to] == 1) {
          against_[e] = true;
        } else if (state[to] == 0) {
          state[to] = 1;
          stack.emplace_back(to, 0);
        }
      }
    }
  }

  void find_layers() {
    for (std::size_t round = 0; round < graph_.nodes.size(); ++round) {
      bool moved = false;
      for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
        if (against_[e]) continue;
        const auto& edge = graph_.edges[e];
        if (layer_[edge.to] < layer_[edge.from] + 1) {
          layer_[edge.to] = layer_[edge.from] + 1;
          moved = true;
        }
      }
      if (!moved) break;
    }
    const std::size_t count = layer_.empty() ? 0 : *std::max_element(layer_.begin(), layer_.end()) + 1;
    rows_.resize(count);
    for (std::size_t node = 0; node < layer_.size(); ++node) rows_[layer_[node]].push_back(node);
  }

  // Each layer in the order of the middle of what leads to it.
  void order_layers() {
    std::vector<double> position(graph_.nodes.size(), 0);
    for (auto& row : rows_) {
      std::map<std::size_t, double> wanted;
      for (const std::size_t node : row) {
        double sum = 0;
        int count = 0;
        for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
          if (against_[e] || graph_.edges[e].to != node) continue;
          sum += position[graph_.edges[e].from];
          ++count;
        }
        wanted[node] = count == 0 ? static_cast<double>(node) : sum / count;
      }
      std::stable_sort(row.begin(), row.end(), [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
      for (std::size_t i = 0; i < row.size(); ++i) position[row[i]] = static_cast<double>(i);
    }
  }

  void size_boxes() {
    for (std::size_t node = 0; node < graph_.nodes.size(); ++node) {
      auto& box = layout_.boxes[node];
      box.says = broken_into_lines(graph_.nodes[node].says);
      double width = static_cast<double>(letters(graph_.nodes[node].name)) * kNameWidth;
      for (const std::string& line : box.says) width = std::max(width, static_cast<double>(letters(line)) * kTextWidth);
      box.width = std::max(120.0, width + 2 * kBoxPadding);
      box.height = 2 * kBoxPadding + kLineHeight * static_cast<double>(1 + box.says.size());
    }
  }

  static double label_width(const GraphDescription::Edge& edge) {
    return static_cast<double>(letters(edge.carries)) * kTextWidth + 6;
  }

  void place() {
    // Which edges need a lane; a lane is as wide as its label.
    std::vector<std::size_t> left, right;
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
      const auto& edge = graph_.edges[e];
      if (!valid(edge)) continue;
      if (against_[e]) {
        right.push_back(e);
      } else if (layer_[edge.to] > layer_[edge.from] + 1) {
        left.push_back(e);
      }
    }
    const auto span = [&](std::size_t e) {
      const std::size_t a = layer_[graph_.edges[e].from], b = layer_[graph_.edges[e].to];
      return a > b ? a - b : b - a;
    };
    for (auto* const lanes : {&left, &right}) {  // short ones inside: they cross less
      std::stable_sort(lanes->begin(), lanes->end(), [&](std::size_t a, std::size_t b) { return span(a) < span(b); });
    }
    const auto lanes_width = [&](const std::vector<std::size_t>& lanes) {
      return std::accumulate(lanes.begin(), lanes.end(), 0.0,
                             [&](double sum, std::size_t e) { return sum + kLaneGap + label_width(graph_.edges[e]); });
    };
    double rows_width = std::max(kLegendWidth, static_cast<double>(letters(graph_.title)) * kNameWidth);
    for (const auto& row : rows_) rows_width = std::max(rows_width, row_width(row));
    const double rows_begin = kMargin + lanes_width(left);
    double y = kMargin + (graph_.title.empty() ? 0 : kTitleHeight);
    for (const auto& row : rows_) {
      double x = rows_begin + (rows_width - row_width(row)) / 2;
      double height = 0;
      for (const std::size_t node : row) height = std::max(height, layout_.boxes[node].height);
      for (const std::size_t node : row) {
        auto& box = layout_.boxes[node];
        box.x = x;
        box.y = y + (height - box.height) / 2;
        x += box.width + kBoxGap;
      }
      y += height + kLayerGap;
    }
    layout_.width = rows_begin + rows_width + lanes_width(right) + kMargin;
    layout_.height = std::max(y - kLayerGap, 0.0) + kLegendHeight + kMargin;
    place_edges(left, right, rows_begin, rows_begin + rows_width);
  }

  [[nodiscard]] double row_width(const std::vector<std::size_t>& row) const {
    double width = -kBoxGap;
    for (const std::size_t node : row) width += layout_.boxes[node].width + kBoxGap;
    return width;
  }

  void place_edges(const std::vector<std::size_t>& left, const std::vector<std::size_t>& right, double rows_begin,
                   double rows_end) {
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
      const auto& edge = graph_.edges[e];
      auto& path = layout_.paths[e];
      path.dashed = against_[e];
      if (!valid(edge) || against_[e] || layer_[edge.to] > layer_[edge.from] + 1) continue;
      const auto& from = layout_.boxes[edge.from];
      const auto& to = layout_.boxes[edge.to];
      const GraphLayout::Point begin{from.x + from.width * port(e, true), from.y + from.height};
      const GraphLayout::Point end{to.x + to.width * port(e, false), to.y};
      path.points = {begin, end};
      path.label = {(begin.x + end.x) / 2 + 8, (begin.y + end.y) / 2 + 4};
    }
    double x = rows_begin;
    for (std::size_t i = 0; i < left.size(); ++i) {
      const double label = label_width(graph_.edges[left[i]]);
      x -= kLaneGap;
      lane(left[i], x, x - label, i, left.size());
      x -= label;
    }
    x = rows_end;
    for (std::size_t i = 0; i < right.size(); ++i) {
      x += kLaneGap;
      lane(right[i], x, x + 6, i, right.size());
      x += label_width(graph_.edges[right[i]]);
    }
  }

  // Out of the side of one box, along the lane, into the side of the other.
  void lane(std::size_t e, double x, double label_x, std::size_t index, std::size_t count) {
    const auto& edge = graph_.edges[e];
    const auto& from = layout_.boxes[edge.from];
    const auto& to = layout_.boxes[edge.to];
    auto& path = layout_.paths[e];
    const bool on_right = path.dashed;
    const double part = (static_cast<double>(index) + 1) / (static_cast<double>(count) + 1);
    const double from_y = from.y + from.height * (0.5 + part / 3);
    const double to_y = to.y + to.height * (0.5 - part / 3);
    path.points = {{on_right ? from.x + from.width : from.x, from_y},
                   {x, from_y},
                   {x, to_y},
                   {on_right ? to.x + to.width : to.x, to_y}};
    path.label = {on_right ? label_x : label_x - 6, (from_y + to_y) / 2 + 4};
  }

  // Where along its box's side an edge to or from a neighbouring layer docks: spread, in the order of the other ends.
  [[nodiscard]] double port(std::size_t e, bool leaving) const {
    const auto& edge = graph_.edges[e];
    std::vector<std::pair<double, std::size_t>> docks;
    for (std::size_t other = 0; other < graph_.edges.size(); ++other) {
      const auto& candidate = graph_.edges[other];
      if (against_[other] || layer_[candidate.to] > layer_[candidate.from] + 1) continue;
      if (leaving ? candidate.from != edge.from : candidate.to != edge.to) continue;
      const auto& far_box = layout_.boxes[leaving ? candidate.to : candidate.from];
      docks.emplace_back(far_box.x + far_box.width / 2, other);
    }
    std::sort(docks.begin(), docks.end());
    const auto mine = std::find_if(docks.begin(), docks.end(), [&](const auto& dock) { return dock.second == e; });
    return (static_cast<double>(mine - docks.begin()) + 1) / (static_cast<double>(docks.size()) + 1);
  }

  const GraphDescription& graph_;
  std::vector<std::size_t> layer_;
  std::vector<std::vector<std::size_t>> rows_;
  std::vector<char> against_;
  GraphLayout layout_;
};

}  // namespace

GraphLayout lay_out(const GraphDescription& graph) { return Layouter(graph).run(); }

}  // namespace riptide::cli

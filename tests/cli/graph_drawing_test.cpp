#include "riptide/cli/graph_drawing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "riptide/cli/tree.hpp"

namespace riptide::cli {
namespace {

using pipeline::Concurrency;
using pipeline::GraphDescription;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = GraphDescription::Kind;

GraphDescription sample() {
  GraphDescription graph;
  graph.title = "octopus -> sqlite & \"null\" <two>";
  graph.nodes = {
      {"frontier", "32 pages admitted at most, scopes in turn", Kind::kPhase, Concurrency::kSerial},
      {"fetch", "one I/O thread, 32 in flight a host", Kind::kAsync, Concurrency::kUnlimited},
      {"paginate", "reads envelopes", Kind::kStage, Concurrency::kUnlimited},
      {"transform", "a very long sentence about what happens in here, so that it has to be broken into several lines",
       Kind::kStage, Concurrency::kUnlimited},
      {"batch (sqlite:a.db)", "1000 entities", Kind::kStage, Concurrency::kSerial},
      {"batch (null)", "1000 entities", Kind::kStage, Concurrency::kSerial},
      {"reconcile", "deletes what was not seen", Kind::kPhase, Concurrency::kSerial}};
  graph.edges = {{0, 1, "request", false},    {1, 2, "page", false},        {2, 3, "page + spans", false},
                 {3, 4, "entities", false},   {3, 5, "entities", false},    {4, 6, "identities", false},
                 {5, 6, "identities", false}, {2, 0, "new requests", true}, {1, 6, "a long way", false}};
  return graph;
}

// Checks tags, attributes and entities of the XML that we write (no comments, no CDATA).
std::string xml_problem(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < xml.size();) {
    if (xml[at] == '&') {
      const std::size_t end = xml.find(';', at);
      const std::string entity = end == std::string::npos ? "" : xml.substr(at, end - at + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;")
        return "entity at " + xml.substr(at, 20);
      at = end;
    }
    if (xml[at] == '>') return "stray > at " + std::to_string(at);
    if (xml[at] != '<') {
      ++at;
      continue;
    }
    const std::size_t end = xml.find('>', at);
    if (end == std::string::npos) return "open tag";
    std::string tag = xml.substr(at + 1, end - at - 1);
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return "quotes in " + tag;
    if (tag.find('<') != std::string::npos) return "tag in tag " + tag;
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "closes " + tag;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
    at = end + 1;
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

void expect_no_overlap(const GraphLayout& layout) {
  for (std::size_t i = 0; i < layout.boxes.size(); ++i) {
    const auto& a = layout.boxes[i];
    EXPECT_GE(a.x, 0);
    EXPECT_GE(a.y, 0);
    EXPECT_LE(a.x + a.width, layout.width);
    EXPECT_LE(a.y + a.height, layout.height);
    for (std::size_t j = 0; j < i; ++j) {
      const auto& b = layout.boxes[j];
      const bool apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      EXPECT_TRUE(apart) << "boxes " << i << " and " << j;
    }
  }
}

TEST(GraphDrawing, EveryFormatHasEveryNodeAndEdge) {
  const GraphDescription graph = sample();
  const std::string dot = draw_graph(graph, GraphFormat::kDot);
  const std::string mermaid = draw_graph(graph, GraphFormat::kMermaid);
  const std::string svg = draw_graph(graph, GraphFormat::kSvg);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    EXPECT_THAT(dot, HasSubstr("n" + std::to_string(i) + " [label=\"" + graph.nodes[i].name));
    EXPECT_THAT(mermaid, HasSubstr("<b>" + graph.nodes[i].name + "</b>"));
    EXPECT_THAT(svg, HasSubstr(">" + graph.nodes[i].name + "</text>"));
  }
  for (const auto& edge : graph.edges) {
    const std::string from = "n" + std::to_string(edge.from), to = "n" + std::to_string(edge.to);
    EXPECT_THAT(dot, HasSubstr(from + " -> " + to + " [label=\"" + edge.carries));
    EXPECT_THAT(mermaid, HasSubstr(from + (edge.back ? " -.->|\"" : " -->|\"") + edge.carries + "\"| " + to));
    EXPECT_THAT(svg,
                HasSubstr("data-edge=\"" + graph.nodes[edge.from].name + " to " + graph.nodes[edge.to].name + "\""));
    EXPECT_THAT(svg, HasSubstr(">" + edge.carries + "</text>"));
  }
}

TEST(GraphDrawing, SvgIsWellFormedAndEscaped) {
  EXPECT_EQ(xml_problem(draw_graph(sample(), GraphFormat::kSvg)), "");
  GraphDescription hostile;
  hostile.title = "</title><script>alert(1)</script>";
  hostile.nodes = {{"a\"b&c<d>", "x' \x01 y", Kind::kStage, Concurrency::kSerial}};
  hostile.edges = {{0, 0, "<self>", false}};
  EXPECT_EQ(xml_problem(draw_graph(hostile, GraphFormat::kSvg)), "");
}

TEST(GraphDrawing, JsonSaysTheSame) {
  const auto tree = read_json(draw_graph(sample(), GraphFormat::kJson), "graph");
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_EQ(tree->find("nodes")->items.size(), 7u);
  ASSERT_EQ(tree->find("edges")->items.size(), 9u);
  EXPECT_EQ(tree->find("edges")->items[7].find("back")->text, "true");
  EXPECT_EQ(tree->find("edges")->items[7].find("to")->text, "frontier");
  EXPECT_EQ(tree->find("nodes")->items[1].find("kind")->text, "async");
}

TEST(GraphDrawing, LayersFollowTheFlow) {
  const GraphDescription graph = sample();
  const GraphLayout layout = lay_out(graph);
  expect_no_overlap(layout);
  for (const auto& edge : graph.edges) {
    if (!edge.back) {
      EXPECT_LT(layout.boxes[edge.from].y, layout.boxes[edge.to].y);
    }
  }
  EXPECT_TRUE(layout.paths[7].dashed);
  EXPECT_FALSE(layout.paths[8].dashed);
  EXPECT_GT(layout.boxes[3].says.size(), 1u);
}

TEST(GraphDrawing, DrawsAnyGraph) {
  EXPECT_EQ(xml_problem(draw_graph({}, GraphFormat::kSvg)), "");
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    GraphDescription graph;
    const std::size_t nodes = 1 + random() % 12;
    for (std::size_t i = 0; i < nodes; ++i) {
      graph.nodes.push_back({"node " + std::to_string(i), std::string(random() % 90, 'x'),
                             static_cast<Kind>(random() % 3), Concurrency::kSerial});
    }
    for (std::size_t i = 0; i < random() % 25; ++i) {
      graph.edges.push_back({random() % nodes, random() % nodes, "e" + std::to_string(i), random() % 4 == 0});
    }
    expect_no_overlap(lay_out(graph));
    EXPECT_EQ(xml_problem(draw_graph(graph, GraphFormat::kSvg)), "");
  }
}

}  // namespace
}  // namespace riptide::cli

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph_parts.hpp"

namespace riptide {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class GraphTest : public ::testing::TestWithParam<int> {
 protected:
  [[nodiscard]] static GraphOptions options() { return {.threads = GetParam()}; }
  static std::shared_ptr<CountingSource> counting(CountingSource::Options with = {}) {
    return std::make_shared<CountingSource>(std::move(with));
  }
  static std::unique_ptr<CollectingSink> into(const std::shared_ptr<Collected>& collected,
                                              CollectingSink::Options with = {}) {
    return std::make_unique<CollectingSink>(collected, std::move(with));
  }
};

TEST_P(GraphTest, RecordsGoThroughStagesAndAMappingToARouteAndSinks) {
  Graph graph(options());
  const auto first = std::make_shared<Collected>(), rest = std::make_shared<Collected>();
  auto entities = graph.source("numbers", counting())
                      .filter("even", [](const Record& r) { return std::stoi(r.text("/n")) % 2 == 0; })
                      .transform("mapping", counting_mapping())
                      .then("mark", [](Entity& e) { return e.set_text("/properties/mark", e.identifier()); });
  auto by_group = entities.route("by group", [](const Entity& e) { return e.blueprint(); });
  by_group.to("g0").sink("first", into(first));
  by_group.otherwise().sink("rest", into(rest));
  const auto report = run(graph);
  EXPECT_EQ(report.exit_code, 0);
  // 30 records, n from 0 to 14 in each of two partitions.
  EXPECT_EQ(items_of(report, "even").in, 30u);
  EXPECT_EQ(items_of(report, "even").filtered, 14u);
  EXPECT_EQ(items_of(report, "mark").out, 16u);
  EXPECT_EQ(first->count(), 6u);
  EXPECT_EQ(rest->count(), 10u);
  EXPECT_THAT(first->items, Each(HasSubstr("\"mark\":\"counting-p")));
}

TEST_P(GraphTest, TheRowOfASinkBehindASingleChainKnowsWhatWasRead) {
  Graph graph(options());
  const auto all = std::make_shared<Collected>();
  graph.source("numbers", counting())
      .filter("some", [](const Record& r) { return r.text("/n") != "3"; })
      .transform("mapping", counting_mapping())
      .filter("others", [](const Entity& e) { return e.blueprint() != "g1"; })
      .sink("all", into(all));
  const auto report = run(graph);
  const auto total = total_of(report);
  EXPECT_EQ(total.read, 30u);
  EXPECT_EQ(total.filtered, 12u);
  EXPECT_EQ(total.updated, 18u);
}

TEST_P(GraphTest, SeveralSourcesJoinInOneMapping) {
  Graph graph(options());
  const auto all = std::make_shared<Collected>();
  auto a = graph.source("a", counting({.partitions = 3, .kinds = {"apple"}}));
  auto b = graph.source("b", counting({.partitions = 1, .pages = 4, .kinds = {"pear"}}));
  merge(a, b).transform("mapping", counting_mapping({"apple", "pear"})).sink("all", into(all));
  const auto report = run(graph);
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(all->count(), 45u + 20u);
  ASSERT_THAT(report.kinds, SizeIs(2));
  EXPECT_EQ(report.kinds[0].records + report.kinds[1].records, 65u);
}

TEST_P(GraphTest, RecordsGoAsTheyAreIntoSinksThatTakeAny) {
  Graph graph(options());
  const auto raw = std::make_shared<Collected>(), mapped = std::make_shared<Collected>();
  auto numbers = graph.source("numbers", counting());
  numbers.then("tag", [](Record& r) { return r.set("/seen", "true"); }).sink("raw", into(raw));
  numbers.transform("mapping", counting_mapping()).sink("mapped", into(mapped));
  const auto report = run(graph);
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(raw->count(), 30u);
  EXPECT_THAT(raw->items, Each(HasSubstr("\"seen\":true")));
  EXPECT_EQ(mapped->count(), 30u);
  EXPECT_THAT(mapped->items, Each(testing::Not(HasSubstr("seen"))));
}

TEST_P(GraphTest, RecordsThatAreEntitiesNeedNoMapping) {
  Graph graph(options());
  const auto all = std::make_shared<Collected>();
  graph.source("numbers", counting())
      .then("shape",
            [](Record& r) {
              if (r.text("/n") == "7") return Result<void>();
              return r.replace("{\"identifier\":" + std::string(*r.at("/id")) + ",\"blueprint\":\"b\"}");
            })
      .entities("as entities")
      .sink("all", into(all));
  const auto report = run(graph);
  EXPECT_EQ(report.exit_code, 1);
  EXPECT_EQ(all->count(), 28u);
  EXPECT_EQ(items_of(report, "as entities").failed, 2u);
}

TEST_P(GraphTest, DeletesBehindStagesWhatDidNotArriveThere) {
  const auto all = std::make_shared<Collected>();
  for (int round = 0; round < 2; ++round) {
    Graph graph(options());
    graph.source("numbers", counting())
        .transform("mapping", counting_mapping())
        .filter("fewer", [round](const Entity& e) { return round == 0 || e.text("/properties/n") != "3"; })
        .sink("all", into(all), {.reconcile = Reconcile::kAll});
    EXPECT_EQ(run(graph).exit_code, 0);
    EXPECT_EQ(all->owned.size(), round == 0 ? 30u : 28u);
  }
}

TEST_P(GraphTest, StopsInTheMiddle) {
  Graph graph(options());
  const auto all = std::make_shared<Collected>();
  Stop stop;
  graph.source("numbers", counting({.partitions = 4, .pages = 100}))
      .transform("mapping", counting_mapping())
      .then("stop",
            [&stop](Entity& e) {
              if (e.text("/properties/n") == "20") stop.request(Error(ErrorKind::kStopped, "enough"));
            })
      .sink("all", into(all), {.reconcile = Reconcile::kAll});
  const auto report = run(graph, &stop, 2);
  EXPECT_EQ(report.exit_code, 130);
  EXPECT_LT(all->count(), 2000u);
  EXPECT_EQ(all->removed, 0u);
}

TEST(MappingText, IsReadAsJsonAndSaysWhatIsWrongWithIt) {
  const auto mapping = Mapping::parse(R"({"resources":[{"kind":"counting","selector":{"query":".n > 12","page":5},
    "port":{"entity":{"mappings":{"identifier":".id","blueprint":"\"b\"","properties":{"n":".n"},
    "relations":{"r":{"combinator":"\"and\"","rules":[{"property":"\"p\"","operator":"\"=\"","value":".n"}]}}}}}}]})");
  ASSERT_TRUE(mapping) << mapping.error().message;
  EXPECT_EQ(mapping->compiled()->spec().resources[0].selector_fields[0].second, "5");
  Graph graph({.threads = 1});
  const auto all = std::make_shared<Collected>();
  graph.source("numbers", std::make_shared<CountingSource>(CountingSource::Options()))
      .transform("mapping", *mapping)
      .sink("all", std::make_unique<CollectingSink>(all));
  EXPECT_EQ(run(graph).exit_code, 0);
  EXPECT_EQ(all->count(), 4u);
  const auto wrong =
      Mapping::parse(R"({"resources":[{"kind":"a","selector":{},"port":{"entity":{"mapping":1}}}],"x":1})");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message,
              testing::AllOf(HasSubstr("resources[0].selector.query"), HasSubstr("the mapping: x")));
  EXPECT_FALSE(Mapping::parse("{"));
}

INSTANTIATE_TEST_SUITE_P(Threads, GraphTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace riptide

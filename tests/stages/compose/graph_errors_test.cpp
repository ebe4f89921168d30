// What goes wrong: in a graph as it is described, in bodies, in sources, at sinks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "graph_parts.hpp"

namespace riptide {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::shared_ptr<CountingSource> counting(CountingSource::Options with = {}) {
  return std::make_shared<CountingSource>(std::move(with));
}

std::string problems_of_graph(const std::function<void(Graph&)>& build) {
  Graph graph;
  build(graph);
  const auto checked = graph.check();
  return checked ? "" : checked.error().message;
}

TEST(GraphErrors, ADescriptionThatIsWrongSaysEverythingThatIs) {
  const auto collected = std::make_shared<Collected>();
  const auto sink = [&] { return std::make_unique<CollectingSink>(collected); };
  EXPECT_THAT(problems_of_graph([&](Graph&) {}), HasSubstr("no sink"));
  EXPECT_THAT(problems_of_graph([&](Graph& graph) {
                auto a = graph.source("a", counting());
                a.sink("a", sink());
                (void)a.filter("loose end", [](const Record&) { return true; });
              }),
              testing::AllOf(HasSubstr("two nodes are called a"), HasSubstr("nothing takes what loose end gives")));
  EXPECT_THAT(problems_of_graph([&](Graph& graph) {
                graph.source("a", counting()).sink("s", sink(), {.reconcile = Reconcile::kAll});
              }),
              HasSubstr("records have no identity"));
  EXPECT_THAT(
      problems_of_graph([&](Graph& graph) {
        graph.source("a", counting({.kinds = {"apple"}})).transform("m", counting_mapping({"pear"})).sink("s", sink());
      }),
      HasSubstr("no kind pear"));
  EXPECT_THAT(problems_of_graph([&](Graph& graph) {
                auto a = graph.source("a", counting({.kinds = {"apple"}}));
                auto b = graph.source("b", counting({.kinds = {"pear"}}));
                merge(a, b).transform("m", counting_mapping({"apple", "pear", "plum"})).sink("s", sink());
              }),
              HasSubstr("no source before m has the kind plum"));
}

class BodyErrorsTest : public ::testing::TestWithParam<int> {};

TEST_P(BodyErrorsTest, ABodyThatThrowsOrFailsCostsItsItemAndTheDeletion) {
  const auto collected = std::make_shared<Collected>();
  collected->owned["g0/stale"] = "{}";
  Graph graph({.threads = GetParam()});
  graph.source("numbers", counting())
      .then("delicate",
            [](Record& r) -> Result<void> {
              if (r.text("/n") == "3") throw std::runtime_error("three is too much");
              if (r.text("/n") == "4") return unexpected(ErrorKind::kLimit, "four is over the limit");
              if (r.text("/n") == "5") throw 5;
              return {};
            })
      .transform("mapping", counting_mapping())
      .then("spoils",
            [](Entity& e) { return e.text("/properties/n") == "6" ? e.remove("/identifier") : Result<void>(); })
      .sink("all", std::make_unique<CollectingSink>(collected), {.reconcile = Reconcile::kAll});
  const auto report = run(graph);
  EXPECT_EQ(report.exit_code, 1);
  EXPECT_EQ(items_of(report, "delicate").failed, 6u);
  EXPECT_EQ(items_of(report, "spoils").failed, 2u);
  EXPECT_EQ(collected->count(), 22u);
  EXPECT_EQ(total_of(report).invalid, 8u);
  EXPECT_EQ(total_of(report).read, 30u);
  EXPECT_EQ(collected->removed, 0u);
  EXPECT_THAT(report.deletion, HasSubstr("delicate"));
  std::string messages;
  for (const auto& error : report.errors) messages += error.stage + ": " + error.message + "\n";
  EXPECT_THAT(messages, HasSubstr("delicate: p0: it threw: three is too much"));
  EXPECT_THAT(messages, HasSubstr("delicate: p1: four is over the limit"));
  EXPECT_THAT(messages, HasSubstr("spoils: p0: identifier is null or empty"));
}

TEST_P(BodyErrorsTest, WhatACallGaveIsTakenBackWhenItFails) {
  const auto collected = std::make_shared<Collected>();
  Graph graph({.threads = GetParam()});
  graph.source("numbers", counting())
      .expand("half",
              [](const Record& r, Emit& emit) -> Result<void> {
                emit(r);
                (void)emit(R"({"made":1})");
                if (r.text("/n") == "2") return unexpected(ErrorKind::kMalformed, "no");
                return emit("[]").has_value() ? unexpected(ErrorKind::kInternal, "an array is no item")
                                              : Result<void>();
              })
      .sink("all", std::make_unique<CollectingSink>(collected));
  const auto items = items_of(run(graph), "half");
  EXPECT_EQ(items.failed, 2u);
  EXPECT_EQ(items.out, 56u);
  EXPECT_EQ(collected->count(), 56u);
}

TEST_P(BodyErrorsTest, AReplyThatIsLetGoFailsItsItem) {
  const auto collected = std::make_shared<Collected>();
  Graph graph({.threads = GetParam()});
  graph.source("numbers", counting())
      .async("forgetful",
             [](Record r, Reply reply) {
               if (r.text("/n") == "1") throw std::runtime_error("no");
               if (r.text("/n") != "2") reply.keep();
             })
      .sink("all", std::make_unique<CollectingSink>(collected));
  const auto report = run(graph);
  EXPECT_EQ(items_of(report, "forgetful").failed, 4u);
  EXPECT_EQ(collected->count(), 26u);
}

TEST_P(BodyErrorsTest, APageThatIsGoneLeavesItsPartitionOpen) {
  const auto collected = std::make_shared<Collected>();
  Graph graph({.threads = GetParam()});
  graph.source("numbers", counting({.fails = [](std::size_t page) { return page == 2; }}))
      .transform("mapping", counting_mapping())
      .sink("all", std::make_unique<CollectingSink>(collected), {.reconcile = Reconcile::kAll});
  const auto report = run(graph);
  EXPECT_EQ(report.exit_code, 3);
  EXPECT_EQ(report.scopes_total, 1u);
}

TEST_P(BodyErrorsTest, OneSinkThatFailsDoesNotStopTheOther) {
  const auto good = std::make_shared<Collected>(), bad = std::make_shared<Collected>();
  Graph graph({.threads = GetParam()});
  auto entities = graph.source("numbers", counting({.pages = 20})).transform("mapping", counting_mapping());
  entities.filter("f", [](const Entity&) { return true; }).sink("good", std::make_unique<CollectingSink>(good));
  entities.batch({.max_records = 10})
      .sink("bad", std::make_unique<CollectingSink>(bad, CollectingSink::Options{.fail_after = 2}));
  const auto report = run(graph);
  EXPECT_EQ(report.exit_code, 4);
  EXPECT_EQ(good->count(), 200u);
  EXPECT_EQ(total_of(report, 1).abandoned, 180u);
}

/// A target that answers from a thread of its own, and forgets one batch.
class Broker final : public stages::AsyncSink {
 public:
  explicit Broker(bool forgets) : forgets_(forgets) {}
  [[nodiscard]] std::string_view spec() const noexcept override { return "broker"; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override { return {.max_records = 7, .max_in_flight = 2}; }
  void send(std::shared_ptr<const stages::Batch> batch, stages::BatchReply reply) override {
    most = std::max(most.load(), ++open_);
    if (forgets_ && ++sent_ == 3) {
      --open_;
      return;
    }
    auto shared = std::make_shared<stages::BatchReply>(std::move(reply));
    elsewhere_.post([this, batch = std::move(batch), shared] {
      taken += batch->entities.size();
      --open_;
      (*shared)(std::vector<stages::Outcome>(batch->entities.size()));
    });
  }
  inline static std::atomic<std::size_t> taken{0};
  inline static std::atomic<int> most{0};

 private:
  const bool forgets_;
  std::atomic<int> open_{0};
  std::atomic<int> sent_{0};
  Elsewhere elsewhere_;
};

TEST_P(BodyErrorsTest, SinksMayAnswerLater) {
  Broker::taken = 0;
  Broker::most = 0;
  Graph graph({.threads = GetParam()});
  graph.source("numbers", counting({.pages = 20}))
      .transform("mapping", counting_mapping())
      .sink("broker", std::make_unique<Broker>(false));
  const auto report = run(graph);
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(Broker::taken, 200u);
  EXPECT_LE(Broker::most, 2);
}

TEST_P(BodyErrorsTest, ABatchThatASinkForgetsIsGivenUp) {
  Graph graph({.threads = GetParam()});
  graph.source("numbers", counting({.pages = 20}))
      .transform("mapping", counting_mapping())
      .sink("broker", std::make_unique<Broker>(true));
  const auto report = run(graph);
  EXPECT_EQ(report.exit_code, 4);
  EXPECT_THAT(report.sinks[0].error, HasSubstr("without an answer"));
}

INSTANTIATE_TEST_SUITE_P(Threads, BodyErrorsTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace riptide

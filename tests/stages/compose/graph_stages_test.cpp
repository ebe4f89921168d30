// Each kind of stage: what it gives, what it counts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "graph_parts.hpp"

namespace riptide {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class GraphStagesTest : public ::testing::TestWithParam<int> {
 protected:
  GraphStagesTest() : graph_({.threads = GetParam()}), collected_(std::make_shared<Collected>()) {}
  Stream<Record> numbers() {
    return graph_.source("numbers", std::make_shared<CountingSource>(CountingSource::Options()));
  }
  std::unique_ptr<CollectingSink> sink() { return std::make_unique<CollectingSink>(collected_); }

  Graph graph_;
  std::shared_ptr<Collected> collected_;
};

TEST_P(GraphStagesTest, ExpandMakesAnyNumberOfItems) {
  numbers()
      .expand("copies",
              [](const Record& r, Emit& emit) -> Result<void> {
                const int n = std::stoi(r.text("/n"));
                if (n == 1) return {};  // None at all.
                emit(r);
                for (int i = 0; i < n % 3; ++i) {
                  if (auto made = emit("{\"id\":" + std::string(*r.at("/id")) + ",\"copy\":" + std::to_string(i) + "}");
                      !made)
                    return made;
                }
                return {};
              })
      .sink("all", sink());
  const auto items = items_of(run(graph_), "copies");
  EXPECT_EQ(items.in, 30u);
  EXPECT_EQ(items.filtered, 2u);
  EXPECT_EQ(items.made, 28u);  // n % 3 over 0..14, twice, without n = 1.
  EXPECT_EQ(items.out, 56u);
  EXPECT_EQ(collected_->count(), 56u);
}

/// Puts items together, so many at a time.
class Pairs final : public Stage<Record> {
 public:
  explicit Pairs(std::size_t size) : size_(size) {}
  Result<void> process(Record& record, Emit& emit) override {
    kept_.emplace_back(*record.at("/id"));
    return kept_.size() < size_ ? Result<void>() : give(emit);
  }
  Result<void> finish(Emit& emit) override { return kept_.empty() ? Result<void>() : give(emit); }

 private:
  Result<void> give(Emit& emit) {
    std::string ids;
    for (const std::string& id : kept_) ids += (ids.empty() ? "" : ",") + id;
    kept_.clear();
    return emit("{\"ids\":[" + ids + "]}");
  }
  const std::size_t size_;
  std::vector<std::string> kept_;
};

TEST_P(GraphStagesTest, AStageWithAStateSeesOneItemAtATimeAndTheEnd) {
  numbers().stage("fours", std::make_shared<Pairs>(4)).sink("all", sink());
  const auto report = run(graph_);
  const auto items = items_of(report, "fours");
  EXPECT_EQ(items.in, 30u);
  EXPECT_EQ(items.filtered, 30u);
  EXPECT_EQ(items.made, 8u);
  EXPECT_EQ(items.concurrency, "serial");
  EXPECT_EQ(collected_->count(), 8u);
  EXPECT_EQ(report.exit_code, 0);
}

/// Gives what it has when the clock says so.
class Ticking final : public Stage<Entity> {
 public:
  Result<void> process(Entity&, Emit&) override {
    ++seen_;
    return {};
  }
  Result<void> tick(Emit& emit) override {
    ++ticks;
    return emit("{\"identifier\":\"tick-" + std::to_string(ticks) + "\",\"blueprint\":\"ticks\"}");
  }
  [[nodiscard]] std::optional<std::chrono::milliseconds> tick_every() const override {
    return std::chrono::milliseconds(1);
  }
  std::atomic<int> ticks{0};

 private:
  int seen_ = 0;
};

TEST_P(GraphStagesTest, AStageWithAClockIsCalledBetweenItems) {
  const auto ticking = std::make_shared<Ticking>();
  numbers()
      .then("slow", [](Record&) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); })
      .transform("mapping", counting_mapping())
      .stage("ticking", ticking)
      .sink("all", sink());
  const auto report = run(graph_);
  EXPECT_EQ(items_of(report, "ticking").made, static_cast<std::uint64_t>(ticking->ticks.load()));
  EXPECT_EQ(collected_->count(), static_cast<std::size_t>(ticking->ticks.load()));
  EXPECT_GT(ticking->ticks, 0);
}

TEST_P(GraphStagesTest, AsyncStagesAnswerLaterAndInAnyOrder) {
  Elsewhere elsewhere;
  std::atomic<int> open{0}, most{0};
  numbers()
      .transform("mapping", counting_mapping())
      .async("ask",
             [&](Entity entity, Reply reply) {
               most = std::max(most.load(), ++open);
               auto shared = std::make_shared<Reply>(std::move(reply));
               elsewhere.post([&open, entity, shared]() mutable {
                 --open;
                 if (entity.text("/properties/n") == "4") return shared->drop();
                 if (entity.text("/properties/n") == "5")
                   return shared->fail(Error(ErrorKind::kNotFound, "nobody knows"));
                 ASSERT_TRUE(entity.set("/properties/asked", "true"));
                 shared->keep();
               });
             },
             {.in_flight = 3})
      .sink("all", sink());
  const auto report = run(graph_);
  const auto items = items_of(report, "ask");
  EXPECT_EQ(items.in, 30u);
  EXPECT_EQ(items.out, 26u);
  EXPECT_EQ(items.filtered, 2u);
  EXPECT_EQ(items.failed, 2u);
  EXPECT_EQ(items.concurrency, "3 in flight");
  EXPECT_LE(most, 3);
  EXPECT_EQ(report.exit_code, 1);
  EXPECT_THAT(collected_->items, Each(HasSubstr("\"asked\":true")));
  ASSERT_THAT(report.errors, SizeIs(2));
  EXPECT_EQ(report.errors[0].stage, "ask");
  EXPECT_THAT(report.errors[0].message, HasSubstr("nobody knows"));
  EXPECT_EQ(report.errors[0].identifier, "counting-p0-5");
}

TEST_P(GraphStagesTest, AnAnswerAtOnceIsAnAnswerToo) {
  numbers().async("at once", [](Record, Reply reply) { reply.keep(); }, {.in_flight = 1}).sink("all", sink());
  EXPECT_EQ(run(graph_).exit_code, 0);
  EXPECT_EQ(collected_->count(), 30u);
}

TEST_P(GraphStagesTest, SerialStagesKeepOneCallAtATime) {
  std::atomic<int> inside{0};
  std::atomic<bool> crowded{false};
  numbers()
      .then("alone",
            [&](Record&) {
              if (++inside > 1) crowded = true;
              --inside;
            },
            {.serial = true})
      .sink("all", sink());
  EXPECT_EQ(items_of(run(graph_), "alone").concurrency, "serial");
  EXPECT_FALSE(crowded);
}

TEST_P(GraphStagesTest, JqGivesEveryOutputAsAnItem) {
  auto program = transform::jq::Program::compile("if .n == 2 then error(\"two\") else {id, half: (.n / 2)}, {id} end");
  ASSERT_TRUE(program);
  numbers().jq("halves", *program).sink("all", sink());
  const auto report = run(graph_);
  EXPECT_EQ(items_of(report, "halves").failed, 2u);
  EXPECT_EQ(collected_->count(), 56u);
  EXPECT_THAT(collected_->items, Contains(HasSubstr("\"half\":1.5")));
  ASSERT_FALSE(report.errors.empty());
  EXPECT_THAT(report.errors[0].message, HasSubstr("two"));
}

TEST_P(GraphStagesTest, ARouteWithoutTheRestFiltersIt) {
  auto route = numbers().route("by group", [](const Record& r) { return r.text("/group"); });
  route.to("g1").sink("ones", sink());
  const auto items = items_of(run(graph_), "by group");
  EXPECT_EQ(items.out, 10u);
  EXPECT_EQ(items.filtered, 20u);
  EXPECT_EQ(collected_->count(), 10u);
}

TEST_P(GraphStagesTest, BatchesAreAsLargeAsTheGraphSays) {
  numbers().batch({.max_records = 4}).sink("all", sink());
  run(graph_);
  EXPECT_EQ(collected_->largest_batch, 4u);
}

TEST_P(GraphStagesTest, ATapHearsWhatLeavesANode) {
  auto stream = numbers();
  stream.filter("even", [](const Record& r) { return std::stoi(r.text("/n")) % 2 == 0; })
      .then("end", [](Record&) {})
      .sink("all", sink());
  std::vector<std::string> heard;
  ASSERT_TRUE(graph_.tap("even", 3, [&](const TappedItem& item) { heard.emplace_back(item.json); }));
  const auto unknown = graph_.tap("odd", 1, [](const TappedItem&) {});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("numbers, even, end, all"));
  run(graph_);
  EXPECT_THAT(heard, SizeIs(3));
}

TEST_P(GraphStagesTest, ThePictureShowsStagesAsTheyWereNamed) {
  numbers()
      .filter("one", [](const Record&) { return true; })
      .filter("two", [](const Record&) { return true; })
      .sink("all", sink());
  const auto description = graph_.describe();
  ASSERT_TRUE(description);
  std::vector<std::string> names;
  for (const auto& node : description->nodes) names.push_back(node.name);
  EXPECT_THAT(names, Contains("one"));
  EXPECT_THAT(names, Contains("two"));
  EXPECT_THAT(names, Contains("numbers"));
  for (const auto& edge : description->edges) {
    ASSERT_LT(edge.from, names.size());
    ASSERT_LT(edge.to, names.size());
  }
  EXPECT_EQ(run(graph_).exit_code, 0) << "a graph that was drawn runs all the same";
}

TEST_P(GraphStagesTest, StagesMayHaveTheNamesOfTheEngine) {
  numbers().then("fetch", [](Record&) {}).then("batch", [](Record&) {}, {.serial = true}).sink("upload", sink());
  EXPECT_EQ(run(graph_).exit_code, 0);
}

INSTANTIATE_TEST_SUITE_P(Threads, GraphStagesTest, ::testing::Values(1, 2));

// What does not fit does not compile.
template <class F>
concept FiltersRecords = requires(Stream<Record> stream, F body) {
  stream.filter("f", body);
};
template <class S>
concept Transforms = requires(S stream, Mapping mapping) {
  stream.transform("m", mapping);
};
template <class S, class Other>
concept Merges = requires(S stream, Other other) {
  merge(stream, other);
};
static_assert(FiltersRecords<bool (*)(const Record&)>);
static_assert(FiltersRecords<Result<bool> (*)(const Record&)>);
static_assert(!FiltersRecords<bool (*)(const Entity&)>, "a filter of entities among records");
static_assert(!FiltersRecords<std::string (*)(const Record&)>, "a filter says yes or no");
static_assert(!FiltersRecords<bool (*)(Record&)>, "a filter does not edit");
static_assert(Transforms<Stream<Record>>);
static_assert(!Transforms<Stream<Entity>>, "entities are mapped already");
static_assert(Merges<Stream<Record>, Stream<Record>>);
static_assert(!Merges<Stream<Record>, Stream<Entity>>, "records and entities do not mix");

}  // namespace
}  // namespace riptide

#include "riptide/pipeline/graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

namespace riptide::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

/// Runs closures on a thread of its own, as an event loop would.
class Elsewhere {
 public:
  Elsewhere() : thread_([this] { run(); }) {}
  ~Elsewhere() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void post(std::function<void()> call) {
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back(std::move(call));
    }
    wake_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return ending_ || !calls_.empty(); });
      if (calls_.empty()) return;
      auto call = std::move(calls_.front());
      calls_.pop_front();
      lock.unlock();
      call();
      call = nullptr;
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> calls_;
  bool ending_ = false;
  std::thread thread_;
};

class GraphTest : public ::testing::TestWithParam<int> {};

TEST_P(GraphTest, RunsSynchronousAndAsynchronousStagesToTheEnd) {
  Stop stop;
  Elsewhere elsewhere;
  std::atomic<int> sum{0};
  Graph graph({.title = "t", .threads = GetParam(), .stop = &stop});
  auto twice = graph.stage<int, int>({.name = "twice", .says = ""}, [](std::shared_ptr<int> in, Emit<int> emit) {
    emit(std::make_shared<int>(*in));
    emit(std::make_shared<int>(*in + 1000));
  });
  auto away =
      graph.async<int, int>({.name = "away", .says = ""}, [&](std::shared_ptr<int> in, Completion<int> completion) {
        auto shared = std::make_shared<Completion<int>>(std::move(completion));
        elsewhere.post([in, shared] {
          shared->emit(in);
          shared->finish();
        });
      });
  auto add =
      graph.stage<int, void>({.name = "add", .says = ""}, [&](std::shared_ptr<int> in, Emit<void>) { sum += *in; });
  graph.edge(twice, away, "number");
  graph.edge(away, add, "number");
  for (int i = 0; i < 500; ++i) graph.put(twice, std::make_shared<int>(i));
  graph.wait();
  EXPECT_EQ(sum, 2 * (499 * 500 / 2) + 500 * 1000);
  graph.put(twice, std::make_shared<int>(1));
  graph.wait();
  EXPECT_EQ(sum, 2 * (499 * 500 / 2) + 500 * 1000 + 1002);
  EXPECT_FALSE(stop.requested());
  const auto stats = graph.stats();
  ASSERT_EQ(stats.size(), 3u);
  EXPECT_EQ(stats[0].messages_in, 501u);
  EXPECT_EQ(stats[0].messages_out, 1002u);
  EXPECT_EQ(stats[2].messages_in, 1002u);
}

TEST_P(GraphTest, SerialStagesKeepOneBodyAtATimeAndBroadcastReachesAll) {
  Stop stop;
  std::vector<int> a;  // No lock: the stages are serial.
  std::vector<int> b;
  Graph graph({.title = "t", .threads = GetParam(), .stop = &stop});
  auto source = graph.stage<int, int>({.name = "source", .says = ""},
                                      [](std::shared_ptr<int> in, Emit<int> emit) { emit(std::move(in)); });
  const auto collect = [&](std::string name, std::vector<int>& into) {
    return graph.stage<int, void>({.name = std::move(name), .says = "", .concurrency = Concurrency::kSerial},
                                  [&into](std::shared_ptr<int> in, Emit<void>) { into.push_back(*in); });
  };
  auto left = collect("left", a);
  auto right = collect("right", b);
  graph.edge(source, left, "n");
  graph.edge(source, right, "n");
  for (int i = 0; i < 1000; ++i) graph.put(source, std::make_shared<int>(i));
  graph.wait();
  EXPECT_EQ(a.size(), 1000u);
  EXPECT_EQ(std::accumulate(b.begin(), b.end(), 0), 499'500);
}

TEST_P(GraphTest, ABodyThatThrowsAsksForTheStopAndLosesNothingElse) {
  Stop stop;
  std::atomic<int> seen{0};
  Graph graph({.title = "t", .threads = GetParam(), .stop = &stop});
  auto picky = graph.stage<int, int>({.name = "picky", .says = ""}, [](std::shared_ptr<int> in, Emit<int> emit) {
    if (*in == 3) throw std::runtime_error("three");
    emit(std::move(in));
  });
  auto count = graph.stage<int, void>({.name = "count", .says = ""}, [&](std::shared_ptr<int>, Emit<void>) { ++seen; });
  graph.edge(picky, count, "n");
  for (int i = 0; i < 10; ++i) graph.put(picky, std::make_shared<int>(i));
  graph.wait();
  EXPECT_EQ(seen, 9);
  ASSERT_TRUE(stop.requested());
  EXPECT_EQ(stop.reason()->kind, ErrorKind::kInternal);
  EXPECT_THAT(stop.reason()->message, HasSubstr("stage picky threw: three"));
}

TEST_P(GraphTest, AnAsynchronousBodyThatThrowsOrGivesUpDoesNotHang) {
  Stop stop;
  Graph graph({.title = "t", .threads = GetParam(), .stop = &stop});
  auto away =
      graph.async<int, int>({.name = "away", .says = ""}, [](std::shared_ptr<int> in, Completion<int> completion) {
        if (*in == 0) throw std::runtime_error("no");
        completion.finish();
      });
  graph.put(away, std::make_shared<int>(0));
  graph.put(away, std::make_shared<int>(1));
  graph.wait();
  EXPECT_TRUE(stop.requested());
}

TEST_P(GraphTest, AChannelReachesItsOwnEdgesOnly) {
  Stop stop;
  std::atomic<int> even{0}, odd{0}, all{0};
  Graph graph({.title = "channels", .threads = GetParam(), .stop = &stop});
  const auto split = graph.stage<int, int>({.name = "split"}, [](std::shared_ptr<int> number, Emit<int> emit) {
    const auto channel = static_cast<std::size_t>(*number % 3);  // Nobody listens on the third.
    emit.to(channel, std::move(number));
  });
  const auto ask = graph.async<int, int>({.name = "ask"}, [](std::shared_ptr<int> number, Completion<int> completion) {
    completion.to(1, std::move(number));
  });
  const auto count = [&](const char* name, std::atomic<int>& sum) {
    return graph.stage<int, void>({.name = name}, [&sum](std::shared_ptr<int>, Emit<void>) { ++sum; });
  };
  const auto evens = count("even", even), odds = count("odd", odd), both = count("both", all);
  graph.edge(split, evens, "even", 0);
  graph.edge(split, ask, "odd", 1);
  graph.edge(split, both, "odd too", 1);
  graph.edge(ask, both, "nothing", 0);
  graph.edge(ask, odds, "odd", 1);
  for (int i = 0; i < 300; ++i) graph.put(split, std::make_shared<int>(i));
  graph.wait();
  EXPECT_EQ(even, 100);
  EXPECT_EQ(odd, 100);
  EXPECT_EQ(all, 100);
  EXPECT_FALSE(stop.requested());
  const auto stats = graph.stats();
  EXPECT_EQ(stats[0].waiting, 0u);
  EXPECT_GE(stats[0].most_waiting, 1u);
}

INSTANTIATE_TEST_SUITE_P(Threads, GraphTest, ::testing::Values(1, 2, 4));

TEST(Graph, DescribesItselfAsItIsBuilt) {
  Stop stop;
  Graph graph({.title = "picture", .threads = 1, .stop = &stop});
  auto a = graph.async<int, int>({.name = "a", .says = "says a"}, [](std::shared_ptr<int>, Completion<int>) {});
  auto b = graph.stage<int, void>({.name = "b", .says = "", .concurrency = Concurrency::kSerial},
                                  [](std::shared_ptr<int>, Emit<void>) {});
  graph.edge(a, b, "page");
  const std::size_t phase = graph.describe_phase({.name = "after", .says = ""});
  graph.describe_edge(b.index(), phase, "seen", false);
  graph.describe_edge(b.index(), a.index(), "token", true);
  const GraphDescription picture = graph.describe();
  EXPECT_EQ(picture.title, "picture");
  ASSERT_EQ(picture.nodes.size(), 3u);
  EXPECT_EQ(picture.nodes[0].kind, GraphDescription::Kind::kAsync);
  EXPECT_EQ(picture.nodes[1].concurrency, Concurrency::kSerial);
  EXPECT_EQ(picture.nodes[2].kind, GraphDescription::Kind::kPhase);
  ASSERT_EQ(picture.edges.size(), 3u);
  EXPECT_EQ(picture.edges[0].carries, "page");
  EXPECT_TRUE(picture.edges[2].back);
}

}  // namespace
}  // namespace riptide::pipeline

// Random graphs (seeded), with random stops and faults: the accounting holds in each, and none hangs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "graph_parts.hpp"

namespace riptide {
namespace {

/// Gives some of what came at the end, or later.
template <class T>
class Delaying final : public Stage<T> {
 public:
  Result<void> process(T& item, Emit& emit) override {
    if (++count_ % 3 == 0) return {};
    if (count_ % 5 == 0) {
      kept_ = std::string(item.json());
      return {};
    }
    emit(item);
    return {};
  }
  Result<void> finish(Emit& emit) override { return kept_.empty() ? Result<void>() : emit(kept_); }
  Result<void> tick(Emit& emit) override { return finish(emit); }
  [[nodiscard]] std::optional<std::chrono::milliseconds> tick_every() const override {
    return std::chrono::milliseconds(1);
  }

 private:
  int count_ = 0;
  std::string kept_;
};

/// Adds random nodes to a graph until each stream has ended.
class RandomGraph {
 public:
  RandomGraph(unsigned seed, Elsewhere& elsewhere) : random_(seed), elsewhere_(elsewhere) {}

  void build(Graph& graph) {
    std::vector<Stream<Record>> records;
    for (int i = 0, sources = 1 + below(3); i < sources; ++i) {
      CountingSource::Options options{.partitions = static_cast<std::size_t>(1 + below(3)),
                                      .pages = static_cast<std::size_t>(1 + below(8)),
                                      .records = static_cast<std::size_t>(1 + below(20))};
      if (below(4) == 0)
        options.fails = [at = below(6)](std::size_t page) { return page == static_cast<std::size_t>(at); };
      SourceOptions with;
      with.retry.attempts = 1;
      records.push_back(graph.source(name(), std::make_shared<CountingSource>(std::move(options)), with));
    }
    if (records.size() > 1 && below(2) == 0) records.push_back(merge(records[0], records[1]));
    for (const auto& stream : records) grow(stream, 3);
  }

 private:
  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  std::string name() { return "n" + std::to_string(names_++); }

  std::unique_ptr<stages::Sink> sink() {
    CollectingSink::Options options{.max_records = static_cast<std::size_t>(1 + below(40))};
    if (below(3) == 0) options.slowness = std::chrono::milliseconds(1);
    if (below(8) == 0) options.fail_after = static_cast<std::size_t>(below(5));
    if (below(4) == 0)
      options.refuses = [](std::string_view json) { return json.find("\"n\":7") != std::string_view::npos; };
    return std::make_unique<CollectingSink>(std::make_shared<Collected>(), std::move(options));
  }

  template <class T>
  Stream<T> stage(const Stream<T>& from) {
    const StageOptions options{.serial = below(4) == 0, .in_flight = static_cast<std::size_t>(1 + below(5))};
    const auto salt = static_cast<unsigned>(random_());
    const auto picks = [salt](const Item& item, unsigned of) {
      return (std::hash<std::string_view>{}(item.json()) ^ salt) % of == 0;
    };
    switch (below(7)) {
      case 0:
        return from.filter(
            name(), [picks](const T& item) { return !picks(item, 4); }, options);
      case 1:
        return from.then(
            name(),
            [picks](T& item) -> Result<void> {
              if (picks(item, 50)) throw std::runtime_error("unlucky");
              if (picks(item, 40)) return unexpected(ErrorKind::kLimit, "no");
              return picks(item, 3) ? item.set_text("/extra", "text") : Result<void>();
            },
            options);
      case 2:
        return from.expand(
            name(),
            [picks](const T& item, Emit& emit) -> Result<void> {
              for (unsigned i = 2; i < 4; ++i) {
                if (!picks(item, i)) continue;
                if (auto made = emit(item.json()); !made) return made;
              }
              if (picks(item, 30)) return unexpected(ErrorKind::kLimit, "no");
              emit(item);
              return {};
            },
            options);
      case 3:
        return from.async(
            name(),
            [picks, this](T item, Reply reply) {
              if (picks(item, 9)) return;  // Let go.
              if (picks(item, 2)) return reply.keep();
              auto shared = std::make_shared<Reply>(std::move(reply));
              elsewhere_.post([picks, item, shared]() mutable {
                if (picks(item, 7)) return shared->drop();
                shared->keep();
              });
            },
            options);
      case 4:
        return from.stage(name(), std::make_shared<Delaying<T>>(), options);
      case 5: {
        auto route = from.route(
            name(), [picks](const T& item) { return picks(item, 2) ? "a" : "b"; }, options);
        end(route.to("a"));
        return below(2) == 0 ? route.to("b") : route.otherwise();
      }
      default:
        return from;
    }
  }

  void end(const Stream<Record>& from) { from.sink(name(), sink()); }
  void end(const Stream<Entity>& from) {
    SinkOptions options;
    if (below(3) == 0) options.batch_age = std::chrono::milliseconds(1);
    from.sink(name(), sink(), options);
  }

  template <class T>
  void grow(Stream<T> from, int depth) {
    for (int stages = below(4); stages > 0; --stages) from = stage(from);
    if constexpr (std::same_as<T, Record>) {
      if (below(3) != 0) return grow(from.transform(name(), counting_mapping()), depth);
    }
    if (depth == 0 || below(2) == 0) return end(from);
    for (int branches = 1 + below(3); branches > 0; --branches) grow(from, depth - 1);
  }

  std::mt19937 random_;
  Elsewhere& elsewhere_;
  int names_ = 0;
};

class GraphStressTest : public ::testing::TestWithParam<int> {};

TEST_P(GraphStressTest, AccountsForEverythingAndNeverHangs) {
  const char* const soak = std::getenv("RIPTIDE_SOAK");
  const unsigned rounds = 25 * (soak != nullptr ? static_cast<unsigned>(std::max(1, std::atoi(soak))) : 1);
  for (unsigned round = 0; round < rounds; ++round) {
    const unsigned seed = round * 2 + static_cast<unsigned>(GetParam());
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Elsewhere elsewhere;
    Graph graph(
        {.memory_bytes = 1u << (16 + random() % 6), .threads = GetParam(), .in_flight = random() % 3 == 0 ? 1u : 8u});
    RandomGraph(seed, elsewhere).build(graph);
    const auto checked = graph.check();
    ASSERT_TRUE(checked) << checked.error().message;
    Stop stop;
    const bool stops = random() % 3 == 0;
    const auto when = std::chrono::microseconds(random() % 20'000);
    const auto urgency = random() % 2 == 0 ? Stop::Urgency::kDrain : Stop::Urgency::kAbort;
    std::thread stopping([&] {
      if (!stops) return;
      std::this_thread::sleep_for(when);
      stop.request(Error(ErrorKind::kStopped, "a random moment"), urgency);
    });
    run(graph, &stop, stops ? 2 : 0);
    stopping.join();
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, GraphStressTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace riptide

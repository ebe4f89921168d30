#include "upload/valve.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace riptide::stages {
namespace {

using pipeline::Completion;
using pipeline::Credit;
using pipeline::CreditPool;

struct Parcel {
  int number = 0;
  Credit credit;
};

/// Collects what a completion emits, in place of a graph.
class Collector : public pipeline::detail::Hold, public pipeline::detail::Port {
 public:
  explicit Collector(std::vector<std::shared_ptr<Parcel>>& into) : into_(into) {}
  Port& port() noexcept override { return *this; }
  void put(pipeline::detail::Message message, std::size_t) noexcept override {
    into_.push_back(std::static_pointer_cast<Parcel>(std::move(message)));
  }

 private:
  std::vector<std::shared_ptr<Parcel>>& into_;
};

TEST(Valve, PassesInOrderAsFarAsCreditGoesAndTellsWhenItStarves) {
  CreditPool pool("bytes", 10);
  int starved = 0;
  std::vector<std::shared_ptr<Parcel>> passed;
  Valve<Parcel> valve(pool, [&] { ++starved; });
  const auto pass = [&](int number, std::size_t amount) {
    auto parcel = std::make_shared<Parcel>();
    parcel->number = number;
    valve.pass(std::move(parcel), amount, Completion<Parcel>(std::make_unique<Collector>(passed)));
  };
  pass(1, 6);
  EXPECT_EQ(passed.size(), 1u);
  EXPECT_EQ(starved, 0);
  pass(2, 6);
  pass(3, 1);
  EXPECT_EQ(passed.size(), 1u) << "3 would fit but must not overtake 2";
  EXPECT_GE(starved, 1);
  passed[0]->credit.release();
  ASSERT_EQ(passed.size(), 3u);
  EXPECT_EQ(passed[1]->number, 2);
  EXPECT_EQ(passed[2]->number, 3);
  EXPECT_EQ(pool.taken(), 7u);
  passed.clear();
  pass(4, 500);
  ASSERT_EQ(passed.size(), 1u) << "larger than the pool: alone, but through";
}

}  // namespace
}  // namespace riptide::stages

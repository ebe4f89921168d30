#include "riptide/stages/fault_injector.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace riptide::stages {
namespace {

using testing::HasSubstr;

HttpRequest to(int number) {
  HttpRequest request;
  request.url = "http://host/" + std::to_string(number);
  return request;
}

std::string seen(const std::optional<AttemptEnding>& ending) {
  if (!ending) return "sent";
  return ending->failure ? ending->failure->message.substr(0, 8) : std::to_string(ending->status);
}

// What becomes of five attempts of each of so many requests, asked in an order.
std::map<std::string, std::string> outcomes(std::uint64_t seed, std::uint64_t order) {
  FaultInjector injector({.plan = *FaultPlan::parse("429:0.2,reset:0.1,truncate:0.1,timeout:0.05"), .seed = seed});
  std::vector<int> asked;
  for (int i = 0; i < 400; ++i) asked.insert(asked.end(), 5, i);
  std::mt19937_64 random(order);
  std::shuffle(asked.begin(), asked.end(), random);
  std::map<int, int> times;
  std::map<std::string, std::string> out;
  for (const int number : asked) {
    const HttpRequest request = to(number);
    const int attempt = ++times[number];
    out[request.url + " " + std::to_string(attempt)] = seen(injector.answer({request, attempt, false, nullptr}));
  }
  return out;
}

TEST(FaultInjector, FailsTheSameAttemptsForTheSameSeedInWhateverOrder) {
  const auto first = outcomes(7, 1);
  EXPECT_EQ(first, outcomes(7, 2));
  EXPECT_NE(first, outcomes(8, 1));
  std::map<std::string, int> counts;
  for (const auto& [attempt, outcome] : first) ++counts[outcome];
  EXPECT_NEAR(counts["429"], 400, 60);
  EXPECT_NEAR(counts["sent"], 1100, 100);
}

TEST(FaultInjector, AFullShareFailsEveryAttempt) {
  FaultInjector injector({.plan = *FaultPlan::parse("503:1"), .seed = 1});
  const HttpRequest request = to(1);
  for (int i = 1; i < 50; ++i) EXPECT_EQ(seen(injector.answer({request, i, false, nullptr})), "503");
  EXPECT_FALSE(injector.offline());
}

TEST(FaultPlan, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {{"", "is no fault"},
               {"429", "no share"},
               {"429:", "no share"},
               {"429:x", "no share"},
               {"429:1.5", "no share"},
               {"429:-0.1", "no share"},
               {"429:nan", "no share"},
               {"200:0.1", "is no fault"},
               {"restart:0.1", "is no fault"},
               {"429:0.1,", "is no fault"},
               {"429:0.6,reset:0.6", "more than all"}};
  for (const auto& one : cases) {
    const auto plan = FaultPlan::parse(one.text);
    ASSERT_FALSE(plan) << one.text;
    EXPECT_EQ(plan.error().kind, ErrorKind::kConfig);
    EXPECT_THAT(plan.error().message, HasSubstr(one.why)) << one.text;
  }
  EXPECT_EQ(FaultPlan::parse("429:0.05,500:1e-2,reset:.01")->faults.size(), 3u);
}

}  // namespace
}  // namespace riptide::stages

#include "riptide/json/structurals.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "random_json.hpp"

namespace riptide::json {
namespace {

using tests::Padded;

std::vector<std::uint32_t> places(const Structurals& structurals) {
  return {structurals.at, structurals.at + structurals.size};
}

TEST(Structurals, ScalarScanFindsWhatSimdjsonFinds) {
  StructuralIndex simd(StructuralIndex::Scan::kSimd);
  StructuralIndex scalar(StructuralIndex::Scan::kScalar);
  std::mt19937_64 random(tests::test_seed("ScalarScanFindsWhatSimdjsonFinds"));
  int good = 0;
  for (int round = tests::repetitions(5000); round > 0; --round) {
    std::string text = tests::random_json(random, 4);
    if (round % 3 != 0) text = tests::mutated(random, std::move(text));
    const Padded padded(text);
    const auto fast = simd.build(padded.view());
    const auto slow = scalar.build(padded.view());
    ASSERT_EQ(fast.has_value(), slow.has_value()) << text;
    if (!fast) continue;
    ++good;
    ASSERT_EQ(places(*fast), places(*slow)) << text;
    for (std::uint32_t i = 0; i < StructuralIndex::kSentinels; ++i) EXPECT_EQ(fast->at[fast->size + i], text.size());
  }
  EXPECT_GT(good, 500);
}

TEST(Structurals, GrowsAndShrinksWithTheText) {
  StructuralIndex index;
  for (const std::size_t size : {10u, 200'000u, 5u, 70'000u, 3'000'000u, 1u}) {
    std::string text = "[";
    for (std::size_t i = 0; i < size; ++i) text += "1,";
    text += "1]";
    const Padded padded(text);
    const auto built = index.build(padded.view());
    ASSERT_TRUE(built);
    EXPECT_EQ(built->size, size * 2 + 3);
  }
}

std::string compact(std::string_view text) {
  StructuralIndex index;
  Brackets brackets;
  const Padded padded(text);
  const auto built = index.build(padded.view());
  if (!built) return "not indexed";
  std::string out = "<";
  const std::uint32_t behind = append_compact(*built, 0, brackets, out);
  if (behind == 0) return out == "<" ? "malformed" : "malformed, tail left behind";
  return behind == built->size ? out.substr(1) : "something behind";
}

TEST(Structurals, CompactCopyDropsSpaceAndMakesEqualTextsEqual) {
  EXPECT_EQ(compact(" { \"a\" : [ 1.10 , true,null ] , \"b\":{ } , \"c\" : [ ] } "),
            R"({"a":[1.10,true,null],"b":{},"c":[]})");
  EXPECT_EQ(compact(R"(["\u0041\/\ud83d\ude00\ud800\u000a\u001f\"\\"])"),
            "[\"A/\xF0\x9F\x98\x80\xEF\xBF\xBD\\n\\u001f\\\"\\\\\"]");
  EXPECT_EQ(compact("[1,[2,tru]]"), "malformed");
  EXPECT_EQ(compact("[1,[2,\"\\x\"]]"), "malformed");
  EXPECT_EQ(compact("{\"\\x\":1}"), "malformed");
  EXPECT_EQ(compact("[1]]"), "something behind");
}

TEST(Structurals, CompactCopyHasALimitOfDepth) {
  StructuralIndex index;
  Brackets brackets;
  const Padded padded(R"([[{"a":[]}]])");
  const auto built = index.build(padded.view());
  ASSERT_TRUE(built);
  std::string out;
  EXPECT_EQ(append_compact(*built, 0, brackets, out, 2), 0u);
  EXPECT_EQ(out, "");
  EXPECT_EQ(append_compact(*built, 0, brackets, out, 3), built->size);
}

TEST(Structurals, BracketsRememberEveryLevel) {
  Brackets brackets;
  std::mt19937_64 random(tests::test_seed("BracketsRememberEveryLevel"));
  std::vector<bool> expected;
  for (int step = 0; step < 20'000; ++step) {
    if (expected.empty() || random() % 5 < 3) {
      expected.push_back(random() % 2 == 0);
      brackets.push(expected.back());
    } else {
      expected.pop_back();
      brackets.pop();
    }
    ASSERT_EQ(brackets.depth(), expected.size());
    if (!expected.empty()) {
      ASSERT_EQ(brackets.top_is_object(), expected.back()) << step;
    }
  }
}

}  // namespace
}  // namespace riptide::json

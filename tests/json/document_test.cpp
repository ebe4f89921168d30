#include "riptide/json/document.hpp"

#include <gmock/gmock.h>
#include <simdjson.h>

#include <string>
#include <utility>
#include <vector>

#include "random_json.hpp"

namespace riptide::json {
namespace {

using pipeline::ErrorKind;
using testing::ElementsAre;
using testing::Pair;
using tests::Padded;

class DocumentTest : public testing::TestWithParam<Document::Scan> {
 protected:
  /// Keys and raw values of an object, or what went wrong.
  std::vector<std::pair<std::string, std::string>> members(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> all;
    const Padded padded(text);
    auto root = document_.index(padded.view());
    if (!root) return {{"error", root.error().message}};
    Document::Members members(document_, *root);
    while (members.next()) {
      auto raw = members.raw_value();
      if (raw) all.emplace_back(members.raw_key(), *raw);
    }
    if (auto status = members.status(); !status) all.emplace_back("error", status.error().message);
    return all;
  }

  bool good(std::string_view text) {
    const Padded padded(text);
    return document_.index(padded.view()).has_value() && document_.check().has_value();
  }

  Document document_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Scans, DocumentTest, testing::Values(Document::Scan::kSimd, Document::Scan::kScalar),
                         [](const auto& scan) { return scan.param == Document::Scan::kSimd ? "simd" : "scalar"; });

TEST_P(DocumentTest, MembersComeInTextOrderWithTheirRawBytes) {
  EXPECT_THAT(members(R"( {"a" : 1 , "b":[1, {"c":"]}"} ] ,"a":"x\"y","n":null} )"),
              ElementsAre(Pair("a", "1"), Pair("b", R"([1, {"c":"]}"} ])"), Pair("a", R"("x\"y")"), Pair("n", "null")));
  EXPECT_THAT(members("{}"), ElementsAre());
  EXPECT_THAT(members("\xEF\xBB\xBF{\"a\":1}"), ElementsAre(Pair("a", "1")));
}

TEST_P(DocumentTest, ElementsComeInOrder) {
  const Padded text(R"([1, [2], {"a":3}, "s", true])");
  const auto root = document_.index(text.view());
  ASSERT_TRUE(root);
  std::vector<std::string> all;
  std::vector<Type> types;
  Document::Elements elements(document_, *root);
  while (elements.next()) {
    types.push_back(elements.value().type);
    auto raw = elements.raw_value();
    ASSERT_TRUE(raw);
    all.emplace_back(*raw);
  }
  EXPECT_TRUE(elements.status());
  EXPECT_THAT(all, ElementsAre("1", "[2]", R"({"a":3})", R"("s")", "true"));
  EXPECT_THAT(types, ElementsAre(Type::kNumber, Type::kArray, Type::kObject, Type::kString, Type::kBool));
}

TEST_P(DocumentTest, NumbersKeepTheirDigits) {
  EXPECT_THAT(members(R"({"n":123456789012345678901234567890, "f":1.10})"),
              ElementsAre(Pair("n", "123456789012345678901234567890"), Pair("f", "1.10")));
}

TEST_P(DocumentTest, FindTakesTheLastOfDuplicateKeysAndSeesThroughEscapes) {
  const Padded text(R"({"k\u0061y":1,"other":{"kay":7},"kay":2,"":3})");
  const auto root = document_.index(text.view());
  ASSERT_TRUE(root);
  const auto found = document_.find(*root, "kay");
  ASSERT_TRUE(found && found->has_value());
  EXPECT_EQ(*document_.raw(**found), "2");
  EXPECT_EQ(*document_.raw(**document_.find(*root, "")), "3");
  EXPECT_FALSE(document_.find(*root, "absent")->has_value());
  const Padded escaped(R"({"kay":1,"k\u0061y":2})");
  const auto second = document_.index(escaped.view());
  EXPECT_EQ(*document_.raw(**document_.find(*second, "kay")), "2");
}

TEST_P(DocumentTest, AWalkIntoTheWrongTypeIsAnErrorNotACrash) {
  const Padded text("[1]");
  const auto root = document_.index(text.view());
  Document::Members members(document_, *root);
  EXPECT_FALSE(members.next());
  EXPECT_EQ(members.status().error().kind, ErrorKind::kMalformed);
  Document::Elements elements(document_, Value{1, Type::kNumber});
  EXPECT_FALSE(elements.next());
  EXPECT_FALSE(elements.status());
}

TEST_P(DocumentTest, AcceptsWhatRfc8259Accepts) {
  for (const std::string_view text :
       {"0", "-0", "1.5e+10", "\"\"", "true", " null ", "[]", "{}", "[[],{}]", R"({"a":{"b":[]}})", "[1,2 , 3]",
        R"(["\u0041\n\/"])", "[\"\\ud800\"]", "[\"\x7F\"]"}) {
    EXPECT_TRUE(good(text)) << text;
  }
}

TEST_P(DocumentTest, RefusesWhatItRefuses) {
  for (const std::string_view text : {"",
                                      " ",
                                      "[",
                                      "]",
                                      "{",
                                      "}",
                                      "[}",
                                      "{]",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{1:2}",
                                      "{\"a\" 1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\"::1}",
                                      "{\"a\":1}}",
                                      "{} {}",
                                      "[][]",
                                      "1 2",
                                      "01",
                                      "1.",
                                      ".5",
                                      "+1",
                                      "-",
                                      "1e",
                                      "tru",
                                      "truee",
                                      "nul",
                                      "falsey",
                                      "NaN",
                                      "Infinity",
                                      "'a'",
                                      "\"a",
                                      "\"\\q\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "[\"a\nb\"]",
                                      "[\"\x01\"]",
                                      "[\"\xFF\"]",
                                      "[\"\xED\xA0\x80\"]",
                                      "[\"\xC0\x80\"]",
                                      "[1\x01]",
                                      "[1\x0C]",
                                      "[\x1A]",
                                      "[12\"a\"]",
                                      "[\"a\"b]",
                                      "[\"a\"\"b\"]",
                                      "{\"a\":[1}",
                                      "{\"a\":{\"b\":1]}",
                                      "[\\]",
                                      "[1:2]",
                                      "{\"a\":1:\"b\"}",
                                      "{\"a\",\"b\"}",
                                      "[{}",
                                      "{\"a\":[]",
                                      "{\"a\":1 ,",
                                      "[]]",
                                      "\"a\" ,",
                                      "\"a\"}"}) {
    EXPECT_FALSE(good(text)) << text;
  }
}

TEST_P(DocumentTest, EveryTruncationIsAnErrorWherePaddingLooksLikeMore) {
  const std::string whole = R"({"Items":[{"Id":"a\"b","N":[1,2,{"x":null}],"S":{}},{"Id":"c"}],"Total":12})";
  ASSERT_TRUE(good(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(good(whole.substr(0, size))) << whole.substr(0, size);
    // In place too: the bytes behind the span are the rest of the document.
    const Padded padded(whole);
    auto root = document_.index(padded.view().substr(0, size));
    if (!root) continue;
    EXPECT_FALSE(document_.check());
    EXPECT_FALSE(document_.raw(*root).has_value()) << size;
    Document::Members members(document_, *root);
    while (members.next()) {
    }
    EXPECT_FALSE(members.status()) << size;
  }
}

TEST_P(DocumentTest, SomethingBehindTheRootIsFoundWhenTheRootHasBeenWalked) {
  EXPECT_THAT(members(R"({"a":1}{"b":2})"),
              ElementsAre(Pair("a", "1"), Pair("error", testing::HasSubstr("at byte 7"))));
  EXPECT_THAT(members(R"({"a":1},1)"), ElementsAre(Pair("error", testing::_)));
  const Padded two("[1][2]");
  const auto root = document_.index(two.view());
  ASSERT_TRUE(root);
  EXPECT_FALSE(document_.raw(*root));
}

TEST_P(DocumentTest, DepthCostsNoRecursion) {
  constexpr std::size_t kDepth = 200'000;
  std::string deep;
  for (std::size_t i = 0; i < kDepth; ++i) deep += i % 3 == 0 ? "{\"a\":" : "[";
  deep += "1";
  for (std::size_t i = kDepth; i-- > 0;) deep += i % 3 == 0 ? '}' : ']';
  EXPECT_TRUE(good(deep));
  deep[deep.size() - 100'000] = deep[deep.size() - 100'000] == ']' ? '}' : ']';
  EXPECT_FALSE(good(deep));
}

TEST_P(DocumentTest, ErrorsNameTheByte) {
  const Padded text(R"({"a":1,"b":[1,tru]})");
  ASSERT_TRUE(document_.index(text.view()));
  EXPECT_THAT(document_.check().error().message, testing::HasSubstr("at byte 14"));
}

/// What simdjson's DOM says: good, bad, or that it cannot tell (large numbers, depth).
enum class Verdict { kGood, kBad, kCannotTell };

Verdict dom_verdict(simdjson::dom::parser& parser, std::string_view text) {
  simdjson::dom::element element;
  const auto failure = parser.parse(text.data(), text.size(), false).get(element);
  switch (static_cast<int>(failure)) {
    case simdjson::SUCCESS:
      return Verdict::kGood;
    case simdjson::NUMBER_ERROR:
    case simdjson::DEPTH_ERROR:
    case simdjson::CAPACITY:
      return Verdict::kCannotTell;
    default:
      return Verdict::kBad;
  }
}

/// Touches everything that can be reached; must not crash, whatever the text.
void walk_everywhere(const Document& document, Value value, int depth) {
  (void)document.raw(value);
  if (depth == 0) return;
  if (value.type == Type::kObject) {
    (void)document.find(value, "name");
    Document::Members members(document, value);
    while (members.next()) walk_everywhere(document, members.value(), depth - 1);
  } else if (value.type == Type::kArray) {
    Document::Elements elements(document, value);
    while (elements.next()) walk_everywhere(document, elements.value(), depth - 1);
  }
}

TEST_P(DocumentTest, AgreesWithTheDomOnRandomAndMutatedTexts) {
  std::mt19937_64 random(tests::test_seed("AgreesWithTheDom"));
  simdjson::dom::parser parser;
  int good_texts = 0;
  int bad_texts = 0;
  for (int round = tests::repetitions(4000); round > 0; --round) {
    std::string text = tests::random_json(random, 4);
    if (round % 4 != 0) text = tests::mutated(random, std::move(text));
    const Padded padded(text);
    const auto root = document_.index(padded.view());
    const bool ours = root.has_value() && document_.check().has_value();
    if (root) walk_everywhere(document_, *root, 4);
    switch (dom_verdict(parser, padded.view())) {
      case Verdict::kGood:
        ++good_texts;
        EXPECT_TRUE(ours) << text;
        break;
      case Verdict::kBad:
        ++bad_texts;
        // To the DOM a lone surrogate is an error, to us and to jq it is U+FFFD.
        if (text.find("\\ud") == std::string::npos) {
          EXPECT_FALSE(ours) << text;
        }
        break;
      case Verdict::kCannotTell:
        break;
    }
  }
  EXPECT_GT(good_texts, 300);
  EXPECT_GT(bad_texts, 300);
}

}  // namespace
}  // namespace riptide::json

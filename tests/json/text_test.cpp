#include <gmock/gmock.h>

#include "riptide/json/document.hpp"
#include "riptide/json/structurals.hpp"

namespace riptide::json {
namespace {

TEST(Text, DecodesEscapes) {
  const struct {
    std::string_view raw;
    std::string_view text;
  } kCases[] = {
      {R"("")", ""},
      {R"("plain")", "plain"},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e9\u20AC")", "A\xC3\xA9\xE2\x82\xAC"},
      {R"("\ud83d\ude00")", "\xF0\x9F\x98\x80"},
      {R"("x\ud800y")", "x\xEF\xBF\xBDy"},
      {R"("\udc00\ud800")", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {R"("\ud800\u0041")",
       "\xEF\xBF\xBD"
       "A"},
      {R"("\ud800\ud83d\ude00")", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
  };
  for (const auto& [raw, text] : kCases) {
    const auto result = decoded(raw);
    ASSERT_TRUE(result) << raw;
    EXPECT_EQ(*result, text) << raw;
  }
  EXPECT_EQ(*decoded(R"("\u0000")"), std::string(1, '\0'));
  for (const std::string_view raw : {"", "\"", "a", "\"\\\"", R"("\x")", R"("\u12")", R"("\u12G4")", R"("abc)"}) {
    EXPECT_FALSE(decoded(raw)) << raw;
  }
}

TEST(Text, AFailedDecodeLeavesNoTail) {
  std::string out = "kept";
  EXPECT_FALSE(append_decoded(R"("abc\x")", out));
  EXPECT_EQ(out, "kept");
}

TEST(Text, QuotesAndEscapes) {
  const struct {
    std::string_view text;
    std::string_view quoted;
  } kCases[] = {
      {"", R"("")"},
      {"plain \xC3\xA9 \x7F", "\"plain \xC3\xA9 \x7F\""},
      {"\"\\\b\f\n\r\t\x01\x1F", R"("\"\\\b\f\n\r\t\u0001\u001f")"},
      {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
      {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"/", R"("/")"},
  };
  for (const auto& [text, quoted] : kCases) {
    std::string out;
    append_quoted(text, out);
    EXPECT_EQ(out, quoted);
  }
}

TEST(Text, RepairsUtf8) {
  std::string out;
  append_repaired_utf8(
      "a\xC3\xA9\xFF"
      "b\xE2\x82"
      "c\xF0\x9F\x98",
      out);
  EXPECT_EQ(out,
            "a\xC3\xA9\xEF\xBF\xBD"
            "b\xEF\xBF\xBD"
            "c\xEF\xBF\xBD");
}

TEST(Text, KeysMatchThroughEscapes) {
  EXPECT_TRUE(key_equals("kay", "kay"));
  EXPECT_TRUE(key_equals(R"(k\u0061y)", "kay"));
  EXPECT_TRUE(key_equals(R"(\ud83d\ude00)", "\xF0\x9F\x98\x80"));
  EXPECT_TRUE(key_equals("", ""));
  EXPECT_TRUE(key_equals(R"(a\\b)", "a\\b"));
  EXPECT_FALSE(key_equals(R"(a\b)", "a\\b"));
  EXPECT_FALSE(key_equals("kaz", "kay"));
  EXPECT_FALSE(key_equals("k", "kay"));
  EXPECT_FALSE(key_equals(R"(k\u0061)", "kay"));
  EXPECT_FALSE(key_equals(R"(k\u0061yy)", "kay"));
  EXPECT_FALSE(key_equals(R"(k\u00)", "k"));
}

TEST(Text, ReadsUnsignedIntegers) {
  EXPECT_EQ(to_uint64("0"), 0u);
  EXPECT_EQ(to_uint64("18446744073709551615"), 18446744073709551615u);
  for (const std::string_view raw : {"18446744073709551616", "-1", "1.0", "1e2", "", "x", "01", " 1"}) {
    EXPECT_EQ(to_uint64(raw), std::nullopt) << raw;
  }
}

}  // namespace
}  // namespace riptide::json

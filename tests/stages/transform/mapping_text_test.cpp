#include "mapping_text.hpp"

#include <gtest/gtest.h>

namespace riptide::transform::mapping_text {
namespace {

struct Case {
  std::string_view text;
  std::string_view expected;
};

TEST(MappingText, OceanQuotesFollowOceansPattern) {
  const Case kCases[] = {
      {"'foo'", "\"foo\""},
      {".a == 'b'", ".a == \"b\""},
      {"'it's'", "\"it's\""},
      {"select(.a == 'x')", "select(.a == \"x')"},
      {"['x']", "['x']"},
      {"'a' + 'b'", "\"a\" + \"b\""},
      {"''", "\"\""},
      {"\"it's\"", "\"it's\""},
      {"' a'", "\" a\""},
      {"'a' 'b'", "\"a\" 'b\""},
      {"'", "\""},
      {"", ""},
      {"'\"x\"'", "'\"x\"'"},
      {"'a'\n", "\"a\"\n"},
      {"\xC2\xA0'a'\xE3\x80\x80", "\xC2\xA0\"a\"\xE3\x80\x80"},
      {"\xC2\xA1'a'\xC2\xA1", "\xC2\xA1'a'\xC2\xA1"},
      {"\xFF'a'", "\xFF'a\""},
      {"if .a == 'x' then 'y' else 'z' end", "if .a == \"x\" then \"y\" else \"z\" end"},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(ocean_quotes(text), expected) << text;
}

TEST(MappingText, StrictQuotesFollowJq) {
  const Case kCases[] = {
      {"select(.a == 'x')", "select(.a == \"x\")"}, {"['x','y']", "[\"x\",\"y\"]"},
      {"\"it's\" + 'b'", "\"it's\" + \"b\""},       {"'say \"hi\"'", "\"say \\\"hi\\\"\""},
      {"\"a\\\"'\" + 'b'", "\"a\\\"'\" + \"b\""},   {"'it\\'s'", "\"it's\""},
      {".a # it's\n| 'b'", ".a # it's\n| \"b\""},   {"'a\\nb'", "\"a\\nb\""},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(strict_quotes(text), expected) << text;
}

TEST(MappingText, ItemsPathFollowsOceansHeuristic) {
  const Case kCases[] = {
      {".items", ".items"},
      {".items?", ".items"},
      {".items[]", ".items"},
      {".items | map(select(.a|.b))", ".items"},
      {". as $r | .items | map({x:.})", ".items"},
      {"(.items | map(.x))", ".items"},
      {"  .fields.subtasks ", ".fields.subtasks"},
      {".a.b[0].c // []", ".a.b[0].c"},
      {".[\"foo\"]", ".[\"foo\"]"},
      {"((.a | .b))", ".b"},
      {".foo-bar", ".foo"},
      {"$x | .y", ".y"},
      {".[\"a\"].b.[0][\"c\"]", ".[\"a\"].b.[0][\"c\"]"},
      {"[.items[] | select(.x)]", "."},
      {"to_entries", "."},
      {".\"foo\"", "."},
      {"if .a then .b else .c end", "."},
      {".", "."},
      {"", "."},
      {"(.items", "."},
      {".[]", "."},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(items_path(text), expected) << text;
}

}  // namespace
}  // namespace riptide::transform::mapping_text

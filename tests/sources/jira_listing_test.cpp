#include "jira/listing.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>

#include "riptide/pipeline/page.hpp"

namespace riptide::sources::jira {
namespace {

using pipeline::ErrorKind;
using ::testing::HasSubstr;

Listing listing_of(std::size_t count) {
  Listing listing;
  listing.items.resize(count);
  return listing;
}

struct JudgeCase {
  const char* name;
  std::size_t count;
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> max_results;
  std::optional<bool> is_last;
  std::uint64_t offset;
  std::string cursor;
  Ends ends;
  std::string told;  // "extent STEP LAST total N next OFFSET", as far as it is there; or "error".
};

std::string told(const Result<PageKnowledge>& page) {
  if (!page) return "error";
  std::string text;
  if (page->extent) text += fmt::format("extent {} {} ", page->extent->step, page->extent->last_offset);
  if (page->total) text += fmt::format("total {} ", *page->total);
  if (page->next) text += fmt::format("next {} ", page->next->offset);
  if (!text.empty()) text.pop_back();
  return text;
}

class JiraPages : public ::testing::TestWithParam<JudgeCase> {};

TEST_P(JiraPages, SaysWhichPagesThereAre) {
  const JudgeCase& one = GetParam();
  Listing listing = listing_of(one.count);
  listing.total = one.total;
  listing.max_results = one.max_results;
  listing.is_last = one.is_last;
  EXPECT_EQ(told(judge(listing, {one.offset, 50, one.cursor, one.ends}, std::nullopt)), one.told);
}

constexpr auto kEmpty = Ends::kEmptyPage;
constexpr auto kFlag = Ends::kLastFlag;

INSTANTIATE_TEST_SUITE_P(
    Pages, JiraPages,
    ::testing::Values(JudgeCase{"whole", 7, 7, 50, {}, 0, "", kEmpty, "extent 50 0 total 7"},
                      JudgeCase{"nothing", 0, 0, 50, {}, 0, "", kEmpty, "extent 50 0 total 0"},
                      JudgeCase{"many", 50, 120, 50, {}, 0, "", kEmpty, "extent 50 100 total 120"},
                      JudgeCase{"exact", 50, 100, 50, {}, 0, "", kEmpty, "extent 50 50 total 100"},
                      JudgeCase{"server_gives_fewer", 20, 120, 20, {}, 0, "", kEmpty, "extent 20 100 total 120"},
                      JudgeCase{"fewer_without_saying", 20, 120, 50, {}, 0, "", kEmpty, "next 20"},
                      JudgeCase{"later", 50, 120, 50, {}, 50, "", kEmpty, "extent 50 100 total 120"},
                      JudgeCase{"last", 20, 120, 50, {}, 100, "", kEmpty, "extent 50 100 total 120"},
                      JudgeCase{
                          "short_in_the_middle", 48, 120, 50, {}, 50, "", kEmpty, "extent 50 100 total 120 next 98"},
                      JudgeCase{"piece", 2, 120, 50, {}, 98, "piece 2", kEmpty, "total 120"},
                      JudgeCase{"piece_short", 1, 120, 50, {}, 98, "piece 2", kEmpty, "total 120 next 99"},
                      JudgeCase{"piece_empty", 0, 120, 50, {}, 98, "piece 2", kEmpty, "total 120"},
                      JudgeCase{"empty_before_the_total", 0, 120, 50, {}, 50, "", kEmpty, "error"},
                      JudgeCase{"no_total", 50, {}, {}, {}, 0, "", kEmpty, "next 50"},
                      JudgeCase{"no_total_short", 3, {}, {}, {}, 50, "chain 0 0", kEmpty, "next 53"},
                      JudgeCase{"no_total_end", 0, {}, {}, {}, 53, "chain 0 0", kEmpty, ""},
                      JudgeCase{"flag_last", 50, {}, 50, true, 0, "", kFlag, ""},
                      JudgeCase{"flag_more", 50, {}, 50, false, 0, "", kFlag, "next 50"},
                      JudgeCase{"flag_more_short", 3, {}, 50, false, 0, "", kFlag, "next 3"},
                      JudgeCase{"flag_absent_full", 50, {}, 50, {}, 0, "", kFlag, "next 50"},
                      JudgeCase{"flag_absent_short", 49, {}, 50, {}, 0, "", kFlag, ""},
                      JudgeCase{"flag_empty", 0, {}, 50, false, 50, "chain 0 0", kFlag, ""},
                      JudgeCase{"flag_against_total", 50, 120, 50, true, 0, "", kFlag, ""},
                      JudgeCase{"flag_with_total", 50, 120, 50, false, 0, "", kFlag, "extent 50 100 total 120"},
                      JudgeCase{"chained_with_total", 50, 120, 50, {}, 0, "chain 0 0", kEmpty, "next 50"},
                      JudgeCase{"chain_goes_on", 50, 120, 50, {}, 50, "chain 0 5 120", kEmpty, "next 100"},
                      JudgeCase{"chain_ends", 20, 120, 50, {}, 100, "chain 0 5 120", kEmpty, ""},
                      JudgeCase{"chain_moved", 20, 121, 50, {}, 100, "chain 0 5 120", kEmpty, "next 0"},
                      JudgeCase{"chain_moved_to_the_end", 0, 100, 50, {}, 100, "chain 1 5 120", kEmpty, "next 0"},
                      JudgeCase{"chain_moves_always", 20, 121, 50, {}, 100, "chain 3 5 120", kEmpty, "error"},
                      JudgeCase{"total_too_small", 50, 30, 50, {}, 0, "", kEmpty, "next 50"},
                      JudgeCase{"one_page", 70, {}, {}, {}, 0, "", Ends::kOnePage, ""}),
    [](const auto& each) { return each.param.name; });

TEST(JiraChain, ThePageBeforeItAgainIsAnError) {
  const stages::PageEdges edges{3, 9};
  const Listing listing = listing_of(50);
  const auto first = judge(listing, {0, 50, "", kEmpty}, edges);
  ASSERT_TRUE(first && first->next);
  const auto again = judge(listing, {50, 50, first->next->cursor, kEmpty}, edges);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kMalformed);
  EXPECT_THAT(again.error().message, HasSubstr("does not go on"));
  EXPECT_TRUE(judge(listing, {50, 50, first->next->cursor, kEmpty}, stages::PageEdges{10, 11}));
}

TEST(JiraListing, KnowsWhereTheTokenIs) {
  json::Document document;
  const auto token = [&document](std::string_view text, std::string_view key) {
    const pipeline::Page page = pipeline::make_page(text);
    const auto listing = read_listing(page->view(), document, {"x", "", key});
    return listing ? listing->token : "error: " + listing.error().message;
  };
  EXPECT_EQ(token(R"({"x":[],"nextPageToken":"a\u0062"})", "nextPageToken"), "ab");
  EXPECT_EQ(token(R"({"x":[],"nextPageToken":null})", "nextPageToken"), "");
  EXPECT_EQ(token(R"({"x":[],"cursor":"c"})", "nextPageToken"), "");
  EXPECT_EQ(token(R"({"pageInfo":{"endCursor":"e","hasNextPage":true},"x":[]})", "pageInfo"), "e");
  EXPECT_EQ(token(R"({"pageInfo":{"endCursor":"e","hasNextPage":false},"x":[]})", "pageInfo"), "");
  EXPECT_EQ(token(R"({"pageInfo":{"endCursor":"e"},"x":[]})", "pageInfo"), "");
  for (const char* wrong : {R"({"x":[],"nextPageToken":7})", R"({"x":[],"total":"7"})", R"({"x":[],"total":-1})",
                            R"({"x":[],"maxResults":1.5})", R"({"x":[],"isLast":"no"})", R"({"x":{}})", R"({"y":[]})",
                            R"([])", R"({"x":[],"total":99999999999999999999})"}) {
    EXPECT_THAT(token(wrong, "nextPageToken"), HasSubstr("error: ")) << wrong;
  }
}

}  // namespace
}  // namespace riptide::sources::jira

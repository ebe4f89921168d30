#include "octopus/listing.hpp"

#include <gmock/gmock.h>

#include <string>

#include "riptide/pipeline/page.hpp"

namespace riptide::sources::octopus {
namespace {

using ::testing::HasSubstr;

constexpr std::nullopt_t kNone = std::nullopt;

Envelope envelope(std::size_t count, std::optional<std::uint64_t> total, std::optional<std::uint64_t> last_page,
                  std::optional<std::uint64_t> per_page) {
  Envelope made;
  made.items.resize(count);
  made.total_results = total;
  made.last_page_number = last_page;
  made.items_per_page = per_page;
  return made;
}

struct JudgeCase {
  const char* name;
  Envelope page;
  PageAsked asked;
  std::optional<stages::PageExtent> extent;
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> next_offset;
  std::size_t keep;
  bool capped = false;
};

class Judge : public ::testing::TestWithParam<JudgeCase> {};

TEST_P(Judge, TellsThePagesOfTheScope) {
  const JudgeCase& given = GetParam();
  const auto page = judge(given.page, given.asked);
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->extent.has_value(), given.extent.has_value());
  if (given.extent) {
    EXPECT_EQ(page->extent->step, given.extent->step);
    EXPECT_EQ(page->extent->last_offset, given.extent->last_offset);
  }
  EXPECT_EQ(page->total, given.total);
  EXPECT_EQ(page->next_offset, given.next_offset);
  EXPECT_EQ(page->keep, given.keep);
  EXPECT_EQ(page->capped, given.capped);
}

INSTANTIATE_TEST_SUITE_P(
    Pages, Judge,
    ::testing::Values(
        JudgeCase{"FirstOfThree", envelope(50, 137, 2, 50), {0, 50}, {{50, 100}}, 137, kNone, 50},
        JudgeCase{"LastOfThree", envelope(37, 137, 2, 50), {100, 50}, {{50, 100}}, 137, kNone, 37},
        JudgeCase{"Empty", envelope(0, 0, 0, 50), {0, 50}, {{50, 0}}, 0, kNone, 0},
        JudgeCase{"ExactlyOnePage", envelope(50, 50, 0, 50), {0, 50}, {{50, 0}}, 50, kNone, 50},
        JudgeCase{"ExactlyTwoPages", envelope(50, 100, 1, 50), {0, 50}, {{50, 50}}, 100, kNone, 50},
        JudgeCase{"NoCountsAtAll", envelope(2, kNone, kNone, kNone), {0, 50}, {{50, 0}}, kNone, kNone, 2},
        JudgeCase{"OnlyTheLastPage", envelope(2, kNone, 1, kNone), {0, 50}, {{50, 50}}, kNone, kNone, 2},
        JudgeCase{"OnlyTheTotal", envelope(50, 137, kNone, kNone), {0, 50}, {{50, 100}}, 137, kNone, 50},
        JudgeCase{"LastPageNumberTooLow", envelope(50, 137, 0, 50), {0, 50}, {{50, 100}}, 137, kNone, 50},
        // The total counts the page only, as careless servers do: pages are followed, nothing is told to watch.
        JudgeCase{"TotalOfThePage", envelope(50, 50, 2, 50), {0, 50}, {{50, 100}}, kNone, kNone, 50},
        JudgeCase{"ClampedAndSaysSo", envelope(30, 137, 4, 30), {0, 50}, {{30, 120}}, 137, kNone, 30},
        JudgeCase{"ClampedLaterPage", envelope(30, 137, 4, 30), {60, 50}, {{30, 120}}, 137, kNone, 30},
        JudgeCase{"ClampedLastPageTellsNothing", envelope(17, 137, 4, 30), {120, 50}, kNone, 137, kNone, 17},
        JudgeCase{"ClampedByItsCounts", envelope(30, 137, 4, kNone), {0, 50}, {{30, 120}}, 137, kNone, 30},
        JudgeCase{"ClampedAndSilent", envelope(30, 137, kNone, kNone), {0, 50}, kNone, 137, 30, 30},
        JudgeCase{"ClampedAndLying", envelope(30, 137, 2, 50), {0, 50}, kNone, 137, 30, 30},
        JudgeCase{"ChainGoesOn", envelope(30, 137, 2, 50), {30, 50, 0, true}, kNone, 137, 60, 30},
        JudgeCase{"ChainEnds", envelope(17, 137, 2, 50), {120, 50, 0, true}, kNone, 137, kNone, 17},
        JudgeCase{"GivesMoreThanAsked", envelope(100, 137, 1, 100), {0, 50}, {{100, 100}}, 137, kNone, 100},
        // A later page with hidden records is no reason to start a chain from each of them.
        JudgeCase{"ShortMiddlePage", envelope(49, 137, 2, 50), {50, 50}, {{50, 100}}, 137, kNone, 49},
        // A last page whose ItemsPerPage is its own count says nothing about the others.
        JudgeCase{"ItemsPerPageOfTheLast", envelope(37, 137, 2, 37), {100, 50}, kNone, 137, kNone, 37},
        JudgeCase{"Capped", envelope(50, 1204, 24, 50), {0, 50, 150}, {{50, 100}}, kNone, kNone, 50, true},
        JudgeCase{"CappedLaterPage", envelope(50, 1204, 24, 50), {100, 50, 150}, kNone, kNone, kNone, 50, true},
        JudgeCase{"CappedInsideAPage", envelope(50, 1204, 24, 50), {0, 50, 120}, {{50, 100}}, kNone, kNone, 50, true},
        JudgeCase{"CappedCut", envelope(50, 1204, 60, 20), {100, 20, 120}, kNone, kNone, kNone, 20, true},
        JudgeCase{"CapBelowAPage", envelope(10, 1204, 120, 10), {0, 10, 10}, {{10, 0}}, kNone, kNone, 10, true},
        JudgeCase{"CapAboveTheTotal", envelope(50, 137, 2, 50), {0, 50, 150}, {{50, 100}}, 137, kNone, 50},
        JudgeCase{"CapOfExactlyTheTotal", envelope(50, 150, 2, 50), {0, 50, 150}, {{50, 100}}, 150, kNone, 50},
        JudgeCase{
            "CappedByPagesOnly", envelope(50, kNone, 24, kNone), {0, 50, 150}, {{50, 100}}, kNone, kNone, 50, true},
        JudgeCase{"CappedChain", envelope(30, 1204, 24, 50), {120, 30, 150, true}, kNone, kNone, kNone, 30, true}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(JudgeErrors, AnEmptyPageInFrontOfPromisedRecordsIsNotTheEnd) {
  const auto by_total = judge(envelope(0, 137, 2, 50), {50, 50});
  ASSERT_FALSE(by_total);
  EXPECT_EQ(by_total.error().kind, pipeline::ErrorKind::kMalformed);
  EXPECT_THAT(by_total.error().message, HasSubstr("empty though the listing has 137 records"));

  const auto by_pages = judge(envelope(0, kNone, 1000000000, kNone), {0, 50});
  ASSERT_FALSE(by_pages);
  EXPECT_THAT(by_pages.error().message, HasSubstr("LastPageNumber is 1000000000"));
  // Behind the end an empty page is only late: the records went away while the pages were read.
  EXPECT_TRUE(judge(envelope(0, 100, 1, 50), {100, 50}));
}

TEST(JudgeErrors, CountsBeyondReasonAreRefused) {
  const auto page = judge(envelope(50, kNone, std::uint64_t{1} << 53, 1 << 20), {0, 50});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().kind, pipeline::ErrorKind::kMalformed);
}

TEST(ReadEnvelope, TakesTheCountsAndTheElements) {
  json::Document document;
  const pipeline::Page page = pipeline::make_page(
      R"({"Id":null,"TotalResults":3,"It\u0065msPerPage":2, "LastPageNumber":1,"Items":[ {"Id":"a"} , 7,[]],"Links":{"Items":[]}})");
  const auto read = read_envelope(page->view(), document);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->total_results, 3u);
  EXPECT_EQ(read->items_per_page, 2u);
  EXPECT_EQ(read->last_page_number, 1u);
  ASSERT_EQ(read->items.size(), 3u);
  EXPECT_EQ(read->items[0].raw, R"({"Id":"a"})");
  EXPECT_EQ(read->items[1].raw, "7");
  EXPECT_EQ(read->items[2].raw, "[]");
}

TEST(ReadEnvelope, NullCountsAreAbsent) {
  json::Document document;
  const pipeline::Page page = pipeline::make_page(R"({"TotalResults":null,"LastPageNumber":null,"Items":[]})");
  const auto read = read_envelope(page->view(), document);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->total_results);
  EXPECT_FALSE(read->last_page_number);
}

TEST(ReadEnvelope, RefusesWhatIsNoListing) {
  for (const char* body : {"", " ", "<html><body>Sign in</body></html>", "[]", "null", "3", "\"x\"", "{}",
                           R"({"Items":null})", R"({"Items":{}})", R"({"Items":"[]"})", R"({"Items":[1,]})",
                           R"({"Items":[1)", R"({"Items":[]} {})", R"({"Items":[],"TotalResults":"12"})",
                           R"({"Items":[],"TotalResults":-1})", R"({"Items":[],"LastPageNumber":1.5})",
                           R"({"Items":[],"ItemsPerPage":99999999999999999999})", R"({"Items":[{"Id":"a"})"}) {
    json::Document document;
    const pipeline::Page page = pipeline::make_page(body);
    const auto read = read_envelope(page->view(), document);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().kind, pipeline::ErrorKind::kMalformed) << body;
    EXPECT_FALSE(read.error().message.empty());
  }
}

}  // namespace
}  // namespace riptide::sources::octopus

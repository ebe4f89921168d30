#include "riptide/pipeline/page.hpp"

#include <gtest/gtest.h>

#include <string>

#include "riptide/pipeline/record.hpp"

namespace riptide::pipeline {
namespace {

void expect_padded(const PageBuffer& page) {
  const char* end = page.view().data() + page.size();
  for (std::size_t i = 0; i < kPagePadding; ++i) EXPECT_EQ(end[i], '\0');
}

TEST(PageBuffer, KeepsItsPaddingWhileItGrows) {
  PageBuffer page;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 37), static_cast<char>('a' + i % 26));
    page.append(piece);
    expected += piece;
  }
  EXPECT_EQ(page.view(), expected);
  expect_padded(page);
  page.clear();
  EXPECT_EQ(page.size(), 0u);
  expect_padded(page);
  page.append("x");
  EXPECT_EQ(page.view(), "x");
  expect_padded(page);
}

TEST(PagePool, GivesBuffersAndTheirCreditBack) {
  CreditPool credits("bytes", 1000);
  PagePool pool(1 << 20);
  const char* where = nullptr;
  {
    auto page = pool.take();
    page->append(std::string(5000, 'x'));
    page->credit = credits.take(600);
    where = page->view().data();
  }
  EXPECT_EQ(credits.taken(), 0u) << "an idle buffer holds no credit";
  const auto again = pool.take();
  EXPECT_EQ(again->view().data(), where);
  EXPECT_EQ(again->size(), 0u);
  EXPECT_GE(again->capacity(), 5000u);
}

TEST(PagePool, KeepsNoMoreThanAllowedAndMayDieFirst) {
  auto pool = std::make_unique<PagePool>(100);
  auto large = pool->take();
  large->append(std::string(5000, 'x'));
  large.reset();
  EXPECT_EQ(pool->take()->capacity(), 0u);
  auto survivor = pool->take();
  survivor->append("still here");
  pool.reset();
  EXPECT_EQ(survivor->view(), "still here");
}

TEST(RecordSet, TiesOverlaysToTheRecordAddedLast) {
  const Page page = make_page(R"([{"a":1},{"b":2}])");
  RecordSet records;
  records.add(1, 7);
  records.overlay("__url", R"("u1")");
  records.overlay("x", "1");
  records.add(9, 7);
  records.overlay("__url", R"("u2")");
  const RecordView first = view_of(page, records, records.spans[0]);
  EXPECT_EQ(first.json, R"({"a":1})");
  ASSERT_EQ(first.overlay.size(), 2u);
  EXPECT_EQ(first.overlay_value(first.overlay[1]), "1");
  const RecordView second = view_of(page, records, records.spans[1]);
  ASSERT_EQ(second.overlay.size(), 1u);
  EXPECT_EQ(second.overlay[0].key, "__url");
  EXPECT_EQ(second.overlay_value(second.overlay[0]), R"("u2")");
}

}  // namespace
}  // namespace riptide::pipeline

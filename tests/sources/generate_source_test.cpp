#include "riptide/sources/generate.hpp"

#include <gmock/gmock.h>

#include <set>

#include "riptide/json/document.hpp"

namespace riptide::sources {
namespace {

/// Reads all partitions to their ends: the lines.
std::vector<std::string> all(GenerateSource& source, std::size_t& pages) {
  std::vector<std::string> lines;
  auto requests = source.start("record");
  EXPECT_TRUE(requests);
  for (PageRequest request : *requests) {
    while (true) {
      const auto page = source.read_page("record", request);
      EXPECT_TRUE(page);
      ++pages;
      std::size_t from = 0;
      while (from < page->records.size()) {
        const std::size_t end = page->records.find('\n', from);
        lines.push_back(page->records.substr(from, end - from));
        from = end + 1;
      }
      if (!page->next) break;
      request.cursor = *page->next;
    }
  }
  return lines;
}

TEST(GenerateSourceTest, MakesAsManyAsAskedOfTheSizeAsked) {
  GenerateSource source({.records = 1003, .record_bytes = 700, .page_records = 50, .partitions = 3});
  std::size_t pages = 0;
  const std::vector<std::string> lines = all(source, pages);
  EXPECT_EQ(lines.size(), 1003u);
  EXPECT_EQ(pages, 21u);  // 334, 334 and 335 records
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()).size(), 1003u);
  json::Document document;
  for (std::string line : lines) {
    EXPECT_NEAR(static_cast<double>(line.size()), 700, 16);
    const std::size_t size = line.size();
    line.append(json::Document::kPadding, '\0');
    ASSERT_TRUE(document.index(std::string_view(line).substr(0, size)));
    ASSERT_TRUE(document.check());
  }
}

TEST(GenerateSourceTest, IsTheSameEveryTime) {
  std::size_t pages = 0;
  GenerateSource one({.records = 40});
  GenerateSource other({.records = 40});
  EXPECT_EQ(all(one, pages), all(other, pages));
}

TEST(GenerateSourceTest, HasOneKindAndMayHaveNothing) {
  GenerateSource source({.records = 0, .partitions = 2});
  EXPECT_FALSE(source.start("machine"));
  std::size_t pages = 0;
  EXPECT_TRUE(all(source, pages).empty());
  EXPECT_EQ(pages, 2u);
}

TEST(GenerateSourceTest, TakesItsTime) {
  std::chrono::milliseconds waited{0};
  GenerateSource source({.records = 10,
                         .page_records = 5,
                         .partitions = 1,
                         .latency = std::chrono::milliseconds(40),
                         .pause = [&](std::chrono::milliseconds time) { waited += time; }});
  std::size_t pages = 0;
  all(source, pages);
  EXPECT_EQ(waited.count(), 80);
}

}  // namespace
}  // namespace riptide::sources

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "custom/data_path.hpp"
#include "custom/definition.hpp"
#include "custom/paging.hpp"
#include "packed_fields.hpp"

namespace riptide::sources::custom {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

stages::HttpResponse answered(std::string_view body, std::vector<stages::Header> headers = {}) {
  stages::HttpResponse response;
  response.status = 200;
  response.headers = std::move(headers);
  response.body = pipeline::make_page(body);
  return response;
}

Result<PageKnowledge> judged(const Pagination& pagination, std::string_view body, std::size_t records,
                             std::uint64_t offset = 0, const std::string& cursor = {},
                             std::vector<stages::Header> headers = {}) {
  const stages::HttpResponse response = answered(body, std::move(headers));
  json::Document document;
  const auto root = document.index(response.body->view());
  EXPECT_TRUE(root);
  stages::Request request;
  request.offset = offset;
  request.cursor = cursor;
  return judge(pagination, request, response, *root, records, document);
}

// Whether an answer leads to a next page, by the rules of Ocean's `custom`.
struct GoesOn {
  std::string name;
  Pagination pagination;
  std::string body;
  std::size_t records;
  bool goes_on;
};

class GoesOnTest : public ::testing::TestWithParam<GoesOn> {};

TEST_P(GoesOnTest, AsOceanDoes) {
  const GoesOn& row = GetParam();
  const auto known = judged(row.pagination, row.body, row.records);
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_EQ(known->next.has_value(), row.goes_on);
  EXPECT_FALSE(known->extent);
}

Pagination paged(PageStyle style, std::string has_more = {}, std::string last_page = {}, std::string cursor = {}) {
  Pagination pagination;
  pagination.style = style;
  pagination.page_size = 2;
  pagination.has_more_path = std::move(has_more);
  pagination.last_page_path = std::move(last_page);
  pagination.cursor_path = std::move(cursor);
  return pagination;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, GoesOnTest,
    ::testing::Values(
        GoesOn{"none", paged(PageStyle::kNone), R"({"next": 2})", 2, false},
        GoesOn{"page_full_list", paged(PageStyle::kPage), "[1, 2]", 2, true},
        GoesOn{"page_short_list", paged(PageStyle::kPage), "[1]", 1, false},
        GoesOn{"page_has_more", paged(PageStyle::kPage, "meta.more"), R"({"meta": {"more": true}})", 1, true},
        GoesOn{"page_has_no_more", paged(PageStyle::kPage, "meta.more"), R"({"meta": {"more": 0}, "next": 3})", 2,
               false},
        GoesOn{"page_more_null_falls_through", paged(PageStyle::kPage, "more"), R"({"more": null, "next": 3})", 2,
               true},
        GoesOn{"page_last", paged(PageStyle::kPage, "", "last"), R"({"last": true, "next": 3})", 2, false},
        GoesOn{"page_not_last", paged(PageStyle::kPage, "", "last"), R"({"last": ""})", 2, true},
        GoesOn{"page_next_page", paged(PageStyle::kPage), R"({"next_page": 0})", 2, true},
        GoesOn{"page_next_null", paged(PageStyle::kPage), R"({"next": null})", 2, false},
        GoesOn{"page_hasMore", paged(PageStyle::kPage), R"({"hasMore": [1]})", 2, true},
        GoesOn{"offset_full_list", paged(PageStyle::kOffset), "[1, 2]", 2, true},
        GoesOn{"offset_short_list", paged(PageStyle::kOffset), "[]", 0, false},
        GoesOn{"offset_silent", paged(PageStyle::kOffset), R"({"items": [1]})", 1, true},
        GoesOn{"offset_silent_and_empty", paged(PageStyle::kOffset), R"({"items": []})", 0, false},
        GoesOn{"offset_has_more", paged(PageStyle::kOffset), R"({"has_more": false, "hasMore": true})", 2, false},
        GoesOn{"offset_path_missing", paged(PageStyle::kOffset, "more"), R"({"has_more": true})", 2, false},
        GoesOn{"cursor_default", paged(PageStyle::kCursor), R"({"next_cursor": "a", "has_more": true})", 2, true},
        GoesOn{"cursor_without_more", paged(PageStyle::kCursor), R"({"next_cursor": "a"})", 2, false},
        GoesOn{"cursor_nested", paged(PageStyle::kCursor), R"({"meta": {"after_cursor": "x", "has_more": 1}})", 2,
               true},
        GoesOn{"cursor_null_meta", paged(PageStyle::kCursor), R"({"meta": null})", 2, false},
        GoesOn{"cursor_path", paged(PageStyle::kCursor, "p.m", "", "p.c"), R"({"p": {"m": "y", "c": 7}})", 2, true},
        GoesOn{"cursor_list", paged(PageStyle::kCursor), "[1, 2]", 2, false},
        GoesOn{"link", paged(PageStyle::kNextLink), R"({"@odata.nextLink": "http://x/2"})", 2, true},
        GoesOn{"link_empty", paged(PageStyle::kNextLink), R"({"@odata.nextLink": ""})", 2, false}),
    [](const auto& row) { return row.param.name; });

TEST(CustomPaging, TotalsGiveAllPagesAtOnce) {
  Pagination pagination = paged(PageStyle::kOffset);
  pagination.total_path = "meta.total";
  auto known = judged(pagination, R"({"meta": {"total": 7}})", 2);
  ASSERT_TRUE(known);
  ASSERT_TRUE(known->extent);
  EXPECT_EQ(known->extent->step, 2u);
  EXPECT_EQ(known->extent->last_offset, 6u);
  EXPECT_EQ(known->total, 7u);
  EXPECT_FALSE(known->next);

  pagination = paged(PageStyle::kPage);
  pagination.total_pages_path = "pages";
  known = judged(pagination, R"({"pages": "3"})", 2);
  ASSERT_TRUE(known);
  ASSERT_TRUE(known->extent);
  EXPECT_EQ(known->extent->last_offset, 4u);

  known = judged(paged(PageStyle::kPage), "[1, 2]", 2, 0, {}, {{"x-total-count", "5"}});
  ASSERT_TRUE(known);
  ASSERT_TRUE(known->extent);
  EXPECT_EQ(known->extent->last_offset, 4u);
}

TEST(CustomPaging, ATotalThatCouldBeThePageSizeIsNotTrusted) {
  const auto known = judged(paged(PageStyle::kPage), "[1, 2]", 2, 0, {}, {{"X-Total-Count", "2"}});
  ASSERT_TRUE(known);
  EXPECT_FALSE(known->extent);
  EXPECT_TRUE(known->next);
}

TEST(CustomPaging, AServerThatGivesLessIsFollowedWhereItEnded) {
  Pagination pagination = paged(PageStyle::kOffset);
  pagination.page_size = 100;
  pagination.total_path = "total";
  const auto known = judged(pagination, R"({"total": 90})", 50);
  ASSERT_TRUE(known);
  EXPECT_FALSE(known->extent);
  ASSERT_TRUE(known->next);
  EXPECT_EQ(known->next->offset, 50u);

  pagination.style = PageStyle::kPage;
  const auto pages = judged(pagination, R"({"total": 120})", 50);
  ASSERT_TRUE(pages);
  ASSERT_TRUE(pages->extent);
  EXPECT_EQ(pages->extent->last_offset, 200u) << "three pages of 50, numbered by what was asked for";
}

TEST(CustomPaging, RefusesCountsThatContradictTheRecords) {
  Pagination pagination = paged(PageStyle::kOffset);
  pagination.total_path = "total";
  EXPECT_THAT(judged(pagination, R"({"total": 1})", 2).error().message, HasSubstr("the answer counts 1"));
  EXPECT_THAT(judged(pagination, R"({"total": 9})", 0).error().message, HasSubstr("an empty page at offset 0"));
  EXPECT_THAT(judged(pagination, R"({"sum": 9})", 2).error().message, HasSubstr("there is no count at total"));
}

TEST(CustomPaging, TheSamePageTwiceIsAnError) {
  const Pagination pagination = paged(PageStyle::kPage);
  const auto first = judged(pagination, "[1, 2]", 2);
  ASSERT_TRUE(first && first->next);
  const auto second = judged(pagination, "[1, 2]", 2, first->next->offset, first->next->cursor);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("the same page came twice"));
}

TEST(CustomPaging, ACircleOfCursorsIsAnError) {
  const Pagination pagination = paged(PageStyle::kCursor);
  std::string cursor;
  for (int page = 0;; ++page) {
    ASSERT_LT(page, 20) << "the circle was not seen";
    const auto known =
        judged(pagination, R"({"has_more": true, "cursor": ")" + std::string(1, "abc"[page % 3]) + "\"}", 2, 0, cursor);
    if (!known) {
      EXPECT_THAT(known.error().message, HasSubstr("round in a circle"));
      break;
    }
    cursor = known->next->cursor;
  }
}

TEST(CustomPaging, EmptyPagesDoNotGoOnForEver) {
  const Pagination pagination = paged(PageStyle::kPage, "more");
  std::string cursor;
  for (int page = 0;; ++page) {
    ASSERT_LT(page, 200);
    const auto known = judged(pagination, R"({"more": true})", 0, 0, cursor);
    if (!known) {
      EXPECT_THAT(known.error().message, HasSubstr("pages in a row had no records"));
      break;
    }
    cursor = known->next->cursor;
  }
}

TEST(CustomPaging, AsksWithTheDocumentedDefaults) {
  stages::Request request;
  request.offset = 4;
  EXPECT_THAT(page_parameters(paged(PageStyle::kPage), request), ElementsAre(Pair("page", "3"), Pair("size", "2")));
  EXPECT_THAT(page_parameters(paged(PageStyle::kOffset), request),
              ElementsAre(Pair("offset", "4"), Pair("limit", "2")));
  EXPECT_THAT(page_parameters(paged(PageStyle::kCursor), request), ElementsAre(Pair("limit", "2")));
  request.cursor = written({.pages = 1, .token = "a b"});
  EXPECT_THAT(page_parameters(paged(PageStyle::kCursor), request),
              ElementsAre(Pair("limit", "2"), Pair("cursor", "a b")));
}

TEST(CustomPaging, ReadsLinkHeaders) {
  EXPECT_EQ(link_with_rel(R"(<http://x/1>; rel="prev", <http://x/3?a=1,2>; title="a, b"; rel="next last")", "next"),
            "http://x/3?a=1,2");
  EXPECT_EQ(link_with_rel(R"(<http://x/3>; rel=next)", "next"), "http://x/3");
  EXPECT_EQ(link_with_rel(R"(<http://x/3>; rel=nexter)", "next"), std::nullopt);
  EXPECT_EQ(link_with_rel("", "next"), std::nullopt);
  EXPECT_EQ(link_with_rel("<http://x", "next"), std::nullopt);
}

// Where the records are.
struct Extraction {
  std::string path;
  std::string body;
  std::vector<std::string> items;
};

TEST(CustomDataPath, FindsTheRecords) {
  const std::vector<Extraction> rows = {
      {"", "[1, {\"a\": 2}]", {"1", "{\"a\": 2}"}},
      {".", R"({"a": 1})", {R"({"a": 1})"}},
      {".items", R"({"items": [{"x": 1.0}, {"x": 2}]})", {R"({"x": 1.0})", R"({"x": 2})"}},
      {".items[]", R"({"items": [{"x": 1}, {"x": 2}]})", {R"({"x": 1})", R"({"x": 2})"}},
      {".items[]", R"({"items": {"a": {"x": 1}, "b": {"x": 2}}})", {R"({"x":1})", R"({"x":2})"}},
      {".data[\"the list\"]", R"({"data": {"the list": [3]}})", {"3"}},
      {".data.items", R"({"data": {"items": null}})", {}},
      {".data.items", R"({"data": null})", {}},
      {".data.items", R"({"other": 1})", {}},
      {".one", R"({"one": {"x": 1}})", {R"({"x": 1})"}},
      {".items | map(select(.x > 1))", R"({"items": [{"x": 1}, {"x": 2}]})", {R"({"x":2})"}},
      {".a[0:2]", R"({"a": [1, 2, 3]})", {"1", "2"}},
  };
  transform::jq::Evaluator evaluator;
  json::Document document;
  for (const Extraction& row : rows) {
    const auto path = DataPath::compile(row.path);
    ASSERT_TRUE(path) << row.path;
    const pipeline::Page page = pipeline::make_page(row.body);
    const auto root = document.index(page->view());
    ASSERT_TRUE(root);
    const auto items = path->extract(page->view(), *root, document, evaluator);
    ASSERT_TRUE(items) << row.path << ": " << items.error().message;
    EXPECT_EQ(std::vector<std::string>(items->raw.begin(), items->raw.end()), row.items)
        << row.path << " of " << row.body;
  }
}

TEST(CustomDataPath, APathThatDoesNotFitIsAnErrorAndNotNothing) {
  transform::jq::Evaluator evaluator;
  json::Document document;
  const auto path = DataPath::compile(".data.items");
  const pipeline::Page page = pipeline::make_page(R"({"data": [1]})");
  const auto root = document.index(page->view());
  const auto items = path->extract(page->view(), *root, document, evaluator);
  ASSERT_FALSE(items);
  EXPECT_THAT(items.error().message, HasSubstr("data_path .data.items"));
}

// Definitions that do not hold.
struct Wrong {
  std::string kind;
  std::vector<std::pair<std::string, std::string>> selector;
  std::string says;
};

TEST(CustomDefinition, NamesWhatIsWrong) {
  const std::vector<Wrong> rows = {
      {"/", {}, "path of an endpoint"},
      {"/a", {{"method", "\"FETCH\""}}, "selector.method must be GET, POST"},
      {"/a", {{"data_path", "\".a[\""}}, "selector.data_path"},
      {"/a", {{"query_params", "[1]"}}, "selector.query_params must be a block"},
      {"/a", {{"headers", R"({"a b": "c"})"}}, "selector.headers"},
      {"/a", {{"pagination", R"({"type": "pages"})"}}, "selector.pagination.type must be one of"},
      {"/a", {{"pagination", R"({"kind": "page"})"}}, "selector.pagination.kind is not known"},
      {"/a", {{"pagination", R"({"page_size": 0})"}}, "selector.pagination.page_size must be a whole number from 1"},
      {"/a/{id}", {}, "selector.path_parameters.id is required"},
      {"/a/{id}", {{"path_parameters", R"({"id": {"field": ".id"}})"}}, "path_parameters.id.endpoint is required"},
      {"/a/{id}", {{"path_parameters", R"({"id": {"endpoint": "/b"}})"}}, "path_parameters.id.field is required"},
      {"/a/{id}", {{"path_parameters", R"({"id": {"endpoint": "/b", "field": ".id", "x": 1}})"}}, "id.x is not known"},
      {"/a/{id}", {{"path_parameters", R"({"id": {"endpoint": "/b/{id}", "field": ".id"}})"}}, "wait for each other"},
  };
  for (const Wrong& row : rows) {
    const auto endpoint = compile_endpoint(definition_of({0, row.kind, row.selector}), {});
    ASSERT_FALSE(endpoint) << row.says;
    EXPECT_THAT(endpoint.error().message, HasSubstr(row.says));
    EXPECT_EQ(endpoint.error().kind, pipeline::ErrorKind::kConfig);
  }
}

TEST(CustomDefinition, PlaceholdersAreOrderedByWhatTheyNeed) {
  const auto endpoint = compile_endpoint(
      definition_of({0,
                     "/orgs/{org}/repos/{repo}/issues",
                     {{"path_parameters", R"({"repo": {"endpoint": "/orgs/{org}/repos", "field": ".name"},
                                             "org": {"endpoint": "/orgs", "field": ".id"}})"}}}),
      {});
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  ASSERT_EQ((*endpoint)->parameters.size(), 2u);
  EXPECT_EQ((*endpoint)->parameters[0].name, "org");
  EXPECT_EQ((*endpoint)->parameters[1].name, "repo");
  EXPECT_THAT(placeholders("/a/{x}/{y}/{x}/{}/{z"), ElementsAre("x", "y"));
}

}  // namespace
}  // namespace riptide::sources::custom

#include "riptide/sources/custom_proposal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "custom/definition.hpp"

namespace riptide::sources::custom {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

stages::HttpResponse answered(std::string_view body, std::vector<stages::Header> headers = {}, int status = 200) {
  stages::HttpResponse response;
  response.status = status;
  response.headers = std::move(headers);
  response.body = pipeline::make_page(body);
  return response;
}

constexpr char kUrl[] = "https://api.test/v1/users";
constexpr char kThree[] = R"([{"id":1,"n":"a"},{"id":2,"n":"b"},{"id":3,"n":"c"}])";

Proposal proposed(std::string_view body, std::vector<stages::Header> headers = {}, std::string_view url = kUrl) {
  auto proposal = propose(url, answered(body, std::move(headers)));
  EXPECT_TRUE(proposal.has_value()) << proposal.error().message;
  return proposal ? *std::move(proposal) : Proposal();
}

/// "style param/size page_size start | cursor more last link total pages header"
std::string brief(const Pagination& pagination) {
  static constexpr const char* kStyles[] = {"none", "page", "offset", "cursor", "next_link", "header_link"};
  std::string out = kStyles[static_cast<int>(pagination.style)];
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out.append(" ").append(name).append("=").append(value);
  };
  if (pagination.style == PageStyle::kNextLink) add("link", pagination.next_link_path);
  if (pagination.style == PageStyle::kNone || pagination.style == PageStyle::kNextLink ||
      pagination.style == PageStyle::kHeaderLink) {
    return out;
  }
  add("param", pagination.page_param);
  add("size", pagination.size_param);
  add("of", std::to_string(pagination.page_size));
  if (pagination.style == PageStyle::kPage) add("from", std::to_string(pagination.start_page));
  add("cursor", pagination.cursor_path);
  add("more", pagination.has_more_path);
  add("last", pagination.last_page_path);
  add("total", pagination.total_path);
  add("pages", pagination.total_pages_path);
  if (pagination.total_header != "X-Total-Count") add("header", pagination.total_header);
  return out;
}

struct Case {
  const char* name;
  std::string envelope;  ///< `%` is the list of three records.
  std::vector<stages::Header> headers;
  const char* url;
  const char* paging;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class Paging : public ::testing::TestWithParam<Case> {};

TEST_P(Paging, IsGuessedFromWhatTheAnswerHas) {
  std::string body = GetParam().envelope;
  body.replace(body.find('%'), 1, kThree);
  const Proposal proposal = proposed(body, GetParam().headers, GetParam().url);
  EXPECT_EQ(brief(proposal.paging.front().pagination), GetParam().paging);
  EXPECT_EQ(brief(proposal.paging.back().pagination), "none");
}

const stages::Header kNext{"Link", "<https://api.test/v1/users?page=2&per_page=3>; rel=\"next\""};

INSTANTIATE_TEST_SUITE_P(
    Table, Paging,
    ::testing::Values(
        Case{"Nothing", R"({"items":%})", {}, kUrl, "none"},
        Case{"AList", "%", {}, kUrl, "page param=page of=3 from=1"},
        Case{
            "SizeInTheAddress", "%", {}, "https://api.test/v1/users?limit=3", "page param=page size=limit of=3 from=1"},
        Case{"OffsetInTheAddress",
             "%",
             {},
             "https://api.test/v1/users?offset=0&limit=3",
             "offset param=offset size=limit of=3"},
        Case{"PageAndPages",
             R"({"meta":{"current_page":1,"last_page":4,"per_page":3,"total":12},"data":%})",
             {},
             kUrl,
             "page param=current_page size=per_page of=3 from=1 total=meta.total pages=meta.last_page"},
        Case{"PageZero",
             R"({"pageNumber":0,"totalPages":2,"pageSize":3,"items":%})",
             {},
             kUrl,
             "page param=pageNumber size=pageSize of=3 from=0 pages=totalPages"},
        Case{"Offset",
             R"({"offset":0,"limit":3,"total":9,"items":%})",
             {},
             kUrl,
             "offset param=offset size=limit of=3 total=total"},
        Case{"TheOnlyPage", R"({"offset":0,"total":3,"items":%})", {}, kUrl, "offset param=offset of=100 total=total"},
        Case{"CountOfThisPage", R"({"count":3,"items":%})", {}, kUrl, "none"},
        Case{"TotalOfTheElastic",
             R"({"hits":{"total":{"value":40},"hits":%}})",
             {},
             kUrl,
             "page param=page of=3 from=1 total=hits.total.value"},
        Case{"HasMore", R"({"has_more":true,"items":%})", {}, kUrl, "page param=page of=3 from=1 more=has_more"},
        Case{"LastPage", R"({"isLast":false,"items":%})", {}, kUrl, "page param=page of=3 from=1 last=isLast"},
        Case{"LinkHeaderWithTotal",
             "%",
             {kNext, {"x-total-count", "8"}},
             kUrl,
             "page param=page size=per_page of=3 from=1"},
        Case{"LinkHeaderWithAnotherTotal",
             "%",
             {kNext, {"X-Total", "8"}},
             kUrl,
             "page param=page size=per_page of=3 from=1 header=X-Total"},
        Case{"LinkHeader", "%", {kNext}, kUrl, "header_link"},
        Case{"LinkHeaderElsewhere",
             "%",
             {{"Link", "<https://other.test/?page=2>; rel=\"next\""}},
             kUrl,
             "page param=page of=3 from=1"},
        Case{"NextLink", R"({"next":"https://api.test/v1/users?k=9","items":%})", {}, kUrl, "next_link link=next"},
        Case{"NextLinkElsewhere", R"({"next":"https://evil.test/v1/users?k=9","items":%})", {}, kUrl, "none"},
        Case{"NextLinkInside",
             R"({"links":{"next":{"href":"/v1/users?k=9"}},"items":%})",
             {},
             kUrl,
             "next_link link=links.next.href"},
        Case{"OData",
             R"({"@odata.nextLink":"https://api.test/v1/users?$skiptoken=9","value":%})",
             {},
             kUrl,
             "next_link link=@odata.nextLink"},
        Case{"NextLinkToCome", R"({"next":null,"items":%})", {}, kUrl, "next_link link=next"},
        Case{"NextLinkAndCount",
             R"({"count":9,"next":"https://api.test/v1/users?offset=3&limit=3","results":%})",
             {},
             kUrl,
             "offset param=offset size=limit of=3 total=count"},
        Case{"Cursor",
             R"({"next_cursor":"abc","items":%})",
             {},
             kUrl,
             "cursor param=cursor of=3 cursor=next_cursor more=next_cursor"},
        Case{"CursorWithMore",
             R"({"meta":{"has_more":true,"after_cursor":"abc"},"items":%})",
             {},
             kUrl,
             "cursor param=after of=3 cursor=meta.after_cursor more=meta.has_more"},
        Case{"PageToken",
             R"({"next_page_token":"abc","items":%})",
             {},
             kUrl,
             "cursor param=page_token of=3 cursor=next_page_token more=next_page_token"},
        Case{"CursorInTheAddress",
             R"({"cursor":"abc","items":%})",
             {},
             "https://api.test/v1/users?starting_after=x",
             "cursor param=starting_after of=3 cursor=cursor more=cursor"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(CustomProposal, TheAddressIsTakenApart) {
  const Proposal proposal =
      proposed(kThree, {}, "https://api.test:8443/a/b/categories/?team=a%26b&page=1&limit=3&from=mon&sig=s#x");
  EXPECT_EQ(proposal.base_url, "https://api.test:8443/a/b");
  EXPECT_EQ(proposal.kind, "/categories/");
  EXPECT_EQ(proposal.blueprint, "category");
  EXPECT_THAT(proposal.query, ElementsAre(Pair("team", "a&b"), Pair("from", "mon")));
  EXPECT_THAT(proposal.secret_parameters, ElementsAre("sig"));
  for (const char* const wrong : {"", "api.test/a", "ftp://api.test/a", "https://", "https://api.test",
                                  "https://api.test/", "https://u:p@api.test/a", "https://api.test/{a}"}) {
    EXPECT_FALSE(check_address(wrong)) << wrong;
  }
}

TEST(CustomProposal, RecordsAreTheLongestListOfObjects) {
  for (const auto& [body, path, member, records] : std::vector<std::tuple<std::string, std::string, std::string, int>>{
           {R"({"links":[{"a":1}],"data":{"users":[{"id":1},{"id":2}]},"ids":[1,2,3,4]})", ".data.users", "data.users",
            2},
           {R"({"the items":[{"id":1}]})", R"(.["the items"])", "", 1},
           {R"({"a":{"b.c":[{"id":1}]}})", R"(.a["b.c"])", "", 1},
           {R"({"items":[]})", ".items", "items", 0},
           {R"([{"id":1}])", "", "", 1},
           {R"({"id":1,"tags":["a"]})", "", "", 1}}) {
    const Proposal proposal = proposed(body);
    EXPECT_EQ(proposal.data_path.expression, path) << body;
    EXPECT_EQ(proposal.data_member, member) << body;
    EXPECT_EQ(proposal.num_records, static_cast<std::size_t>(records)) << body;
  }
}

TEST(CustomProposal, AnIdentifierIsThereAndDifferentInEveryRecord) {
  for (const auto& [records, expression] : std::vector<std::pair<std::string, std::string>>{
           {R"([{"name":"a","id":1},{"name":"b","id":2}])", ".id | tostring"},
           {R"([{"name":"a","id":"x"},{"name":"b","id":"x"}])", ".name"},
           {R"([{"name":"a","id":null},{"name":"b","id":"x"}])", ".name"},
           {R"([{"name":"a","user_id":"x"},{"name":"b","user_id":"y"}])", ".user_id"},
           {R"([{"metadata":{"uid":"x"},"at":1},{"metadata":{"uid":"y"},"at":1}])", ".metadata.uid"},
           {R"([{"Key":"x","id":1.5},{"Key":"y","id":2.5}])", ".Key"},
           {R"([{"a":1},{"a":1}])", ".id | tostring"}}) {
    EXPECT_EQ(proposed(records).identifier.expression, expression) << records;
  }
  EXPECT_THAT(proposed(R"([{"a":1},{"a":1}])").identifier.why, HasSubstr("a guess"));
}

TEST(CustomProposal, PropertiesHaveTheTypesOfTheRecords) {
  const Proposal proposal = proposed(
      R"([{"id":1,"title":"T","at":"2024-01-02T03:04:05.678+02:00","web":"https://a.b/c","mail":"a@b.c","n":1,"f":2.5,)"
      R"("ok":true,"tags":[],"owner":{"id":7},"mixed":1,"void":null,"wörter x":"v"},)"
      R"({"id":2,"title":"U","at":"2024-01-02T03:04:05Z","web":"https://a.b/d","mail":"d@b.c","n":2,"f":3,"ok":false,)"
      R"("tags":["a"],"owner":{},"mixed":"a","void":null,"wörter x":"w"}])");
  std::vector<std::string> found;
  for (const ProposedProperty& one : proposal.properties) {
    found.push_back(one.name + " " + one.expression + " " + one.type + " " + one.format);
  }
  EXPECT_THAT(found, ElementsAre("at .at string date-time", "web .web string url", "mail .mail string email",
                                 "n .n number ", "f .f number ", "ok .ok boolean ", "tags .tags array ",
                                 "owner .owner object ", "wrterx .[\"wörter x\"] string "));
  EXPECT_THAT(proposal.left_out, ElementsAre(".mixed (of several types)", ".void (null in every record)"));
  EXPECT_EQ(proposal.title.expression, ".title");
}

TEST(CustomProposal, TheSecondPageDecides) {
  const std::string body =
      std::string(R"({"total":9,"next":"https://api.test/v1/users?page=2","items":)") + kThree + "}";
  struct Answer {
    stages::HttpResponse second;
    SecondPage judged;
    const char* style;
  };
  for (const Answer& one : {Answer{answered(R"({"items":[{"id":4}]})"), SecondPage::kOther, "page"},
                            Answer{answered(R"({"items":[]})"), SecondPage::kEmpty, "next_link"},
                            Answer{answered(body), SecondPage::kSame, "next_link"},
                            Answer{answered(body, {}, 400), SecondPage::kRefused, "next_link"},
                            Answer{answered("<html>"), SecondPage::kRefused, "next_link"}}) {
    Proposal proposal = proposed(body);
    EXPECT_EQ(proposal.paging.front().second_page, "https://api.test/v1/users?page=2&size=3");
    const SecondPage judged = judge_second_page(proposal, one.second);
    EXPECT_EQ(judged, one.judged);
    confirm(proposal, judged);
    EXPECT_THAT(brief(proposal.paging.front().pagination), HasSubstr(one.style));
  }
  // Nothing announces a second page: an empty one shows that the parameter is heeded.
  Proposal list = proposed(kThree);
  confirm(list, SecondPage::kEmpty);
  EXPECT_EQ(list.paging.front().pagination.style, PageStyle::kPage);
  confirm(list, SecondPage::kSame);
  EXPECT_EQ(list.paging.front().pagination.style, PageStyle::kNone);
}

// Whatever a server sends is an error or a proposal that the source can read by.
TEST(CustomProposal, TornAnswersAreErrorsOrProposalsThatCompile) {
  const std::string body =
      R"({"page":{"number":0,"totalPages":4},"next":"https://api.test/v1/users?page=1","a\"b":[{"i\\d":1,"x":[{}]},{"i\\d":2}]})";
  std::mt19937 random(7);
  for (std::size_t i = 0; i < 3000; ++i) {
    std::string torn = body;
    const std::size_t at = random() % torn.size();
    if (i % 3 == 0) torn.resize(at);
    if (i % 3 == 1) torn[at] = static_cast<char>(random() % 256);
    if (i % 3 == 2) torn.insert(at, std::string(1, "{}[],:\"\\1"[random() % 9]));
    auto proposal = propose(kUrl, answered(torn));
    if (!proposal) continue;
    EXPECT_TRUE(DataPath::compile(proposal->data_path.expression)) << torn;
    EXPECT_TRUE(DataPath::compile(proposal->identifier.expression)) << torn;
    for (const ProposedProperty& property : proposal->properties) {
      EXPECT_TRUE(DataPath::compile(property.expression)) << torn;
    }
    confirm(*proposal, judge_second_page(*proposal, answered(torn)));
  }
  EXPECT_FALSE(propose(kUrl, answered("")));
  EXPECT_FALSE(propose(kUrl, stages::HttpResponse()));
  EXPECT_FALSE(propose(kUrl, answered(std::string(100'000, '['))));
}

}  // namespace
}  // namespace riptide::sources::custom

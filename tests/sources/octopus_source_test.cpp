#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "riptide/sources/octopus.hpp"
#include "walk_source.hpp"

namespace riptide::sources::octopus {
namespace {

using stages::Request;
using stages::SourceResource;
using test::answer;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Options options() {
  Options made;
  made.server_url = "https://octopus.test/";
  made.api_key = pipeline::Secret("API-KEY");
  return made;
}

std::unique_ptr<OctopusSource> source(Options with = options()) {
  auto made = OctopusSource::create(std::move(with));
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

Request spaces_request(const OctopusSource& octopus, const std::vector<SourceResource>& resources) {
  auto started = octopus.start(resources);
  EXPECT_TRUE(started);
  EXPECT_THAT(*started, SizeIs(1));
  return started->front();
}

// The request for a kind's first page in one space, as a page of spaces yields it.
Request kind_request(const OctopusSource& octopus, const std::string& kind, const std::string& space = "Spaces-1") {
  json::Document document;
  const Request spaces = spaces_request(octopus, {{0, kind, {}}});
  std::string id;
  json::append_quoted(space, id);
  auto step = octopus.read(
      spaces, answer(200, fmt::format(R"({{"TotalResults":1,"LastPageNumber":0,"Items":[{{"Id":{}}}]}})", id)),
      document);
  EXPECT_TRUE(step) << step.error().message;
  EXPECT_THAT(step->next, SizeIs(1));
  return step->next.front();
}

std::string url_of(const stages::PageStep& step, std::size_t record) {
  const auto& span = step.records.spans.at(record);
  const auto& field = step.records.overlay_fields.at(span.overlay_begin);
  EXPECT_EQ(span.overlay_count, 1u);
  EXPECT_EQ(field.key, "__url");
  return step.records.overlay_bytes.substr(field.begin, field.length);
}

TEST(OctopusSource, SaysWhichSettingIsWrong) {
  Options wrong = options();
  wrong.api_key = pipeline::Secret();
  EXPECT_THAT(OctopusSource::create(wrong).error().message,
              HasSubstr("set OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"));
  wrong.api_key = pipeline::Secret("API-KEY\n");
  const auto line_break = OctopusSource::create(wrong);
  EXPECT_THAT(line_break.error().message, AllOf(HasSubstr("line break"), ::testing::Not(HasSubstr("API-KEY"))));
  wrong = options();
  wrong.server_url = "octopus.test";
  EXPECT_THAT(OctopusSource::create(wrong).error().message, HasSubstr("OCEAN__INTEGRATION__CONFIG__SERVER_URL"));
  wrong = options();
  wrong.page_size = 0;
  EXPECT_THAT(OctopusSource::create(wrong).error().message, HasSubstr("pageSize"));
}

TEST(OctopusSource, SignsEveryRequestWithTheApiKey) {
  const auto octopus = source();
  const stages::HttpRequest http = octopus->render(spaces_request(*octopus, {{0, "space", {}}}));
  EXPECT_EQ(http.url, "https://octopus.test/api/spaces?skip=0&take=50");
  EXPECT_EQ(http.method, stages::Method::kGet);
  EXPECT_TRUE(http.retryable);
  ASSERT_NE(http.auth, nullptr);
  const auto credentials = http.auth->fixed();
  ASSERT_TRUE(credentials);
  ASSERT_THAT(credentials->headers, SizeIs(1));
  EXPECT_EQ(credentials->headers[0].name, "X-Octopus-ApiKey");
  EXPECT_EQ(credentials->headers[0].value, "API-KEY");
  EXPECT_FALSE(credentials->lifetime);
}

TEST(OctopusSource, ListsTheSpacesOnceForAllKinds) {
  const auto octopus = source();
  const Request spaces = spaces_request(
      *octopus, {{0, "space", {}}, {1, "project", {}}, {2, "machine", {}}, {3, "project", {}}, {4, "space", {}}});
  EXPECT_THAT(spaces.scope->resources, ElementsAre(0, 4));
  EXPECT_THAT(spaces.scope->dependents, ElementsAre(1, 2, 3));
  EXPECT_EQ(spaces.scope->partition, "*");
}

TEST(OctopusSource, AnEmptyKindIsRefused) {
  const auto started = source()->start(std::vector<SourceResource>{{3, "", {}}});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, pipeline::ErrorKind::kConfig);
  EXPECT_THAT(started.error().message, HasSubstr("resource 3"));
}

TEST(OctopusSource, NothingToReadIsNoRequest) {
  EXPECT_THAT(*source()->start(std::vector<SourceResource>{}), IsEmpty());
}

TEST(OctopusSource, APageOfSpacesYieldsEachKindOfEachSpaceOnce) {
  const auto octopus = source();
  json::Document document;
  const Request spaces =
      spaces_request(*octopus, {{0, "space", {}}, {1, "project", {}}, {2, "channel:1,2", {}}, {3, "project", {}}});
  const auto step = octopus->read(
      spaces,
      answer(200,
             R"({"TotalResults":8,"LastPageNumber":0,"ItemsPerPage":50,"Items":[{"Id":"Spaces-1"},{"Id":""},{"Id":null},
                      {"Name":"x"},7,{"Id":"Sp/\u00e4"},{"Id":0},{"Id":12}]})"),
      document);
  ASSERT_TRUE(step) << step.error().message;
  EXPECT_THAT(step->records.spans, SizeIs(8));
  std::vector<std::string> urls;
  for (const Request& next : step->next) urls.push_back(octopus->render(next).url);
  EXPECT_THAT(urls, ElementsAre("https://octopus.test/api/Spaces-1/projects?skip=0&take=50",
                                "https://octopus.test/api/Spaces-1/channel%3A1%2C2s?skip=0&take=50",
                                "https://octopus.test/api/Sp%2F%C3%A4/projects?skip=0&take=50",
                                "https://octopus.test/api/Sp%2F%C3%A4/channel%3A1%2C2s?skip=0&take=50",
                                "https://octopus.test/api/12/projects?skip=0&take=50",
                                "https://octopus.test/api/12/channel%3A1%2C2s?skip=0&take=50"));
  EXPECT_THAT(step->next[0].scope->resources, ElementsAre(1, 3));
  EXPECT_THAT(step->next[1].scope->resources, ElementsAre(2));
  EXPECT_EQ(step->next[2].scope->partition, "Sp/ä");
  EXPECT_THAT(step->next[0].scope->dependents, IsEmpty());
}

TEST(OctopusSource, ASpaceThatWouldClimbThePathIsRefused) {
  const auto octopus = source();
  json::Document document;
  const Request spaces = spaces_request(*octopus, {{0, "project", {}}});
  const auto step = octopus->read(spaces, answer(200, R"({"Items":[{"Id":".."}]})"), document);
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().kind, pipeline::ErrorKind::kMalformed);
}

TEST(OctopusSource, FirstPageTellsAllOthers) {
  const auto octopus = source();
  json::Document document;
  const Request first = kind_request(*octopus, "release");
  std::string items;
  for (int i = 0; i < 50; ++i)
    items += (i == 0 ? "" : ",") + fmt::format(R"({{"Id":"Releases-{}","SpaceId":"Spaces-1"}})", i);
  const auto step = octopus->read(
      first,
      answer(200, fmt::format(R"({{"TotalResults":2010,"ItemsPerPage":50,"LastPageNumber":40,"Items":[{}]}})", items)),
      document);
  ASSERT_TRUE(step) << step.error().message;
  ASSERT_TRUE(step->extent);
  EXPECT_EQ(step->extent->step, 50u);
  EXPECT_EQ(step->extent->last_offset, 2000u);
  EXPECT_EQ(step->total, 2010u);
  EXPECT_THAT(step->next, IsEmpty());
  EXPECT_THAT(step->notice, IsEmpty());
}

struct LinkCase {
  const char* kind;
  const char* record;
  const char* url;
};

class Links : public ::testing::TestWithParam<LinkCase> {};

TEST_P(Links, EveryRecordCarriesItsPage) {
  const auto octopus = source();
  json::Document document;
  const std::string kind = GetParam().kind;
  const Request request = kind == "space" ? spaces_request(*octopus, {{0, "space", {}}}) : kind_request(*octopus, kind);
  const auto step =
      octopus->read(request, answer(200, fmt::format(R"({{"Items":[{}]}})", GetParam().record)), document);
  ASSERT_TRUE(step) << step.error().message;
  EXPECT_EQ(url_of(*step, 0), GetParam().url);
  EXPECT_TRUE(json::decoded(url_of(*step, 0)));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Links,
    ::testing::Values(LinkCase{"space", R"({"Id":"Spaces-1"})", R"("https://octopus.test/app#/Spaces-1")"},
                      LinkCase{"project", R"({"Id":"Projects-3","SpaceId":"Spaces-1"})",
                               R"("https://octopus.test/app#/Spaces-1/projects/Projects-3")"},
                      LinkCase{"release", R"({"SpaceId":"Spaces-1","Id":"Releases-3"})",
                               R"("https://octopus.test/app#/Spaces-1/releases/Releases-3")"},
                      LinkCase{"deployment", R"({"Id":"Deployments-3","SpaceId":"Spaces-1"})",
                               R"("https://octopus.test/app#/Spaces-1/deployments/Deployments-3")"},
                      LinkCase{"machine", R"({"Id":"Machines-3","SpaceId":"Spaces-1"})",
                               R"("https://octopus.test/app#/Spaces-1/infrastructure/machines/Machines-3/settings")"},
                      LinkCase{"channel", R"({"Id":"Channels-3","SpaceId":"Spaces-1"})", R"("")"},
                      LinkCase{"project", R"({"Id":"P"})", R"("https://octopus.test/app#//projects/P")"},
                      LinkCase{"project", R"({"Id":null,"SpaceId":["x"]})",
                               R"("https://octopus.test/app#//projects/")"},
                      LinkCase{"project", R"({"Id":12,"SpaceId":"S"})", R"("https://octopus.test/app#/S/projects/12")"},
                      LinkCase{"project", R"({"Id":"a","Id":"b","x":1,"SpaceId":"S"})",
                               R"("https://octopus.test/app#/S/projects/a")"},
                      LinkCase{"project", R"({"Id":"a\"\\\u0041","SpaceId":"S"})",
                               R"("https://octopus.test/app#/S/projects/a\"\\A")"},
                      LinkCase{"project", R"([1,2])", R"("https://octopus.test/app#//projects/")"},
                      LinkCase{"project", R"("text")", R"("https://octopus.test/app#//projects/")"}));

TEST(OctopusSource, TheNewestDeploymentsAreEnoughUnlessTheLimitIsLifted) {
  json::Document document;
  std::string items;
  for (int i = 0; i < 50; ++i) items += (i == 0 ? "" : ",") + fmt::format(R"({{"Id":"Deployments-{}"}})", i);
  const std::string body =
      fmt::format(R"({{"TotalResults":1204,"ItemsPerPage":50,"LastPageNumber":24,"Items":[{}]}})", items);

  const auto capped = source();
  const Request first = kind_request(*capped, "deployment", "Spaces-7");
  auto step = capped->read(first, answer(200, body), document);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->extent->last_offset, 100u);
  EXPECT_FALSE(step->total);
  EXPECT_EQ(step->notice,
            "only the newest 150 deployments of Spaces-7 are read, of 1204: deploymentLimit raises that, 0 reads all");

  Options all = options();
  all.deployment_limit = 0;
  step = source(all)->read(first, answer(200, body), document);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->extent->last_offset, 1200u);
  EXPECT_EQ(step->total, 1204u);
  EXPECT_THAT(step->notice, IsEmpty());

  Options odd = options();
  odd.deployment_limit = 120;
  const auto cut = source(odd);
  Request last = first;
  last.offset = 100;
  EXPECT_EQ(cut->render(last).url, "https://octopus.test/api/Spaces-7/deployments?skip=100&take=20");
  step = cut->read(last, answer(200, body), document);  // The server gives all 50 nonetheless.
  ASSERT_TRUE(step);
  EXPECT_THAT(step->records.spans, SizeIs(20));
  EXPECT_THAT(step->notice, IsEmpty());
}

TEST(OctopusSource, OtherKindsHaveNoLimit) {
  Options tight = options();
  tight.deployment_limit = 1;
  const auto octopus = source(tight);
  EXPECT_EQ(octopus->render(kind_request(*octopus, "release")).url,
            "https://octopus.test/api/Spaces-1/releases?skip=0&take=50");
  EXPECT_EQ(octopus->render(kind_request(*octopus, "deployment")).url,
            "https://octopus.test/api/Spaces-1/deployments?skip=0&take=1");
}

TEST(OctopusSource, ARefusalSaysWhatToChange) {
  const auto octopus = source();
  json::Document document;
  const Request spaces = spaces_request(*octopus, {{0, "runbook", {}}});
  const Request runbooks = kind_request(*octopus, "runbook");
  struct {
    const Request& request;
    int status;
    pipeline::ErrorKind kind;
    const char* hint;
  } const cases[] = {
      {spaces, 401, pipeline::ErrorKind::kAuth, "check OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"},
      {runbooks, 403, pipeline::ErrorKind::kAuth, "may not read runbooks of Spaces-1"},
      {spaces, 404, pipeline::ErrorKind::kNotFound, "check OCEAN__INTEGRATION__CONFIG__SERVER_URL"},
      {runbooks, 404, pipeline::ErrorKind::kNotFound, "no listing `runbooks`"},
      {spaces, 302, pipeline::ErrorKind::kRejected, "final address in OCEAN__INTEGRATION__CONFIG__SERVER_URL"},
      {runbooks, 503, pipeline::ErrorKind::kTransport, "HTTP 503"},
      {runbooks, 429, pipeline::ErrorKind::kRateLimited, "HTTP 429"},
  };
  for (const auto& one : cases) {
    const auto step = octopus->read(one.request, answer(one.status, R"({"ErrorMessage":"no"})"), document);
    ASSERT_FALSE(step) << one.status;
    EXPECT_EQ(step.error().kind, one.kind);
    EXPECT_THAT(step.error().message, HasSubstr(one.hint));
  }
}

TEST(OctopusSource, AMalformedPageIsNamedByItsAddress) {
  const auto octopus = source();
  json::Document document;
  const auto step = octopus->read(spaces_request(*octopus, {{0, "space", {}}}), answer(200, "<html>"), document);
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().kind, pipeline::ErrorKind::kMalformed);
  EXPECT_THAT(step.error().message, HasSubstr("url=http://server.test/api"));
}

// A server with one space and `total` machines, that pages in its own way.
struct Paging {
  const char* name;
  std::uint64_t total;
  std::uint64_t max_take;  // What `take` is clamped to.
  bool says_items_per_page;
  bool says_asked_instead;  // ItemsPerPage repeats what was asked for.
  bool says_last_page;
  bool says_total;
};

class Pages : public ::testing::TestWithParam<Paging> {};

TEST_P(Pages, EveryRecordArrivesExactlyOnce) {
  const Paging& given = GetParam();
  const auto serve = [&given](const stages::HttpRequest& http) {
    if (http.url.find("/api/spaces?") != std::string::npos) {
      return answer(200, R"({"TotalResults":1,"LastPageNumber":0,"ItemsPerPage":50,"Items":[{"Id":"Spaces-1"}]})");
    }
    const std::uint64_t skip = std::stoull(http.url.substr(http.url.find("skip=") + 5));
    const std::uint64_t asked = std::stoull(http.url.substr(http.url.find("take=") + 5));
    const std::uint64_t take = std::min(asked, given.max_take);
    std::string body = R"({"ItemType":"Machine")";
    if (given.says_total) body += fmt::format(R"(,"TotalResults":{})", given.total);
    if (given.says_items_per_page)
      body += fmt::format(R"(,"ItemsPerPage":{})", given.says_asked_instead ? asked : take);
    if (given.says_last_page)
      body += fmt::format(R"(,"LastPageNumber":{})", given.total == 0 ? 0 : (given.total - 1) / take);
    body += R"(,"Items":[)";
    for (std::uint64_t i = skip; i < std::min(given.total, skip + take); ++i) {
      body += (i == skip ? "" : ",") + std::to_string(i);
    }
    return answer(200, body + "]}");
  };
  const auto octopus = source();
  const test::Walk walk = test::walk_source(*octopus, std::vector<SourceResource>{{0, "machine", {}}}, serve);
  EXPECT_THAT(walk.errors, IsEmpty());
  EXPECT_FALSE(walk.endless);
  std::vector<std::uint64_t> numbers;
  for (const test::Visit& visit : walk.visits) {
    if (visit.request.scope->partition != "Spaces-1") continue;
    for (const std::string& record : visit.records()) numbers.push_back(std::stoull(record));
  }
  std::sort(numbers.begin(), numbers.end());
  std::vector<std::uint64_t> expected(given.total);
  for (std::uint64_t i = 0; i < given.total; ++i) expected[i] = i;
  EXPECT_EQ(numbers, expected);
}

std::vector<Paging> pagings() {
  std::vector<Paging> all;
  for (const std::uint64_t total : {0, 1, 29, 30, 31, 49, 50, 51, 60, 99, 100, 101, 150, 151, 601}) {
    all.push_back({"Plain", total, 1000, true, false, true, true});
    all.push_back({"WithoutItemsPerPage", total, 1000, false, false, true, true});
    all.push_back({"WithoutTotal", total, 1000, true, false, true, false});
    all.push_back({"OnlyLastPage", total, 1000, false, false, true, false});
    all.push_back({"OnlyTotal", total, 1000, false, false, false, true});
    all.push_back({"Clamped", total, 30, true, false, true, true});
    all.push_back({"ClampedWithoutTotal", total, 30, true, false, true, false});
    all.push_back({"ClampedByCounts", total, 30, false, false, true, true});
    all.push_back({"ClampedSilently", total, 30, false, false, false, true});
    all.push_back({"ClampedEchoing", total, 30, true, true, false, true});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Servers, Pages, ::testing::ValuesIn(pagings()),
                         [](const auto& each) { return fmt::format("{}{}", each.param.name, each.param.total); });

TEST(OctopusSource, AServerThatPromisesForeverEndsTheScope) {
  const auto octopus = source();
  const auto serve = [](const stages::HttpRequest& http) {
    if (http.url.find("/api/spaces?") != std::string::npos) return answer(200, R"({"Items":[{"Id":"Spaces-1"}]})");
    return answer(200,
                  R"({"TotalResults":9007199254740992,"LastPageNumber":180143985094819,"ItemsPerPage":50,"Items":[]})");
  };
  const test::Walk walk = test::walk_source(*octopus, std::vector<SourceResource>{{0, "machine", {}}}, serve);
  EXPECT_FALSE(walk.endless);
  EXPECT_THAT(walk.errors, ElementsAre(HasSubstr("is empty though the listing has 9007199254740992 records")));
}

}  // namespace
}  // namespace riptide::sources::octopus

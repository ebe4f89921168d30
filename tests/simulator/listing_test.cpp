#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "blocking_client.hpp"

namespace riptide::simulator {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Every record of a listing, page after page.
std::vector<std::string> walk(const OctopusServer& server, const std::string& path, std::size_t take) {
  BlockingClient client(server.port());
  std::vector<std::string> ids;
  for (std::int64_t page = 0, last = 0; page <= last; ++page) {
    const std::string skip = std::to_string(static_cast<std::size_t>(page) * take);
    const Reply reply = client.get(path + "?skip=" + skip + "&take=" + std::to_string(take));
    EXPECT_EQ(reply.status, 200) << path;
    last = number_of(reply.body, "LastPageNumber");
    for (std::string& id : ids_of(reply.body)) ids.push_back(std::move(id));
  }
  return ids;
}

OctopusOptions one_kind(std::string name, std::vector<std::size_t> records) {
  OctopusOptions options;
  options.spaces = records.size();
  options.kinds = {{.name = std::move(name), .records_per_space = std::move(records)}};
  return options;
}

TEST(Listing, EnvelopeOfAPage) {
  const auto server = start(one_kind("machine", {137}));
  const Reply reply = get(*server, "/api/Spaces-1/machines?skip=50&take=50");
  EXPECT_EQ(reply.headers.at("content-type"), "application/json; charset=utf-8");

  simdjson::dom::parser parser;
  const simdjson::dom::element page = parser.parse(simdjson::padded_string(reply.body));
  std::vector<std::string_view> members;
  for (const auto& [name, value] : page.get_object()) members.push_back(name);
  EXPECT_THAT(members, ElementsAre("Id", "ItemType", "TotalResults", "ItemsPerPage", "NumberOfPages", "LastPageNumber",
                                   "Items", "Links", "LastModifiedOn", "LastModifiedBy"));
  EXPECT_TRUE(page["Id"].is_null());
  EXPECT_EQ(page["ItemType"].get_string().value(), "Machine");
  EXPECT_EQ(page["TotalResults"].get_int64().value(), 137);
  EXPECT_EQ(page["ItemsPerPage"].get_int64().value(), 50);
  EXPECT_EQ(page["NumberOfPages"].get_int64().value(), 3);
  EXPECT_EQ(page["LastPageNumber"].get_int64().value(), 2);
  EXPECT_EQ(page["Items"].get_array().value().size(), 50U);
  const simdjson::dom::element links = page["Links"];
  EXPECT_EQ(links["Self"].get_string().value(), "/api/Spaces-1/machines?skip=50&take=50");
  EXPECT_EQ(links["Page.Next"].get_string().value(), "/api/Spaces-1/machines?skip=100&take=50");
  EXPECT_EQ(links["Page.Last"].get_string().value(), "/api/Spaces-1/machines?skip=100&take=50");
}

TEST(Listing, TakeAndSkip) {
  OctopusOptions options = one_kind("project", {137});
  options.default_take = 30;
  options.max_take = 100;
  const auto server = start(options);
  const struct {
    std::string query;
    std::int64_t items, per_page, pages, last;
  } cases[] = {
      {"", 30, 30, 5, 4},
      {"?take=50", 50, 50, 3, 2},
      {"?skip=100&take=50", 37, 50, 3, 2},
      {"?skip=137&take=50", 0, 50, 3, 2},
      {"?skip=18446744073709551615&take=50", 0, 50, 3, 2},
      {"?take=1000000", 100, 100, 2, 1},
      {"?take=137", 100, 100, 2, 1},
      {"?take=0", 0, 0, 1, 0},
      {"?x=1&take=5&take=7", 7, 7, 20, 19},
  };
  for (const auto& c : cases) {
    const Reply reply = get(*server, "/api/Spaces-1/projects" + c.query);
    ASSERT_EQ(reply.status, 200) << c.query;
    EXPECT_EQ(std::ssize(ids_of(reply.body)), c.items) << c.query;
    EXPECT_EQ(number_of(reply.body, "TotalResults"), 137) << c.query;
    EXPECT_EQ(number_of(reply.body, "ItemsPerPage"), c.per_page) << c.query;
    EXPECT_EQ(number_of(reply.body, "NumberOfPages"), c.pages) << c.query;
    EXPECT_EQ(number_of(reply.body, "LastPageNumber"), c.last) << c.query;
  }
  for (const char* query : {"?take=-1", "?take=x", "?skip=", "?skip=1.5", "?take=99999999999999999999", "?take"}) {
    const Reply reply = get(*server, std::string("/api/Spaces-1/projects") + query);
    EXPECT_EQ(reply.status, 400) << query;
    EXPECT_THAT(reply.body, HasSubstr("ErrorMessage"));
  }
}

TEST(Listing, AnEmptyOneHasOneEmptyPage) {
  const auto server = start(one_kind("machine", {0}));
  const Reply reply = get(*server, "/api/Spaces-1/machines?take=50");
  EXPECT_EQ(number_of(reply.body, "TotalResults"), 0);
  EXPECT_EQ(number_of(reply.body, "LastPageNumber"), 0);
  EXPECT_THAT(ids_of(reply.body), IsEmpty());
  EXPECT_THAT(reply.body, Not(HasSubstr("Page.Next")));
}

TEST(Listing, RoutesAndErrors) {
  OctopusOptions options = one_kind("project", {3, 2});
  options.kinds.push_back({.name = "certificate", .records_per_space = {1, 4}});
  const auto server = start(options);
  const struct {
    std::string target;
    int status;
  } cases[] = {
      {"/api/spaces", 200},
      {"/api/spaces/Spaces-2", 200},
      {"/api/Spaces-1/projects/Projects-3", 200},
      {"/api/Spaces-2/certificates", 200},
      {"http://elsewhere.test/api/spaces", 200},   // as a proxy is asked
      {"/api/Spaces-2/projects/Projects-3", 404},  // of another space
      {"/api/Spaces-1/projects/Projects-03", 404},
      {"/api/Spaces-1/projects/Machines-3", 404},
      {"/api/Spaces-3/projects", 404},
      {"/api/Spaces-0/projects", 404},
      {"/api/Spaces-99999999999999999999/projects", 404},
      {"/api/Spaces-/projects", 404},
      {"/api/Spaces-1/machines", 404},
      {"/api/Spaces-1", 404},
      {"/api/", 404},
      {"/", 404},
  };
  for (const auto& c : cases) {
    const Reply reply = get(*server, c.target);
    EXPECT_EQ(reply.status, c.status) << c.target;
    EXPECT_TRUE(is_json(reply.body)) << c.target;
    EXPECT_EQ(reply.body.find("ErrorMessage") != std::string::npos, c.status != 200) << c.target;
  }
  EXPECT_THAT(ids_of(get(*server, "/api/projects").body), SizeIs(3));  // the default space
  EXPECT_EQ(get(*server, "/api/Spaces-1/projects/Projects-3").body,
            server->record("Spaces-1", "project", "Projects-3").value());
}

TEST(Listing, AllIsABareArray) {
  const auto server = start(one_kind("release", {45}));
  const Reply reply = get(*server, "/api/Spaces-1/releases/all");
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(simdjson::padded_string(reply.body)).get_array().value().size(), 45U);
}

TEST(Listing, EveryPageOfEveryListingGivesEachRecordOnce) {
  OctopusOptions options;
  options.spaces = 7;
  options.total_records = 1'003;
  options.skew = 1.2;
  options.record_bytes = 0;
  options.kinds.push_back({.name = "certificate", .share = 0.1});
  const auto server = start(options);
  EXPECT_THAT(walk(*server, "/api/spaces", 3),
              ElementsAre("Spaces-1", "Spaces-2", "Spaces-3", "Spaces-4", "Spaces-5", "Spaces-6", "Spaces-7"));
  std::set<std::string> seen;
  std::size_t total = 0;
  for (const KindOptions& kind : options.kinds) {
    std::size_t of_kind = 0;
    for (const std::string& space : server->spaces()) {
      const std::vector<std::string> ids = walk(*server, "/api/" + space + "/" + kind.name + "s", 20);
      EXPECT_EQ(ids, server->ids(space, kind.name));
      seen.insert(ids.begin(), ids.end());
      of_kind += ids.size();
    }
    EXPECT_EQ(of_kind, server->total(kind.name));
    total += of_kind;
  }
  EXPECT_EQ(total, 1'003U);
  EXPECT_EQ(seen.size(), total) << "ids are not unique over the server";
  EXPECT_EQ(server->total("space"), 7U);
  EXPECT_EQ(server->total("nothing"), 0U);
}

TEST(Listing, SkewMakesSpacesUnevenAndKeepsTheTotal) {
  for (const double skew : {0.0, 0.5, 1.0, 2.0}) {
    OctopusOptions options;
    options.spaces = 50;
    options.total_records = 59'999;
    options.skew = skew;
    const auto server = start(options);
    std::vector<std::size_t> sizes;
    std::size_t total = 0;
    for (const KindOptions& kind : options.kinds) total += server->total(kind.name);
    for (const std::string& space : server->spaces()) sizes.push_back(server->ids(space, "machine").size());
    std::sort(sizes.begin(), sizes.end());
    EXPECT_EQ(total, 59'999U);
    if (skew == 0.0) {
      EXPECT_LE(sizes.back() - sizes.front(), 1U);
    } else {
      EXPECT_NEAR(static_cast<double>(sizes.back()) / static_cast<double>(sizes[48]), std::pow(2.0, skew), 0.3);
    }
  }
}

TEST(Listing, ExplicitShapes) {
  std::vector<std::size_t> records(100, 10);
  records[0] = 500;
  OctopusOptions options;
  options.spaces = 100;
  options.total_records = 30;
  options.kinds = {{.name = "machine", .records_per_space = records}, {.name = "project"}};
  const auto server = start(options);
  EXPECT_THAT(server->ids("Spaces-1", "machine"), SizeIs(500));
  EXPECT_THAT(server->ids("Spaces-100", "machine"), SizeIs(10));
  EXPECT_EQ(server->total("machine"), 1'490U);
  EXPECT_EQ(server->total("project"), 30U);
}

TEST(Listing, OrderIsByNameOrTheNewestFirst) {
  OctopusOptions options;
  options.spaces = 2;
  options.total_records = 800;
  const auto server = start(options);
  const auto texts = [&](const std::string& kind, const char* member) {
    simdjson::dom::parser parser;
    std::vector<std::string> values;
    const Reply reply = get(*server, "/api/Spaces-2/" + kind + "s?take=1000");
    for (const simdjson::dom::element record : parser.parse(simdjson::padded_string(reply.body))["Items"].get_array()) {
      values.emplace_back(record[member].get_string().value());
    }
    EXPECT_EQ(values.size(), 100U);
    return values;
  };
  for (const char* kind : {"machine", "project"}) {
    const std::vector<std::string> names = texts(kind, "Name");
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end())) << kind;
  }
  const std::vector<std::string> assembled = texts("release", "Assembled");
  EXPECT_TRUE(std::is_sorted(assembled.rbegin(), assembled.rend()));
  const std::vector<std::string> created = texts("deployment", "Created");
  EXPECT_TRUE(std::is_sorted(created.rbegin(), created.rend()));
}

TEST(Listing, RecordsHaveTheFieldsAndAboutTheSize) {
  const struct {
    const char* kind;
    std::vector<const char*> members;
  } kinds[] = {
      {"project", {"Id", "SpaceId", "Name", "Slug", "IsDisabled", "TenantedDeploymentMode", "VersioningStrategy"}},
      {"release", {"Id", "SpaceId", "ProjectId", "ChannelId", "Version", "Assembled", "ReleaseNotes"}},
      {"deployment", {"Id", "SpaceId", "ProjectId", "ReleaseId", "TaskId", "Created", "DeployedBy", "Comments"}},
      {"machine", {"Id", "SpaceId", "Roles", "HealthStatus", "StatusSummary", "Endpoint", "OperatingSystem"}},
      {"certificate", {"Id", "SpaceId", "Name", "Slug", "Description"}},
  };
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{2048}, std::size_t{8192}, std::size_t{1} << 20}) {
    OctopusOptions options;
    options.spaces = 1;
    options.total_records = 40;
    options.record_bytes = bytes;
    options.kinds.push_back({.name = "certificate"});
    const auto server = start(options);
    for (const auto& kind : kinds) {
      for (const std::string& id : server->ids("Spaces-1", kind.kind)) {
        const std::string text = server->record("Spaces-1", kind.kind, id).value();
        simdjson::dom::parser parser;
        simdjson::dom::element record;
        ASSERT_EQ(parser.parse(simdjson::padded_string(text)).get(record), simdjson::SUCCESS) << text;
        EXPECT_EQ(record["Id"].get_string().value(), id);
        EXPECT_EQ(record["SpaceId"].get_string().value(), "Spaces-1");
        for (const char* member : kind.members) {
          EXPECT_EQ(record[member].error(), simdjson::SUCCESS) << kind.kind << " " << member;
        }
        if (bytes > 0) {
          EXPECT_NEAR(static_cast<double>(text.size()), static_cast<double>(bytes), 120) << kind.kind;
        }
      }
    }
  }
}

TEST(Listing, ReleasesAndDeploymentsReferToWhatIsThere) {
  OctopusOptions options;
  options.spaces = 3;
  options.total_records = 120;
  const auto server = start(options);
  for (const std::string& space : server->spaces()) {
    const std::vector<std::string> projects = server->ids(space, "project");
    const std::vector<std::string> releases = server->ids(space, "release");
    for (const std::string& id : server->ids(space, "deployment")) {
      simdjson::dom::parser parser;
      const std::string text = server->record(space, "deployment", id).value();
      const simdjson::dom::element record = parser.parse(simdjson::padded_string(text));
      EXPECT_THAT(projects, ::testing::Contains(std::string(record["ProjectId"].get_string().value())));
      EXPECT_THAT(releases, ::testing::Contains(std::string(record["ReleaseId"].get_string().value())));
    }
  }
}

TEST(Listing, TheSeedDecidesEveryByte) {
  OctopusOptions options;
  options.spaces = 4;
  options.total_records = 400;
  options.skew = 1;
  const auto pages = [](const OctopusServer& server) {
    std::string text;
    for (const char* path : {"/api/spaces", "/api/Spaces-2/projects", "/api/Spaces-3/releases",
                             "/api/Spaces-3/deployments", "/api/Spaces-4/machines?skip=10&take=20"}) {
      text += get(server, path).body;
    }
    return text;
  };
  const auto first = start(options);
  const auto again = start(options);
  options.seed = 2;
  const auto other = start(options);
  EXPECT_EQ(pages(*first), pages(*again));
  EXPECT_NE(pages(*first), pages(*other));
}

TEST(Options, WhatIsWrongIsSaid) {
  const auto wrong = [](auto change) {
    OctopusOptions options;
    change(options);
    const auto started = OctopusServer::start(options);
    const auto* why = std::get_if<std::string>(&started);
    return why == nullptr ? std::string() : *why;
  };
  EXPECT_THAT(wrong([](auto& o) { o.kinds = {{.name = "a/b"}}; }), HasSubstr("a/b"));
  EXPECT_THAT(wrong([](auto& o) { o.kinds = {{.name = ""}}; }), Not(IsEmpty()));
  EXPECT_THAT(wrong([](auto& o) { o.kinds = {{.name = "space"}}; }), HasSubstr("space"));
  EXPECT_THAT(wrong([](auto& o) { o.kinds = {{.name = "tag"}, {.name = "tag"}}; }), HasSubstr("twice"));
  EXPECT_THAT(wrong([](auto& o) { o.kinds[0].records_per_space.resize(51); }), HasSubstr("more spaces"));
  EXPECT_THAT(wrong([](auto& o) { o.faults.rates = {.reset = 0.6, .html = 0.6}; }), HasSubstr("more than 1"));
  EXPECT_THAT(wrong([](auto& o) { o.faults.rates.html = -0.1; }), HasSubstr("between 0 and 1"));
  EXPECT_THAT(wrong([](auto& o) { o.max_take = 0; }), HasSubstr("max_take"));
  EXPECT_THAT(wrong([](auto& o) { o.skew = -1; }), HasSubstr("skew"));
  EXPECT_THAT(wrong([](auto& o) { o.total_records = 2'000'000'000; }), HasSubstr("records"));
  EXPECT_THAT(wrong([](auto& o) { o.faults.rules = {{.fault = Fault::kStatus, .status = 99}}; }), HasSubstr("status"));

  const auto server = start({});
  EXPECT_THAT(wrong([&](auto& o) { o.port = server->port(); }),
              AllOf(HasSubstr(std::to_string(server->port())), HasSubstr("in use")));
}

TEST(Options, AServerWithoutSpacesOrKinds) {
  OctopusOptions options;
  options.spaces = 0;
  options.kinds = {};
  const auto server = start(options);
  EXPECT_EQ(number_of(get(*server, "/api/spaces").body, "TotalResults"), 0);
  EXPECT_EQ(get(*server, "/api/projects").status, 404);
}

}  // namespace
}  // namespace riptide::simulator

// `riptide init custom --from URL` against APIs of every page style: the proposal passes lint and reads everything.
#include <algorithm>

#include "loopback_server.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using loopback::LoopbackServer;
using loopback::ReceivedRequest;
using loopback::Reply;
using loopback::Script;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kRecords = 47;

std::size_t number(const ReceivedRequest& request, const std::string& name, std::size_t fallback) {
  const auto text = request.parameter(name);
  return text && !text->empty() ? std::stoul(*text) : fallback;
}

// Records [from, from + size) as a JSON list.
std::string records(std::size_t from, std::size_t size) {
  std::string out = "[";
  for (std::size_t i = from; i < std::min(kRecords, from + size); ++i) {
    if (out.size() > 1) out += ",";
    out += R"({"rank":5,"id":)" + std::to_string(i) + R"(,"name":"N)" + std::to_string(i) +
           R"(","created_at":"2024-05-06T07:08:09Z","yes":true,"a key":1.5,"tags":[],"home":"https://x.test/)" +
           std::to_string(i) + "\"}";
  }
  return out + "]";
}

std::string count() { return std::to_string(kRecords); }

struct Api {
  const char* name;
  const char* style;  ///< What is to be proposed.
  std::function<Reply(const ReceivedRequest&, const std::string& self)> answer;
  std::size_t most_asked = 2;  ///< By init.
};
void PrintTo(const Api& api, std::ostream* out) { *out << api.name; }

std::vector<Api> apis() {
  std::vector<Api> all;
  all.push_back({"PagesAndTotals", "page", [](const ReceivedRequest& request, const std::string&) {
                   const std::size_t page = number(request, "page", 1), size = number(request, "per_page", 10);
                   return Reply::json(R"({"page":)" + std::to_string(page) + R"(,"per_page":)" + std::to_string(size) +
                                      R"(,"total":)" + count() + R"(,"total_pages":)" +
                                      std::to_string((kRecords + size - 1) / size) + R"(,"items":)" +
                                      records((page - 1) * size, size) + "}");
                 }});
  all.push_back({"PagesFromZero", "page", [](const ReceivedRequest& request, const std::string&) {
                   const std::size_t page = number(request, "page", 0), size = number(request, "size", 20);
                   return Reply::json(R"({"content":)" + records(page * size, size) + R"(,"page":{"number":)" +
                                      std::to_string(page) + R"(,"size":)" + std::to_string(size) +
                                      R"(,"totalElements":)" + count() + R"(,"totalPages":)" +
                                      std::to_string((kRecords + size - 1) / size) + "}}");
                 }});
  all.push_back({"OnlyHasMore", "page", [](const ReceivedRequest& request, const std::string&) {
                   const std::size_t page = number(request, "page", 1);
                   return Reply::json(R"({"result":{"users":)" + records((page - 1) * 9, 9) + R"(},"hasNext":)" +
                                      (page * 9 < kRecords ? "true}" : "false}"));
                 }});
  all.push_back({"TotalInAHeader", "page", [](const ReceivedRequest& request, const std::string&) {
                   const std::size_t page = number(request, "page", 1);
                   return Reply::json(records((page - 1) * 10, 10)).with_header("X-Total", count());
                 }});
  all.push_back({"AListAndNothingElse", "page", [](const ReceivedRequest& request, const std::string&) {
                   return Reply::json(records((number(request, "page", 1) - 1) * 10, 10));
                 }});
  all.push_back({"Offsets", "offset", [](const ReceivedRequest& request, const std::string&) {
                   const std::size_t start = number(request, "startAt", 0), size = number(request, "maxResults", 15);
                   return Reply::json(R"({"startAt":)" + std::to_string(start) + R"(,"maxResults":)" +
                                      std::to_string(size) + R"(,"total":)" + count() + R"(,"values":)" +
                                      records(start, size) + "}");
                 }});
  all.push_back({"LinksWithACount", "page", [](const ReceivedRequest& request, const std::string& self) {
                   const std::size_t page = number(request, "page", 1);
                   const bool more = page * 10 < kRecords;
                   return Reply::json(R"({"count":)" + count() + R"(,"next":)" +
                                      (more ? "\"" + self + "?page=" + std::to_string(page + 1) + "\"" : "null") +
                                      R"(,"results":)" + records((page - 1) * 10, 10) + "}");
                 }});
  all.push_back(
      {"NextLinks", "next_link",
       [](const ReceivedRequest& request, const std::string& self) {
         const std::size_t at = number(request, "from_key", 0);
         const bool more = at + 10 < kRecords;
         return Reply::json(
             R"({"value":)" + records(at, 10) +
             (more ? R"(,"@odata.nextLink":")" + self + "?from_key=" + std::to_string(at + 10) + "\"}" : "}"));
       },
       1});
  all.push_back({"NestedNextLinks", "next_link",
                 [](const ReceivedRequest& request, const std::string&) {
                   const std::size_t at = number(request, "k", 0);
                   return Reply::json(
                       R"({"_links":{"next":{"href":)" +
                       (at + 10 < kRecords ? "\"/v1/users?k=" + std::to_string(at + 10) + "\"" : "null") +
                       R"(}},"data":)" + records(at, 10) + "}");
                 },
                 1});
  all.push_back({"LinkHeaders", "header_link",
                 [](const ReceivedRequest& request, const std::string& self) {
                   const std::size_t at = number(request, "since", 0);
                   Reply reply = Reply::json(records(at, 10));
                   if (at + 10 >= kRecords) return reply;
                   return reply.with_header("Link",
                                            "<" + self + "?since=" + std::to_string(at + 10) + ">; rel=\"next\"");
                 },
                 1});
  all.push_back({"CursorsWithoutMore", "cursor", [](const ReceivedRequest& request, const std::string&) {
                   const std::size_t at = number(request, "cursor", 0), size = number(request, "limit", 10);
                   return Reply::json(R"({"data":)" + records(at, size) + R"(,"response_metadata":{"next_cursor":")" +
                                      (at + size < kRecords ? std::to_string(at + size) : "") + "\"}}");
                 }});
  all.push_back({"PageTokens", "cursor", [](const ReceivedRequest& request, const std::string&) {
                   const std::size_t at = number(request, "pageToken", 0);
                   return Reply::json(
                       R"({"users":)" + records(at, 10) +
                       (at + 10 < kRecords ? R"(,"nextPageToken":")" + std::to_string(at + 10) + "\"}" : "}"));
                 }});
  all.push_back({"EndCursorsWithMore", "cursor", [](const ReceivedRequest& request, const std::string&) {
                   const std::size_t at = number(request, "after", 0);
                   return Reply::json(R"({"pageInfo":{"endCursor":")" + std::to_string(at + 10) +
                                      R"(","hasNextPage":)" + (at + 10 < kRecords ? "true" : "false") +
                                      R"(},"nodes":)" + records(at, 10) + "}");
                 }});
  all.push_back({"EverythingAtOnce", "none",
                 [](const ReceivedRequest&, const std::string&) { return Reply::json(records(0, kRecords)); }});
  return all;
}

class InitTest : public Workspace {
 protected:
  void start(const loopback::Handler& handler) {
    server_ = std::make_unique<LoopbackServer>(handler);
    environment_["OCEAN__RIPTIDE__RETRY_BASE"] = "5ms";
    environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "3";
  }
  [[nodiscard]] Ended init(std::vector<std::string> more, const std::string& target = "/v1/users") const {
    std::vector<std::string> arguments = {"init", "custom", "--from", server_->url(target)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return riptide(arguments);
  }
  [[nodiscard]] std::vector<std::string> proposed() const {
    return {"--config", "out/config.yaml", "--mapping", "out/mapping.yaml", "--sink", "sqlite:all.db"};
  }

  std::unique_ptr<LoopbackServer> server_;
};

class InitStyle : public InitTest, public ::testing::WithParamInterface<Api> {};

TEST_P(InitStyle, IsProposedPassesLintAndReadsEverything) {
  std::string self;
  start([&self](const ReceivedRequest& request) {
    return request.path == "/v1/users" ? GetParam().answer(request, self) : Reply::text(404);
  });
  self = server_->url("/v1/users");
  const Ended proposal = init({"--out", "out"});
  ASSERT_THAT(proposal, ExitsWith(0));
  EXPECT_LE(server_->num_requests(), GetParam().most_asked);
  EXPECT_THAT(read("out/config.yaml"), HasSubstr(std::string("paginationType: ") + GetParam().style));

  const Ended lint = riptide({"lint", "out/config.yaml", "out/mapping.yaml"});
  ASSERT_THAT(lint, ExitsWith(0));
  EXPECT_THAT(lint.err, HasSubstr("0 errors, 0 warnings"));

  ASSERT_THAT(sync(proposed()), ExitsWith(0));
  const Database database(path("all.db"));
  EXPECT_EQ(database.value("select count(*) from user"), count());
  EXPECT_EQ(database.value("select title from user where identifier = '46'"), "N46");
  EXPECT_EQ(database.value("select count(distinct identifier) from user"), count());
}

INSTANTIATE_TEST_SUITE_P(Apis, InitStyle, ::testing::ValuesIn(apis()),
                         [](const auto& api) { return std::string(api.param.name); });

TEST_F(InitTest, CredentialsAreNamedAndNeverWritten) {
  start([](const ReceivedRequest& request) {
    const bool known =
        request.header("X-Api-Key") == "K-TOPSECRET" && request.header("Accept") == "application/v2+json";
    return known && request.parameter("team") == "a%26b" ? Reply::json(R"({"items":)" + records(0, 5) + "}")
                                                         : Reply::text(401);
  });
  const Ended ended =
      init({"--header", "X-Api-Key: K-TOPSECRET", "--header", "Accept: application/v2+json", "--out", "out"},
           "/v1/users?team=a%26b&api_key=Q-TOPSECRET");
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("X_API_KEY set"), HasSubstr("api_key")));
  for (const char* const file : {"out/config.yaml", "out/mapping.yaml", "out/blueprints.json"}) {
    EXPECT_THAT(read(file), Not(HasSubstr("TOPSECRET"))) << file;
  }
  EXPECT_THAT(ended.err, Not(HasSubstr("TOPSECRET")));
  environment_["X_API_KEY"] = "K-TOPSECRET";
  ASSERT_THAT(sync(proposed()), ExitsWith(0));
  EXPECT_EQ(Database(path("all.db")).value("select count(*) from user"), "5");
}

TEST_F(InitTest, ABearerTokenComesFromAVariable) {
  start([](const ReceivedRequest& request) {
    return request.header("Authorization") == "Bearer T-TOPSECRET" ? Reply::json(records(0, 3))
                                                                   : Reply::text(401, "no");
  });
  const Ended unset = init({"--bearer-env", "MY_TOKEN"});
  ASSERT_THAT(unset, ExitsWith(2));
  EXPECT_THAT(unset.err, HasSubstr("MY_TOKEN is not set"));
  environment_["MY_TOKEN"] = "T-TOPSECRET";
  const Ended ended = init({"--bearer-env", "MY_TOKEN", "--out", "out"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(read("out/config.yaml"), AllOf(HasSubstr("{{ from env MY_TOKEN }}"), Not(HasSubstr("TOPSECRET"))));
  ASSERT_THAT(sync(proposed()), ExitsWith(0));
  EXPECT_EQ(Database(path("all.db")).value("select count(*) from user"), "3");
}

TEST_F(InitTest, WhatIsThereStaysUnlessForced) {
  start([](const ReceivedRequest&) { return Reply::json(records(0, 3)); });
  std::filesystem::create_directory(path("out"));
  write("out/mapping.yaml", "mine");
  const Ended refused = init({"--out", "out"});
  ASSERT_THAT(refused, ExitsWith(2));
  EXPECT_THAT(refused.err, AllOf(HasSubstr("mapping.yaml is there already"), HasSubstr("--force")));
  EXPECT_EQ(server_->num_requests(), 0u);
  EXPECT_EQ(read("out/mapping.yaml"), "mine");
  EXPECT_FALSE(exists("out/config.yaml"));
  ASSERT_THAT(init({"--out", "out", "--force"}), ExitsWith(0));
  EXPECT_THAT(read("out/mapping.yaml"), HasSubstr("resources:"));
}

TEST_F(InitTest, AnAnswerThatCannotBeReadIsSaid) {
  struct Case {
    Reply reply;
    int code;
    const char* says;
  };
  for (const Case& one : {Case{Reply::text(401, "who are you"), 3, "--bearer-env"}, Case{Reply::text(404), 3, "404"},
                          Case{Reply::text(200, "<html>"), 3, "not JSON"}, Case{Reply::json("[1, 2]"), 3, "no objects"},
                          Case{Reply::json("5"), 3, "no objects"}, Case{Reply::json("{\"a\": [{]}"), 3, "not JSON"},
                          Case{Reply::redirect("https://elsewhere.test/v2"), 3, "https://elsewhere.test/v2"},
                          Case{Reply::text(503), 3, "503"}}) {
    start([reply = one.reply](const ReceivedRequest&) { return reply; });
    const Ended ended = init({});
    EXPECT_THAT(ended, ExitsWith(one.code));
    EXPECT_THAT(ended.err, HasSubstr(one.says));
    EXPECT_EQ(ended.out, "");
  }
  const Ended no_path = init({}, "");
  EXPECT_THAT(no_path, ExitsWith(2));
  EXPECT_THAT(no_path.err, HasSubstr("has no path"));
  EXPECT_EQ(server_->num_requests(), 3u) << "the attempts of the last case";
  EXPECT_THAT(riptide({"init", "custom", "--from", "ftp://a/b"}), ExitsWith(2));
  EXPECT_THAT(riptide({"init", "octopus", "--from", "https://a.test/b"}), ExitsWith(2));
  const Ended unknown = riptide({"init", "jirra"});
  EXPECT_THAT(unknown, ExitsWith(2));
  EXPECT_THAT(unknown.err, HasSubstr("did you mean 'jira'?"));
}

// Names and values that would be something else in YAML, in jq, in a comment, or in a config.
TEST_F(InitTest, AHostileAnswerStaysWithinItsQuotes) {
  start([](const ReceivedRequest&) {
    return Reply::json(
        R"~({"evil\nkey: x":[{"id\")":1,"\\(env.HOME)":"a\nintegration: {}","null":"x","{{ from env HOME }}":2,)~"
        R"~("ident\u2028ifier":"\u2028- x","no":"y"}],"next":"{{ from env HOME }}","total":1})~");
  });
  environment_["HOME"] = "/home/TOPSECRET";
  ASSERT_THAT(init({"--out", "out"}), ExitsWith(0));
  const Ended lint = riptide({"lint", "out/config.yaml", "out/mapping.yaml"});
  ASSERT_THAT(lint, ExitsWith(0));
  EXPECT_THAT(lint.err, HasSubstr("0 errors, 0 warnings"));
  const Ended synced = sync(proposed());
  ASSERT_THAT(synced, ExitsWith(0));
  const Database database(path("all.db"));
  EXPECT_EQ(database.value("select count(*) from user"), "1");
  EXPECT_EQ(database.value("select count(*) from entities where properties like '%TOPSECRET%'"), "0");
}

TEST_F(InitTest, EveryTypeHasAConfigurationToBeginWith) {
  for (const std::string type : {"octopus", "jira", "jira-server", "custom"}) {
    ASSERT_THAT(riptide({"init", type, "--out", type}), ExitsWith(0));
    const Ended lint = riptide({"lint", type + "/config.yaml", type + "/mapping.yaml"});
    EXPECT_THAT(lint, ExitsWith(0)) << type;
    const Ended shown = riptide({"init", type});
    ASSERT_THAT(shown, ExitsWith(0));
    EXPECT_THAT(shown.out, AllOf(HasSubstr("type: " + type), HasSubstr("resources:")));
  }
}

}  // namespace
}  // namespace riptide::e2e

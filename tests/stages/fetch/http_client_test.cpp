// What is sent, what comes back, and how often: the plain traffic and the retries.
#include <set>
#include <thread>

#include "fetch_fixture.hpp"

namespace riptide::stages {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(HttpClient, GivesBackStatusHeadersAndBody) {
  LoopbackServer server(
      Script().at("/a", Reply::json("{\"x\":1}").with_header("X-One", "1").with_header("X-Empty", "")));
  const auto client = start_client();
  const auto answer = fetch(*client, get(server.url("/a?key=1")));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->body->view(), "{\"x\":1}");
  EXPECT_EQ(answer->header("x-one"), "1");
  EXPECT_EQ(answer->header("X-EMPTY"), "");
  EXPECT_EQ(answer->header("absent"), std::nullopt);
  EXPECT_EQ(answer->safe_url, server.url("/a"));
  EXPECT_EQ(answer->attempts, 1);
  EXPECT_GT(answer->elapsed.count(), 0);
}

TEST(HttpClient, SendsMethodHeadersAndBody) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  HttpClientOptions options = quick_options();
  options.user_agent = "riptide/test";
  const auto client = start_client(options);
  const std::pair<Method, const char*> methods[] = {
      {Method::kGet, ""},     {Method::kPost, "{}"},   {Method::kPost, ""},   {Method::kPut, "{}"}, {Method::kPut, ""},
      {Method::kPatch, "{}"}, {Method::kDelete, "{}"}, {Method::kDelete, ""}, {Method::kGet, ""}};
  for (const auto& [method, body] : methods) {
    HttpRequest request = get(server.url("/m?a=b&c=%20d"));
    request.method = method;
    request.body = body;
    request.headers = {{"X-Key", "v"}, {"X-None", ""}, {"Content-Type", "application/json"}};
    ASSERT_THAT(fetch(*client, request), HasStatus(200));
    const ReceivedRequest received = server.requests().back();
    EXPECT_EQ(received.method, to_string(method));
    EXPECT_EQ(received.target, "/m?a=b&c=%20d");
    EXPECT_EQ(received.body, body) << to_string(method);
    EXPECT_EQ(received.header("X-Key"), "v");
    EXPECT_EQ(received.header("X-None"), "");
    EXPECT_EQ(received.header("Content-Type"), "application/json");
    EXPECT_EQ(received.header("User-Agent"), "riptide/test");
    EXPECT_EQ(received.header("Accept-Encoding"), "gzip, deflate");
    EXPECT_EQ(received.header("Accept"), "*/*");
    EXPECT_EQ(received.header("Expect"), std::nullopt);
    const bool has_length = method == Method::kPost || method == Method::kPut || method == Method::kPatch || *body != 0;
    EXPECT_EQ(received.header("Content-Length").has_value(), has_length);
  }
}

TEST(HttpClient, CallsNoBodyAForm) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  const auto client = start_client();
  HttpRequest request = post(server.url("/"), std::string(100'000, 'x'), true);
  request.headers.clear();
  ASSERT_THAT(fetch(*client, request), HasStatus(200));
  EXPECT_EQ(server.requests().back().header("Content-Type"), std::nullopt);
  EXPECT_EQ(server.requests().back().header("Expect"), std::nullopt);
  EXPECT_EQ(server.requests().back().body.size(), 100'000u);
}

TEST(HttpClient, KeepsConnections) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  const auto client = start_client();
  for (int i = 0; i < 20; ++i) ASSERT_THAT(fetch(*client, get(server.url("/"))), HasStatus(200));
  EXPECT_EQ(server.num_connections(), 1u);
}

TEST(HttpClient, SurvivesConnectionsThatTheServerClosed) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  const auto client = start_client();
  for (int i = 0; i < 5; ++i) {
    // Neither a retry of ours nor an error, also for a write that may not be repeated.
    const auto answer = fetch(*client, i % 2 == 0 ? get(server.url("/")) : post(server.url("/"), "{}", false));
    ASSERT_THAT(answer, HasStatus(200));
    server.close_idle_connections();
  }
  EXPECT_EQ(server.num_requests(), 5u);
}

TEST(HttpClient, FollowsNoRedirect) {
  LoopbackServer server(Script().at("/a", Reply::redirect("/b")));
  const auto client = start_client();
  const auto answer = fetch(*client, get(server.url("/a")));
  ASSERT_THAT(answer, HasStatus(302));
  EXPECT_EQ(answer->header("location"), "/b");
  EXPECT_EQ(server.num_requests(), 1u);
}

TEST(HttpClient, OnlyTheFinalAnswersHeadersCount) {
  LoopbackServer server(
      Script().at("/a", Reply::raw_bytes("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nX-A: early\r\n\r\n"
                                         "HTTP/1.1 200 OK\r\nX-A: late\r\nContent-Length: 2\r\n\r\nok")));
  const auto client = start_client();
  const auto answer = fetch(*client, get(server.url("/a")));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->header("x-a"), "late");
  EXPECT_EQ(answer->header("link"), std::nullopt);
}

TEST(HttpClient, RefusesWhatIsNoRequest) {
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, get("ftp://127.0.0.1/x")),
              FailsWith(ErrorKind::kConfig, HasSubstr("http:// or https://")));
  EXPECT_THAT(fetch(*client, get("")), FailsWith(ErrorKind::kConfig, HasSubstr("http:// or https://")));
  EXPECT_THAT(fetch(*client, get("http://a:b:c/")), FailsWith(ErrorKind::kConfig, HasSubstr("not a usable URL")));
  HttpRequest request = get("http://127.0.0.1:1/x?key=hidden");
  request.headers = {{"X-Key", "a\r\nEvil: 1"}};
  EXPECT_THAT(fetch(*client, request),
              FailsWith(ErrorKind::kConfig, AllOf(HasSubstr("line break"), Not(HasSubstr("hidden")))));
}

TEST(HttpClient, RetriesUntilItWorks) {
  LoopbackServer server(Script().at("/a", {Reply::text(503), Reply::text(502), Reply::text(500), Reply::json("[]")}));
  struct Seen {
    std::string url, why;
    int attempt;
  };
  std::vector<Seen> seen;
  HttpClientOptions options = quick_options();
  options.on_retry = [&](std::string_view url, std::string_view why, milliseconds, int attempt) {
    seen.push_back({std::string(url), std::string(why), attempt});
  };
  const auto client = start_client(options);
  const auto answer = fetch(*client, get(server.url("/a?key=hidden")));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->attempts, 4);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].url, server.url("/a"));
  EXPECT_EQ(seen[0].why, "HTTP 503");
  EXPECT_EQ(seen[2].attempt, 3);
}

TEST(HttpClient, AfterTheLastAttemptTheAnswerIsGivenBack) {
  LoopbackServer server(Script().at("/a", Reply::text(503, "overloaded")));
  const auto client = start_client();
  const auto answer = fetch(*client, get(server.url("/a")));
  ASSERT_THAT(answer, HasStatus(503));
  EXPECT_EQ(answer->body->view(), "overloaded");
  EXPECT_EQ(answer->attempts, 4);
  EXPECT_EQ(server.num_requests(), 4u);
}

TEST(HttpClient, RepeatsWritesOnlyIfTheyMayBeRepeated) {
  LoopbackServer server(Script()
                            .at("/503", {Reply::text(503), Reply::text(200)})
                            .at("/yes", {Reply::text(503), Reply::text(200)})
                            .at("/500", {Reply::text(500), Reply::text(200)})
                            .at("/cut", {Reply::text(200).with_fault(Fault::kNoAnswer), Reply::text(200)}));
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, post(server.url("/503"), "{}", false)), HasStatus(503));
  EXPECT_THAT(fetch(*client, post(server.url("/yes"), "{}", true)), HasStatus(200));
  EXPECT_THAT(fetch(*client, post(server.url("/500"), "{}", true)), HasStatus(500));
  EXPECT_THAT(fetch(*client, post(server.url("/cut"), "{}", false)),
              FailsWith(ErrorKind::kTransport, HasSubstr("/cut")));
  EXPECT_EQ(server.requests_to("/cut").size(), 1u);
}

TEST(HttpClient, OtherStatusesAreAnswers) {
  LoopbackServer server([](const ReceivedRequest& request) { return Reply::text(std::stoi(request.path.substr(1))); });
  const auto client = start_client();
  for (const int status : {201, 204, 304, 400, 401, 403, 404, 409, 413, 422, 501}) {
    const auto answer = fetch(*client, get(server.url("/" + std::to_string(status))));
    EXPECT_THAT(answer, HasStatus(status));
    EXPECT_EQ(answer->attempts, 1);
    ASSERT_NE(answer->body, nullptr);
  }
}

TEST(HttpClient, WaitsAsLongAsTheServerAsks) {
  LoopbackServer server(Script().at("/a", {Reply::text(503).with_header("Retry-After", "0.2"), Reply::text(200)}));
  const auto client = start_client();
  ASSERT_THAT(fetch(*client, get(server.url("/a"))), HasStatus(200));
  const auto requests = server.requests();
  EXPECT_GE(requests[1].received - requests[0].received, milliseconds{195});
}

TEST(HttpClient, NotBeforeHoldsARequestBack) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  const auto client = start_client();
  Answers answers;
  const auto begin = std::chrono::steady_clock::now();
  Send late = answers.send(get(server.url("/late")));
  late.not_before = milliseconds{150};
  std::vector<Send> both;
  both.push_back(std::move(late));
  both.push_back(answers.send(get(server.url("/now"))));
  client->send_all(std::move(both));
  answers.wait(2);
  const auto requests = server.requests();
  EXPECT_EQ(requests[0].path, "/now");
  EXPECT_GE(requests[1].received - begin, milliseconds{150});
}

TEST(HttpClient, SendsFromDone) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  const auto client = start_client();
  Answers answers;
  int left = 50;
  answers.on_answer([&](const Result<HttpResponse>&) {
    if (--left > 0) client->send(answers.send(get(server.url("/" + std::to_string(left)))));
  });
  client->send(answers.send(get(server.url("/50"))));
  answers.wait(50);
  EXPECT_EQ(server.num_requests(), 50u);
}

TEST(HttpClient, ManyThreadsSend) {
  LoopbackServer server([](const ReceivedRequest& request) { return Reply::text(200, request.target); });
  const auto client = start_client();
  Answers answers;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        client->send(answers.send(get(server.url("/" + std::to_string(t) + "/" + std::to_string(i)))));
        if (i % 10 == 0) (void)client->stats();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> targets;
  for (const auto& answer : answers.wait(400)) {
    ASSERT_THAT(answer, HasStatus(200));
    targets.insert(std::string(answer->body->view()));
  }
  EXPECT_EQ(targets.size(), 400u);
}

TEST(HttpClient, HandsOverTogether) {
  LoopbackServer server(Script().at("/held", Reply::text(200).with_gate("g")).otherwise([](const ReceivedRequest&) {
    return Reply::text(200);
  }));
  HttpClientOptions options = quick_options();
  options.hand_over_delay = milliseconds{250};
  const auto client = start_client(options);
  Answers answers;
  std::vector<std::chrono::steady_clock::time_point> times;
  answers.on_answer([&](const Result<HttpResponse>&) { times.push_back(std::chrono::steady_clock::now()); });
  const auto begin = std::chrono::steady_clock::now();
  client->send(answers.send(get(server.url("/held"))));
  for (int i = 0; i < 5; ++i) client->send(answers.send(get(server.url("/quick"))));
  answers.wait(5);
  EXPECT_GE(times[0] - begin, milliseconds{250}) << "one is still in flight, so the others wait for company";
  EXPECT_LT(times[4] - times[0], milliseconds{200});
  server.open("g");
  answers.wait(6);
}

TEST(HttpClient, HandsOverAtOnceWhenNothingElseIsInFlight) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  HttpClientOptions options = quick_options();
  options.hand_over_delay = milliseconds{60'000};
  options.max_in_flight_per_host = 2;
  const auto client = start_client(options);
  Answers answers;
  for (int i = 0; i < 5; ++i) client->send(answers.send(get(server.url("/"))));
  answers.wait(5);
}

TEST(HttpClient, CountsWhatHappened) {
  LoopbackServer server(Script()
                            .at("/a", {Reply::text(429).with_header("Retry-After", "0.05"), Reply::text(200)})
                            .at("/b", Reply::text(200).with_delay(milliseconds{30})));
  const auto client = start_client();
  EXPECT_TRUE(client->stats().empty());
  ASSERT_THAT(fetch(*client, get(server.url("/a"))), HasStatus(200));
  ASSERT_THAT(fetch(*client, get(server.url("/b"))), HasStatus(200));
  const auto stats = client->stats();
  ASSERT_EQ(stats.size(), 1u);
  EXPECT_EQ(stats[0].host, server.url());
  EXPECT_EQ(stats[0].requests, 3u);
  EXPECT_EQ(stats[0].retries, 1u);
  EXPECT_EQ(stats[0].status_429, 1u);
  EXPECT_EQ(stats[0].max_in_flight, 1u);
  EXPECT_NEAR(stats[0].seconds_paused, 0.05, 0.005);
  EXPECT_GE(stats[0].p99_ms, 30);
  EXPECT_LT(stats[0].p50_ms, stats[0].p99_ms);
}

}  // namespace
}  // namespace riptide::stages

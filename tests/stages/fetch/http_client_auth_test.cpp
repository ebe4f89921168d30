// Credentials: fetched once for all who wait, renewed on a 401 and at the end of their life.
#include <atomic>
#include <deque>
#include <stdexcept>

#include "fetch_fixture.hpp"
#include "riptide/stages/auth.hpp"

namespace riptide::stages {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Asks a URL for a token and sends it as a bearer.
class TokenAuth : public Auth {
 public:
  explicit TokenAuth(std::string url, std::optional<std::chrono::seconds> lifetime = std::nullopt)
      : url_(std::move(url)), lifetime_(lifetime) {}

  std::optional<HttpRequest> token_request() const override {
    HttpRequest request = post(url_, "{\"clientSecret\":\"hidden\"}", true);
    return request;
  }
  Result<Credentials> read_token(const HttpResponse& response) const override {
    const std::string token(response.body->view());
    if (token == "garbage") return pipeline::unexpected(ErrorKind::kMalformed, "no token in " + response.safe_url);
    if (token == "throw") throw std::runtime_error("thrown by the description");
    return Credentials{{{"Authorization", "Bearer " + token}}, lifetime_};
  }

 private:
  const std::string url_;
  const std::optional<std::chrono::seconds> lifetime_;
};

/// A key that needs no request; changes from one reading to the next, as a file would.
class KeyAuth : public Auth {
 public:
  Result<Credentials> fixed() const override {
    const int reading = ++readings;
    if (broken) return pipeline::unexpected(ErrorKind::kConfig, "the key file cannot be read");
    return Credentials{{{"X-Key", "key" + std::to_string(reading) + suffix}}, std::nullopt};
  }
  mutable std::atomic<int> readings{0};
  std::atomic<bool> broken{false};
  std::string suffix;
};

HttpRequest signed_get(std::string url, const Auth& auth) {
  HttpRequest request = get(std::move(url));
  request.auth = &auth;
  return request;
}

/// Numbers the tokens that it gives: t1, t2, ...
loopback::Handler token_office() {
  return [count = std::make_shared<int>(0)](const ReceivedRequest&) {
    return Reply::text(200, "t" + std::to_string(++*count));
  };
}

/// Lets only one token in.
loopback::Handler gatekeeper(std::string token) {
  return [token = std::move(token)](const ReceivedRequest& request) {
    return Reply::text(request.header("Authorization") == "Bearer " + token ? 200 : 401);
  };
}

TEST(Auth, OneTokenServesAllWhoWait) {
  LoopbackServer server(Script().at("/token", Reply::text(200, "t1").with_gate("g")).at("/a", gatekeeper("t1")));
  const TokenAuth auth(server.url("/token"));
  const auto client = start_client();
  Answers answers;
  for (int i = 0; i < 50; ++i) client->send(answers.send(signed_get(server.url("/a"), auth)));
  client->send(answers.send(get(server.url("/open"))));
  EXPECT_THAT(answers.at(0), HasStatus(404)) << "what is not signed does not wait";
  server.open("g");
  answers.wait(51);
  for (std::size_t i = 1; i < 51; ++i) EXPECT_THAT(answers.at(i), HasStatus(200));
  EXPECT_EQ(server.requests_to("/token").size(), 1u);
  EXPECT_EQ(server.requests_to("/token")[0].body, "{\"clientSecret\":\"hidden\"}");
}

TEST(Auth, WorksWithOneRequestInFlight) {
  LoopbackServer server(Script().at("/token", token_office()).at("/a", gatekeeper("t1")));
  const TokenAuth auth(server.url("/token"));
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 1;
  const auto client = start_client(options);
  Answers answers;
  for (int i = 0; i < 10; ++i) client->send(answers.send(signed_get(server.url("/a"), auth)));
  for (const auto& answer : answers.wait(10)) EXPECT_THAT(answer, HasStatus(200));
  EXPECT_EQ(server.num_requests(), 11u);
}

TEST(Auth, A401RenewsTheTokenOnceForAll) {
  LoopbackServer server(Script().at("/token", token_office()).at("/a", gatekeeper("t2")));
  const TokenAuth auth(server.url("/token"));
  const auto client = start_client();
  Answers answers;
  // Together: one that came later would have the second token from the start.
  std::vector<Send> sends;
  for (int i = 0; i < 20; ++i) sends.push_back(answers.send(signed_get(server.url("/a"), auth)));
  client->send_all(std::move(sends));
  for (const auto& answer : answers.wait(20)) {
    ASSERT_THAT(answer, HasStatus(200));
    EXPECT_EQ(answer->attempts, 2);
  }
  EXPECT_EQ(server.requests_to("/token").size(), 2u);
  EXPECT_EQ(server.requests_to("/a").size(), 40u);
}

TEST(Auth, ALate401ToOldCredentialsRenewsNothing) {
  const auto late = [](const ReceivedRequest& request) {
    if (request.header("Authorization") == "Bearer t2") return Reply::text(200);
    return Reply::text(401).with_gate("late");
  };
  LoopbackServer server(
      Script().at("/token", token_office()).at("/late", late).at("/a", gatekeeper("t2")).at("/warm", Reply::text(200)));
  const TokenAuth auth(server.url("/token"));
  const auto client = start_client();
  ASSERT_THAT(fetch(*client, signed_get(server.url("/warm"), auth)), HasStatus(200));
  Answers answers;
  client->send(answers.send(signed_get(server.url("/late"), auth)));
  ASSERT_TRUE(server.wait_for_requests(3));
  ASSERT_THAT(fetch(*client, signed_get(server.url("/a"), auth)), HasStatus(200)) << "with the second token";
  server.open("late");
  EXPECT_THAT(answers.at(0), HasStatus(200));
  EXPECT_EQ(server.requests_to("/token").size(), 2u);
}

TEST(Auth, ASecond401IsTheAnswer) {
  LoopbackServer server(Script().at("/token", token_office()).at("/a", Reply::text(401, "no")));
  const TokenAuth auth(server.url("/token"));
  const auto client = start_client();
  const auto answer = fetch(*client, signed_get(server.url("/a"), auth));
  ASSERT_THAT(answer, HasStatus(401));
  EXPECT_EQ(answer->body->view(), "no");
  EXPECT_EQ(server.requests_to("/a").size(), 2u);
  EXPECT_EQ(server.requests_to("/token").size(), 2u);
}

TEST(Auth, AWriteThatMayNotBeRepeatedKeepsIts401ButRenews) {
  LoopbackServer server(Script().at("/token", token_office()).at("/a", gatekeeper("t2")));
  const TokenAuth auth(server.url("/token"));
  const auto client = start_client();
  HttpRequest write = post(server.url("/a"), "{}", false);
  write.auth = &auth;
  EXPECT_THAT(fetch(*client, write), HasStatus(401));
  EXPECT_THAT(fetch(*client, write), HasStatus(200));
  EXPECT_EQ(server.requests_to("/a").size(), 2u);
}

TEST(Auth, A401WithoutAnyAuthIsTheAnswer) {
  LoopbackServer server(Script().at("/a", Reply::text(401)));
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, get(server.url("/a"))), HasStatus(401));
  EXPECT_EQ(server.num_requests(), 1u);
}

TEST(Auth, OtherFailuresAreStillRetriedAfterARenewal) {
  LoopbackServer server(
      Script()
          .at("/token", token_office())
          .at("/a", {Reply::text(503), Reply::text(401), Reply::text(503), Reply::text(502), Reply::text(200)}));
  const TokenAuth auth(server.url("/token"));
  const auto client = start_client();
  const auto answer = fetch(*client, signed_get(server.url("/a"), auth));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->attempts, 5) << "four by the policy, one for the credentials";
}

TEST(Auth, TheTokenIsRenewedAtTheEndOfItsLife) {
  LoopbackServer server(Script().at("/token", token_office()).at("/a", Reply::text(200)));
  const TokenAuth auth(server.url("/token"), std::chrono::seconds{1});
  const auto client = start_client();
  ASSERT_THAT(fetch(*client, signed_get(server.url("/a"), auth)), HasStatus(200));
  ASSERT_THAT(fetch(*client, signed_get(server.url("/a"), auth)), HasStatus(200));
  EXPECT_EQ(server.requests_to("/token").size(), 1u);
  Answers answers;
  Send late = answers.send(signed_get(server.url("/a"), auth));
  late.not_before = milliseconds{1'050};
  client->send(std::move(late));
  ASSERT_THAT(answers.at(0), HasStatus(200));
  EXPECT_EQ(server.requests_to("/token").size(), 2u);
  EXPECT_EQ(server.requests_to("/a").back().header("Authorization"), "Bearer t2");
}

TEST(Auth, ATokenThatIsBornDeadStillServes) {
  LoopbackServer server(Script().at("/token", token_office()).at("/a", Reply::text(200)));
  for (const std::chrono::seconds lifetime :
       {std::chrono::seconds{0}, std::chrono::seconds::min(), std::chrono::seconds::max()}) {
    const TokenAuth auth(server.url("/token"), lifetime);  // Outlives the client.
    const auto client = start_client();
    EXPECT_THAT(fetch(*client, signed_get(server.url("/a"), auth)), HasStatus(200));
  }
  EXPECT_EQ(server.requests_to("/token").size(), 3u);
}

TEST(Auth, TokenRequestsAreRetried) {
  LoopbackServer server(
      Script()
          .at("/token", {Reply::text(503), Reply::text(200).with_fault(Fault::kNoAnswer), Reply::text(200, "t1")})
          .at("/a", gatekeeper("t1")));
  const TokenAuth auth(server.url("/token"));
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, signed_get(server.url("/a"), auth)), HasStatus(200));
  EXPECT_EQ(server.requests_to("/token").size(), 3u);
}

class RefusedToken : public testing::TestWithParam<int> {};

TEST_P(RefusedToken, IsAnErrorAfterOneRetry) {
  LoopbackServer server(Script().at("/token", Reply::text(GetParam(), "{\"ok\":false}")));
  const TokenAuth auth(server.url("/token?secret=hidden"));
  const auto client = start_client();
  Answers answers;
  for (int i = 0; i < 5; ++i) client->send(answers.send(signed_get(server.url("/a"), auth)));
  for (const auto& answer : answers.wait(5)) {
    EXPECT_THAT(answer, FailsWith(ErrorKind::kAuth, AllOf(HasSubstr("refused"), HasSubstr(server.url("/token")),
                                                          Not(HasSubstr("hidden")))));
  }
  EXPECT_EQ(server.requests_to("/token").size(), 2u);
  EXPECT_EQ(server.requests_to("/a").size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Statuses, RefusedToken, testing::Values(401, 403));

TEST(Auth, OneRefusalIsForgiven) {
  LoopbackServer server(Script().at("/token", {Reply::text(401), Reply::text(200, "t1")}).at("/a", gatekeeper("t1")));
  const TokenAuth auth(server.url("/token"));
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, signed_get(server.url("/a"), auth)), HasStatus(200));
}

TEST(Auth, EveryOtherWayToGetNoTokenIsAnErrorToo) {
  LoopbackServer server(Script()
                            .at("/404", Reply::text(404))
                            .at("/garbage", Reply::text(200, "garbage"))
                            .at("/throw", Reply::text(200, "throw"))
                            .at("/line", Reply::text(200, "a\r\nEvil: 1"))
                            .at("/reset", Reply::text(200).with_fault(Fault::kNoAnswer)));
  const auto client = start_client();
  const std::pair<std::string, const char*> cases[] = {{server.url("/404"), "HTTP 404"},
                                                       {server.url("/garbage"), "no token in"},
                                                       {server.url("/throw"), "thrown by the description"},
                                                       {server.url("/line"), "line break"},
                                                       {server.url("/reset"), "after 4 attempts"},
                                                       {"no URL", "http://"}};
  std::deque<TokenAuth> auths;  // A client knows them by their address, so that they live as long as it.
  for (const auto& [url, says] : cases) {
    auths.emplace_back(url);
    EXPECT_THAT(fetch(*client, signed_get(server.url("/a"), auths.back())),
                FailsWith(ErrorKind::kAuth, HasSubstr(says)));
    // And the client still works.
    EXPECT_THAT(fetch(*client, get(server.url("/404"))), HasStatus(404));
  }
}

TEST(Auth, AFailureIsNotForEver) {
  LoopbackServer server(Script().at("/token", {Reply::text(400), Reply::text(200, "t2")}).at("/a", gatekeeper("t2")));
  const TokenAuth auth(server.url("/token"));
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, signed_get(server.url("/a"), auth)), FailsWith(ErrorKind::kAuth, HasSubstr("HTTP 400")));
  EXPECT_THAT(fetch(*client, signed_get(server.url("/a"), auth)), HasStatus(200));
}

TEST(Auth, AFixedKeyIsReadOnceAndAgainOnA401) {
  LoopbackServer server(Script().at(
      "/a", [](const ReceivedRequest& request) { return Reply::text(request.header("X-Key") == "key2" ? 200 : 401); }));
  const KeyAuth auth;
  const auto client = start_client();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(fetch(*client, signed_get(server.url("/a"), auth)), HasStatus(200));
  EXPECT_EQ(auth.readings, 2);
  EXPECT_EQ(server.num_requests(), 4u);
}

TEST(Auth, AKeyThatCannotBeReadOrSentIsAnError) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  KeyAuth broken;
  broken.broken = true;
  KeyAuth evil;
  evil.suffix = "\n";
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, signed_get(server.url("/a"), broken)),
              FailsWith(ErrorKind::kAuth, HasSubstr("the key file cannot be read")));
  EXPECT_THAT(fetch(*client, signed_get(server.url("/a"), evil)),
              FailsWith(ErrorKind::kAuth, AllOf(HasSubstr("X-Key"), Not(HasSubstr("key1")))));
  EXPECT_EQ(server.num_requests(), 0u);
}

TEST(Auth, ADrainEndsTheWaitForAToken) {
  LoopbackServer server(Script().at("/token", Reply::text(200, "t1").with_gate("g")));
  const TokenAuth auth(server.url("/token"));
  Answers answers;
  {
    const auto client = start_client();
    for (int i = 0; i < 5; ++i) client->send(answers.send(signed_get(server.url("/a"), auth)));
    ASSERT_TRUE(server.wait_for_requests(1));
    client->drain();
    for (const auto& answer : answers.wait(5)) EXPECT_THAT(answer, FailsWith(ErrorKind::kStopped, HasSubstr("/a")));
    server.open("g");
  }
  EXPECT_EQ(answers.count(), 5u);
}

TEST(Auth, TwoDescriptionsKeepTheirTokensApart) {
  LoopbackServer server(Script()
                            .at("/token1", Reply::text(200, "t1"))
                            .at("/token2", Reply::text(200, "t2"))
                            .at("/a", gatekeeper("t1"))
                            .at("/b", gatekeeper("t2")));
  LoopbackServer elsewhere(Script().at("/token3", Reply::text(200, "t1")));
  const TokenAuth first(server.url("/token1"));
  const TokenAuth second(server.url("/token2"));
  const TokenAuth third(elsewhere.url("/token3"));
  const auto client = start_client();
  Answers answers;
  for (int i = 0; i < 10; ++i) {
    client->send(answers.send(signed_get(server.url("/a"), first)));
    client->send(answers.send(signed_get(server.url("/b"), second)));
    client->send(answers.send(signed_get(server.url("/a"), third)));
  }
  for (const auto& answer : answers.wait(30)) EXPECT_THAT(answer, HasStatus(200));
  EXPECT_EQ(elsewhere.num_requests(), 1u);
}

}  // namespace
}  // namespace riptide::stages

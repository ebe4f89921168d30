// Limits and pauses of a host, and the proxy in front of it.
#include "fetch_fixture.hpp"

namespace riptide::stages {
namespace {

using testing::HasSubstr;

TEST(HostLimit, BoundsWhatIsInFlight) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200).with_delay(milliseconds{5}); });
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 3;
  const auto client = start_client(options);
  Answers answers;
  std::vector<Send> sends;
  for (int i = 0; i < 30; ++i) sends.push_back(answers.send(get(server.url("/"))));
  client->send_all(std::move(sends));
  answers.wait(30);
  EXPECT_EQ(server.max_concurrent(), 3u);
  EXPECT_EQ(server.num_connections(), 3u);
  EXPECT_EQ(client->stats()[0].max_in_flight, 3u);
}

TEST(HostLimit, IsOfEachHost) {
  LoopbackServer slow([](const ReceivedRequest&) { return Reply::text(200).with_gate("g"); });
  LoopbackServer quick([](const ReceivedRequest&) { return Reply::text(200); });
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 1;
  const auto client = start_client(options);
  Answers answers;
  client->send(answers.send(get(slow.url("/1"))));
  client->send(answers.send(get(slow.url("/2"))));
  client->send(answers.send(get(quick.url("/"))));
  EXPECT_EQ(answers.at(0)->safe_url, quick.url("/"));
  slow.open("g");
  answers.wait(3);
}

TEST(HostLimit, KeepsTheOrderOfArrival) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 1;
  const auto client = start_client(options);
  Answers answers;
  std::vector<Send> sends;
  for (int i = 0; i < 20; ++i) sends.push_back(answers.send(get(server.url("/" + std::to_string(i)))));
  client->send_all(std::move(sends));
  answers.wait(20);
  const auto requests = server.requests();
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(requests[i].path, "/" + std::to_string(i));
}

TEST(HostLimit, ASlotIsFreeBeforeTheAnswerIsHandedOver) {
  LoopbackServer server(Script().at("/held", Reply::text(200).with_gate("g")).otherwise([](const ReceivedRequest&) {
    return Reply::text(200);
  }));
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 2;
  options.hand_over_delay = milliseconds{10'000};
  const auto client = start_client(options);
  Answers answers;
  client->send(answers.send(get(server.url("/held"))));
  for (int i = 0; i < 10; ++i) client->send(answers.send(get(server.url("/quick"))));
  EXPECT_TRUE(server.wait_for_requests(11));
  EXPECT_EQ(answers.count(), 0u);
  server.open("g");
  answers.wait(11);
}

class HostPause : public testing::TestWithParam<int> {};

TEST_P(HostPause, HoldsEveryRequestToTheHostBack) {
  LoopbackServer server(
      Script()
          .at("/limited", {Reply::text(GetParam()).with_header("Retry-After", "0.3"), Reply::text(200)})
          .at("/held", Reply::text(200).with_gate("g"))
          .otherwise([](const ReceivedRequest&) { return Reply::text(200); }));
  LoopbackServer other([](const ReceivedRequest&) { return Reply::text(200); });
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 2;
  const auto client = start_client(options);
  Answers answers;
  client->send(answers.send(get(server.url("/held"))));
  client->send(answers.send(get(server.url("/limited"))));
  for (int i = 0; i < 6; ++i) client->send(answers.send(get(server.url("/later"))));
  ASSERT_TRUE(server.wait_for_requests(2));
  ASSERT_TRUE(eventually([&] { return client->stats()[0].seconds_paused > 0; }));
  client->send(answers.send(get(other.url("/"))));
  EXPECT_EQ(answers.at(0)->safe_url, other.url("/")) << "another host is none of its business";
  server.open("g");
  EXPECT_EQ(answers.at(1)->safe_url, server.url("/held")) << "what is in flight finishes";
  answers.wait(9);
  const auto requests = server.requests();
  for (std::size_t i = 2; i < requests.size(); ++i) {
    EXPECT_GE(requests[i].received - requests[1].received, milliseconds{295}) << requests[i].path;
  }
  EXPECT_EQ(server.requests_to("/limited").size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Statuses, HostPause, testing::Values(429, 503));

TEST(HostPauseOf, AnAnswerThatIsNotRepeatedPausesToo) {
  LoopbackServer server(
      Script().at("/write", Reply::text(429).with_header("x-ratelimit-reset", "0.25")).at("/read", Reply::text(200)));
  const auto client = start_client();
  ASSERT_THAT(fetch(*client, post(server.url("/write"), "{}", false)), HasStatus(429));
  ASSERT_THAT(fetch(*client, get(server.url("/read"))), HasStatus(200));
  const auto requests = server.requests();
  EXPECT_GE(requests[1].received - requests[0].received, milliseconds{245});
}

TEST(HostPauseOf, A503WithoutAWishPausesNobody) {
  LoopbackServer server(
      Script().at("/a", Reply::text(503)).otherwise([](const ReceivedRequest&) { return Reply::text(200); }));
  HttpClientOptions options = quick_options();
  options.retry.base = milliseconds{1'000};
  const auto client = start_client(options);
  Answers answers;
  client->send(answers.send(get(server.url("/a"))));
  ASSERT_TRUE(server.wait_for_requests(1));
  ASSERT_THAT(fetch(*client, get(server.url("/b"))), HasStatus(200));
  EXPECT_EQ(server.requests_to("/a").size(), 1u);
  EXPECT_EQ(client->stats()[0].seconds_paused, 0);
}

TEST(HostPauseOf, TheCapBoundsIt) {
  LoopbackServer server(Script().at("/a", {Reply::text(429).with_header("Retry-After", "3600"), Reply::text(200)}));
  HttpClientOptions options = quick_options();
  options.retry.cap = milliseconds{100};
  const auto client = start_client(options);
  ASSERT_THAT(fetch(*client, get(server.url("/a"))), HasStatus(200));
  EXPECT_NEAR(client->stats()[0].seconds_paused, 0.1, 0.001);
}

class Proxy : public testing::TestWithParam<const char*> {};

TEST_P(Proxy, ComesFromTheEnvironmentInEitherCase) {
  LoopbackServer proxy([](const ReceivedRequest&) { return Reply::text(200, "by proxy"); });
  const ScopedVariable variable(GetParam(), proxy.url());
  const auto client = start_client();
  const auto answer = fetch(*client, get("http://riptide.invalid/x"));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->body->view(), "by proxy");
  EXPECT_EQ(proxy.requests().back().target, "http://riptide.invalid/x");
}

INSTANTIATE_TEST_SUITE_P(Variables, Proxy, testing::Values("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"));

class NoProxy : public testing::TestWithParam<const char*> {};

TEST_P(NoProxy, IsHonouredInEitherCase) {
  LoopbackServer proxy([](const ReceivedRequest&) { return Reply::text(502); });
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  const ScopedVariable variable("HTTP_PROXY", proxy.url());
  const ScopedVariable exception(GetParam(), "example.invalid,127.0.0.1");
  const auto client = start_client();
  EXPECT_THAT(fetch(*client, get(server.url("/"))), HasStatus(200));
  EXPECT_EQ(proxy.num_requests(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Variables, NoProxy, testing::Values("no_proxy", "NO_PROXY"));

TEST(ProxyOf, HttpsIsAskedForATunnel) {
  LoopbackServer proxy([](const ReceivedRequest&) { return Reply::text(403); });
  const ScopedVariable variable("HTTPS_PROXY", proxy.url());
  HttpClientOptions options = quick_options();
  options.retry.attempts = 1;
  const auto client = start_client(options);
  EXPECT_THAT(fetch(*client, get("https://riptide.invalid/x")),
              FailsWith(ErrorKind::kTransport, testing::AllOf(HasSubstr("403"), HasSubstr("HTTPS_PROXY"))));
  ASSERT_GE(proxy.num_requests(), 1u);
  EXPECT_EQ(proxy.requests()[0].method, "CONNECT");
  EXPECT_EQ(proxy.requests()[0].target, "riptide.invalid:443");
}

TEST(ProxyOf, ABrokenOneIsNamedWithoutItsPassword) {
  const ScopedVariable variable("HTTP_PROXY", "http://me:hidden@127.0.0.1:1");
  HttpClientOptions options = quick_options();
  options.retry.attempts = 1;
  const auto client = start_client(options);
  EXPECT_THAT(
      fetch(*client, get("http://riptide.invalid/x")),
      FailsWith(ErrorKind::kTransport, testing::AllOf(HasSubstr("HTTP_PROXY"), HasSubstr("http://riptide.invalid/x"),
                                                      testing::Not(HasSubstr("hidden")))));
}

}  // namespace
}  // namespace riptide::stages

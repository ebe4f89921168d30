// Drain, abort, and the end of a client: every request is answered exactly once.
#include <atomic>

#include "fetch_fixture.hpp"

namespace riptide::stages {
namespace {

using testing::HasSubstr;

std::pair<int, int> answered_and_stopped(const std::deque<Result<HttpResponse>>& answers) {
  int answered = 0;
  int stopped = 0;
  for (const auto& answer : answers) {
    if (answer) ++answered;
    if (!answer && answer.error().kind == ErrorKind::kStopped) ++stopped;
  }
  return {answered, stopped};
}

TEST(Drain, EndsWhatWaitsAndFinishesWhatRuns) {
  LoopbackServer server(Script().at("/running", Reply::text(503).with_gate("g")).otherwise([](const ReceivedRequest&) {
    return Reply::text(200);
  }));
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 1;
  options.retry.cap = milliseconds{60'000};
  options.hand_over_delay = milliseconds{5};
  LoopbackServer other(Script().at("/retrying", Reply::text(504)));
  options.retry.base = milliseconds{60'000};
  const auto client = start_client(options);
  Answers answers;
  client->send(answers.send(get(other.url("/retrying"))));
  ASSERT_TRUE(eventually([&] { return !client->stats().empty() && client->stats()[0].p50_ms > 0; })) << "answered";
  client->send(answers.send(get(server.url("/running"))));
  ASSERT_TRUE(server.wait_for_requests(1));
  for (int i = 0; i < 5; ++i) client->send(answers.send(get(server.url("/queued"))));
  Send late = answers.send(get(server.url("/late")));
  late.not_before = milliseconds{60'000};
  client->send(std::move(late));
  client->drain();
  EXPECT_EQ(answered_and_stopped(answers.wait(7)), std::pair(0, 7));
  client->send(answers.send(get(server.url("/after"))));
  EXPECT_THAT(answers.at(7), FailsWith(ErrorKind::kStopped, HasSubstr(server.url("/after"))));
  server.open("g");
  EXPECT_THAT(answers.at(8), HasStatus(503)) << "delivered, although it is one to repeat";
  EXPECT_EQ(server.num_requests(), 1u);
}

TEST(Drain, ARunningTransportErrorIsTheLast) {
  LoopbackServer server(Script().at("/a", Reply::text(200).with_gate("g").with_fault(Fault::kNoAnswer)));
  const auto client = start_client();
  Answers answers;
  client->send(answers.send(get(server.url("/a"))));
  ASSERT_TRUE(server.wait_for_requests(1));
  client->drain();
  client->send(answers.send(get(server.url("/b"))));
  EXPECT_THAT(answers.at(0), FailsWith(ErrorKind::kStopped, HasSubstr("/b"))) << "so the drain has begun";
  server.open("g");
  EXPECT_THAT(answers.at(1), FailsWith(ErrorKind::kTransport, HasSubstr("/a")));
  EXPECT_EQ(server.num_requests(), 1u);
}

TEST(Abort, BreaksRunningTransfersOff) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200).with_gate("never"); });
  const auto client = start_client();
  Answers answers;
  for (int i = 0; i < 50; ++i) client->send(answers.send(get(server.url("/"))));
  ASSERT_TRUE(server.wait_for_requests(32));
  client->abort();
  EXPECT_EQ(answered_and_stopped(answers.wait(50)), std::pair(0, 50));
}

TEST(Abort, FollowsADrain) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200).with_gate("never"); });
  const auto client = start_client();
  Answers answers;
  client->send(answers.send(get(server.url("/"))));
  ASSERT_TRUE(server.wait_for_requests(1));
  client->drain();
  client->abort();
  EXPECT_THAT(answers.at(0), FailsWith(ErrorKind::kStopped, HasSubstr("stopped")));
}

TEST(ClientEnd, AnswersEverything) {
  LoopbackServer server([](const ReceivedRequest& request) {
    if (request.path == "/slow") return Reply::text(200).with_gate("never");
    return Reply::text(503).with_header("Retry-After", "60");
  });
  Answers answers;
  pipeline::CreditPool pool("bodies", 1'000'000);
  {
    HttpClientOptions options = quick_options();
    options.hand_over_delay = milliseconds{60'000};
    options.retry.cap = milliseconds{60'000};
    options.body_credits = &pool;
    const auto client = start_client(options);
    for (int i = 0; i < 40; ++i) {
      client->send(answers.send(get(server.url(i % 2 == 0 ? "/slow" : "/busy")), *pool.try_take(100)));
    }
    ASSERT_TRUE(server.wait_for_requests(1));
  }
  EXPECT_EQ(answers.count(), 40u);
  EXPECT_EQ(answered_and_stopped(answers.wait(40)), std::pair(0, 40));
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(ClientEnd, MayBeAskedFromDone) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200).with_gate("never"); });
  std::atomic<int> more{3};
  Answers answers;
  {
    const auto client = start_client();
    answers.on_answer([&](const Result<HttpResponse>&) {
      if (more-- > 0) client->send(answers.send(get(server.url("/more"))));
    });
    client->send(answers.send(get(server.url("/"))));
    ASSERT_TRUE(server.wait_for_requests(1));
    client->abort();
    answers.wait(4);
  }
  EXPECT_EQ(answered_and_stopped(answers.wait(4)), std::pair(0, 4));
}

TEST(ClientEnd, AtARandomMomentEachRequestIsAnsweredOnce) {
  LoopbackServer server([](const ReceivedRequest& request) {
    switch (request.index % 4) {
      case 0:
        return Reply::text(200).with_delay(milliseconds{1});
      case 1:
        return Reply::text(503);
      case 2:
        return Reply::text(200, std::string(50'000, 'x')).with_fault(Fault::kReset, 10'000);
      default:
        return Reply::json("{}");
    }
  });
  for (int round = 0; round < 60; ++round) {
    std::atomic<int> answered{0};
    const int sent = 40;
    {
      HttpClientOptions options = quick_options();
      options.max_in_flight_per_host = 8;
      options.hand_over_delay = milliseconds{round % 3};
      const auto client = start_client(options);
      for (int i = 0; i < sent; ++i) {
        Send one;
        one.request = get(server.url("/"));
        one.done = [&](Result<HttpResponse>) { ++answered; };
        client->send(std::move(one));
      }
      const int moment = round % 20;
      ASSERT_TRUE(eventually([&] { return answered >= moment; }));
      if (round % 2 == 0) client->drain();
      if (round % 3 == 0) client->abort();
    }
    EXPECT_EQ(answered, sent) << "round " << round;
  }
}

}  // namespace
}  // namespace riptide::stages

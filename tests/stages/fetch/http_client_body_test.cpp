// Bodies: decoding, limits, credits.
#include "fetch_fixture.hpp"

namespace riptide::stages {
namespace {

using pipeline::CreditPool;
using pipeline::PagePool;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(ClientBody, DecodesGzip) {
  const std::string plain(300'000, 'x');
  LoopbackServer server(Script().at("/a", Reply::gzipped(plain)).at("/b", Reply::gzipped("{}").with_chunks()));
  const auto client = start_client();
  const auto first = fetch(*client, get(server.url("/a")));
  ASSERT_THAT(first, HasStatus(200));
  EXPECT_EQ(first->body->view(), plain);
  const auto second = fetch(*client, get(server.url("/b")));
  ASSERT_THAT(second, HasStatus(200));
  EXPECT_EQ(second->body->view(), "{}");
}

TEST(ClientBody, OfKnownLengthIsStoredInPlace) {
  CreditPool pool("bodies", 4u << 20);
  PagePool pages(4u << 20);
  const std::string plain(500'000, 'y');
  LoopbackServer server(Script().at("/a", Reply::json(plain)));
  HttpClientOptions options = quick_options();
  options.body_credits = &pool;
  options.pages = &pages;
  const auto client = start_client(options);
  auto answer = fetch(*client, get(server.url("/a")), *pool.try_take(100'000));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->body->view(), plain);
  EXPECT_EQ(answer->body->capacity(), plain.size());
  EXPECT_EQ(pool.taken(), plain.size());
  EXPECT_EQ(pool.peak(), plain.size());
  answer->body.reset();
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(ClientBody, OverTheLimitIsAnErrorThatSaysWhatToChange) {
  LoopbackServer server(Script()
                            .at("/known", Reply::json(std::string(200'000, 'x')))
                            .at("/chunked", Reply::json(std::string(200'000, 'x')).with_chunks())
                            .at("/bomb", Reply::gzipped(std::string(64u << 20, '\0'))));
  HttpClientOptions options = quick_options();
  options.max_body_bytes = 100'000;
  const auto client = start_client(options);
  for (const char* path : {"/known", "/chunked", "/bomb"}) {
    const auto answer = fetch(*client, get(server.url(path) + "?key=hidden"));
    EXPECT_THAT(answer, FailsWith(ErrorKind::kLimit, AllOf(HasSubstr("100000"), HasSubstr("MEMORY"),
                                                           HasSubstr(server.url(path)), Not(HasSubstr("hidden")))));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().retry.when, pipeline::Retry::When::kNever);
    EXPECT_EQ(server.requests_to(path).size(), 1u) << "asking again does not make it smaller";
  }
}

TEST(ClientBody, OverTheWholePoolIsAnErrorForEver) {
  CreditPool pool("bodies", 100'000);
  LoopbackServer server(Script().at("/a", Reply::json(std::string(100'001, 'x'))));
  HttpClientOptions options = quick_options();
  options.body_credits = &pool;
  const auto client = start_client(options);
  const auto answer = fetch(*client, get(server.url("/a")), *pool.try_take(10'000));
  EXPECT_THAT(answer, FailsWith(ErrorKind::kLimit, AllOf(HasSubstr("100001 > 100000"), HasSubstr("MEMORY"))));
  EXPECT_EQ(answer.error().retry.when, pipeline::Retry::When::kNever);
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(ClientBody, ThatOutgrowsItsCreditIsToBeSentAgain) {
  CreditPool pool("bodies", 100'000);
  LoopbackServer server(Script().at("/a", Reply::json(std::string(50'000, 'x')).with_chunks()));
  HttpClientOptions options = quick_options();
  options.body_credits = &pool;
  const auto client = start_client(options);
  auto others = pool.try_take(70'000);
  std::size_t taken_when_told = 0;
  Answers answers;
  answers.on_answer([&](const Result<HttpResponse>&) { taken_when_told = pool.taken(); });
  client->send(answers.send(get(server.url("/a")), *pool.try_take(10'000)));
  const auto& answer = answers.at(0);
  EXPECT_THAT(answer, FailsWith(ErrorKind::kLimit, HasSubstr(server.url("/a"))));
  EXPECT_EQ(answer.error().retry.when, pipeline::Retry::When::kNow);
  EXPECT_EQ(taken_when_told, 70'000u) << "its credit is home before the caller asks for more";
  EXPECT_EQ(server.num_requests(), 1u);
  others->release();
  EXPECT_THAT(fetch(*client, get(server.url("/a")), *pool.try_take(60'000)), HasStatus(200));
}

TEST(ClientBody, ARetryStartsWithAnEmptyOne) {
  CreditPool pool("bodies", 1'000'000);
  LoopbackServer server(
      Script().at("/a", {Reply::json(std::string(300'000, 'x')).with_fault(Fault::kCloseEarly, 200'000),
                         Reply::text(503, std::string(5'000, 'z')), Reply::json("{}")}));
  HttpClientOptions options = quick_options();
  options.body_credits = &pool;
  const auto client = start_client(options);
  const auto answer = fetch(*client, get(server.url("/a")), *pool.try_take(1'000));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->body->view(), "{}");
  EXPECT_EQ(answer->attempts, 3);
  EXPECT_EQ(pool.taken(), answer->body->capacity());
}

TEST(ClientBody, AFloodOfHeadersIsCut) {
  Reply flood = Reply::text(200);
  for (int i = 0; i < 5'000; ++i) flood.headers.emplace_back("X-" + std::to_string(i), "v");
  Reply fat = Reply::text(200);
  for (int i = 0; i < 50; ++i) fat.headers.emplace_back("X-" + std::to_string(i), std::string(10'000, 'v'));
  LoopbackServer server(Script().at("/many", flood).at("/fat", fat));
  const auto client = start_client();
  for (const char* path : {"/many", "/fat"}) {
    EXPECT_THAT(fetch(*client, get(server.url(path))),
                FailsWith(ErrorKind::kLimit, AllOf(HasSubstr("headers"), HasSubstr(server.url(path)))));
    EXPECT_EQ(server.requests_to(path).size(), 1u);
  }
}

}  // namespace
}  // namespace riptide::stages

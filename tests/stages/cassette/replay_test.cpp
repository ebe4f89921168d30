// What a client is answered from a cassette is what it was answered by the network, through retries and credentials.
#include <sys/stat.h>

#include <fstream>

#include "fetch_fixture.hpp"
#include "gzip_members.hpp"
#include "riptide/stages/cassette_player.hpp"
#include "riptide/stages/cassette_recorder.hpp"
#include "riptide/stages/fault_injector.hpp"
#include "temporary_directory.hpp"

namespace riptide::stages {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class TokenAuth : public Auth {
 public:
  explicit TokenAuth(std::string url) : url_(std::move(url)) {}
  std::optional<HttpRequest> token_request() const override {
    return post(url_, R"({"client_secret":"very-hidden"})", true);
  }
  Result<Credentials> read_token(const HttpResponse& response) const override {
    return Credentials{{{"Authorization", "Bearer " + std::string(response.body->view())}}, std::nullopt};
  }

 private:
  std::string url_;
};

/// A key in a file, which is not where a cassette is played.
class KeyFileAuth : public Auth {
 public:
  Result<Credentials> fixed() const override {
    if (!there) return pipeline::unexpected(ErrorKind::kConfig, "no such file");
    return Credentials{{{"X-Key", "key-in-a-file"}}, std::nullopt};
  }
  bool there = true;
};

class ReplayTest : public testing::Test {
 protected:
  std::shared_ptr<CassetteRecorder> record(std::vector<std::string> secrets = {}) {
    auto made = CassetteRecorder::create({.path = path_, .header = {.type = "t"}, .secrets = std::move(secrets)});
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }
  std::shared_ptr<CassettePlayer> play() {
    auto opened = CassettePlayer::open({.path = path_});
    EXPECT_TRUE(opened) << opened.error().message;
    return *std::move(opened);
  }
  static std::unique_ptr<HttpClient> client_on(Wire& wire, HttpClientOptions options = quick_options()) {
    options.wire = &wire;
    return start_client(std::move(options));
  }
  /// The whole text of the cassette.
  std::string tape() {
    std::string all;
    std::string line;
    auto reader = MemberReader::open(path_);
    for (std::uint64_t offset = 0; *reader->read(offset, line) == MemberReader::Found::kLine;) all += line + "\n";
    return all;
  }

  test::TemporaryDirectory directory_;
  std::string path_ = directory_.file("a.cassette");
};

/// What a run sees of an answer.
std::string seen(const Result<HttpResponse>& answer) {
  if (!answer) return std::string(pipeline::to_string(answer.error().kind)) + ": " + answer.error().message;
  return std::to_string(answer->status) + " " + std::to_string(answer->attempts) + " " +
         std::string(answer->header("X-From").value_or("")) + " " + std::string(answer->body->view());
}

TEST_F(ReplayTest, AnswersAsTheNetworkDidWithRetriesFaultsAndRepeats) {
  Script script;
  script.at("/plain", Reply::json("{\"a\":1}").with_header("X-From", "server"));
  script.at("/zipped", Reply::gzipped("zipped text"));
  script.at("/bytes", Reply::text(200, std::string("\xff\x00\x01", 3)));
  script.at("/retried", {Reply::text(503, "later"), Reply::text(200, "0123456789").with_fault(Fault::kReset, 4),
                         Reply::text(200, "now")});
  script.at("/cut", Reply::text(200, "0123456789").with_fault(Fault::kCloseEarly, 4));
  script.at("/gone", Reply::text(404, "gone"));
  script.at("/again", {Reply::text(200, "first"), Reply::text(200, "second")});
  script.at("/slow", {Reply::text(429).with_header("Retry-After", "1"), Reply::text(200, "after a second")});
  const std::vector<std::string> paths = {"/plain", "/zipped", "/bytes", "/retried", "/cut",
                                          "/gone",  "/again",  "/again", "/slow"};
  std::vector<std::string> before;
  std::string server_url;
  {
    const LoopbackServer server(script);
    server_url = server.url();
    const auto recorder = record();
    {
      const auto client = client_on(*recorder);
      for (const std::string& path : paths) before.push_back(seen(fetch(*client, get(server_url + path))));
      before.push_back(seen(fetch(*client, post(server_url + "/plain", "other", true))));
    }
    const auto written = recorder->finish();
    ASSERT_TRUE(written);
    EXPECT_EQ(*written, server.num_requests());
  }
  EXPECT_THAT(before[3], HasSubstr("200 3"));
  for (int round = 0; round < 2; ++round) {
    const auto player = play();
    EXPECT_TRUE(player->complete());
    const auto client = client_on(*player);
    const auto begun = std::chrono::steady_clock::now();
    std::vector<std::string> after;
    for (const std::string& path : paths) after.push_back(seen(fetch(*client, get(server_url + path))));
    after.push_back(seen(fetch(*client, post(server_url + "/plain", "other", true))));
    EXPECT_EQ(after, before);
    EXPECT_EQ(seen(fetch(*client, get(server_url + "/again"))), "200 1  second") << "the last stays";
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(900)) << "nobody waits";
    EXPECT_GT(client->stats().at(0).seconds_paused, 0.9) << "as if one had";
  }
}

TEST_F(ReplayTest, WhatIsNotKnownIsNamedWithTheNearestThatIs) {
  const LoopbackServer server(Script().otherwise([](const ReceivedRequest&) { return Reply::text(200, "x"); }));
  const auto recorder = record();
  {
    const auto client = client_on(*recorder);
    (void)fetch(*client, get(server.url("/api/spaces?skip=0")));
    (void)fetch(*client, get(server.url("/api/teams")));
    (void)fetch(*client, post(server.url("/search"), "{\"q\":1}", true));
  }
  ASSERT_TRUE(recorder->finish());
  const std::size_t asked = server.num_requests();
  const auto player = play();
  const auto client = client_on(*player);
  EXPECT_THAT(
      fetch(*client, get(server.url("/api/spaces?skip=50"))),
      FailsWith(ErrorKind::kConfig, AllOf(HasSubstr("GET " + server.url("/api/spaces?skip=50")),
                                          HasSubstr("nearest that it knows: GET " + server.url("/api/spaces?skip=0")),
                                          Not(HasSubstr("attempts")))));
  EXPECT_THAT(fetch(*client, post(server.url("/search"), "{\"q\":2}", true)),
              FailsWith(ErrorKind::kConfig, HasSubstr("with another body")));
  EXPECT_EQ(server.num_requests(), asked) << "nothing went out";
}

TEST_F(ReplayTest, CredentialsAreFetchedRenewedAndNeverWritten) {
  const auto count = std::make_shared<int>(0);
  Script script;
  script.at("/token",
            [count](const ReceivedRequest&) { return Reply::text(200, "token-number-" + std::to_string(++*count)); });
  script.otherwise([count](const ReceivedRequest& request) {
    const std::string sent = request.header("Authorization").value_or("");
    // The first token is refused, in words that quote it.
    return sent == "Bearer token-number-1" ? Reply::text(401, "no: " + sent).with_header("X-Echo", sent)
                                           : Reply::text(200, "you sent " + sent + " to " + request.target);
  });
  std::string url;
  {
    const LoopbackServer server(script);
    url = server.url();
    const TokenAuth auth(url + "/token");
    const auto recorder = record({"configured-secret"});
    {
      const auto client = client_on(*recorder);
      HttpRequest request = get(url + "/a?x=configured-secret");
      request.auth = &auth;
      EXPECT_THAT(seen(fetch(*client, request)), HasSubstr("token-number-2"));
    }
    EXPECT_EQ(*recorder->finish(), 4u);
  }
  const std::string text = tape();
  for (const char* secret : {"token-number", "very-hidden", "configured-secret"})
    EXPECT_THAT(text, Not(HasSubstr(secret)));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  auto player = CassettePlayer::open({.path = path_, .secrets = {"another-secret"}});
  const TokenAuth auth(url + "/token");
  const auto client = client_on(**player);
  HttpRequest request = get(url + "/a?x=another-secret");
  request.auth = &auth;
  const auto answer = fetch(*client, request);
  EXPECT_THAT(seen(answer), HasSubstr("you sent *** to"));
  EXPECT_EQ(answer->attempts, 2) << "the 401 and its renewal are played too";
}

TEST_F(ReplayTest, NeedsNoCredentialsThatAreElsewhere) {
  const LoopbackServer server(Script().at("/a", Reply::text(200, "fine")));
  KeyFileAuth auth;
  HttpRequest request = get(server.url("/a"));
  request.auth = &auth;
  const auto recorder = record();
  {
    const auto client = client_on(*recorder);
    (void)fetch(*client, request);
  }
  ASSERT_TRUE(recorder->finish());
  auth.there = false;
  const auto player = play();
  const auto client = client_on(*player);
  EXPECT_EQ(seen(fetch(*client, request)), "200 1  fine");
}

TEST_F(ReplayTest, ACassetteThatIsCutOffPlaysWhatIsWhole) {
  const LoopbackServer server(
      Script().otherwise([](const ReceivedRequest& request) { return Reply::text(200, request.path); }));
  const auto recorder = record();
  {
    const auto client = client_on(*recorder);
    for (const char* path : {"/a", "/b", "/c"}) (void)fetch(*client, get(server.url(path)));
  }
  ASSERT_TRUE(recorder->finish());
  const std::string whole = test::contents(path_);
  std::uint64_t most = 3;
  for (std::size_t length = whole.size() - 1; length > 0; length -= std::min<std::size_t>(length, 7)) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole.substr(0, length);
    auto player = CassettePlayer::open({.path = path_});
    if (!player) {
      EXPECT_EQ(player.error().kind, ErrorKind::kMalformed);
      EXPECT_EQ(most, 0u) << "only without its first line it is none";
      continue;
    }
    EXPECT_FALSE((*player)->complete());
    EXPECT_LE((*player)->num_attempts(), most);
    most = (*player)->num_attempts();
  }
  EXPECT_EQ(most, 0u);
}

TEST_F(ReplayTest, InFlightIsBoundedAndStopsEndEverything) {
  const LoopbackServer server(
      Script().otherwise([](const ReceivedRequest&) { return Reply::text(200, "x").with_delay(milliseconds{20}); }));
  const auto recorder = record();
  constexpr int kRequests = 40;
  {
    const auto client = client_on(*recorder);
    Answers answers;
    for (int i = 0; i < kRequests; ++i) client->send(answers.send(get(server.url("/" + std::to_string(i)))));
    answers.wait(kRequests);
  }
  ASSERT_TRUE(recorder->finish());
  const auto player = play();
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 4;
  const auto client = client_on(*player, options);
  Answers answers;
  for (int i = 0; i < kRequests; ++i) client->send(answers.send(get(server.url("/" + std::to_string(i)))));
  for (const auto& answer : answers.wait(kRequests)) EXPECT_THAT(answer, HasStatus(200));
  EXPECT_LE(client->stats().at(0).max_in_flight, 4u);
  EXPECT_GT(client->stats().at(0).p50_ms, 15) << "the recorded time counts";
  for (int i = 0; i < kRequests; ++i) client->send(answers.send(get(server.url("/" + std::to_string(i)))));
  client->abort();
  answers.wait(2 * kRequests);
}

TEST_F(ReplayTest, InjectedFaultsAreRetriedAndUseNothingUp) {
  const LoopbackServer server(
      Script()
          .at("/a", {Reply::text(200, "first"), Reply::text(200, "second")})
          .otherwise([](const ReceivedRequest& request) { return Reply::text(200, request.path); }));
  // Which fail hangs on the server's port too; of so many, some do.
  constexpr int kOthers = 40;
  const auto other = [&](int number) { return get(server.url("/" + std::to_string(number))); };
  const auto recorder = record();
  {
    const auto client = client_on(*recorder);
    (void)fetch(*client, get(server.url("/a")));
    (void)fetch(*client, get(server.url("/a")));
    for (int i = 0; i < kOthers; ++i) (void)fetch(*client, other(i));
  }
  ASSERT_TRUE(recorder->finish());
  std::vector<std::string> earlier;
  for (int round = 0; round < 2; ++round) {
    FaultInjector injector({.plan = *FaultPlan::parse("429:0.3,timeout:0.2,reset:0.2"), .seed = 3, .behind = play()});
    HttpClientOptions options = quick_options();
    options.retry.attempts = 60;
    const auto client = client_on(injector, options);
    std::vector<std::string> all;
    for (int i = 0; i < 10; ++i) all.push_back(seen(fetch(*client, get(server.url("/a")))));
    EXPECT_THAT(all[0], HasSubstr("first"));
    EXPECT_THAT(all[1], HasSubstr("second"));
    for (int i = 0; i < kOthers; ++i) all.push_back(seen(fetch(*client, other(i))));
    EXPECT_GT(client->stats().at(0).retries, 0u);
    if (round > 0) {
      EXPECT_EQ(all, earlier);
    }
    earlier = all;
  }
}

TEST_F(ReplayTest, ACassetteIsNeverOverwritten) {
  std::ofstream(path_) << "precious";
  auto made = CassetteRecorder::create({.path = path_});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(test::contents(path_), "precious");
  EXPECT_EQ(CassettePlayer::open({.path = path_}).error().kind, ErrorKind::kMalformed);
}

}  // namespace
}  // namespace riptide::stages

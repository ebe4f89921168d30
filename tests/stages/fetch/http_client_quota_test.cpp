// Quotas of a host, over real sockets. The pacer's own tests have the clock.
#include <mutex>

#include "fetch_fixture.hpp"
#include "quota_host.hpp"

namespace riptide::stages {
namespace {

using std::chrono::seconds;

/// A server with a quota.
struct QuotaServer {
  explicit QuotaServer(QuotaHost quota) : host(std::move(quota)) {}

  QuotaHost host;
  LoopbackServer server{[this](const ReceivedRequest& request) {
    QuotaHost::Answer answer = host.count(request.received);
    Reply reply = Reply::text(answer.status);
    for (Header& header : answer.headers) reply.headers.emplace_back(std::move(header.name), std::move(header.value));
    return reply;
  }};
};

void send_many(HttpClient& client, Answers& answers, const std::string& url, int count) {
  std::vector<Send> sends;
  for (int i = 0; i < count; ++i) sends.push_back(answers.send(get(url)));
  client.send_all(std::move(sends));
  answers.wait(static_cast<std::size_t>(count));
}

TEST(ClientAtAQuota, UsesItUpWithoutA429) {
  QuotaHost quota;
  quota.kind = QuotaHost::Window::kFromFirst;
  QuotaServer server(quota);
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 8;
  const auto client = start_client(options);
  Answers answers;
  const auto begin = std::chrono::steady_clock::now();
  send_many(*client, answers, server.server.url("/"), 1'500);
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_EQ(server.host.refused, 0u);
  EXPECT_EQ(client->stats()[0].status_429, 0u);
  EXPECT_GE(took, 1'500 / 500.0 - 1.0) << "a window's worth may be sent at once";
  EXPECT_LE(took, 1'500 / 500.0 / 0.85) << "the machine may be busy; bench/fetch has the number";
}

TEST(ClientAtAQuota, LetsOtherGroupsPass) {
  LoopbackServer server([](const ReceivedRequest& request) {
    Reply reply = Reply::text(200);
    if (request.path == "/spent") {
      reply.headers = {{"x-ratelimit-limit", "100"}, {"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "3600"}};
    }
    return reply;
  });
  std::mutex mutex;
  std::vector<std::string> said;
  HttpClientOptions options = quick_options();
  options.max_in_flight_per_host = 1;
  options.on_quota_wait = [&](std::string_view host, std::string_view group, milliseconds wait) {
    const std::lock_guard lock(mutex);
    said.emplace_back(std::string(host) + " " + std::string(group));
    EXPECT_GE(wait, seconds(3'590));
  };
  const auto client = start_client(options);
  Answers answers;
  const auto in_group = [&](const char* path, const char* group) {
    HttpRequest request = get(server.url(path));
    request.quota_group = group;
    return answers.send(std::move(request));
  };
  std::vector<Send> sends;
  sends.push_back(in_group("/spent", "entities"));
  for (int i = 0; i < 3; ++i) sends.push_back(in_group("/spent", "entities"));
  for (int i = 0; i < 3; ++i) sends.push_back(in_group("/free", "search"));
  client->send_all(std::move(sends));
  answers.wait(4);
  EXPECT_EQ(server.requests_to("/spent").size(), 1u);
  EXPECT_EQ(server.requests_to("/free").size(), 3u);
  client->drain();
  answers.wait(7);
  for (std::size_t i = 4; i < 7; ++i) EXPECT_THAT(answers.at(i), FailsWith(ErrorKind::kStopped, testing::_));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(said, testing::ElementsAre(server.url() + " entities"));
}

TEST(DeclaredLimits, HoldFromTheFirstRequestOn) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200).with_delay(milliseconds{2}); });
  LoopbackServer other([](const ReceivedRequest&) { return Reply::text(200).with_delay(milliseconds{2}); });
  HttpClientOptions options = quick_options();
  options.host_limits = {
      {.url = server.url("/x"), .max_in_flight = 3, .budgets = {{.requests = 10, .window = milliseconds{400}}}}};
  const auto client = start_client(options);
  Answers answers;
  send_many(*client, answers, server.url("/"), 25);
  const auto requests = server.requests();
  for (std::size_t i = 10; i < requests.size(); ++i) {
    EXPECT_GE(requests[i].received - requests[i - 10].received, milliseconds{395}) << i;
  }
  EXPECT_LE(server.max_concurrent(), 3u);
  Answers others;
  send_many(*client, others, other.url("/"), 25);
  EXPECT_GT(other.max_concurrent(), 3u);
}

}  // namespace
}  // namespace riptide::stages

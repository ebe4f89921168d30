// Bodies that never seem to end, and the other family of addresses: what the scripted server does not do.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "fetch_fixture.hpp"

namespace riptide::stages {
namespace {

using testing::HasSubstr;

/// Answers one connection by a function, on ::1.
class OneAnswer {
 public:
  explicit OneAnswer(std::function<void(int socket)> answer) {
    listener_ = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    socklen_t size = sizeof address;
    usable_ = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener_, 1) == 0 &&
              ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    if (!usable_) return;
    port_ = ntohs(address.sin6_port);
    thread_ = std::thread([this, answer = std::move(answer)] {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      char request[4096];
      if (::recv(socket, request, sizeof request, 0) > 0) answer(socket);
      ::close(socket);
    });
  }
  ~OneAnswer() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] bool usable() const { return usable_; }
  [[nodiscard]] std::string url() const { return "http://[::1]:" + std::to_string(port_) + "/"; }

 private:
  int listener_ = -1;
  bool usable_ = false;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

bool put(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

TEST(ClientOverIpv6, ReachesThisMachine) {
  OneAnswer server([](int socket) { put(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"); });
  if (!server.usable()) GTEST_SKIP() << "no IPv6 here";
  const auto client = start_client();
  const auto answer = fetch(*client, get(server.url()));
  ASSERT_THAT(answer, HasStatus(200));
  EXPECT_EQ(answer->body->view(), "{}");
  EXPECT_THAT(client->stats()[0].host, HasSubstr("[::1]"));
}

TEST(ClientBody, OfAGigabyteInChunksIsRefusedAtTheBudget) {
  std::size_t sent = 0;
  OneAnswer server([&](int socket) {
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    put(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (sent < (1u << 30) && put(socket, chunk)) sent += 0x10000;
  });
  if (!server.usable()) GTEST_SKIP() << "no IPv6 here";
  constexpr std::size_t kHalfOfTheBudget = 128u << 20;  // As a resync splits 256 MiB.
  pipeline::CreditPool pool("page memory", kHalfOfTheBudget);
  pipeline::PagePool pages(32u << 20);
  HttpClientOptions options = quick_options();
  options.body_credits = &pool;
  options.pages = &pages;
  options.max_body_bytes = kHalfOfTheBudget;
  {
    const auto client = start_client(options);
    const auto answer = fetch(*client, get(server.url()), *pool.try_take(256u << 10));
    EXPECT_THAT(answer, FailsWith(ErrorKind::kLimit, HasSubstr("MEMORY")));
    EXPECT_EQ(answer.error().retry.when, pipeline::Retry::When::kNever);
    EXPECT_EQ(client->stats()[0].retries, 0u);
  }
  EXPECT_LE(pool.peak(), kHalfOfTheBudget);
  EXPECT_EQ(pool.taken(), 0u);
}

}  // namespace
}  // namespace riptide::stages

#include "address_guard.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

#include "fetch_fixture.hpp"

namespace riptide::stages {
namespace {

bool is_public(const char* text) {
  sockaddr_storage storage{};
  if (auto& four = reinterpret_cast<sockaddr_in&>(storage); inet_pton(AF_INET, text, &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
  } else if (auto& six = reinterpret_cast<sockaddr_in6&>(storage); inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
  } else {
    ADD_FAILURE() << text;
  }
  return is_public_address(reinterpret_cast<const sockaddr&>(storage));
}

TEST(AddressGuard, RefusesWhatIsNotOfThePublicInternet) {
  for (const char* text : {"0.0.0.0",
                           "10.1.2.3",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.9.9.9",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.7",
                           "203.0.113.7",
                           "224.0.0.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::7f00:1",
                           "fe80::1",
                           "fec0::1",
                           "fc00::1",
                           "fd12:3456::1",
                           "ff02::1",
                           "2001:db8::1",
                           "100::1",
                           "2001::1",
                           "::ffff:10.0.0.1",
                           "::ffff:127.0.0.1",
                           "64:ff9b::a9fe:a9fe",
                           "2002:7f00:1::",
                           "2002:c0a8:101::1"}) {
    EXPECT_FALSE(is_public(text)) << text;
  }
}

TEST(AddressGuard, LetsThePublicInternetPass) {
  for (const char* text : {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1",
                           "192.0.1.1", "192.169.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
                           "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_TRUE(is_public(text)) << text;
  }
}

TEST(AddressGuard, KnowsTheVendorsByTheEndOfTheName) {
  EXPECT_TRUE(is_trusted_host("acme.atlassian.net"));
  EXPECT_TRUE(is_trusted_host("api.GetPort.io"));
  EXPECT_FALSE(is_trusted_host("atlassian.net.evil.example"));
  EXPECT_FALSE(is_trusted_host("evilatlassian.net"));
  EXPECT_FALSE(is_trusted_host(".atlassian.net"));
  EXPECT_FALSE(is_trusted_host(""));
}

class GuardedClient : public testing::TestWithParam<const char*> {};

TEST_P(GuardedClient, DoesNotReachThisMachine) {
  LoopbackServer server([](const ReceivedRequest&) { return Reply::text(200); });
  HttpClientOptions options = quick_options();
  options.allow_private_addresses = false;
  const auto client = start_client(options);
  const std::string url = std::string("http://") + GetParam() + ":" + std::to_string(server.port()) + "/a?key=hidden";
  const auto answer = fetch(*client, get(url));
  EXPECT_THAT(answer, FailsWith(ErrorKind::kConfig,
                                testing::AllOf(testing::HasSubstr("not a public one"), testing::HasSubstr(GetParam()),
                                               testing::HasSubstr("DISABLE_IP_OUTBOUND_BLOCKER"),
                                               testing::Not(testing::HasSubstr("hidden")))));
  EXPECT_EQ(server.num_connections(), 0u);
  EXPECT_EQ(client->stats()[0].retries, 0u) << "it does not get public by asking again";
}

// By its number in all spellings that a resolver takes, and by name.
INSTANTIATE_TEST_SUITE_P(Spellings, GuardedClient,
                         testing::Values("127.0.0.1", "localhost", "127.1", "0x7f.0.0.1", "2130706433",
                                         "[::ffff:127.0.0.1]", "0.0.0.0"));

TEST(GuardedClientOf, AProxyIsTheOperatorsOwn) {
  LoopbackServer proxy([](const ReceivedRequest&) { return Reply::text(200); });
  const ScopedVariable variable("HTTP_PROXY", proxy.url());
  HttpClientOptions options = quick_options();
  options.allow_private_addresses = false;
  const auto client = start_client(options);
  EXPECT_THAT(fetch(*client, get("http://riptide.invalid/x")), HasStatus(200));
}

}  // namespace
}  // namespace riptide::stages

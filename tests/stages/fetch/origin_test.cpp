#include "origin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::stages {
namespace {

TEST(Origin, IsSchemeHostAndPort) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://a.example", "http://a.example:80"},
      {"https://a.example/x?y#z", "https://a.example:443"},
      {"HTTPS://A.Example:8443/x", "https://a.example:8443"},
      {"http://user:p%40ss@a.example:81/", "http://a.example:81"},
      {"http://[::1]:82/x", "http://[::1]:82"},
      {"http://[::1]/x", "http://[::1]:80"},
      {"http://a.example?u=http://b", "http://a.example:80"},
      {"http://a.example:/x", "http://a.example:80"},
  };
  for (const auto& [url, name] : cases) {
    const auto origin = parse_origin(url);
    ASSERT_TRUE(origin) << url;
    EXPECT_EQ(origin->name, name);
    EXPECT_EQ(origin->tls, origin->name.starts_with("https"));
  }
}

TEST(Origin, RefusesWhatIsNoHttpUrl) {
  for (const char* url :
       {"", "a.example", "ftp://a.example/", "file:///etc/passwd", "http://", "http:///x", "http://:80/",
        "http://a.example/a b", "http://a.example/\r\nX: y", "http://user@/x", "http:/a"}) {
    const auto origin = parse_origin(url);
    ASSERT_FALSE(origin) << url;
    EXPECT_EQ(origin.error().kind, ErrorKind::kConfig);
    EXPECT_THAT(origin.error().message, testing::Not(testing::HasSubstr("\n")));
  }
}

TEST(Origin, ErrorsHideUserInfoAndQuery) {
  const auto origin = parse_origin("ftp://me:hidden@a.example/x?key=hidden");
  ASSERT_FALSE(origin);
  EXPECT_THAT(origin.error().message, testing::Not(testing::HasSubstr("hidden")));
  EXPECT_THAT(origin.error().message, testing::HasSubstr("ftp://a.example/x"));
}

TEST(SendableHeader, IsATokenAndALine) {
  EXPECT_TRUE(is_sendable({"X-Api-Key", "abc def\t\"x\""}));
  EXPECT_TRUE(is_sendable({"X-Empty", ""}));
  EXPECT_FALSE(is_sendable({"", "x"}));
  EXPECT_FALSE(is_sendable({"X Key", "x"}));
  EXPECT_FALSE(is_sendable({"X:Key", "x"}));
  EXPECT_FALSE(is_sendable({"X-Key", "a\r\nEvil: 1"}));
  EXPECT_FALSE(is_sendable({"X-Key", "a\n"}));
  EXPECT_FALSE(is_sendable({"X-Key", std::string("a\0b", 3)}));
}

}  // namespace
}  // namespace riptide::stages

#include "riptide/stages/server_url.hpp"

#include <gmock/gmock.h>

namespace riptide::stages {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ServerUrl, StripsTrailingSlashes) {
  EXPECT_EQ(*checked_server_url("https://octopus.example.com", "X"), "https://octopus.example.com");
  EXPECT_EQ(*checked_server_url("https://octopus.example.com//", "X"), "https://octopus.example.com");
  EXPECT_EQ(*checked_server_url("HTTP://10.0.0.1:8080/octopus/", "X"), "HTTP://10.0.0.1:8080/octopus");
  EXPECT_EQ(*checked_server_url("http://[::1]:80", "X"), "http://[::1]:80");
}

TEST(ServerUrl, SaysWhatIsWrongAndNamesTheSetting) {
  struct {
    const char* url;
    const char* message;
  } const cases[] = {
      {"", "is missing: set THE_SETTING"},
      {"octopus.example.com", "must begin with http:// or https://"},
      {"ftp://octopus.example.com", "must begin with http:// or https://"},
      {"https:/octopus", "must begin with http:// or https://"},
      {"https://", "has no host"},
      {"https:///api", "has no host"},
      {"https://:8080/", "has no host"},
      {"https://octopus/?a=b", "must not have a query"},
      {"https://octopus/#app", "must not have a query or a fragment"},
      {"https://octopus/ api", "has a blank"},
      {"https://octopus/\r\nX: y", "control character"},
  };
  for (const auto& one : cases) {
    const auto checked = checked_server_url(one.url, "THE_SETTING");
    ASSERT_FALSE(checked) << one.url;
    EXPECT_EQ(checked.error().kind, pipeline::ErrorKind::kConfig);
    EXPECT_THAT(checked.error().message, HasSubstr(one.message));
    EXPECT_THAT(checked.error().message, HasSubstr("THE_SETTING"));
  }
}

TEST(ServerUrl, NeverShowsAPassword) {
  for (const char* url : {"https://ops:hunter2@octopus/", "https://ops:hun/ter2@octopus/", "ops:hunter2@octopus"}) {
    const auto checked = checked_server_url(url, "X");
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().message, Not(HasSubstr("ter2")));
  }
}

}  // namespace
}  // namespace riptide::stages

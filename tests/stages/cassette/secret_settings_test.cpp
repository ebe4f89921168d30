#include "riptide/stages/secret_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::stages {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

TEST(SecretSettings, KeepTheirShapeAndLoseTheirSecrets) {
  EXPECT_EQ(without_secrets(R"({"endpoint":"/token","method":"POST","body":{"id":"abc","n":1},"bodyForm":"a=b"})"),
            R"({"endpoint":"/token","method":"POST","body":{"id":"***","n":1},"bodyForm":"***"})");
  EXPECT_EQ(without_secrets(R"({"headers":{"Authorization":"Bearer {{.t}}","X":"static {{ .u }} and {{.v}}"}})"),
            R"({"headers":{"Authorization":"{{.t}}","X":"{{ .u }}{{.v}}"}})");
  EXPECT_EQ(without_secrets("API-KEY"), "***");
  EXPECT_EQ(without_secrets(R"({"open)"), "***");
}

TEST(SecretSettings, AreKnownOneByOne) {
  EXPECT_THAT(secrets_in(R"({"endpoint":"/token","headers":{"Content-Type":"application/json","X":"s1"},"body":"s2"})"),
              ElementsAre("s1", "s2"));
  const auto form = secrets_in(R"({"body":"grant_type=client_credentials&client_secret=hidden&x=y"})");
  EXPECT_THAT(form, Contains("hidden"));
  EXPECT_THAT(form, Not(Contains("client_credentials")));
  EXPECT_THAT(secrets_in("API-KEY"), ElementsAre("API-KEY"));
}

}  // namespace
}  // namespace riptide::stages

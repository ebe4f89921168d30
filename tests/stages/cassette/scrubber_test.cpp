#include "scrubber.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::stages {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kSecret[] = "s3cr3t/+=?'\"`<b> %zz\\u0041 end";

TEST(Scrubber, CutsASecretOutInEveryFormThatAServerSendsBack) {
  const Scrubber scrubber({kSecret}, {});
  const struct {
    const char* what;
    const char* text;
    const char* clean;
  } cases[] = {
      {"as it is", "key s3cr3t/+=?'\"`<b> %zz\\u0041 end.", "key ***."},
      {"in JSON", R"({"k":"s3cr3t/+=?'\"`<b> %zz\\u0041 end"})", R"({"k":"***"})"},
      {"in JSON in JSON", R"("{\"k\":\"s3cr3t/+=?'\\\"`<b> %zz\\\\u0041 end\"}")", R"("{\"k\":\"***\"}")"},
      {"in markup", "<p>s3cr3t/+=?'&quot;`&lt;b&gt; %zz\\u0041 end</p>", "<p>***</p>"},
      {"in a URL", "/a?k=s3cr3t%2F%2B%3D%3F%27%22%60%3Cb%3E%20%25zz%5Cu0041%20end&b=1", "/a?k=%2A%2A%2A&b=1"},
      {"in a URL, small", "k=s3cr3t%2f%2b%3d%3f%27%22%60%3cb%3e%20%25zz%5cu0041%20end", "k=%2A%2A%2A"},
      {"in a form", "k=s3cr3t%2F%2B%3D%3F%27%22%60%3Cb%3E+%25zz%5Cu0041+end", "k=%2A%2A%2A"},
      {"as base64", "czNjcjN0Lys9PyciYDxiPiAlenpcdTAwNDEgZW5k", "***"},
      {"not there", "nothing", "nothing"},
  };
  for (const auto& one : cases) EXPECT_EQ(scrubber.text(one.text), one.clean) << one.what;
}

TEST(Scrubber, LetsShortSecretsThroughAsTheyWouldTakeWordsAlong) {
  const Scrubber scrubber({"abc", ""}, {});
  EXPECT_EQ(scrubber.text("abcdef"), "abcdef");
}

TEST(Scrubber, LearnsWhatSignsRequests) {
  Scrubber scrubber({}, {});
  scrubber.learn(Credentials{.headers = {{"Authorization", "Bearer tok-123456"}, {"Accept", "application/json"}},
                             .lifetime = {},
                             .query = {{"as", "user-7654321"}},
                             .body = R"({"session": "sess-\u0041BCDEF", "n": 12345678})"});
  EXPECT_EQ(scrubber.text("tok-123456 user-7654321 sess-ABCDEF 12345678 application/json session"),
            "*** *** *** 12345678 application/json session");
}

TEST(Scrubber, TakesUserInfoAndNamedParametersOutOfUrls) {
  Scrubber scrubber({}, {});
  EXPECT_EQ(scrubber.url("https://me:hidden%21pass@host:8/a@b?x=1&api_key=K&access_token=&nextPageToken=t&TOKEN=u#f"),
            "https://host:8/a@b?x=1&api_key=***&access_token=***&nextPageToken=t&TOKEN=***");
  EXPECT_EQ(scrubber.url("http://host/a?cursor=a%3D&token"), "http://host/a?cursor=a%3D&token");
  EXPECT_EQ(scrubber.url("?"), "?");
  scrubber.learn_user_info("https://me:hidden%21pass@host/");
  EXPECT_EQ(scrubber.text("hidden%21pass hidden!pass"), "*** ***");
}

TEST(Scrubber, BlanksMembersByName) {
  const Scrubber scrubber({}, {"Email"});
  const struct {
    const char* body;
    const char* clean;
  } cases[] = {
      {R"({"id":1,"password":"x","name":"password"})", R"({"id":1,"password":"***","name":"password"})"},
      {R"([{ "EMAIL" : {"a":[1,"]"]} , "b":2}])", R"([{ "EMAIL" : "***" , "b":2}])"},
      {R"({"email":12,"c":3,"email":null})", R"({"email":"***","c":3,"email":null})"},
      {R"({"\u0065mail":"x"})", R"({"\u0065mail":"***"})"},
      {R"({"email)", R"({"email)"},
      {R"({"email":)", R"({"email":"***")"},
      {R"({"email":"x)", R"({"email":"***")"},
      {R"({"a":"\)", R"({"a":"\)"},
      {R"(email: x, "email": 1)", R"(email: x, "email": 1)"},
      {"", ""},
  };
  for (const auto& one : cases) EXPECT_EQ(scrubber.body(one.body), one.clean) << one.body;
}

TEST(Scrubber, BlanksHeadersThatHoldCredentialsAndKeepsPlacesInListings) {
  const Scrubber scrubber({}, {});
  const auto clean = scrubber.headers({{"Set-Cookie", "a=b"},
                                       {"x-auth-TOKEN", "t"},
                                       {"X-Next-Page-Token", "p2"},
                                       {"X-Continuation-Token", "c"},
                                       {"ETag", "e"}});
  std::string values;
  for (const Header& header : clean) values += header.value + " ";
  EXPECT_EQ(values, "*** *** p2 c e ");
}

TEST(Scrubber, BlanksAnAnswerThatBringsCredentials) {
  EXPECT_EQ(Scrubber::blanked(R"({"access_token":"abc","expires_in":60,"user":{"id":7,"n":["x"]}})"),
            R"({"access_token":"***","expires_in":60,"user":{"id":7,"n":["***"]}})");
  EXPECT_EQ(Scrubber::blanked("a-token-as-text"), "***");
  EXPECT_EQ(Scrubber::blanked(R"({"access_token":"abc")"), "***");
  EXPECT_EQ(Scrubber::blanked(""), "");
  const auto headers = Scrubber::blanked({{"Content-Type", "application/json"}, {"X-Session", "abc"}});
  EXPECT_EQ(headers[0].value, "application/json");
  EXPECT_EQ(headers[1].value, "***");
}

}  // namespace
}  // namespace riptide::stages

#include "entry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base64.hpp"
#include "riptide/stages/cassette_header.hpp"

namespace riptide::stages {
namespace {

using testing::HasSubstr;

Entry made_up(std::string_view body) {
  Entry entry;
  entry.begun_us = 12;
  entry.attempt = 3;
  entry.key = {"POST", "https://a/b?c=\"d\"", "asked\n", false};
  entry.request_headers = {{"Accept", "*/*"}};
  entry.ending.status = 206;
  entry.ending.headers = {{"X", "a\"b"}, {"Link", "<u>; rel=\"next\""}};
  entry.ending.body = pipeline::make_page(body);
  entry.ending.elapsed = std::chrono::microseconds(4567);
  entry.ending.at = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'123));
  return entry;
}

TEST(CassetteEntry, ComesBackAsItWas) {
  std::string every_byte;
  for (int c = 0; c < 256; ++c) every_byte += static_cast<char>(c);
  for (const std::string& body :
       {std::string(), std::string("{\"a\": 1.10}\n"), std::string("\xEF\xBB\xBF\xF0\x9F\x8C\x8A \x01"), every_byte,
        std::string("\xff"), std::string("\xff\xfe"), std::string(1, '\0')}) {
    const Entry entry = made_up(body);
    const auto read = parse_entry(to_json(entry), Depth::kAll);
    ASSERT_TRUE(read) << read.error().message;
    const Entry& back = std::get<Entry>(*read);
    EXPECT_EQ(back.begun_us, 12);
    EXPECT_EQ(back.attempt, 3);
    EXPECT_EQ(back.key.digest(), entry.key.digest());
    EXPECT_EQ(back.ending.status, 206);
    EXPECT_EQ(back.ending.elapsed, entry.ending.elapsed);
    EXPECT_EQ(back.ending.at, entry.ending.at);
    ASSERT_EQ(back.ending.headers.size(), 2u);
    EXPECT_EQ(back.ending.headers[1].value, "<u>; rel=\"next\"");
    EXPECT_EQ(back.ending.body->view(), body);
    EXPECT_FALSE(back.ending.failure);
  }
}

TEST(CassetteEntry, KeepsFailuresAndWhatCameBeforeThem) {
  Entry entry = made_up("");
  entry.key.for_credentials = true;
  entry.ending.failure = Error(ErrorKind::kLimit, "too \"large\"");
  entry.ending.permanent = true;
  const auto read = parse_entry(to_json(entry), Depth::kAll);
  ASSERT_TRUE(read);
  const Entry& back = std::get<Entry>(*read);
  EXPECT_TRUE(back.key.for_credentials);
  EXPECT_EQ(back.ending.failure->kind, ErrorKind::kLimit);
  EXPECT_EQ(back.ending.failure->message, "too \"large\"");
  EXPECT_TRUE(back.ending.permanent);
  EXPECT_EQ(back.ending.status, 206);
}

TEST(CassetteEntry, RefusesWhatIsNone) {
  for (const char* line : {"", "[]", "{", "{}", "nonsense", R"({"method":"GET"})", R"({"method":1,"url":2})",
                           R"({"method":"GET","url":"u"})", R"({"method":"GET","url":"u","status":0})",
                           R"({"method":"GET","url":"u","status":200,"body_base64":"a"})", "{\"method\":\"\xff\"}"}) {
    const auto read = parse_entry(line, Depth::kAll);
    ASSERT_FALSE(read) << line;
    EXPECT_EQ(read.error().kind, ErrorKind::kMalformed) << line;
  }
}

TEST(CassetteEntry, BoundsTheNumbersOfAHostileCassette) {
  const auto read = parse_entry(
      R"({"method":"GET","url":"u","status":-7e9,"begun_us":-1,"took_us":9223372036854775807,"ended_ms":9e99,)"
      R"("attempt":-3,"headers":[["a"],1,{"b":2},["c","d"],["e",5]],"error":{"kind":7}})",
      Depth::kAll);
  ASSERT_TRUE(read) << read.error().message;
  const Entry& entry = std::get<Entry>(*read);
  EXPECT_EQ(entry.ending.status, 0);
  EXPECT_GE(entry.ending.elapsed.count(), 0);
  EXPECT_LT(entry.ending.elapsed, std::chrono::hours(24 * 366 * 11));
  EXPECT_EQ(entry.attempt, 1);
  ASSERT_EQ(entry.ending.headers.size(), 1u);
  EXPECT_EQ(entry.ending.failure->kind, ErrorKind::kTransport);
}

TEST(CassetteEntry, DiffersByMethodUrlBodyAndPurpose) {
  const RequestKey base{"GET", "u", "b", false};
  EXPECT_EQ(base.digest(), (RequestKey{"GET", "u", "b", false}).digest());
  EXPECT_NE(base.digest(), (RequestKey{"PUT", "u", "b", false}).digest());
  EXPECT_NE(base.digest(), (RequestKey{"GET", "v", "b", false}).digest());
  EXPECT_NE(base.digest(), (RequestKey{"GET", "u", "c", false}).digest());
  EXPECT_NE(base.digest(), (RequestKey{"GET", "u", "b", true}).digest());
}

TEST(CassetteHeader, ComesBackAsItWas) {
  CassetteHeader header{.riptide = "1.2",
                        .recorded_at = "2026-01-01T00:00:00Z",
                        .type = "custom",
                        .identifier = "my \"own\"",
                        .kinds = {"a", "/b/{c}"},
                        .settings = {{"integration.config.base_url", "http://h"}, {"riptide.in_flight", "4"}},
                        .mapping = "resources:\n- kind: a\n",
                        .mapping_origin = "m.yml",
                        .mapping_lenient = true};
  const auto back = parse_cassette_header(to_json(header));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->identifier, header.identifier);
  EXPECT_EQ(back->kinds, header.kinds);
  EXPECT_EQ(back->settings, header.settings);
  EXPECT_EQ(back->mapping, header.mapping);
  EXPECT_TRUE(back->mapping_lenient);
}

TEST(CassetteHeader, RefusesOthers) {
  EXPECT_EQ(parse_cassette_header("{}").error().kind, ErrorKind::kMalformed);
  EXPECT_EQ(parse_cassette_header("x").error().kind, ErrorKind::kMalformed);
  const auto later = parse_cassette_header(R"({"cassette":2,"riptide":"9.9"})");
  EXPECT_EQ(later.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(later.error().message, HasSubstr("9.9"));
}

TEST(Base64, ComesBackAsItWas) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
  EXPECT_EQ(to_base64("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
  for (const char* wrong : {"a", "ab=c", "====", "a===", "ab!d", "abc"})
    EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace riptide::stages

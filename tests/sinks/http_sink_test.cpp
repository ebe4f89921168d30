#include "riptide/sinks/http_sink.hpp"

#include <gmock/gmock.h>

#include "entities.hpp"

namespace riptide::sinks {
namespace {

using stages::HttpResponse;
using stages::Outcome;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<HttpSink> sink(HttpSink::Options options = {}) {
  if (options.url.empty()) options.url = "http://localhost:1/items?key=topsecret";
  auto made = HttpSink::create(std::move(options));
  EXPECT_TRUE(made);
  return std::move(*made);
}

stages::Batch batch(int count) {
  stages::Batch out;
  for (int i = 0; i < count; ++i) test::add(out, {.identifier = "\"i" + std::to_string(i) + "\""});
  return out;
}

std::string header(const stages::HttpRequest& request, std::string_view name) {
  for (const stages::Header& one : request.headers) {
    if (stages::same_header_name(one.name, name)) return one.value;
  }
  return "";
}

pipeline::Result<stages::UploadAnswer> answer(const stages::Batch& of, int status, std::string_view body = "") {
  HttpResponse response;
  response.status = status;
  response.body = pipeline::make_page(body);
  json::Document document;
  return sink()->read(of, response, document);
}

TEST(HttpSinkTest, WritesEachFormat) {
  const std::string one = R"({"identifier":"i0","blueprint":"service"})";
  const std::string two = R"({"identifier":"i1","blueprint":"service"})";
  const auto array = sink()->encode(batch(2));
  EXPECT_EQ(array.body, "[" + one + "," + two + "]");
  EXPECT_EQ(header(array, "content-type"), "application/json");
  EXPECT_EQ(array.method, stages::Method::kPost);
  const auto lines =
      sink({.url = "", .method = stages::Method::kPut, .format = HttpSink::Format::kLines})->encode(batch(2));
  EXPECT_EQ(lines.body, one + "\n" + two + "\n");
  EXPECT_EQ(header(lines, "content-type"), "application/x-ndjson");
  EXPECT_EQ(lines.method, stages::Method::kPut);
  const auto single = sink({.format = HttpSink::Format::kSingle});
  EXPECT_EQ(single->limits().max_records, 1u);
  EXPECT_EQ(single->encode(batch(1)).body, one);
}

TEST(HttpSinkTest, TheSameBatchHasTheSameKey) {
  const auto key = [](int count) { return header(sink()->encode(batch(count)), "Idempotency-Key"); };
  EXPECT_EQ(key(2).size(), 32u);
  EXPECT_EQ(key(2), key(2));
  EXPECT_NE(key(2), key(3));
}

TEST(HttpSinkTest, HeadersAreSentAndNotShown) {
  HttpSink::Options options;
  options.headers.emplace_back("Authorization", pipeline::Secret("Bearer topsecret"));
  options.headers.emplace_back("content-type", pipeline::Secret("application/vnd.x+json"));
  const auto with = sink(std::move(options));
  const auto request = with->encode(batch(1));
  EXPECT_EQ(header(request, "Authorization"), "Bearer topsecret");
  EXPECT_EQ(header(request, "Content-Type"), "application/vnd.x+json");
  EXPECT_THAT(std::string(with->spec()), Not(HasSubstr("topsecret")));
}

TEST(HttpSinkTest, WhatIsTakenIsTakenWhole) {
  const auto taken = answer(batch(3), 202);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->outcomes.size(), 3u);
  EXPECT_EQ(taken->outcomes[0].kind, Outcome::Kind::kUpdated);
}

TEST(HttpSinkTest, ARefusalCostsTheItemThatItIsOf) {
  const auto several = answer(batch(4), 422, "bad");
  ASSERT_TRUE(several);
  EXPECT_TRUE(several->split);
  EXPECT_TRUE(several->keep_size);
  const auto one = answer(batch(1), 422, "no\nowner");
  ASSERT_TRUE(one);
  ASSERT_EQ(one->outcomes.size(), 1u);
  EXPECT_EQ(one->outcomes[0].kind, Outcome::Kind::kRejected);
  EXPECT_EQ(one->outcomes[0].message, "the endpoint answered 422: no owner");
  const auto large = answer(batch(4), 413);
  ASSERT_TRUE(large);
  EXPECT_TRUE(large->split);
  EXPECT_FALSE(large->keep_size);
}

TEST(HttpSinkTest, OtherAnswersEndTheSink) {
  EXPECT_EQ(answer(batch(2), 401).error().kind, pipeline::ErrorKind::kAuth);
  EXPECT_EQ(answer(batch(2), 404).error().kind, pipeline::ErrorKind::kNotFound);
  EXPECT_EQ(answer(batch(2), 503).error().kind, pipeline::ErrorKind::kTransport);
}

TEST(HttpSinkTest, RefusesWhatCannotBeSent) {
  for (const char* const url : {"", "ftp://x/", "http://", "http://user:pass@x/", "http://x/a b", "/items"}) {
    HttpSink::Options options;
    options.url = url;
    EXPECT_FALSE(HttpSink::create(std::move(options))) << url;
  }
  HttpSink::Options options;
  options.url = "http://x/";
  options.headers.emplace_back("X-A", pipeline::Secret("a\r\nX-B: b"));
  EXPECT_FALSE(HttpSink::create(std::move(options)));
}

}  // namespace
}  // namespace riptide::sinks

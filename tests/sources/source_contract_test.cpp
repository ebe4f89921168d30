// What every source must keep to, whatever it reads. A source joins with one entry in `sources()`.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "riptide/sources/octopus.hpp"
#include "walk_source.hpp"

namespace riptide::test {
namespace {

using pipeline::ErrorKind;
using stages::PageStep;
using stages::Request;

struct SourceCase {
  std::string name;
  std::function<std::unique_ptr<stages::Source>()> make;
  std::vector<stages::SourceResource> resources;
  Server server;        // A small system, complete and correct.
  std::size_t records;  // What it holds, over all resources' scopes.
};

std::unique_ptr<stages::Source> make_octopus() {
  sources::octopus::Options options;
  options.server_url = "http://octopus.test";
  options.api_key = pipeline::Secret("API-KEY");
  options.page_size = 3;
  return *sources::octopus::OctopusSource::create(std::move(options));
}

stages::HttpResponse serve_octopus(const stages::HttpRequest& http) {
  const std::string path = http.url.substr(0, http.url.find('?'));
  const std::size_t skip = std::stoull(http.url.substr(http.url.find("skip=") + 5));
  const std::size_t take = std::stoull(http.url.substr(http.url.find("take=") + 5));
  const bool spaces = path == "http://octopus.test/api/spaces";
  const std::size_t total = spaces ? 4 : 7;
  std::string items;
  for (std::size_t i = skip; i < std::min(total, skip + take); ++i) {
    if (!items.empty()) items += ", ";
    items +=
        spaces
            ? fmt::format(R"({{"Id": "Spaces-{}", "Name": "caf\u00e9 \"{}\""}})", i, i)
            : fmt::format(
                  R"({{"Id": "Machines-{}", "SpaceId": "Spaces-1", "Roles": ["a", {{"b": null}}], "Big": 123456789012345678901234567890}})",
                  i);
  }
  return answer(
      200,
      fmt::format(
          R"({{"ItemType": "X", "TotalResults": {}, "ItemsPerPage": {}, "LastPageNumber": {}, "Items": [{}], "Links": {{}}}})",
          total, take, (total - 1) / take, items));
}

std::vector<SourceCase> sources() {
  return {{"octopus",
           make_octopus,
           {{0, "space", {}}, {1, "machine", {}}, {2, "runbook", {}}},
           serve_octopus,
           4 + 4 * (7 + 7)}};
}

class SourceContract : public ::testing::TestWithParam<SourceCase> {
 protected:
  void SetUp() override {
    source_ = GetParam().make();
    walk_ = walk_source(*source_, GetParam().resources, GetParam().server);
    ASSERT_TRUE(walk_.errors.empty()) << walk_.errors.front();
    ASSERT_FALSE(walk_.endless);
    ASSERT_FALSE(walk_.visits.empty());
  }

  std::unique_ptr<stages::Source> source_;
  Walk walk_;
  json::Document document_;
};

// Everything that a step says, as text.
std::string told(const PageStep& step) {
  std::string text = step.notice + "|" + step.records.overlay_bytes;
  for (const auto& span : step.records.spans) {
    text += fmt::format("|{} {} {} {}", span.begin, span.length, span.overlay_begin, span.overlay_count);
  }
  for (const auto& field : step.records.overlay_fields)
    text += fmt::format("|{} {} {}", field.key, field.begin, field.length);
  if (step.extent) text += fmt::format("|extent {} {}", step.extent->step, step.extent->last_offset);
  if (step.total) text += fmt::format("|total {}", *step.total);
  for (const Request& next : step.next) {
    text += fmt::format("|next {} {} {} {} {}", next.scope->partition, next.step, next.offset, next.cursor,
                        next.context ? *next.context : "-");
  }
  return text;
}

// Whether all spans lie in what they point into.
void expect_inside(const PageStep& step, const pipeline::Page& page) {
  for (const auto& span : step.records.spans) {
    ASSERT_LE(std::size_t{span.begin} + span.length, page->size());
    ASSERT_GT(span.length, 0u);
    ASSERT_LE(std::size_t{span.overlay_begin} + span.overlay_count, step.records.overlay_fields.size());
  }
  for (const auto& field : step.records.overlay_fields) {
    ASSERT_LE(std::size_t{field.begin} + field.length, step.records.overlay_bytes.size());
  }
}

TEST_P(SourceContract, ReadsEverythingOnce) {
  std::size_t records = 0;
  for (const Visit& visit : walk_.visits) records += visit.step.records.spans.size();
  EXPECT_EQ(records, GetParam().records);
}

TEST_P(SourceContract, IsPure) {
  const auto other = GetParam().make();
  json::Document other_document;
  for (const Visit& visit : walk_.visits) {
    const std::string first = told(visit.step);
    EXPECT_EQ(told(*source_->read(visit.request, visit.response, document_)), first);
    EXPECT_EQ(told(*other->read(visit.request, visit.response, other_document)), first);
    EXPECT_EQ(source_->render(visit.request).url, other->render(visit.request).url);
  }
}

TEST_P(SourceContract, RequestsAreCompleteAndSigned) {
  for (const Visit& visit : walk_.visits) {
    ASSERT_NE(visit.request.scope, nullptr);
    EXPECT_FALSE(visit.request.scope->partition.empty());
    const stages::HttpRequest http = source_->render(visit.request);
    EXPECT_TRUE(http.url.rfind("http://", 0) == 0 || http.url.rfind("https://", 0) == 0) << http.url;
    EXPECT_EQ(http.url.find_first_of(" \r\n"), std::string::npos);
    EXPECT_TRUE(http.retryable);
    EXPECT_EQ(http.auth, source_->auth());
    for (const stages::Header& header : http.headers) {
      EXPECT_EQ((header.name + header.value).find_first_of("\r\n"), std::string::npos);
    }
  }
}

TEST_P(SourceContract, RecordsAreJsonInsideTheirPage) {
  for (const Visit& visit : walk_.visits) {
    expect_inside(visit.step, visit.response.body);
    for (const std::string& record : visit.records()) {
      const pipeline::Page alone = pipeline::make_page(record);
      ASSERT_TRUE(document_.index(alone->view()));
      EXPECT_TRUE(document_.check()) << record;
    }
    for (const auto& field : visit.step.records.overlay_fields) {
      const pipeline::Page alone =
          pipeline::make_page(std::string_view(visit.step.records.overlay_bytes).substr(field.begin, field.length));
      ASSERT_TRUE(document_.index(alone->view()));
      EXPECT_TRUE(document_.check());
    }
  }
}

TEST_P(SourceContract, ATruncatedPageIsNeverReadShort) {
  const Visit& visit = walk_.visits.back();
  const std::string body(visit.response.body->view());
  for (std::size_t length = 0; length < body.size(); ++length) {
    const auto step = source_->read(visit.request, answer(200, std::string_view(body).substr(0, length)), document_);
    ASSERT_FALSE(step) << length;
    EXPECT_EQ(step.error().kind, ErrorKind::kMalformed);
  }
}

TEST_P(SourceContract, WhatIsNoPageIsMalformed) {
  const Request& request = walk_.visits.front().request;
  for (const char* body :
       {"", "<!DOCTYPE html><html></html>", "[[]]", "0", "\"\"", "null", "true", "{\"a\":1}", "\xff\xfe{}", "{}{}"}) {
    const auto step = source_->read(request, answer(200, body), document_);
    ASSERT_FALSE(step) << body;
    EXPECT_EQ(step.error().kind, ErrorKind::kMalformed) << body;
    EXPECT_FALSE(step.error().message.empty());
  }
  stages::HttpResponse without_body = answer(200, "");
  without_body.body = nullptr;
  EXPECT_FALSE(source_->read(request, without_body, document_));
}

TEST_P(SourceContract, ARefusalIsAnErrorOfItsKind) {
  const Request& request = walk_.visits.front().request;
  const std::pair<int, ErrorKind> refusals[] = {
      {401, ErrorKind::kAuth},        {403, ErrorKind::kAuth},      {404, ErrorKind::kNotFound},
      {429, ErrorKind::kRateLimited}, {500, ErrorKind::kTransport}, {503, ErrorKind::kTransport},
      {400, ErrorKind::kRejected},    {301, ErrorKind::kRejected},
  };
  for (const auto& [status, kind] : refusals) {
    const auto step = source_->read(request, answer(status, R"({"Items":[]})"), document_);
    ASSERT_FALSE(step) << status;
    EXPECT_EQ(step.error().kind, kind) << status;
  }
}

TEST_P(SourceContract, MutatedPagesNeverLeadOutside) {
  std::mt19937 random(20240817);
  for (int round = 0; round < 3000; ++round) {
    const Visit& visit = walk_.visits[random() % walk_.visits.size()];
    std::string body(visit.response.body->view());
    for (auto edits = 1 + random() % 3; edits > 0 && !body.empty(); --edits) {
      const std::size_t at = random() % body.size();
      static constexpr std::string_view kBytes = "{}[]\",:\\0-e9 n\n\x01\xc3";
      switch (random() % 3) {
        case 0:
          body[at] = kBytes[random() % kBytes.size()];
          break;
        case 1:
          body.erase(at, 1 + random() % 8);
          break;
        default:
          body.insert(at, 1, kBytes[random() % kBytes.size()]);
          break;
      }
    }
    const stages::HttpResponse response = answer(200, body);
    const auto step = source_->read(visit.request, response, document_);
    if (!step) {
      EXPECT_EQ(step.error().kind, ErrorKind::kMalformed) << body;
      continue;
    }
    expect_inside(*step, response.body);
    for (const Request& next : step->next) EXPECT_FALSE(source_->render(next).url.empty());
  }
}

TEST_P(SourceContract, DeepNestingIsNoTrap) {
  const Request& request = walk_.visits.front().request;
  for (const char* open : {"[", "{\"Items\":"}) {
    std::string body;
    for (int i = 0; i < 200'000; ++i) body += open;
    const auto step = source_->read(request, answer(200, body), document_);
    ASSERT_FALSE(step);
    EXPECT_THAT(step.error().kind, ::testing::AnyOf(ErrorKind::kMalformed, ErrorKind::kLimit));
  }
}

INSTANTIATE_TEST_SUITE_P(Sources, SourceContract, ::testing::ValuesIn(sources()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace riptide::test

// What every source must keep to, whatever it reads. A source joins with a case of its own (source_case.hpp) and a line
// at the end of this file.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "source_case.hpp"
#include "walk_source.hpp"

namespace riptide::test {
namespace {

using pipeline::ErrorKind;
using stages::PageStep;
using stages::Request;

class SourceContract : public ::testing::TestWithParam<SourceCase> {
 protected:
  void SetUp() override {
    source_ = GetParam().make();
    walk_ = walk({});
    ASSERT_TRUE(walk_.errors.empty()) << walk_.errors.front();
    ASSERT_THAT(walk_.open(), ::testing::IsEmpty());
    ASSERT_FALSE(walk_.endless);
    ASSERT_FALSE(walk_.visits.empty());
  }

  Walk walk(const Trouble& trouble, const WalkOptions& options = {}) const {
    return walk_source(*source_, GetParam().resources, GetParam().system(trouble), options);
  }

  std::unique_ptr<stages::Source> source_;
  Walk walk_;
  json::Document document_;
};

// Everything that a step says, as text.
std::string told(const PageStep& step) {
  std::string text = step.notice + "|" + step.records.overlay_bytes;
  if (step.page) text += fmt::format("|page {}", step.page->view());
  if (step.edges) text += fmt::format("|edges {} {}", step.edges->first, step.edges->last);
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
void expect_inside(const PageStep& step, const pipeline::Page& body) {
  const pipeline::Page& page = step.page ? step.page : body;
  for (const auto& span : step.records.spans) {
    ASSERT_LE(std::size_t{span.begin} + span.length, page->size());
    ASSERT_GT(span.length, 0u);
    ASSERT_LE(std::size_t{span.overlay_begin} + span.overlay_count, step.records.overlay_fields.size());
  }
  for (const auto& field : step.records.overlay_fields) {
    ASSERT_LE(std::size_t{field.begin} + field.length, step.records.overlay_bytes.size());
  }
}

// Records with what lies over them and where they belong, and how often each was read.
std::map<std::string, std::size_t> records_of(const Walk& walk) {
  std::map<std::string, std::size_t> records;
  for (const Visit& visit : walk.visits) {
    for (const auto& span : visit.step.records.spans) {
      const auto view = pipeline::view_of(visit.page(), visit.step.records, span);
      std::string text = fmt::format("{} {}", fmt::join(visit.request.scope->resources, ","), view.json);
      for (const auto& field : view.overlay) text += fmt::format(" {}={}", field.key, view.overlay_value(field));
      ++records[text];
    }
  }
  return records;
}

TEST_P(SourceContract, ReadsEverything) {
  const auto records = records_of(walk_);
  EXPECT_EQ(records.size(), GetParam().records);
  std::size_t read = 0;
  for (const auto& [record, times] : records) read += times;
  EXPECT_EQ(read - records.size(), GetParam().twice);
}

TEST_P(SourceContract, ASystemThatHoldsNothingIsReadToItsEnd) {
  const Walk empty = walk({.empty = true});
  EXPECT_THAT(empty.errors, ::testing::IsEmpty());
  EXPECT_THAT(empty.open(), ::testing::IsEmpty());
  EXPECT_FALSE(empty.endless);
  EXPECT_TRUE(records_of(empty).empty());
}

// For ever, or as if that was all: neither.
TEST_P(SourceContract, APageThatComesAgainIsAnErrorAndNotForEver) {
  const Walk circle = walk({.repeats = true});
  EXPECT_FALSE(circle.endless);
  for (const auto& scope : circle.scopes) EXPECT_TRUE(scope.closed || !scope.error.empty());
  // Only scopes of one page can be whole.
  std::map<std::pair<std::vector<std::uint32_t>, std::string>, std::set<std::string>> whole;
  for (const Visit& visit : walk_.visits) {
    for (const std::string& record : visit.records()) {
      whole[{visit.request.scope->resources, visit.request.scope->partition}].insert(record);
    }
  }
  for (const auto& scope : circle.scopes) {
    if (!scope.closed) continue;
    std::set<std::string> got;
    for (const Visit& visit : circle.visits) {
      if (visit.request.scope->resources != scope.spec->resources ||
          visit.request.scope->partition != scope.spec->partition) {
        continue;
      }
      for (const std::string& record : visit.records()) got.insert(record);
    }
    EXPECT_EQ(got, (whole[{scope.spec->resources, scope.spec->partition}])) << scope.spec->partition;
  }
  EXPECT_THAT(circle.open(), ::testing::Not(::testing::IsEmpty()));
}

// A record that was there all the time is read, or its scope stays open.
TEST_P(SourceContract, NothingIsMissedWhenTheListingMoves) {
  const auto before = records_of(walk_);
  for (std::size_t answers = 1; answers < walk_.visits.size(); ++answers) {
    const Walk moved = walk({.grows_after = answers});
    EXPECT_FALSE(moved.endless);
    if (!moved.open().empty()) continue;
    const auto after = records_of(moved);
    for (const auto& [record, times] : before) {
      ASSERT_TRUE(after.contains(record)) << "moved after " << answers << ": " << record;
    }
  }
}

TEST_P(SourceContract, OneDeadPartitionLeavesTheOthersWhole) {
  std::set<std::string> partitions;
  for (const auto& scope : walk_.scopes) {
    if (!scope.spec->resources.empty()) partitions.insert(scope.spec->partition);
  }
  for (const std::string& dead : partitions) {
    const Walk walk_past = walk({}, {.instead = [&](const Request& request) -> std::optional<stages::HttpResponse> {
                                  if (request.scope->partition != dead || request.scope->resources.empty() ||
                                      GetParam().tolerates(request, 404)) {
                                    return std::nullopt;
                                  }
                                  return answer(404, "{}");
                                }});
    EXPECT_FALSE(walk_past.endless);
    for (const auto& scope : walk_past.scopes) {
      const std::string& partition = scope.spec->partition;
      EXPECT_TRUE(partition == dead || scope.closed) << partition << ": " << scope.error;
    }
    const auto whole = records_of(walk_);
    for (const auto& [record, times] : records_of(walk_past)) EXPECT_TRUE(whole.contains(record)) << record;
  }
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

// Answers that only help to decide how to read on have no records, and may be anything.
bool has_a_say(const Visit& visit) { return visit.step.next.empty() || !visit.step.records.spans.empty(); }

TEST_P(SourceContract, ATruncatedPageIsNeverReadShort) {
  std::set<std::uint32_t> steps;
  for (const Visit& visit : walk_.visits) {
    if (!has_a_say(visit) || visit.response.status != 200 || !steps.insert(visit.request.step).second) continue;
    const std::string body(visit.response.body->view());
    for (std::size_t length = 0; length < body.size(); ++length) {
      const auto step = source_->read(visit.request, answer(200, std::string_view(body).substr(0, length)), document_);
      ASSERT_FALSE(step) << length << " of " << body;
      EXPECT_EQ(step.error().kind, ErrorKind::kMalformed);
    }
  }
}

// Each key of an answer misspelt in turn: the page is read with all its records, or it is malformed.
TEST_P(SourceContract, MissingFieldsAreReadOrMalformed) {
  std::set<std::uint32_t> steps;
  for (const Visit& visit : walk_.visits) {
    if (!has_a_say(visit) || visit.response.status != 200 || !steps.insert(visit.request.step).second) continue;
    const std::string body(visit.response.body->view());
    std::set<std::string> keys;
    for (std::size_t end = body.find("\":"); end != std::string::npos; end = body.find("\":", end + 1)) {
      const std::size_t begin = body.rfind('"', end - 1);
      if (end != 0 && begin != std::string::npos) keys.insert(body.substr(begin, end - begin + 1));
    }
    for (const std::string& key : keys) {
      std::string changed = body;
      for (std::size_t at = changed.find(key + ":"); at != std::string::npos; at = changed.find(key + ":", at + 2)) {
        changed.insert(at + 1, "x");
      }
      const stages::HttpResponse response = answer(200, changed);
      const auto step = source_->read(visit.request, response, document_);
      if (!step) {
        EXPECT_EQ(step.error().kind, ErrorKind::kMalformed) << key;
        continue;
      }
      expect_inside(*step, response.body);
      const std::size_t read = step->records.spans.size() + step->next.size();
      EXPECT_TRUE(read >= visit.step.records.spans.size() || GetParam().leaves_out == key) << key << " of " << body;
    }
  }
}

TEST_P(SourceContract, WhatIsNoPageIsMalformed) {
  const Request& request = walk_.visits.front().request;
  for (const char* body : {"", "<!DOCTYPE html><html></html>", "[[]", "[{]", "0", "\"\"", "null", "true", "{\"a\":1}",
                           "\xff\xfe{}", "{}{}"}) {
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
  const std::pair<int, ErrorKind> refusals[] = {
      {401, ErrorKind::kAuth},        {403, ErrorKind::kAuth},      {404, ErrorKind::kNotFound},
      {429, ErrorKind::kRateLimited}, {500, ErrorKind::kTransport}, {503, ErrorKind::kTransport},
      {400, ErrorKind::kRejected},    {301, ErrorKind::kRejected},
  };
  for (const Visit& visit : walk_.visits) {
    if (!has_a_say(visit)) continue;
    for (const auto& [status, kind] : refusals) {
      if (GetParam().tolerates(visit.request, status)) continue;
      const auto step = source_->read(visit.request, answer(status, R"({"Items":[]})"), document_);
      ASSERT_FALSE(step) << status << " to " << source_->render(visit.request).url;
      EXPECT_EQ(step.error().kind, kind) << status;
    }
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

INSTANTIATE_TEST_SUITE_P(Sources, SourceContract,
                         ::testing::Values(octopus_case(), jira_case(), jira_server_case(), custom_case()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace riptide::test

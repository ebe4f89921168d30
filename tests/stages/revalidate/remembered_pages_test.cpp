#include "riptide/stages/remembered_pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "riptide/pipeline/credits.hpp"
#include "riptide/state/database.hpp"
#include "scratch_directory.hpp"

namespace riptide::stages {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

const state::StateOwner kOwner{"port:https://example.com", "mine"};

HttpRequest get(std::string url) { return {.url = std::move(url)}; }

HttpResponse answer(std::string_view body, std::vector<Header> headers) {
  HttpResponse response;
  response.status = 200;
  response.headers = std::move(headers);
  response.body = pipeline::make_page(body);
  return response;
}

class RememberedPagesTest : public ::testing::Test {
 protected:
  std::unique_ptr<RememberedPages> open(std::uint64_t most_bytes = 1u << 20, std::size_t most_pages = 1'000) {
    auto pages = RememberedPages::open({.path = file(),
                                        .owner = kOwner,
                                        .most_bytes = most_bytes,
                                        .most_pages = most_pages,
                                        .warn = [this](std::string why) { warnings_.push_back(std::move(why)); }});
    EXPECT_TRUE(pages.has_value()) << pages.error().message;
    return pages ? std::move(*pages) : nullptr;
  }
  [[nodiscard]] std::string file() const { return directory_.file("state.db.pages"); }

  static pipeline::Digest key(const std::string& url) { return RememberedPages::key_of(get(url)).value(); }
  static void remember(RememberedPages& pages, const std::string& url, std::string_view body,
                       std::vector<Header> headers) {
    pages.remember(key(url), answer(body, std::move(headers)));
  }
  static std::optional<HttpResponse> recall(RememberedPages& pages, const RememberedPages::Known& known,
                                            std::vector<Header> headers = {}) {
    HttpResponse not_modified = answer("", std::move(headers));
    not_modified.status = 304;
    std::promise<std::optional<HttpResponse>> promise;
    pages.recall(known, std::move(not_modified), nullptr, [&](auto page) { promise.set_value(std::move(page)); });
    return promise.get_future().get();
  }

  state::ScratchDirectory directory_;
  std::vector<std::string> warnings_;
};

TEST_F(RememberedPagesTest, AreThereInTheNextRun) {
  const std::string body(300'000, 'x');
  remember(*open(), "http://a/1", body,
           {{"ETag", "W/\"1\""}, {"Link", "<http://a/2>; rel=next"}, {"Set-Cookie", "s=1"}, {"X-Total-Count", "7"}});
  EXPECT_LT(std::filesystem::file_size(file()), 64u << 10) << "compressed";
  struct stat facts {};
  ASSERT_EQ(::stat(file().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);

  const auto pages = open();
  EXPECT_FALSE(pages->find(key("http://a/2")));
  const auto known = pages->find(key("http://a/1"));
  ASSERT_TRUE(known);
  EXPECT_EQ(known->condition.name, "If-None-Match");
  EXPECT_EQ(known->condition.value, "W/\"1\"");
  EXPECT_EQ(known->body_bytes, body.size());
  const auto page = recall(*pages, *known, {{"X-Total-Count", "8"}, {"Date", "now"}});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_TRUE(page->remembered);
  EXPECT_EQ(page->body->view(), body);
  EXPECT_EQ(page->body->view().data()[body.size()], '\0') << "padded";
  EXPECT_THAT(page->header("link"), Optional(std::string_view("<http://a/2>; rel=next")));
  EXPECT_THAT(page->header("x-total-count"), Optional(std::string_view("8"))) << "the 304's own";
  EXPECT_FALSE(page->header("set-cookie"));
  EXPECT_THAT(warnings_, ElementsAre());
}

TEST_F(RememberedPagesTest, ADateWillDoWhereThereIsNoTag) {
  remember(*open(), "http://a/1", "[]", {{"last-modified", "Tue, 15 Nov 1994 12:45:26 GMT"}});
  const auto known = open()->find(key("http://a/1"));
  ASSERT_TRUE(known);
  EXPECT_EQ(known->condition.name, "If-Modified-Since");
  EXPECT_EQ(known->condition.value, "Tue, 15 Nov 1994 12:45:26 GMT");
}

TEST_F(RememberedPagesTest, AreNotKeptAgainstTheServersWill) {
  const struct {
    const char* what;
    std::vector<Header> headers;
    bool kept;
  } cases[] = {
      {"no validator", {{"Content-Type", "application/json"}}, false},
      {"an empty one", {{"ETag", ""}}, false},
      {"one of a kilobyte", {{"ETag", std::string(1024, 'x')}}, false},
      {"no-store", {{"ETag", "\"1\""}, {"Cache-Control", "private, No-Store"}}, false},
      {"no-cache asks to be asked", {{"ETag", "\"1\""}, {"Cache-Control", "no-cache, max-age=0"}}, true},
      {"private is meant for us", {{"ETag", "\"1\""}, {"Cache-Control", "private"}}, true},
      {"varies with anything", {{"ETag", "\"1\""}, {"Vary", "Accept, *"}}, false},
      {"varies with what is in the key", {{"ETag", "\"1\""}, {"Vary", "Accept, Authorization"}}, true},
  };
  for (const auto& c : cases) {
    const std::string url = std::string("http://a/") + c.what;
    remember(*open(), url, "[1]", c.headers);
    EXPECT_EQ(open()->find(key(url)).has_value(), c.kept) << c.what;
  }
}

TEST_F(RememberedPagesTest, KeysTellRequestsApart) {
  const auto of = [](HttpRequest request) { return RememberedPages::key_of(request); };
  const auto plain = of(get("http://a/1"));
  ASSERT_TRUE(plain);
  EXPECT_NE(plain, of(get("http://a/1?page=2")));
  EXPECT_NE(plain, of({.url = "http://a/1", .headers = {{"Accept", "text/csv"}}}));
  EXPECT_EQ(of({.url = "http://a/1", .headers = {{"Accept", "x"}}}),
            of({.url = "http://a/1", .headers = {{"ACCEPT", "x"}}}));
  EXPECT_FALSE(of({.method = Method::kPost, .url = "http://a/1"}));
  EXPECT_FALSE(of({.url = "http://a/1", .body = "{}"}));
  for (const char* const own : {"If-None-Match", "if-modified-since", "Range"}) {
    EXPECT_FALSE(of({.url = "http://a/1", .headers = {{own, "x"}}})) << own;
  }
  EXPECT_FALSE(of({.url = "http://a/1", .headers = {{"Cache-Control", "no-store"}}}));
}

TEST_F(RememberedPagesTest, TheLatestVersionCountsAndAnOlderOneIsNoAnswer) {
  const auto pages = open();
  remember(*pages, "http://a/1", "[1]", {{"ETag", "\"1\""}});
  pages->finish_work();
  const RememberedPages::Known first{key("http://a/1"), {"If-None-Match", "\"1\""}, 3};
  EXPECT_TRUE(recall(*pages, first));
  remember(*pages, "http://a/1", "[22]", {{"ETag", "\"2\""}});
  pages->finish_work();
  EXPECT_EQ(pages->find(first.key).value().condition.value, "\"2\"");
  EXPECT_FALSE(recall(*pages, first));
}

TEST_F(RememberedPagesTest, ADamagedPageIsForgotten) {
  {
    const auto pages = open();
    remember(*pages, "http://a/1", std::string(1000, '1'), {{"ETag", "\"1\""}});
    remember(*pages, "http://a/2", std::string(1000, '2'), {{"ETag", "\"2\""}});
    remember(*pages, "http://a/3", std::string(1000, '3'), {{"ETag", "\"3\""}});
  }
  {
    state::Database database;
    ASSERT_TRUE(database.open(file()).has_value());
    ASSERT_TRUE(database
                    .run("UPDATE pages SET body = substr(body, 1, length(body) - 3) WHERE validator = '\"1\"';"
                         "UPDATE pages SET headers = x'41' WHERE validator = '\"2\"'")
                    .has_value());
  }
  const auto pages = open();
  for (const char* const url : {"http://a/1", "http://a/2"}) {
    const auto known = pages->find(key(url));
    ASSERT_TRUE(known);
    EXPECT_FALSE(recall(*pages, *known)) << url;
    EXPECT_FALSE(pages->find(key(url))) << url;
  }
  EXPECT_TRUE(recall(*pages, pages->find(key("http://a/3")).value()));
}

TEST_F(RememberedPagesTest, ADamagedFileIsMadeAnew) {
  remember(*open(), "http://a/1", "[1]", {{"ETag", "\"1\""}});
  for (const std::string& junk : {std::string("no database"), std::string(100'000, 'z')}) {
    std::filesystem::remove(file() + "-wal");
    std::filesystem::remove(file() + "-shm");
    std::ofstream(file(), std::ios::trunc) << junk;
    const auto pages = open();
    ASSERT_TRUE(pages);
    EXPECT_FALSE(pages->find(key("http://a/1")));
    remember(*pages, "http://a/1", "[1]", {{"ETag", "\"1\""}});
  }
  EXPECT_TRUE(open()->find(key("http://a/1")));
  auto other = RememberedPages::open({.path = file(), .owner = {"port:https://other", "mine"}});
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE((*other)->find(key("http://a/1"))) << "another target's pages";
}

/// Bytes that zlib cannot make smaller.
std::string noise(std::size_t bytes, unsigned seed) {
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>((seed = seed * 1664525u + 1013904223u) >> 24);
  return text;
}

TEST_F(RememberedPagesTest, StayUnderTheLimitAndKeepWhatThisRunAskedFor) {
  const auto url = [](int i) { return "http://a/" + std::to_string(i); };
  const auto tag = [](int i) { return std::vector<Header>{{"ETag", "\"" + std::to_string(i) + "\""}}; };
  const auto there = [&](RememberedPages& pages) {
    int count = 0;
    for (int i = 0; i < 40; ++i) count += pages.find(key(url(i))) ? 1 : 0;
    return count;
  };
  {
    const auto pages = open(200'000);
    for (int i = 0; i < 40; ++i) remember(*pages, url(i), noise(10'000, static_cast<unsigned>(i)), tag(i));
  }
  {
    const auto pages = open(200'000);
    EXPECT_EQ(there(*pages), 19) << "and not the last nineteen: what came first stays";
    EXPECT_TRUE(pages->find(key(url(0))));
    // What is asked for again stays; what is not gives way.
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(recall(*pages, pages->find(key(url(i))).value()));
    for (int i = 30; i < 40; ++i) remember(*pages, url(i), noise(10'000, static_cast<unsigned>(i)), tag(i));
  }
  {
    const auto pages = open(200'000);
    EXPECT_LE(there(*pages), 19);
    for (int i : {0, 4, 30, 39}) EXPECT_TRUE(pages->find(key(url(i)))) << i;
  }
  EXPECT_LE(there(*open(50'000)), 4);
  EXPECT_LE(std::filesystem::file_size(file()), 100'000u);
  EXPECT_EQ(there(*open(50'000, 2)), 2);
}

TEST_F(RememberedPagesTest, WhatNobodyAsksForIsForgottenAfterTenRuns) {
  {
    const auto pages = open();
    remember(*pages, "http://a/old", "[1]", {{"ETag", "\"1\""}});
  }
  for (int run = 0; run < 11; ++run) {
    const auto pages = open();
    EXPECT_EQ(pages->find(key("http://a/old")).has_value(), run < 10) << run;
    remember(*pages, "http://a/new", "[1]", {{"ETag", "\"" + std::to_string(run) + "\""}});
  }
}

TEST_F(RememberedPagesTest, ThePageIsPaidForByThe304) {
  pipeline::CreditPool pool("bodies", 1000);
  remember(*open(), "http://a/1", std::string(500, '1'), {{"ETag", "\"1\""}});
  const auto pages = open();
  const auto known = pages->find(key("http://a/1"));
  ASSERT_TRUE(known);
  auto paid = std::make_shared<pipeline::PageBuffer>();
  paid->credit = pool.take(500);
  HttpResponse not_modified;
  not_modified.status = 304;
  not_modified.body = std::move(paid);
  std::promise<std::optional<HttpResponse>> promise;
  pages->recall(*known, std::move(not_modified), nullptr, [&](auto page) { promise.set_value(std::move(page)); });
  auto page = promise.get_future().get();
  ASSERT_TRUE(page);
  EXPECT_EQ(pool.taken(), 500u);
  page.reset();
  pages->finish_work();
  EXPECT_EQ(pool.taken(), 0u);
}

}  // namespace
}  // namespace riptide::stages

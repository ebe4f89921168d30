#include "riptide/stages/dead_letters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "scratch_directory.hpp"

namespace riptide::stages {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DeadLettersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = state::StateFile::open(directory_.file("state.db"), {"port:https://port", "mine"});
    ASSERT_TRUE(opened) << opened.error().message;
    file_ = std::make_unique<state::StateFile>(std::move(*opened));
  }
  std::unique_ptr<DeadLetters> open(DeadLetters::Options options = {}) {
    auto opened = DeadLetters::open(*file_, std::move(options));
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  static DeadLetter entity(const std::string& name, const std::string& sink = "port") {
    DeadLetter letter;
    letter.stage = "upload";
    letter.kind = "machine";
    letter.scope = "Spaces-1";
    letter.sink = sink;
    letter.blueprint = "b";
    letter.identifier = name;
    letter.reason = "refused " + name;
    letter.at = "2026-01-01T00:00:0" + std::to_string(ticks_++ % 10) + "Z";
    letter.run_id = "run-1";
    letter.bytes = R"({"identifier":")" + name + "\"}";
    letter.identity = pipeline::identity_digest("b", name);
    return letter;
  }
  static DeadLetter record(const std::string& text, std::uint32_t resource = 0) {
    DeadLetter letter = entity("");
    letter.stage = "transform";
    letter.sink.clear();
    letter.resource = resource;
    letter.bytes = text;
    return letter;
  }
  static std::vector<std::string> bytes(DeadLetters& letters, const DeadLetters::Filter& filter = {}) {
    EXPECT_TRUE(letters.flush());
    std::vector<std::string> found;
    EXPECT_TRUE(letters.list(filter, [&](const DeadLetter& letter) {
      found.push_back(letter.bytes);
      return true;
    }));
    return found;
  }
  static std::vector<std::int64_t> ids(DeadLetters& letters) {
    std::vector<std::int64_t> found;
    EXPECT_TRUE(letters.list({}, [&](const DeadLetter& letter) {
      found.push_back(letter.id);
      return true;
    }));
    return found;
  }

  static inline int ticks_ = 0;
  state::ScratchDirectory directory_;
  std::unique_ptr<state::StateFile> file_;
};

TEST_F(DeadLettersTest, EverythingOfALetterComesBack) {
  ticks_ = 0;
  {
    const auto letters = open();
    DeadLetter letter = entity("one");
    letter.resource = 3;
    letter.url = "http://source/page";
    letter.request_id = "req-7";
    letters->add(letter);
    ASSERT_TRUE(letters->flush());
  }
  const auto letters = open();
  EXPECT_TRUE(letters->has_entities());
  int count = 0;
  ASSERT_TRUE(letters->list({}, [&](const DeadLetter& letter) {
    ++count;
    EXPECT_EQ(letter.stage, "upload");
    EXPECT_EQ(letter.kind, "machine");
    EXPECT_EQ(letter.resource, 3u);
    EXPECT_EQ(letter.scope, "Spaces-1");
    EXPECT_EQ(letter.sink, "port");
    EXPECT_EQ(letter.blueprint, "b");
    EXPECT_EQ(letter.identifier, "one");
    EXPECT_EQ(letter.reason, "refused one");
    EXPECT_EQ(letter.url, "http://source/page");
    EXPECT_EQ(letter.request_id, "req-7");
    EXPECT_EQ(letter.run_id, "run-1");
    EXPECT_EQ(letter.bytes, R"({"identifier":"one"})");
    return true;
  }));
  EXPECT_EQ(count, 1);
}

TEST_F(DeadLettersTest, ALetterThatComesAgainKeepsItsNumber) {
  ticks_ = 0;
  const auto letters = open();
  for (const char* const name : {"one", "two", "three"}) letters->add(entity(name));
  letters->add(record(R"({"a":1})"));
  letters->add(record(R"({"a":1})", 1));  // The same record, of another block: another letter.
  ASSERT_TRUE(letters->flush());
  const auto before = ids(*letters);
  ASSERT_EQ(before.size(), 5u);
  letters->add(entity("two"));
  letters->add(record(R"({"a":1})"));
  letters->add(entity("two", "sqlite:a.db"));  // Refused by another sink: another letter.
  ASSERT_TRUE(letters->flush());
  auto after = ids(*letters);
  EXPECT_EQ(after.size(), 6u);
  for (const std::int64_t id : before) EXPECT_NE(std::find(after.begin(), after.end(), id), after.end());
}

TEST_F(DeadLettersTest, WhatReachedItsSinkIsForgottenThereAlone) {
  ticks_ = 0;
  const auto letters = open();
  letters->add(entity("one", "port"));
  letters->add(entity("one", "sqlite:a.db"));
  letters->delivered(pipeline::identity_digest("b", "one"), "port");
  letters->delivered(pipeline::identity_digest("b", "nobody"), "port");
  ASSERT_TRUE(letters->flush());
  std::vector<std::string> sinks;
  ASSERT_TRUE(letters->list({}, [&](const DeadLetter& letter) {
    sinks.push_back(letter.sink);
    return true;
  }));
  EXPECT_THAT(sinks, ElementsAre("sqlite:a.db"));
}

TEST_F(DeadLettersTest, FiltersAreJoined) {
  ticks_ = 0;
  const auto letters = open();
  letters->add(entity("one"));
  letters->add(entity("two"));
  DeadLetter other = record("{}");
  other.kind = "project";
  other.run_id = "run-2";
  letters->add(other);
  ASSERT_TRUE(letters->flush());
  EXPECT_THAT(bytes(*letters, {.kinds = {"project"}}), ElementsAre("{}"));
  EXPECT_THAT(bytes(*letters, {.stage = "upload", .reason = "two"}), ElementsAre(R"({"identifier":"two"})"));
  EXPECT_THAT(bytes(*letters, {.run_id = "run-2"}), ElementsAre("{}"));
  EXPECT_THAT(bytes(*letters, {.kinds = {"project"}, .stage = "upload"}), IsEmpty());
  EXPECT_EQ(bytes(*letters).size(), 3u);
}

TEST_F(DeadLettersTest, TheOldestGoWhenThereAreTooMany) {
  ticks_ = 0;
  const auto letters = open({.max_bytes = 3 * (512 + 1000)});
  for (char name = 'a'; name <= 'e'; ++name) {
    DeadLetter letter = record(std::string(1000, name));
    letters->add(letter);
  }
  ASSERT_TRUE(letters->flush());
  EXPECT_THAT(bytes(*letters), ElementsAre(std::string(1000, 'c'), std::string(1000, 'd'), std::string(1000, 'e')));
  EXPECT_EQ(letters->trimmed(), 2u);
}

TEST_F(DeadLettersTest, WhatWaitsIsBounded) {
  ticks_ = 0;
  const auto letters = open();
  for (int i = 0; i < 20; ++i) letters->add(record(std::to_string(100 + i) + std::string(1u << 20, 'x')));
  EXPECT_GE(letters->trimmed(), 16u) << "more than 4 MiB do not wait";
  EXPECT_EQ(bytes(*letters).size() + letters->trimmed(), 20u);
  EXPECT_EQ(bytes(*letters).back().substr(0, 3), "119") << "the newest stay";
}

TEST_F(DeadLettersTest, DroppingCountsWhatWasThere) {
  ticks_ = 0;
  const auto letters = open();
  for (const char* const name : {"one", "two", "three"}) letters->add(entity(name));
  ASSERT_TRUE(letters->flush());
  const auto all = ids(*letters);
  const std::vector<std::int64_t> some = {all[0], all[2], 999};
  EXPECT_EQ(letters->drop(some).value(), 2u);
  EXPECT_THAT(bytes(*letters), ElementsAre(R"({"identifier":"two"})"));
}

TEST_F(DeadLettersTest, ARunThatReadAKindForgetsEarlierLettersOfIt) {
  ticks_ = 0;
  const auto letters = open();
  letters->add(entity("old"));
  DeadLetter fresh = entity("new");
  fresh.run_id = "run-2";
  letters->add(fresh);
  DeadLetter other = entity("other");
  other.kind = "project";
  letters->add(other);
  letters->add(entity("elsewhere", "sqlite:a.db"));
  letters->add(record("{}"));
  const std::vector<std::string> runs = {"run-2"}, kinds = {"machine"}, sinks = {"port"};
  ASSERT_TRUE(letters->forget_earlier(runs, kinds, sinks));
  std::vector<std::string> left;
  ASSERT_TRUE(letters->list({}, [&](const DeadLetter& letter) {
    left.push_back(letter.identifier);
    return true;
  }));
  EXPECT_THAT(left, testing::UnorderedElementsAre("new", "other", "elsewhere"));
}

TEST_F(DeadLettersTest, SecretsAreTakenOut) {
  ticks_ = 0;
  const auto letters = open({.redact = [](std::string text) {
    for (auto at = text.find("SECRET"); at != std::string::npos; at = text.find("SECRET")) text.replace(at, 6, "***");
    return text;
  }});
  DeadLetter letter = record(R"({"token":"SECRET"})");
  letter.reason = "SECRET refused";
  letter.url = "http://h/?k=SECRET";
  letters->add(letter);
  ASSERT_TRUE(letters->flush());
  ASSERT_TRUE(letters->list({}, [](const DeadLetter& found) {
    EXPECT_EQ(found.bytes, R"({"token":"***"})");
    EXPECT_EQ(found.reason, "*** refused");
    EXPECT_EQ(found.url, "http://h/?k=***");
    return true;
  }));
}

}  // namespace
}  // namespace riptide::stages

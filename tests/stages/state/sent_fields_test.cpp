#include "riptide/state/sent_fields.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "riptide/state/digest_store.hpp"
#include "scratch_directory.hpp"

namespace riptide::state {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kShape("blueprint\0title\0properties.a\0", 29);

pipeline::Digest identity(std::size_t number) { return pipeline::identity_digest("blueprint", std::to_string(number)); }

/// With memory for all, and with so little that the store works from the disk.
class SentFieldsTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    auto opened = StateFile::open(directory_.file("state.db"), {"port:https://port", "mine"});
    ASSERT_TRUE(opened) << opened.error().message;
    file_ = std::make_unique<StateFile>(std::move(*opened));
  }
  /// Sends entities from `first` to before `last`, with `version` in their contents; a whole run.
  void run(std::size_t first, std::size_t last, std::uint32_t version, std::string_view shape = kShape) {
    auto store = DigestStore::open(*file_, {.memory_bytes = GetParam(), .linger = std::chrono::milliseconds(1)});
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE((*store)->listing_ended(DigestStore::Listing::kComplete));
    for (std::size_t i = first; i < last; ++i) {
      const DigestStore::Question question{identity(i), pipeline::digest_of(std::to_string(version)), 1};
      DigestStore::Answer answer;
      ASSERT_TRUE((*store)->ask(std::span(&question, 1), std::span(&answer, 1)));
      const std::string name = std::to_string(i);
      const std::vector<std::uint32_t> digests{static_cast<std::uint32_t>(i), version};
      const SentFields fields{name, shape, digests};
      (*store)->confirm(question, {}, {}, &fields);
    }
    ASSERT_TRUE((*store)->finish(DigestStore::Ending::kPartial));
  }
  std::unique_ptr<SentFieldsReader> reader() {
    auto opened = SentFieldsReader::open(*file_);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  std::int64_t integer(std::string_view sql) {
    auto database = file_->connect();
    EXPECT_TRUE(database);
    return (*database)->integer(sql).value();
  }

  ScratchDirectory directory_;
  std::unique_ptr<StateFile> file_;
};

TEST_P(SentFieldsTest, WhatWasSentLastIsFound) {
  run(0, 3000, 1);
  run(100, 200, 2);
  const auto kept = reader();
  for (const std::size_t number : {0u, 99u, 100u, 199u, 200u, 2999u}) {
    auto found = kept->find(identity(number));
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_TRUE(*found) << number;
    EXPECT_EQ((*found)->blueprint, "blueprint");
    EXPECT_EQ((*found)->identifier, std::to_string(number));
    EXPECT_THAT(*(*found)->names, ElementsAre("title", "properties.a"));
    EXPECT_THAT((*found)->digests, ElementsAre(number, number >= 100 && number < 200 ? 2 : 1));
  }
  EXPECT_FALSE(*kept->find(identity(3000)));
  EXPECT_EQ(integer("SELECT count(*) FROM digest_shapes"), 1);
}

TEST_P(SentFieldsTest, WhatIsOutOfDateGoesOnceItIsMuch) {
  for (std::uint32_t version = 1; version <= 5; ++version) run(0, 5000, version);
  EXPECT_LE(integer("SELECT value FROM digest_state WHERE name = 'sent_records'"), 20'000);
  const auto kept = reader();
  for (std::size_t i = 0; i < 5000; ++i) {
    auto found = kept->find(identity(i));
    ASSERT_TRUE(found && *found) << i;
    ASSERT_THAT((*found)->digests, ElementsAre(i, 5));
  }
}

TEST_P(SentFieldsTest, WhatStillCountsIsMovedWhenTheRestGoes) {
  run(0, 5000, 1);
  for (std::uint32_t version = 2; version <= 6; ++version) run(0, 4000, version);
  EXPECT_LE(integer("SELECT value FROM digest_state WHERE name = 'sent_records'"), 20'000);
  EXPECT_GT(integer("SELECT min(id) FROM digest_sent"), 1);
  const auto kept = reader();
  for (std::size_t i = 0; i < 5000; ++i) {
    auto found = kept->find(identity(i));
    ASSERT_TRUE(found && *found) << i;
    ASSERT_THAT((*found)->digests, ElementsAre(i, i < 4000 ? 6 : 1));
  }
}

TEST_P(SentFieldsTest, AnotherSetOfFieldsIsAnotherShape) {
  run(0, 10, 1);
  run(0, 5, 2, std::string_view("other\0icon\0team\0", 16));
  const auto kept = reader();
  auto found = kept->find(identity(2));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->blueprint, "other");
  EXPECT_THAT(*(*found)->names, ElementsAre("icon", "team"));
  EXPECT_EQ((*kept->find(identity(7)))->blueprint, "blueprint");
}

TEST_P(SentFieldsTest, DamageIsAnErrorOrNothing) {
  run(0, 100, 1);
  auto database = file_->connect();
  ASSERT_TRUE(database);
  ASSERT_TRUE((*database)->run("UPDATE digest_shapes SET names = x'6200'"));
  EXPECT_FALSE(reader()->find(identity(1)));
  ASSERT_TRUE((*database)->run("UPDATE digest_sent SET records = substr(records, 1, 30)"));
  EXPECT_FALSE(*reader()->find(identity(1)));
}

INSTANTIATE_TEST_SUITE_P(Memory, SentFieldsTest, ::testing::Values(std::size_t{64} << 20, std::size_t{16} << 10));

}  // namespace
}  // namespace riptide::state

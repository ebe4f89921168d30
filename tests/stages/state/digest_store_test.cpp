#include "riptide/state/digest_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <random>
#include <thread>

#include "scratch_directory.hpp"

namespace riptide::state {
namespace {

using pipeline::Digest;
using pipeline::digest_of;
using Answer = DigestStore::Answer;
using Question = DigestStore::Question;

Digest identity(std::size_t number) { return pipeline::identity_digest("blueprint", std::to_string(number)); }
Digest contents(std::string_view text) { return digest_of(text); }

class DigestStoreTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override { open_file("state.db"); }

  void open_file(const std::string& name) {
    auto opened = StateFile::open(directory_.file(name), {"port:https://port", "mine"});
    ASSERT_TRUE(opened) << opened.error().message;
    file_ = std::make_unique<StateFile>(std::move(*opened));
  }
  std::unique_ptr<DigestStore> open() {
    auto store = DigestStore::open(*file_, {.memory_bytes = GetParam(), .linger = std::chrono::milliseconds(1)});
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  static Answer ask(DigestStore& store, const Question& question) {
    Answer answer;
    auto asked = store.ask(std::span(&question, 1), std::span(&answer, 1));
    EXPECT_TRUE(asked) << asked.error().message;
    return answer;
  }
  static bool sends(DigestStore& store, std::size_t number, std::string_view text) {
    return !ask(store, {identity(number), contents(text), 1}).unchanged;
  }
  static void confirm(DigestStore& store, std::size_t number, std::string_view text) {
    store.confirm({identity(number), contents(text), 1});
  }
  static void list(DigestStore& store, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) ASSERT_TRUE(store.note_present(identity(i)));
    ASSERT_TRUE(store.listing_ended(DigestStore::Listing::kComplete));
  }
  static void settle(DigestStore& store) {
    std::promise<void> written;
    store.when_written([&](const pipeline::Result<void>& done) {
      EXPECT_TRUE(done) << done.error().message;
      written.set_value();
    });
    written.get_future().wait();
  }
  // What a process that is killed now would leave.
  void leave_as_killed() {
    for (const char* const suffix : {"", "-wal"}) {
      std::filesystem::copy_file(directory_.file("state.db") + suffix, directory_.file("killed.db") + suffix);
    }
    open_file("killed.db");
  }
  static std::map<std::pair<std::uint64_t, std::uint64_t>, Digest> all(DigestStore& store) {
    std::map<std::pair<std::uint64_t, std::uint64_t>, Digest> known;
    EXPECT_TRUE(store.each([&](const DigestStore::Known& one) {
      EXPECT_TRUE(known.emplace(std::pair(one.identity.high, one.identity.low), one.contents).second);
    }));
    return known;
  }

  ScratchDirectory directory_;
  std::unique_ptr<StateFile> file_;
};

TEST_P(DigestStoreTest, WhatWasConfirmedAndIsPresentNeedNotBeSent) {
  constexpr std::size_t kMany = 3000;
  {
    auto store = open();
    EXPECT_EQ(store->size(), 0u);
    for (std::size_t i = 0; i < kMany; ++i) EXPECT_TRUE(sends(*store, i, "a"));
    for (std::size_t i = 0; i < kMany; ++i) confirm(*store, i, "a");
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  auto store = open();
  EXPECT_EQ(all(*store).size(), kMany);
  // Before the catalogue was listed nobody knows what is there.
  EXPECT_TRUE(sends(*store, 0, "a"));
  list(*store, 1, kMany - 1);
  EXPECT_TRUE(sends(*store, 1, "b")) << "changed";
  EXPECT_TRUE(sends(*store, kMany - 1, "a")) << "gone from the target";
  EXPECT_TRUE(sends(*store, kMany, "a")) << "new";
  for (std::size_t i = 2; i < kMany - 1; ++i) EXPECT_FALSE(sends(*store, i, "a")) << i;
  ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
}

TEST_P(DigestStoreTest, AListingThatFailedProvesNothing) {
  {
    auto store = open();
    for (std::size_t i = 0; i < 10; ++i) (void)sends(*store, i, "a");
    for (std::size_t i = 0; i < 10; ++i) confirm(*store, i, "a");
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  auto store = open();
  for (std::size_t i = 0; i < 5; ++i) ASSERT_TRUE(store->note_present(identity(i)));
  ASSERT_TRUE(store->listing_ended(DigestStore::Listing::kFailed));
  for (std::size_t i = 0; i < 10; ++i) EXPECT_TRUE(sends(*store, i, "a"));
  ASSERT_TRUE(store->finish(DigestStore::Ending::kPartial));
  // Sent and never confirmed: forgotten.
  EXPECT_TRUE(all(*open()).empty());
}

TEST_P(DigestStoreTest, RefusedAndUnheardAreForgotten) {
  {
    auto store = open();
    for (std::size_t i = 0; i < 4; ++i) (void)sends(*store, i, "a");
    for (std::size_t i = 0; i < 4; ++i) confirm(*store, i, "a");
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  {
    auto store = open();
    list(*store, 0, 4);
    EXPECT_TRUE(sends(*store, 0, "b"));
    store->give_up(identity(0));              // refused
    EXPECT_TRUE(sends(*store, 1, "b"));       // never heard of again
    ASSERT_TRUE(store->forget(identity(2)));  // removed
    store->give_up(identity(3));              // was not sent at all
    EXPECT_FALSE(sends(*store, 3, "a"));
    ASSERT_TRUE(store->finish(DigestStore::Ending::kPartial));
  }
  auto store = open();
  EXPECT_EQ(all(*store).size(), 1u);
  list(*store, 0, 4);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(sends(*store, i, "a")) << i;
  EXPECT_FALSE(sends(*store, 3, "a"));
}

// The source goes back to what was confirmed first while the target may have what was sent last.
TEST_P(DigestStoreTest, BeingKilledBetweenSendingAndConfirmingHidesNoDifference) {
  {
    auto store = open();
    for (std::size_t i = 0; i < 200; ++i) (void)sends(*store, i, "a");
    for (std::size_t i = 0; i < 200; ++i) confirm(*store, i, "a");
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  auto store = open();
  list(*store, 0, 200);
  const Question changed{identity(7), contents("b"), 1};
  Answer answer;
  EXPECT_TRUE(store->ask(std::span(&changed, 1), std::span(&answer, 1)).value()) << "must be taken back first";
  EXPECT_FALSE(answer.unchanged);
  settle(*store);
  leave_as_killed();
  auto after = open();
  list(*after, 0, 200);
  EXPECT_TRUE(sends(*after, 7, "a"));
  EXPECT_FALSE(sends(*after, 8, "a"));
}

TEST_P(DigestStoreTest, BeingKilledLosesNothingThatWasWritten) {
  auto store = open();
  for (std::size_t i = 0; i < 500; ++i) (void)sends(*store, i, "a");
  for (std::size_t i = 0; i < 400; ++i) confirm(*store, i, "a");
  settle(*store);
  leave_as_killed();
  auto after = open();
  list(*after, 0, 500);
  for (std::size_t i = 0; i < 400; ++i) EXPECT_FALSE(sends(*after, i, "a")) << i;
  for (std::size_t i = 400; i < 500; ++i) EXPECT_TRUE(sends(*after, i, "a")) << i;
}

TEST_P(DigestStoreTest, WhatWasSentWithTwoContentsAtOnceIsNotKnown) {
  {
    auto store = open();
    EXPECT_TRUE(sends(*store, 1, "a"));
    EXPECT_TRUE(sends(*store, 1, "b"));
    confirm(*store, 1, "a");
    confirm(*store, 1, "b");
    // One after the other is no contest.
    EXPECT_TRUE(sends(*store, 2, "a"));
    confirm(*store, 2, "a");
    EXPECT_TRUE(sends(*store, 2, "b"));
    confirm(*store, 2, "b");
    EXPECT_FALSE(sends(*store, 2, "b"));
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  auto store = open();
  list(*store, 1, 3);
  EXPECT_TRUE(sends(*store, 1, "b"));
  EXPECT_FALSE(sends(*store, 2, "b"));
}

TEST_P(DigestStoreTest, WhatASearchFoundIsRememberedWithIt) {
  const Digest found = pipeline::identity_digest("blueprint", "real");
  const Question question{identity(1), contents("a"), 1, true};
  {
    auto store = open();
    EXPECT_FALSE(ask(*store, question).unchanged);
    store->confirm(question, "blueprint", "real");
    const Question silent{identity(2), contents("a"), 1, true};
    EXPECT_FALSE(ask(*store, silent).unchanged);
    store->confirm(silent);
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  {
    auto store = open();
    ASSERT_TRUE(store->note_present(found));
    ASSERT_TRUE(store->note_present(identity(2)));
    ASSERT_TRUE(store->listing_ended(DigestStore::Listing::kComplete));
    const Answer answer = ask(*store, question);
    EXPECT_TRUE(answer.unchanged);
    EXPECT_EQ(answer.found, found);
    EXPECT_FALSE(ask(*store, {identity(2), contents("a"), 1, true}).unchanged) << "nobody said what it found";
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  auto store = open();
  ASSERT_TRUE(store->listing_ended(DigestStore::Listing::kComplete));
  EXPECT_FALSE(ask(*store, question).unchanged) << "what it found is gone from the target";
}

TEST_P(DigestStoreTest, AWholeRunForgetsWhatIsNeitherReadNorInTheTarget) {
  {
    auto store = open();
    for (std::size_t i = 0; i < 300; ++i) (void)sends(*store, i, "a");
    for (std::size_t i = 0; i < 300; ++i) confirm(*store, i, "a");
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  {
    auto store = open();
    list(*store, 0, 200);  // 200 to 299 were removed by somebody else
    for (std::size_t i = 0; i < 100; ++i) EXPECT_FALSE(sends(*store, i, "a"));
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  EXPECT_EQ(all(*open()).size(), 200u);
}

TEST_P(DigestStoreTest, NothingIsKnownOfWhatIsAlwaysSent) {
  {
    auto store = open();
    (void)sends(*store, 1, "a");
    confirm(*store, 1, "a");
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  {
    auto store = open();
    list(*store, 0, 2);
    EXPECT_FALSE(ask(*store, {identity(1), contents("a"), 1, false, true}).unchanged);
    confirm(*store, 1, "a");
    EXPECT_FALSE(ask(*store, {identity(2), contents("a"), 1, false, true}).unchanged);
    confirm(*store, 2, "a");
    ASSERT_TRUE(store->finish(DigestStore::Ending::kPartial));
  }
  EXPECT_TRUE(all(*open()).empty());
}

TEST_P(DigestStoreTest, KnowsTheScopeThatAnEntityWasReadIn) {
  constexpr std::size_t kMany = 3000;
  {
    auto store = open();
    for (std::size_t i = 0; i < kMany; ++i) {
      const Question question{identity(i), contents("a"),
                              store->scope("machine", i % 2 == 0 ? "Spaces-1" : "Spaces-2")};
      EXPECT_FALSE(ask(*store, question).unchanged);
      store->confirm(question);
    }
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  auto store = open();
  for (std::size_t i = 0; i < kMany; ++i) {
    const auto scope = store->scope_of(identity(i)).value();
    ASSERT_TRUE(scope);
    EXPECT_EQ(*scope, std::pair(std::string("machine"), std::string(i % 2 == 0 ? "Spaces-1" : "Spaces-2")));
  }
  EXPECT_FALSE(store->scope_of(identity(kMany)).value());
}

TEST_P(DigestStoreTest, ScopesKeepTheirNumbers) {
  std::uint32_t machines = 0;
  {
    auto store = open();
    machines = store->scope("machine", "Spaces-1");
    EXPECT_NE(store->scope("machine", "Spaces-2"), machines);
    EXPECT_EQ(store->scope("machine", "Spaces-1"), machines);
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  auto store = open();
  EXPECT_EQ(store->scope("machine", "Spaces-1"), machines);
  EXPECT_EQ(store->scope_name(machines), std::pair(std::string("machine"), std::string("Spaces-1")));
}

// Runs of random work against a plain map; small memory makes it spill in the middle of a run.
TEST_P(DigestStoreTest, DoesAsAPlainMapDoes) {
  constexpr std::size_t kMany = 4000;
  std::map<std::size_t, std::string> target;  // what is in the target and was confirmed
  std::mt19937 random(7);
  for (int run = 0; run < 12; ++run) {
    auto store = open();
    for (const auto& [number, text] : target) ASSERT_TRUE(store->note_present(identity(number)));
    ASSERT_TRUE(store->listing_ended(DigestStore::Listing::kComplete));
    std::size_t sent = 0;
    for (std::size_t i = 0; i < kMany; ++i) {
      if (random() % 8 == 0) continue;
      const std::string text = std::to_string(random() % 16 == 0 ? random() % 5 : 0);
      const auto known = target.find(i);
      const bool unchanged = known != target.end() && known->second == text;
      ASSERT_EQ(sends(*store, i, text), !unchanged) << "run " << run << ", entity " << i;
      if (unchanged) continue;
      ++sent;
      if (random() % 32 == 0) {
        if (random() % 2 == 0) {
          store->give_up(identity(i));
        } else {
          ASSERT_TRUE(store->forget(identity(i)));
        }
        target.erase(i);
      } else {
        confirm(*store, i, text);
        target[i] = text;
      }
    }
    settle(*store);
    EXPECT_EQ(store->spilled(), GetParam() < 1'000'000);
    if (run > 0) {
      EXPECT_LT(sent, kMany / 2);
    }
    ASSERT_TRUE(store->finish(run % 3 == 0 ? DigestStore::Ending::kPartial : DigestStore::Ending::kWholeRun));
    store.reset();
    EXPECT_EQ(all(*open()).size(), target.size()) << "run " << run;
  }
}

TEST_P(DigestStoreTest, ManyThreadsMayAskAndConfirm) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kEach = 3000;
  {
    auto store = open();
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = t * kEach; i < (t + 1) * kEach; ++i) {
          (void)sends(*store, i, "a");
          confirm(*store, i, "a");
          EXPECT_FALSE(i % 7 == 0 && GetParam() > 1'000'000 && sends(*store, i, "a"));
        }
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_TRUE(store->finish(DigestStore::Ending::kWholeRun));
  }
  EXPECT_EQ(all(*open()).size(), kThreads * kEach);
}

INSTANTIATE_TEST_SUITE_P(Memory, DigestStoreTest, ::testing::Values(64u << 20, 60'000u),
                         [](const auto& memory) { return memory.param > 1'000'000 ? "InMemory" : "OnDisk"; });

}  // namespace
}  // namespace riptide::state

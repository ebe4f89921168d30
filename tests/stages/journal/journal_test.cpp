#include "riptide/stages/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "journal/journal_recorder.hpp"
#include "pages.hpp"
#include "scratch_directory.hpp"

namespace riptide::stages {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t kNow = 1'800'000'000;

JournalTerms terms() { return {"0.1.0", "mapping", "source", "0 1 ", "port", "boot"}; }

UnfinishedRun run_of(std::string id) { return {{std::move(id)}, kNow, terms(), "catalogue\n"}; }

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() : file_(*state::StateFile::open(directory_.file("state.db"), {"port:x", "mine"})) {}

  [[nodiscard]] std::unique_ptr<Journal> open() const {
    auto journal = Journal::open(file_);
    EXPECT_TRUE(journal);
    return std::move(*journal);
  }
  [[nodiscard]] std::vector<std::uint64_t> seen(Journal& journal) const {
    std::vector<std::uint64_t> all;
    EXPECT_TRUE(
        journal.seen([&](std::uint32_t, std::uint32_t, const SeenEntry& entry) { all.push_back(entry.identity.low); }));
    return all;
  }
  void damage(const std::string& sql) const {
    auto database = file_.connect();
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->run(sql));
  }

  state::ScratchDirectory directory_;
  state::StateFile file_;
};

SettledPages::Result result_of(std::uint64_t identity) {
  SettledPages::Result result;
  result.seen = {{0, {{{identity, 0}, 1}}}};
  result.read = {{0, {.read = 1}}};
  result.sunk = {{0, 0, {.created = 1}, 10}};
  return result;
}

TEST_F(JournalTest, WhatSettlesIsThereForTheNextRunAndGoneWhenItIsComplete) {
  const ScopeRef scope = scope_of("a");
  {
    auto journal = open();
    const auto nothing = journal->unfinished();
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(*nothing);
    ASSERT_TRUE(journal->begin(run_of("run-1"), SettledCounts(1, 1)));
    JournalRecorder recorder(std::move(journal), SettledCounts(1, 1), {});
    EXPECT_TRUE(recorder.confirmed(page_of(scope, 0, 3), result_of(11)));
    recorder.covered(page_of(scope, 0, 3));
    EXPECT_TRUE(recorder.confirmed(page_of(scope, 1, 3), result_of(12)));  // A repeat's page, say: not covered.
    recorder.finish(JournalRecorder::End::kUnfinished);
  }
  {
    auto journal = open();
    const auto run = journal->unfinished();
    ASSERT_TRUE(run && *run);
    EXPECT_THAT((*run)->run_ids, ElementsAre("run-1"));
    EXPECT_EQ((*run)->begun, kNow);
    EXPECT_EQ((*run)->catalogues, "catalogue\n");
    EXPECT_EQ(obstacle_to_resume(**run, terms(), kNow + 3600), "");
    auto scopes = journal->scopes();
    ASSERT_TRUE(scopes);
    ASSERT_THAT(*scopes, SizeIs(1));
    EXPECT_EQ((*scopes)[0].pages, 1u);
    EXPECT_THAT(seen(*journal), ElementsAre(11, 12));
    auto counts = journal->counts(1, 1);
    ASSERT_TRUE(counts);
    EXPECT_EQ(counts->read[0].tally.read, 2u);
    EXPECT_EQ(counts->read[0].records, 100u);
    EXPECT_EQ(counts->sunk[0][0].tally.created, 2u);

    ASSERT_TRUE(journal->go_on("run-2"));
    JournalRecorder recorder(std::move(journal), *counts, {});
    recorder.restore(std::move(*scopes), {7});
    EXPECT_TRUE(recorder.confirmed(page_of(scope, 2, 3), result_of(13)));
    recorder.covered(page_of(scope, 2, 3));
    recorder.finish(JournalRecorder::End::kUnfinished);
  }
  auto journal = open();
  EXPECT_THAT((*journal->unfinished())->run_ids, ElementsAre("run-1", "run-2"));
  EXPECT_THAT(seen(*journal), ElementsAre(11, 12, 13));
  EXPECT_EQ(journal->counts(1, 1)->sunk[0][0].tally.created, 3u);
  ASSERT_THAT(*journal->scopes(), SizeIs(1));
  EXPECT_THAT((*journal->scopes())[0].settled, SizeIs(2));

  JournalRecorder recorder(std::move(journal), SettledCounts(1, 1), {});
  recorder.finish(JournalRecorder::End::kComplete);
  auto after = open();
  EXPECT_FALSE(*after->unfinished());
  EXPECT_THAT(seen(*after), IsEmpty());
  EXPECT_THAT(*after->scopes(), IsEmpty());
}

TEST_F(JournalTest, ANewRunForgetsTheOldOne) {
  auto journal = open();
  ASSERT_TRUE(journal->begin(run_of("old"), SettledCounts(1, 1)));
  std::string identities;
  pack_seen(0, 0, {{{1, 1}, 1}}, identities);
  ASSERT_TRUE(journal->enter({{}, identities, packed(SettledCounts(1, 1))}));
  ASSERT_TRUE(journal->begin(run_of("new"), SettledCounts(1, 1)));
  EXPECT_THAT((*journal->unfinished())->run_ids, ElementsAre("new"));
  EXPECT_THAT(seen(*journal), IsEmpty());
}

TEST_F(JournalTest, IsWrittenWhileTheRunGoesOn) {
  auto journal = open();
  ASSERT_TRUE(journal->begin(run_of("run"), SettledCounts(1, 1)));
  JournalRecorder recorder(std::move(journal), SettledCounts(1, 1), {.period = std::chrono::milliseconds(1)});
  EXPECT_TRUE(recorder.confirmed(page_of(scope_of("a"), 0, 3), result_of(11)));
  // Another connection, as the next run's after a kill: nobody ended this recorder.
  auto other = open();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (seen(*other).empty() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_THAT(seen(*other), ElementsAre(11));
}

TEST_F(JournalTest, WhatIsDeliveredIsNotedAtOnce) {
  const std::string path = directory_.file("tail");
  const auto notes = [&](std::uint64_t nonce) {
    std::size_t count = 0;
    JournalTail::read(path, nonce, [&](std::string_view note) {
      Unpacker in(note);
      const auto scope = unpacked_scope(0, in.text());
      ASSERT_TRUE(scope);
      EXPECT_EQ(scope->spec->partition, "a");
      EXPECT_TRUE(visit_seen(in.rest(), [&](std::uint32_t, std::uint32_t resource, const SeenEntry& entry) {
        EXPECT_EQ(resource, 3u);
        count += entry.identity.low;
      }));
    });
    return count;
  };
  auto journal = open();
  ASSERT_TRUE(journal->begin(run_of("run"), SettledCounts(4, 1)));
  JournalRecorder recorder(std::move(journal), SettledCounts(4, 1),
                           {.period = std::chrono::hours(1), .tail = path, .nonce = 77});
  const ScopeRef scope = scope_of("a");
  EXPECT_TRUE(recorder.delivered(page_of(scope, 0, 9), 3, {{{1, 0}, 5}, {{10, 0}, 5}}));
  EXPECT_TRUE(recorder.delivered(page_of(scope, 1, 9), 3, {{{100, 0}, 5}}));
  EXPECT_EQ(notes(77), 111u) << "as after a kill: nobody ended this recorder";
  EXPECT_EQ(notes(78), 0u) << "of another journal";
  recorder.finish(JournalRecorder::End::kUnfinished);
  EXPECT_EQ(notes(77), 0u) << "it is in the journal now";
  EXPECT_THAT(seen(*open()), ElementsAre(1, 10, 100));
}

TEST_F(JournalTest, AFullTailIsEmptiedIntoTheJournal) {
  const std::string path = directory_.file("tail");
  auto journal = open();
  ASSERT_TRUE(journal->begin(run_of("run"), SettledCounts(1, 1)));
  JournalRecorder recorder(std::move(journal), SettledCounts(1, 1),
                           {.period = std::chrono::hours(1), .tail = path, .nonce = 77});
  const ScopeRef scope = scope_of("a");
  const std::vector<SeenEntry> entries(1000, {{1, 2}, 3});
  for (std::size_t bytes = 0; bytes < 3 * JournalTail::kHalfBytes; bytes += 17'000) {
    EXPECT_TRUE(recorder.delivered(page_of(scope, 0, 9), 0, entries));
  }
  auto other = open();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (seen(*other).empty() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_FALSE(seen(*other).empty());
}

TEST(JournalTail, AFileThatIsNotOneHasNoNotes) {
  const state::ScratchDirectory directory;
  const auto count = [&](const std::string& path) {
    std::size_t notes = 0;
    JournalTail::read(path, 1, [&](std::string_view) { ++notes; });
    return notes;
  };
  const std::string path = directory.file("tail");
  EXPECT_EQ(count(path), 0u);
  EXPECT_FALSE(JournalTail::create(directory.file("no/such"), 1));
  {
    auto tail = JournalTail::create(path, 1);
    ASSERT_TRUE(tail);
    EXPECT_TRUE((*tail)->note("one"));
    EXPECT_TRUE((*tail)->turn());
    EXPECT_TRUE((*tail)->note("two"));
    EXPECT_FALSE((*tail)->turn()) << "the first half is not in the journal yet";
    EXPECT_EQ(count(path), 2u);
    (*tail)->swept();
    EXPECT_EQ(count(path), 1u);
    EXPECT_FALSE((*tail)->note(std::string(JournalTail::kHalfBytes, 'x')));
  }
  EXPECT_EQ(count(path), 1u) << "it stays when its process is gone";
  const std::string bytes(2 * JournalTail::kHalfBytes, static_cast<char>(-1));
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(count(path), 0u);
  std::ofstream(path, std::ios::binary) << "short";
  EXPECT_EQ(count(path), 0u);
}

TEST_F(JournalTest, WithTooMuchToWritePagesGoWithout) {
  auto journal = open();
  ASSERT_TRUE(journal->begin(run_of("run"), SettledCounts(1, 1)));
  JournalRecorder recorder(std::move(journal), SettledCounts(1, 1),
                           {.period = std::chrono::hours(1), .most_pending_bytes = 100});
  const ScopeRef scope = scope_of("a");
  int noted = 0;
  for (std::uint64_t page = 0; page < 100; ++page)
    noted += recorder.confirmed(page_of(scope, page, 100), result_of(page));
  EXPECT_GT(noted, 3);
  EXPECT_LT(noted, 20);
}

TEST_F(JournalTest, OneThatCannotBeWrittenIsGivenUpAloud) {
  auto journal = open();
  ASSERT_TRUE(journal->begin(run_of("run"), SettledCounts(1, 1)));
  damage("DROP TABLE journal_seen");
  std::vector<std::string> warnings;
  JournalRecorder recorder(std::move(journal), SettledCounts(1, 1),
                           {.warn = [&](std::string text) { warnings.push_back(std::move(text)); }});
  EXPECT_TRUE(recorder.confirmed(page_of(scope_of("a"), 0, 3), result_of(11)));
  recorder.finish(JournalRecorder::End::kUnfinished);
  EXPECT_FALSE(recorder.good());
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("journal_seen")));
}

TEST_F(JournalTest, DamageIsFound) {
  auto journal = open();
  ASSERT_TRUE(journal->begin(run_of("run"), SettledCounts(1, 1)));
  ScopeEntry entry;
  entry.spec = scope_of("a");
  entry.head = request_at(entry.spec, 0);
  std::string identities;
  pack_seen(0, 0, {{{1, 1}, 1}}, identities);
  ASSERT_TRUE(journal->enter({{{0, packed(entry)}}, identities, packed(SettledCounts(1, 1))}));
  damage("UPDATE journal_seen SET identities = CAST(replace(hex(identities), '01', '02') AS BLOB)");
  damage("UPDATE journal_scopes SET entry = x'00'");
  damage("UPDATE journal SET counts = ''");
  const auto visited = journal->seen([](std::uint32_t, std::uint32_t, const SeenEntry&) {});
  ASSERT_FALSE(visited);
  EXPECT_EQ(visited.error().kind, ErrorKind::kMalformed);
  EXPECT_FALSE(journal->scopes());
  EXPECT_FALSE(journal->counts(1, 1));
  damage("DELETE FROM journal_scopes");
  ASSERT_TRUE(journal->enter({{{1, packed(entry)}}, "", packed(SettledCounts(1, 1))}));
  EXPECT_FALSE(journal->scopes()) << "the scope 0 is missing";
}

TEST(ObstacleToResume, NamesWhatIsNotAsItWas) {
  const auto obstacle = [](auto change, std::int64_t later = 60) {
    JournalTerms now = terms();
    change(now);
    return obstacle_to_resume(run_of("run"), now, kNow + later);
  };
  const auto nothing = [](JournalTerms&) {};
  EXPECT_EQ(obstacle(nothing), "");
  EXPECT_EQ(obstacle(nothing, 24 * 3600), "");
  EXPECT_THAT(obstacle(nothing, 24 * 3600 + 1), HasSubstr("24 hours ago"));
  EXPECT_EQ(obstacle(nothing, -3600), "") << "a clock that was put back";
  EXPECT_THAT(obstacle(nothing, -25 * 3600), HasSubstr("future"));
  EXPECT_THAT(obstacle([](JournalTerms& now) { now.mapping = "m2"; }), HasSubstr("mapping"));
  EXPECT_THAT(obstacle([](JournalTerms& now) { now.source = "s2"; }), HasSubstr("source's settings"));
  EXPECT_THAT(obstacle([](JournalTerms& now) { now.selection = "0 "; }), HasSubstr("kinds"));
  EXPECT_THAT(obstacle([](JournalTerms& now) { now.sinks = "sqlite:x"; }), HasSubstr("port"));
  EXPECT_THAT(obstacle([](JournalTerms& now) { now.version = "0.2.0"; }), HasSubstr("0.1.0"));
  EXPECT_THAT(obstacle([](JournalTerms& now) { now.boot = "b2"; }), HasSubstr("went down"));
}

}  // namespace
}  // namespace riptide::stages

#include "plan/spool.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace riptide::stages {
namespace {

std::vector<std::string> all_of(const Spool& spool) {
  std::vector<std::string> records;
  EXPECT_TRUE(spool.each([&](std::string_view record) {
    records.emplace_back(record);
    return true;
  }));
  return records;
}

TEST(Spool, GivesBackWhatItWasGivenInOrderAsOftenAsAsked) {
  Spool spool;
  EXPECT_TRUE(all_of(spool).empty());
  std::vector<std::string> given;
  for (int i = 0; i < 5000; ++i)
    given.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i % 700), 'x'));
  given.emplace_back();
  given.push_back(std::string(5 << 20, 'y'));  // Longer than what is read at once.
  given.emplace_back("after it");
  for (const std::string& record : given) spool.append(record);
  ASSERT_TRUE(spool.flush());
  EXPECT_EQ(spool.records(), given.size());
  EXPECT_EQ(all_of(spool), given);
  EXPECT_EQ(all_of(spool), given);
  std::size_t seen = 0;
  EXPECT_TRUE(spool.each([&](std::string_view) { return ++seen < 3; }));
  EXPECT_EQ(seen, 3u);
}

TEST(Spool, TakesFromManyThreadsAndGivesTheirCreditBack) {
  pipeline::CreditPool pool("memory", 1000);
  Spool spool;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) spool.append("record", pool.take(1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(spool.flush());
  EXPECT_EQ(all_of(spool).size(), 8000u);
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(Spool, LeavesNoNameBehind) {
  const auto directory = std::filesystem::temp_directory_path() / ("spool-" + std::to_string(::getpid()));
  std::filesystem::create_directory(directory);
  {
    Spool spool(directory.string());
    spool.append("a secret");
    ASSERT_TRUE(spool.flush());
    EXPECT_TRUE(std::filesystem::is_empty(directory));
  }
  std::filesystem::remove(directory);
}

TEST(Spool, SaysWhereThereIsNoRoom) {
  pipeline::CreditPool pool("memory", 1000);
  Spool spool("/no/such/directory");
  spool.append("record", pool.take(10));
  const auto flushed = spool.flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().kind, pipeline::ErrorKind::kTransport);
  EXPECT_NE(flushed.error().message.find("/no/such/directory"), std::string::npos);
  spool.append("record", pool.take(10));
  EXPECT_FALSE(spool.flush());
  EXPECT_EQ(pool.taken(), 0u);
}

}  // namespace
}  // namespace riptide::stages

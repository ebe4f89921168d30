#include "riptide/sinks/ndjson_sink.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <random>

#include "entities.hpp"
#include "line_index.hpp"
#include "temporary_directory.hpp"

namespace riptide::sinks {
namespace {

using stages::Finish;
using test::batch_of;
using test::service;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kA1 = R"({"identifier":"a","blueprint":"service","title":"Service","properties":{"size":1}})";
constexpr const char* kA2 = R"({"identifier":"a","blueprint":"service","title":"Service","properties":{"size":2}})";
constexpr const char* kB1 = R"({"identifier":"b","blueprint":"service","title":"Service","properties":{"size":1}})";

class NdjsonSinkTest : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory_;
  std::string path_ = directory_.file("out.ndjson");
};

TEST_F(NdjsonSinkTest, TheFileAppearsWhenTheRunEndsWell) {
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  EXPECT_EQ(sink.partial_path(), path_ + ".partial");
  ASSERT_TRUE(sink.write(batch_of({service("a"), service("b")})));
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(sink.finish(Finish::kComplete));
  EXPECT_THAT(test::lines(path_), ElementsAre(kA1, kB1));
  EXPECT_FALSE(std::filesystem::exists(sink.partial_path()));
}

TEST_F(NdjsonSinkTest, APartialRunKeepsTheOldFileAndWhatItWrote) {
  std::ofstream(path_) << "old\n";
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write(batch_of({service("a")})));
  ASSERT_TRUE(sink.finish(Finish::kPartial));
  EXPECT_EQ(test::contents(path_), "old\n");
  EXPECT_THAT(test::lines(path_ + ".partial"), ElementsAre(kA1));
}

TEST_F(NdjsonSinkTest, ALeftoverPartialIsWrittenAnew) {
  std::ofstream(path_ + ".partial") << std::string(100'000, 'x');
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write(batch_of({service("a")})));
  ASSERT_TRUE(sink.finish(Finish::kComplete));
  EXPECT_THAT(test::lines(path_), ElementsAre(kA1));
}

TEST_F(NdjsonSinkTest, TheLastReadOfAnIdentityWins) {
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write(batch_of({service("a", "7"), service("b", "8"), service("a", "9")})));
  ASSERT_TRUE(sink.write(batch_of({service("a", "2"), service("b")})));
  ASSERT_TRUE(sink.finish(Finish::kComplete));
  EXPECT_THAT(test::lines(path_), ElementsAre(kA2, kB1));
}

// Lines of all lengths around the size of a block, many of them written again and again.
TEST_F(NdjsonSinkTest, CompactionKeepsExactlyTheLastLines) {
  std::mt19937 random(7);
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  std::map<std::string, std::string> expected;
  for (int round = 0; round < 400; ++round) {
    std::vector<test::EntityParts> entities;
    for (int i = 0; i < 5; ++i) {
      const std::string identifier = "id-" + std::to_string(random() % 300);
      const std::size_t length = round % 40 == 0 && i == 0 ? 1'500'000 : random() % 9000;
      const std::string value = "\"" + std::string(length, static_cast<char>('a' + random() % 26)) + "\"";
      entities.push_back(service(identifier, value));
      expected[identifier] = value;
    }
    ASSERT_TRUE(sink.write(batch_of(entities)));
  }
  ASSERT_TRUE(sink.finish(Finish::kComplete));
  std::vector<std::string> wanted;
  for (const auto& [identifier, value] : expected) {
    const stages::Batch one = batch_of({service(identifier, value)});
    wanted.emplace_back(one.json(one.entities[0]));
  }
  EXPECT_TRUE(test::lines(path_).size() == wanted.size());
  std::vector<std::string> found = test::lines(path_);
  std::sort(found.begin(), found.end());
  std::sort(wanted.begin(), wanted.end());
  EXPECT_TRUE(found == wanted);
}

TEST_F(NdjsonSinkTest, AValueThatWasWrittenOverLinesIsStillOneLine) {
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write(batch_of({service("a", "[1,\r\n  2]")})));
  ASSERT_TRUE(sink.finish(Finish::kComplete));
  EXPECT_THAT(test::lines(path_), ElementsAre(HasSubstr(R"("size":[1,    2])")));
}

TEST_F(NdjsonSinkTest, NothingWrittenIsAnEmptyFile) {
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.finish(Finish::kComplete));
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_EQ(test::contents(path_), "");
}

TEST_F(NdjsonSinkTest, ALinkStaysALink) {
  std::ofstream(directory_.file("target")) << "old\n";
  ASSERT_EQ(::symlink("target", path_.c_str()), 0);
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write(batch_of({service("a")})));
  ASSERT_TRUE(sink.finish(Finish::kComplete));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_THAT(test::lines(directory_.file("target")), ElementsAre(kA1));
}

TEST_F(NdjsonSinkTest, APipeIsWrittenAsItComes) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  EXPECT_EQ(sink.partial_path(), "");
  ASSERT_TRUE(sink.write(batch_of({service("a")})));
  char buffer[4096];
  const ssize_t count = ::read(reader, buffer, sizeof buffer);
  ASSERT_GT(count, 0);
  EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(count)), std::string(kA1) + "\n");
  ::close(reader);

  const auto handler = std::signal(SIGPIPE, SIG_IGN);
  const auto written = sink.write(batch_of({service("b")}));
  std::signal(SIGPIPE, handler);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("the reader went away"));
  EXPECT_TRUE(sink.finish(Finish::kPartial));
}

TEST_F(NdjsonSinkTest, StdoutIsWrittenAsItComes) {
  testing::internal::CaptureStdout();
  NdjsonSink sink("-");
  ASSERT_TRUE(sink.open());
  ASSERT_TRUE(sink.write(batch_of({service("a")})));
  ASSERT_TRUE(sink.write(batch_of({service("a")})));
  ASSERT_TRUE(sink.finish(Finish::kComplete));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), std::string(kA1) + "\n" + kA1 + "\n");
  EXPECT_GE(::fcntl(STDOUT_FILENO, F_GETFD), 0);
}

TEST_F(NdjsonSinkTest, AFullDeviceIsAnErrorThatSaysWhatToDo) {
  NdjsonSink sink("/dev/full");
  ASSERT_TRUE(sink.open());
  const auto written = sink.write(batch_of({service("a")}));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, pipeline::ErrorKind::kTransport);
  EXPECT_THAT(written.error().message, AllOf(HasSubstr("/dev/full"), HasSubstr("free some space")));
  EXPECT_TRUE(sink.finish(Finish::kPartial));
  EXPECT_FALSE(std::filesystem::exists("/dev/full.partial"));
}

TEST_F(NdjsonSinkTest, AFileOverTheLimitIsAnErrorAndStaysPartial) {
  NdjsonSink sink(path_);
  ASSERT_TRUE(sink.open());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = 3 << 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  pipeline::Result<std::vector<stages::Outcome>> written(std::vector<stages::Outcome>{});
  int batches = 0;
  for (; batches < 100 && written; ++batches) {
    written = sink.write(batch_of({service("id-" + std::to_string(batches), "\"" + std::string(100'000, 'x') + "\"")}));
  }
  const auto finished = sink.finish(Finish::kPartial);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, AllOf(HasSubstr(path_ + ".partial"), HasSubstr("ulimit")));
  EXPECT_TRUE(finished);
  EXPECT_FALSE(std::filesystem::exists(path_));
  const std::vector<std::string> kept = test::lines(path_ + ".partial");
  EXPECT_GE(kept.size(), 25u);
  for (const std::string& line : kept) EXPECT_EQ(line.substr(line.size() - 3), "\"}}") << "a torn line";
}

TEST_F(NdjsonSinkTest, WhatCannotBeOpenedIsNamed) {
  NdjsonSink a_directory(directory_.file(""));
  EXPECT_THAT(a_directory.open().error().message, HasSubstr("is a directory"));
  NdjsonSink nowhere(directory_.file("no/such/file"));
  const auto opened = nowhere.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, pipeline::ErrorKind::kConfig);
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr("no/such/file"), HasSubstr("make the directory")));

  NdjsonSink first(path_);
  ASSERT_TRUE(first.open());
  NdjsonSink second(path_);
  const auto held = second.open();
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().kind, pipeline::ErrorKind::kRejected);
  EXPECT_THAT(held.error().message, AllOf(HasSubstr(path_), HasSubstr("another process")));
}

TEST(LineIndex, RemembersTheLastLineInLittleMemory) {
  LineIndex index;
  const auto digest = [](std::uint32_t i) { return pipeline::digest_of(std::to_string(i)); };
  constexpr std::uint32_t kMany = 200'000;
  for (std::uint32_t i = 0; i < kMany; ++i) ASSERT_FALSE(index.put(digest(i), i));
  EXPECT_EQ(index.size(), kMany);
  EXPECT_LE(index.bytes(), kMany * 36);
  for (std::uint32_t i = 0; i < kMany; ++i) ASSERT_EQ(index.put(digest(i), kMany + i), i);
  EXPECT_EQ(index.size(), kMany);
  // The digest of all zeros is one like any other.
  EXPECT_FALSE(index.put({0, 0}, 5));
  EXPECT_EQ(index.put({0, 0}, 6), 5u);
}

}  // namespace
}  // namespace riptide::sinks

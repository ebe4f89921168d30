#include "gzip_members.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "temporary_directory.hpp"

namespace riptide::stages {
namespace {

using Found = MemberReader::Found;

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST(GzipMembers, LinesComeBackFromTheirPlaces) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.file("a.gz");
  std::string all;
  std::vector<std::string> lines = {"one", "", std::string(300'000, 'x'), "last"};
  for (const std::string& line : lines) all += *gzip_member(line);
  write_file(path, all);
  auto reader = MemberReader::open(path);
  ASSERT_TRUE(reader);
  std::uint64_t offset = 0;
  std::vector<std::uint64_t> places;
  std::string line;
  for (const std::string& expected : lines) {
    places.push_back(offset);
    ASSERT_EQ(*reader->read(offset, line), Found::kLine);
    EXPECT_EQ(line, expected);
  }
  EXPECT_EQ(*reader->read(offset, line), Found::kEnd);
  ASSERT_EQ(*reader->read(places[3], line), Found::kLine);
  EXPECT_EQ(line, "last");
}

TEST(GzipMembers, AFileIsReadableUpToItsLastWholeLineWhereverItIsCutOrDamaged) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.file("a.gz");
  const std::string first = *gzip_member("first");
  const std::string second = *gzip_member("the second line");
  for (std::size_t length = 0; length < second.size(); ++length) {
    write_file(path, first + second.substr(0, length));
    auto reader = MemberReader::open(path);
    std::uint64_t offset = 0;
    std::string line;
    ASSERT_EQ(*reader->read(offset, line), Found::kLine);
    EXPECT_EQ(line, "first");
    EXPECT_EQ(*reader->read(offset, line), length == 0 ? Found::kEnd : Found::kBroken) << length;
    EXPECT_EQ(offset, first.size()) << "a broken member is not stepped over";
  }
  for (std::size_t at = 12; at < second.size(); ++at) {
    std::string damaged = second;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    write_file(path, first + damaged);
    auto reader = MemberReader::open(path);
    std::uint64_t offset = first.size();
    std::string line;
    EXPECT_NE(*reader->read(offset, line), Found::kLine) << at;
  }
}

TEST(GzipMembers, WhatIsNoFileIsAnError) {
  EXPECT_EQ(MemberReader::open("/nowhere/a.gz").error().kind, pipeline::ErrorKind::kConfig);
}

}  // namespace
}  // namespace riptide::stages

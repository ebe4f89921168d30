#include "riptide/cli/json_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace riptide::cli {
namespace {

using ::testing::ElementsAre;

class JsonStreamTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }
  static std::vector<std::string> texts(const std::vector<std::string>& files) {
    JsonStream stream(files);
    std::vector<std::string> out;
    std::string text;
    while (true) {
      const auto more = stream.next(text);
      if (!more) {
        out.emplace_back("error");
      } else if (!*more) {
        return out;
      } else {
        out.push_back(text);
      }
    }
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("json_stream_" + std::to_string(::getpid()));
};

TEST_F(JsonStreamTest, CutsNdjsonAndValuesOverSeveralLines) {
  EXPECT_THAT(texts({file("a", "{\"a\": 1}\n{\"b\":\n  [1, \"}{\\\"\"]\n}{}\n\n 12 true\"x y\"[1]null")}),
              ElementsAre("{\"a\": 1}", "{\"b\":\n  [1, \"}{\\\"\"]\n}", "{}", "12", "true", "\"x y\"", "[1]", "null"));
}

TEST_F(JsonStreamTest, ReadsFileAfterFileAndGoesOnBehindAMissingOne) {
  EXPECT_THAT(texts({file("a", "1"), (folder_ / "missing").string(), file("b", "\xEF\xBB\xBF 2\n"), file("c", "")}),
              ElementsAre("1", "error", "2"));
}

TEST_F(JsonStreamTest, GivesABrokenTailAsItIs) {
  EXPECT_THAT(texts({file("a", "{\"a\": [1")}), ElementsAre("{\"a\": [1"));
  EXPECT_THAT(texts({file("b", "\"open \\")}), ElementsAre("\"open \\"));
  EXPECT_THAT(texts({file("c", "]} 1")}), ElementsAre("]}", "1"));
}

TEST_F(JsonStreamTest, CutsTextsLongerThanABlock) {
  const std::string longer = "\"" + std::string(200'000, 'x') + "\"";
  EXPECT_THAT(texts({file("a", longer + longer)}), ElementsAre(longer, longer));
}

TEST_F(JsonStreamTest, ReadsLines) {
  JsonStream stream({file("a", "one\n\ntwo"), file("b", "three\n")});
  std::vector<std::string> lines;
  std::string line;
  while (*stream.next_line(line)) lines.push_back(line);
  EXPECT_THAT(lines, ElementsAre("one", "", "two", "three"));
}

}  // namespace
}  // namespace riptide::cli

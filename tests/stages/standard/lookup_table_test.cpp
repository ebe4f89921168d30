#include "riptide/stages/lookup_table.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "riptide/state/database.hpp"

namespace riptide::stages {
namespace {

using ::testing::HasSubstr;

class LookupTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("riptide_lookup_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, std::string_view text) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  static std::string row(const LookupTable::Options& options, std::string_view key) {
    const auto table = LookupTable::load(options);
    return table ? std::string((*table)->find(key)) : table.error().message;
  }

  std::filesystem::path folder_;
};

TEST_F(LookupTableTest, ReadsCsv) {
  const std::string path =
      file("owners.csv", "\xEF\xBB\xBFteam,owner\r\nweb,Ann\r\n\"a, b\",\"says \"\"hi\"\"\nthere\"\r\nweb,Bob\r\n");
  EXPECT_EQ(row({.file = path, .column = "team"}, "web"), R"({"team":"web","owner":"Bob"})");
  EXPECT_EQ(row({.file = path, .column = "team", .select = "owner"}, "a, b"), R"("says \"hi\"\nthere")");
  EXPECT_EQ(row({.file = path, .column = "team"}, "db"), "");
}

TEST_F(LookupTableTest, ReadsLinesOfJson) {
  const std::string path = file("owners.ndjson", "{\"id\":7,\"owner\":{\"n\":\"Ann\"}}\n\n{\"id\":\"x\"}");
  EXPECT_EQ(row({.file = path, .column = "id"}, "7"), R"({"id":7,"owner":{"n":"Ann"}})");
  EXPECT_EQ(row({.file = path, .column = "id", .select = "owner"}, "7"), R"({"n":"Ann"})");
  EXPECT_EQ(row({.file = path, .column = "id", .select = "owner"}, "x"), "null");
}

TEST_F(LookupTableTest, ReadsSqlite) {
  const std::string path = folder_ / "owners.db";
  {
    state::Database database;
    ASSERT_TRUE(database.open(path));
    ASSERT_TRUE(
        database.run("CREATE TABLE owners(team TEXT, \"the owner\" TEXT, n INTEGER);"
                     "INSERT INTO owners VALUES ('web', 'Ann', 3), (NULL, 'Bob', 4)"));
  }
  EXPECT_EQ(row({.file = path, .column = "team"}, "web"), R"({"team":"web","the owner":"Ann","n":3})");
  EXPECT_EQ(row({.file = path, .table = "owners", .column = "team", .select = "n"}, "web"), "3");
  EXPECT_THAT(row({.file = path, .table = "nope", .column = "team"}, "web"), HasSubstr("has no table 'nope'"));
}

TEST_F(LookupTableTest, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(row({.file = folder_ / "none.csv", .column = "a"}, "x"), HasSubstr("No such file"));
  EXPECT_THAT(row({.file = folder_ / "x.txt", .column = "a"}, "x"), HasSubstr("must end with .csv"));
  EXPECT_THAT(row({.file = file("a.csv", "a,b\n1,2\n"), .column = "c"}, "x"),
              HasSubstr("has no column 'c', only a, b"));
  EXPECT_THAT(row({.file = file("b.csv", "a,b\n1,2\n3\n"), .column = "a"}, "x"), HasSubstr("line 3: has 1 fields"));
  EXPECT_THAT(row({.file = file("c.csv", "a\n\"x\n"), .column = "a"}, "x"), HasSubstr("line 2: a quote is not closed"));
  EXPECT_THAT(row({.file = file("d.ndjson", "{\"a\":1}\n{\"a\":\n"), .column = "a"}, "x"), HasSubstr("line 2"));
  EXPECT_THAT(row({.file = file("e.csv", "a\nx\n"), .column = "a", .max_bytes = 10}, "x"), HasSubstr("more memory"));
}

}  // namespace
}  // namespace riptide::stages

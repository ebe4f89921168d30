// Files as a source: the real program, all forms, and what goes wrong with them.

#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include <fstream>
#include <string>

#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kBlock = R"(
    port: {entity: {mappings: {identifier: .id, blueprint: '"service"', title: .name, properties: {n: .n}}}}
)";

class FileTest : public Workspace {
 protected:
  FileTest() {
    environment_["OCEAN__INTEGRATION__TYPE"] = "file";
    write("mapping.yml",
          std::string("resources:\n  - kind: service\n    selector: {query: 'true'}") + std::string(kBlock));
  }

  static std::string record(std::size_t number) {
    return fmt::format(R"({{"id":"s{}","name":"Service {}","n":{},"tags":["]","{{"]}})", number, number, number % 7);
  }
  static std::string lines(std::size_t from, std::size_t to) {
    std::string text;
    for (std::size_t i = from; i < to; ++i) text += record(i) + "\n";
    return text;
  }
  static std::string array(std::size_t from, std::size_t to) {
    std::string text = "[";
    for (std::size_t i = from; i < to; ++i) text += (i == from ? "\n" : ",\n") + record(i);
    return text + "\n]\n";
  }
  void write_packed(std::string_view name, const std::string& text) const {
    gzFile file = gzopen(path(name).c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
  }
  [[nodiscard]] Ended read_path(const std::string& what, std::vector<std::string> more = {}) {
    environment_["OCEAN__INTEGRATION__CONFIG__PATH"] = what;
    std::vector<std::string> arguments = {"--mapping", "mapping.yml", "--sink", "sqlite:all.db"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return sync(arguments);
  }
  [[nodiscard]] std::string value(const std::string& query) const { return Database(path("all.db")).value(query); }
};

TEST_F(FileTest, EveryFormIsAFullResync) {
  std::filesystem::create_directory(path("exports"));
  write("exports/a.ndjson", lines(0, 3000));
  write("exports/b.json", array(3000, 6000));
  write_packed("exports/c.ndjson.gz", lines(6000, 9000));
  write_packed("exports/d.json.gz", array(9000, 12000));
  write("exports/empty.ndjson", "");
  write("exports/notes.md", "# not read");
  environment_["OCEAN__INTEGRATION__CONFIG__PAGE_BYTES"] = "8KiB";
  ASSERT_THAT(read_path("exports"), ExitsWith(0));
  EXPECT_EQ(value("select count(*) from entities"), "12000");
  EXPECT_EQ(value("select count(*) from entities where scope = 'exports/c.ndjson.gz'"), "3000");
  EXPECT_EQ(report().json()["kinds"][0]["scopes_closed"].count(), 5u);

  // Read again: nothing has changed. With a file less, its records go.
  ASSERT_THAT(read_path("exports/*json*"), ExitsWith(0));
  EXPECT_EQ(report().total("unchanged"), 12000u);
  std::filesystem::remove(path("exports/d.json.gz"));
  ASSERT_THAT(read_path("exports/*json*"), ExitsWith(0));
  EXPECT_EQ(report().total("deleted"), 3000u);
  EXPECT_EQ(value("select count(*) from entities"), "9000");
}

TEST_F(FileTest, StandardInputIsRead) {
  Command command = sync_command({"--mapping", "mapping.yml", "--sink", "sqlite:all.db"});
  command.environment["OCEAN__INTEGRATION__CONFIG__PATH"] = "-";
  command.input = lines(0, 5000);
  ASSERT_THAT(run(command), ExitsWith(0));
  EXPECT_EQ(value("select count(*) from entities"), "5000");
  command.input = array(0, 4000);
  ASSERT_THAT(run(command), ExitsWith(0));
  EXPECT_EQ(value("select count(*) from entities"), "4000");
}

TEST_F(FileTest, SelectorsChooseFilesAndFormats) {
  write("a.ndjson", lines(0, 10));
  write("b.txt", "{\n \"id\":\"x\"\n}\n{\"id\": \"y\"}");
  write("mapping.yml", R"(
resources:
  - kind: a
    selector: {query: .n == 1, path: a.ndjson})" +
                           std::string(kBlock) + R"(
  - kind: b
    selector: {query: 'true', paths: [b.txt], format: array})" +
                           std::string(kBlock));
  ASSERT_THAT(read_path("nowhere"), ExitsWith(0));
  EXPECT_EQ(report().of("a", "filtered"), 8u);
  EXPECT_EQ(report().of("b", "created"), 2u);
}

TEST_F(FileTest, AMalformedLineCostsItselfAndNothingIsDeleted) {
  write("all.ndjson", lines(0, 100));
  ASSERT_THAT(read_path("all.ndjson"), ExitsWith(0));
  write("all.ndjson", lines(0, 40) + "{\"id\": \"s\n\"open\nnull\n" + lines(50, 100));
  const Ended ended = read_path("all.ndjson");
  ASSERT_THAT(ended, ExitsWith(1));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("all.ndjson: line 41: "), HasSubstr("line 42: "),
                               HasSubstr("line 43: the record is not an object")));
  EXPECT_EQ(report().total("invalid"), 3u);
  EXPECT_EQ(report().total("unchanged"), 90u);
  EXPECT_EQ(value("select count(*) from entities"), "100");
}

TEST_F(FileTest, WhatCannotBeReadToItsEndLeavesItsScopeOpen) {
  write("good.ndjson", lines(0, 100));
  ASSERT_THAT(read_path("*.*json*"), ExitsWith(0));
  write("good.ndjson", lines(0, 50));
  struct Case {
    std::string name;
    std::string error;
  };
  write_packed("whole.gz", lines(200, 5000));
  const std::string packed = read("whole.gz");
  std::filesystem::remove(path("whole.gz"));
  write("cut.json.gz", packed.substr(0, packed.size() / 2));
  write("array.json", array(300, 400).substr(0, 2000));
  for (const Case& one : {Case{"cut.json.gz", "gzip data ends early"}, Case{"array.json", "ends in the middle of"}}) {
    const Ended ended = read_path("*.*json*");
    ASSERT_THAT(ended, ExitsWith(3));
    EXPECT_THAT(ended.err, HasSubstr(one.error));
    EXPECT_EQ(value("select count(*) from entities where scope = 'good.ndjson'"), "100") << "nothing was deleted";
  }
  EXPECT_GT(std::stoul(value("select count(*) from entities where scope = 'cut.json.gz'")), 100u);
  EXPECT_EQ(report().json()["kinds"][0]["scopes_closed"].count(), 1u);
  EXPECT_THAT(read_path("none/*.json"), ExitsWith(3));
  const Ended missing = read_path("missing.ndjson");
  ASSERT_THAT(missing, ExitsWith(3));
  EXPECT_THAT(missing.err, HasSubstr("missing.ndjson: No such file or directory"));
}

TEST_F(FileTest, WithoutAMappingOrAPathNothingIsBegun) {
  const Ended ended = sync({"--sink", "null"});
  ASSERT_THAT(ended, ExitsWith(2));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("--mapping FILE"), HasSubstr("identifier: .id")));
  const Ended pathless = sync({"--sink", "null", "--mapping", "mapping.yml"});
  ASSERT_THAT(pathless, ExitsWith(2));
  EXPECT_THAT(pathless.err, HasSubstr("OCEAN__INTEGRATION__CONFIG__PATH"));
}

// A stop that comes while nobody writes to the pipe.
TEST_F(FileTest, APipeThatGivesNothingCanBeStopped) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  environment_["OCEAN__INTEGRATION__CONFIG__PATH"] = "pipe";
  Process process(sync_command({"--mapping", "mapping.yml", "--sink", "sqlite:all.db"}));
  ASSERT_TRUE(eventually([&] { return process.err().find("resync of") != std::string::npos; }));
  process.send(SIGTERM);
  EXPECT_EQ(process.wait().exit_code, 143);
}

// A run that was killed is gone on with; what was settled is not read again.
TEST_F(FileTest, ARunIsGoneOnWith) {
  write("a.ndjson", lines(0, 20000));
  write_packed("b.ndjson.gz", lines(20000, 30000));
  environment_["OCEAN__INTEGRATION__CONFIG__PAGE_BYTES"] = "16KiB";
  // Cut off behind its first half.
  const std::string whole = read("b.ndjson.gz");
  write("b.ndjson.gz", whole.substr(0, whole.size() / 2));
  ASSERT_THAT(read_path("*.ndjson*"), ExitsWith(3));
  write("b.ndjson.gz", whole);
  const Ended ended = read_path("*.ndjson*", {"--resume"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_EQ(value("select count(*) from entities"), "30000");
  EXPECT_THAT(ended.err, HasSubstr("goes on from run"));
}

std::size_t grow(const std::filesystem::path& path, std::size_t bytes) {
  std::ofstream out(path, std::ios::binary);
  std::size_t number = 0;
  const std::string filling(900, 'x');
  for (std::size_t written = 0; written < bytes; ++number) {
    const std::string line = fmt::format("{{\"id\":\"s{}\",\"name\":\"n\",\"filling\":\"{}\"}}\n", number, filling);
    out << line;
    written += line.size();
  }
  return number;
}

TEST_F(FileTest, ALargeFileStaysWithinItsMemory) {
  constexpr std::size_t kBytes = 200u << 20;
  const std::size_t records = grow(path("large.ndjson"), kBytes);
  environment_["OCEAN__INTEGRATION__CONFIG__PATH"] = "large.ndjson";
  ASSERT_THAT(sync({"--mapping", "mapping.yml", "--sink", "null", "--memory", "48MiB"}), ExitsWith(0));
  EXPECT_EQ(report().total("read"), records);
  EXPECT_LT(report().peak_rss_bytes(), (48u + 32u) << 20);
}

TEST_F(FileTest, ARecordOverTheMemoryIsAnError) {
  write("huge.ndjson", lines(0, 10) + "{\"id\":\"" + std::string(20u << 20, 'x') + "\"}\n" + lines(10, 20));
  environment_["OCEAN__INTEGRATION__CONFIG__PATH"] = "huge.ndjson";
  const Ended ended = sync({"--mapping", "mapping.yml", "--sink", "null", "--memory", "32MiB"});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr("OCEAN__RIPTIDE__MEMORY"));
}

}  // namespace
}  // namespace riptide::e2e

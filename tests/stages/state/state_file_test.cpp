#include "riptide/state/state_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "scratch_directory.hpp"

namespace riptide::state {
namespace {

using pipeline::ErrorKind;
using testing::HasSubstr;
using testing::StartsWith;

const StateOwner kOwner{"port:https://api.getport.io", "my-octopus"};

unsigned rights_of(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(::stat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 0777;
}

TEST(StateFile, TheDefaultPlaceNamesTargetAndIntegrationAndTellsThemApart) {
  const std::string path = default_state_path("/home/me/.local/state", kOwner);
  EXPECT_THAT(path, StartsWith("/home/me/.local/state/riptide/port-https-api.getport.io-my-octopus-"));
  EXPECT_THAT(path, testing::EndsWith(".db"));
  EXPECT_NE(path, default_state_path("/home/me/.local/state", {kOwner.target, "other"}));
  EXPECT_NE(path, default_state_path("/home/me/.local/state", {"port:https://api.us.getport.io", "my-octopus"}));
  // Nothing of a name leaves the directory, however odd it is.
  const std::string odd = default_state_path("/s", {"sqlite:/../../etc/x", "../../../y\n"});
  EXPECT_EQ(std::filesystem::path(odd).parent_path(), "/s/riptide");
  // What a file name cannot tell apart, the digest does.
  EXPECT_NE(default_state_path("/s", {"t", "a/b"}), default_state_path("/s", {"t", "a-b"}));
}

TEST(StateFile, IsMadeWithItsDirectoryForItsUserAlone) {
  const ScratchDirectory directory;
  const std::string path = directory.file("deep/riptide/state.db");
  auto file = StateFile::open(path, kOwner);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(rights_of(path), 0600u);
  EXPECT_EQ(rights_of(directory.file("deep/riptide")), 0700u);
  auto database = file->connect();
  ASSERT_TRUE(database) << database.error().message;
  ASSERT_TRUE((*database)->run("CREATE TABLE t(a); INSERT INTO t VALUES(1)"));
  EXPECT_EQ(rights_of(path + "-wal"), 0600u);
  auto again = StateFile::open(path, kOwner);
  ASSERT_TRUE(again) << again.error().message;
}

TEST(StateFile, AFileThatOthersMayReadIsMadePrivate) {
  const ScratchDirectory directory;
  const std::string path = directory.file("state.db");
  std::ofstream(path).close();
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  ASSERT_TRUE(StateFile::open(path, kOwner));
  EXPECT_EQ(rights_of(path), 0600u);
}

TEST(StateFile, RefusesWhatIsNotItsOwn) {
  const ScratchDirectory directory;
  const std::string path = directory.file("state.db");
  ASSERT_TRUE(StateFile::open(path, kOwner));
  auto other = StateFile::open(path, {kOwner.target, "other"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(other.error().message, HasSubstr("belongs to my-octopus in port:https://api.getport.io"));

  Database plain;
  ASSERT_TRUE(plain.open(directory.file("plain.db")));
  ASSERT_TRUE(plain.run("CREATE TABLE t(a)"));
  auto stranger = StateFile::open(directory.file("plain.db"), kOwner);
  ASSERT_FALSE(stranger);
  EXPECT_THAT(stranger.error().message, HasSubstr("not a state file"));

  std::ofstream(directory.file("text.db")) << std::string(4096, 'x');
  auto text = StateFile::open(directory.file("text.db"), kOwner);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::kConfig);
}

TEST(StateFile, RefusesALaterVersionWithTheReason) {
  const ScratchDirectory directory;
  const std::string path = directory.file("state.db");
  {
    auto file = StateFile::open(path, kOwner);
    ASSERT_TRUE(file);
    auto database = file->connect();
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->run("PRAGMA user_version = 99"));
  }
  for (const bool existing : {false, true}) {
    auto file = existing ? StateFile::open_existing(path) : StateFile::open(path, kOwner);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().kind, ErrorKind::kConfig);
    EXPECT_THAT(file.error().message, HasSubstr("later riptide (its version is 99, ours is 1)"));
  }
}

TEST(StateFile, ConcernsAreMigratedStepByStep) {
  const ScratchDirectory directory;
  auto file = StateFile::open(directory.file("state.db"), kOwner);
  ASSERT_TRUE(file);
  auto database = file->connect();
  ASSERT_TRUE(database);
  constexpr std::array<std::string_view, 3> kSteps = {
      "CREATE TABLE letters(a INTEGER); CREATE INDEX letters_a ON letters(a)",
      "ALTER TABLE letters ADD COLUMN b INTEGER DEFAULT 7",
      "INSERT INTO letters(a) VALUES(nonsense)",
  };
  const auto with = [&](std::size_t steps) { return Schema{"letters", std::span(kSteps).first(steps)}; };
  ASSERT_TRUE(file->prepare(**database, with(1)));
  ASSERT_TRUE((*database)->run("INSERT INTO letters(a) VALUES(1)"));
  ASSERT_TRUE(file->prepare(**database, with(2)));
  ASSERT_TRUE(file->prepare(**database, with(2)));
  EXPECT_EQ((*database)->integer("SELECT b FROM letters").value(), 7);
  // A step that fails leaves everything as it was.
  EXPECT_FALSE(file->prepare(**database, with(3)));
  EXPECT_EQ((*database)->integer("SELECT version FROM riptide_concerns WHERE concern = 'letters'").value(), 2);
  EXPECT_FALSE((*database)->in_transaction());
  // A concern that a later riptide has brought further is refused.
  auto later = file->prepare(**database, with(1));
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(later.error().message, HasSubstr("letters have version 2, ours is 1"));
}

TEST(StateFile, LookingAtAFileMakesNone) {
  const ScratchDirectory directory;
  auto missing = StateFile::open_existing(directory.file("state.db"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(directory.file("state.db")));
  ASSERT_TRUE(StateFile::open(directory.file("state.db"), kOwner));
  auto there = StateFile::open_existing(directory.file("state.db"));
  ASSERT_TRUE(there);
  EXPECT_EQ(there->owner().integration, "my-octopus");
}

TEST(StateFile, APlaceThatCannotBeWrittenIsNamed) {
  const ScratchDirectory directory;
  std::ofstream(directory.file("file")).close();
  auto file = StateFile::open(directory.file("file/riptide/state.db"), kOwner);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::kTransport);
  EXPECT_THAT(file.error().message, HasSubstr(directory.file("file/riptide")));
}

TEST(StateFile, RemovesAllOfItself) {
  const ScratchDirectory directory;
  const std::string path = directory.file("state.db");
  ASSERT_TRUE(StateFile::open(path, kOwner));
  EXPECT_TRUE(StateFile::remove(path).value());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + "-wal"));
  EXPECT_FALSE(StateFile::remove(path).value());
}

TEST(Transaction, IsAllOrNothing) {
  const ScratchDirectory directory;
  Database database;
  ASSERT_TRUE(database.open(directory.file("any.db")));
  ASSERT_TRUE(database.run("CREATE TABLE t(a)"));
  {
    auto dropped = Transaction::begin(database);
    ASSERT_TRUE(dropped);
    ASSERT_TRUE(database.run("INSERT INTO t VALUES(1)"));
  }
  EXPECT_EQ(database.integer("SELECT count(*) FROM t").value(), 0);
  {
    auto kept = Transaction::begin(database);
    ASSERT_TRUE(kept);
    ASSERT_TRUE(database.run("INSERT INTO t VALUES(1)"));
    ASSERT_TRUE(kept->commit());
  }
  EXPECT_EQ(database.integer("SELECT count(*) FROM t").value(), 1);
}

TEST(Statement, BytesComeBackAsTheyWent) {
  const ScratchDirectory directory;
  Database database;
  ASSERT_TRUE(database.open(directory.file("any.db")));
  ASSERT_TRUE(database.run("CREATE TABLE t(n INTEGER, b BLOB, e BLOB)"));
  const std::string bytes("a\0b\xff", 4);
  {
    auto insert = database.prepare("INSERT INTO t VALUES(?1, ?2, ?3)");
    ASSERT_TRUE(insert);
    insert->bind_integer(1, -5);
    insert->bind_bytes(2, bytes);
    insert->bind_bytes(3, {});
    ASSERT_TRUE(insert->run());
  }
  auto select = database.prepare("SELECT n, b, e, NULL FROM t");
  ASSERT_TRUE(select);
  ASSERT_TRUE(select->step().value());
  EXPECT_EQ(select->integer(0), -5);
  EXPECT_EQ(select->bytes(1), bytes);
  EXPECT_TRUE(select->bytes(2).empty());
  EXPECT_FALSE(select->is_null(2));
  EXPECT_TRUE(select->is_null(3));
}

}  // namespace
}  // namespace riptide::state

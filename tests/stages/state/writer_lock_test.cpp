#include "riptide/state/writer_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "scratch_directory.hpp"

namespace riptide::state {
namespace {

using pipeline::ErrorKind;
using testing::HasSubstr;

const WriterLock::Holder kMe{1234, "run-1", "2026-10-01T10:00:00Z"};

TEST(WriterLock, IsHeldByOne) {
  const ScratchDirectory directory;
  const std::string path = directory.file("state.db.lock");
  EXPECT_FALSE(WriterLock::holder_of(path));
  {
    auto first = WriterLock::take(path, kMe);
    ASSERT_TRUE(first) << first.error().message;
    auto second = WriterLock::take(path, {99, "run-2", "later"});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kRejected);
    EXPECT_THAT(second.error().message, HasSubstr("pid 1234, run run-1, since 2026-10-01T10:00:00Z"));
    const auto holder = WriterLock::holder_of(path);
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->run_id, "run-1");
  }
  EXPECT_FALSE(WriterLock::holder_of(path));
  EXPECT_TRUE(WriterLock::take(path, {99, "run-2", "later"}));
}

TEST(WriterLock, MovesWithItsOwner) {
  const ScratchDirectory directory;
  const std::string path = directory.file("lock");
  std::optional<WriterLock> kept;
  {
    auto taken = WriterLock::take(path, kMe);
    ASSERT_TRUE(taken);
    kept = std::move(*taken);
  }
  EXPECT_FALSE(WriterLock::take(path, kMe));
  kept.reset();
  EXPECT_TRUE(WriterLock::take(path, kMe));
}

TEST(WriterLock, WaitsAsLongAsItIsAskedTo) {
  const ScratchDirectory directory;
  const std::string path = directory.file("lock");
  std::optional<WriterLock> held;
  {
    auto taken = WriterLock::take(path, kMe);
    ASSERT_TRUE(taken);
    held = std::move(*taken);
  }
  auto given_up = WriterLock::take(path, {99, "run-2", "later"}, [](const WriterLock::Holder&) { return false; });
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().kind, ErrorKind::kStopped);
  std::string waited_for;
  auto got = WriterLock::take(path, {99, "run-2", "later"}, [&](const WriterLock::Holder& other) {
    waited_for = other.run_id;
    held.reset();
    return true;
  });
  EXPECT_TRUE(got);
  EXPECT_EQ(waited_for, "run-1");
}

TEST(WriterLock, DiesWithItsProcess) {
  const ScratchDirectory directory;
  const std::string path = directory.file("lock");
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = WriterLock::take(path, kMe);
    const char said = lock ? 'y' : 'n';
    if (::write(ready[1], &said, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char said = 0;
  ASSERT_EQ(::read(ready[0], &said, 1), 1);
  ASSERT_EQ(said, 'y');
  EXPECT_FALSE(WriterLock::take(path, {99, "run-2", "later"}));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(WriterLock::take(path, {99, "run-2", "later"}));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(WriterLock, AFileThatCannotBeOpenedIsNamed) {
  auto lock = WriterLock::take("/nowhere/at/all.lock", kMe);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().kind, ErrorKind::kTransport);
  EXPECT_THAT(lock.error().message, HasSubstr("/nowhere/at/all.lock"));
}

}  // namespace
}  // namespace riptide::state

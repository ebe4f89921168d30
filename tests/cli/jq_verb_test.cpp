#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "program_run.hpp"

namespace riptide::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// What the flags do is tested in jq_run_test.cpp; here is what takes a process.
TEST(JqVerb, ReadsStandardInputAndExitsWithItsCode) {
  const ProgramFolder folder;
  const ProgramRun run = folder.run({"jq", "-c", ".a", "-"}, "{\"a\":[1]} 2");
  EXPECT_EQ(run.out, "[1]\n");
  EXPECT_EQ(run.err, "jq: error (at <stdin>:0): Cannot index number with string (\"a\")\n");
  EXPECT_EQ(run.exit_code, 5);
}

TEST(JqVerb, ReadsFilesAndProgramsFromFiles) {
  ProgramFolder folder;
  folder.environment["NAME"] = "value";
  folder.write("a.json", "1\n2");
  folder.write("b.json", "3");
  folder.write("program.jq", ". + 1 # comment\n");
  EXPECT_EQ(folder.run({"jq", "-f", "program.jq", "a.json", "b.json"}).out, "2\n24\n");  // one text, as in jq
  EXPECT_EQ(folder.run({"jq", "-c", "--slurpfile", "f", "a.json", "--rawfile", "r", "b.json", "-n", "[$f,$r]"}).out,
            "[[1,2],\"3\"]\n");
  EXPECT_EQ(folder.run({"jq", "-n", "-r", "env.NAME, $ENV.NAME"}).out, "value\nvalue\n");
  const ProgramRun missing = folder.run({"jq", ".", "none.json", "b.json"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(missing.out, "3\n");
}

// The largest resident size of the program, in KiB.
long most_memory(const ProgramFolder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "riptide");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int nowhere = ::open("/dev/null", O_RDWR);
    ::dup2(nowhere, 0);
    ::dup2(nowhere, 1);
    if (::chdir(folder.path("").c_str()) == 0) ::execv(RIPTIDE_PROGRAM, argv.data());
    ::_exit(127);
  }
  int status = 0;
  struct rusage usage {};
  ::wait4(pid, &status, 0, &usage);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return usage.ru_maxrss;
}

TEST(JqVerb, HoldsAFewBlocksOfALargeFile) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers keep memory of their own";
#endif
  const ProgramFolder folder;
  const std::string text(1'000, 'x');
  {
    std::ofstream lines(folder.path("lines.ndjson")), over_lines(folder.path("values.json"));
    for (int i = 0; i < 60'000; ++i) {
      lines << "{\"id\":1,\"text\":\"" << text << "\"}\n";
      over_lines << "{\n  \"id\": 1,\n  \"text\": \"" << text << "\"\n}";
    }
  }
  // What this process has itself is counted too: it is forked.
  const long few = 36'000 + 2'000 * static_cast<long>(std::thread::hardware_concurrency());
  EXPECT_LT(most_memory(folder, {"jq", ".id", "lines.ndjson"}), few);
  EXPECT_LT(most_memory(folder, {"jq", ".", "values.json"}), few);
  EXPECT_LT(most_memory(folder, {"jq", "-n", "reduce inputs as $i (0; . + $i.id)", "values.json"}), few);
  EXPECT_LT(most_memory(folder, {"jq", "-c", "--stream", "select(.[1] == 1)", "values.json"}), few);
}

TEST(JqVerb, SaysWhereAProgramDoesNotCompile) {
  const ProgramFolder folder;
  const ProgramRun run = folder.run({"jq", ".a |\n nosuch"}, "1");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, AllOf(HasSubstr("nosuch"), HasSubstr("line 2"), HasSubstr("1 compile error")));
}

}  // namespace
}  // namespace riptide::cli

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "blocking_client.hpp"

namespace riptide::simulator {
namespace {

using ::testing::StartsWith;

// Reads until `delimiter` or the end; "" after ten seconds of silence.
std::string read_until(int fd, char delimiter) {
  std::string text;
  for (;;) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    char byte = 0;
    if (::poll(&ready, 1, 10'000) != 1) return "";
    if (::read(fd, &byte, 1) != 1) return text + "<end>";
    if (byte == delimiter) return text;
    text += byte;
  }
}

// The program on a pipe: what it prints, and its end, come out of `output`.
struct Program {
  pid_t pid = -1;
  int output = -1;

  Program(std::vector<std::string> flags, int stream) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    flags.insert(flags.begin(), RIPTIDE_SIMULATOR_PROGRAM);
    std::vector<char*> arguments;
    for (std::string& flag : flags) arguments.push_back(flag.data());
    arguments.push_back(nullptr);
    pid = ::fork();
    if (pid == 0) {
      ::dup2(ends[1], stream);
      ::close(ends[0]);
      ::close(ends[1]);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    output = ends[0];
  }
  ~Program() {
    ::close(output);
    if (pid > 0) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  int exit_code() {
    int status = 0;
    ::waitpid(pid, &status, 0);
    pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

std::uint16_t port_of(const std::string& line) {
  EXPECT_THAT(line, StartsWith("listening on http://127.0.0.1:"));
  return static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
}

TEST(Process, ServesUntilASignal) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Program program({"--spaces", "2", "--records", "100"}, STDOUT_FILENO);
    BlockingClient client(port_of(read_until(program.output, '\n')));
    EXPECT_EQ(number_of(client.get("/api/spaces").body, "TotalResults"), 2);
    ::kill(program.pid, signal);
    EXPECT_EQ(program.exit_code(), 0);
    EXPECT_EQ(read_until(program.output, '\n'), "<end>");
  }
}

TEST(Process, EndsWithItsParent) {
  int ends[2];
  int leave[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::pipe(leave), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    ::setpgid(0, 0);  // the server is in this group: what outlives the test can be found
    if (::fork() == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      for (const int fd : {ends[0], ends[1], leave[0], leave[1]}) ::close(fd);
      ::execl(RIPTIDE_SIMULATOR_PROGRAM, RIPTIDE_SIMULATOR_PROGRAM, "--spaces", "1", nullptr);
      ::_exit(127);
    }
    char byte = 0;
    [[maybe_unused]] const auto told = ::read(leave[0], &byte, 1);
    ::_exit(0);
  }
  ::close(ends[1]);
  const std::uint16_t port = port_of(read_until(ends[0], '\n'));
  EXPECT_EQ(BlockingClient(port).get("/api/spaces").status, 200);
  ASSERT_EQ(::write(leave[1], "x", 1), 1);
  ::waitpid(parent, nullptr, 0);
  EXPECT_EQ(read_until(ends[0], '\n'), "<end>") << "it holds the pipe as long as it lives";
  ::kill(-parent, SIGKILL);
  for (const int fd : {ends[0], leave[0], leave[1]}) ::close(fd);
}

TEST(Process, SaysWhyItCannotStart) {
  const auto taken = start({});
  const std::string port = std::to_string(taken->port());
  Program busy({"--port", port}, STDERR_FILENO);
  EXPECT_THAT(read_until(busy.output, '\n'), StartsWith("riptide-simulator: cannot take port " + port));
  EXPECT_EQ(busy.exit_code(), 1);
  Program unknown({"--speed", "9"}, STDERR_FILENO);
  EXPECT_EQ(read_until(unknown.output, '\n'), "riptide-simulator: unknown flag: --speed");
  EXPECT_EQ(unknown.exit_code(), 2);
}

}  // namespace
}  // namespace riptide::simulator

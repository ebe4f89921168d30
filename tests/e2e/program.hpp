#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::e2e {

using std::chrono::milliseconds;

/// The program under test.
std::string riptide_path();

/// What to run, and with what around it. Nothing of the test's own environment gets through, but what sanitizers need.
struct Command {
  std::vector<std::string> arguments;  ///< The program's path first.
  std::map<std::string, std::string> environment;
  std::filesystem::path directory;
  std::string input;                                ///< stdin.
  std::optional<std::uint64_t> largest_file;        ///< RLIMIT_FSIZE, bytes: how a full disk is played.
  milliseconds timeout{std::chrono::seconds{120}};  ///< Then it is killed.
};

/// How a program ended.
struct Ended {
  int exit_code = -1;  ///< -1 when a signal ended it.
  int signal = 0;      ///< That signal.
  bool timed_out = false;
  std::string out;
  std::string err;

  /// The last line of stderr, without its newline.
  [[nodiscard]] std::string last_line() const;
};
std::ostream& operator<<(std::ostream& out, const Ended& ended);

/// A running program; killed and reaped when it goes out of scope.
class Process {
 public:
  /// Throws std::system_error when there is no process to be had.
  explicit Process(Command command);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Sends a signal to the process alone.
  void send(int signal) const;
  /// What it wrote so far.
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  [[nodiscard]] bool running();
  /// Waits for the end; kills it after the command's timeout.
  Ended wait();

 private:
  Command command_;
  pid_t pid_ = -1;
  int out_ = -1;  // Files in memory: nothing blocks, and what came can be read at any time.
  int err_ = -1;
  std::optional<int> status_;
};

Ended run(Command command);

/// Asks again and again until it is so; false after the timeout.
bool eventually(const std::function<bool()>& so, milliseconds timeout = std::chrono::seconds{30});

}  // namespace riptide::e2e

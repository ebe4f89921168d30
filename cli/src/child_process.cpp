#include "riptide/cli/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;

pipeline::Unexpected system_error(const char* what) {
  return pipeline::unexpected(ErrorKind::kInternal, std::string(what) + ": " + std::strerror(errno));
}

std::string read_to_end(int descriptor, char until) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (until != '\0' && text.find(until) != std::string::npos) return text;
  }
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

pipeline::Result<std::unique_ptr<OctopusProcess>> OctopusProcess::start(const std::vector<std::string>& flags) {
  int ready[2];
  if (::pipe(ready) != 0) return system_error("no pipe for the made-up server");
  std::vector<std::string> arguments = {"riptide", "serve-octopus"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("no process for the made-up server");
  if (pid == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // until the server asks for it itself
    if (::getppid() != parent) ::_exit(1);
    ::dup2(ready[1], STDOUT_FILENO);
    ::close(ready[0]);
    ::close(ready[1]);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  ::close(ready[1]);
  const std::string line = read_to_end(ready[0], '\n');
  ::close(ready[0]);
  const std::size_t at = line.find("http://");
  if (at == std::string::npos) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return pipeline::unexpected(ErrorKind::kInternal, "the made-up server did not start");
  }
  std::string url = line.substr(at, line.find_first_of(" \n", at) - at);
  return std::unique_ptr<OctopusProcess>(new OctopusProcess(pid, std::move(url)));
}

OctopusProcess::~OctopusProcess() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::chrono::nanoseconds OctopusProcess::cpu() const {
  std::chrono::nanoseconds total{0};
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", error)) {
    std::ifstream schedule(thread.path() / "schedstat");
    std::int64_t nanoseconds = 0;
    if (schedule >> nanoseconds) total += std::chrono::nanoseconds(nanoseconds);
  }
  return total;
}

pipeline::Result<std::string> run_in_child(const std::function<std::string()>& work, ChildCost& cost) {
  int result[2];
  if (::pipe(result) != 0) return system_error("no pipe");
  std::fflush(nullptr);
  const auto begin = std::chrono::steady_clock::now();
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("no process");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(result[0]);
    const std::string text = work();
    std::string_view rest = text;
    while (!rest.empty()) {
      const ssize_t written = ::write(result[1], rest.data(), rest.size());
      if (written <= 0) ::_exit(1);
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    ::_exit(0);
  }
  ::close(result[1]);
  const std::string text = read_to_end(result[0], '\0');
  ::close(result[0]);
  int status = 0;
  rusage usage{};
  while (::wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  cost.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  cost.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  cost.peak_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return pipeline::unexpected(ErrorKind::kInternal, "the measured process died");
  }
  return text;
}

}  // namespace riptide::cli

#include "program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace riptide::e2e {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

int memory_file(const char* name) {
  const int file = ::memfd_create(name, MFD_CLOEXEC);
  if (file < 0) fail("memfd_create");
  return file;
}

std::string contents(int file) {
  std::string text;
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = ::pread(file, buffer, sizeof buffer, static_cast<off_t>(text.size()));
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

std::string riptide_path() { return RIPTIDE_PROGRAM; }

std::string Ended::last_line() const {
  std::string_view text = err;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const std::size_t at = text.rfind('\n');
  return std::string(at == std::string_view::npos ? text : text.substr(at + 1));
}

std::ostream& operator<<(std::ostream& out, const Ended& ended) {
  return out << "exit code " << ended.exit_code << ", signal " << ended.signal << ", stderr:\n" << ended.err;
}

Process::Process(Command command) : command_(std::move(command)) {
  out_ = memory_file("stdout");
  err_ = memory_file("stderr");
  const int in = memory_file("stdin");
  if (::pwrite(in, command_.input.data(), command_.input.size(), 0) != static_cast<ssize_t>(command_.input.size())) {
    fail("stdin");
  }
  std::vector<std::string> variables;
  for (const char* const kept : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* const value = std::getenv(kept)) variables.push_back(std::string(kept) + "=" + value);
  }
  for (const auto& [name, value] : command_.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> arguments = pointers(command_.arguments);
  const std::vector<char*> environment = pointers(variables);
  const std::string directory = command_.directory.string();
  const pid_t parent = ::getpid();

  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) {  // Only what is safe after a fork among threads.
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    if (!directory.empty() && ::chdir(directory.c_str()) != 0) ::_exit(126);
    ::dup2(in, STDIN_FILENO);
    ::dup2(out_, STDOUT_FILENO);
    ::dup2(err_, STDERR_FILENO);
    if (command_.largest_file) {
      const rlimit limit{*command_.largest_file, *command_.largest_file};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ::execve(arguments[0], arguments.data(), environment.data());
    ::_exit(127);
  }
  ::close(in);
}

Process::~Process() {
  if (!status_) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(out_);
  ::close(err_);
}

void Process::send(int signal) const {
  if (!status_) ::kill(pid_, signal);
}

std::string Process::out() const { return contents(out_); }
std::string Process::err() const { return contents(err_); }

bool Process::running() {
  if (status_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = status;
  return false;
}

Ended Process::wait() {
  Ended ended;
  if (!eventually([this] { return !running(); }, command_.timeout)) {
    ended.timed_out = true;
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = status;
  }
  if (WIFEXITED(*status_)) ended.exit_code = WEXITSTATUS(*status_);
  if (WIFSIGNALED(*status_)) ended.signal = WTERMSIG(*status_);
  ended.out = out();
  ended.err = err();
  return ended;
}

Ended run(Command command) { return Process(std::move(command)).wait(); }

bool eventually(const std::function<bool()>& so, milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::microseconds{500});
  }
  return true;
}

}  // namespace riptide::e2e

#include "program_run.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace riptide::cli {

std::string ProgramRun::last_line_of_err() const {
  std::string text = err;
  while (text.ends_with('\n')) text.pop_back();
  const std::size_t at = text.rfind('\n');
  return at == std::string::npos ? text : text.substr(at + 1);
}

ProgramFolder::ProgramFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "riptide_program_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary directory";
  path_ = name;
}

ProgramFolder::~ProgramFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void ProgramFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
}

std::string ProgramFolder::read(const std::string& name) const {
  std::ifstream file(path_ / name, std::ios::binary);
  std::stringstream buffer;
  buffer << file.rdbuf();
  return buffer.str();
}

std::vector<std::string> ProgramFolder::files() const {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) out.push_back(entry.path().filename().string());
  return out;
}

ProgramFolder::Running ProgramFolder::start(const std::vector<std::string>& arguments, const std::string& input) const {
  int out[2], err[2];
  if (::pipe(out) != 0 || ::pipe(err) != 0) ADD_FAILURE() << "no pipe";
  write("stdin.txt", input);
  const std::string stdin_file = path("stdin.txt");
  std::vector<std::string> argv_text = {"riptide"};
  argv_text.insert(argv_text.end(), arguments.begin(), arguments.end());
  std::vector<std::string> env_text = {"PATH=/usr/bin:/bin", "HOME=" + path_.string()};
  for (const char* const kept : {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* const value = std::getenv(kept)) env_text.push_back(std::string(kept) + "=" + value);
  }
  for (const auto& [name, value] : environment) env_text.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (std::string& text : argv_text) argv.push_back(text.data());
  for (std::string& text : env_text) envp.push_back(text.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const std::string folder = path_.string();
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::chdir(folder.c_str()) != 0) ::_exit(126);
    const int in = ::open(stdin_file.c_str(), O_RDONLY);
    ::dup2(in, 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    for (const int descriptor : {in, out[0], out[1], err[0], err[1]}) ::close(descriptor);
    ::execve(RIPTIDE_PROGRAM, argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  return {pid, out[0], err[0]};
}

bool ProgramFolder::Running::wait_for(const std::string& text) {
  char buffer[4096];
  while (run_.err.find(text) == std::string::npos) {
    const ssize_t got = ::read(err_, buffer, sizeof buffer);
    if (got <= 0) return false;
    run_.err.append(buffer, static_cast<std::size_t>(got));
  }
  return true;
}

void ProgramFolder::Running::signal(int number) const { ::kill(pid_, number); }

ProgramRun ProgramFolder::Running::finish() {
  pollfd ends[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
  std::string* const texts[2] = {&run_.out, &run_.err};
  int open = 2;
  while (open > 0 && ::poll(ends, 2, -1) > 0) {
    for (int i = 0; i < 2; ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      char buffer[65'536];
      const ssize_t got = ::read(ends[i].fd, buffer, sizeof buffer);
      if (got > 0) {
        texts[i]->append(buffer, static_cast<std::size_t>(got));
      } else {
        ::close(ends[i].fd);
        ends[i].fd = -1;
        --open;
      }
    }
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  run_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return std::move(run_);
}

}  // namespace riptide::cli

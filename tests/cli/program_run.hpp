#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace riptide::cli {

/// What a run of the program gave.
struct ProgramRun {
  int exit_code = -1;  ///< 128 + signal if one ended it.
  std::string out;
  std::string err;
  [[nodiscard]] std::string last_line_of_err() const;
};

/// A directory of its own, in which the real program runs with nothing in its environment but what is given.
class ProgramFolder {
 public:
  ProgramFolder();
  ~ProgramFolder();
  ProgramFolder(const ProgramFolder&) = delete;
  ProgramFolder& operator=(const ProgramFolder&) = delete;

  std::map<std::string, std::string> environment;

  void write(const std::string& name, const std::string& text) const;
  [[nodiscard]] std::string read(const std::string& name) const;
  [[nodiscard]] bool exists(const std::string& name) const { return std::filesystem::exists(path_ / name); }
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

  /// Starts the program; `finish` waits for it.
  class Running {
   public:
    Running(int pid, int out, int err) : pid_(pid), out_(out), err_(err) {}
    /// Reads stderr until it has this text; false if it ends before.
    bool wait_for(const std::string& text);
    void signal(int number) const;
    ProgramRun finish();

   private:
    int pid_, out_, err_;
    ProgramRun run_;
  };
  [[nodiscard]] Running start(const std::vector<std::string>& arguments, const std::string& input = "") const;
  [[nodiscard]] ProgramRun run(const std::vector<std::string>& arguments, const std::string& input = "") const {
    return start(arguments, input).finish();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace riptide::cli

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "riptide/stages/resync.hpp"

namespace riptide::cli {

class Terminal;

enum class LogFormat { kText, kJson };

/// Writes log lines to the terminal: "2026-11-24 11:45:12.345 | INFO     | message", or one JSON object a line. Any
/// thread.
class Logger {
 public:
  /// @param level One of Ocean's names: DEBUG, INFO, WARNING, ERROR, CRITICAL.
  Logger(Terminal& terminal, std::string_view level, LogFormat format);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void log(stages::LogLevel level, std::string_view message);
  void info(std::string_view message) { log(stages::LogLevel::kInfo, message); }
  void warning(std::string_view message) { log(stages::LogLevel::kWarning, message); }
  void error(std::string_view message) { log(stages::LogLevel::kError, message); }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace riptide::cli

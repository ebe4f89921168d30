// The one file that knows spdlog.
#include "riptide/cli/logging.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "riptide/cli/terminal.hpp"
#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

// The terminal has the lock.
class TerminalSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit TerminalSink(Terminal& terminal) : terminal_(terminal) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    terminal_.print(std::string_view(line.data(), line.size()));
  }
  void flush_() override {}

 private:
  Terminal& terminal_;
};

std::string_view name_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return "DEBUG";
    case spdlog::level::info:
      return "INFO";
    case spdlog::level::warn:
      return "WARNING";
    case spdlog::level::err:
      return "ERROR";
    case spdlog::level::critical:
    case spdlog::level::off:
    case spdlog::level::n_levels:
      break;
  }
  return "CRITICAL";
}

// The flag %* of the two patterns below.
class LevelName final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/, spdlog::memory_buf_t& out) override {
    std::string name(name_of(message.level));
    name.resize(std::max<std::size_t>(name.size(), 8), ' ');
    out.append(name.data(), name.data() + name.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelName>(); }
};

class JsonTail final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/, spdlog::memory_buf_t& out) override {
    std::string tail = "\"level\":\"" + std::string(name_of(message.level)) + "\",\"message\":";
    json::append_quoted(std::string_view(message.payload.data(), message.payload.size()), tail);
    tail += '}';
    out.append(tail.data(), tail.data() + tail.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonTail>(); }
};

spdlog::level::level_enum level_of(std::string_view name) {
  if (name == "DEBUG") return spdlog::level::debug;
  if (name == "WARNING") return spdlog::level::warn;
  if (name == "ERROR") return spdlog::level::err;
  if (name == "CRITICAL") return spdlog::level::critical;
  return spdlog::level::info;
}

}  // namespace

struct Logger::Impl {
  spdlog::logger logger;
};

Logger::Logger(Terminal& terminal, std::string_view level, LogFormat format) {
  auto sink = std::make_shared<TerminalSink>(terminal);
  auto formatter = std::make_unique<spdlog::pattern_formatter>(
      format == LogFormat::kJson ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
  if (format == LogFormat::kJson) {
    formatter->add_flag<JsonTail>('*').set_pattern("{\"timestamp\":\"%Y-%m-%dT%H:%M:%S.%fZ\",%*");
  } else {
    formatter->add_flag<LevelName>('*').set_pattern("%Y-%m-%d %H:%M:%S.%e | %* | %v");
  }
  sink->set_formatter(std::move(formatter));
  impl_ = std::make_unique<Impl>(Impl{spdlog::logger("riptide", std::move(sink))});
  impl_->logger.set_level(level_of(level));
}

Logger::~Logger() = default;

void Logger::log(stages::LogLevel level, std::string_view message) {
  spdlog::level::level_enum spd = spdlog::level::info;
  switch (level) {
    case stages::LogLevel::kDebug:
      spd = spdlog::level::debug;
      break;
    case stages::LogLevel::kInfo:
      spd = spdlog::level::info;
      break;
    case stages::LogLevel::kWarning:
      spd = spdlog::level::warn;
      break;
    case stages::LogLevel::kError:
      spd = spdlog::level::err;
      break;
  }
  impl_->logger.log(spd, spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace riptide::cli

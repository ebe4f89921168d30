#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "riptide/stages/resync.hpp"

namespace riptide::cli {

class Terminal;

enum class ProgressMode { kTty, kLog, kJson, kNone };

/// Reads "auto", "tty", "log", "json" or "none"; auto is a live line on a terminal, else log lines.
ProgressMode progress_mode(std::string_view name, bool terminal);

/// How far a run is, as one line. `rate` is records a second over the last moments.
std::string progress_line(const stages::Progress& progress, double seconds, double rate, std::size_t budget,
                          bool colours);

/// The same without a bar or colours, for logs.
std::string progress_sentence(const stages::Progress& progress, double seconds, double rate);

/// The same as one JSON object.
std::string progress_json(const stages::Progress& progress, double seconds, double rate);

/// Shows how far a run is, from a thread of its own, until it is destroyed.
class ProgressDisplay {
 public:
  struct Options {
    ProgressMode mode = ProgressMode::kNone;
    std::size_t budget_bytes = 0;
    std::chrono::milliseconds redraw{100};
    std::chrono::milliseconds log_every{5000};
    std::chrono::milliseconds json_every{1000};
  };
  /// @param read Called on the display's thread.
  /// @param log  Takes the lines of kLog.
  ProgressDisplay(Terminal& terminal, Options options, std::function<stages::Progress()> read,
                  std::function<void(std::string_view)> log);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

 private:
  void draw_until_stopped();
  void draw();

  Terminal& terminal_;
  const Options options_;
  const std::function<stages::Progress()> read_;
  const std::function<void(std::string_view)> log_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double smoothed_ = 0;      // of the display's thread
  double last_seconds_ = 0;  // likewise
  std::uint64_t last_records_ = 0;
  std::mutex mutex_;  ///< Guards stopping_.
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace riptide::cli

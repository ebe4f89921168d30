#include "riptide/cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "riptide/cli/numbers.hpp"
#include "riptide/cli/terminal.hpp"
#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

std::string bar(double part, int cells) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::clamp(part, 0.0, 1.0) * cells * 8);
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += "█";
  out += kEighths[eighths % 8];
  const int drawn = eighths / 8 + (eighths % 8 != 0 ? 1 : 0);
  for (int i = drawn; i < cells; ++i) out += "·";
  return out;
}

std::string clock(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds);
  return whole < 3600 ? fmt::format("{:02}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

ProgressMode progress_mode(std::string_view name, bool terminal) {
  if (name == "tty") return ProgressMode::kTty;
  if (name == "log") return ProgressMode::kLog;
  if (name == "json") return ProgressMode::kJson;
  if (name == "none") return ProgressMode::kNone;
  return terminal ? ProgressMode::kTty : ProgressMode::kLog;
}

std::string progress_line(const stages::Progress& progress, double seconds, double rate, std::size_t budget,
                          bool colours) {
  const double part = progress.pages_known == 0
                          ? 0
                          : static_cast<double>(progress.pages_read) /
                                static_cast<double>(std::max(progress.pages_known, progress.pages_read));
  const char* const strong = colours ? "\x1b[1m" : "";
  const char* const weak = colours ? "\x1b[2m" : "";
  const char* const alarm = colours ? "\x1b[33m" : "";
  const char* const plain = colours ? "\x1b[0m" : "";
  std::string out =
      fmt::format("{} {}{}{} {} {}/{} pages  {}{}{} rec  {}/s", clock(seconds), strong, progress.phase, plain,
                  bar(part, 20), grouped(progress.pages_read), grouped(progress.pages_known), strong,
                  grouped(progress.records_read), plain, grouped(static_cast<std::uint64_t>(rate)));
  out += fmt::format("  {}{} pages under way  {} of {}{}", weak, progress.in_flight,
                     readable_bytes(progress.memory_taken), readable_bytes(budget), plain);
  if (progress.retries > 0) out += fmt::format("  {}{} retries{}", alarm, grouped(progress.retries), plain);
  if (progress.errors > 0) out += fmt::format("  {}{} errors{}", alarm, grouped(progress.errors), plain);
  return out;
}

std::string progress_sentence(const stages::Progress& progress, double seconds, double rate) {
  return fmt::format(
      "{}: {} of {} known pages, {} of {} scopes, {} records ({}/s), {} entities settled, {} pages under way, {} "
      "retries, {} errors, {}",
      progress.phase, grouped(progress.pages_read), grouped(progress.pages_known), grouped(progress.scopes_closed),
      grouped(progress.scopes_known), grouped(progress.records_read), grouped(static_cast<std::uint64_t>(rate)),
      grouped(progress.entities_settled), progress.in_flight, grouped(progress.retries), grouped(progress.errors),
      readable_seconds(seconds));
}

std::string progress_json(const stages::Progress& progress, double seconds, double rate) {
  std::string phase;
  json::append_quoted(progress.phase, phase);
  return fmt::format(R"({{"phase":{},"seconds":{:.3f},"pages_read":{},"pages_known":{},"scopes_closed":{},)"
                     R"("scopes_known":{},"records_read":{},"records_per_second":{:.0f},"bytes_in":{},)"
                     R"("entities_settled":{},"in_flight":{},"memory_bytes":{},"retries":{},"errors":{}}})",
                     phase, seconds, progress.pages_read, progress.pages_known, progress.scopes_closed,
                     progress.scopes_known, progress.records_read, rate, progress.bytes_in, progress.entities_settled,
                     progress.in_flight, progress.memory_taken, progress.retries, progress.errors);
}

ProgressDisplay::ProgressDisplay(Terminal& terminal, Options options, std::function<stages::Progress()> read,
                                 std::function<void(std::string_view)> log)
    : terminal_(terminal), options_(options), read_(std::move(read)), log_(std::move(log)) {
  if (options_.mode != ProgressMode::kNone) thread_ = std::thread([this] { draw_until_stopped(); });
}

ProgressDisplay::~ProgressDisplay() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (options_.mode == ProgressMode::kTty) terminal_.clear_status();
}

void ProgressDisplay::draw_until_stopped() {
  const std::chrono::milliseconds period = options_.mode == ProgressMode::kTty   ? options_.redraw
                                           : options_.mode == ProgressMode::kLog ? options_.log_every
                                                                                 : options_.json_every;
  if (options_.mode != ProgressMode::kLog) draw();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, period, [this] { return stopping_; })) {
    lock.unlock();
    draw();
    lock.lock();
  }
  lock.unlock();
  if (options_.mode == ProgressMode::kJson) draw();  // the last state belongs to the stream
}

void ProgressDisplay::draw() {
  const stages::Progress progress = read_();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  const double passed = seconds - last_seconds_;
  if (passed > 0 && progress.records_read >= last_records_) {
    const double now = static_cast<double>(progress.records_read - last_records_) / passed;
    // Smoothed over about two seconds, so that the number can be read.
    smoothed_ += (now - smoothed_) * (1 - std::exp(-passed / 2));
  }
  // Smoothing begins at nothing: what is missing of it yet is made up for.
  const double rate = seconds > 0 ? smoothed_ / (1 - std::exp(-seconds / 2)) : 0;
  last_seconds_ = seconds;
  last_records_ = progress.records_read;
  switch (options_.mode) {
    case ProgressMode::kTty:
      terminal_.set_status(progress_line(progress, seconds, rate, options_.budget_bytes, terminal_.colours()));
      break;
    case ProgressMode::kLog:
      log_(progress_sentence(progress, seconds, rate));
      break;
    case ProgressMode::kJson:
      terminal_.print(progress_json(progress, seconds, rate));
      break;
    case ProgressMode::kNone:
      break;
  }
}

}  // namespace riptide::cli

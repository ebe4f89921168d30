#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/sinks/port.hpp"
#include "riptide/stages/run_life.hpp"

namespace riptide::sinks::port {

/// Takes secrets out of texts that go to Port: what looks like a credential, and the values of sensitive settings. What
/// was found is replaced by "[REDACTED]". Immutable; any thread.
class Masker {
 public:
  /// Blank values are left out.
  explicit Masker(const std::vector<std::string>& sensitive);
  ~Masker();
  Masker(Masker&&) noexcept;
  Masker& operator=(Masker&&) noexcept;

  [[nodiscard]] std::string text(std::string_view text) const;
  /// Every string value of a JSON text, at any depth; keys stay. The text must be valid JSON.
  [[nodiscard]] std::string json(std::string_view json) const;

 private:
  struct Patterns;
  std::unique_ptr<const Patterns> patterns_;
  std::vector<std::string> literals_;
};

/// What Port is told of a run, as Ocean tells it: the resync's state, sync metrics of each kind, a heartbeat, raw
/// examples and the log, both masked.
class PortLife final : public stages::RunLife {
 public:
  /// What Port is told, and where.
  struct Options {
    std::shared_ptr<const Account> account;
    std::string run_id;
    std::string metrics_url;  ///< Empty: no metrics and no heartbeat.
    std::string logs_url;     ///< Empty: no log.
    std::string installation_type = "OnPrem";
    bool examples = true;                         ///< `send_raw_data_examples`.
    std::chrono::milliseconds heartbeat{10'000};  ///< `status_heartbeat_interval_seconds`.
    std::vector<std::string> sensitive;           ///< Values to be masked.
    std::string hostname;                         ///< Goes with each log record, as the next one.
    std::string instance;
  };

  explicit PortLife(Options options);

  [[nodiscard]] LifeSigns started(Time now, std::span<const stages::KindLife> kinds) const override;
  [[nodiscard]] LifeSigns kind_changed(const stages::KindLife& kind) const override;
  [[nodiscard]] LifeSigns reconciling() const override;
  [[nodiscard]] LifeSigns reconciled(const stages::RunOutcome& outcome) const override;
  [[nodiscard]] LifeSigns ended(Time now, const stages::RunOutcome& outcome) const override;
  [[nodiscard]] LifeSigns heartbeat() const override;
  [[nodiscard]] std::chrono::milliseconds heartbeat_period() const noexcept override { return options_.heartbeat; }
  [[nodiscard]] std::size_t max_examples() const noexcept override { return options_.examples ? 5 : 0; }
  [[nodiscard]] LifeSigns examples(std::string_view kind, std::span<const std::string> records) const override;
  [[nodiscard]] bool wants_log() const noexcept override { return !options_.logs_url.empty(); }
  [[nodiscard]] LifeSigns log(std::span<const stages::LifeLogRecord> records) const override;

 private:
  [[nodiscard]] std::string metric(const stages::KindLife& kind, std::string_view metrics) const;
  [[nodiscard]] stages::LifeSign all_metrics(std::string_view list) const;
  [[nodiscard]] stages::LifeSign one_metric(const stages::KindLife& kind, std::string_view metrics) const;
  [[nodiscard]] stages::LifeSign resync_state(std::string body) const;
  /// A request to an address that Port named.
  [[nodiscard]] stages::HttpRequest to(stages::Method method, std::string url, std::string body) const;

  Options options_;
  Masker masker_;
};

/// A time as Python writes it: ISO 8601 in UTC with microseconds and "+00:00".
[[nodiscard]] std::string python_time(std::chrono::system_clock::time_point time);

}  // namespace riptide::sinks::port

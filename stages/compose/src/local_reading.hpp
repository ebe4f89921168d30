#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "riptide/local_source.hpp"
#include "riptide/pipeline/credits.hpp"
#include "riptide/stages/retry_policy.hpp"
#include "riptide/stages/source.hpp"
#include "riptide/stages/transport.hpp"

namespace riptide {

/// A local source as the description that the engine reads: its requests go to `LocalReaders`.
class LocalReading final : public stages::Source {
 public:
  explicit LocalReading(std::shared_ptr<LocalSource> source) : source_(std::move(source)), type_(source_->type()) {}

  [[nodiscard]] std::string_view type() const noexcept override { return type_; }
  [[nodiscard]] Result<std::vector<stages::Request>> start(
      std::span<const stages::SourceResource> resources) const override;
  [[nodiscard]] stages::HttpRequest render(const stages::Request& request) const override;
  [[nodiscard]] Result<stages::PageStep> read(const stages::Request& request, const stages::HttpResponse& response,
                                              json::Document& document) const override;
  [[nodiscard]] const std::shared_ptr<LocalSource>& source() const noexcept { return source_; }

 private:
  const std::shared_ptr<LocalSource> source_;
  const std::string type_;
};

/// Threads that answer the requests of one local source.
class LocalReaders final : public stages::Transport {
 public:
  /// @param bodies  What bodies hold credit of; borrowed.
  LocalReaders(std::shared_ptr<LocalSource> source, stages::RetryPolicy retry, pipeline::CreditPool& bodies);
  ~LocalReaders() override;
  LocalReaders(const LocalReaders&) = delete;
  LocalReaders& operator=(const LocalReaders&) = delete;

  void send(stages::Send send) override;
  void drain() override;
  void abort() override { drain(); }
  [[nodiscard]] std::vector<stages::HostStats> stats() const override { return {}; }

 private:
  void run();
  Result<stages::HttpResponse> answer(stages::Send& send);
  Result<LocalPage> read_page(const std::string& kind, const PageRequest& request) const;
  bool wait(std::chrono::milliseconds time);

  const std::shared_ptr<LocalSource> source_;
  const stages::RetryPolicy retry_;
  pipeline::CreditPool& bodies_;
  std::mutex mutex_;  ///< Guards what follows but the threads.
  std::condition_variable wake_;
  std::deque<stages::Send> queue_;
  bool draining_ = false;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace riptide

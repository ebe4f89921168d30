#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "riptide/riptide.hpp"

namespace riptide {

/// Made-up records: {"id": "<kind>-<partition>-<n>", "n": n, "group": "g<n % 3>", "pad": "..."}.
class CountingSource final : public LocalSource {
 public:
  struct Options {
    std::size_t partitions = 2;
    std::size_t pages = 3;    ///< Of a partition.
    std::size_t records = 5;  ///< Of a page.
    std::size_t pad_bytes = 0;
    std::function<bool(std::size_t page_number)> fails;  ///< Of the pages in the order in which they are read.
    std::vector<std::string> kinds;                      ///< That it knows; all if empty.
  };
  explicit CountingSource(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string_view type() const override { return "counting"; }
  Result<std::vector<PageRequest>> start(const std::string& kind) override;
  Result<LocalPage> read_page(const std::string& kind, const PageRequest& request) override;
  [[nodiscard]] std::size_t total() const { return options_.partitions * options_.pages * options_.records; }

 private:
  const Options options_;
  std::atomic<std::size_t> read_{0};
};

/// What a `CollectingSink` was given.
struct Collected {
  std::mutex mutex;
  std::vector<std::string> items;
  std::size_t largest_batch = 0;
  std::size_t removed = 0;
  std::map<std::string, std::string> owned;  ///< "blueprint/identifier", with the JSON.
  [[nodiscard]] std::size_t count() {
    const std::lock_guard lock(mutex);
    return items.size();
  }
};

/// Keeps what it is given, and can delete.
class CollectingSink final : public stages::LocalSink {
 public:
  struct Options {
    std::chrono::milliseconds slowness{0};
    std::size_t fail_after = SIZE_MAX;  ///< Writes.
    std::function<bool(std::string_view json)> refuses;
    std::size_t max_records = 1000;
  };
  explicit CollectingSink(std::shared_ptr<Collected> collected) : CollectingSink(std::move(collected), Options()) {}
  CollectingSink(std::shared_ptr<Collected> collected, Options options)
      : collected_(std::move(collected)), options_(std::move(options)) {}
  [[nodiscard]] std::string_view spec() const noexcept override { return "collect"; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override { return {.max_records = options_.max_records}; }
  [[nodiscard]] bool can_delete() const noexcept override { return true; }
  [[nodiscard]] bool takes_any() const noexcept override { return true; }
  [[nodiscard]] Result<void> open() override { return {}; }
  [[nodiscard]] Result<std::vector<stages::Outcome>> write(const stages::Batch& batch) override;
  [[nodiscard]] Result<void> owned(std::span<const std::uint32_t> resources,
                                   const std::function<bool(const stages::OwnedEntity&)>& visit) override;
  [[nodiscard]] Result<std::size_t> remove(std::span<const stages::OwnedEntity> entities) override;
  [[nodiscard]] Result<void> finish(stages::Finish) override { return {}; }

 private:
  const std::shared_ptr<Collected> collected_;
  const Options options_;
  std::size_t writes_ = 0;
};

/// {identifier: .id, blueprint: .group, properties: {n: .n}} for each kind.
Mapping counting_mapping(const std::vector<std::string>& kinds = {"counting"});

/// Runs a graph, and checks what always holds.
RunReport run(Graph& graph, Stop* stop = nullptr, int signal = 0);

/// The row of a stage.
pipeline::NodeStats::Items items_of(const RunReport& report, std::string_view stage);
pipeline::Tally total_of(const RunReport& report, std::size_t sink = 0);

/// Answers on a thread of its own.
class Elsewhere {
 public:
  Elsewhere();
  ~Elsewhere();
  void post(std::function<void()> call);

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> calls_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace riptide

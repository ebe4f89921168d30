#include "upload/local_writer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace riptide::stages {
namespace {

class RecordingSink : public LocalSink {
 public:
  explicit RecordingSink(bool inline_writes) : inline_(inline_writes) {}
  [[nodiscard]] std::string_view spec() const noexcept override { return "recording"; }
  [[nodiscard]] SinkLimits limits() const noexcept override { return {}; }
  [[nodiscard]] bool inline_writes() const noexcept override { return inline_; }
  Result<void> open() override { return {}; }
  Result<std::vector<Outcome>> write(const Batch& batch) override {
    if (inside_.exchange(true)) overlapped = true;
    order += batch.bytes;
    inside_ = false;
    if (batch.bytes == "!") throw std::runtime_error("broken");
    return std::vector<Outcome>(batch.entities.size());
  }
  Result<void> finish(Finish) override { return {}; }

  std::string order;
  std::atomic<bool> overlapped{false};

 private:
  const bool inline_;
  std::atomic<bool> inside_{false};
};

class LocalWriterTest : public ::testing::TestWithParam<bool> {};

std::shared_ptr<Batch> batch_of(std::string bytes) {
  auto batch = std::make_shared<Batch>();
  batch->bytes = std::move(bytes);
  batch->entities.resize(1);
  return batch;
}

TEST_P(LocalWriterTest, WritesOneAtATimeAndAnswersForEach) {
  RecordingSink sink(GetParam());
  std::atomic<int> answers{0};
  {
    LocalWriter writer(sink);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          writer.write(batch_of("x"),
                       [&](Result<std::vector<Outcome>> result) { answers += result && result->size() == 1 ? 1 : 0; });
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(answers, 600);
  EXPECT_EQ(sink.order.size(), 600u);
  EXPECT_FALSE(sink.overlapped);
}

TEST_P(LocalWriterTest, KeepsTheOrderAndTurnsAThrowIntoAnError) {
  RecordingSink sink(GetParam());
  std::string errors;
  {
    LocalWriter writer(sink);
    for (const char* text : {"a", "b", "!", "c"}) {
      writer.write(batch_of(text), [&](Result<std::vector<Outcome>> result) {
        if (!result) errors += result.error().message;
      });
    }
  }
  EXPECT_EQ(sink.order, "ab!c");
  EXPECT_EQ(errors, "sink recording threw: broken");
}

INSTANTIATE_TEST_SUITE_P(InlineOrThread, LocalWriterTest, ::testing::Bool());

}  // namespace
}  // namespace riptide::stages

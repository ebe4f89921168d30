#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace riptide::transform::jq {

/// Thrown inside the engine when a budget runs out; never leaves `Evaluator` or `Program::compile`.
struct LimitExceeded {
  std::string message;
};

/// Memory of one thread's values: size classes with free lists over chunks that are handed out in order. `reset` takes
/// everything back at once. Blocks are counted against a budget.
class Heap {
 public:
  Heap() = default;
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  /// Returns 16-byte aligned memory. Throws LimitExceeded over the budget.
  void* allocate(std::size_t bytes);
  /// Takes back a block of `allocate(bytes)`.
  void release(void* block, std::size_t bytes) noexcept;
  /// The size that `allocate(bytes)` really gives.
  [[nodiscard]] static std::size_t rounded(std::size_t bytes) noexcept;

  void reset() noexcept;

  void set_limit(std::size_t bytes) noexcept { limit_ = bytes; }
  /// What is left of the budget.
  [[nodiscard]] std::size_t room() const noexcept { return live_ < limit_ ? limit_ - live_ : 0; }

  /// Counts work that grows with the input or the program. Throws LimitExceeded over the steps set.
  void spend(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ > max_steps_) [[unlikely]]
      throw LimitExceeded{"evaluation exceeds the step limit"};
  }
  void set_steps(std::uint64_t max_steps) noexcept {
    steps_ = 0;
    max_steps_ = max_steps;
  }
  [[nodiscard]] std::size_t live_bytes() const noexcept { return live_; }
  /// Charges memory that lies elsewhere (native stack segments). Throws LimitExceeded.
  void charge(std::size_t bytes);
  void discharge(std::size_t bytes) noexcept { live_ -= bytes; }

  /// The heap that values of this thread are made in and given back to.
  static Heap*& current() noexcept {
    static thread_local Heap* heap = nullptr;
    return heap;
  }

 private:
  static constexpr std::size_t kStep = 16;
  static constexpr std::size_t kSmall = 512;                      ///< Up to here, classes in steps of 16 bytes.
  static constexpr std::size_t kLargest = std::size_t{64} << 10;  ///< Above, blocks of their own.
  static constexpr std::size_t kChunk = std::size_t{256} << 10;

  struct Free {
    Free* next;
  };
  struct Big {
    Big* next;
    Big* previous;
  };
  struct Chunk {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
  };

  [[nodiscard]] static std::size_t class_of(std::size_t bytes) noexcept;
  void* carve(std::size_t bytes);

  std::array<Free*, kSmall / kStep + 8> free_{};
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  Big* big_ = nullptr;
  std::size_t live_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t max_steps_ = UINT64_MAX;
  std::size_t limit_ = SIZE_MAX;
};

/// Makes `heap` the current one of this thread while it lives.
class HeapScope {
 public:
  explicit HeapScope(Heap& heap) noexcept : previous_(Heap::current()) { Heap::current() = &heap; }
  ~HeapScope() { Heap::current() = previous_; }
  HeapScope(const HeapScope&) = delete;
  HeapScope& operator=(const HeapScope&) = delete;

 private:
  Heap* previous_;
};

}  // namespace riptide::transform::jq

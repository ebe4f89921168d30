#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace riptide::pipeline {

class CreditPool;

/// The right to occupy part of a `CreditPool`: pages in flight, or bytes. Move-only; gives itself back when destroyed.
class Credit {
 public:
  Credit() = default;
  Credit(Credit&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), amount_(std::exchange(other.amount_, 0)) {}
  Credit& operator=(Credit&& other) noexcept;
  Credit(const Credit&) = delete;
  Credit& operator=(const Credit&) = delete;
  ~Credit() { release(); }

  /// Gives everything back now. Safe to call twice.
  void release() noexcept;
  /// Changes the amount to `amount`. Shrinking gives back at once; growing never waits and may overdraw the pool: only
  /// for bytes that exist already. See `try_grow` for bytes that are still to come.
  void resize(std::size_t amount) noexcept;
  /// Grows to at least `amount` if the pool has it; false (and unchanged) if not.
  [[nodiscard]] bool try_grow(std::size_t amount) noexcept;
  [[nodiscard]] std::size_t amount() const noexcept { return amount_; }

 private:
  friend class CreditPool;
  Credit(CreditPool* pool, std::size_t amount) noexcept : pool_(pool), amount_(amount) {}
  CreditPool* pool_ = nullptr;
  std::size_t amount_ = 0;
};

/// A bounded resource counted in units (tokens or bytes). Never blocks: who is refused is told when to try again.
/// Free of TBB; all calls from any thread. Must outlive its credits.
class CreditPool {
 public:
  CreditPool(std::string name, std::size_t capacity);
  CreditPool(const CreditPool&) = delete;
  CreditPool& operator=(const CreditPool&) = delete;
  ~CreditPool();

  /// Takes `amount` if it is free, or if nothing at all is taken (so that one larger than the pool gets through alone).
  [[nodiscard]] std::optional<Credit> try_take(std::size_t amount) noexcept;
  /// Takes `amount` without asking; may overdraw. For bytes that exist already.
  [[nodiscard]] Credit take(std::size_t amount) noexcept;

  /// Called after credit came home, on the thread that gave it back, with no lock held; several are called in order. Set
  /// before the first take. Must be quick and must not throw.
  void on_release(std::function<void()> callback);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t taken() const noexcept { return taken_.load(std::memory_order_acquire); }
  /// The highest amount that was ever taken.
  [[nodiscard]] std::size_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }

 private:
  friend class Credit;
  void give_back(std::size_t amount) noexcept;
  bool try_add(std::size_t amount, std::size_t held) noexcept;
  void add(std::size_t amount) noexcept;
  void note_peak(std::size_t taken) noexcept;

  const std::string name_;
  const std::size_t capacity_;
  std::atomic<std::size_t> taken_{0};
  std::atomic<std::size_t> peak_{0};
  std::vector<std::function<void()>> on_release_;
};

}  // namespace riptide::pipeline

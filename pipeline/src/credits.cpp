#include "riptide/pipeline/credits.hpp"

#include <algorithm>

namespace riptide::pipeline {

Credit& Credit::operator=(Credit&& other) noexcept {
  if (this != &other) {
    release();
    pool_ = std::exchange(other.pool_, nullptr);
    amount_ = std::exchange(other.amount_, 0);
  }
  return *this;
}

void Credit::release() noexcept {
  if (pool_ == nullptr) return;
  CreditPool* pool = std::exchange(pool_, nullptr);
  pool->give_back(std::exchange(amount_, 0));
}

void Credit::resize(std::size_t amount) noexcept {
  if (pool_ == nullptr) return;
  if (amount > amount_) {
    pool_->add(amount - amount_);
    amount_ = amount;
  } else if (amount < amount_) {
    const std::size_t surplus = amount_ - amount;
    amount_ = amount;
    pool_->give_back(surplus);
  }
}

bool Credit::try_grow(std::size_t amount) noexcept {
  if (amount <= amount_) return true;
  if (pool_ == nullptr) return true;  // A credit of no pool bounds nothing.
  if (!pool_->try_add(amount - amount_, amount_)) return false;
  amount_ = amount;
  return true;
}

CreditPool::CreditPool(std::string name, std::size_t capacity) : name_(std::move(name)), capacity_(capacity) {}
CreditPool::~CreditPool() = default;

std::optional<Credit> CreditPool::try_take(std::size_t amount) noexcept {
  if (!try_add(amount, 0)) return std::nullopt;
  return Credit(this, amount);
}

Credit CreditPool::take(std::size_t amount) noexcept {
  add(amount);
  return Credit(this, amount);
}

void CreditPool::on_release(std::function<void()> callback) { on_release_.push_back(std::move(callback)); }

void CreditPool::give_back(std::size_t amount) noexcept {
  if (amount == 0) return;
  taken_.fetch_sub(amount, std::memory_order_acq_rel);
  for (const auto& hear : on_release_) hear();
}

bool CreditPool::try_add(std::size_t amount, std::size_t held) noexcept {
  std::size_t taken = taken_.load(std::memory_order_acquire);
  do {
    // One larger than what the pool holds gets through when nobody else has any of it.
    if (taken > held && (taken >= capacity_ || amount > capacity_ - taken)) return false;
  } while (!taken_.compare_exchange_weak(taken, taken + amount, std::memory_order_acq_rel));
  note_peak(taken + amount);
  return true;
}

void CreditPool::add(std::size_t amount) noexcept {
  note_peak(taken_.fetch_add(amount, std::memory_order_acq_rel) + amount);
}

void CreditPool::note_peak(std::size_t taken) noexcept {
  std::size_t peak = peak_.load(std::memory_order_relaxed);
  while (peak < taken && !peak_.compare_exchange_weak(peak, taken, std::memory_order_relaxed)) {
  }
}

}  // namespace riptide::pipeline

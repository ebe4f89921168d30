#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace riptide::pipeline {

/// Lends an object that one thread at a time may use (a parser, a mapper), made on demand and kept: as many exist as
/// threads ever used one at once. Any thread.
template <class T>
class LoanPool {
 public:
  explicit LoanPool(std::function<T()> make) : make_(std::move(make)) {}

  /// The right to use an object; gives it back at its end. Must not outlive the pool.
  class Loan {
   public:
    Loan(LoanPool& pool, std::unique_ptr<T> object) : pool_(pool), object_(std::move(object)) {}
    ~Loan() { pool_.take_back(std::move(object_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    T& operator*() noexcept { return *object_; }
    T* operator->() noexcept { return object_.get(); }

   private:
    LoanPool& pool_;
    std::unique_ptr<T> object_;
  };

  [[nodiscard]] Loan borrow() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto object = std::move(idle_.back());
        idle_.pop_back();
        return Loan(*this, std::move(object));
      }
    }
    return Loan(*this, std::make_unique<T>(make_()));
  }

 private:
  void take_back(std::unique_ptr<T> object) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(object));
  }
  const std::function<T()> make_;
  std::mutex mutex_;  ///< Guards idle_.
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace riptide::pipeline

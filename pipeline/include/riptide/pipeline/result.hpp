#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "riptide/pipeline/check.hpp"
#include "riptide/pipeline/error.hpp"

namespace riptide::pipeline {

/// Wraps an error on its way into a `Result`, as std::unexpected does.
struct Unexpected {
  Error error;
};

inline Unexpected unexpected(Error error) { return Unexpected{std::move(error)}; }
inline Unexpected unexpected(ErrorKind kind, std::string message, Retry retry = Retry::never()) {
  return Unexpected{Error(kind, std::move(message), retry)};
}

/// A value or an `Error`; mirrors the names of std::expected (C++23), so that it can become an alias.
/// Everything that can fail at run time returns one; exceptions are for broken invariants and out-of-memory.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Unexpected failure) : state_(std::in_place_index<1>, std::move(failure.error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & {
    RIPTIDE_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    RIPTIDE_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    RIPTIDE_CHECK(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & {
    RIPTIDE_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  const Error& error() const& {
    RIPTIDE_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    RIPTIDE_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an `Error`.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Unexpected failure) : error_(std::move(failure.error)), failed_(true) {}

  [[nodiscard]] bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return has_value(); }
  Error& error() & {
    RIPTIDE_CHECK(failed_);
    return error_;
  }
  const Error& error() const& {
    RIPTIDE_CHECK(failed_);
    return error_;
  }
  Error&& error() && {
    RIPTIDE_CHECK(failed_);
    return std::move(error_);
  }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace riptide::pipeline

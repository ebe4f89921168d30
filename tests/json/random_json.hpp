#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace riptide::tests {

/// Bytes followed by readable padding, as every text must be. The padding holds brackets, so that a walk that runs past
/// the end finds something that it must not take.
class Padded {
 public:
  explicit Padded(std::string_view text) : bytes_(text), size_(text.size()) {
    for (int i = 0; i < 16; ++i) bytes_ += "]}\"]";
  }
  [[nodiscard]] std::string_view view() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::string bytes_;
  std::size_t size_;
};

/// A random JSON text: all types, white space, escapes, duplicate and empty keys.
std::string random_json(std::mt19937_64& random, int depth);

/// Changes one to three bytes: replaced, removed, doubled, swapped in from a list of nasty ones.
std::string mutated(std::mt19937_64& random, std::string text);

/// The seed of a random test: RIPTIDE_SEED if set, else a fixed one; printed.
std::uint64_t test_seed(std::string_view test);

/// How often a random test repeats: `quick`, or RIPTIDE_SOAK times as much.
int repetitions(int quick);

}  // namespace riptide::tests

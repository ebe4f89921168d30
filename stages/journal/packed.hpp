#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "riptide/pipeline/entity.hpp"

namespace riptide::stages {

/// Writes values back to back in the form that `Unpacker` reads: numbers as LEB128, texts behind their length.
class Packer {
 public:
  explicit Packer(std::string& out) : out_(out) {}

  Packer& number(std::uint64_t value);
  Packer& optional(std::optional<std::uint64_t> value);
  Packer& text(std::string_view value);
  /// Eight bytes, little endian: for digests, which no shorter form exists for.
  Packer& word(std::uint64_t value);

 private:
  std::string& out_;
};

/// Reads what a `Packer` wrote. Any bytes may come: what is not there reads as 0 or "", and `good()` turns false.
class Unpacker {
 public:
  /// `bytes` is borrowed.
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number();
  /// A number that fits, else not good.
  std::uint32_t number32();
  std::optional<std::uint64_t> optional();
  std::string_view text();
  std::uint64_t word();
  /// How many of something follow, each of at least `least_bytes`: never more than there are bytes for.
  std::size_t count(std::size_t least_bytes);

  [[nodiscard]] bool good() const noexcept { return good_; }
  /// Good, and nothing is left.
  [[nodiscard]] bool done() const noexcept { return good_ && rest_.empty(); }
  /// What was not read yet.
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace riptide::stages

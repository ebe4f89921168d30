#include "journal/packed.hpp"

#include <cstring>
#include <limits>

namespace riptide::stages {

Packer& Packer::number(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>((value & 0x7F) | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
  return *this;
}

Packer& Packer::optional(std::optional<std::uint64_t> value) {
  number(value ? 1 : 0);
  return value ? number(*value) : *this;
}

Packer& Packer::text(std::string_view value) {
  number(value.size());
  out_.append(value);
  return *this;
}

Packer& Packer::word(std::uint64_t value) {
  char bytes[8];
  for (char& byte : bytes) {
    byte = static_cast<char>(value & 0xFF);
    value >>= 8;
  }
  out_.append(bytes, sizeof bytes);
  return *this;
}

std::uint64_t Unpacker::number() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) break;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  good_ = false;
  return 0;
}

std::uint32_t Unpacker::number32() {
  const std::uint64_t value = number();
  if (value <= std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(value);
  good_ = false;
  return 0;
}

std::optional<std::uint64_t> Unpacker::optional() {
  if (number() == 0) return std::nullopt;
  return number();
}

std::string_view Unpacker::text() {
  const std::uint64_t length = number();
  if (length > rest_.size()) {
    good_ = false;
    return {};
  }
  const std::string_view value = rest_.substr(0, static_cast<std::size_t>(length));
  rest_.remove_prefix(value.size());
  return value;
}

std::uint64_t Unpacker::word() {
  if (rest_.size() < 8) {
    good_ = false;
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8 | static_cast<unsigned char>(rest_[i]);
  rest_.remove_prefix(8);
  return value;
}

std::size_t Unpacker::count(std::size_t least_bytes) {
  const std::uint64_t value = number();
  if (value <= rest_.size() / least_bytes) return static_cast<std::size_t>(value);
  good_ = false;
  return 0;
}

}  // namespace riptide::stages

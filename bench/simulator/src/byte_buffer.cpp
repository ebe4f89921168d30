#include "byte_buffer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace riptide::simulator {

void ByteBuffer::clear() noexcept { end_ = kHeadRoom; }

char* ByteBuffer::reserve(std::size_t bytes) {
  const std::size_t needed = end_ + bytes;
  if (needed > capacity_) {
    const std::size_t capacity = std::max({needed, capacity_ * 2, std::size_t{4096}});
    auto grown = std::make_unique_for_overwrite<char[]>(capacity);
    if (bytes_) std::memcpy(grown.get() + kHeadRoom, bytes_.get() + kHeadRoom, end_ - kHeadRoom);
    bytes_ = std::move(grown);
    capacity_ = capacity;
  }
  return bytes_.get() + end_;
}

void ByteBuffer::commit(const char* end) noexcept { end_ = static_cast<std::size_t>(end - bytes_.get()); }

void ByteBuffer::append(std::string_view bytes) {
  char* at = reserve(bytes.size());
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  end_ += bytes.size();
}

void ByteBuffer::append_number(std::size_t number) {
  char* at = reserve(20);
  commit(std::to_chars(at, at + 20, number).ptr);
}

void ByteBuffer::truncate(std::size_t body_bytes) noexcept { end_ = std::min(end_, kHeadRoom + body_bytes); }

std::string_view ByteBuffer::body() const noexcept {
  return bytes_ ? std::string_view{bytes_.get() + kHeadRoom, end_ - kHeadRoom} : std::string_view{};
}

std::string_view ByteBuffer::with_header(std::string_view header) {
  reserve(0);
  const std::size_t size = std::min(header.size(), kHeadRoom);
  char* begin = bytes_.get() + kHeadRoom - size;
  std::memcpy(begin, header.data(), size);
  return {begin, size + end_ - kHeadRoom};
}

ByteBuffer BufferPool::take() {
  if (idle_.empty()) return {};
  ByteBuffer buffer = std::move(idle_.back());
  idle_.pop_back();
  buffer.clear();
  return buffer;
}

void BufferPool::give_back(ByteBuffer buffer) {
  if (idle_.size() < kMaxIdle) idle_.push_back(std::move(buffer));
}

}  // namespace riptide::simulator

#include "riptide/pipeline/page.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace riptide::pipeline {

PageBuffer::~PageBuffer() { std::free(data_); }

PageBuffer::PageBuffer(PageBuffer&& other) noexcept
    : credit(std::move(other.credit)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

PageBuffer& PageBuffer::operator=(PageBuffer&& other) noexcept {
  if (this != &other) {
    std::free(data_);
    credit = std::move(other.credit);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

void PageBuffer::reserve(std::size_t bytes) {
  if (bytes <= capacity_ && data_ != nullptr) return;
  auto* grown = static_cast<char*>(std::realloc(data_, bytes + kPagePadding));
  if (grown == nullptr) throw std::bad_alloc();
  data_ = grown;
  capacity_ = bytes;
  std::memset(data_ + size_, 0, kPagePadding);
}

void PageBuffer::append(std::string_view bytes) {
  if (size_ + bytes.size() > capacity_ || data_ == nullptr) {
    reserve(std::max({size_ + bytes.size(), capacity_ * 2, std::size_t{4096}}));
  }
  if (!bytes.empty()) std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  std::memset(data_ + size_, 0, kPagePadding);
}

void PageBuffer::truncate(std::size_t bytes) noexcept {
  size_ = std::min(size_, bytes);
  if (data_ != nullptr) std::memset(data_ + size_, 0, kPagePadding);
}

Page make_page(std::string_view bytes) {
  auto buffer = std::make_shared<PageBuffer>();
  buffer->append(bytes);
  return buffer;
}

struct PagePool::Idle {
  explicit Idle(std::size_t most) : max_bytes(most) {}

  void keep(PageBuffer&& buffer) {
    buffer.credit.release();
    buffer.clear();
    const std::lock_guard lock(mutex);
    if (bytes + buffer.capacity() > max_bytes) return;
    bytes += buffer.capacity();
    buffers.push_back(std::move(buffer));
  }

  const std::size_t max_bytes;
  std::mutex mutex;  ///< Guards bytes and buffers.
  std::size_t bytes = 0;
  std::vector<PageBuffer> buffers;
};

PagePool::PagePool(std::size_t max_idle_bytes) : idle_(std::make_shared<Idle>(max_idle_bytes)) {}
PagePool::~PagePool() = default;

std::shared_ptr<PageBuffer> PagePool::take() {
  auto buffer = std::make_unique<PageBuffer>();
  {
    const std::lock_guard lock(idle_->mutex);
    if (!idle_->buffers.empty()) {
      *buffer = std::move(idle_->buffers.back());
      idle_->buffers.pop_back();
      idle_->bytes -= buffer->capacity();
    }
  }
  return std::shared_ptr<PageBuffer>(buffer.release(), [idle = idle_](PageBuffer* dead) {
    const std::unique_ptr<PageBuffer> owner(dead);
    idle->keep(std::move(*owner));
  });
}

}  // namespace riptide::pipeline

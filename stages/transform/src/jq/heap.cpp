#include "jq/heap.hpp"

#include <bit>
#include <cstdlib>
#include <new>

namespace riptide::transform::jq {

Heap::~Heap() {
  while (big_ != nullptr) {
    Big* next = big_->next;
    std::free(big_);
    big_ = next;
  }
}

std::size_t Heap::class_of(std::size_t bytes) noexcept {
  if (bytes <= kSmall) return bytes == 0 ? 0 : (bytes - 1) / kStep;
  return kSmall / kStep + static_cast<std::size_t>(std::bit_width((bytes - 1) / kSmall)) - 1;
}

std::size_t Heap::rounded(std::size_t bytes) noexcept {
  if (bytes <= kSmall) return bytes == 0 ? kStep : (bytes + kStep - 1) / kStep * kStep;
  if (bytes <= kLargest) return std::bit_ceil(bytes);
  return (bytes + 4095) / 4096 * 4096;
}

void Heap::charge(std::size_t bytes) {
  if (bytes > limit_ || live_ > limit_ - bytes) throw LimitExceeded{"evaluation exceeds the memory limit"};
  live_ += bytes;
}

void* Heap::allocate(std::size_t bytes) {
  const std::size_t size = rounded(bytes);
  charge(size);
  if (size > kLargest) {
    auto* big = static_cast<Big*>(std::malloc(sizeof(Big) + size));
    if (big == nullptr) {
      live_ -= size;
      throw std::bad_alloc();
    }
    big->previous = nullptr;
    big->next = big_;
    if (big_ != nullptr) big_->previous = big;
    big_ = big;
    return big + 1;
  }
  Free*& list = free_[class_of(size)];
  if (list != nullptr) {
    Free* block = list;
    list = block->next;
    return block;
  }
  return carve(size);
}

void* Heap::carve(std::size_t bytes) {
  if (static_cast<std::size_t>(end_ - next_) < bytes || next_ == nullptr) {
    const std::size_t want = chunks_.empty() ? 0 : chunk_ + 1;
    if (want >= chunks_.size()) chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(kChunk), kChunk});
    chunk_ = want;
    next_ = chunks_[chunk_].bytes.get();
    end_ = next_ + chunks_[chunk_].size;
  }
  void* block = next_;
  next_ += bytes;
  return block;
}

void Heap::release(void* block, std::size_t bytes) noexcept {
  const std::size_t size = rounded(bytes);
  live_ -= size;
  if (size > kLargest) {
    auto* big = static_cast<Big*>(block) - 1;
    if (big->previous != nullptr) big->previous->next = big->next;
    if (big->next != nullptr) big->next->previous = big->previous;
    if (big_ == big) big_ = big->next;
    std::free(big);
    return;
  }
  Free*& list = free_[class_of(size)];
  auto* entry = static_cast<Free*>(block);
  entry->next = list;
  list = entry;
}

void Heap::reset() noexcept {
  while (big_ != nullptr) {
    Big* next = big_->next;
    std::free(big_);
    big_ = next;
  }
  // Memory of an unusually large record goes back; what usual ones need stays.
  constexpr std::size_t kKeptChunks = 8;
  if (chunks_.size() > kKeptChunks) chunks_.resize(kKeptChunks);
  free_.fill(nullptr);
  chunk_ = 0;
  next_ = chunks_.empty() ? nullptr : chunks_[0].bytes.get();
  end_ = chunks_.empty() ? nullptr : next_ + chunks_[0].size;
  live_ = 0;
}

}  // namespace riptide::transform::jq

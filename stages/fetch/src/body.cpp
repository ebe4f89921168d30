#include "body.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

namespace riptide::stages {
namespace {

constexpr std::size_t kFirstBytes = 16u << 10;

}  // namespace

Body::Body(const BodyLimits& limits, pipeline::Credit credit) noexcept
    : limits_(&limits), credit_(std::move(credit)), initial_credit_(credit_.amount()) {}

bool Body::make_room(std::size_t total) {
  const bool credited = initial_credit_ > 0;
  if (total > limits_->max_bytes) {
    failure_ = Error(ErrorKind::kLimit,
                     fmt::format("the body is larger than one answer may be: at least {} > {} bytes after "
                                 "decompression; raise MEMORY (OCEAN__RIPTIDE__MEMORY) or ask for smaller pages",
                                 total, limits_->max_bytes));
    return false;
  }
  if (credited && limits_->credits != nullptr && total > limits_->credits->capacity()) {
    failure_ = Error(ErrorKind::kLimit, fmt::format("the body is larger than all the memory for bodies: at least {} > "
                                                    "{} bytes; raise MEMORY (OCEAN__RIPTIDE__MEMORY)",
                                                    total, limits_->credits->capacity()));
    return false;
  }
  if (!buffer_) {
    buffer_ = limits_->pages != nullptr ? limits_->pages->take() : std::make_shared<pipeline::PageBuffer>();
  }
  std::size_t room = buffer_->capacity();
  if (total > room) {
    // Half as much again: a body of unknown length is not copied for each arrival, and credit is not taken far ahead.
    room = std::min(std::max({total, room + room / 2, kFirstBytes}), limits_->max_bytes);
    if (!credit_.try_grow(room)) room = total;
  }
  if (!credit_.try_grow(total)) {
    failure_ = Error(
        ErrorKind::kLimit,
        fmt::format("no memory is free for the rest of the body: {} of {} bytes credited", credit_.amount(), total),
        pipeline::Retry::now());
    return false;
  }
  if (room > buffer_->capacity()) buffer_->reserve(room);
  return true;
}

bool Body::expect(std::size_t bytes) noexcept {
  try {
    return make_room(bytes);
  } catch (const std::bad_alloc&) {
    failure_ = Error(ErrorKind::kInternal, "out of memory for a body");
    return false;
  }
}

bool Body::append(std::string_view bytes) noexcept {
  try {
    const std::size_t total = (buffer_ ? buffer_->size() : 0) + bytes.size();
    const bool fits = buffer_ && total <= buffer_->capacity() && total <= credit_.amount();
    if (!fits && !make_room(total)) return false;
    buffer_->append(bytes);
    return true;
  } catch (const std::bad_alloc&) {
    failure_ = Error(ErrorKind::kInternal, "out of memory for a body");
    return false;
  }
}

Page Body::finish() {
  if (!buffer_) buffer_ = std::make_shared<pipeline::PageBuffer>();
  buffer_->reserve(0);  // An empty body is padded too.
  credit_.resize(buffer_->capacity());
  buffer_->credit = std::move(credit_);
  return std::exchange(buffer_, nullptr);
}

Page Body::finish_for_another() {
  if (!buffer_) buffer_ = std::make_shared<pipeline::PageBuffer>();
  buffer_->reserve(0);
  buffer_->credit = std::move(credit_);
  return std::exchange(buffer_, nullptr);
}

void Body::restart() noexcept {
  buffer_.reset();
  credit_.resize(std::min(credit_.amount(), initial_credit_));
  failure_.reset();
}

void Body::abandon() noexcept {
  buffer_.reset();
  credit_.release();
}

}  // namespace riptide::stages

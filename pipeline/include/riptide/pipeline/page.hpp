#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "riptide/pipeline/credits.hpp"

namespace riptide::pipeline {

/// Readable bytes behind the end of every page, for parsers that read ahead.
inline constexpr std::size_t kPagePadding = 64;

/// The bytes of one response body. Written by one thread, then frozen behind a `Page` and shared. Keeps `kPagePadding`
/// zero bytes behind its end at all times. Carries the credit for its bytes and gives it back when it dies.
class PageBuffer {
 public:
  PageBuffer() = default;
  ~PageBuffer();
  PageBuffer(PageBuffer&&) noexcept;
  PageBuffer& operator=(PageBuffer&&) noexcept;
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;

  /// Appends bytes, growing geometrically. Throws std::bad_alloc.
  void append(std::string_view bytes);
  void reserve(std::size_t bytes);
  /// Drops what is behind the first `bytes`.
  void truncate(std::size_t bytes) noexcept;
  void clear() noexcept { truncate(0); }

  [[nodiscard]] std::string_view view() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  /// The right to the bytes; grown by whoever fills the buffer.
  Credit credit;

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;  ///< Without the padding.
};

/// A frozen body with its owners counted. A view into it travels with a `Page`; a view without one is a bug.
using Page = std::shared_ptr<const PageBuffer>;

/// Copies `bytes` into a new page (tests, small bodies).
Page make_page(std::string_view bytes);

/// Keeps the memory of dead pages for the next ones, so that large bodies do not fault their memory in anew.
/// Any thread. Pages may outlive it.
class PagePool {
 public:
  /// Keeps at most `max_idle_bytes` of idle buffers.
  explicit PagePool(std::size_t max_idle_bytes);
  ~PagePool();

  /// Returns an empty buffer that comes back here when its last owner lets go.
  std::shared_ptr<PageBuffer> take();

 private:
  struct Idle;
  std::shared_ptr<Idle> idle_;
};

}  // namespace riptide::pipeline

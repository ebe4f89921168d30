#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace riptide::simulator {

/// One response under construction: the body grows behind a head room, the header is put in front once the body's
/// length is known, so that both leave in one send. New memory is not cleared.
class ByteBuffer {
 public:
  static constexpr std::size_t kHeadRoom = 512;

  void clear() noexcept;
  /// Returns the end of the body with room for `bytes` more; `commit` says how far it was written.
  char* reserve(std::size_t bytes);
  void commit(const char* end) noexcept;
  void append(std::string_view bytes);
  void append_number(std::size_t number);
  void truncate(std::size_t body_bytes) noexcept;
  [[nodiscard]] std::string_view body() const noexcept;
  /// Puts `header` (at most kHeadRoom bytes) in front and returns both; valid until the next change.
  std::string_view with_header(std::string_view header);

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t end_ = kHeadRoom;  ///< Of the body; it starts at kHeadRoom.
};

/// Keeps buffers for the next responses, the last used first: it is the one that is still in the cache.
class BufferPool {
 public:
  ByteBuffer take();
  void give_back(ByteBuffer buffer);

 private:
  static constexpr std::size_t kMaxIdle = 256;
  std::vector<ByteBuffer> idle_;
};

}  // namespace riptide::simulator

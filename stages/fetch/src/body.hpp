#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// Where bodies come from, and how large they may become.
struct BodyLimits {
  std::size_t max_bytes = 0;
  pipeline::CreditPool* credits = nullptr;  ///< May be null.
  pipeline::PagePool* pages = nullptr;      ///< May be null.
};

/// One body while it comes in: bytes are credited before they are stored. Takes its buffer with the first byte, so that
/// a request that waits for its answer holds none.
class Body {
 public:
  /// @param limits  Borrowed. @param credit  For the expected size; an empty one bounds nothing.
  Body(const BodyLimits& limits, pipeline::Credit credit) noexcept;

  /// Makes room for a body of known length. False: see `failure`.
  [[nodiscard]] bool expect(std::size_t bytes) noexcept;
  /// Stores bytes. False: see `failure`.
  [[nodiscard]] bool append(std::string_view bytes) noexcept;
  /// What came so far; until the next call.
  [[nodiscard]] std::string_view view() const noexcept { return buffer_ ? buffer_->view() : std::string_view(); }
  /// Drops what is behind the first `bytes`.
  void truncate(std::size_t bytes) noexcept {
    if (buffer_) buffer_->truncate(bytes);
  }
  /// Why `expect` or `append` refused: kLimit, or kInternal when memory ran out. Without the URL.
  [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }

  /// Freezes the body; its credit, now of the size that it has, goes with it. Call once.
  [[nodiscard]] Page finish();
  /// The same of an answer that stands for a page kept elsewhere (304): all the credit goes with it, for that page.
  [[nodiscard]] Page finish_for_another();
  /// Drops what came so far, for another attempt.
  void restart() noexcept;
  /// Drops everything, the credit included.
  void abandon() noexcept;

 private:
  bool make_room(std::size_t total);

  const BodyLimits* limits_;
  pipeline::Credit credit_;
  std::size_t initial_credit_;
  std::shared_ptr<pipeline::PageBuffer> buffer_;
  std::optional<Error> failure_;
};

}  // namespace riptide::stages

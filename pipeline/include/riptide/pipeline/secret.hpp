#pragma once

#include <string>
#include <utility>

namespace riptide::pipeline {

/// Text that no log, report or error may show. It has no formatter and no stream operator on purpose: the one way to
/// the text is `reveal()`, at the place that sends it.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] const std::string& reveal() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace riptide::pipeline

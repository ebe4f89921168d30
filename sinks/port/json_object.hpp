#pragma once

#include <string>
#include <string_view>

#include "riptide/json/document.hpp"

namespace riptide::sinks::port {

/// Writes a compact JSON object, member by member.
class JsonObject {
 public:
  /// A value that is JSON already.
  JsonObject& raw(std::string_view key, std::string_view json) {
    text_ += text_.size() == 1 ? "" : ",";
    json::append_quoted(key, text_);
    text_ += ':';
    text_ += json;
    return *this;
  }
  JsonObject& text(std::string_view key, std::string_view value) {
    std::string quoted;
    json::append_quoted(value, quoted);
    return raw(key, quoted);
  }
  JsonObject& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  [[nodiscard]] std::string str() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

}  // namespace riptide::sinks::port

#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "riptide/json/document.hpp"

namespace riptide::stages {

/// Writes objects and arrays member by member, with the commas where they belong.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& open(char bracket) {
    separate();
    out_.push_back(bracket);
    first_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_.push_back(bracket);
    first_ = false;
    return *this;
  }
  JsonWriter& key(std::string_view name) {
    separate();
    json::append_quoted(name, out_);
    out_.push_back(':');
    first_ = true;
    return *this;
  }
  JsonWriter& text(std::string_view name, std::string_view value) {
    key(name);
    json::append_quoted(value, out_);
    first_ = false;
    return *this;
  }
  template <class Number>
  JsonWriter& number(std::string_view name, Number value) {
    key(name);
    out_ += fmt::format("{}", value);
    first_ = false;
    return *this;
  }
  JsonWriter& seconds(std::string_view name, double value) {
    key(name);
    out_ += fmt::format("{:.6f}", value);
    first_ = false;
    return *this;
  }
  JsonWriter& boolean(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
    first_ = false;
    return *this;
  }
  /// Raw JSON.
  JsonWriter& raw(std::string_view name, std::string_view value) {
    key(name);
    out_ += value;
    first_ = false;
    return *this;
  }
  JsonWriter& element(std::string_view value) {
    separate();
    json::append_quoted(value, out_);
    return *this;
  }

 private:
  void separate() {
    if (!first_) out_.push_back(',');
    first_ = false;
  }
  std::string& out_;
  bool first_ = true;
};

}  // namespace riptide::stages

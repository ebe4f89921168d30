#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::loopback {

/// A JSON value for tests: what is not as expected throws, which fails the test with the reason. Read by simdjson's
/// DOM, not by the product's own reader. A value keeps its document alive.
class Json {
 public:
  /// Throws std::runtime_error with the text when it is not JSON.
  static Json parse(std::string_view text);

  /// A member or element that must be there.
  Json operator[](std::string_view key) const;
  Json operator[](std::size_t index) const;
  [[nodiscard]] std::optional<Json> find(std::string_view key) const;

  [[nodiscard]] bool is_object() const { return element_.is_object(); }
  [[nodiscard]] bool is_array() const { return element_.is_array(); }
  [[nodiscard]] bool is_string() const { return element_.is_string(); }
  [[nodiscard]] bool is_number() const { return element_.is_number(); }
  [[nodiscard]] bool is_bool() const { return element_.is_bool(); }
  [[nodiscard]] bool is_null() const { return element_.is_null(); }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] double number() const;
  [[nodiscard]] bool truth() const;
  [[nodiscard]] std::vector<Json> items() const;
  [[nodiscard]] std::vector<std::string> keys() const;
  /// The value as compact JSON.
  [[nodiscard]] std::string dump() const;
  /// The same with the keys of objects in order, so that equal values have equal texts.
  [[nodiscard]] std::string canonical() const;

 private:
  Json(std::shared_ptr<simdjson::dom::parser> parser, simdjson::dom::element element)
      : parser_(std::move(parser)), element_(element) {}
  std::shared_ptr<simdjson::dom::parser> parser_;
  simdjson::dom::element element_;
};

}  // namespace riptide::loopback

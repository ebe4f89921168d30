#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/stages/http_message.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::sources::custom {

using pipeline::Result;

/// A value as the text of a parameter, a header or a part of a URL: texts as they are, `true` and `false`, nothing for
/// null, JSON for the rest.
[[nodiscard]] std::string text_of(transform::jq::ValueRef value);

/// Reads a block of settings, given as JSON. Every error is kConfig and names the field. Borrows the evaluator's
/// values: valid until it loads something else.
class FieldReader {
 public:
  /// Reads an object. `name` is what messages call it.
  [[nodiscard]] static Result<FieldReader> read(std::string_view json, std::string name,
                                                transform::jq::Evaluator& evaluator);

  /// What a message calls a field: "selector.pagination.type".
  [[nodiscard]] std::string place(std::string_view key) const { return name_ + "." + std::string(key); }
  /// Refuses fields beside these.
  [[nodiscard]] Result<void> only(std::span<const char* const> known) const;

  [[nodiscard]] bool has(std::string_view key) const noexcept;
  /// Text, or a number or boolean as text; empty if absent or null.
  [[nodiscard]] Result<std::string> text(std::string_view key) const;
  /// A whole number, or text that is one.
  [[nodiscard]] Result<std::uint64_t> number(std::string_view key, std::uint64_t fallback, std::uint64_t least) const;
  /// GET if absent.
  [[nodiscard]] Result<stages::Method> method(std::string_view key,
                                              stages::Method fallback = stages::Method::kGet) const;
  /// Members of an object as parameters of a URL; a list repeats its key.
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parameters(std::string_view key) const;
  [[nodiscard]] Result<std::vector<stages::Header>> headers(std::string_view key) const;
  /// An object as JSON; empty if it is absent, null or empty.
  [[nodiscard]] Result<std::string> object(std::string_view key) const;
  /// A block within this one, or nothing.
  [[nodiscard]] Result<std::optional<FieldReader>> block(std::string_view key) const;

 private:
  FieldReader(transform::jq::ValueRef object, std::string name) : object_(object), name_(std::move(name)) {}
  [[nodiscard]] Result<transform::jq::ValueRef> object_at(std::string_view key) const;
  [[nodiscard]] pipeline::Unexpected wrong(std::string_view key, std::string_view must) const;

  transform::jq::ValueRef object_;
  std::string name_;
};

}  // namespace riptide::sources::custom

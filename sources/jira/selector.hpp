#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::sources::jira {

using pipeline::Result;

/// Reads the selector of one resource block. Every error is kConfig and names the block and the field.
class SelectorReader {
 public:
  SelectorReader(const stages::SourceResource& resource, json::Document& document)
      : resource_(resource), document_(document) {}

  /// Text; `fallback` if the field is absent. Null is an error.
  [[nodiscard]] Result<std::string> text(std::string_view key, std::string_view fallback) const;
  /// Text or null; `fallback` if the field is absent.
  [[nodiscard]] Result<std::optional<std::string>> optional_text(
      std::string_view key, std::optional<std::string> fallback = std::nullopt) const;
  [[nodiscard]] Result<bool> boolean(std::string_view key, bool fallback) const;
  /// A list of texts or null (an empty list); `fallback` if the field is absent. Each one is of `allowed`, unless that
  /// is empty, and there once.
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view key, std::vector<std::string> fallback,
                                                       const std::vector<std::string_view>& allowed) const;
  /// One of `allowed`, or null or absent.
  [[nodiscard]] Result<std::optional<std::string>> choice(std::string_view key,
                                                          const std::vector<std::string_view>& allowed) const;
  /// The members of an object (or null) as text: texts and whole numbers, nulls left out, only those named.
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> members(
      std::string_view key, const std::vector<std::string_view>& names) const;

 private:
  [[nodiscard]] const std::string* find(std::string_view key) const noexcept;
  [[nodiscard]] pipeline::Unexpected wrong(std::string_view key, std::string_view must) const;

  const stages::SourceResource& resource_;
  json::Document& document_;
};

}  // namespace riptide::sources::jira

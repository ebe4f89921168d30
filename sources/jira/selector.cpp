#include "selector.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "riptide/pipeline/page.hpp"

namespace riptide::sources::jira {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;

bool among(std::string_view text, const std::vector<std::string_view>& allowed) {
  return std::find(allowed.begin(), allowed.end(), text) != allowed.end();
}

}  // namespace

const std::string* SelectorReader::find(std::string_view key) const noexcept {
  for (const auto& [name, value] : resource_.selector) {
    if (name == key) return &value;
  }
  return nullptr;
}

pipeline::Unexpected SelectorReader::wrong(std::string_view key, std::string_view must) const {
  return unexpected(ErrorKind::kConfig, fmt::format("resource {} of the mapping ({}): selector.{} must be {}",
                                                    resource_.index, resource_.kind, key, must));
}

Result<std::optional<std::string>> SelectorReader::optional_text(std::string_view key,
                                                                 std::optional<std::string> fallback) const {
  const std::string* const json = find(key);
  if (json == nullptr) return fallback;
  if (*json == "null") return std::optional<std::string>();
  auto text = json::decoded(*json);
  if (json->empty() || json->front() != '"' || !text) return wrong(key, "text");
  return std::optional<std::string>(*std::move(text));
}

Result<std::string> SelectorReader::text(std::string_view key, std::string_view fallback) const {
  auto text = optional_text(key, std::string(fallback));
  if (!text) return unexpected(std::move(text).error());
  if (!text->has_value()) return wrong(key, "text, not null");
  return **std::move(text);
}

Result<bool> SelectorReader::boolean(std::string_view key, bool fallback) const {
  const std::string* const json = find(key);
  if (json == nullptr) return fallback;
  if (*json == "true" || *json == "\"true\"") return true;
  if (*json == "false" || *json == "\"false\"") return false;
  return wrong(key, "true or false");
}

Result<std::vector<std::string>> SelectorReader::texts(std::string_view key, std::vector<std::string> fallback,
                                                       const std::vector<std::string_view>& allowed) const {
  const std::string* const json = find(key);
  if (json == nullptr) return fallback;
  std::vector<std::string> list;
  if (*json == "null") return list;
  const std::string must =
      allowed.empty() ? std::string("a list of texts") : fmt::format("a list of {}", fmt::join(allowed, ", "));
  const pipeline::Page page = pipeline::make_page(*json);
  auto root = document_.index(page->view());
  if (!root || root->type != json::Type::kArray) return wrong(key, must);
  json::Document::Elements elements(document_, *root);
  while (elements.next()) {
    auto raw = elements.raw_value();
    if (!raw || elements.value().type != json::Type::kString) return wrong(key, must);
    auto text = json::decoded(*raw);
    if (!text || (!allowed.empty() && !among(*text, allowed))) return wrong(key, must);
    if (std::find(list.begin(), list.end(), *text) != list.end()) return wrong(key, must + ", each once");
    list.push_back(*std::move(text));
  }
  if (!elements.status()) return wrong(key, must);
  return list;
}

Result<std::optional<std::string>> SelectorReader::choice(std::string_view key,
                                                          const std::vector<std::string_view>& allowed) const {
  auto text = optional_text(key);
  if (!text) return text;
  if (text->has_value() && !among(**text, allowed))
    return wrong(key, fmt::format("one of {}", fmt::join(allowed, ", ")));
  return text;
}

Result<std::vector<std::pair<std::string, std::string>>> SelectorReader::members(
    std::string_view key, const std::vector<std::string_view>& names) const {
  std::vector<std::pair<std::string, std::string>> found;
  const std::string* const json = find(key);
  if (json == nullptr || *json == "null") return found;
  const std::string must = fmt::format("a block with {}", fmt::join(names, ", "));
  const pipeline::Page page = pipeline::make_page(*json);
  auto root = document_.index(page->view());
  if (!root || root->type != json::Type::kObject) return wrong(key, must);
  for (const std::string_view name : names) {
    auto member = document_.find(*root, name);
    if (!member) return wrong(key, must);
    if (!member->has_value() || (*member)->type == json::Type::kNull) continue;
    auto raw = document_.raw(**member);
    const std::string path = fmt::format("{}.{}", key, name);
    if (!raw) return wrong(path, "text or a whole number");
    if ((*member)->type == json::Type::kNumber && json::to_uint64(*raw)) {
      found.emplace_back(name, *raw);
      continue;
    }
    auto text = json::decoded(*raw);
    if ((*member)->type != json::Type::kString || !text) return wrong(path, "text or a whole number");
    found.emplace_back(name, *std::move(text));
  }
  return found;
}

}  // namespace riptide::sources::jira

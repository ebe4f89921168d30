#include "riptide/stages/secret_settings.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/page.hpp"
#include "scrubber.hpp"

namespace riptide::stages {
namespace {

/// Members that say how to ask, and are the same for everybody.
constexpr std::array<std::string_view, 9> kOpenMembers = {
    "endpoint", "method", "content-type", "accept", "user-agent", "grant_type", "scope", "audience", "granttype"};

bool is_open(std::string_view name) {
  std::string small(name);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::find(kOpenMembers.begin(), kOpenMembers.end(), small) != kOpenMembers.end();
}

/// The parts of a text that stand in `{{ }}`.
std::string references(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; (at = text.find("{{", at)) != std::string_view::npos;) {
    const std::size_t end = text.find("}}", at);
    if (end == std::string_view::npos) break;
    out.append(text, at, end + 2 - at);
    at = end + 2;
  }
  return out;
}

/// Copies a JSON object, string values changed by `change`; numbers and literals stay. Nothing if it is none.
std::optional<std::string> copied(std::string_view setting,
                                  const std::function<std::string(std::string_view)>& change) {
  const pipeline::Page page = pipeline::make_page(setting);
  json::Document document;
  const auto root = document.index(page->view());
  if (!root || root->type != json::Type::kObject || !document.check()) return std::nullopt;
  // Checked JSON: what follows walks it by its strings. A key is a string with a colon behind it.
  const std::string_view text = page->view();
  std::string out;
  std::string key;
  std::size_t done = 0;
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string_view::npos;) {
    std::size_t end = at + 1;
    while (text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    ++end;
    const std::string decoded = json::text_of(text.substr(at, end - at));
    const std::size_t after = text.find_first_not_of(" \t\r\n", end);
    if (after != std::string_view::npos && text[after] == ':') {
      key = decoded;
    } else if (!is_open(key)) {
      out.append(text, done, at - done);
      json::append_quoted(change(decoded), out);
      done = end;
    }
    at = end;
  }
  return out.append(text, done);
}

}  // namespace

std::string without_secrets(std::string_view setting) {
  const auto blank = [](std::string_view text) {
    const std::string kept = references(text);
    return kept.empty() ? std::string(kBlank) : kept;
  };
  return copied(setting, blank).value_or(std::string(kBlank));
}

std::vector<std::string> secrets_in(std::string_view setting) {
  std::vector<std::string> out;
  const auto collect = [&out](std::string_view text) {
    if (text.find("{{") == std::string_view::npos) out.emplace_back(text);
    // A form: each of its values.
    for (std::size_t at = 0; (at = text.find('=', at)) != std::string_view::npos;) {
      const std::size_t begin = text.rfind('&', at);
      const std::string_view name = text.substr(begin == std::string_view::npos ? 0 : begin + 1);
      const std::size_t end = std::min(text.find('&', at), text.size());
      if (!is_open(name.substr(0, name.find('=')))) out.emplace_back(text.substr(at + 1, end - at - 1));
      at = end;
    }
    return std::string(text);
  };
  if (!copied(setting, collect)) out.emplace_back(setting);
  return out;
}

}  // namespace riptide::stages

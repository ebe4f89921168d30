#include "riptide/stages/auth.hpp"

#include <cstdint>

#include "riptide/json/document.hpp"

namespace riptide::stages {

std::string basic_authorization(std::string_view name, std::string_view password) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text(name);
  text.append(":").append(password);
  std::string out = "Basic ";
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) out += i + k > text.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63u];
  }
  return out;
}

std::string with_query(std::string_view url, const std::vector<std::pair<std::string, std::string>>& parameters) {
  if (parameters.empty()) return std::string(url);
  const auto question = url.find('?');
  std::string out(url.substr(0, question));
  std::string_view rest = question == std::string_view::npos ? std::string_view() : url.substr(question + 1);
  char separator = '?';
  const auto add = [&](std::string_view text) {
    out += separator;
    out += text;
    separator = '&';
  };
  std::vector<std::string> names;
  for (const auto& [name, value] : parameters) names.push_back(percent_encoded(name));
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view one = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::string_view name = one.substr(0, one.find('='));
    bool replaced = one.empty();
    for (const std::string& other : names) replaced = replaced || name == other;
    if (!replaced) add(one);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) add(names[i] + '=' + percent_encoded(parameters[i].second));
  return out;
}

std::string with_members(std::string_view object, std::string_view members) {
  if (members.empty()) return std::string(object);
  if (object.empty()) return std::string(members);
  const Page own = pipeline::make_page(object);
  const Page put = pipeline::make_page(members);
  json::Document own_document;
  json::Document put_document;
  const auto own_root = own_document.index(own->view());
  const auto put_root = put_document.index(put->view());
  if (!own_root || own_root->type != json::Type::kObject || !put_root) return std::string(object);
  std::string out = "{";
  const auto add = [&](std::string_view raw_key, std::string_view raw_value) {
    if (out.size() > 1) out += ',';
    out.append("\"").append(raw_key).append("\":").append(raw_value);
  };
  json::Document::Members kept(own_document, *own_root);
  while (kept.next()) {
    auto key = json::decoded("\"" + std::string(kept.raw_key()) + "\"");
    auto value = kept.raw_value();
    if (!key || !value) return std::string(object);
    const auto over = put_document.find(*put_root, *key);
    if (!over || !*over) add(kept.raw_key(), *value);
  }
  json::Document::Members added(put_document, *put_root);
  while (added.next()) {
    if (auto value = added.raw_value()) add(added.raw_key(), *value);
  }
  return kept.status() && added.status() ? out + "}" : std::string(object);
}

}  // namespace riptide::stages

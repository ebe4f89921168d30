#include "data_path.hpp"

#include <fmt/format.h>

#include <utility>

namespace riptide::sources::custom {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;
namespace jq = transform::jq;

bool begins_name(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) noexcept { return begins_name(c) || (c >= '0' && c <= '9'); }

/// Takes a string literal without escapes or interpolation off the front.
std::optional<std::string> take_literal(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  const auto end = text.find('"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view inside = text.substr(1, end - 1);
  if (inside.find('\\') != std::string_view::npos) return std::nullopt;
  text.remove_prefix(end + 1);
  return std::string(inside);
}

/// Takes the name of a member off the front.
std::optional<std::string> take_name(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && (length == 0 ? begins_name(text[0]) : continues_name(text[length]))) ++length;
  if (length == 0) return std::nullopt;
  std::string name(text.substr(0, length));
  text.remove_prefix(length);
  return name;
}

Result<void> add_elements(json::Value array, json::Document& document, Items& items) {
  json::Document::Elements elements(document, array);
  while (elements.next()) {
    auto raw = elements.raw_value();
    if (!raw) return unexpected(std::move(raw).error());
    items.raw.push_back(*raw);
  }
  return elements.status();
}

}  // namespace

std::optional<PlainPath> plain_path(std::string_view text) {
  PlainPath path;
  if (text.empty() || text == ".") return path;
  if (text.ends_with("[]")) {
    path.iterates = true;
    text.remove_suffix(2);
  }
  while (!text.empty()) {
    std::optional<std::string> key;
    if (text.starts_with("[") || (text.starts_with(".[") && path.keys.empty())) {
      text.remove_prefix(text.find('[') + 1);
      key = take_literal(text);
      if (!key || !text.starts_with(']')) return std::nullopt;
      text.remove_prefix(1);
    } else if (text.starts_with('.')) {
      text.remove_prefix(1);
      key = take_literal(text);
      if (!key) key = take_name(text);
    }
    if (!key) return std::nullopt;
    path.keys.push_back(*std::move(key));
  }
  return path;
}

Result<DataPath> DataPath::compile(std::string_view text) {
  DataPath path;
  path.text_ = text.empty() ? "." : text;
  path.plain_ = plain_path(text);
  if (path.text_ == ".") return path;
  auto program = jq::Program::compile(path.text_);
  if (!program) return unexpected(std::move(program).error());
  path.program_ = *std::move(program);
  return path;
}

Result<Items> DataPath::extract(std::string_view body, json::Value root, json::Document& document,
                                jq::Evaluator& evaluator) const {
  const auto named = [this](pipeline::Error error) {
    return unexpected(std::move(error).within(fmt::format("data_path {}", text_)));
  };
  if (plain_) {
    auto walked = walk(root, document);
    if (!walked) return named(std::move(walked).error());
    if (*walked) return **std::move(walked);
  }
  auto evaluated = evaluate(body, evaluator);
  if (!evaluated) return named(std::move(evaluated).error());
  return evaluated;
}

/// Nothing where jq has the last word: what is named is not there, or not what it should be.
Result<std::optional<Items>> DataPath::walk(json::Value root, json::Document& document) const {
  Items items;
  json::Value at = root;
  for (const std::string& key : plain_->keys) {
    if (at.type != json::Type::kObject) return std::optional<Items>();
    auto member = document.find(at, key);
    if (!member) return unexpected(std::move(member).error());
    if (!*member) return std::optional<Items>();
    at = **member;
  }
  if (at.type == json::Type::kArray) {
    if (auto added = add_elements(at, document, items); !added) return unexpected(std::move(added).error());
    return std::optional<Items>(std::move(items));
  }
  items.whole = program_ == nullptr;
  if (!items.whole && (plain_->iterates || at.type == json::Type::kNull)) return std::optional<Items>();
  auto raw = document.raw(at);
  if (!raw) return unexpected(std::move(raw).error());
  items.raw.push_back(*raw);
  return std::optional<Items>(std::move(items));
}

Result<Items> DataPath::evaluate(std::string_view body, jq::Evaluator& evaluator) const {
  if (auto loaded = evaluator.load(body); !loaded) return unexpected(std::move(loaded).error());
  std::string bytes;
  std::vector<std::pair<std::size_t, std::size_t>> spans;
  const auto add = [&](jq::ValueRef value) {
    const std::size_t begin = bytes.size();
    value.append_json(bytes);
    spans.emplace_back(begin, bytes.size() - begin);
  };
  const jq::Outcome outcome = evaluator.run(*program_, [&](jq::ValueRef value) {
    if (value.type() == jq::Type::kArray) {
      for (std::size_t i = 0; i < value.size(); ++i) add(value.element(i));
    } else if (value.type() != jq::Type::kNull) {
      add(value);
    }
    return jq::Next::kContinue;
  });
  if (!outcome.ok()) return unexpected(ErrorKind::kMalformed, outcome.message);
  Items items;
  items.page = pipeline::make_page(bytes);
  items.raw.reserve(spans.size());
  for (const auto& [begin, length] : spans) items.raw.push_back(items.page->view().substr(begin, length));
  return items;
}

}  // namespace riptide::sources::custom

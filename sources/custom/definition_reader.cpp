#include "definition_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace riptide::sources::custom {

using pipeline::ErrorKind;
using pipeline::unexpected;
using transform::jq::Type;
using transform::jq::ValueRef;

std::string text_of(ValueRef value) {
  switch (value.type()) {
    case Type::kNull:
      return {};
    case Type::kString:
      return std::string(value.string());
    case Type::kFalse:
    case Type::kTrue:
    case Type::kNumber:
    case Type::kArray:
    case Type::kObject:
      break;
  }
  std::string text;
  value.append_json(text);
  return text;
}

Result<FieldReader> FieldReader::read(std::string_view json, std::string name, transform::jq::Evaluator& evaluator) {
  evaluator.load_null();
  auto value = evaluator.read(json);
  if (!value) {
    return unexpected(ErrorKind::kConfig, fmt::format("{} is not JSON: {}", name, value.error().message));
  }
  if (value->type() != Type::kObject) return unexpected(ErrorKind::kConfig, name + " must be a JSON object");
  return FieldReader(*value, std::move(name));
}

pipeline::Unexpected FieldReader::wrong(std::string_view key, std::string_view must) const {
  return unexpected(ErrorKind::kConfig, fmt::format("{} must be {}", place(key), must));
}

Result<void> FieldReader::only(std::span<const char* const> known) const {
  for (std::size_t i = 0; i < object_.size(); ++i) {
    const std::string_view key = object_.entry(i).first;
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return unexpected(ErrorKind::kConfig,
                        fmt::format("{} is not known; there are {}", place(key), fmt::join(known, ", ")));
    }
  }
  return {};
}

bool FieldReader::has(std::string_view key) const noexcept { return object_.member(key).type() != Type::kNull; }

Result<std::string> FieldReader::text(std::string_view key) const {
  const ValueRef value = object_.member(key);
  if (value.type() == Type::kArray || value.type() == Type::kObject) return wrong(key, "text");
  return text_of(value);
}

Result<std::uint64_t> FieldReader::number(std::string_view key, std::uint64_t fallback, std::uint64_t least) const {
  auto text = this->text(key);
  if (!text) return unexpected(std::move(text).error());
  if (text->empty()) return fallback;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number < least || number > 1'000'000'000) {
    return wrong(key, fmt::format("a whole number from {} on", least));
  }
  return number;
}

Result<stages::Method> FieldReader::method(std::string_view key, stages::Method fallback) const {
  auto text = this->text(key);
  if (!text) return unexpected(std::move(text).error());
  if (text->empty()) return fallback;
  std::string upper = *text;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  for (const stages::Method method : {stages::Method::kGet, stages::Method::kPost, stages::Method::kPut,
                                      stages::Method::kPatch, stages::Method::kDelete}) {
    if (stages::to_string(method) == upper) return method;
  }
  return wrong(key, fmt::format("GET, POST, PUT, PATCH or DELETE, not '{}'", *text));
}

Result<ValueRef> FieldReader::object_at(std::string_view key) const {
  const ValueRef value = object_.member(key);
  if (value.type() != Type::kNull && value.type() != Type::kObject) return wrong(key, "a block of names and values");
  return value;
}

Result<std::vector<std::pair<std::string, std::string>>> FieldReader::parameters(std::string_view key) const {
  auto object = object_at(key);
  if (!object) return unexpected(std::move(object).error());
  std::vector<std::pair<std::string, std::string>> out;
  if (object->type() == Type::kNull) return out;
  for (std::size_t i = 0; i < object->size(); ++i) {
    const auto [name, value] = object->entry(i);
    if (value.type() != Type::kArray) {
      out.emplace_back(name, text_of(value));
      continue;
    }
    for (std::size_t k = 0; k < value.size(); ++k) out.emplace_back(name, text_of(value.element(k)));
  }
  return out;
}

Result<std::vector<stages::Header>> FieldReader::headers(std::string_view key) const {
  auto object = object_at(key);
  if (!object) return unexpected(std::move(object).error());
  std::vector<stages::Header> out;
  if (object->type() == Type::kNull) return out;
  for (std::size_t i = 0; i < object->size(); ++i) {
    const auto [name, value] = object->entry(i);
    out.push_back({std::string(name), text_of(value)});
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; };
    const stages::Header& header = out.back();
    if (header.name.empty() || std::any_of(header.name.begin(), header.name.end(), is_control) ||
        header.name.find_first_of(": ") != std::string::npos ||
        std::any_of(header.value.begin(), header.value.end(), is_control)) {
      return unexpected(ErrorKind::kConfig, place(key) + " has a name or value that no HTTP header can carry");
    }
  }
  return out;
}

Result<std::string> FieldReader::object(std::string_view key) const {
  auto object = object_at(key);
  if (!object) return unexpected(std::move(object).error());
  std::string json;
  if (object->type() == Type::kObject && object->size() != 0) object->append_json(json);
  return json;
}

Result<std::optional<FieldReader>> FieldReader::block(std::string_view key) const {
  auto object = object_at(key);
  if (!object) return unexpected(std::move(object).error());
  if (object->type() == Type::kNull) return std::optional<FieldReader>();
  return std::optional<FieldReader>(FieldReader(*object, place(key)));
}

}  // namespace riptide::sources::custom

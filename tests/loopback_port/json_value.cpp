#include "loopback_port/json_value.hpp"

#include <algorithm>
#include <stdexcept>

namespace riptide::loopback {
namespace {

[[noreturn]] void fail(const std::string& what, const Json& at) {
  throw std::runtime_error(what + " in " + at.dump().substr(0, 2000));
}

}  // namespace

Json Json::parse(std::string_view text) {
  auto parser = std::make_shared<simdjson::dom::parser>();
  simdjson::dom::element element;
  if (const auto error = parser->parse(text.data(), text.size()).get(element)) {
    throw std::runtime_error(std::string("not JSON: ") + simdjson::error_message(error) + ": " +
                             std::string(text.substr(0, 2000)));
  }
  return {std::move(parser), element};
}

std::optional<Json> Json::find(std::string_view key) const {
  simdjson::dom::element found;
  if (element_.at_key(key).get(found)) return std::nullopt;
  return Json(parser_, found);
}

Json Json::operator[](std::string_view key) const {
  auto found = find(key);
  if (!found) fail("no member '" + std::string(key) + "'", *this);
  return *std::move(found);
}

Json Json::operator[](std::size_t index) const {
  simdjson::dom::array array;
  simdjson::dom::element found;
  if (element_.get(array) || array.at(index).get(found)) fail("no element " + std::to_string(index), *this);
  return {parser_, found};
}

std::string Json::text() const {
  std::string_view text;
  if (element_.get(text)) fail("no string", *this);
  return std::string(text);
}

std::uint64_t Json::count() const {
  std::uint64_t count = 0;
  if (element_.get(count)) fail("no count", *this);
  return count;
}

double Json::number() const {
  double number = 0;
  if (element_.get(number)) fail("no number", *this);
  return number;
}

bool Json::truth() const {
  bool truth = false;
  if (element_.get(truth)) fail("no boolean", *this);
  return truth;
}

std::vector<Json> Json::items() const {
  simdjson::dom::array array;
  if (element_.get(array)) fail("no array", *this);
  std::vector<Json> items;
  for (const simdjson::dom::element item : array) items.push_back(Json(parser_, item));
  return items;
}

std::vector<std::string> Json::keys() const {
  simdjson::dom::object object;
  if (element_.get(object)) fail("no object", *this);
  std::vector<std::string> keys;
  for (const auto& field : object) keys.emplace_back(field.key);
  return keys;
}

std::string Json::dump() const { return simdjson::minify(element_); }

std::string Json::canonical() const {
  if (is_array()) {
    std::string out = "[";
    for (const Json& item : items()) out += (out.size() > 1 ? "," : "") + item.canonical();
    return out + "]";
  }
  if (!is_object()) return dump();
  std::vector<std::string> names = keys();
  std::sort(names.begin(), names.end());
  std::string out = "{";
  for (const std::string& name : names) {
    out += (out.size() > 1 ? ",\"" : "\"") + name + "\":" + (*this)[name].canonical();
  }
  return out + "}";
}

}  // namespace riptide::loopback

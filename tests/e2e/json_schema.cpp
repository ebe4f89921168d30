#include "json_schema.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace riptide::e2e {
namespace {

class Check {
 public:
  explicit Check(const Json& schema) : root_(schema) {}

  void value(const Json& value, const Json& schema, const std::string& path) {
    if (const auto reference = schema.find("$ref")) {
      return this->value(value, root_["$defs"][reference->text().substr(std::string("#/$defs/").size())], path);
    }
    static const std::set<std::string> kWords = {
        "$schema",  "title",   "description", "format",    "$defs",
        "type",     "enum",    "required",    "items",     "properties",
        "maxItems", "minimum", "minLength",   "maxLength", "additionalProperties"};
    for (const std::string& word : schema.keys()) {
      if (!kWords.contains(word)) wrong(path, "the schema has a word that is not checked: " + word);
    }
    if (const auto type = schema.find("type"); type && !is(value, type->text())) {
      return wrong(path, "is no " + type->text() + ": " + value.dump().substr(0, 100));
    }
    if (const auto choices = schema.find("enum")) {
      const auto all = choices->items();
      if (std::none_of(all.begin(), all.end(), [&](const Json& one) { return one.dump() == value.dump(); })) {
        wrong(path, "is none of the choices: " + value.dump());
      }
    }
    if (const auto least = schema.find("minimum"); least && value.number() < least->number()) {
      wrong(path, "is too small: " + value.dump());
    }
    if (const auto least = schema.find("minLength"); least && value.text().size() < least->count()) {
      wrong(path, "is too short: " + value.dump());
    }
    if (const auto most = schema.find("maxLength"); most && value.text().size() > most->count()) {
      wrong(path, "is too long: " + value.dump());
    }
    if (value.is_array()) list(value, schema, path);
    if (value.is_object()) object(value, schema, path);
  }

  std::vector<std::string> faults;

 private:
  void wrong(const std::string& path, const std::string& what) {
    if (faults.size() < 10) faults.push_back(path + " " + what);
  }

  static bool is(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "number") return value.is_number();
    return type == "integer" && value.is_number() && value.dump().find_first_of(".eE") == std::string::npos;
  }

  void list(const Json& value, const Json& schema, const std::string& path) {
    const auto items = value.items();
    if (const auto most = schema.find("maxItems"); most && items.size() > most->count()) wrong(path, "has too many");
    const auto each = schema.find("items");
    for (std::size_t i = 0; each && i < items.size(); ++i) {
      this->value(items[i], *each, path + "[" + std::to_string(i) + "]");
    }
  }

  void object(const Json& value, const Json& schema, const std::string& path) {
    if (const auto required = schema.find("required")) {
      for (const Json& key : required->items()) {
        if (!value.find(key.text())) wrong(path, "lacks " + key.text());
      }
    }
    const auto properties = schema.find("properties");
    const auto others = schema.find("additionalProperties");
    for (const std::string& key : value.keys()) {
      const auto property = properties ? properties->find(key) : std::nullopt;
      if (property) {
        this->value(value[key], *property, path + "." + key);
      } else if (others && others->is_object()) {
        this->value(value[key], *others, path + "." + key);
      } else if (others && !others->truth()) {
        wrong(path, "has an unknown " + key);
      }
    }
  }

  const Json& root_;
};

}  // namespace

std::vector<std::string> against_schema(const Json& value, std::string_view schema_file) {
  std::ifstream in(std::filesystem::path(RIPTIDE_DOCS) / schema_file);
  const Json schema = Json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
  Check check(schema);
  check.value(value, schema, "$");
  return check.faults;
}

}  // namespace riptide::e2e

#include "schema_check.hpp"

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <set>

namespace riptide::cli {
namespace {

using Kind = Tree::Kind;

class Check {
 public:
  explicit Check(const Tree& root) : root_(root) {}

  void value(const Tree& value, const Tree& schema, const std::string& path) {
    if (schema.kind == Kind::kBool) {
      if (schema.text != "true") wrong(path, "is not allowed");
      return;
    }
    if (const Tree* const reference = schema.find("$ref")) {
      const Tree* const meant = root_.find("$defs")->find(reference->text.substr(std::string("#/$defs/").size()));
      return meant != nullptr ? this->value(value, *meant, path) : wrong(path, "has a $ref to nowhere");
    }
    static const std::set<std::string> kWords = {"$schema",
                                                 "title",
                                                 "description",
                                                 "default",
                                                 "$defs",
                                                 "type",
                                                 "enum",
                                                 "anyOf",
                                                 "allOf",
                                                 "if",
                                                 "then",
                                                 "required",
                                                 "properties",
                                                 "items",
                                                 "pattern",
                                                 "minimum",
                                                 "maximum",
                                                 "minItems",
                                                 "uniqueItems",
                                                 "patternProperties",
                                                 "additionalProperties"};
    for (const auto& [word, ignored] : schema.members) {
      if (!kWords.contains(word)) wrong(path, "the schema has a word that is not checked: " + word);
    }
    if (const Tree* const type = schema.find("type"); type != nullptr && !is_of(value, *type)) {
      return wrong(path, "is none of the types: " + to_json(value));
    }
    if (const Tree* const choices = schema.find("enum"); choices != nullptr && !has(*choices, value)) {
      wrong(path, "is none of the choices: " + to_json(value));
    }
    if (const Tree* const pattern = schema.find("pattern"); pattern != nullptr && value.kind == Kind::kString) {
      if (!std::regex_search(value.text, std::regex(pattern->text))) wrong(path, "has another form: " + value.text);
    }
    if (value.kind == Kind::kNumber) {
      const double number = std::strtod(value.text.c_str(), nullptr);
      const Tree* const least = schema.find("minimum");
      const Tree* const most = schema.find("maximum");
      if (least != nullptr && number < std::strtod(least->text.c_str(), nullptr)) wrong(path, "is too small");
      if (most != nullptr && number > std::strtod(most->text.c_str(), nullptr)) wrong(path, "is too large");
    }
    if (const Tree* const any = schema.find("anyOf")) {
      const bool fits =
          std::any_of(any->items.begin(), any->items.end(), [&](const Tree& one) { return !faulty(value, one); });
      if (!fits) wrong(path, "fits none of anyOf");
    }
    if (const Tree* const all = schema.find("allOf")) {
      for (const Tree& one : all->items) this->value(value, one, path);
    }
    if (const Tree* const condition = schema.find("if"); condition != nullptr && !faulty(value, *condition)) {
      this->value(value, *schema.find("then"), path);
    }
    if (value.kind == Kind::kList) list(value, schema, path);
    if (value.kind == Kind::kMap) object(value, schema, path);
  }

  std::vector<std::string> faults;

 private:
  void wrong(const std::string& path, const std::string& what) {
    if (faults.size() < 10) faults.push_back(path + " " + what);
  }
  bool faulty(const Tree& value, const Tree& schema) const {
    Check inner(root_);
    inner.value(value, schema, "");
    return !inner.faults.empty();
  }
  static bool is(const Tree& value, const std::string& type) {
    switch (value.kind) {
      case Kind::kNull:
        return type == "null";
      case Kind::kBool:
        return type == "boolean";
      case Kind::kNumber:
        return type == "number" || (type == "integer" && value.text.find_first_of(".eE") == std::string::npos);
      case Kind::kString:
        return type == "string";
      case Kind::kList:
        return type == "array";
      case Kind::kMap:
        return type == "object";
    }
    return false;
  }
  static bool is_of(const Tree& value, const Tree& type) {
    if (type.kind == Kind::kString) return is(value, type.text);
    return std::any_of(type.items.begin(), type.items.end(), [&](const Tree& one) { return is(value, one.text); });
  }
  static bool has(const Tree& choices, const Tree& value) {
    return std::any_of(choices.items.begin(), choices.items.end(),
                       [&](const Tree& one) { return one.kind == value.kind && one.text == value.text; });
  }
  void list(const Tree& value, const Tree& schema, const std::string& path) {
    const Tree* const least = schema.find("minItems");
    if (least != nullptr && value.items.size() < std::strtoul(least->text.c_str(), nullptr, 10)) {
      wrong(path, "has too few");
    }
    std::set<std::string> seen;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const std::string here = path + "[" + std::to_string(i) + "]";
      if (schema.find("uniqueItems") != nullptr && !seen.insert(to_json(value.items[i])).second)
        wrong(here, "is there twice");
      if (const Tree* const each = schema.find("items")) this->value(value.items[i], *each, here);
    }
  }
  void object(const Tree& value, const Tree& schema, const std::string& path) {
    if (const Tree* const required = schema.find("required")) {
      for (const Tree& key : required->items) {
        if (value.find(key.text) == nullptr) wrong(path, "lacks " + key.text);
      }
    }
    for (const auto& [key, member] : value.members) {
      const std::string here = path + "." + key;
      bool known = false;
      if (const Tree* const properties = schema.find("properties"); properties != nullptr && properties->find(key)) {
        known = true;
        this->value(member, *properties->find(key), here);
      }
      if (const Tree* const patterns = schema.find("patternProperties")) {
        for (const auto& [pattern, inside] : patterns->members) {
          if (!std::regex_search(key, std::regex(pattern))) continue;
          known = true;
          this->value(member, inside, here);
        }
      }
      if (const Tree* const others = schema.find("additionalProperties"); !known && others != nullptr) {
        this->value(member, *others, here);
      }
    }
  }

  const Tree& root_;
};

}  // namespace

std::vector<std::string> against(const Tree& schema, const Tree& value) {
  Check check(schema);
  check.value(value, schema, "$");
  return check.faults;
}

}  // namespace riptide::cli

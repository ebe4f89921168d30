#include "riptide/cli/config_schema.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/settings.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/tree.hpp"
#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

using stages::Field;

// A reference to the environment may stand for any value.
constexpr std::string_view kReference = R"(|\{\{ from .*)";
constexpr std::string_view kSnake = "^[a-z0-9]+(_[a-z0-9]+)+$";

// --- JSON values ---

Tree scalar(Tree::Kind kind, std::string_view text) {
  Tree tree;
  tree.kind = kind;
  tree.text = text;
  return tree;
}
Tree text(std::string_view text) { return scalar(Tree::Kind::kString, text); }
Tree number(std::string_view text) { return scalar(Tree::Kind::kNumber, text); }
Tree boolean(bool value) { return scalar(Tree::Kind::kBool, value ? "true" : "false"); }

using Members = std::vector<std::pair<std::string, Tree>>;
Tree object(Members members) {
  Tree tree;
  tree.kind = Tree::Kind::kMap;
  tree.members = std::move(members);
  return tree;
}
Tree list(std::vector<Tree> items) {
  Tree tree;
  tree.kind = Tree::Kind::kList;
  tree.items = std::move(items);
  return tree;
}
Tree texts(const std::vector<std::string>& values) {
  std::vector<Tree> items;
  for (const std::string& value : values) items.push_back(text(value));
  return list(std::move(items));
}

void write(const Tree& tree, const std::string& indent, std::string& out) {
  const std::string inner = indent + "  ";
  if (tree.scalar()) {
    out += to_json(tree);
    return;
  }
  const bool map = tree.kind == Tree::Kind::kMap;
  if (const std::string flat = to_json(tree); flat.size() <= 90) {
    out += flat;
    return;
  }
  out += map ? "{" : "[";
  bool first = true;
  const auto begin_one = [&] {
    out += first ? "\n" : ",\n";
    out += inner;
    first = false;
  };
  for (const auto& [key, member] : tree.members) {
    begin_one();
    json::append_quoted(key, out);
    out += ": ";
    write(member, inner, out);
  }
  for (const Tree& item : tree.items) {
    begin_one();
    write(item, inner, out);
  }
  out += "\n" + indent + (map ? "}" : "]");
}

std::string written(const Tree& schema) {
  std::string out;
  write(schema, "", out);
  return out + "\n";
}

std::string digits(double bound) { return std::to_string(static_cast<long long>(bound)); }

std::string pattern(std::string_view inner, bool reference) {
  return "^(" + std::string(inner) + (reference ? std::string(kReference) : "") + ")$";
}

constexpr std::string_view kBooleans =
    "true|false|True|False|TRUE|FALSE|yes|no|Yes|No|YES|NO|on|off|On|Off|ON|OFF|t|f|y|n|1|0";

// --- settings ---

Tree block_of(std::span<const Field> fields);

Members type_of(const Setting& setting) {
  switch (setting.type) {
    case SettingType::kText:
    case SettingType::kPath:
      return {{"type", texts({"string", "number", "boolean"})}};
    case SettingType::kUrl:
      return {{"type", text("string")}, {"pattern", text(pattern("[Hh][Tt][Tt][Pp][Ss]?://.+", true))}};
    case SettingType::kBool:
      return {{"type", texts({"boolean", "string", "integer"})}, {"pattern", text(pattern(kBooleans, true))}};
    case SettingType::kInteger:
      return {{"type", texts({"integer", "string"})},
              {"minimum", number(digits(setting.least))},
              {"maximum", number(digits(setting.most))},
              {"pattern", text(pattern("[+-]?[0-9_]+", true))}};
    case SettingType::kNumber:
      return {{"type", texts({"number", "string"})}, {"pattern", text(pattern("[-+0-9.eE]+", true))}};
    case SettingType::kSize:
      return {{"type", texts({"integer", "string"})},
              {"pattern", text(pattern(R"([0-9.]+ *([kKmMgGtT]([iI]?[bB])?|[bB])?)", true))}};
    case SettingType::kDuration:
      return {{"type", texts({"number", "string"})}, {"pattern", text(pattern("[0-9.]+ *(ms|s|m|min|h)?", true))}};
    case SettingType::kChoice:
      return {{"anyOf", list({object({{"enum", texts(choices_of(setting.choices))}}),
                              object({{"type", text("string")}, {"pattern", text("^\\{\\{ from ")}})})}};
    case SettingType::kJson: {
      if (setting.fields == nullptr) return {{"type", texts({"object", "string"})}};
      Tree block = block_of(setting.fields());
      for (auto& [key, member] : block.members) {
        if (key == "type") member = texts({"object", "string"});
      }
      return std::move(block.members);
    }
  }
  return {};
}

/// A default as the type would have it.
Tree fallback_of(std::string_view fallback, bool is_number, bool is_bool) {
  if (is_bool) return boolean(fallback == "true");
  return is_number ? number(fallback) : text(fallback);
}

Tree schema_of(const Setting& setting) {
  Members members;
  std::string about(setting.meaning);
  if (setting.use == SettingUse::kIgnored) about += " Known, and without effect here.";
  if (setting.sensitive) about += " Secret: take it from the environment.";
  members.emplace_back("description", text(about));
  if (!setting.fallback.empty()) {
    members.emplace_back("default", fallback_of(setting.fallback, setting.type == SettingType::kInteger,
                                                setting.type == SettingType::kBool));
  }
  for (auto& member : type_of(setting)) members.push_back(std::move(member));
  return object(std::move(members));
}

/// The object at a dotted path of `properties` within `properties`, made where it is not there.
Tree& section(Tree& root, std::string_view path) {
  Tree* at = &root;
  while (!path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    const std::string name(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
    Tree* const properties = at->find("properties");
    Tree* inside = properties->find(name);
    if (inside == nullptr) {
      properties->members.emplace_back(name, object({{"type", texts({"object", "null"})}, {"properties", object({})}}));
      inside = &properties->members.back().second;
    }
    at = inside;
  }
  return *at;
}

void add_setting(Tree& root, const Setting& setting) {
  const std::string key = yaml_key_of(setting.key);
  if (key.empty()) return;
  const auto dot = key.rfind('.');
  Tree& at = section(root, dot == std::string::npos ? std::string_view() : std::string_view(key).substr(0, dot));
  const std::string name = key.substr(dot == std::string::npos ? 0 : dot + 1);
  Tree& properties = *at.find("properties");
  if (properties.find(name) == nullptr) properties.members.emplace_back(name, schema_of(setting));
}

/// Only what is known, in either spelling.
void close(Tree& block) {
  block.members.emplace_back("patternProperties", object({{std::string(kSnake), boolean(true)}}));
  block.members.emplace_back("additionalProperties", boolean(false));
}

// --- fields ---

Members type_of(const Field& field) {
  const auto or_null = [&](std::vector<std::string> types) {
    if (field.null == Field::Null::kAllowed) types.emplace_back("null");
    return types.size() == 1 ? text(types[0]) : texts(types);
  };
  switch (field.type) {
    case Field::Type::kText:
      return {{"type", or_null({"string"})}};
    case Field::Type::kScalar:
    case Field::Type::kExpression:
      return {{"type", or_null({"string", "number", "boolean"})}};
    case Field::Type::kBool:
      return {{"type", or_null({"boolean", "string"})}, {"pattern", text("^(true|false)$")}};
    case Field::Type::kInteger:
      return {{"type", or_null({"integer", "string"})},
              {"minimum", number(digits(field.least))},
              {"pattern", text("^[0-9]+$")}};
    case Field::Type::kChoice: {
      std::vector<Tree> choices = texts(choices_of(field.choices)).items;
      if (field.choice_case == Field::Case::kIgnored) {
        for (std::string choice : choices_of(field.choices)) {
          for (char& c : choice) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
          }
          choices.push_back(text(choice));
        }
      }
      if (field.null == Field::Null::kAllowed) choices.emplace_back();
      return {{"enum", list(std::move(choices))}};
    }
    case Field::Type::kTexts: {
      Tree each = field.choices.empty() ? object({{"type", text("string")}})
                                        : object({{"enum", texts(choices_of(field.choices))}});
      return {{"type", or_null({"array"})}, {"items", std::move(each)}, {"uniqueItems", boolean(true)}};
    }
    case Field::Type::kValues:
      return {{"type", or_null({"object"})}};
    case Field::Type::kBlock: {
      Tree block = block_of(field.fields);
      *block.find("type") = or_null({"object"});
      return std::move(block.members);
    }
    case Field::Type::kBlocks:
      return {{"type", or_null({"object"})}, {"additionalProperties", block_of(field.fields)}};
  }
  return {};
}

Tree schema_of(const Field& field) {
  Members members;
  if (!field.meaning.empty()) members.emplace_back("description", text(field.meaning));
  if (!field.fallback.empty() && field.type != Field::Type::kTexts) {
    members.emplace_back(
        "default", fallback_of(field.fallback, field.type == Field::Type::kInteger, field.type == Field::Type::kBool));
  }
  for (auto& member : type_of(field)) members.push_back(std::move(member));
  return object(std::move(members));
}

Tree block_of(std::span<const Field> fields) {
  Members properties;
  std::vector<std::string> required;
  for (const Field& field : fields) {
    properties.emplace_back(field.name, schema_of(field));
    if (field.required) required.emplace_back(field.name);
  }
  Tree block = object({{"type", text("object")}, {"properties", object(std::move(properties))}});
  if (!required.empty()) block.members.emplace_back("required", texts(required));
  block.members.emplace_back("additionalProperties", boolean(false));
  return block;
}

// --- mappings ---

Tree expression(std::string_view about) {
  return object({{"description", text(about)}, {"type", texts({"string", "number", "boolean"})}});
}

Tree reference_to(std::string_view definition) {
  return object({{"$ref", text("#/$defs/" + std::string(definition))}});
}

Tree object_type(Members properties, const std::vector<std::string>& required) {
  Members members = {{"type", text("object")}, {"properties", object(std::move(properties))}};
  if (!required.empty()) members.emplace_back("required", texts(required));
  members.emplace_back("additionalProperties", boolean(false));
  return object(std::move(members));
}

Tree selector_of(std::span<const Field> fields) {
  Tree block = block_of(fields);
  Members& properties = block.find("properties")->members;
  properties.insert(properties.begin(),
                    {{"query", expression("jq; the records for which it is true become entities.")},
                     {"exportEnvVariables", object({{"description", text("Ocean's; without effect here.")}})}});
  return block;
}

Tree resource_of(std::span<const stages::SelectorFields> selectors, bool closed_kinds) {
  Tree kind = object({{"description", text("The kind of record to read.")}, {"type", text("string")}});
  std::vector<std::string> kinds;
  std::vector<Tree> rules;
  Tree selector = object({{"type", text("object")}, {"required", texts({"query"})}});
  for (const stages::SelectorFields& one : selectors) {
    const std::vector<std::string> names = choices_of(one.kinds);
    if (names.empty()) {
      selector = selector_of(one.fields);
      selector.members.emplace_back("required", texts({"query"}));
      continue;
    }
    kinds.insert(kinds.end(), names.begin(), names.end());
    Tree of_kind = object({{"properties", object({{"kind", object({{"enum", texts(names)}})}})}});
    Tree then = object({{"properties", object({{"selector", selector_of(one.fields)}})}});
    rules.push_back(object({{"if", std::move(of_kind)}, {"then", std::move(then)}}));
  }
  if (closed_kinds && !kinds.empty()) {
    kind = object({{"description", text("The kind of record to read.")}, {"enum", texts(kinds)}});
  }
  Tree resource =
      object_type({{"kind", std::move(kind)}, {"selector", std::move(selector)}, {"port", reference_to("port")}},
                  {"kind", "selector", "port"});
  if (!rules.empty()) resource.members.emplace_back("allOf", list(std::move(rules)));
  return resource;
}

Members mapping_definitions() {
  Members definitions;
  definitions.emplace_back(
      "port", object_type({{"itemsToParse", expression("jq; a list of which each element becomes an entity.")},
                           {"itemsToParseName", object({{"description", text("What expressions see an element as.")},
                                                        {"type", text("string")},
                                                        {"default", text("item")}})},
                           {"itemsToParseTopLevelTransform", object({{"type", texts({"boolean", "string"})}})},
                           {"entity", object_type({{"mappings", reference_to("mappings")}}, {"mappings"})}},
                          {"entity"}));
  definitions.emplace_back(
      "mappings", object({{"anyOf", list({reference_to("entity"), object({{"type", text("array")},
                                                                          {"minItems", number("1")},
                                                                          {"items", reference_to("entity")}})})}}));
  const auto values = [](std::string_view about) {
    return object(
        {{"description", text(about)}, {"type", text("object")}, {"additionalProperties", reference_to("value")}});
  };
  definitions.emplace_back(
      "entity", object_type({{"identifier", reference_to("value")},
                             {"blueprint", expression("jq; a fixed one needs quotes of its own: '\"service\"'.")},
                             {"title", expression("jq.")},
                             {"icon", expression("jq.")},
                             {"team", reference_to("value")},
                             {"properties", values("Each a jq expression.")},
                             {"relations", values("Each a jq expression, or a search query.")}},
                            {"identifier", "blueprint"}));
  Tree rule =
      object_type({{"property", expression("jq.")}, {"operator", expression("jq.")}, {"value", expression("jq.")}},
                  {"property", "operator", "value"});
  definitions.emplace_back(
      "search",
      object_type(
          {{"combinator", expression("jq: '\"and\"' or '\"or\"'.")},
           {"rules", object({{"type", text("array")},
                             {"items", object({{"anyOf", list({std::move(rule), reference_to("search")})}})}})}},
          {"combinator", "rules"}));
  definitions.emplace_back("value", object({{"anyOf", list({expression("jq."), reference_to("search")})}}));
  return definitions;
}

}  // namespace

std::string config_schema() {
  Tree root = object({{"$schema", text("http://json-schema.org/draft-07/schema#")},
                      {"title", text("riptide: config.yaml")},
                      {"type", text("object")},
                      {"properties", object({})}});
  std::vector<std::string> types;
  for (const IntegrationType& type : integration_types()) types.emplace_back(type.name);
  for (const Setting& setting : framework_settings()) add_setting(root, setting);
  Tree& integration = section(root, "integration");
  Tree& properties = *integration.find("properties");
  Members ours;
  for (auto& [name, schema] : properties.members) {
    if (name != "type") ours.emplace_back(name, std::move(schema));
  }
  ours.insert(
      ours.begin(),
      {"type", object({{"description", text("Which system is read.")},
                       {"anyOf", list({object({{"enum", texts(types)}}),
                                       object({{"type", text("string")}, {"pattern", text("^\\{\\{ from ")}})})}})});
  properties.members = std::move(ours);
  std::vector<Tree> rules;
  for (const IntegrationType& type : integration_types()) {
    Tree only = object({{"type", text("object")}, {"properties", object({})}});
    for (const Setting& setting : type.settings) add_setting(only, setting);
    Tree config = *section(section(only, "integration"), "config").find("properties");
    Tree block = object({{"type", texts({"object", "null"})}, {"properties", std::move(config)}});
    close(block);
    rules.push_back(
        object({{"if", object({{"properties", object({{"type", object({{"enum", texts({std::string(type.name)})}})}})},
                               {"required", texts({"type"})}})},
                {"then", object({{"properties", object({{"config", std::move(block)}})}})}}));
  }
  integration.members.emplace_back("allOf", list(std::move(rules)));
  close(section(root, "riptide"));
  return written(root);
}

std::string mapping_schema(std::string_view type) {
  Tree resource;
  if (const IntegrationType* const known = find_integration_type(type);
      known != nullptr && known->selectors != nullptr) {
    const auto selectors = known->selectors();
    const bool open = std::any_of(selectors.begin(), selectors.end(),
                                  [](const stages::SelectorFields& one) { return one.kinds.empty(); });
    resource = resource_of(selectors, !open);
  } else {
    // A mapping does not say its type: the block must fit one of them.
    std::vector<Tree> any;
    for (const IntegrationType& one : integration_types()) {
      if (one.selectors == nullptr) continue;
      const auto selectors = one.selectors();
      const bool open = std::any_of(selectors.begin(), selectors.end(),
                                    [](const stages::SelectorFields& other) { return other.kinds.empty(); });
      any.push_back(resource_of(selectors, !open));
    }
    resource = object({{"anyOf", list(std::move(any))}});
  }
  const auto flag = [](std::string_view about) {
    return object({{"description", text(about)}, {"type", texts({"boolean", "string"})}, {"default", boolean(true)}});
  };
  Tree root = object({{"$schema", text("http://json-schema.org/draft-07/schema#")},
                      {"title", text(type.empty() ? "riptide: mapping" : "riptide: mapping of " + std::string(type))},
                      {"type", text("object")}});
  Tree threshold = object({{"description", text("The most of what is owned that one run may delete, from 0 to 1.")},
                           {"type", texts({"number", "string"})},
                           {"minimum", number("0")},
                           {"maximum", number("1")},
                           {"default", number("0.9")}});
  root.members.emplace_back(
      "properties",
      object({{"resources", object({{"type", text("array")}, {"items", std::move(resource)}})},
              {"enableMergeEntity", flag("Whether properties that the mapping does not have are kept.")},
              {"createMissingRelatedEntities", flag("Whether the target makes up entities that are related to.")},
              {"deleteDependentEntities", flag("Whether what depends on a deleted entity goes with it.")},
              {"entityDeletionThreshold", std::move(threshold)}}));
  close(root);
  root.members.emplace_back("$defs", object(mapping_definitions()));
  return written(root);
}

}  // namespace riptide::cli

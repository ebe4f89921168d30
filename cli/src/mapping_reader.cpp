#include "riptide/cli/mapping_reader.hpp"

#include <algorithm>
#include <optional>

#include "riptide/cli/settings.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/tree.hpp"

namespace riptide::cli {
namespace {

using transform::EntitySpec;
using transform::ExpressionSpec;
using transform::ResourceSpec;
using transform::SearchSpec;
using transform::ValueSpec;
using Level = Problem::Level;

class MappingReader {
 public:
  explicit MappingReader(const std::string& origin) : origin_(origin) { reading_.spec.origin = origin; }

  MappingReading read(std::string_view text) {
    auto tree = read_yaml_or_json(text, origin_, reading_.problems);
    if (!tree) {
      reading_.problems.push_back({Level::kError, origin_, 0, 0, "", tree.error().message});
    } else if (tree->kind == Tree::Kind::kNull) {
      reading_.problems.push_back({Level::kError, origin_, 0, 0, "", "the mapping is empty; it needs `resources:`"});
    } else if (tree->kind != Tree::Kind::kMap) {
      wrong(*tree, "", "a mapping is `resources:` with a list below it, not " + std::string(name_of(tree->kind)));
    } else {
      top(*tree);
    }
    return std::move(reading_);
  }

 private:
  void say(Level level, const Tree& at, const std::string& where, std::string message) {
    reading_.problems.push_back({level, origin_, at.line, at.column, where, std::move(message)});
  }
  void wrong(const Tree& at, const std::string& where, std::string message) {
    say(Level::kError, at, where, std::move(message));
  }

  void only_known(const Tree& map, const std::string& where, const std::vector<std::string>& known) {
    for (const auto& [key, member] : map.members) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      say(Level::kWarning, member, where.empty() ? key : where + "." + key,
          "is not a field of a mapping and is ignored" + did_you_mean(key, known));
    }
  }

  void boolean(const Tree& map, const std::string& key, const std::string& where, bool& out) {
    const Tree* const given = map.find(key);
    if (given == nullptr) return;
    const auto value = given->scalar() && given->kind != Tree::Kind::kNull ? parse_boolean(given->text) : std::nullopt;
    if (value) {
      out = *value;
    } else {
      wrong(*given, where + key, "must be true or false, not " + std::string(name_of(given->kind)));
    }
  }

  // --- the four levels ---

  void top(const Tree& written) {
    static const std::vector<std::string> kKnown = {"resources", "enableMergeEntity", "createMissingRelatedEntities",
                                                    "deleteDependentEntities", "entityDeletionThreshold"};
    // Both spellings are taken here, and only here.
    Tree map = written;
    for (auto& [key, member] : map.members) {
      for (const std::string& known : kKnown) {
        if (snake_case(key) == snake_case(known)) key = known;
      }
    }
    only_known(map, "", kKnown);
    boolean(map, "enableMergeEntity", "", reading_.spec.merge);
    boolean(map, "createMissingRelatedEntities", "", reading_.spec.create_missing_related);
    boolean(map, "deleteDependentEntities", "", reading_.spec.delete_dependents);
    if (const Tree* const given = map.find("entityDeletionThreshold")) {
      const auto number = given->kind == Tree::Kind::kNumber || given->kind == Tree::Kind::kString
                              ? parse_number(python_text(*given))
                              : std::nullopt;
      if (!number || *number < 0 || *number > 1) {
        wrong(*given, "entityDeletionThreshold",
              "must be a number from 0 to 1, e.g. 0.9: the most of what is owned that one run may delete");
      } else {
        reading_.spec.deletion_threshold = *number;
      }
    }
    const Tree* const resources = map.find("resources");
    if (resources == nullptr) {
      say(Level::kWarning, map, "resources", "is not there: nothing will be read");
      return;
    }
    if (resources->kind != Tree::Kind::kList) {
      wrong(*resources, "resources", "must be a list of resource blocks, not " + std::string(name_of(resources->kind)));
      return;
    }
    if (resources->items.empty()) say(Level::kWarning, *resources, "resources", "is empty: nothing will be read");
    for (std::size_t i = 0; i < resources->items.size(); ++i) {
      resource(resources->items[i], "resources[" + std::to_string(i) + "]");
    }
  }

  void resource(const Tree& map, const std::string& where) {
    ResourceSpec& out = reading_.spec.resources.emplace_back();
    out.line = map.line;
    MappingReading::Block& block_read = reading_.blocks.emplace_back();
    if (map.kind != Tree::Kind::kMap) {
      wrong(map, where, "must be a block with kind, selector and port, not " + std::string(name_of(map.kind)));
      return;
    }
    only_known(map, where, {"kind", "selector", "port"});
    const Tree* const kind = map.find("kind");
    if (kind != nullptr) block_read.kind = *kind;
    if (const Tree* const selector = map.find("selector")) block_read.selector = *selector;
    if (kind == nullptr || !kind->scalar() || kind->kind == Tree::Kind::kNull || python_text(*kind).empty()) {
      wrong(kind == nullptr ? map : *kind, where + ".kind",
            "is required: the kind of record to read, e.g. `kind: project`");
    } else {
      out.kind = python_text(*kind);
    }
    selector(map, where + ".selector", out);
    const Tree* const port = block(map, where, "port", "itemsToParse and entity");
    if (port != nullptr) target(*port, where + ".port", out);
  }

  // A required block below another one.
  const Tree* block(const Tree& map, const std::string& where, const std::string& key, const std::string& inside) {
    const Tree* const found = map.find(key);
    if (found == nullptr) {
      wrong(map, where + "." + key, "is required: a block with " + inside);
      return nullptr;
    }
    if (found->kind != Tree::Kind::kMap) {
      wrong(*found, where + "." + key, "must be a block with " + inside + ", not " + std::string(name_of(found->kind)));
      return nullptr;
    }
    return found;
  }

  void selector(const Tree& map, const std::string& where, ResourceSpec& out) {
    const Tree* const given = map.find("selector");
    if (given == nullptr || given->kind != Tree::Kind::kMap) {
      wrong(given == nullptr ? map : *given, where,
            "is required: a block with query, e.g. `selector: {query: \"true\"}` for every record");
      return;
    }
    const Tree* const query = given->find("query");
    if (query == nullptr) {
      wrong(*given, where + ".query",
            "is required: a jq expression that is true for the records to keep, e.g. \"true\"");
    } else if (query->kind == Tree::Kind::kBool) {
      out.selector = expression(*query, "selector.query");
      out.selector.text = query->text;  // Ocean makes `True` of it, which fails on every record
    } else if (is_text(*query)) {
      out.selector = expression(*query, "selector.query");
    } else {
      wrong(*query, where + ".query", "must be a jq expression, not " + std::string(name_of(query->kind)));
    }
    for (const auto& [key, member] : given->members) {
      if (key == "query" || key == "exportEnvVariables") continue;
      out.selector_fields.emplace_back(key, to_json(member));
    }
  }

  void target(const Tree& map, const std::string& where, ResourceSpec& out) {
    only_known(map, where, {"itemsToParse", "itemsToParseName", "itemsToParseTopLevelTransform", "entity"});
    if (const Tree* const items = map.find("itemsToParse"); items != nullptr && items->kind != Tree::Kind::kNull) {
      if (is_text(*items)) {
        out.items_to_parse = expression(*items, "itemsToParse");
      } else {
        wrong(*items, where + ".itemsToParse", "must be a jq expression, not " + std::string(name_of(items->kind)));
      }
    }
    if (const Tree* const name = map.find("itemsToParseName")) {
      if (is_text(*name) && !python_text(*name).empty()) {
        out.item_name = python_text(*name);
      } else {
        wrong(*name, where + ".itemsToParseName", "must be the name under which expressions see an element, e.g. item");
      }
    }
    boolean(map, "itemsToParseTopLevelTransform", where + ".", out.item_top_level_transform);
    const Tree* const entity = block(map, where, "entity", "mappings");
    if (entity == nullptr) return;
    only_known(*entity, where + ".entity", {"mappings"});
    const std::string inner = where + ".entity.mappings";
    const Tree* const mappings = entity->find("mappings");
    if (mappings == nullptr) {
      wrong(*entity, inner, "is required: a block with identifier and blueprint");
    } else if (mappings->kind == Tree::Kind::kMap) {
      out.entities.push_back(entity_spec(*mappings, inner));
    } else if (mappings->kind == Tree::Kind::kList && !mappings->items.empty()) {
      for (std::size_t i = 0; i < mappings->items.size(); ++i) {
        const std::string here = inner + "[" + std::to_string(i) + "]";
        if (mappings->items[i].kind == Tree::Kind::kMap) {
          out.entities.push_back(entity_spec(mappings->items[i], here));
        } else {
          wrong(mappings->items[i], here,
                "must be a block with identifier and blueprint, not " + std::string(name_of(mappings->items[i].kind)));
        }
      }
    } else {
      wrong(*mappings, inner,
            "must be a block with identifier and blueprint, or a list of such blocks, not " +
                std::string(mappings->kind == Tree::Kind::kList ? "an empty list" : name_of(mappings->kind)));
    }
  }

  EntitySpec entity_spec(const Tree& map, const std::string& where) {
    only_known(map, where, {"identifier", "blueprint", "title", "icon", "team", "properties", "relations"});
    EntitySpec out;
    out.identifier = required(map, where, "identifier", Searchable::kYes);
    out.blueprint = required(map, where, "blueprint", Searchable::kNo);
    out.title = optional(map, where, "title", Searchable::kNo);
    out.icon = optional(map, where, "icon", Searchable::kNo);
    out.team = optional(map, where, "team", Searchable::kYes);
    out.has_properties = fields(map, where, "properties", Searchable::kNo, out.properties);
    out.has_relations = fields(map, where, "relations", Searchable::kYes, out.relations);
    return out;
  }

  // --- values ---

  enum class Searchable { kNo, kYes };

  static bool is_text(const Tree& tree) { return tree.scalar() && tree.kind != Tree::Kind::kNull; }

  static ExpressionSpec expression(const Tree& tree, const std::string& path) {
    const bool known = tree.text_line > 0;
    return {python_text(tree), path, known ? tree.text_line : tree.line, known ? tree.text_column : tree.column};
  }

  std::optional<ValueSpec> required(const Tree& map, const std::string& where, const std::string& key,
                                    Searchable searchable) {
    const Tree* const given = map.find(key);
    if (given == nullptr || given->kind == Tree::Kind::kNull) {
      const std::string example = key == "blueprint" ? "`blueprint: '\"service\"'`" : "`identifier: .id`";
      wrong(given == nullptr ? map : *given, where + "." + key, "is required: a jq expression, e.g. " + example);
      return std::nullopt;
    }
    return value(*given, where, key, searchable);
  }

  std::optional<ValueSpec> optional(const Tree& map, const std::string& where, const std::string& key,
                                    Searchable searchable) {
    const Tree* const given = map.find(key);
    if (given == nullptr) return std::nullopt;
    if (given->kind == Tree::Kind::kNull) return ExpressionSpec{"null", key, given->line, given->column};
    return value(*given, where, key, searchable);
  }

  bool fields(const Tree& map, const std::string& where, const std::string& key, Searchable searchable,
              std::vector<std::pair<std::string, ValueSpec>>& out) {
    const Tree* const given = map.find(key);
    if (given == nullptr) return false;
    if (given->kind != Tree::Kind::kMap) {
      wrong(*given, where + "." + key,
            "must be a block of `name: expression`, not " + std::string(name_of(given->kind)) +
                (given->kind == Tree::Kind::kNull ? "; remove it if there are none" : ""));
      return true;
    }
    for (const auto& [name, member] : given->members) {
      if (auto spec = value(member, where, key + "." + name, searchable)) out.emplace_back(name, std::move(*spec));
    }
    return true;
  }

  std::optional<ValueSpec> value(const Tree& tree, const std::string& where, const std::string& path,
                                 Searchable searchable) {
    if (is_text(tree)) return expression(tree, path);
    if (tree.kind == Tree::Kind::kMap && searchable == Searchable::kYes) {
      SearchSpec search;
      if (!search_spec(tree, where, path, search, 0)) return std::nullopt;
      return std::make_shared<const SearchSpec>(std::move(search));
    }
    std::string fix;
    if (tree.kind == Tree::Kind::kMap || tree.kind == Tree::Kind::kList) {
      fix = "; write it as one expression in quotes, e.g. '" +
            std::string(tree.kind == Tree::Kind::kMap ? "{a: .a}" : "[.a, .b]") + "'";
    } else if (tree.kind == Tree::Kind::kNull) {
      fix = "; write \"null\" to send null, or remove the line";
    }
    wrong(tree, where + "." + path,
          "must be a jq expression" + std::string(searchable == Searchable::kYes ? " or a search query" : "") +
              ", not " + std::string(name_of(tree.kind)) + fix);
    return std::nullopt;
  }

  bool search_spec(const Tree& tree, const std::string& where, const std::string& path, SearchSpec& out, int depth) {
    if (depth > 20) {
      wrong(tree, where + "." + path, "is nested deeper than 20 levels");
      return false;
    }
    bool good = true;
    const bool query = tree.find("rules") != nullptr || tree.find("combinator") != nullptr;
    const std::vector<std::string> names = query ? std::vector<std::string>{"combinator", "rules"}
                                                 : std::vector<std::string>{"property", "operator", "value"};
    only_known(tree, where + "." + path, names);
    for (const std::string& name : names) {
      const Tree* const given = tree.find(name);
      if (given == nullptr) {
        wrong(tree, where + "." + path + "." + name,
              query ? "is required: a search query is {combinator, rules}"
                    : "is required: a rule is {property, operator, value}");
        good = false;
      }
    }
    for (const auto& [name, member] : tree.members) {
      const std::string here = path + "." + name;
      if (name == "rules" && query) {
        good = rules(member, where, here, out, depth) && good;
      } else if (std::find(names.begin(), names.end(), name) != names.end()) {
        if (is_text(member)) {
          out.leaves.emplace_back(name, expression(member, here));
        } else {
          wrong(member, where + "." + here, "must be a jq expression, not " + std::string(name_of(member.kind)));
          good = false;
        }
      }
    }
    return good;
  }

  bool rules(const Tree& list, const std::string& where, const std::string& path, SearchSpec& out, int depth) {
    out.has_rules = true;
    if (list.kind != Tree::Kind::kList) {
      wrong(list, where + "." + path, "must be a list of rules, not " + std::string(name_of(list.kind)));
      return false;
    }
    bool good = true;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      const std::string here = path + "[" + std::to_string(i) + "]";
      if (list.items[i].kind != Tree::Kind::kMap) {
        wrong(list.items[i], where + "." + here,
              "must be a rule {property, operator, value}, not " + std::string(name_of(list.items[i].kind)));
        good = false;
        continue;
      }
      out.rules.emplace_back();
      good = search_spec(list.items[i], where, here, out.rules.back(), depth + 1) && good;
    }
    return good;
  }

  std::string origin_;
  MappingReading reading_;
};

}  // namespace

MappingReading read_mapping(std::string_view text, const std::string& origin) {
  return MappingReader(origin).read(text);
}

}  // namespace riptide::cli

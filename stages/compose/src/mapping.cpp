#include "riptide/mapping.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "riptide/json/document.hpp"

namespace riptide {
namespace {

using transform::EntitySpec;
using transform::ExpressionSpec;
using transform::ResourceSpec;
using transform::SearchSpec;
using transform::ValueSpec;

constexpr int kMaxDepth = 20;  ///< Of a search query.

/// A value of the mapping's text.
struct Piece {
  json::Type type = json::Type::kNull;
  std::string raw;
  [[nodiscard]] std::string text() const { return json::text_of(raw); }
  [[nodiscard]] bool is_scalar() const { return type != json::Type::kObject && type != json::Type::kArray; }
};
using Members = std::vector<std::pair<std::string, Piece>>;

/// Reads a mapping as JSON; collects what is wrong with it.
class Reader {
 public:
  Result<transform::MappingSpec> read(std::string_view text, const std::string& origin) {
    spec_.origin = origin;
    auto root = piece(text);
    if (!root) return unexpected(std::move(root).error().within(origin));
    for (const auto& [key, value] : members(*root, origin)) top(key, value);
    if (spec_.resources.empty()) wrong("resources", "is required: a list of blocks with kind, selector and port");
    if (!problems_.empty()) return unexpected(ErrorKind::kConfig, fmt::format("{}", fmt::join(problems_, "\n")));
    return std::move(spec_);
  }

 private:
  void wrong(std::string_view where, std::string_view what) {
    problems_.push_back(fmt::format("{}: {} {}", spec_.origin, where, what));
  }

  Result<Piece> piece(std::string_view text) {
    std::string padded(text);
    padded.append(json::Document::kPadding, '\0');
    auto root = document_.index(std::string_view(padded).substr(0, text.size()));
    if (!root) return unexpected(std::move(root).error());
    if (auto checked = document_.check(); !checked) return unexpected(std::move(checked).error());
    return Piece{root->type, std::string(text)};
  }

  template <class Steps, class Visit>
  void walk(const Piece& piece, Visit visit) {
    std::string padded = piece.raw;
    padded.append(json::Document::kPadding, '\0');
    auto root = document_.index(std::string_view(padded).substr(0, piece.raw.size()));
    if (!root) return;  // It was checked.
    Steps steps(document_, *root);
    while (steps.next()) {
      const json::Type type = steps.value().type;
      auto raw = steps.raw_value();
      if (!raw) return;
      visit(steps, Piece{type, std::string(*raw)});
    }
  }

  Members members(const Piece& piece, std::string_view where) {
    Members out;
    if (piece.type != json::Type::kObject) wrong(where, "must be an object");
    walk<json::Document::Members>(piece, [&](const json::Document::Members& at, Piece value) {
      out.emplace_back(json::text_of(fmt::format("\"{}\"", at.raw_key())), std::move(value));
    });
    return out;
  }

  std::vector<Piece> elements(const Piece& piece) {
    std::vector<Piece> out;
    walk<json::Document::Elements>(piece, [&](const auto&, Piece value) { out.push_back(std::move(value)); });
    return out;
  }

  void flag(const Piece& value, std::string_view key, bool& out) {
    if (value.type != json::Type::kBool) return wrong(key, "must be true or false");
    out = value.raw == "true";
  }

  void top(const std::string& key, const Piece& value) {
    if (key == "resources") {
      if (value.type != json::Type::kArray) return wrong(key, "must be a list");
      const std::vector<Piece> blocks = elements(value);
      for (std::size_t i = 0; i < blocks.size(); ++i) resource(blocks[i], fmt::format("resources[{}]", i));
    } else if (key == "enableMergeEntity") {
      flag(value, key, spec_.merge);
    } else if (key == "createMissingRelatedEntities") {
      flag(value, key, spec_.create_missing_related);
    } else if (key == "deleteDependentEntities") {
      flag(value, key, spec_.delete_dependents);
    } else if (key == "entityDeletionThreshold") {
      double threshold = -1;
      if (value.type == json::Type::kNumber) {
        (void)std::from_chars(value.raw.data(), value.raw.data() + value.raw.size(), threshold);
      }
      if (threshold < 0 || threshold > 1) return wrong(key, "must be a number from 0 to 1");
      spec_.deletion_threshold = threshold;
    } else {
      wrong(key, "is not known here");
    }
  }

  void resource(const Piece& block, const std::string& where) {
    ResourceSpec out;
    for (const auto& [key, value] : members(block, where)) {
      if (key == "kind" && value.type == json::Type::kString) {
        out.kind = value.text();
      } else if (key == "selector") {
        for (const auto& [name, field] : members(value, where + ".selector")) {
          if (name == "query" && field.is_scalar()) {
            out.selector = {field.text(), "selector.query", 0, 0};
          } else {
            out.selector_fields.emplace_back(name, field.raw);
          }
        }
      } else if (key == "port") {
        target(value, where + ".port", out);
      } else {
        wrong(where + "." + key, "is not known here, or no text");
      }
    }
    if (out.kind.empty()) wrong(where + ".kind", "is required");
    if (out.selector.text.empty()) wrong(where + ".selector.query", "is required, e.g. \"true\"");
    if (out.entities.empty()) wrong(where + ".port.entity.mappings", "is required");
    spec_.resources.push_back(std::move(out));
  }

  void target(const Piece& block, const std::string& where, ResourceSpec& out) {
    for (const auto& [key, value] : members(block, where)) {
      if (key == "itemsToParse" && value.type == json::Type::kString) {
        out.items_to_parse = ExpressionSpec{value.text(), "itemsToParse", 0, 0};
      } else if (key == "itemsToParseName" && value.type == json::Type::kString) {
        out.item_name = value.text();
      } else if (key == "itemsToParseTopLevelTransform") {
        flag(value, where + "." + key, out.item_top_level_transform);
      } else if (key == "entity") {
        for (const auto& [name, mappings] : members(value, where + ".entity")) {
          if (name != "mappings") {
            wrong(where + ".entity." + name, "is not known here");
          } else if (mappings.type == json::Type::kArray) {
            for (const Piece& one : elements(mappings)) out.entities.push_back(entity(one, where));
          } else {
            out.entities.push_back(entity(mappings, where));
          }
        }
      } else {
        wrong(where + "." + key, "is not known here, or no text");
      }
    }
  }

  EntitySpec entity(const Piece& block, const std::string& where) {
    EntitySpec out;
    for (const auto& [key, value] : members(block, where)) {
      if (key == "identifier") {
        out.identifier = expression(value, key, where);
      } else if (key == "blueprint") {
        out.blueprint = expression(value, key, where);
      } else if (key == "title") {
        out.title = expression(value, key, where);
      } else if (key == "icon") {
        out.icon = expression(value, key, where);
      } else if (key == "team") {
        out.team = expression(value, key, where);
      } else if (key == "properties") {
        out.has_properties = true;
        for (const auto& [name, field] : members(value, where)) {
          if (auto one = expression(field, key + "." + name, where)) out.properties.emplace_back(name, *std::move(one));
        }
      } else if (key == "relations") {
        out.has_relations = true;
        for (const auto& [name, field] : members(value, where)) {
          if (auto one = expression(field, key + "." + name, where)) out.relations.emplace_back(name, *std::move(one));
        }
      } else {
        wrong(where + ".entity.mappings." + key, "is not known here");
      }
    }
    return out;
  }

  std::optional<ValueSpec> expression(const Piece& value, const std::string& path, const std::string& where) {
    if (value.is_scalar()) return ExpressionSpec{value.text(), path, 0, 0};
    SearchSpec search;
    if (value.type == json::Type::kObject && this->search(value, path, search, 0)) {
      return std::make_shared<const SearchSpec>(std::move(search));
    }
    wrong(where + "." + path, "must be an expression or a search query");
    return std::nullopt;
  }

  bool search(const Piece& value, const std::string& path, SearchSpec& out, int depth) {
    if (depth > kMaxDepth || value.type != json::Type::kObject) return false;
    for (const auto& [name, member] : members(value, path)) {
      if (name == "rules" && member.type == json::Type::kArray) {
        out.has_rules = true;
        for (const Piece& rule : elements(member)) {
          if (!search(rule, path + ".rules", out.rules.emplace_back(), depth + 1)) return false;
        }
      } else if (member.is_scalar()) {
        out.leaves.emplace_back(name, ExpressionSpec{member.text(), path + "." + name, 0, 0});
      } else {
        return false;
      }
    }
    return true;
  }

  json::Document document_;
  transform::MappingSpec spec_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<Mapping> Mapping::compile(const transform::MappingSpec& spec, const transform::CompileOptions& options) {
  auto compiled = transform::Mapping::compile(spec, options);
  if (!compiled) return unexpected(std::move(compiled).error());
  return Mapping(*std::move(compiled));
}

Result<Mapping> Mapping::parse(std::string_view json, const std::string& origin,
                               const transform::CompileOptions& options) {
  auto spec = Reader().read(json, origin);
  if (!spec) return unexpected(std::move(spec).error());
  return compile(*spec, options);
}

}  // namespace riptide

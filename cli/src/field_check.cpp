#include "riptide/cli/field_check.hpp"

#include <algorithm>
#include <cctype>

#include "riptide/cli/settings.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;
using stages::Field;

bool same(std::string_view a, std::string_view b, Field::Case matters) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) {
    return matters == Field::Case::kMatters
               ? x == y
               : std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

class FieldCheck {
 public:
  FieldCheck(const std::string& origin, std::vector<Problem>& problems) : origin_(origin), problems_(problems) {}

  void say(Level level, int line, int column, const std::string& where, std::string message) {
    problems_.push_back({level, origin_, line, column, where, std::move(message)});
  }
  void wrong(const Tree& at, const std::string& where, std::string message) {
    say(Level::kError, at.line, at.column, where, std::move(message));
  }

  void block(const Tree& map, std::span<const Field> fields, const std::string& where, UnknownField unknown) {
    std::vector<std::string> names;
    for (const Field& field : fields) names.emplace_back(field.name);
    if (unknown == UnknownField::kWarning) names.insert(names.end(), {"query", "exportEnvVariables"});
    for (const auto& [key, member] : map.members) {
      const std::string here = where + "." + key;
      const auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& one) { return one.name == key; });
      if (field != fields.end()) {
        value(member, *field, here);
      } else if (std::find(names.begin(), names.end(), key) == names.end()) {
        unknown_field(key, member, names, here, unknown);
      }
    }
    for (const Field& field : fields) {
      const Tree* const given = map.find(field.name);
      const bool missing = given == nullptr || given->kind == Tree::Kind::kNull ||
                           (given->kind == Tree::Kind::kString && given->text.empty());
      if (!field.required || !missing) continue;
      const Tree& at = given != nullptr ? *given : map;
      wrong(at, where + "." + std::string(field.name), "is required: " + first_lower(field.meaning));
    }
  }

 private:
  void unknown_field(const std::string& key, const Tree& member, const std::vector<std::string>& names,
                     const std::string& where, UnknownField unknown) {
    const int line = member.key_line > 0 ? member.key_line : member.line;
    const int column = member.key_line > 0 ? member.key_column : member.column;
    const std::string guess = did_you_mean(key, names);
    if (unknown == UnknownField::kError) {
      say(Level::kError, line, column, where,
          "is not known" + (guess.empty() ? "; there are " + listed(names) : guess));
    } else {
      say(Level::kWarning, line, column, where, "is not a field of this selector and is ignored" + guess);
    }
  }

  static std::string first_lower(std::string_view sentence) {
    std::string out(sentence);
    while (out.ends_with('.')) out.pop_back();
    if (out.size() > 1 && std::islower(static_cast<unsigned char>(out[1])) != 0) {
      out[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(out[0])));
    }
    return out;
  }

  void value(const Tree& tree, const Field& field, const std::string& where) {
    if (tree.kind == Tree::Kind::kNull) {
      if (field.null == Field::Null::kRefused && !field.required) {
        wrong(tree, where, "must be " + what(field) + ", not null; remove the line for the default");
      }
      return;
    }
    switch (field.type) {
      case Field::Type::kText:
        if (tree.kind != Tree::Kind::kString) wrong_type(tree, field, where);
        return;
      case Field::Type::kScalar:
        if (!tree.scalar()) wrong_type(tree, field, where);
        return;
      case Field::Type::kBool:
        if (!tree.scalar() || (tree.text != "true" && tree.text != "false")) wrong_type(tree, field, where);
        return;
      case Field::Type::kInteger: {
        const auto number = tree.kind == Tree::Kind::kNumber || tree.kind == Tree::Kind::kString
                                ? parse_integer(tree.text)
                                : std::nullopt;
        if (!number || static_cast<double>(*number) < field.least) wrong_type(tree, field, where);
        return;
      }
      case Field::Type::kChoice:
        return choice(tree, field, where);
      case Field::Type::kTexts:
        return texts(tree, field, where);
      case Field::Type::kExpression:
        return expression(tree, field, where);
      case Field::Type::kValues:
        if (tree.kind != Tree::Kind::kMap) wrong_type(tree, field, where);
        return;
      case Field::Type::kBlock:
        if (tree.kind != Tree::Kind::kMap) return wrong_type(tree, field, where);
        return block(tree, field.fields, where, UnknownField::kError);
      case Field::Type::kBlocks:
        if (tree.kind != Tree::Kind::kMap) return wrong_type(tree, field, where);
        for (const auto& [name, member] : tree.members) {
          const std::string here = where + "." + name;
          if (member.kind == Tree::Kind::kMap) {
            block(member, field.fields, here, UnknownField::kError);
          } else {
            wrong(member, here,
                  "must be a block with " + names_of(field) + ", not " + std::string(name_of(member.kind)));
          }
        }
        return;
    }
  }

  static std::string names_of(const Field& field) {
    std::vector<std::string> names;
    for (const Field& one : field.fields) names.emplace_back(one.name);
    return listed(names);
  }

  static std::string what(const Field& field) {
    switch (field.type) {
      case Field::Type::kText:
        return "text";
      case Field::Type::kScalar:
        return "a single value";
      case Field::Type::kBool:
        return "true or false";
      case Field::Type::kInteger:
        return "a whole number from " + std::to_string(static_cast<long long>(field.least)) + " on";
      case Field::Type::kChoice:
        return "one of " + listed(choices_of(field.choices));
      case Field::Type::kTexts:
        return field.choices.empty() ? "a list of texts, each once"
                                     : "a list of " + listed(choices_of(field.choices)) + ", each once";
      case Field::Type::kExpression:
        return "a jq expression, e.g. .id";
      case Field::Type::kValues:
        return "a block of names and values";
      case Field::Type::kBlock:
        return "a block with " + names_of(field);
      case Field::Type::kBlocks:
        return "a block of names, each with a block of " + names_of(field);
    }
    return "a value";
  }

  void wrong_type(const Tree& tree, const Field& field, const std::string& where) {
    const bool out_of_range = field.type == Field::Type::kInteger && tree.kind == Tree::Kind::kNumber;
    std::string message = "must be " + what(field);
    if (!out_of_range) message += ", not " + std::string(name_of(tree.kind));
    if (field.type == Field::Type::kText && tree.scalar()) message += "; put it in quotes";
    wrong(tree, where, std::move(message));
  }

  void choice(const Tree& tree, const Field& field, const std::string& where) {
    if (!tree.scalar()) return wrong_type(tree, field, where);
    const std::vector<std::string> choices = choices_of(field.choices);
    for (const std::string& one : choices) {
      if (same(one, tree.text, field.choice_case)) return;
    }
    wrong(tree, where, "must be one of " + listed(choices) + did_you_mean(tree.text, choices));
  }

  void texts(const Tree& tree, const Field& field, const std::string& where) {
    if (tree.kind != Tree::Kind::kList) return wrong_type(tree, field, where);
    const std::vector<std::string> choices = choices_of(field.choices);
    std::vector<std::string> seen;
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      const Tree& item = tree.items[i];
      const std::string here = where + "[" + std::to_string(i) + "]";
      if (item.kind != Tree::Kind::kString) {
        wrong(item, here, "must be text, not " + std::string(name_of(item.kind)));
      } else if (!choices.empty() && std::find(choices.begin(), choices.end(), item.text) == choices.end()) {
        wrong(item, here, "must be one of " + listed(choices) + did_you_mean(item.text, choices));
      } else if (std::find(seen.begin(), seen.end(), item.text) != seen.end()) {
        wrong(item, here, "is there twice; remove one");
      }
      seen.push_back(item.text);
    }
  }

  void expression(const Tree& tree, const Field& field, const std::string& where) {
    if (!tree.scalar()) return wrong_type(tree, field, where);
    const std::string text = python_text(tree);
    if (text.empty()) return;
    transform::jq::CompileError error;
    if (transform::jq::Program::compile(text, {}, &error)) return;
    const bool known = tree.text_line > 0;
    const int line = known ? tree.text_line : tree.line;
    const int column = known ? tree.text_column : tree.column;
    say(Level::kError, line + error.line - 1, error.line > 1 ? error.column : column + error.column - 1, where,
        error.message + "\n    " + text);
  }

  const std::string& origin_;
  std::vector<Problem>& problems_;
};

std::string place_of(const std::vector<std::string>& path) {
  std::string out;
  for (const std::string& name : path) out += "." + name;
  return out;
}

}  // namespace

void check_fields(const Tree& block, std::span<const Field> fields, const std::string& where, UnknownField unknown,
                  const std::string& origin, std::vector<Problem>& problems) {
  if (block.kind == Tree::Kind::kMap) FieldCheck(origin, problems).block(block, fields, where, unknown);
}

void check_selectors(const MappingReading& mapping, const IntegrationType& type, const std::string& origin,
                     std::vector<Problem>& problems) {
  if (type.selectors == nullptr) return;
  FieldCheck check(origin, problems);
  for (std::size_t i = 0; i < mapping.blocks.size(); ++i) {
    const auto& [kind_tree, selector] = mapping.blocks[i];
    if (!kind_tree.scalar() || selector.kind != Tree::Kind::kMap) continue;
    const std::string kind = mapping.spec.resources[i].kind;
    const std::string where = "resources[" + std::to_string(i) + "]";
    std::vector<std::string> kinds;
    const stages::SelectorFields* fields = nullptr;
    const stages::SelectorFields* others = nullptr;
    for (const stages::SelectorFields& one : type.selectors()) {
      const std::vector<std::string> names = choices_of(one.kinds);
      if (names.empty()) others = &one;
      if (std::find(names.begin(), names.end(), kind) != names.end()) fields = &one;
      kinds.insert(kinds.end(), names.begin(), names.end());
    }
    if (fields == nullptr) fields = others;
    if (fields == nullptr) {
      check.wrong(kind_tree, where + ".kind",
                  "is none that " + std::string(type.name) + " has; use " + listed(kinds) + did_you_mean(kind, kinds));
      continue;
    }
    check.block(selector, fields->fields, where + ".selector", UnknownField::kWarning);
    if (type.check_selector == nullptr) continue;
    for (const stages::SelectorFault& fault : type.check_selector(kind, selector)) {
      // The deepest block on the way that is there.
      const Tree* at = fault.path.empty() ? &kind_tree : &selector;
      for (const std::string& name : fault.path) {
        const Tree* const inside = at->find(name);
        if (inside == nullptr) break;
        at = inside;
      }
      check.wrong(*at, where + (fault.path.empty() ? ".kind" : ".selector" + place_of(fault.path)),
                  fault.message + (fault.word.empty() ? "" : did_you_mean(fault.word, fault.known)));
    }
  }
}

}  // namespace riptide::cli

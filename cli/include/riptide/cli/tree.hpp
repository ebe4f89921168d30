#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/cli/problem.hpp"
#include "riptide/pipeline/result.hpp"

namespace riptide::cli {

/// A YAML or JSON value, with its place in the text: what configuration and mappings are read from.
struct Tree {
  enum class Kind { kNull, kBool, kNumber, kString, kList, kMap };
  Kind kind = Kind::kNull;
  std::string text;  ///< "true" or "false", a number as written, a decoded string; empty otherwise.
  std::vector<Tree> items;
  std::vector<std::pair<std::string, Tree>> members;  ///< In text order, each key once (the last one counts).
  int line = 0;
  int column = 0;
  int text_line = 0;    ///< Where the first character of a scalar's text stands: behind its quote, or below a `|`.
  int text_column = 0;  ///< 0 if not known.
  int key_line = 0;     ///< Where the key stands, of a member.
  int key_column = 0;   ///< 0 if not known.
  std::string origin;   ///< Where a setting was given: "OCEAN__X", ".env:3". Empty within mappings.

  [[nodiscard]] bool scalar() const noexcept { return kind != Kind::kList && kind != Kind::kMap; }
  [[nodiscard]] const Tree* find(std::string_view key) const noexcept;
  Tree* find(std::string_view key) noexcept;
};

/// "a string", "a list", ... for messages.
std::string_view name_of(Tree::Kind kind) noexcept;

/// Reads YAML 1.1 with PyYAML's resolution of plain scalars (`yes` is a boolean, `0x1f` a number), merge keys included.
/// Errors: kMalformed with line and column in the text. `problems` receives warnings (duplicate keys).
pipeline::Result<Tree> read_yaml(std::string_view text, const std::string& origin, std::vector<Problem>& problems);

/// Reads RFC 8259 JSON. Errors: kMalformed; the message never quotes the text (it may hold secrets).
pipeline::Result<Tree> read_json(std::string_view text, const std::string& origin);

/// Reads either: JSON if the text is a JSON object or array, else YAML.
pipeline::Result<Tree> read_yaml_or_json(std::string_view text, const std::string& origin,
                                         std::vector<Problem>& problems);

/// Writes a tree as compact JSON.
std::string to_json(const Tree& tree);

/// Text of a scalar as Python's str() gives it: True, False, 5, 1.5; a string is itself.
std::string python_text(const Tree& scalar);

}  // namespace riptide::cli

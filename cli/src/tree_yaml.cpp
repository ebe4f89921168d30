// The one file that knows yaml-cpp.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <exception>

#include "riptide/cli/tree.hpp"

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;

constexpr std::size_t kMostNodes = 1'000'000;  // aliases can blow a small text up
constexpr int kMostDepth = 200;

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

// PyYAML's implicit resolvers for int and float, sexagesimals left out (they stay strings).
bool is_number(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text.empty()) return false;
  if (one_of(text, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"})) return true;
  if (text.starts_with("0x")) return all_of(text.substr(2), "0123456789abcdefABCDEF_");
  if (text.starts_with("0b")) return all_of(text.substr(2), "01_");
  if (all_of(text, "0123456789_") && text[0] != '_') {
    return text[0] != '0' || text.size() == 1 || all_of(text, "01234567_");
  }
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && (std::isdigit(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_')) ++at;
    return at - begin;
  };
  const std::size_t whole = digits();
  if (at == text.size() || text[at] != '.') return false;
  ++at;
  const std::size_t fraction = digits();
  if (whole == 0 && fraction == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at == text.size() || (text[at] != '+' && text[at] != '-')) return false;
    ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

class Converter {
 public:
  Converter(std::string_view text, const std::string& origin, std::vector<Problem>& problems)
      : origin_(origin), problems_(problems) {
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      lines_.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }

  Result<void> convert(const YAML::Node& node, Tree& out, int depth) {
    if (++nodes_ > kMostNodes) {
      return pipeline::unexpected(ErrorKind::kLimit, "more than 1000000 values, aliases counted as often as used");
    }
    if (depth > kMostDepth) return pipeline::unexpected(ErrorKind::kLimit, "nested deeper than 200 levels");
    out.origin = origin_;
    const YAML::Mark mark = node.Mark();
    out.line = mark.line + 1;
    out.column = mark.column + 1;
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return {};
      case YAML::NodeType::Scalar:
        scalar(node, out);
        find_text(out);
        return {};
      case YAML::NodeType::Sequence:
        out.kind = Tree::Kind::kList;
        for (const YAML::Node& item : node) {
          out.items.emplace_back();
          if (auto converted = convert(item, out.items.back(), depth + 1); !converted) return converted;
        }
        return {};
      case YAML::NodeType::Map:
        return map(node, out, depth);
    }
    return {};
  }

 private:
  /// A block scalar begins below its `|` or `>`, a quoted one behind its quote; the mark is at neither.
  void find_text(Tree& out) const {
    const auto line_of = [&](int line) {
      return line >= 1 && static_cast<std::size_t>(line) <= lines_.size() ? lines_[static_cast<std::size_t>(line) - 1]
                                                                          : std::string_view();
    };
    const std::string_view line = line_of(out.line);
    const auto at = static_cast<std::size_t>(std::max(out.column - 1, 0));
    if (at >= line.size() || (line[at] != '|' && line[at] != '>' && line[at] != '"' && line[at] != '\'')) return;
    if (line[at] == '"' || line[at] == '\'') {
      out.text_line = out.line;
      out.text_column = out.column + 1;
      return;
    }
    for (int below = out.line + 1; static_cast<std::size_t>(below) <= lines_.size(); ++below) {
      const std::size_t indent = line_of(below).find_first_not_of(" \r");
      if (indent == std::string_view::npos) continue;
      // Empty lines in front of the text are lines of the text.
      out.text_line = out.line + 1;
      out.text_column = static_cast<int>(indent) + 1;
      return;
    }
  }

  static void scalar(const YAML::Node& node, Tree& out) {
    const std::string& text = node.Scalar();
    out.kind = Tree::Kind::kString;
    out.text = text;
    const std::string& tag = node.Tag();
    if (tag != "?" && !tag.empty()) return;  // quoted, a block, or tagged
    if (one_of(text, {"", "~", "null", "Null", "NULL"})) {
      out.kind = Tree::Kind::kNull;
      out.text.clear();
    } else if (one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
      out.kind = Tree::Kind::kBool;
      out.text = "true";
    } else if (one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
      out.kind = Tree::Kind::kBool;
      out.text = "false";
    } else if (is_number(text)) {
      out.kind = Tree::Kind::kNumber;
    }
  }

  Result<void> map(const YAML::Node& node, Tree& out, int depth) {
    out.kind = Tree::Kind::kMap;
    std::vector<YAML::Node> merged;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        const YAML::Mark mark = entry.first.Mark();
        return pipeline::unexpected(ErrorKind::kMalformed, std::to_string(mark.line + 1) + ":" +
                                                               std::to_string(mark.column + 1) +
                                                               ": a key must be a plain word or a string");
      }
      const std::string& key = entry.first.Scalar();
      if (key == "<<" && entry.first.Tag() == "?") {
        if (entry.second.IsSequence()) {
          for (const YAML::Node& other : entry.second) merged.push_back(other);
        } else {
          merged.push_back(entry.second);
        }
        continue;
      }
      Tree child;
      if (auto converted = convert(entry.second, child, depth + 1); !converted) return converted;
      child.key_line = entry.first.Mark().line + 1;
      child.key_column = entry.first.Mark().column + 1;
      if (child.kind == Tree::Kind::kNull || child.line == 0) {
        child.line = entry.first.Mark().line + 1;
        child.column = entry.first.Mark().column + 1;
      }
      if (Tree* const earlier = out.find(key)) {
        problems_.push_back({Problem::Level::kWarning, origin_, entry.first.Mark().line + 1,
                             entry.first.Mark().column + 1, key,
                             "the key is there twice and only this last one counts; remove the other (line " +
                                 std::to_string(earlier->line) + ")"});
        *earlier = std::move(child);
      } else {
        out.members.emplace_back(key, std::move(child));
      }
    }
    for (const YAML::Node& other : merged) {
      Tree from;
      if (auto converted = convert(other, from, depth + 1); !converted) return converted;
      if (from.kind != Tree::Kind::kMap) {
        return pipeline::unexpected(ErrorKind::kMalformed,
                                    std::to_string(node.Mark().line + 1) + ":1: the merge key << needs a mapping");
      }
      for (auto& [key, member] : from.members) {
        if (out.find(key) == nullptr) out.members.emplace_back(key, std::move(member));
      }
    }
    return {};
  }

  const std::string& origin_;
  std::vector<Problem>& problems_;
  std::vector<std::string_view> lines_;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<Tree> read_yaml(std::string_view text, const std::string& origin, std::vector<Problem>& problems) {
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    Tree tree;
    if (auto converted = Converter(text, origin, problems).convert(root, tree, 0); !converted) {
      return pipeline::unexpected(converted.error());
    }
    return tree;
  } catch (const YAML::Exception& error) {
    const std::string place = error.mark.is_null()
                                  ? std::string("1:1")
                                  : std::to_string(error.mark.line + 1) + ":" + std::to_string(error.mark.column + 1);
    return pipeline::unexpected(ErrorKind::kMalformed, place + ": not YAML: " + error.msg);
  } catch (const std::exception& error) {
    return pipeline::unexpected(ErrorKind::kMalformed, std::string("1:1: not YAML: ") + error.what());
  }
}

}  // namespace riptide::cli

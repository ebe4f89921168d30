#include "riptide/cli/tree.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;

constexpr int kMostDepth = 200;

// Turns an indexed JSON document into a tree. Places come from where the raw spans lie in the text.
class JsonReader {
 public:
  JsonReader(std::string_view text, const json::Document& document) : text_(text), document_(document) {}

  Result<void> read(json::Value value, Tree& out, int depth) {
    if (depth > kMostDepth) {
      return pipeline::unexpected(ErrorKind::kLimit, "nested deeper than " + std::to_string(kMostDepth) + " levels");
    }
    switch (value.type) {
      case json::Type::kObject:
        return read_object(value, out, depth);
      case json::Type::kArray:
        return read_array(value, out, depth);
      case json::Type::kNull:
      case json::Type::kBool:
      case json::Type::kNumber:
      case json::Type::kString:
        break;
    }
    const auto raw = document_.raw(value);
    if (!raw) return pipeline::unexpected(raw.error());
    place(raw->data(), out);
    switch (value.type) {
      case json::Type::kNull:
        break;
      case json::Type::kBool:
        out.kind = Tree::Kind::kBool;
        out.text = *raw;
        break;
      case json::Type::kNumber:
        out.kind = Tree::Kind::kNumber;
        out.text = *raw;
        break;
      case json::Type::kString: {
        out.kind = Tree::Kind::kString;
        return json::append_decoded(*raw, out.text);
      }
      case json::Type::kObject:
      case json::Type::kArray:
        break;
    }
    return {};
  }

 private:
  Result<void> read_object(json::Value value, Tree& out, int depth) {
    out.kind = Tree::Kind::kMap;
    json::Document::Members members(document_, value);
    while (members.next()) {
      std::string key;
      const std::string_view raw_key = members.raw_key();
      if (auto decoded = json::append_decoded("\"" + std::string(raw_key) + "\"", key); !decoded) return decoded;
      Tree child;
      if (auto read_child = read(members.value(), child, depth + 1); !read_child) return read_child;
      if (child.line == 0) place(raw_key.data(), child);
      Tree key_place;
      place(raw_key.data(), key_place);
      child.key_line = key_place.line;
      child.key_column = key_place.column - 1;  // its quote
      if (out.line == 0) place(raw_key.data(), out);
      if (Tree* const earlier = out.find(key)) {
        *earlier = std::move(child);
      } else {
        out.members.emplace_back(std::move(key), std::move(child));
      }
    }
    return members.status();
  }

  Result<void> read_array(json::Value value, Tree& out, int depth) {
    out.kind = Tree::Kind::kList;
    json::Document::Elements elements(document_, value);
    while (elements.next()) {
      out.items.emplace_back();
      if (auto read_child = read(elements.value(), out.items.back(), depth + 1); !read_child) return read_child;
      if (out.line == 0) {
        out.line = out.items.back().line;
        out.column = out.items.back().column;
      }
    }
    return elements.status();
  }

  // Spans come in text order, so that the lines are counted once.
  void place(const char* at, Tree& out) {
    const auto offset = static_cast<std::size_t>(at - text_.data());
    if (offset < counted_) {
      counted_ = 0;
      line_ = 1;
      line_begin_ = 0;
    }
    for (; counted_ < offset; ++counted_) {
      if (text_[counted_] == '\n') {
        ++line_;
        line_begin_ = counted_ + 1;
      }
    }
    out.line = line_;
    out.column = static_cast<int>(offset - line_begin_) + 1;
  }

  std::string_view text_;
  const json::Document& document_;
  std::size_t counted_ = 0;
  std::size_t line_begin_ = 0;
  int line_ = 1;
};

void set_origin(Tree& tree, const std::string& origin) {
  tree.origin = origin;
  for (Tree& item : tree.items) set_origin(item, origin);
  for (auto& [key, member] : tree.members) set_origin(member, origin);
}

// Python's repr of a float: the shortest digits that give the same double back.
std::string python_float(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const double size = std::fabs(number);
  const auto format =
      size != 0 && (size < 1e-4 || size >= 1e16) ? std::chars_format::scientific : std::chars_format::fixed;
  const auto done = std::to_chars(buffer, buffer + sizeof buffer, number, format);
  std::string out(buffer, done.ptr);
  if (format == std::chars_format::fixed && out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += c;
  }
  return out;
}

std::string python_number(std::string_view text) {
  std::string digits = without_underscores(text);
  std::string sign;
  if (digits.starts_with('+') || digits.starts_with('-')) {
    if (digits[0] == '-') sign = "-";
    digits.erase(0, 1);
  }
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.erase(0, 2);
  } else if (digits.starts_with("0b") || digits.starts_with("0B")) {
    base = 2;
    digits.erase(0, 2);
  } else if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of("01234567") == std::string::npos) {
    base = 8;
  }
  if (base != 10) {
    std::uint64_t number = 0;
    const auto done = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    if (done.ec == std::errc() && done.ptr == digits.data() + digits.size()) return sign + std::to_string(number);
    return std::string(text);
  }
  if (digits.find_first_not_of("0123456789") == std::string::npos) return sign + digits;
  if (digits == ".inf" || digits == ".Inf" || digits == ".INF") return sign + "inf";
  if (digits == ".nan" || digits == ".NaN" || digits == ".NAN") return "nan";
  return python_float(std::strtod((sign + digits).c_str(), nullptr));
}

}  // namespace

const Tree* Tree::find(std::string_view key) const noexcept {
  for (const auto& [name, member] : members) {
    if (name == key) return &member;
  }
  return nullptr;
}

Tree* Tree::find(std::string_view key) noexcept { return const_cast<Tree*>(std::as_const(*this).find(key)); }

std::string_view name_of(Tree::Kind kind) noexcept {
  switch (kind) {
    case Tree::Kind::kNull:
      return "null";
    case Tree::Kind::kBool:
      return "a boolean";
    case Tree::Kind::kNumber:
      return "a number";
    case Tree::Kind::kString:
      return "a string";
    case Tree::Kind::kList:
      return "a list";
    case Tree::Kind::kMap:
      return "a mapping";
  }
  return "a value";
}

Result<Tree> read_json(std::string_view text, const std::string& origin) {
  std::string padded(text);
  padded.append(json::Document::kPadding, ' ');
  const std::string_view view = std::string_view(padded).substr(0, text.size());
  json::Document document;
  const auto root = document.index(view);
  if (!root) return pipeline::unexpected(root.error());
  if (auto checked = document.check(); !checked) return pipeline::unexpected(checked.error());
  Tree tree;
  if (auto read = JsonReader(view, document).read(*root, tree, 0); !read) return pipeline::unexpected(read.error());
  set_origin(tree, origin);
  return tree;
}

Result<Tree> read_yaml_or_json(std::string_view text, const std::string& origin, std::vector<Problem>& problems) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && (text[begin] == '{' || text[begin] == '[')) {
    if (auto tree = read_json(text, origin)) return tree;
    // A flow mapping of YAML begins the same way; YAML also says where a broken JSON text is broken.
  }
  return read_yaml(text, origin, problems);
}

std::string to_json(const Tree& tree) {
  std::string out;
  switch (tree.kind) {
    case Tree::Kind::kNull:
      return "null";
    case Tree::Kind::kBool:
      return tree.text;
    case Tree::Kind::kNumber: {
      const std::string number = python_number(tree.text);
      if (number == "nan" || number == "inf" || number == "-inf") return "null";
      return number;
    }
    case Tree::Kind::kString:
      json::append_quoted(tree.text, out);
      return out;
    case Tree::Kind::kList:
      out = "[";
      for (const Tree& item : tree.items) {
        if (out.size() > 1) out += ',';
        out += to_json(item);
      }
      return out + "]";
    case Tree::Kind::kMap:
      out = "{";
      for (const auto& [key, member] : tree.members) {
        if (out.size() > 1) out += ',';
        json::append_quoted(key, out);
        out += ':';
        out += to_json(member);
      }
      return out + "}";
  }
  return out;
}

std::string python_text(const Tree& scalar) {
  switch (scalar.kind) {
    case Tree::Kind::kNull:
      return "None";
    case Tree::Kind::kBool:
      return scalar.text == "true" ? "True" : "False";
    case Tree::Kind::kNumber:
      return python_number(scalar.text);
    case Tree::Kind::kString:
      return scalar.text;
    case Tree::Kind::kList:
    case Tree::Kind::kMap:
      break;
  }
  return to_json(scalar);
}

}  // namespace riptide::cli

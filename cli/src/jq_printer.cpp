#include "riptide/cli/jq_printer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace riptide::cli {
namespace {

using transform::jq::Type;
using transform::jq::ValueRef;

constexpr int kDeepest = 10'000;

JqColors::Of color_of(Type type) {
  switch (type) {
    case Type::kNull:
      return JqColors::kNull;
    case Type::kFalse:
      return JqColors::kFalse;
    case Type::kTrue:
      return JqColors::kTrue;
    case Type::kNumber:
      return JqColors::kNumber;
    case Type::kString:
      return JqColors::kString;
    case Type::kArray:
      return JqColors::kArray;
    case Type::kObject:
      return JqColors::kObject;
  }
  return JqColors::kNull;
}

// With colours every value begins with its own and ends by taking it back; so does every key, and what separates
// members has the colour of their container.
class Printer {
 public:
  Printer(const JqLayout& layout, std::string& out) : layout_(layout), out_(out) {}

  void print(ValueRef value, int depth) {
    const JqColors::Of color = color_of(value.type());
    begin(color);
    if (depth > kDeepest) {
      out_ += "<skipped: too deep>";
    } else {
      switch (value.type()) {
        case Type::kArray:
          array(value, depth);
          break;
        case Type::kObject:
          object(value, depth);
          break;
        case Type::kNull:
        case Type::kFalse:
        case Type::kTrue:
        case Type::kNumber:
        case Type::kString:
          scalar(value);
          break;
      }
    }
    end();
  }

 private:
  void begin(JqColors::Of color) {
    if (layout_.colors) out_ += layout_.colors->begin[color];
  }
  void end() {
    if (layout_.colors) out_ += JqColors::kEnd;
  }

  void scalar(ValueRef value) {
    if (!layout_.ascii || value.type() != Type::kString) {
      value.append_json(out_);
      return;
    }
    std::string text;
    value.append_json(text);
    out_ += as_ascii(text);
  }

  void line(int depth) {
    if (layout_.compact) return;
    out_ += '\n';
    if (layout_.tabs) {
      out_.append(static_cast<std::size_t>(depth), '\t');
    } else {
      out_.append(static_cast<std::size_t>(depth * layout_.indent), ' ');
    }
  }

  // What stands in front of a member or an element.
  void separate(std::size_t which, int depth, JqColors::Of color) {
    if (which > 0) {
      begin(color);
      out_ += ',';
    }
    end();
    line(depth + 1);
  }

  void array(ValueRef value, int depth) {
    if (value.size() == 0) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      separate(i, depth, JqColors::kArray);
      print(value.element(i), depth + 1);
    }
    line(depth);
    begin(JqColors::kArray);
    out_ += ']';
  }

  void object(ValueRef value, int depth) {
    const std::size_t size = value.size();
    if (size == 0) {
      out_ += "{}";
      return;
    }
    std::vector<std::size_t> order;
    if (layout_.sort_keys) {  // bytes of UTF-8 sort as code points do
      order.resize(size);
      for (std::size_t i = 0; i < size; ++i) order[i] = i;
      std::sort(order.begin(), order.end(),
                [&](std::size_t a, std::size_t b) { return value.entry(a).first < value.entry(b).first; });
    }
    out_ += '{';
    for (std::size_t i = 0; i < size; ++i) {
      separate(i, depth, JqColors::kObject);
      const auto [key, member] = value.entry(order.empty() ? i : order[i]);
      begin(JqColors::kKey);
      append_key(key);
      end();
      begin(JqColors::kObject);
      out_ += ':';
      end();
      if (!layout_.compact) out_ += ' ';
      print(member, depth + 1);
    }
    line(depth);
    begin(JqColors::kObject);
    out_ += '}';
  }

  void append_key(std::string_view key) {
    if (!layout_.ascii) {
      transform::jq::append_json_string(out_, key);
      return;
    }
    std::string quoted;
    transform::jq::append_json_string(quoted, key);
    out_ += as_ascii(quoted);
  }

  const JqLayout& layout_;
  std::string& out_;
};

// Reads one code point of valid UTF-8.
std::uint32_t code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t first = byte(at);
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (at + length > text.size()) {
    ++at;
    return 0xFFFD;
  }
  std::uint32_t point = length == 1 ? first : first & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) point = point << 6 | (byte(at + i) & 0x3F);
  at += length;
  return point;
}

}  // namespace

void print_json(ValueRef value, const JqLayout& layout, std::string& out) { Printer(layout, out).print(value, 0); }

std::string as_ascii(std::string_view json) {
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    if (static_cast<unsigned char>(json[at]) < 0x80) {
      out += json[at++];
      continue;
    }
    std::uint32_t point = code_point(json, at);
    if (point >= 0x10000) {
      point -= 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (point >> 10), 0xDC00 + (point & 0x3FF));
    } else {
      out += fmt::format("\\u{:04x}", point);
    }
  }
  return out;
}

}  // namespace riptide::cli

#include "riptide/stages/entity_changes.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace riptide::stages {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

// A copy that a `Document` can index: padded.
std::string_view padded(std::string_view raw, std::string& room) {
  room.assign(raw);
  room.append(json::Document::kPadding, '\0');
  return std::string_view(room).substr(0, raw.size());
}

void append_number(std::string_view raw, std::string& out) {
  double value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error != std::errc() || end != raw.data() + raw.size()) {
    out += raw;
    return;
  }
  constexpr double kExact = 9007199254740992.0;
  char text[32];
  const bool whole = value == std::trunc(value) && std::abs(value) < kExact;
  const auto written = whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(value))
                             : std::to_chars(text, text + sizeof text, value);
  out.append(text, written.ptr);
}

Result<void> append_value(const json::Document& document, json::Value value, Numbers numbers, int depth,
                          std::string& out) {
  if (depth > kMaxCanonicalDepth) return unexpected(ErrorKind::kLimit, "a value is nested too deeply to be compared");
  if (value.type == json::Type::kArray) {
    out += '[';
    json::Document::Elements elements(document, value);
    for (bool first = true; elements.next(); first = false) {
      if (!first) out += ',';
      if (auto done = append_value(document, elements.value(), numbers, depth + 1, out); !done) return done;
    }
    out += ']';
    return elements.status();
  }
  if (value.type == json::Type::kObject) {
    std::map<std::string, json::Value> members;  // Of a name that is there twice, the last one counts.
    json::Document::Members each(document, value);
    while (each.next()) {
      auto name = json::decoded('"' + std::string(each.raw_key()) + '"');
      if (!name) return unexpected(std::move(name).error());
      members[*std::move(name)] = each.value();
    }
    if (auto checked = each.status(); !checked) return checked;
    out += '{';
    bool first = true;
    for (const auto& [name, member] : members) {
      if (!first) out += ',';
      first = false;
      json::append_quoted(name, out);
      out += ':';
      if (auto done = append_value(document, member, numbers, depth + 1, out); !done) return done;
    }
    out += '}';
    return {};
  }
  auto raw = document.raw(value);
  if (!raw) return unexpected(std::move(raw).error());
  if (value.type == json::Type::kNumber && numbers == Numbers::kByValue) {
    append_number(*raw, out);
    return {};
  }
  if (value.type != json::Type::kString || raw->find('\\') == std::string_view::npos) {
    out += *raw;
    return {};
  }
  auto text = json::decoded(*raw);
  if (!text) return unexpected(std::move(text).error());
  json::append_quoted(*text, out);
  return {};
}

// Members of an object by their decoded names, values raw; nothing if it is no object.
using RawMembers = std::map<std::string, std::string_view, std::less<>>;
std::optional<RawMembers> members_of(json::Document& document, std::string_view raw, std::string& room) {
  if (raw.empty()) return RawMembers();
  auto root = document.index(padded(raw, room));
  if (!root || root->type != json::Type::kObject) return std::nullopt;
  RawMembers members;
  json::Document::Members each(document, *root);
  while (each.next()) {
    auto name = json::decoded('"' + std::string(each.raw_key()) + '"');
    auto value = each.raw_value();
    if (!name || !value) return std::nullopt;
    members[*std::move(name)] = *value;
  }
  if (!each.status()) return std::nullopt;
  return members;
}

}  // namespace

Result<void> append_canonical(const json::Document& document, json::Value value, Numbers numbers, std::string& out) {
  return append_value(document, value, numbers, 0, out);
}

Result<void> append_canonical(std::string_view raw, std::string& out) {
  json::Document document;
  std::string room;
  auto root = document.index(padded(raw, room));
  if (!root) return unexpected(std::move(root).error());
  return append_value(document, *root, Numbers::kAsWritten, 0, out);
}

bool EntityChanges::equal(std::string_view before, std::string_view after) {
  if (before == after) return true;
  if (same_ == SameValue::kBytes || before.empty() || after.empty()) return false;
  std::string left, right;
  return append_canonical(before, left).has_value() && append_canonical(after, right).has_value() && left == right;
}

void EntityChanges::add(std::string_view name, std::string_view before, std::string_view after) {
  if (!text_.empty()) text_ += ',';
  text_ += R"({"field":)";
  json::append_quoted(name, text_);
  if (!before.empty()) {
    text_ += R"(,"before":)";
    // What a target holds need not be JSON: then it is text.
    const auto root = check_.index(padded(before, check_room_));
    if (root && check_.check()) {
      text_ += before;
    } else {
      json::append_quoted(before, text_);
    }
  }
  if (!after.empty()) text_.append(R"(,"after":)").append(after);
  text_ += '}';
}

void EntityChanges::field(std::string_view name, std::string_view before, std::string_view after) {
  if (!equal(before, after)) add(name, before, after);
}

void EntityChanges::members(std::string_view prefix, std::string_view before, std::string_view after) {
  if (before == after) return;
  const auto held = members_of(before_, before, before_room_);
  const auto wanted = members_of(after_, after, after_room_);
  if (!held || !wanted) return field(prefix, before, after);
  const std::size_t length = text_.size();
  std::string name(prefix);
  name += '.';
  for (const auto& [member, value] : *wanted) {
    const auto found = held->find(member);
    field(name + member, found == held->end() ? std::string_view() : found->second, value);
  }
  for (const auto& [member, value] : *held) {
    if (wanted->contains(member)) continue;
    if (same_ == SameValue::kMeaning && value == "null") continue;
    field(name + member, value, {});
  }
  // Written otherwise, though every member is the same.
  if (same_ == SameValue::kBytes && text_.size() == length) add(prefix, before, after);
}

std::string EntityChanges::take() {
  std::string text = "[" + text_ + "]";
  text_.clear();
  return text;
}

}  // namespace riptide::stages

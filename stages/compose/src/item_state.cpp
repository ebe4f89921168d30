#include "item_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "riptide/stages/dead_letters.hpp"

namespace riptide::detail {
namespace {

constexpr std::size_t kPadding = json::Document::kPadding;

Error bad_pointer(std::string_view pointer) {
  return Error(ErrorKind::kMalformed, fmt::format("no JSON pointer: \"{}\" (it begins with /)", pointer));
}

/// The next step of a pointer, decoded; `rest` is moved behind it.
std::string next_step(std::string_view& rest) {
  rest.remove_prefix(1);
  const std::string_view raw = rest.substr(0, rest.find('/'));
  rest.remove_prefix(raw.size());
  std::string step;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '~' || i + 1 == raw.size()) {
      step += raw[i];
    } else {
      step += raw[++i] == '1' ? '/' : '~';
    }
  }
  return step;
}

std::optional<std::uint64_t> index_of(const std::string& step) {
  if (step.empty() || step.size() > 10 || (step.size() > 1 && step.front() == '0')) return std::nullopt;
  return json::to_uint64(step);
}

/// One step into a container: the value there, if there is one. Errors: kMalformed, kNotFound (no container).
Result<std::optional<json::Value>> child(const json::Document& document, json::Value parent, const std::string& step) {
  if (parent.type == json::Type::kObject) return document.find(parent, step);
  if (parent.type != json::Type::kArray) {
    return unexpected(ErrorKind::kNotFound, fmt::format("no object or array has \"{}\" there", step));
  }
  std::optional<json::Value> found;
  if (const auto index = index_of(step)) {
    json::Document::Elements elements(document, parent);
    for (std::uint64_t i = 0; elements.next(); ++i) {
      if (i != *index) continue;
      found = elements.value();
      break;
    }
    if (auto status = elements.status(); !status) return unexpected(std::move(status).error());
  }
  return found;
}

/// Checks that a text is JSON; `object`: and an object. The text need not be padded.
Result<void> check_json(std::string_view text, json::Document& document, bool object) {
  std::string padded(text);
  padded.append(kPadding, '\0');
  auto root = document.index(std::string_view(padded).substr(0, text.size()));
  if (!root) return unexpected(std::move(root).error());
  if (auto checked = document.check(); !checked) return checked;
  if (object && root->type != json::Type::kObject) return unexpected(ErrorKind::kMalformed, "not a JSON object");
  return {};
}

/// A value inside objects that are not there yet.
std::string wrapped(std::string_view rest, std::string_view value) {
  std::string out;
  std::size_t depth = 0;
  for (; !rest.empty(); ++depth) out += "{" + json::quoted(next_step(rest)) + ":";
  out += value;
  return out.append(depth, '}');
}

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

/// Takes bytes [begin, end) of a member or element out, with the comma before or behind it.
std::string without(std::string_view text, std::size_t begin, std::size_t end) {
  std::size_t behind = end;
  while (behind < text.size() && is_blank(text[behind])) ++behind;
  if (text[behind] == ',') {
    ++behind;
    while (behind < text.size() && is_blank(text[behind])) ++behind;
    return std::string(text.substr(0, begin)) + std::string(text.substr(behind));
  }
  std::size_t before = begin;
  while (before > 0 && is_blank(text[before - 1])) --before;
  if (text[before - 1] == ',') --before;
  return std::string(text.substr(0, before)) + std::string(text.substr(end));
}

}  // namespace

void ItemState::begin(const Surroundings& around, Provenance provenance, const pipeline::RecordView& record,
                      const char* readable_end) noexcept {
  begin(around, provenance, record.json, readable_end);
  overlay_ = record.overlay;
  overlay_bytes_ = record.overlay_bytes;
}

void ItemState::begin(const Surroundings& around, Provenance provenance, std::string_view json,
                      const char* readable_end) noexcept {
  around_ = &around;
  from = provenance;
  json_ = json;
  overlay_ = {};
  overlay_bytes_ = {};
  readable_end_ = readable_end;
  edited_ = dirty_ = false;
  passed = false;
  place = kMade;
}

Result<void> ItemState::make(const Surroundings& around, Provenance provenance, std::string_view json) {
  begin(around, provenance, std::string_view(), nullptr);
  return replace(json);
}

void ItemState::copy(const ItemState& other) {
  begin(*other.around_, other.from, std::string_view(), nullptr);
  own(std::string(other.json()));
  edited_ = dirty_ = true;
}

void ItemState::own(std::string text) {
  const std::size_t length = text.size();
  own_ = std::move(text);
  own_.append(kPadding, '\0');
  json_ = std::string_view(own_).substr(0, length);
  readable_end_ = own_.data() + own_.size();
  overlay_ = {};
}

void ItemState::merge_overlay() const {
  if (overlay_.empty()) return;
  std::vector<std::pair<std::string, std::string>> over;
  for (const pipeline::OverlayField& field : overlay_) {
    over.emplace_back(field.key, overlay_bytes_.substr(field.begin, field.length));
  }
  // A key of the record that is covered stays, before the one that counts.
  std::string text = stages::whole_record(json_, over);
  auto* const self = const_cast<ItemState*>(this);
  self->own(std::move(text));
}

std::string_view ItemState::json() const {
  merge_overlay();
  return json_;
}

std::size_t ItemState::size() const noexcept { return json_.size(); }

std::string_view ItemState::padded(std::string& scratch) const {
  if (readable_end_ != nullptr && static_cast<std::size_t>(readable_end_ - (json_.data() + json_.size())) >= kPadding) {
    return json_;
  }
  scratch.assign(json_);
  scratch.append(kPadding, '\0');
  return std::string_view(scratch).substr(0, json_.size());
}

std::optional<std::string_view> ItemState::at(std::string_view pointer) const {
  if (pointer.empty()) return json();
  if (pointer.front() != '/') return std::nullopt;
  std::string_view rest = pointer;
  if (!overlay_.empty()) {
    std::string_view behind = pointer;
    const std::string first = next_step(behind);
    const auto covers = [&](const pipeline::OverlayField& field) { return field.key == first; };
    const auto field = std::find_if(overlay_.rbegin(), overlay_.rend(), covers);
    if (field != overlay_.rend()) {
      if (behind.empty()) return overlay_bytes_.substr(field->begin, field->length);
      merge_overlay();
    }
  }
  auto document = around_->documents->borrow();
  std::string scratch;
  const std::string_view text = padded(scratch);
  auto root = document->index(text);
  if (!root) return std::nullopt;
  json::Value value = *root;
  while (!rest.empty()) {
    auto next = child(*document, value, next_step(rest));
    if (!next || !*next) return std::nullopt;
    value = **next;
  }
  auto raw = document->raw(value);
  if (!raw) return std::nullopt;
  return json_.substr(static_cast<std::size_t>(raw->data() - text.data()), raw->size());
}

Result<void> ItemState::set(std::string_view pointer, std::string_view json) {
  if (pointer.empty()) return replace(json);
  if (pointer.front() != '/') return unexpected(bad_pointer(pointer));
  auto document = around_->documents->borrow();
  if (auto checked = check_json(json, *document, false); !checked) return checked;
  merge_overlay();
  std::string scratch;
  const std::string_view text = padded(scratch);
  auto root = document->index(text);
  if (!root) return unexpected(std::move(root).error());
  json::Value parent = *root;
  std::string_view rest = pointer;
  while (true) {
    const std::string step = next_step(rest);
    auto found = child(*document, parent, step);
    if (!found) return unexpected(std::move(found).error());
    if (*found && !rest.empty()) {
      parent = **found;
      continue;
    }
    if (*found) {
      auto old = document->raw(**found);
      if (!old) return unexpected(std::move(old).error());
      const auto begin = static_cast<std::size_t>(old->data() - text.data());
      std::string changed(text.substr(0, begin));
      changed.append(json).append(text.substr(begin + old->size()));
      own(std::move(changed));
      edited_ = dirty_ = true;
      return {};
    }
    auto container = document->raw(parent);
    if (!container) return unexpected(std::move(container).error());
    if (parent.type == json::Type::kArray && step != "-") {
      return unexpected(ErrorKind::kNotFound, fmt::format("the array has no element {}: \"{}\"", step, pointer));
    }
    const auto end = static_cast<std::size_t>(container->data() - text.data()) + container->size() - 1;
    std::size_t last = end;
    while (last > 0 && is_blank(text[last - 1])) --last;
    const bool is_empty = text[last - 1] == '{' || text[last - 1] == '[';
    std::string changed(text.substr(0, last));
    if (!is_empty) changed += ',';
    if (parent.type == json::Type::kObject) changed += json::quoted(step) + ":";
    changed += wrapped(rest, json);
    changed.append(text.substr(end));
    own(std::move(changed));
    edited_ = dirty_ = true;
    return {};
  }
}

Result<void> ItemState::remove(std::string_view pointer) {
  if (pointer.empty() || pointer.front() != '/') return unexpected(bad_pointer(pointer));
  merge_overlay();
  auto document = around_->documents->borrow();
  while (true) {  // Of duplicate keys each is taken out.
    std::string scratch;
    const std::string_view text = padded(scratch);
    auto root = document->index(text);
    if (!root) return unexpected(std::move(root).error());
    json::Value parent = *root;
    std::string_view rest = pointer;
    std::string step = next_step(rest);
    while (!rest.empty()) {
      auto found = child(*document, parent, step);
      if (!found && found.error().kind == ErrorKind::kNotFound) return {};
      if (!found) return unexpected(std::move(found).error());
      if (!*found) return {};
      parent = **found;
      step = next_step(rest);
    }
    std::size_t begin = 0;
    std::size_t end = 0;
    if (parent.type == json::Type::kObject) {
      json::Document::Members members(*document, parent);
      while (end == 0 && members.next()) {
        if (!members.key_is(step)) continue;
        auto raw = members.raw_value();
        if (!raw) return unexpected(std::move(raw).error());
        begin = static_cast<std::size_t>(members.raw_key().data() - text.data()) - 1;
        end = static_cast<std::size_t>(raw->data() - text.data()) + raw->size();
      }
      if (auto status = members.status(); !status) return status;
    } else if (parent.type == json::Type::kArray) {
      auto found = child(*document, parent, step);
      if (!found) return unexpected(std::move(found).error());
      if (*found) {
        auto raw = document->raw(**found);
        if (!raw) return unexpected(std::move(raw).error());
        begin = static_cast<std::size_t>(raw->data() - text.data());
        end = begin + raw->size();
      }
    }
    if (end == 0) return {};
    own(without(text, begin, end));
    edited_ = dirty_ = true;
    if (parent.type == json::Type::kArray) return {};
  }
}

Result<void> ItemState::replace(std::string_view json) {
  {
    auto document = around_->documents->borrow();
    if (auto checked = check_json(json, *document, true); !checked) return checked;
  }
  own(std::string(json));
  edited_ = dirty_ = true;
  return {};
}

Result<void> take_apart(std::string_view json, json::Document& document, pipeline::Entity& entity) {
  using pipeline::Part;
  auto root = document.index(json);
  if (!root) return unexpected(std::move(root).error());
  if (root->type != json::Type::kObject) return unexpected(ErrorKind::kMalformed, "an entity is an object");
  const std::pair<std::string_view, Part pipeline::Entity::*> names[] = {
      {"identifier", &pipeline::Entity::identifier},
      {"blueprint", &pipeline::Entity::blueprint},
      {"title", &pipeline::Entity::title},
      {"icon", &pipeline::Entity::icon},
      {"team", &pipeline::Entity::team},
      {"properties", &pipeline::Entity::properties},
      {"relations", &pipeline::Entity::relations},
  };
  for (const auto& [name, part] : names) entity.*part = {};
  json::Document::Members members(document, *root);
  while (members.next()) {
    for (const auto& [name, part] : names) {
      if (!members.key_is(name)) continue;
      auto raw = members.raw_value();
      if (!raw) return unexpected(std::move(raw).error());
      (entity.*part).begin = static_cast<std::uint32_t>(raw->data() - json.data());
      (entity.*part).length = static_cast<std::uint32_t>(raw->size());
    }
  }
  if (auto status = members.status(); !status) return status;
  const auto raw = [&](Part part) { return json.substr(part.begin, part.length); };
  for (const auto& [name, part] : {names[0], names[1]}) {
    const std::string_view value = raw(entity.*part);
    if (value.empty() || value == "null" || value == "\"\"" || value == "false" || value.front() == '[') {
      return unexpected(ErrorKind::kMalformed, fmt::format("{} is null or empty", name));
    }
  }
  if (raw(entity.blueprint).front() == '{') return unexpected(ErrorKind::kMalformed, "blueprint is no string");
  entity.length = static_cast<std::uint32_t>(json.size());
  entity.related_by_search = raw(entity.relations).find("\"combinator\"") != std::string_view::npos ||
                             raw(entity.team).find('{') != std::string_view::npos;
  entity.searched = entity.related_by_search || raw(entity.identifier).front() == '{';
  entity.identity =
      pipeline::identity_digest(json::text_of(raw(entity.blueprint)), json::text_of(raw(entity.identifier)));
  return {};
}

}  // namespace riptide::detail

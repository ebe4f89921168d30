// From records to entities: which expression is written where, and what is told of those that came to nothing.
#include <algorithm>
#include <string_view>
#include <utility>

#include "fast_bytes.hpp"
#include "mapping_state.hpp"
#include "mapping_value.hpp"

namespace riptide::transform {

using pipeline::Entity;

namespace {

constexpr std::size_t kMaxExampleBytes = 500;
constexpr std::size_t kPlainBytes = 2048;

bool is_object_text(std::string_view json) noexcept {
  const std::size_t begin = json.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && json[begin] == '{';
}

}  // namespace

void Mapper::State::begin(std::uint32_t index) {
  const Mapping::Program& program = *mapping->program_;
  resource = &program.resources[index];
  resource_index = index;
  counts = {};
  troubles.resize(std::max(troubles.size(), resource->fields.size()));
  for (FieldTrouble& trouble : troubles) {
    trouble.count = 0;
    trouble.error = false;
    trouble.example.clear();
  }
}

void Mapper::State::end() {
  for (std::size_t field = 0; field < resource->fields.size(); ++field) {
    const FieldTrouble& trouble = troubles[field];
    if (trouble.count != 0) report_trouble(*resource->fields[field].spec, trouble);
  }
  const auto same = [this](const auto& entry) { return entry.first == resource_index; };
  auto found = std::find_if(out->counts.begin(), out->counts.end(), same);
  if (found == out->counts.end()) found = out->counts.insert(found, {resource_index, {}});
  found->second.read += counts.read;
  found->second.filtered += counts.filtered;
  found->second.invalid += counts.invalid;
}

void Mapper::State::report_trouble(const ExpressionSpec& spec, const FieldTrouble& trouble) {
  for (Misconfigured& known : out->misconfigured) {
    if (known.resource != resource_index || known.field != spec.path || known.expression != spec.text) continue;
    known.count += trouble.count;
    if (trouble.error && !known.error) {
      known.error = true;
      known.example = trouble.example;
    }
    return;
  }
  out->misconfigured.push_back(
      {resource_index, spec.path, spec.text, trouble.count, trouble.error ? trouble.example : "null", trouble.error});
}

void Mapper::State::note(const CompiledExpression& expression, Came came) {
  if (came == Came::kValue || repeating) return;
  FieldTrouble& trouble = troubles[expression.field];
  ++trouble.count;
  if (came != Came::kError || trouble.error) return;
  trouble.error = true;
  trouble.example = message.substr(0, std::min(message.size(), kMaxExampleBytes));
}

void Mapper::State::fault(MappingFault::Kind kind, std::string text) {
  ++counts.invalid;
  out->faults.push_back({kind, resource_index, record_index, std::move(text)});
}

void Mapper::State::fault_all(MappingFault::Kind kind, const std::string& text) {
  counts.read += resource->entities.size();
  for (std::size_t number = 0; number < resource->entities.size(); ++number) fault(kind, text);
}

void Mapper::State::evaluate() {
  switch (select()) {
    case Selected::kNo:
      counts.read += resource->entities.size();
      counts.filtered += resource->entities.size();
      return;
    case Selected::kUnreadable:
      fault_all(MappingFault::Kind::kUnreadable, message);
      return;
    case Selected::kYes:
      break;
  }
  for (const CompiledEntity& entity : resource->entities) {
    ++counts.read;
    write(entity);
  }
}

Came Mapper::State::append_part(std::string_view key, const CompiledValue& value, std::uint64_t entity_begin,
                                Part& part) {
  std::string& bytes = out->entities.bytes;
  bytes += key;
  const std::size_t begin = bytes.size();
  const Came came = append(value, bytes);
  part = {static_cast<std::uint32_t>(begin - entity_begin), static_cast<std::uint32_t>(bytes.size() - begin)};
  return came;
}

void Mapper::State::append_text_part(std::string_view key, const CompiledValue& value, std::uint64_t entity_begin,
                                     Part& part) {
  std::string& bytes = out->entities.bytes;
  append_part(key, value, entity_begin, part);
  mapping_value::stringify(bytes, static_cast<std::size_t>(entity_begin + part.begin));
  part.length = static_cast<std::uint32_t>(bytes.size() - entity_begin - part.begin);
}

bool Mapper::State::append_members(std::string_view key,
                                   const std::vector<std::pair<std::string, CompiledValue>>& members,
                                   std::uint64_t entity_begin, Part& part) {
  std::string& bytes = out->entities.bytes;
  bytes += key;
  const std::size_t begin = bytes.size() - 1;
  bool any_object = false;
  // Most fields are scalars that are copied as they stand: these are put together here before they are appended.
  char plain[kPlainBytes];
  char* end = plain;
  for (const auto& [name, value] : members) {
    if (walked && value.expression && value.expression->closure != fast::kNoClosure) {
      const std::string_view raw = machine.plain(value.expression->closure);
      const std::size_t needed = name.size() + raw.size();
      if (!raw.empty() && needed <= kPlainBytes && raw.size() <= max_output) {
        if (static_cast<std::size_t>(plain + kPlainBytes - end) < needed) {
          bytes.append(plain, end);
          end = plain;
        }
        end = fast::copy_short(raw, fast::copy_short(name, end));
        if (raw.front() == 'n') note(*value.expression, Came::kNull);
        continue;
      }
    }
    bytes.append(plain, end);
    end = plain;
    bytes += name;
    const std::size_t value_begin = bytes.size();
    append(value, bytes);
    any_object = any_object || bytes[value_begin] == '{';
  }
  bytes.append(plain, end);
  bytes += '}';
  part = {static_cast<std::uint32_t>(begin - entity_begin), static_cast<std::uint32_t>(bytes.size() - begin)};
  return any_object;
}

void Mapper::State::write(const CompiledEntity& compiled) {
  pipeline::EntityBuffer& buffer = out->entities;
  std::string& bytes = buffer.bytes;
  Entity entity;
  entity.begin = bytes.size();
  entity.resource = resource_index;

  const Came identifier = append_part("{\"identifier\":", compiled.identifier, entity.begin, entity.identifier);
  std::string error = identifier == Came::kError ? "identifier failed: " + message : std::string();
  if (append_part(",\"blueprint\":", compiled.blueprint, entity.begin, entity.blueprint) == Came::kError &&
      error.empty()) {
    error = "blueprint failed: " + message;
  }
  if (compiled.title) append_part(",\"title\":", *compiled.title, entity.begin, entity.title);
  if (compiled.icon) append_text_part(",\"icon\":", *compiled.icon, entity.begin, entity.icon);
  if (compiled.team) append_text_part(",\"team\":", *compiled.team, entity.begin, entity.team);
  bool searched = false;
  if (compiled.has_properties)
    append_members(",\"properties\":{", compiled.properties, entity.begin, entity.properties);
  if (compiled.has_relations)
    searched = append_members(",\"relations\":{", compiled.relations, entity.begin, entity.relations);
  bytes += '}';

  MappingFault::Kind kind = MappingFault::Kind::kUnreadable;
  const auto json_of = [&](const Part& part) {
    return std::string_view(bytes).substr(static_cast<std::size_t>(entity.begin) + part.begin, part.length);
  };
  const std::string_view identifier_json = json_of(entity.identifier);
  const std::string_view blueprint_json = json_of(entity.blueprint);
  if (error.empty()) {
    kind = MappingFault::Kind::kInvalid;
    if (!mapping_value::truthy(identifier_json)) {
      error = "identifier is null or empty";
    } else if (!mapping_value::truthy(blueprint_json)) {
      error = "blueprint is null or empty";
    } else if (mapping_value::is_array(blueprint_json) || mapping_value::is_object(blueprint_json)) {
      error = "blueprint is no string";
    } else if (const std::string_view icon = json_of(entity.icon);
               mapping_value::is_array(icon) || mapping_value::is_object(icon)) {
      error = "icon is no string";
    } else if (bytes.size() - entity.begin > UINT32_MAX) {
      error = "the entity exceeds 4 GB";
    }
  }
  if (!error.empty()) {
    bytes.resize(static_cast<std::size_t>(entity.begin));
    fault(kind, std::move(error));
    return;
  }
  entity.length = static_cast<std::uint32_t>(bytes.size() - entity.begin);
  const std::string_view team = json_of(entity.team);
  entity.related_by_search = searched || mapping_value::is_object(team) || mapping_value::has_object_element(team);
  entity.searched = entity.related_by_search || mapping_value::is_object(identifier_json);
  blueprint_text.assign(mapping_value::identity_text(blueprint_json, scratch));
  entity.identity = pipeline::identity_digest(blueprint_text, mapping_value::identity_text(identifier_json, scratch));
  buffer.entities.push_back(entity);
}

void Mapper::State::map_record() {
  if (!is_object_text(record.json)) {
    return fault_all(MappingFault::Kind::kUnreadable, "the record is not an object");
  }
  if (resource->items) {
    evaluate_items(*resource->items);
  } else {
    evaluate();
  }
}

void Mapper::State::map(std::uint32_t index, const pipeline::Page& page, const pipeline::RecordSet& records,
                        MappedPage& mapped) {
  RIPTIDE_CHECK(index < mapping->program_->resources.size());
  out = &mapped;
  begin(index);
  const bool fast = resource->has_plan;
  if (fast) {
    measured_walk([&] {
      indexed.begin(resource->plan, page, records);
      return true;
    });
  }
  for (std::size_t number = 0; number < records.spans.size(); ++number) {
    record_index = static_cast<std::uint32_t>(number);
    record = pipeline::view_of(page, records, records.spans[number]);
    loaded = Loaded::kNo;
    walked = fast && measured_walk([&] { return indexed.walk(number, machine); });
    map_record();
  }
  end();
}

Mapper::Mapper(std::shared_ptr<const Mapping> mapping) : state_(std::make_unique<State>(std::move(mapping))) {}
Mapper::~Mapper() = default;
Mapper::Mapper(Mapper&&) noexcept = default;
Mapper& Mapper::operator=(Mapper&&) noexcept = default;

void Mapper::map(std::uint32_t resource, const pipeline::Page& page, const pipeline::RecordSet& records,
                 MappedPage& out) {
  state_->map(resource, page, records, out);
}

void Mapper::measure(std::uint32_t resource, const pipeline::Page& page, const pipeline::RecordSet& records,
                     MappedPage& out, ResourceMeasure& measure) {
  RIPTIDE_CHECK(resource < state_->mapping->program_->resources.size());
  measure.fields.resize(state_->mapping->program_->resources[resource].fields.size());
  measure.records += records.spans.size();
  state_->measure = &measure;
  state_->map(resource, page, records, out);
  state_->measure = nullptr;
}

}  // namespace riptide::transform

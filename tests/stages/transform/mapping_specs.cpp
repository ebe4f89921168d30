#include "mapping_specs.hpp"

namespace riptide::tests {

using transform::EntitySpec;
using transform::MappedPage;
using transform::Mapping;
using transform::MappingFault;
using transform::MappingSpec;
using transform::ResourceSpec;

transform::ExpressionSpec expression(std::string path, std::string text) {
  transform::ExpressionSpec spec;
  spec.text = std::move(text);
  spec.path = std::move(path);
  return spec;
}

ResourceSpec resource(std::string identifier, Fields properties, std::string selector) {
  ResourceSpec made;
  made.kind = "thing";
  made.selector = expression("query", std::move(selector));
  EntitySpec& entity = made.entities.emplace_back();
  entity.identifier = expression("identifier", std::move(identifier));
  entity.blueprint = expression("blueprint", "\"thing\"");
  for (const auto& [name, text] : properties)
    entity.properties.emplace_back(name, expression("properties." + name, text));
  return made;
}

MappingSpec mapping_of(ResourceSpec resource) {
  MappingSpec spec;
  spec.origin = "mapping.yaml";
  spec.resources.push_back(std::move(resource));
  return spec;
}

Records records_of(const std::vector<std::string>& json) {
  Records records;
  std::string body = "[";
  for (const std::string& record : json) {
    if (body.size() > 1) body += ", ";
    records.set.add(static_cast<std::uint32_t>(body.size()), static_cast<std::uint32_t>(record.size()));
    body += record;
  }
  records.page = pipeline::make_page(body + "]");
  return records;
}

std::string told(const MappedPage& mapped) {
  std::string text;
  for (const pipeline::Entity& entity : mapped.entities.entities) {
    text += mapped.entities.json(entity);
    if (entity.searched) text += " searched";
    text += '\n';
  }
  for (const MappingFault& fault : mapped.faults) {
    text += fault.kind == MappingFault::Kind::kInvalid ? "invalid " : "unreadable ";
    text += std::to_string(fault.record) + ": " + fault.message + '\n';
  }
  for (const transform::Misconfigured& field : mapped.misconfigured) {
    text += std::string(field.field) + " = " + std::string(field.expression) + ": " + std::to_string(field.count) +
            (field.error ? " failed: " : " came out ") + field.example + '\n';
  }
  for (const auto& [index, counts] : mapped.counts) {
    text += "read " + std::to_string(counts.read) + " filtered " + std::to_string(counts.filtered) + " invalid " +
            std::to_string(counts.invalid) + '\n';
  }
  return text;
}

std::string map(const MappingSpec& spec, const Records& records, const transform::CompileOptions& options) {
  auto mapping = Mapping::compile(spec, options);
  if (!mapping) return mapping.error().message;
  transform::Mapper mapper(*mapping);
  MappedPage mapped;
  mapper.map(0, records.page, records.set, mapped);
  return told(mapped);
}

std::string map(ResourceSpec resource, const std::vector<std::string>& json) {
  return map(mapping_of(std::move(resource)), records_of(json));
}

}  // namespace riptide::tests

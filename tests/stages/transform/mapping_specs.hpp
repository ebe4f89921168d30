#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/record.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::tests {

using Fields = std::initializer_list<std::pair<std::string, std::string>>;

/// An expression for a dotted path of the entity.
transform::ExpressionSpec expression(std::string path, std::string text);

/// A resource of kind "thing" with one entity: `identifier`, blueprint "thing", and properties.
transform::ResourceSpec resource(std::string identifier, Fields properties = {}, std::string selector = "true");

transform::MappingSpec mapping_of(transform::ResourceSpec resource);

/// A page of records that stand in it one after the other, with commas between, as in a JSON array.
struct Records {
  pipeline::Page page;
  pipeline::RecordSet set;
};
Records records_of(const std::vector<std::string>& json);

/// What became of a page, as text: one line an entity, then one a fault, one a misconfigured field, and the counts.
std::string told(const transform::MappedPage& mapped);

/// Compiles and maps in one go; the error's text if it does not compile.
std::string map(const transform::MappingSpec& spec, const Records& records,
                const transform::CompileOptions& options = {});
std::string map(transform::ResourceSpec resource, const std::vector<std::string>& json);

}  // namespace riptide::tests

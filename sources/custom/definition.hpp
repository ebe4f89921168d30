#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data_path.hpp"
#include "riptide/sources/custom.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::sources::custom {

/// One listing of an API: what to ask for, and how its answers are read.
struct Listing {
  stages::Method method = stages::Method::kGet;
  std::string path;  ///< Behind the base URL, without a leading slash; `{placeholders}` in it.
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<stages::Header> headers;
  std::string body;  ///< A JSON object; empty for none.
  DataPath data_path;
  Pagination pagination;
};
/// Whether two listings ask the same and read its answers in the same way, but for their paths.
[[nodiscard]] bool same_but_for_path(const Listing& a, const Listing& b);

/// A placeholder of a path, and where its values come from.
struct PathParameter {
  std::string name;
  std::string overlay_key;  ///< `__<name>`: what records carry the value as.
  Listing listing;          ///< Its path can name placeholders that stand before this one.
  std::shared_ptr<const transform::jq::Program> field;
  std::shared_ptr<const transform::jq::Program> filter;  ///< Null: all.
};

/// An endpoint of the mapping: its listing, and the placeholders in the order in which they are resolved.
struct Endpoint {
  std::string kind;
  Listing listing;
  std::vector<PathParameter> parameters;
};

/// The bytes that say all of an endpoint: its kind and the selector's fields that concern the source. Equal bytes,
/// equal endpoint.
[[nodiscard]] std::string definition_of(const stages::SourceResource& resource);

/// Compiles a definition. Errors: kConfig, naming the field.
[[nodiscard]] Result<std::shared_ptr<const Endpoint>> compile_endpoint(std::string_view definition,
                                                                       const Pagination& pagination);

/// Placeholders of a path, in order, each once.
[[nodiscard]] std::vector<std::string> placeholders(std::string_view path);

}  // namespace riptide::sources::custom

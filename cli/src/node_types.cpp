#include "riptide/cli/node_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

using enum FieldType;

constexpr std::array kSystemFields = {
    NodeField{.name = "config",
              .type = kBlock,
              .says = "settings of the integration, as below `integration.config` of config.yaml; without it those of "
                      "`sync`: config.yaml, `.env` and the environment"},
    NodeField{.name = "kinds",
              .type = kKinds,
              .says = "what is read: names, or blocks with `kind` and `selector`; without it what the mappings behind "
                      "it ask for"},
};

constexpr std::array kGenerateFields = {
    NodeField{.name = "records", .type = kInteger, .says = "records made in all", .required = true, .least = 0},
    NodeField{.name = "size", .type = kSize, .says = "of a record", .fallback = "2KB", .least = 64, .most = 64e6},
    NodeField{.name = "page", .type = kInteger, .says = "records a page", .fallback = "100", .least = 1, .most = 1e5},
    NodeField{.name = "partitions",
              .type = kInteger,
              .says = "listings that the records are spread over, read side by side",
              .fallback = "4",
              .least = 1,
              .most = 1e5},
    NodeField{.name = "kind", .says = "of the records", .fallback = "record"},
    NodeField{.name = "latency", .type = kDuration, .says = "of each page", .fallback = "0s", .most = 3600},
};

constexpr std::array kMappingFields = {
    NodeField{
        .name = "file", .type = kPath, .says = "a mapping file; without it and `inline` the one `sync` would use"},
    NodeField{.name = "inline", .type = kBlock, .says = "the mapping itself, as in a mapping file"},
};

constexpr std::array kJqFields = {
    NodeField{.name = "program",
              .type = kExpression,
              .says = "every output is an item; behind a mapping it must be an entity",
              .required = true},
};

constexpr std::array kFilterFields = {
    NodeField{.name = "where",
              .type = kExpression,
              .says = "keeps the items for which it is neither false nor null",
              .required = true},
};

constexpr std::array kDedupeFields = {
    NodeField{.name = "key",
              .type = kExpression,
              .says = "items with the same key are the same: the first one stays",
              .fallback = "."},
    NodeField{.name = "memory",
              .type = kSize,
              .says = "for the keys seen; past it they go to a temporary file",
              .fallback = "32MiB",
              .least = 1 << 20},
};

constexpr std::array kSampleFields = {
    NodeField{.name = "fraction", .type = kNumber, .says = "of the items, told by their contents", .most = 1},
    NodeField{.name = "every", .type = kInteger, .says = "one of so many, in the order in which they come", .least = 1},
    NodeField{.name = "first", .type = kInteger, .says = "so many, and no more", .least = 1},
    NodeField{.name = "seed", .type = kInteger, .says = "another seed picks another fraction", .fallback = "0"},
};

constexpr std::array kRedactFields = {
    NodeField{.name = "fields",
              .type = kTexts,
              .says = "what is hidden, e.g. `.properties.email` or `.members[].name`",
              .required = true},
    NodeField{
        .name = "mode",
        .type = kChoice,
        .says = "`mask` puts `with` in its place, `hash` a digest of it (equal values stay equal), `remove` nothing",
        .fallback = "mask",
        .choices = "mask|hash|remove"},
    NodeField{.name = "with", .says = "of `mask`", .fallback = "***"},
    NodeField{.name = "salt", .says = "of `hash`: without it a guess can be checked against the digest"},
};

constexpr std::array kEnrichFields = {
    NodeField{.name = "file",
              .type = kPath,
              .says = "the table: CSV with a header line, NDJSON, or SQLite, by its ending",
              .required = true},
    NodeField{.name = "table", .says = "of a SQLite file"},
    NodeField{.name = "key", .type = kExpression, .says = "what to look an item up by", .required = true},
    NodeField{.name = "column", .says = "of the table that the key stands in", .required = true},
    NodeField{.name = "into", .says = "where the row goes, e.g. `.properties.owner`", .required = true},
    NodeField{.name = "select", .says = "one column of the row instead of all of it"},
    NodeField{.name = "missing",
              .type = kChoice,
              .says = "what becomes of an item without a row",
              .fallback = "keep",
              .choices = "keep|drop|fail"},
};

constexpr std::array kWindowFields = {
    NodeField{
        .name = "count", .type = kInteger, .says = "items of a full window", .required = true, .least = 1, .most = 1e6},
    NodeField{
        .name = "every", .type = kDuration, .says = "a window that is not full closes after this long", .least = 0.001},
    NodeField{.name = "program",
              .type = kExpression,
              .says = "sees the window as an array; every output is an item",
              .fallback = "."},
};

constexpr std::array kRouteFields = {
    NodeField{.name = "routes",
              .type = kExpressionMap,
              .says = "by name: the first one that is neither false nor null takes the item, else `otherwise`; others "
                      "name its outputs `<node>.<route>` and `<node>.otherwise`",
              .required = true},
};

constexpr std::array kBatchFields = {
    NodeField{.name = "records", .type = kInteger, .says = "items of a full batch", .least = 1, .most = 1e6},
    NodeField{.name = "bytes", .type = kSize, .says = "of a full batch", .least = 1024},
    NodeField{.name = "age",
              .type = kDuration,
              .says = "a batch that is not full leaves after this long",
              .fallback = "10s",
              .least = 0.001},
};

constexpr NodeField kReconcile = {.name = "reconcile",
                                  .type = kChoice,
                                  .says =
                                      "what of the target was not seen goes: never, when everything was read, or "
                                      "of each scope that was",
                                  .fallback = "never",
                                  .choices = "never|all|closed"};

constexpr std::array kPortFields = {
    NodeField{.name = "config",
              .type = kBlock,
              .says = "settings as below `port` of config.yaml; without it those of `sync`"},
    kReconcile,
};

constexpr std::array kSqliteFields = {
    NodeField{.name = "path", .type = kPath, .says = "of the database", .required = true},
    kReconcile,
};

constexpr std::array kNdjsonFields = {
    NodeField{.name = "path", .type = kPath, .says = "of the file; `-` is standard output", .required = true},
};

constexpr std::array kHttpFields = {
    NodeField{.name = "url", .type = kUrl, .says = "where batches are sent", .required = true},
    NodeField{
        .name = "method", .type = kChoice, .says = "of the request", .fallback = "POST", .choices = "POST|PUT|PATCH"},
    NodeField{
        .name = "headers", .type = kTextMap, .says = "of the request, e.g. `Authorization: Bearer ${secret:TOKEN}`"},
    NodeField{.name = "format",
              .type = kChoice,
              .says = "of the body: a JSON array, NDJSON, or one item by itself",
              .fallback = "array",
              .choices = "array|ndjson|single"},
    NodeField{
        .name = "in_flight", .type = kInteger, .says = "requests at once", .fallback = "8", .least = 1, .most = 1024},
};

constexpr std::array kNullFields = {
    NodeField{.name = "rate", .type = kNumber, .says = "items a second that it takes; 0 is any", .fallback = "0"},
};

constexpr std::array kTypes = {
    NodeType{"octopus", NodeRole::kSource, Carries::kNothing, Carries::kRecords, "Octopus Deploy.", kSystemFields},
    NodeType{"jira", NodeRole::kSource, Carries::kNothing, Carries::kRecords, "Jira Cloud.", kSystemFields},
    NodeType{"jira-server", NodeRole::kSource, Carries::kNothing, Carries::kRecords, "Jira Server and Data Center.",
             kSystemFields},
    NodeType{"custom", NodeRole::kSource, Carries::kNothing, Carries::kRecords, "Any REST API that answers JSON.",
             kSystemFields},
    NodeType{"file", NodeRole::kSource, Carries::kNothing, Carries::kRecords, "Files of records: NDJSON and JSON.",
             kSystemFields},
    NodeType{"generate", NodeRole::kSource, Carries::kNothing, Carries::kRecords, "Made-up records, to measure with.",
             kGenerateFields},
    NodeType{"mapping", NodeRole::kTransform, Carries::kRecords, Carries::kEntities, "Maps records to entities.",
             kMappingFields},
    NodeType{"jq", NodeRole::kTransform, Carries::kAny, Carries::kSame, "Makes any number of items of each.",
             kJqFields},
    NodeType{"filter", NodeRole::kTransform, Carries::kAny, Carries::kSame, "Keeps some items.", kFilterFields},
    NodeType{"dedupe", NodeRole::kTransform, Carries::kAny, Carries::kSame, "Lets an item through once.",
             kDedupeFields},
    NodeType{"sample", NodeRole::kTransform, Carries::kAny, Carries::kSame, "Lets some items through.", kSampleFields},
    NodeType{"redact", NodeRole::kTransform, Carries::kAny, Carries::kSame, "Hides fields.", kRedactFields},
    NodeType{"enrich", NodeRole::kTransform, Carries::kAny, Carries::kSame, "Adds what a table has of an item.",
             kEnrichFields},
    NodeType{"window", NodeRole::kTransform, Carries::kAny, Carries::kSame, "Makes items of several at a time.",
             kWindowFields},
    NodeType{"route", NodeRole::kRoute, Carries::kAny, Carries::kSame, "Sends each item one way.", kRouteFields},
    NodeType{"batch", NodeRole::kBatch, Carries::kAny, Carries::kSame,
             "Says how full the batches of the sink behind it are.", kBatchFields},
    NodeType{"port", NodeRole::kSink, Carries::kEntities, Carries::kNothing, "Port's catalogue.", kPortFields},
    NodeType{"sqlite", NodeRole::kSink, Carries::kEntities, Carries::kNothing, "A catalogue in a SQLite file.",
             kSqliteFields},
    NodeType{"ndjson", NodeRole::kSink, Carries::kAny, Carries::kNothing, "A file with an item a line.", kNdjsonFields},
    NodeType{"http", NodeRole::kSink, Carries::kAny, Carries::kNothing, "An HTTP endpoint that takes batches.",
             kHttpFields},
    NodeType{"null", NodeRole::kSink, Carries::kAny, Carries::kNothing, "Takes everything and keeps nothing.",
             kNullFields},
};

using json::quoted;

/// A value that a reference may stand for.
std::string with_reference(std::string_view schema) {
  return fmt::format(R"x({{"anyOf":[{},{{"type":"string","pattern":"^\\$\\{{(env|secret):"}}]}})x", schema);
}

std::string schema_of(const NodeField& field) {
  switch (field.type) {
    case kText:
    case kPath:
      return R"({"type":["string","number","boolean"]})";
    case kExpression:
      return R"({"type":["string","boolean"]})";
    case kUrl:
      return R"x({"type":"string","pattern":"^(https?://|\\$\\{)"})x";
    case kBool:
      return with_reference(R"({"type":"boolean"})");
    case kInteger:
      return with_reference(fmt::format(R"({{"type":"integer","minimum":{:.0f}}})", field.least));
    case kNumber:
      return with_reference(fmt::format(R"({{"type":"number","minimum":{}}})", field.least));
    case kSize:
      return R"({"type":["integer","string"],"examples":["64MiB"]})";
    case kDuration:
      return R"({"type":["number","string"],"examples":["30s"]})";
    case kChoice: {
      std::string out = R"({"enum":[)";
      std::string_view rest = field.choices;
      while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('|'), rest.size());
        out += (out.back() == '[' ? "" : ",") + quoted(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
      return out + "]}";
    }
    case kTexts:
      return R"({"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1}]})";
    case kTextMap:
      return R"({"type":"object","additionalProperties":{"type":["string","number","boolean"]}})";
    case kExpressionMap:
      return R"({"type":"object","minProperties":1,"additionalProperties":{"type":["string","boolean"]}})";
    case kKinds:
      return R"({"type":"array","minItems":1,"items":{"anyOf":[{"type":"string"},{"type":"object","required":["kind"],)"
             R"("properties":{"kind":{"type":"string"},"selector":{"type":"object"}},"additionalProperties":false}]}})";
    case kBlock:
      return R"({"type":"object"})";
  }
  return "true";
}

/// Puts the description and the default into an object schema.
std::string described(const NodeField& field) {
  std::string schema = schema_of(field);
  schema.pop_back();
  schema += ",\"description\":" + quoted(field.says);
  if (!field.fallback.empty()) schema += ",\"default\":" + quoted(field.fallback);
  return schema + "}";
}

}  // namespace

const NodeField* NodeType::find(std::string_view field) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const NodeField& f) { return f.name == field; });
  return found == fields.end() ? nullptr : &*found;
}

std::span<const NodeType> node_types() { return kTypes; }

const NodeType* find_node_type(std::string_view name) noexcept {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const NodeType& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

std::string_view name_of(NodeRole role) noexcept {
  switch (role) {
    case NodeRole::kSource:
      return "source";
    case NodeRole::kTransform:
      return "transform";
    case NodeRole::kRoute:
      return "route";
    case NodeRole::kBatch:
      return "batch";
    case NodeRole::kSink:
      return "sink";
  }
  return "";
}

std::string_view name_of(Carries what) noexcept {
  switch (what) {
    case Carries::kNothing:
      return "nothing";
    case Carries::kRecords:
      return "records";
    case Carries::kEntities:
      return "entities";
    case Carries::kAny:
      return "records or entities";
    case Carries::kSame:
      return "what came in";
  }
  return "";
}

std::string node_types_as_markdown() {
  std::string out;
  for (const NodeType& type : kTypes) {
    out += fmt::format("### `{}`\n\n{} ", type.name, type.says);
    if (type.role == NodeRole::kSource) {
      out += fmt::format("Gives {}.\n\n", name_of(type.gives));
    } else if (type.role == NodeRole::kSink) {
      out += fmt::format("Takes {}.\n\n", name_of(type.takes));
    } else {
      out += fmt::format("Takes {}, gives {}.\n\n", name_of(type.takes), name_of(type.gives));
    }
    out += "| field | default | meaning |\n|---|---|---|\n";
    for (const NodeField& field : type.fields) {
      std::string meaning(field.says);
      if (field.type == kChoice) {
        std::string choices(field.choices);
        std::replace(choices.begin(), choices.end(), '|', '/');
        meaning += fmt::format(" ({})", choices);
      }
      const std::string fallback = field.required           ? "required"
                                   : field.fallback.empty() ? ""
                                                            : fmt::format("`{}`", field.fallback);
      out += fmt::format("| `{}` | {} | {} |\n", field.name, fallback, meaning);
    }
    out += "\n";
  }
  out.pop_back();
  return out;
}

std::string graph_schema() {
  std::string out = R"({
"$schema":"https://json-schema.org/draft/2020-12/schema",
"title":"A graph of riptide",
"type":"object",
"required":["nodes"],
"additionalProperties":false,
"properties":{
"name":{"type":"string","description":"what the graph is called"},
"memory":{"type":["integer","string"],"description":"budget for all that is on its way","examples":["128MiB"]},
"threads":{"type":"integer","minimum":0,"description":"workers; 0 is the cores that the process may use"},
"in_flight":{"type":"integer","minimum":1,"description":"most requests at once towards a host of a source"},
"nodes":{"type":"object","minProperties":2,"propertyNames":{"pattern":"^[^.]+$"},"additionalProperties":{
"type":"object","required":["type"],"properties":{"type":{"enum":[)";
  for (const NodeType& type : kTypes) out += (&type == kTypes.data() ? "" : ",") + quoted(type.name);
  out += R"(]}},
"oneOf":[)";
  for (const NodeType& type : kTypes) {
    out += fmt::format("{}\n{{\"properties\":{{\"type\":{{\"const\":{}}}", &type == kTypes.data() ? "" : ",",
                       quoted(type.name));
    if (type.role != NodeRole::kSource) {
      out += R"(,"inputs":{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1}]})";
    }
    std::string required = "\"type\"";
    if (type.role != NodeRole::kSource) required += ",\"inputs\"";
    for (const NodeField& field : type.fields) {
      out += fmt::format(",\n{}:{}", quoted(field.name), described(field));
      if (field.required) required += "," + quoted(field.name);
    }
    out += fmt::format("}},\"description\":{},\"required\":[{}],\"additionalProperties\":false}}", quoted(type.says),
                       required);
  }
  return out + "]}}}}\n";
}

}  // namespace riptide::cli

#include "riptide/cli/graph_wiring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/numbers.hpp"
#include "riptide/cli/port_wiring.hpp"
#include "riptide/pipeline/check.hpp"
#include "riptide/sinks/http_sink.hpp"
#include "riptide/sinks/ndjson_sink.hpp"
#include "riptide/sinks/null_sink.hpp"
#include "riptide/sinks/sqlite_sink.hpp"
#include "riptide/sources/generate.hpp"
#include "riptide/standard_stages.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;
using Node = GraphFile::Node;
using AnyStream = std::variant<Stream<Record>, Stream<Entity>>;

/// Settings of one node: those of the process, with what its `config` block says in the place of a section of theirs.
ConfigSources with_block(const ConfigSources& settings, std::string_view type, const Tree* block,
                         std::string_view section) {
  ConfigSources out = settings;
  if (block != nullptr) {
    const std::string prefix = variable_of(section) + "__";
    std::erase_if(out.environment, [&](const Variable& variable) { return variable.name.starts_with(prefix); });
    std::string text = to_json(*block);
    for (auto up = section; !up.empty();) {
      const std::size_t dot = up.rfind('.');
      const std::string_view name = dot == std::string_view::npos ? up : up.substr(dot + 1);
      text = fmt::format("{{\"{}\":{}}}", name, text);
      up = dot == std::string_view::npos ? std::string_view() : up.substr(0, dot);
    }
    out.file = std::move(text);
  }
  if (!type.empty()) out.flags.push_back({"type", "integration.type", std::string(type)});
  return out;
}

std::vector<Kind> kinds_of(const Node& node) {
  std::vector<Kind> kinds;
  const Tree* const given = node.fields.find("kinds");
  if (given == nullptr) return kinds;
  for (const Tree& item : given->items) {
    Kind& kind = kinds.emplace_back();
    if (item.scalar()) {
      kind.name = python_text(item);
      continue;
    }
    kind.name = python_text(*item.find("kind"));
    if (const Tree* const selector = item.find("selector")) {
      for (const auto& [key, value] : selector->members) kind.selector.emplace_back(key, to_json(value));
    }
  }
  return kinds;
}

std::string in_words(const Node& node) {
  if (node.type->name == "filter") return "keeps what is true of: " + node.text("where");
  if (node.type->name == "jq") return node.text("program");
  return std::string(node.type->says);
}

/// What a node of its type is made of, read before the graph is.
struct Prepared {
  std::optional<Config> config;  ///< Of a system or of Port.
  std::shared_ptr<const transform::Mapping> mapping;
  std::shared_ptr<const stages::LookupTable> table;
  std::string pointer;
  std::shared_ptr<const stages::Redaction> redaction;
};

}  // namespace

struct GraphParts::Parts {
  Parts(const GraphFile& graph_file, const GraphMaterial& graph_material)
      : file(graph_file), material(graph_material) {}

  const GraphFile& file;
  const GraphMaterial& material;
  std::map<std::string, Prepared, std::less<>> prepared;  ///< By node.
  Config settings;                                        ///< Of the process, for what belongs to no node.
  std::vector<Problem>* problems = nullptr;               ///< Of the call.
  std::map<std::string, AnyStream, std::less<>> streams;  ///< By node, or node.output.
  std::map<std::string, BatchLimits, std::less<>> limits;

  void wrong(const Node& node, std::string message, std::string_view field = {}) const {
    const Tree* const at = field.empty() ? nullptr : node.fields.find(field);
    problems->push_back({Level::kError, file.origin, at != nullptr ? at->line : node.line,
                         at != nullptr ? at->column : node.column,
                         "nodes." + node.name + (field.empty() ? "" : "." + std::string(field)), std::move(message)});
  }

  // --- what is read before ---

  void prepare() {
    const bool has_type = std::any_of(file.nodes.begin(), file.nodes.end(), is_system);
    ConfigReading own = read_config(with_block(material.settings, first_type(), nullptr, {}),
                                    {.type = has_type, .source = ConfigNeeds::Missing::kPlaceholder});
    for (Problem& problem : own.problems) {
      if (problem.level == Level::kError) problems->push_back(std::move(problem));
    }
    settings = std::move(own.config);
    for (const Node& node : file.nodes) {
      Prepared& out = prepared[node.name];
      if (is_system(node) && !replaced(node)) read_settings(node, node.type->name, "integration.config", out);
      if (node.type->name == "port" && !material.other_sink) read_settings(node, first_type(), "port", out);
      if (node.type->name == "mapping") read_mapping_of(node, out);
      if (node.type->name == "enrich") read_table(node, out);
      if (node.type->name == "redact") make_redaction(node, out);
    }
  }

  static bool is_system(const Node& node) {
    return node.type->role == NodeRole::kSource && node.type->name != "generate";
  }
  [[nodiscard]] bool replaced(const Node& node) const {
    return material.other_source && material.other_source(node) != nullptr;
  }

  /// The integration type that the graph goes by: of the settings, else of its first source that is a system.
  [[nodiscard]] std::string first_type() const {
    for (const Node& node : file.nodes) {
      if (is_system(node)) return std::string(node.type->name);
    }
    return "custom";
  }

  void read_settings(const Node& node, std::string_view type, std::string_view section, Prepared& out) const {
    const Tree* const block = node.fields.find("config");
    ConfigReading reading =
        read_config(with_block(material.settings, type, block, section),
                    {.source = section == "port" || material.only_described ? ConfigNeeds::Missing::kPlaceholder
                                                                            : ConfigNeeds::Missing::kError});
    for (Problem& problem : reading.problems) {
      if (problem.level != Level::kError) continue;
      if (block == nullptr) {
        problems->push_back(std::move(problem));
      } else {
        wrong(node, problem.where + ": " + problem.message, "config");
      }
    }
    if (section == "port" && !material.only_described && !reading.config.has_port()) {
      wrong(node,
            "needs Port's credentials: " + how_to_set("port.client_id") + " and " + how_to_set("port.client_secret"));
    }
    out.config = std::move(reading.config);
  }

  void read_mapping_of(const Node& node, Prepared& out) const {
    std::optional<MappingText> text = material.mapping;
    const Config& config = config_before(node);
    if (node.has("file")) {
      std::vector<Problem> said;
      text = mapping_file(node.text("file"), said);
      for (Problem& problem : said) wrong(node, std::move(problem.message), "file");
    } else if (const Tree* const inside = node.fields.find("inline")) {
      text = MappingText{to_json(*inside), fmt::format("{}, the mapping of '{}'", file.origin, node.name), false};
    } else if (!text) {
      text = default_mapping(config);
    }
    if (text) out.mapping = compile_mapping(*text, config, *problems);
  }

  /// Settings of the source that a node's records come from.
  [[nodiscard]] const Config& config_before(const Node& node) const {
    const Node* at = &node;
    while (at != nullptr && at->type->role != NodeRole::kSource) {
      at = at->inputs.empty() ? nullptr : file.find(at->inputs.front().node);
    }
    if (at == nullptr) return settings;
    const auto found = prepared.find(at->name);
    return found != prepared.end() && found->second.config ? *found->second.config : settings;
  }

  void read_table(const Node& node, Prepared& out) const {
    auto pointer = pointer_of(node.text("into"));
    if (pointer) {
      out.pointer = std::move(*pointer);
    } else {
      wrong(node, pointer.error().message, "into");
    }
    auto table = stages::LookupTable::load({.file = node.text("file"),
                                            .table = node.text("table"),
                                            .column = node.text("column"),
                                            .select = node.text("select")});
    if (table) {
      out.table = std::move(*table);
    } else {
      wrong(node, table.error().message, "file");
    }
  }

  void make_redaction(const Node& node, Prepared& out) const {
    const std::string mode = node.text("mode");
    auto redaction = stages::Redaction::create({.fields = node.texts("fields"),
                                                .mode = mode == "hash"     ? stages::Redaction::Mode::kHash
                                                        : mode == "remove" ? stages::Redaction::Mode::kRemove
                                                                           : stages::Redaction::Mode::kMask,
                                                .with = node.text("with"),
                                                .salt = node.text("salt")});
    if (redaction) {
      out.redaction = std::move(*redaction);
    } else {
      wrong(node, redaction.error().message, "fields");
    }
  }

  // --- the graph ---

  void add_nodes(Graph& graph) {
    for (const Node& node : file.nodes) {
      if (any_error(*problems)) return;
      switch (node.type->role) {
        case NodeRole::kSource:
          add_source(graph, node);
          break;
        case NodeRole::kBatch:
          add_batch(node);
          break;
        case NodeRole::kTransform:
        case NodeRole::kRoute:
        case NodeRole::kSink:
          std::visit([&](const auto& stream) { add_behind(node, stream); }, input_of(node));
          break;
      }
    }
  }

  /// All inputs of a node, joined.
  [[nodiscard]] AnyStream input_of(const Node& node) const {
    std::optional<AnyStream> all;
    for (const GraphFile::Input& input : node.inputs) {
      const AnyStream& next = streams.at(name_of_output(input));
      if (!all) {
        all = next;
      } else {
        all = std::visit(
            [&](const auto& so_far) -> AnyStream {
              using S = std::decay_t<decltype(so_far)>;
              return merge(so_far, std::get<S>(next));
            },
            *all);
      }
    }
    RIPTIDE_CHECK(all.has_value());
    return *all;
  }
  static std::string name_of_output(const GraphFile::Input& input) {
    return input.output.empty() ? input.node : input.node + "." + input.output;
  }

  void add_source(Graph& graph, const Node& node) {
    SourceOptions options;
    options.kinds = kinds_of(node);
    if (material.other_source) {
      if (auto other = material.other_source(node)) {
        streams.emplace(node.name, graph.source(node.name, std::move(other), std::move(options)));
        return;
      }
    }
    if (node.type->name == "generate") {
      sources::GenerateSource::Options made{.records = static_cast<std::uint64_t>(node.integer("records")),
                                            .record_bytes = node.bytes("size"),
                                            .page_records = static_cast<std::size_t>(node.integer("page")),
                                            .partitions = static_cast<std::uint64_t>(node.integer("partitions")),
                                            .kind = node.text("kind"),
                                            .latency = node.duration("latency")};
      options.kinds = {{made.kind, {}}};
      std::shared_ptr<LocalSource> source = std::make_shared<sources::GenerateSource>(std::move(made));
      streams.emplace(node.name, graph.source(node.name, std::move(source), std::move(options)));
      return;
    }
    const Config& config = *prepared.at(node.name).config;
    auto source = find_integration_type(config.type())->make_source(config);
    if (!source) return wrong(node, source.error().message, "config");
    const stages::ResyncOptions decided = resync_options(config);
    options.in_flight = file.in_flight.value_or(decided.in_flight);
    options.least_in_flight = decided.least_in_flight;
    options.retry = decided.source_retry;
    options.timeout = decided.source_timeout;
    options.verify_tls = decided.verify_source_tls;
    options.allow_private_addresses = decided.allow_private_source;
    options.http2 = decided.source_http2;
    streams.emplace(node.name, graph.source(node.name, std::move(*source), std::move(options)));
  }

  void add_batch(const Node& node) {
    BatchLimits limit;
    if (node.has("records")) limit.max_records = static_cast<std::size_t>(node.integer("records"));
    if (node.has("bytes")) limit.max_bytes = node.bytes("bytes");
    limit.age = node.duration("age");
    streams.emplace(node.name,
                    std::visit([&](const auto& in) -> AnyStream { return in.batch(limit); }, input_of(node)));
  }

  template <class T>
  void add_behind(const Node& node, const Stream<T>& in) {
    if (node.type->role == NodeRole::kSink) return add_sink(node, in);
    if (node.type->role == NodeRole::kRoute) return add_route(node, in);
    StageOptions options;
    options.says = in_words(node);
    const std::string_view type = node.type->name;
    const auto program = [&](std::string_view field) {
      const auto found = node.programs.find(field);
      return found == node.programs.end() ? nullptr
                                          : std::make_shared<const stages::JqProgram>(found->second, jq_limits());
    };
    if (type == "mapping") {
      if constexpr (std::is_same_v<T, Record>) {
        Stream<Entity> mapped = in.transform(node.name, Mapping(prepared.at(node.name).mapping));
        streams.emplace(node.name, std::move(mapped));
      }
      return;
    }
    std::optional<Stream<T>> out;
    if (type == "filter") {
      out = in.filter(node.name, where(program("where")), options);
    } else if (type == "jq") {
      out = in.jq(node.name, node.programs.at("program"), options);
    } else if (type == "dedupe") {
      out = in.filter(node.name,
                      first_of_each(std::make_shared<stages::Dedupe>(node.has("key") ? program("key") : nullptr,
                                                                     node.bytes("memory"))),
                      options);
    } else if (type == "sample") {
      out = in.filter(node.name, some(std::make_shared<stages::Sampler>(sampler_of(node))), options);
    } else if (type == "redact") {
      out = in.then(node.name, redact(prepared.at(node.name).redaction), options);
    } else if (type == "enrich") {
      const std::string missing = node.text("missing");
      out = in.expand(node.name,
                      enrich({.table = prepared.at(node.name).table,
                              .key = program("key"),
                              .into = prepared.at(node.name).pointer,
                              .missing = missing == "drop"   ? Enrichment::Missing::kDrop
                                         : missing == "fail" ? Enrichment::Missing::kFail
                                                             : Enrichment::Missing::kKeep}),
                      options);
    } else if (type == "window") {
      WindowOfItems::Options window{.count = static_cast<std::size_t>(node.integer("count"))};
      if (node.has("every")) window.every = node.duration("every");
      window.program = node.has("program") ? program("program") : nullptr;
      std::shared_ptr<Stage<T>> stage = std::make_shared<Window<T>>(std::move(window));
      out = in.stage(node.name, std::move(stage), options);
    }
    RIPTIDE_CHECK(out.has_value());
    streams.emplace(node.name, *out);
  }

  template <class T>
  void add_route(const Node& node, const Stream<T>& in) {
    std::vector<std::pair<std::string, std::shared_ptr<const stages::JqProgram>>> routes;
    for (const auto& [name, text] : node.fields.find("routes")->members) {
      routes.emplace_back(name,
                          std::make_shared<const stages::JqProgram>(node.programs.at("routes." + name), jq_limits()));
    }
    StageOptions options;
    options.says = in_words(node);
    const Router<T> router = in.route(node.name, first_match(routes), options);
    for (const auto& [name, program] : routes) {
      if (is_taken(node, name)) streams.emplace(node.name + "." + name, router.to(name));
    }
    if (is_taken(node, "otherwise")) streams.emplace(node.name + ".otherwise", router.otherwise());
  }

  /// Outputs that nobody takes are not asked for: what goes there is filtered.
  [[nodiscard]] bool is_taken(const Node& node, std::string_view output) const {
    return std::any_of(file.nodes.begin(), file.nodes.end(), [&](const Node& other) {
      return std::any_of(other.inputs.begin(), other.inputs.end(), [&](const GraphFile::Input& input) {
        return input.node == node.name && input.output == output;
      });
    });
  }

  static stages::Sampler sampler_of(const Node& node) {
    if (node.has("every")) return stages::Sampler::every(static_cast<std::uint64_t>(node.integer("every")));
    if (node.has("first")) return stages::Sampler::first(static_cast<std::uint64_t>(node.integer("first")));
    return stages::Sampler::fraction(node.number("fraction"), static_cast<std::uint64_t>(node.integer("seed")));
  }

  [[nodiscard]] transform::EvaluationLimits jq_limits() const {
    transform::EvaluationLimits limit;
    limit.max_steps = static_cast<std::uint64_t>(settings.integer("riptide.jq_steps"));
    limit.max_memory_bytes = settings.bytes("riptide.jq_memory");
    limit.max_output_bytes = settings.bytes("riptide.jq_output");
    limit.max_depth = static_cast<std::uint32_t>(settings.integer("riptide.jq_depth"));
    limit.max_regex_steps = static_cast<std::uint64_t>(settings.integer("riptide.jq_regex_steps"));
    return limit;
  }

  template <class T>
  void add_sink(const Node& node, const Stream<T>& in) {
    auto sink = make_sink(node);
    if (!sink) return wrong(node, sink.error().message);
    SinkOptions options;
    const Config& config = prepared.at(node.name).config ? *prepared.at(node.name).config : settings;
    const stages::ResyncOptions decided = resync_options(config);
    options.retry = decided.sink_retry;
    options.timeout = decided.sink_timeout;
    options.batch_age = decided.batch_age;
    options.verify_tls = decided.verify_sink_tls;
    if (node.type->find("reconcile") != nullptr) {
      const std::string reconcile = node.text("reconcile");
      options.reconcile = reconcile == "all"      ? Reconcile::kAll
                          : reconcile == "closed" ? Reconcile::kClosedScopes
                                                  : Reconcile::kNever;
      if (options.reconcile == Reconcile::kNever) options.kept_because = "`reconcile: never`";
      if (const auto* const spec = first_mapping()) options.deletion_threshold = spec->deletion_threshold;
    }
    in.sink(node.name, std::move(*sink), std::move(options));
  }

  pipeline::Result<std::unique_ptr<stages::Sink>> make_sink(const Node& node) {
    if (material.other_sink) {
      if (auto other = material.other_sink(node)) return other;
    }
    const std::string_view type = node.type->name;
    if (type == "port") {
      return make_port_sink(*prepared.at(node.name).config, context(),
                            material.prepared ? &*material.prepared : nullptr);
    }
    if (type == "sqlite") {
      return std::unique_ptr<stages::Sink>(std::make_unique<sinks::SqliteSink>(
          sinks::SqliteSink::Options{.path = node.text("path"), .context = context(), .now = &utc_now}));
    }
    if (type == "ndjson") return std::unique_ptr<stages::Sink>(std::make_unique<sinks::NdjsonSink>(node.text("path")));
    if (type == "null") {
      return std::unique_ptr<stages::Sink>(std::make_unique<sinks::NullSink>(
          sinks::NullSink::Options{.records_per_second = node.number("rate"), .pause = {}}));
    }
    RIPTIDE_CHECK(type == "http");
    sinks::HttpSink::Options options;
    options.url = node.text("url");
    const std::string method = node.text("method");
    options.method = method == "PUT"     ? stages::Method::kPut
                     : method == "PATCH" ? stages::Method::kPatch
                                         : stages::Method::kPost;
    const std::string format = node.text("format");
    options.format = format == "ndjson"   ? sinks::HttpSink::Format::kLines
                     : format == "single" ? sinks::HttpSink::Format::kSingle
                                          : sinks::HttpSink::Format::kArray;
    options.max_in_flight = static_cast<std::size_t>(node.integer("in_flight"));
    if (const Tree* const headers = node.fields.find("headers")) {
      for (const auto& [name, value] : headers->members) {
        options.headers.emplace_back(name, pipeline::Secret(python_text(value)));
      }
    }
    auto sink = sinks::HttpSink::create(std::move(options));
    if (!sink) return pipeline::unexpected(std::move(sink).error());
    return std::unique_ptr<stages::Sink>(std::move(*sink));
  }

  /// Whose upsert options count: with several mappings those of the first.
  [[nodiscard]] const transform::MappingSpec* first_mapping() const {
    for (const Node& node : file.nodes) {
      if (node.type->name == "mapping" && prepared.at(node.name).mapping != nullptr) {
        return &prepared.at(node.name).mapping->spec();
      }
    }
    return nullptr;
  }

  [[nodiscard]] stages::SinkContext context() const {
    const transform::MappingSpec none;
    const transform::MappingSpec* const mapping = first_mapping();
    stages::SinkContext out = sink_context(settings, mapping != nullptr ? *mapping : none, material.run_id);
    out.kinds.clear();
    return out;
  }
};

GraphParts::GraphParts(const GraphFile& file, const GraphMaterial& material, std::vector<Problem>& problems)
    : parts_(std::make_unique<Parts>(file, material)) {
  parts_->problems = &problems;
  parts_->prepare();
}

GraphParts::~GraphParts() = default;

GraphOptions GraphParts::options() const {
  const stages::ResyncOptions decided = resync_options(parts_->settings);
  GraphOptions options;
  if (!parts_->file.name.empty()) options.title = parts_->file.name;
  options.memory_bytes = parts_->file.memory_bytes.value_or(decided.memory_bytes);
  options.threads = parts_->file.threads.value_or(decided.threads);
  options.in_flight = parts_->file.in_flight.value_or(decided.in_flight);
  options.context = parts_->context();
  options.version = decided.version;
  options.started_at = decided.started_at;
  return options;
}

void GraphParts::add_to(Graph& graph, std::vector<Problem>& problems) {
  parts_->problems = &problems;
  parts_->add_nodes(graph);
}

const Config& GraphParts::settings() const { return parts_->settings; }

std::vector<sinks::SinkSpec> GraphParts::sink_specs() const {
  std::vector<sinks::SinkSpec> specs;
  for (const Node& node : parts_->file.nodes) {
    if (node.type->name != "port" && node.type->name != "sqlite" && node.type->name != "ndjson") continue;
    std::string text(node.type->name);
    if (node.has("path")) text += ":" + node.text("path");
    if (auto spec = sinks::parse_sink_spec(text)) specs.push_back(std::move(*spec));
  }
  return specs;
}

const Config* GraphParts::port_config() const {
  for (const Node& node : parts_->file.nodes) {
    if (node.type->name == "port" && parts_->prepared.at(node.name).config)
      return &*parts_->prepared.at(node.name).config;
  }
  return nullptr;
}

std::vector<std::string> GraphParts::secrets() const {
  std::vector<std::string> all = parts_->file.secrets;
  for (const auto& [name, prepared] : parts_->prepared) {
    if (!prepared.config) continue;
    const std::vector<std::string> more = prepared.config->secrets();
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace riptide::cli

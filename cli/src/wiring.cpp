#include "riptide/cli/wiring.hpp"

#include <algorithm>

#include "riptide/cli/field_check.hpp"
#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/mapping_reader.hpp"
#include "riptide/cli/numbers.hpp"
#include "riptide/cli/port_wiring.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/pipeline/check.hpp"
#include "riptide/sinks/ndjson_sink.hpp"
#include "riptide/sinks/null_sink.hpp"
#include "riptide/sinks/sqlite_sink.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;
using sinks::SinkSpec;

}  // namespace

std::vector<ConfigSources::Flag> settings_of(const CommonFlags& flags) {
  std::vector<ConfigSources::Flag> out;
  if (!flags.log_level.empty()) out.push_back({"--log-level", "application.log_level", flags.log_level});
  return out;
}

std::vector<ConfigSources::Flag> settings_of(const SyncFlags& flags) {
  std::vector<ConfigSources::Flag> out = settings_of(flags.common);
  if (!flags.memory.empty()) out.push_back({"--memory", "riptide.memory", flags.memory});
  if (!flags.in_flight.empty()) out.push_back({"--in-flight", "riptide.in_flight", flags.in_flight});
  return out;
}

std::vector<SinkSpec> choose_sinks(const std::vector<std::string>& flags, const Config& config,
                                   std::vector<Problem>& problems) {
  std::vector<std::string> texts = flags;
  if (texts.empty()) texts.emplace_back(config.has_port() ? "port" : "sqlite:riptide.db");
  std::vector<SinkSpec> specs;
  for (const std::string& text : texts) {
    auto spec = sinks::parse_sink_spec(text);
    if (!spec) {
      static const std::vector<std::string> kNames = {"port", "sqlite", "ndjson", "null"};
      problems.push_back({Level::kError, "", 0, 0, "--sink",
                          spec.error().message + did_you_mean(text.substr(0, text.find(':')), kNames)});
      continue;
    }
    const bool twice =
        std::any_of(specs.begin(), specs.end(), [&](const SinkSpec& other) { return other.text == spec->text; });
    if (twice) problems.push_back({Level::kError, "", 0, 0, "--sink", "'" + text + "' is there twice; remove one"});
    if (spec->kind == SinkSpec::Kind::kPort) {
      for (const char* const key : {"port.client_id", "port.client_secret"}) {
        if (!config.given(key)) {
          problems.push_back({Level::kError, "", 0, 0, how_to_set(key), "is required by the sink port and not set"});
        }
      }
    }
    specs.push_back(std::move(*spec));
  }
  return specs;
}

bool has_port(const std::vector<SinkSpec>& specs) {
  return std::any_of(specs.begin(), specs.end(),
                     [](const SinkSpec& spec) { return spec.kind == SinkSpec::Kind::kPort; });
}

MappingText default_mapping(const Config& config) {
  const IntegrationType* const type = find_integration_type(config.type());
  RIPTIDE_CHECK(type != nullptr);
  return {std::string(type->default_mapping()), "the default mapping of " + config.type(), false};
}

std::optional<MappingText> mapping_file(const std::string& path, std::vector<Problem>& problems) {
  auto text = read_file(path);
  if (!text) {
    problems.push_back({Level::kError, path, 0, 0, "", text.error().message});
    return std::nullopt;
  }
  return MappingText{std::move(*text), path, false};
}

std::shared_ptr<const transform::Mapping> compile_mapping(const MappingText& text, const Config& config,
                                                          std::vector<Problem>& problems) {
  MappingReading reading = read_mapping(text.text, text.origin);
  problems.insert(problems.end(), reading.problems.begin(), reading.problems.end());
  if (any_error(reading.problems)) return nullptr;
  if (const IntegrationType* const type = find_integration_type(config.type())) {
    std::vector<Problem> found;
    check_selectors(reading, *type, text.origin, found);
    // Of a mapping in Port only those blocks matter that are read; the source has the last word.
    if (text.lenient) {
      for (Problem& problem : found) problem.level = Level::kWarning;
    }
    problems.insert(problems.end(), found.begin(), found.end());
    if (any_error(found)) return nullptr;
  }
  transform::CompileOptions options;
  options.environment = config.boolean("allow_environment_variables_jq_access");
  options.lenient = text.lenient;
  options.limits.max_steps = static_cast<std::uint64_t>(config.integer("riptide.jq_steps"));
  options.limits.max_memory_bytes = config.bytes("riptide.jq_memory");
  options.limits.max_output_bytes = config.bytes("riptide.jq_output");
  options.limits.max_depth = static_cast<std::uint32_t>(config.integer("riptide.jq_depth"));
  options.limits.max_regex_steps = static_cast<std::uint64_t>(config.integer("riptide.jq_regex_steps"));
  std::vector<transform::Diagnostic> diagnostics;
  auto mapping = transform::Mapping::compile(reading.spec, options, &diagnostics);
  for (const transform::Diagnostic& diagnostic : diagnostics) {
    problems.push_back({text.lenient ? Level::kWarning : Level::kError, text.origin, diagnostic.line, diagnostic.column,
                        diagnostic.path,
                        diagnostic.message + (diagnostic.expression.empty() ? "" : "\n    " + diagnostic.expression)});
  }
  if (!mapping) {
    if (diagnostics.empty()) problems.push_back({Level::kError, text.origin, 0, 0, "", mapping.error().message});
    return nullptr;
  }
  return std::move(*mapping);
}

std::vector<std::uint32_t> choose_resources(const transform::MappingSpec& mapping,
                                            const std::vector<std::string>& kinds, std::vector<Problem>& problems) {
  std::vector<std::string> known;
  for (const transform::ResourceSpec& resource : mapping.resources) {
    if (std::find(known.begin(), known.end(), resource.kind) == known.end()) known.push_back(resource.kind);
  }
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t i = 0; i < mapping.resources.size(); ++i) {
    const bool asked = kinds.empty() || std::find(kinds.begin(), kinds.end(), mapping.resources[i].kind) != kinds.end();
    if (asked) chosen.push_back(i);
  }
  for (const std::string& kind : kinds) {
    if (std::find(known.begin(), known.end(), kind) != known.end()) continue;
    problems.push_back({Level::kError, "", 0, 0, "--kind",
                        "there is no kind '" + kind + "' in " + mapping.origin + ", only " + listed(known) +
                            did_you_mean(kind, known)});
  }
  return chosen;
}

stages::SinkContext sink_context(const Config& config, const transform::MappingSpec& mapping,
                                 const std::string& run_id) {
  stages::SinkContext context;
  context.integration = config.identifier();
  context.integration_type = config.type();
  context.run_id = run_id;
  for (const transform::ResourceSpec& resource : mapping.resources) context.kinds.push_back(resource.kind);
  context.merge = mapping.merge;
  context.create_missing_related = mapping.create_missing_related;
  context.delete_dependents = mapping.delete_dependents;
  return context;
}

pipeline::Result<std::vector<std::unique_ptr<stages::Sink>>> make_sinks(const std::vector<SinkSpec>& specs,
                                                                        const Config& config,
                                                                        const stages::SinkContext& context,
                                                                        double sink_limit,
                                                                        const sinks::port::Prepared* prepared) {
  std::vector<std::unique_ptr<stages::Sink>> out;
  for (const SinkSpec& spec : specs) {
    switch (spec.kind) {
      case SinkSpec::Kind::kPort: {
        auto sink = make_port_sink(config, context, prepared);
        if (!sink) return pipeline::unexpected(std::move(sink).error());
        out.push_back(std::move(*sink));
        break;
      }
      case SinkSpec::Kind::kSqlite:
        out.push_back(std::make_unique<sinks::SqliteSink>(
            sinks::SqliteSink::Options{.path = spec.path, .context = context, .now = &utc_now}));
        break;
      case SinkSpec::Kind::kNdjson:
        out.push_back(std::make_unique<sinks::NdjsonSink>(spec.path));
        break;
      case SinkSpec::Kind::kNull:
        out.push_back(
            std::make_unique<sinks::NullSink>(sinks::NullSink::Options{.records_per_second = sink_limit, .pause = {}}));
        break;
    }
  }
  return out;
}

Problem source_problem(const Config& config, const pipeline::Error& error) {
  Problem problem{Level::kError, "", 0, 0, "", error.message};
  const IntegrationType* const type = find_integration_type(config.type());
  if (type == nullptr) return problem;
  std::size_t named = 0;  // The longest name wins: one may be the beginning of another.
  for (const Setting& setting : type->settings) {
    const std::vector<SettingPlace>& places = config.places(setting.key);
    if (places.empty()) continue;
    const std::string yaml = yaml_key_of(setting.key);
    for (const std::string& name : {variable_of(setting.key), yaml.substr(yaml.rfind('.') + 1)}) {
      const std::size_t at = error.message.find(name);
      if (at == std::string::npos || name.size() <= named) continue;
      named = name.size();
      // Of a block, the deepest member that is named.
      std::string_view rest = std::string_view(error.message).substr(at + name.size());
      const SettingPlace* best = &places.front();
      for (const SettingPlace& place : places) {
        if (place.path.size() <= best->path.size() || !rest.starts_with("." + place.path)) continue;
        best = &place;
      }
      problem.origin = best->origin;
      problem.line = best->line;
      problem.column = best->column;
    }
  }
  return problem;
}

bool verifies_source(const Config& config) {
  const IntegrationType* const type = find_integration_type(config.type());
  const bool own = type == nullptr || type->tls_setting.empty() || config.boolean(type->tls_setting);
  return own && config.boolean("ssl.third_party.verify");
}

std::chrono::seconds source_timeout(const Config& config) {
  const IntegrationType* const type = find_integration_type(config.type());
  const bool has_own = type != nullptr && !type->timeout_setting.empty();
  const std::int64_t own = has_own ? config.integer(type->timeout_setting) : 0;
  return std::chrono::seconds(own != 0 ? own : config.integer("client_timeout"));
}

stages::ResyncOptions resync_options(const Config& config) {
  stages::ResyncOptions options;
  options.version = version();
  options.started_at = utc_now();
  options.memory_bytes = config.bytes("riptide.memory");
  options.in_flight = static_cast<std::size_t>(config.integer("riptide.in_flight"));
  options.least_in_flight = static_cast<std::size_t>(config.integer("riptide.in_flight_floor"));
  options.threads = static_cast<int>(config.integer("riptide.threads"));
  const std::chrono::milliseconds base = config.duration("riptide.retry_base");
  const std::chrono::milliseconds cap = config.duration("riptide.retry_cap");
  const int attempts = static_cast<int>(config.integer("riptide.retry_attempts"));
  options.source_retry = {.attempts = attempts, .base = base, .cap = cap};
  options.sink_retry = {.attempts = attempts, .base = 3 * base, .cap = 5 * cap};
  options.source_timeout = source_timeout(config);
  options.sink_timeout = config.duration("riptide.port_timeout");
  options.batch_age = config.duration("riptide.batch_age");
  options.verify_source_tls = verifies_source(config);
  // Ocean's rule: guarded where it hosts the integration, unless told otherwise.
  options.allow_private_source = config.text("runtime") != "Saas" || config.boolean("disable_ip_outbound_blocker");
  options.source_http2 = config.boolean("riptide.http2");
  options.verify_sink_tls = config.boolean("ssl.port.verify");
  return options;
}

void set_deletion(const SyncFlags& flags, stages::ResyncOptions& options) {
  if (flags.delete_scope == "closed") options.delete_scope = stages::DeleteScope::kClosed;
  if (!flags.max_delete.empty()) {
    auto limit = stages::parse_max_delete(flags.max_delete);
    RIPTIDE_CHECK(limit.has_value());  // The command line was checked.
    options.max_delete = std::move(*limit);
  }
  if (!flags.no_delete) return;
  options.delete_stale = false;
  options.no_delete_reason = "--no-delete";
}

std::string implied_no_delete(const std::vector<std::unique_ptr<stages::Sink>>& sinks,
                              const std::vector<std::string>& kinds) {
  if (kinds.empty()) return "";
  for (const auto& sink : sinks) {
    if (sink->can_delete() && !sink->owns_by_kind()) {
      return "--kind leaves kinds out, and " + std::string(sink->spec()) +
             " cannot tell which kind an entity came from, so --kind implies --no-delete";
    }
  }
  return "";
}

std::optional<pipeline::GraphDescription> describe_resync(const SyncFlags& flags, const Config& config,
                                                          std::vector<Problem>& problems) {
  std::vector<Problem> found;
  const auto description = [&]() -> std::optional<pipeline::GraphDescription> {
    const std::vector<SinkSpec> specs = choose_sinks(flags.sinks, config, found);
    const IntegrationType* const type = find_integration_type(config.type());
    std::optional<MappingText> text;
    if (!flags.mapping.empty()) {
      text = mapping_file(flags.mapping, found);
    } else if (type != nullptr) {
      text = default_mapping(config);
      if (has_port(specs)) {
        found.push_back(
            {Level::kWarning, "", 0, 0, "",
             "sync would read the mapping from Port; nothing is contacted here, so the default stands for it"});
      }
    }
    if (!text) return std::nullopt;
    stages::ResyncParts parts;
    parts.mapping = compile_mapping(*text, config, found);
    if (parts.mapping == nullptr) return std::nullopt;
    stages::ResyncOptions options = resync_options(config);
    set_deletion(flags, options);
    options.resources = choose_resources(parts.mapping->spec(), flags.kinds, found);
    if (type == nullptr || any_error(found)) return std::nullopt;
    auto source = type->make_source(config);
    if (!source) {
      found.push_back(source_problem(config, source.error()));
      return std::nullopt;
    }
    parts.source = std::move(*source);
    parts.context = sink_context(config, parts.mapping->spec(), "described");
    auto made = make_sinks(specs, config, parts.context);
    if (!made) {
      found.push_back({Level::kError, "", 0, 0, "", made.error().message});
      return std::nullopt;
    }
    parts.sinks = std::move(*made);
    auto resync = stages::Resync::create(std::move(parts), std::move(options));
    if (!resync) {
      found.push_back({Level::kError, "", 0, 0, "", resync.error().message});
      return std::nullopt;
    }
    return (*resync)->describe();
  }();
  problems.insert(problems.end(), found.begin(), found.end());
  return description;
}

}  // namespace riptide::cli

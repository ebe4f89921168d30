#include "riptide/cli/port_wiring.hpp"

#include <unistd.h>

#include <array>

#include "riptide/cli/command_line.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/tree.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/run_id.hpp"
#include "riptide/sinks/port_life.hpp"
#include "riptide/sinks/port_plan.hpp"
#include "riptide/stages/client_exchange.hpp"

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using sinks::port::Account;
using sinks::port::PortLife;
using sinks::port::Prepared;

Result<std::shared_ptr<const Account>> make_account(const Config& config) {
  return Account::create({.base_url = config.text("port.base_url"),
                          .client_id = config.secret("port.client_id").reveal(),
                          .client_secret = config.secret("port.client_secret"),
                          .integration_type = config.type(),
                          .integration = config.identifier(),
                          .riptide_version = version()});
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::shared_ptr<const PortLife> make_life(const Config& config, const std::shared_ptr<const Account>& account,
                                          const std::string& run_id, const Prepared& prepared) {
  return std::make_shared<const PortLife>(PortLife::Options{
      .account = account,
      .run_id = run_id,
      .metrics_url = prepared.metrics_url,
      .logs_url = config.boolean("application.enable_http_logging") ? prepared.logs_url : std::string(),
      .installation_type = config.text("runtime"),
      .examples = config.boolean("send_raw_data_examples"),
      .heartbeat = std::chrono::seconds(config.integer("status_heartbeat_interval_seconds")),
      .sensitive = config.secrets(),
      .hostname = host_name(),
      .instance = pipeline::new_run_id()});
}

// What the type brings along. A default that cannot be read is a fault of ours.
Result<sinks::port::Defaults> defaults_of(const Config& config) {
  const IntegrationType* const type = find_integration_type(config.type());
  sinks::port::Defaults defaults;
  auto mapping = mapping_as_port_keeps_it(default_mapping(config).text);
  if (!mapping) return pipeline::unexpected(std::move(mapping).error());
  defaults.mapping = *std::move(mapping);
  if (type->default_blueprints != nullptr) defaults.blueprints = type->default_blueprints();
  return defaults;
}

}  // namespace

Result<std::unique_ptr<stages::Sink>> make_port_sink(const Config& config, const stages::SinkContext& context,
                                                     const Prepared* prepared) {
  auto account = make_account(config);
  if (!account) return pipeline::unexpected(std::move(account).error());
  sinks::port::PortSink::Options options;
  options.account = std::move(*account);
  options.context = context;
  options.max_records = static_cast<std::size_t>(config.integer("upsert_entities_batch_max_length"));
  options.max_bytes = static_cast<std::size_t>(config.integer("upsert_entities_batch_max_size_in_bytes"));
  if (prepared != nullptr) options.life = make_life(config, options.account, context.run_id, *prepared);
  return std::unique_ptr<stages::Sink>(std::make_unique<sinks::port::PortSink>(std::move(options)));
}

Result<std::unique_ptr<stages::Sink>> make_port_plan(const Config& config, const stages::SinkContext& context,
                                                     bool remembers) {
  auto account = make_account(config);
  if (!account) return pipeline::unexpected(std::move(account).error());
  return std::unique_ptr<stages::Sink>(std::make_unique<sinks::port::PortPlan>(
      sinks::port::PortPlan::Options{.account = std::move(*account), .context = context, .skips_equal = !remembers}));
}

Result<Prepared> prepare_port(const Config& config, PortAccess access, pipeline::Stop& stop) {
  sinks::port::PreparationOptions wanted;
  auto account = make_account(config);
  if (!account) return pipeline::unexpected(std::move(account).error());
  wanted.account = std::move(*account);
  auto defaults = defaults_of(config);
  if (!defaults) return pipeline::unexpected(std::move(defaults).error());
  wanted.defaults = *std::move(defaults);
  wanted.read_only = access == PortAccess::kReadOnly;
  wanted.initialize_resources = config.boolean("initialize_port_resources");
  wanted.origin = config.text("create_port_resources_origin");
  wanted.runtime = config.text("runtime");

  const stages::ResyncOptions limits = resync_options(config);
  stages::HttpClientOptions options;
  options.name = "port";
  options.retry = limits.sink_retry;
  options.total_timeout = limits.sink_timeout;
  options.verify_tls = limits.verify_sink_tls;
  auto client = stages::HttpClient::start(std::move(options));
  if (!client) return pipeline::unexpected(std::move(client).error());
  const auto listening = stop.on_request([&client](pipeline::Stop::Urgency) { (*client)->abort(); });
  stages::ClientExchange exchange(**client);
  auto prepared = sinks::port::prepare(wanted, exchange);
  if (prepared) return prepared;
  pipeline::Error error = std::move(prepared).error();
  if (error.kind == ErrorKind::kConfig) error.kind = ErrorKind::kRejected;  // Port was contacted: not a usage error
  return pipeline::unexpected(std::move(error));
}

Result<std::string> mapping_as_port_keeps_it(std::string_view text) {
  std::vector<Problem> problems;
  auto tree = read_yaml_or_json(text, "the mapping", problems);
  if (!tree) return pipeline::unexpected(std::move(tree).error());
  // In the order and with the defaults that Ocean writes.
  static constexpr std::array<std::pair<const char*, const char*>, 5> kFields = {{
      {"deleteDependentEntities", "true"},
      {"createMissingRelatedEntities", "true"},
      {"enableMergeEntity", "true"},
      {"entityDeletionThreshold", "0.9"},
      {"resources", "[]"},
  }};
  std::string out = "{";
  for (const auto& [key, fallback] : kFields) {
    if (out.size() != 1) out += ',';
    const Tree* const found = tree->find(key);
    out.append("\"").append(key).append("\":").append(found != nullptr ? to_json(*found) : fallback);
  }
  return out + "}";
}

}  // namespace riptide::cli

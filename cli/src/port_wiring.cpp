#include "riptide/cli/port_wiring.hpp"

#include <future>

#include "riptide/cli/command_line.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/json/document.hpp"
#include "riptide/sinks/port.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using stages::HttpResponse;

Result<std::shared_ptr<const sinks::port::Account>> make_account(const Config& config) {
  return sinks::port::Account::create({.base_url = config.text("port.base_url"),
                                       .client_id = config.secret("port.client_id").reveal(),
                                       .client_secret = config.secret("port.client_secret"),
                                       .integration_type = config.type(),
                                       .integration = config.identifier(),
                                       .riptide_version = version()});
}

}  // namespace

Result<std::unique_ptr<stages::Sink>> make_port_sink(const Config& config, const stages::SinkContext& context) {
  auto account = make_account(config);
  if (!account) return pipeline::unexpected(std::move(account).error());
  return std::unique_ptr<stages::Sink>(std::make_unique<sinks::port::PortSink>(sinks::port::PortSink::Options{
      .account = std::move(*account),
      .context = context,
      .max_records = static_cast<std::size_t>(config.integer("upsert_entities_batch_max_length")),
      .max_bytes = static_cast<std::size_t>(config.integer("upsert_entities_batch_max_size_in_bytes"))}));
}

Result<std::string> fetch_port_mapping(const Config& config, pipeline::Stop& stop) {
  auto account = make_account(config);
  if (!account) return pipeline::unexpected(std::move(account).error());
  const stages::ResyncOptions limits = resync_options(config);
  stages::HttpClientOptions options;
  options.name = "port";
  options.retry = limits.sink_retry;
  options.total_timeout = limits.sink_timeout;
  options.verify_tls = limits.verify_sink_tls;
  auto started = stages::HttpClient::start(std::move(options));
  if (!started) return pipeline::unexpected(std::move(started).error());
  const std::unique_ptr<stages::HttpClient> client = std::move(*started);
  const auto listening = stop.on_request([&client](pipeline::Stop::Urgency) { client->abort(); });
  auto answered = std::make_shared<std::promise<Result<HttpResponse>>>();
  auto answer = answered->get_future();
  stages::Send send;
  send.request = sinks::port::integration_request(**account);
  send.done = [answered](Result<HttpResponse> response) { answered->set_value(std::move(response)); };
  client->send(std::move(send));
  const Result<HttpResponse> response = answer.get();
  if (!response) return pipeline::unexpected(response.error());
  json::Document document;
  auto mapping = sinks::port::read_integration_config(*response, document);
  if (!mapping) {
    pipeline::Error error = std::move(mapping).error();
    if (error.kind == ErrorKind::kConfig) error.kind = ErrorKind::kRejected;  // Port was contacted: not a usage error
    return pipeline::unexpected(std::move(error));
  }
  return std::move(*mapping).value_or("");
}

}  // namespace riptide::cli

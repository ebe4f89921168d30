#include <fmt/format.h>

#include <string>
#include <string_view>

#include "json_writer.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::stages {
namespace {

void write_sinks(JsonWriter& json, const std::vector<pipeline::SinkReport>& sinks) {
  json.key("sinks").open('[');
  for (const pipeline::SinkReport& sink : sinks) {
    json.open('{').text("sink", sink.sink);
    if (!sink.error.empty()) json.text("error", sink.error);
    json.key("kinds").open('[');
    for (const pipeline::SinkKindReport& kind : sink.kinds) {
      const pipeline::Tally& tally = kind.tally;
      json.open('{').text("kind", kind.kind).number("index", kind.index).number("read", tally.read);
      json.number("created", tally.created).number("updated", tally.updated).number("unchanged", tally.unchanged);
      json.number("filtered", tally.filtered).number("invalid", tally.invalid).number("rejected", tally.rejected);
      json.number("duplicate", tally.duplicate).number("abandoned", tally.abandoned).number("deleted", tally.deleted);
      json.number("bytes_out", kind.bytes_out).number("requests", kind.requests).close('}');
    }
    json.close(']').close('}');
  }
  json.close(']');
}

void write_kinds(JsonWriter& json, const pipeline::RunReport& report) {
  json.key("kinds").open('[');
  for (const pipeline::KindReport& kind : report.kinds) {
    json.open('{').text("kind", kind.kind).number("index", kind.index).number("pages", kind.pages);
    json.number("records", kind.records).number("bytes_in", kind.bytes_in);
    json.number("scopes_closed", kind.scopes_closed).number("scopes_open", kind.scopes_open);
    json.key("misconfigured").open('[');
    for (const pipeline::MisconfiguredField& field : kind.misconfigured) {
      json.open('{').text("field", field.field).text("expression", field.expression);
      json.number("count", field.count).text("example", field.example).close('}');
    }
    json.close(']').close('}');
  }
  json.close(']');
}

void write_rest(JsonWriter& json, const pipeline::RunReport& report) {
  json.key("scopes").open('[');
  for (const pipeline::ScopeReport& scope : report.scopes) {
    json.open('{')
        .text("kind", scope.kind)
        .text("partition", scope.partition)
        .number("pages_expected", scope.pages_expected);
    json.number("pages_read", scope.pages_read).text("error", scope.error).close('}');
  }
  json.close(']').number("scopes_total", report.scopes_total).key("hosts").open('[');
  for (const pipeline::HostReport& host : report.hosts) {
    json.open('{').text("host", host.host).number("requests", host.requests).number("retries", host.retries);
    json.number("status_304", host.status_304).number("status_429", host.status_429).seconds("seconds_paused", host.seconds_paused);
    json.number("max_in_flight", host.max_in_flight)
        .seconds("p50_ms", host.p50_ms)
        .seconds("p99_ms", host.p99_ms)
        .close('}');
  }
  json.close(']').key("errors").open('[');
  for (const pipeline::ErrorReport& error : report.errors) {
    json.open('{').text("kind", error.kind).text("identifier", error.identifier).text("blueprint", error.blueprint);
    json.text("stage", error.stage).text("message", error.message).number("count", error.count).close('}');
  }
  json.close(']').number("errors_total", report.errors_total).key("stages").open('[');
  for (const pipeline::NodeStats& stage : report.stages) {
    json.open('{')
        .text("name", stage.name)
        .number("messages_in", stage.messages_in)
        .number("messages_out", stage.messages_out);
    json.seconds("busy_seconds", stage.busy_seconds).text("waiting_on", stage.waiting_on);
    json.number("most_waiting", stage.most_waiting);
    if (stage.items) {
      json.number("items_in", stage.items->in).number("items_out", stage.items->out);
      json.number("items_made", stage.items->made).number("filtered", stage.items->filtered);
      json.number("failed", stage.items->failed).text("concurrency", stage.items->concurrency);
    }
    json.close('}');
  }
  json.close(']');
}

}  // namespace

std::string to_json(const pipeline::RunReport& report) {
  std::string out;
  JsonWriter json(out);
  json.open('{').text("run_id", report.run_id).text("version", report.version);
  json.text("status", pipeline::to_string(report.status)).number("exit_code", report.exit_code);
  json.text("started_at", report.started_at)
      .seconds("seconds", report.seconds)
      .number("peak_rss_bytes", report.peak_rss_bytes);
  write_sinks(json, report.sinks);
  write_kinds(json, report);
  write_rest(json, report);
  if (!report.resumed.run_ids.empty()) {
    json.key("resumed").open('{').key("run_ids").open('[');
    for (const std::string& run : report.resumed.run_ids) json.element(run);
    json.close(']').number("pages", report.resumed.pages).number("records", report.resumed.records);
    write_sinks(json, report.resumed.sinks);
    json.close('}');
  }
  if (!report.deletion.empty()) json.text("deletion", report.deletion);
  if (report.guard.tripped) {
    json.key("guard").open('{').text("sink", report.guard.sink).text("rule", report.guard.rule);
    json.number("stale", report.guard.stale).number("owned", report.guard.owned);
    json.number("threshold", report.guard.threshold);
    if (!report.guard.max_delete.empty()) json.text("max_delete", report.guard.max_delete);
    json.key("examples").open('[');
    for (const std::string& example : report.guard.examples) json.element(example);
    json.close(']').close('}');
  }
  json.key("notices").open('[');
  for (const std::string& notice : report.notices) json.element(notice);
  json.close(']').close('}');
  out.push_back('\n');
  return out;
}

}  // namespace riptide::stages

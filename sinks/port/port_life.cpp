#include "riptide/sinks/port_life.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

#include "json_object.hpp"

namespace riptide::sinks::port {
namespace {

using stages::HttpRequest;
using stages::KindLife;
using stages::LifeSign;
using stages::Method;
using stages::RunOutcome;
using stages::SyncState;

constexpr std::string_view kMetrics = "sync metrics";
constexpr std::string_view kState = "the resync's state";

std::string_view name_of(SyncState state) noexcept {
  switch (state) {
    case SyncState::kPending:
      return "pending";
    case SyncState::kSyncing:
      return "syncing";
    case SyncState::kCompleted:
      return "completed";
    case SyncState::kFailed:
      return "failed";
    case SyncState::kAborted:
      return "aborted";
  }
  return "failed";
}

/// What gauges hold: a number with a fraction.
std::string gauge(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string count_of(std::uint64_t count) {
  return JsonObject().raw("object_count", gauge(static_cast<double>(count))).str();
}

std::string counts(std::initializer_list<std::pair<std::string_view, std::uint64_t>> all) {
  JsonObject types;
  for (const auto& [type, count] : all) types.raw(type, count_of(count));
  return JsonObject().raw("object_count_type", types.str()).str();
}

std::string resync_phase(bool success, double seconds) {
  return JsonObject().raw("success", gauge(success ? 1 : 0)).raw("duration_seconds", gauge(seconds)).str();
}

/// Metrics of a kind, by the labels that Ocean gives them.
std::string metrics_of(const KindLife& kind) {
  JsonObject phases;
  phases.raw("extract", counts({{"raw_extracted", kind.extracted}}))
      .raw("transform",
           counts({{"transformed", kind.transformed}, {"filtered_out", kind.filtered}, {"failed", kind.invalid}}))
      .raw("load", counts({{"loaded", kind.loaded}, {"failed", kind.rejected}, {"skipped", kind.unchanged}}))
      .raw("resync", resync_phase(kind.success, kind.seconds));
  return JsonObject().raw("phase", phases.str()).str();
}

std::string metrics_of(const RunOutcome& outcome, bool reconciliation) {
  JsonObject phases;
  if (reconciliation) phases.raw("delete", counts({{"deleted", outcome.deleted}}));
  phases.raw("resync", resync_phase(outcome.state == SyncState::kCompleted, outcome.seconds));
  return JsonObject().raw("phase", phases.str()).str();
}

/// What is reported as a kind though it is none.
KindLife pseudo_kind(std::string_view name, SyncState state) {
  KindLife kind;
  kind.kind = name;
  kind.state = state;
  return kind;
}

std::string identifier_of(const KindLife& kind) {
  return kind.kind.starts_with("__") ? kind.kind : fmt::format("{}-{}", kind.kind, kind.index);
}

std::string formatted(std::chrono::system_clock::time_point time, std::string_view zone) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}{}", fmt::gmtime(static_cast<std::time_t>(seconds.count())), micros,
                     zone);
}

}  // namespace

std::string python_time(std::chrono::system_clock::time_point time) { return formatted(time, "+00:00"); }

PortLife::PortLife(Options options) : options_(std::move(options)), masker_(options_.sensitive) {}

HttpRequest PortLife::to(Method method, std::string url, std::string body) const {
  HttpRequest request = options_.account->request(method, "", Account::Role::kIntegration, std::move(body));
  request.url = std::move(url);
  return request;
}

std::string PortLife::metric(const KindLife& kind, std::string_view metrics) const {
  const Account& account = *options_.account;
  return JsonObject()
      .text("integrationType", account.integration_type())
      .text("installationType", options_.installation_type)
      .text("executionMode", "single_process")
      .text("integrationIdentifier", account.integration())
      .text("integrationVersion", ocean_version(account.integration_type()))
      .text("oceanVersion", kOceanCoreVersion)
      .text("kindIdentifier", identifier_of(kind))
      .text("kind", kind.kind)
      .raw("kindIndex", fmt::format("{}", kind.index))
      .text("eventId", options_.run_id)
      .text("syncState", name_of(kind.state))
      .text("blueprint", kind.blueprint)
      .raw("metrics", metrics)
      .str();
}

LifeSign PortLife::all_metrics(std::string_view list) const {
  return {kMetrics, to(Method::kPost, options_.metrics_url + "/syncMetrics",
                       JsonObject().raw("syncKindsMetrics", fmt::format("[{}]", list)).str())};
}

LifeSign PortLife::one_metric(const KindLife& kind, std::string_view metrics) const {
  return {kMetrics,
          to(Method::kPut,
             fmt::format("{}/syncMetrics/resync/{}/kind/{}", options_.metrics_url,
                         stages::percent_encoded(options_.run_id), stages::percent_encoded(identifier_of(kind))),
             JsonObject().raw("syncKindMetrics", metric(kind, metrics)).str())};
}

LifeSign PortLife::resync_state(std::string body) const {
  const Account& account = *options_.account;
  return {kState,
          account.request(Method::kPatch,
                          fmt::format("integration/{}/resync-state", stages::percent_encoded(account.integration())),
                          Account::Role::kIntegration, std::move(body))};
}

PortLife::LifeSigns PortLife::started(Time now, std::span<const KindLife> kinds) const {
  LifeSigns signs;
  // `intervalInMinuets` is how Port spells it. One run has no next one.
  signs.push_back(resync_state(JsonObject()
                                   .text("status", "running")
                                   .raw("lastResyncEnd", "null")
                                   .text("lastResyncStart", python_time(now))
                                   .raw("nextResync", "null")
                                   .raw("intervalInMinuets", "null")
                                   .str()));
  if (options_.metrics_url.empty()) return signs;
  std::string list;
  for (const KindLife& kind : kinds) {
    list += list.empty() ? "" : ",";
    list += metric(kind, metrics_of(kind));
  }
  if (!list.empty()) signs.push_back(all_metrics(list));
  signs.push_back(
      all_metrics(metric(pseudo_kind("__runtime__", SyncState::kSyncing), metrics_of(RunOutcome{}, false))));
  return signs;
}

PortLife::LifeSigns PortLife::kind_changed(const KindLife& kind) const {
  if (options_.metrics_url.empty()) return {};
  return {one_metric(kind, metrics_of(kind))};
}

PortLife::LifeSigns PortLife::reconciling() const {
  if (options_.metrics_url.empty()) return {};
  const KindLife kind = pseudo_kind("__reconciliation__", SyncState::kSyncing);
  return {all_metrics(metric(kind, metrics_of(RunOutcome{}, true)))};
}

PortLife::LifeSigns PortLife::reconciled(const RunOutcome& outcome) const {
  if (options_.metrics_url.empty()) return {};
  return {one_metric(pseudo_kind("__reconciliation__", outcome.state), metrics_of(outcome, true))};
}

PortLife::LifeSigns PortLife::ended(Time now, const RunOutcome& outcome) const {
  LifeSigns signs;
  signs.push_back(resync_state(JsonObject()
                                   .text("status", name_of(outcome.state))
                                   .text("lastResyncEnd", python_time(now))
                                   .raw("nextResync", "null")
                                   .raw("intervalInMinuets", "null")
                                   .str()));
  if (options_.metrics_url.empty()) return signs;
  signs.push_back(all_metrics(metric(pseudo_kind("__runtime__", outcome.state), metrics_of(outcome, false))));
  return signs;
}

PortLife::LifeSigns PortLife::heartbeat() const {
  if (options_.metrics_url.empty()) return {};
  return {{"the heartbeat", to(Method::kPost, options_.metrics_url + "/heartbeat",
                               JsonObject().text("eventId", options_.run_id).str())}};
}

PortLife::LifeSigns PortLife::examples(std::string_view kind, std::span<const std::string> records) const {
  std::string list = "[";
  for (const std::string& record : records) {
    if (list.size() != 1) list += ',';
    list += masker_.json(record);
  }
  const Account& account = *options_.account;
  return {{"raw examples",
           account.request(Method::kPost,
                           fmt::format("integration/{}/kinds/{}/examples",
                                       stages::percent_encoded(account.integration()), stages::percent_encoded(kind)),
                           Account::Role::kIntegration, JsonObject().raw("examples", list + "]").str())}};
}

PortLife::LifeSigns PortLife::log(std::span<const stages::LifeLogRecord> records) const {
  const std::string extra = JsonObject()
                                .text("hostname", options_.hostname)
                                .text("instance", options_.instance)
                                .text("event_id", options_.run_id)
                                .text("event_kind", "resync")
                                .str();
  std::string list = "[";
  for (const stages::LifeLogRecord& record : records) {
    if (list.size() != 1) list += ',';
    list += JsonObject()
                .text("message", masker_.text(record.message))
                .text("level", record.level)
                .text("timestamp", formatted(record.at, "Z"))
                .raw("extra", extra)
                .str();
  }
  return {{"the log", to(Method::kPost, options_.logs_url, JsonObject().raw("logs", list + "]").str())}};
}

}  // namespace riptide::sinks::port

#include <fmt/format.h>

#include <string>
#include <utility>

#include "plan/plan_format.hpp"
#include "resync/src/json_writer.hpp"
#include "riptide/stages/plan_file.hpp"

namespace riptide::stages {
namespace {

using pipeline::Result;
using pipeline::RunReport;
using pipeline::Tally;

constexpr std::size_t kPieceBytes = 64u << 10;

void write_subject(JsonWriter& json, const PlanSubject& subject) {
  json.text("integration", subject.integration).text("integration_type", subject.integration_type);
  json.text("target", subject.target).text("mapping", subject.mapping).key("kinds").open('[');
  for (const std::string& kind : subject.kinds) json.element(kind);
  json.close(']').boolean("deletes", subject.deletes).text("delete_scope", subject.delete_scope);
  json.text("max_delete", subject.max_delete);
}

void write_counts(JsonWriter& json, const RunReport& report, const Plan& plan) {
  Tally tally;
  for (const pipeline::SinkReport& sink : report.sinks) {
    for (const pipeline::SinkKindReport& kind : sink.kinds) tally += kind.tally;
  }
  const Plan::Counts counts = plan.counts();
  const std::uint64_t deleted = report.guard.tripped ? 0 : counts.stale;
  // An entity is one change, however often it was read: what a later reading replaced is a duplicate.
  const std::uint64_t others = counts.created + counts.updated + tally.unchanged + tally.filtered + tally.invalid +
                               tally.rejected + tally.abandoned;
  const std::uint64_t duplicate = tally.read > others ? tally.read - others : 0;
  json.key("counts").open('{').number("read", tally.read).number("created", counts.created);
  json.number("updated", counts.updated).number("unchanged", tally.unchanged).number("filtered", tally.filtered);
  json.number("invalid", tally.invalid).number("rejected", tally.rejected).number("duplicate", duplicate);
  json.number("abandoned", tally.abandoned).number("deleted", deleted).close('}');
  json.key("by_blueprint").open('{');
  for (const auto& [blueprint, row] : plan.by_blueprint()) {
    json.key(blueprint).open('{').number("created", row.created).number("updated", row.updated);
    json.number("unchanged", row.unchanged).number("deleted", report.guard.tripped ? 0 : row.stale).close('}');
  }
  json.close('}');
}

void write_guard(JsonWriter& json, const RunReport& report) {
  const pipeline::GuardReport& guard = report.guard;
  json.key("guard").open('{').boolean("would_trip", guard.tripped);
  if (guard.tripped) json.text("rule", guard.rule);
  json.number("stale", guard.stale).number("owned", guard.owned).number("threshold", guard.threshold);
  if (!guard.max_delete.empty()) json.text("max_delete", guard.max_delete);
  json.key("examples").open('[');
  for (const std::string& example : guard.examples) json.element(example);
  json.close(']').close('}');
}

}  // namespace

Result<void> write_plan(const PlanSubject& subject, const RunReport& report, const Plan& plan,
                        const std::function<Result<void>(std::string_view)>& write) {
  std::string out;
  {
    JsonWriter json(out);
    json.open('{').text("format", kPlanFormat).text("version", report.version).text("run_id", report.run_id);
    json.text("created_at", report.started_at).seconds("seconds", report.seconds);
    write_subject(json, subject);
    json.number("scopes_open", report.scopes_total).number("errors_total", report.errors_total);
    write_counts(json, report, plan);
    write_guard(json, report);
    if (!report.deletion.empty()) json.text("deletion", report.deletion);
    json.key("digests").open('{').text("source", hex(plan.source().sum)).text("changes", hex(plan.changes().sum));
    json.text("deletions", hex(plan.deletions().sum)).close('}').key("changes").open('[');
  }
  Result<void> written;
  bool first = true;
  const auto line = [&](const auto& members) {
    out += first ? "\n" : ",\n";
    first = false;
    JsonWriter json(out);
    json.open('{');
    members(json);
    json.close('}');
    if (out.size() < kPieceBytes) return true;
    written = write(out);
    out.clear();
    return written.has_value();
  };
  auto walked = plan.each_change([&](const PlannedChange& change) {
    return line([&](JsonWriter& json) {
      json.text("action", to_string(change.action)).text("kind", change.kind).text("partition", change.partition);
      json.text("blueprint", change.blueprint).text("identifier", change.identifier).text("digest", hex(change.digest));
      if (!change.fields.empty()) json.raw("fields", change.fields);
    });
  });
  if (!walked) return walked;
  if (!written) return written;
  out += kBetween;
  first = true;
  walked = plan.each_deletion([&](const PlannedDeletion& deletion) {
    return line([&](JsonWriter& json) {
      if (!deletion.kind.empty()) json.text("kind", deletion.kind);
      if (deletion.partition) json.text("partition", *deletion.partition);
      json.text("blueprint", deletion.blueprint).text("identifier", deletion.identifier);
      json.text("digest", hex(deletion.digest));
    });
  });
  if (!walked) return walked;
  if (!written) return written;
  out += kEnd;
  return write(out);
}

}  // namespace riptide::stages

#include "reconciling.hpp"

#include <fmt/format.h>

#include <utility>

#include "reconcile/closed_scopes.hpp"

namespace riptide::stages {
namespace {

void enter_guard(RunState& state, std::string_view spec, const DeletionRules& rules, Reconciled& result,
                 pipeline::GuardReport& guard) {
  if (guard.tripped) {
    state.note(fmt::format("the deletion at {} was stopped too: {} of {} owned entities would have gone", spec,
                           result.stale, result.owned));
    return;
  }
  guard.tripped = true;
  guard.sink = spec;
  guard.rule = to_string(result.guard);
  guard.stale = result.stale;
  guard.owned = result.owned;
  guard.threshold = rules.threshold;
  if (rules.max_delete) guard.max_delete = rules.max_delete->text;
  guard.examples = std::move(result.examples);
}

}  // namespace

std::string reconciling_says(const std::vector<std::unique_ptr<SinkLane>>& lanes) {
  std::string says = "deletes nothing";
  for (const auto& lane : lanes) {
    switch (lane->options().sink.reconcile) {
      case Reconcile::kClosedScopes:
        return "deletes what was not seen, in the scopes that are closed";
      case Reconcile::kAll:
        return "when every scope is closed: deletes what was not seen";
      case Reconcile::kNever:
        if (!lane->options().sink.kept_because.empty()) says = "deletes nothing (--no-delete)";
        break;
    }
  }
  return says;
}

std::string deletion_obstacle(const RunState& state, const ScopeBook& book, const SinkLane& lane) {
  const SinkOptions& options = lane.options().sink;
  if (options.reconcile == Reconcile::kNever) return options.kept_because;
  if (state.stop->requested()) return "the run was stopped";
  if (!lane.spared_because().empty()) return lane.spared_because();
  if (options.reconcile == Reconcile::kClosedScopes) return {};
  if (!book.complete()) return "a scope could not be read to its end";
  if (state.ledger.unreadable()) return "the identity of a record could not be computed because of an error";
  return {};
}

DeletionRules deletion_rules(const RunState& state, const ScopeBook& book, const SinkLane& lane) {
  const SinkOptions& options = lane.options().sink;
  DeletionRules rules;
  rules.threshold = options.deletion_threshold;
  rules.max_delete = options.max_delete;
  if (options.reconcile == Reconcile::kClosedScopes) {
    auto closed = std::make_shared<ClosedScopes>(state.context.kinds, state.ledger.unreadable_scopes());
    book.visit([&](const ScopeBook::ScopeState& scope) { closed->enter(scope); });
    rules.disappeared = [closed = std::move(closed)](const OwnedEntity& entity) {
      return entity.partition && !entity.kind.empty() && closed->covers(entity.kind, *entity.partition);
    };
  }
  return rules;
}

void note_kept(RunState& state, std::string_view spec, const Reconciled& result) {
  if (result.spared != 0) {
    state.note(
        fmt::format("{} entities at {} were not seen and stay: somebody changed them since the run began, or what is "
                    "there relates to them",
                    result.spared, spec));
  }
  if (result.kept == 0) return;
  state.note(
      fmt::format("{} entities at {} were not seen and stay: their scope was not read to its end, or it is not "
                  "known",
                  result.kept, spec));
}

void reconcile_lanes(RunState& state, const ScopeBook& book, const std::vector<std::unique_ptr<SinkLane>>& lanes,
                     pipeline::RunReport& report) {
  for (const auto& lane : lanes) {
    if (std::string obstacle = deletion_obstacle(state, book, *lane); !obstacle.empty()) {
      if (report.deletion.empty()) report.deletion = std::move(obstacle);
      continue;
    }
    if (lane->options().sink.reconcile == Reconcile::kNever) continue;
    if (lane->has_failed() || !lane->sink().can_delete()) continue;
    const DeletionRules rules = deletion_rules(state, book, *lane);
    const std::string spec(lane->sink().spec());
    if (lane->identity_unknown()) {
      report.deletion = fmt::format("{} did not say which entity a search identifier found", spec);
      continue;
    }
    auto result = lane->reconcile_with(rules);
    if (!result) {
      lane->fail(std::move(result).error());
      continue;
    }
    note_kept(state, spec, *result);
    if (result->guard != GuardRule::kNone) enter_guard(state, spec, rules, *result, report.guard);
  }
}

}  // namespace riptide::stages

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "riptide/cli/numbers.hpp"
#include "riptide/cli/plan_output.hpp"
#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

using pipeline::Result;
using pipeline::RunReport;
using stages::Plan;

constexpr std::size_t kBlueprintsShown = 30;
constexpr std::size_t kLinesShown = 5;
constexpr std::size_t kFieldsShown = 8;

class Colours {
 public:
  explicit Colours(bool on) : on_(on) {}
  [[nodiscard]] std::string operator()(const char* code, std::string_view text) const {
    return on_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }

 private:
  bool on_;
};

std::string table_of(const Plan& plan, bool deletes) {
  using Row = std::array<std::string, 5>;
  std::vector<Row> rows = {{"blueprint", "create", "update", "delete", "unchanged"}};
  const auto add = [&](std::string_view name, const Plan::Counts& counts) {
    rows.push_back({std::string(name), grouped(counts.created), grouped(counts.updated),
                    grouped(deletes ? counts.stale : 0), grouped(counts.unchanged)});
  };
  for (const auto& [blueprint, counts] : plan.by_blueprint()) {
    if (rows.size() <= kBlueprintsShown) add(blueprint, counts);
  }
  const std::size_t more = plan.by_blueprint().size() - (rows.size() - 1);
  add("total", plan.counts());
  std::array<std::size_t, 5> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (r + 1 == rows.size() && more != 0) out += fmt::format("  and {} more blueprints\n", more);
    out += fmt::format("  {:<{}}", rows[r][0], widths[0]);
    for (std::size_t i = 1; i < rows[r].size(); ++i) out += fmt::format("  {:>{}}", rows[r][i], widths[i]);
    out += '\n';
  }
  return out;
}

// Lines for the fields of a change: "    properties.status: "a" -> "b"".
void add_fields(std::string_view fields, int width, std::string& out) {
  std::string room(fields);
  room.append(json::Document::kPadding, '\0');
  json::Document document;
  auto root = document.index(std::string_view(room).substr(0, fields.size()));
  if (!root || root->type != json::Type::kArray) return;
  json::Document::Elements each(document, *root);
  std::size_t shown = 0;
  while (each.next()) {
    if (++shown > kFieldsShown) continue;
    std::string name, before, after;
    json::Document::Members members(document, each.value());
    while (members.next()) {
      const auto raw = members.raw_value();
      if (!raw) return;
      if (members.key_is("field")) name = json::decoded(*raw).has_value() ? *json::decoded(*raw) : std::string(*raw);
      if (members.key_is("before")) before = *raw;
      if (members.key_is("after")) after = *raw;
    }
    std::string line = "      " + name + ": ";
    if (!before.empty()) line += before + " -> ";
    line += after.empty() ? "gone" : after;
    std::replace_if(
        line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    out += cut_to_width(line, width) + "\n";
  }
  if (shown > kFieldsShown) out += fmt::format("      and {} more fields\n", shown - kFieldsShown);
}

// Names come from the source and the target: what they do to a terminal is not known.
std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return out;
}

}  // namespace

Result<std::string> plan_table(const RunReport& report, const Plan& plan, bool colours, int width, std::size_t most) {
  const Colours in(colours);
  const bool deletes = !report.guard.tripped;
  std::string out = table_of(plan, deletes);
  std::size_t shown = 0;
  auto walked = plan.each_change([&](const stages::PlannedChange& change) {
    if (shown++ == 0) out += '\n';
    const bool creates = change.action == stages::PlanAction::kCreate;
    out +=
        in(creates ? "32" : "33", cut_to_width(fmt::format("  {} {} {}/{}", creates ? "+" : "~", printable(change.kind),
                                                           printable(change.blueprint), printable(change.identifier)),
                                               width));
    out += '\n';
    if (!creates) add_fields(change.fields, width, out);
    return shown < most;
  });
  if (!walked) return pipeline::unexpected(std::move(walked).error());
  const std::uint64_t changes = plan.counts().created + plan.counts().updated;
  if (changes > shown) out += fmt::format("  and {} more changes\n", grouped(changes - shown));
  shown = 0;
  walked = plan.each_deletion([&](const stages::PlannedDeletion& deletion) {
    if (shown++ == 0) out += deletes ? "\n" : "\n  these would go if the guard did not stop it:\n";
    out += in("31", cut_to_width(fmt::format("  - {} {}/{}", printable(deletion.kind), printable(deletion.blueprint),
                                             printable(deletion.identifier)),
                                 width));
    out += '\n';
    return shown < most;
  });
  if (!walked) return pipeline::unexpected(std::move(walked).error());
  if (plan.counts().stale > shown)
    out += fmt::format("  and {} more deletions\n", grouped(plan.counts().stale - shown));
  return out;
}

std::string plan_summary(const RunReport& report, const Plan& plan, bool colours) {
  const Colours in(colours);
  const Plan::Counts counts = plan.counts();
  std::string out = "\n" + in("1", "riptide") + " plan " + report.run_id + ": ";
  out += fmt::format("{} to create, {} to update, {} to delete, {} unchanged; nothing was written\n",
                     grouped(counts.created), grouped(counts.updated), grouped(report.guard.tripped ? 0 : counts.stale),
                     grouped(counts.unchanged));
  for (const pipeline::SinkReport& sink : report.sinks) {
    if (!sink.error.empty()) out += in("31", "  failed: " + sink.error) + "\n";
  }
  for (std::size_t i = 0; i < std::min(kLinesShown, report.scopes.size()); ++i) {
    const pipeline::ScopeReport& scope = report.scopes[i];
    out += in("31", fmt::format("  open: {} of {} ({} of {} pages): {}", scope.kind, scope.partition,
                                grouped(scope.pages_read), grouped(scope.pages_expected), scope.error)) +
           "\n";
  }
  if (report.scopes_total > kLinesShown) {
    out += fmt::format("  and {} more scopes like these\n", grouped(report.scopes_total - kLinesShown));
  }
  for (std::size_t i = 0; i < std::min(kLinesShown, report.errors.size()); ++i) {
    const pipeline::ErrorReport& error = report.errors[i];
    out +=
        in("31", fmt::format("  {} x {} {}: {}", grouped(error.count), error.stage, error.kind, error.message)) + "\n";
  }
  if (report.errors.size() > kLinesShown) {
    out += fmt::format("  and {} more errors\n", grouped(report.errors.size() - kLinesShown));
  }
  const pipeline::GuardReport& guard = report.guard;
  if (guard.tripped) {
    out += in("33", fmt::format("  a guard would stop the deletion: {} of {} owned entities would go, more than {}",
                                grouped(guard.stale), grouped(guard.owned),
                                guard.rule == "max_delete" ? "--max-delete " + guard.max_delete
                                                           : fmt::format("the threshold of {}", guard.threshold))) +
           "\n";
  } else if (!report.deletion.empty()) {
    out += in("33", "  nothing would be deleted: " + report.deletion) + "\n";
  }
  for (std::size_t i = 0; i < std::min(kLinesShown, report.notices.size()); ++i) {
    out += "  note: " + report.notices[i] + "\n";
  }
  return out;
}

}  // namespace riptide::cli

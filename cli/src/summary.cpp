#include "riptide/cli/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "riptide/cli/numbers.hpp"
#include "riptide/cli/spelling.hpp"

namespace riptide::cli {
namespace {

using pipeline::RunReport;
using pipeline::RunStatus;
using pipeline::SinkReport;
using pipeline::Tally;

constexpr std::size_t kErrorsShown = 5;

struct Column {
  const char* name;
  std::uint64_t Tally::*count;
  bool always;  // shown even where all rows are 0
};

constexpr Column kColumns[] = {
    {"read", &Tally::read, true},
    {"created", &Tally::created, true},
    {"updated", &Tally::updated, true},
    {"unchanged", &Tally::unchanged, true},
    {"filtered", &Tally::filtered, false},
    {"invalid", &Tally::invalid, false},
    {"rejected", &Tally::rejected, false},
    {"duplicate", &Tally::duplicate, false},
    {"abandoned", &Tally::abandoned, false},
    {"deleted", &Tally::deleted, true},
};

class Writer {
 public:
  explicit Writer(bool colours) : colours_(colours) {}
  [[nodiscard]] std::string strong(const std::string& text) const { return in("1", text); }
  [[nodiscard]] std::string good(const std::string& text) const { return in("32", text); }
  [[nodiscard]] std::string bad(const std::string& text) const { return in("31", text); }
  [[nodiscard]] std::string doubtful(const std::string& text) const { return in("33", text); }

 private:
  [[nodiscard]] std::string in(const char* code, const std::string& text) const {
    return colours_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }
  bool colours_;
};

std::string sink_table(const SinkReport& sink, const Writer& writer) {
  Tally total;
  for (const auto& kind : sink.kinds) total += kind.tally;
  std::vector<const Column*> columns;
  for (const Column& column : kColumns) {
    if (column.always || total.*column.count != 0) columns.push_back(&column);
  }
  std::vector<std::vector<std::string>> rows = {{"kind"}};
  for (const Column* column : columns) rows[0].emplace_back(column->name);
  const auto add = [&](const std::string& name, const Tally& tally) {
    auto& row = rows.emplace_back();
    row.push_back(name);
    for (const Column* column : columns) row.push_back(grouped(tally.*column->count));
  };
  for (const auto& kind : sink.kinds) {
    const bool several = std::count_if(sink.kinds.begin(), sink.kinds.end(),
                                       [&](const auto& other) { return other.kind == kind.kind; }) > 1;
    add(several ? kind.kind + "-" + std::to_string(kind.index) : kind.kind, kind.tally);
  }
  if (sink.kinds.size() > 1) add("total", total);
  std::vector<std::size_t> widths(columns.size() + 1, 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out = "\n  " + writer.strong("-> " + sink.sink) + "\n";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line = fmt::format("  {:<{}}", rows[r][0], widths[0]);
    for (std::size_t i = 1; i < rows[r].size(); ++i) line += fmt::format("  {:>{}}", rows[r][i], widths[i]);
    out += (r == 0 || (r + 1 == rows.size() && sink.kinds.size() > 1) ? writer.strong(line) : line) + "\n";
  }
  if (!sink.error.empty()) out += "  " + writer.bad("failed: " + sink.error) + "\n";
  return out;
}

std::string headline(const RunReport& report, const Writer& writer) {
  switch (report.status) {
    case RunStatus::kComplete:
      return writer.good("complete");
    case RunStatus::kRejected:
      return writer.doubtful("finished, but some records were invalid or rejected");
    case RunStatus::kIncomplete:
      return writer.bad("incomplete: a part of the source could not be read to its end");
    case RunStatus::kFailed:
      return writer.bad("failed: a sink could not take the rest");
    case RunStatus::kGuarded:
      return writer.doubtful("delivered, but a guard stopped the deletion");
    case RunStatus::kStopped:
      return writer.doubtful("stopped by a signal; what was in flight is settled");
  }
  return "";
}

}  // namespace

std::string summary_text(const RunReport& report, bool colours) {
  const Writer writer(colours);
  std::string out = "\n" + writer.strong("riptide") + " run " + report.run_id + ": " + headline(report, writer) + "\n";
  for (const SinkReport& sink : report.sinks) out += sink_table(sink, writer);

  std::uint64_t pages = 0, records = 0, bytes = 0, requests = 0, retries = 0, closed = 0, open = 0;
  for (const auto& kind : report.kinds) {
    pages += kind.pages;
    records += kind.records;
    bytes += kind.bytes_in;
    closed += kind.scopes_closed;
    open += kind.scopes_open;
  }
  for (const auto& host : report.hosts) {
    requests += host.requests;
    retries += host.retries;
  }
  const double rate = report.seconds > 0 ? static_cast<double>(records) / report.seconds : 0;
  out += fmt::format(
      "\n  {} records from {} pages in {} ({} records/s), {} read, {} requests, {} retries, peak memory {}\n",
      grouped(records), grouped(pages), readable_seconds(report.seconds), grouped(static_cast<std::uint64_t>(rate)),
      readable_bytes(bytes), grouped(requests), grouped(retries), readable_bytes(report.peak_rss_bytes));
  if (!report.resumed.run_ids.empty()) {
    out += fmt::format("  of these, {} records from {} pages were settled by run {}\n", grouped(report.resumed.records),
                       grouped(report.resumed.pages), report.resumed.run_ids.back());
  }
  if (open > 0)
    out += fmt::format("  {} of {} scopes were not read to their end\n", grouped(open), grouped(open + closed));

  for (std::size_t i = 0; i < std::min(kErrorsShown, report.scopes.size()); ++i) {
    const auto& scope = report.scopes[i];
    out += writer.bad(fmt::format("  open: {} of {} ({} of {} pages): {}", scope.kind, scope.partition,
                                  grouped(scope.pages_read), grouped(scope.pages_expected), scope.error)) +
           "\n";
  }
  if (report.scopes_total > kErrorsShown) {
    out += fmt::format("  and {} more scopes like these; all are in the --report\n",
                       grouped(report.scopes_total - kErrorsShown));
  }

  std::vector<pipeline::ErrorReport> errors = report.errors;
  std::stable_sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  for (std::size_t i = 0; i < std::min(kErrorsShown, errors.size()); ++i) {
    const auto& error = errors[i];
    std::string what = error.stage;
    if (!error.kind.empty()) what += " " + error.kind;
    if (!error.identifier.empty()) what += " " + error.identifier;
    out += writer.bad(fmt::format("  {} x {}: {}", grouped(error.count), what, error.message)) + "\n";
  }
  if (errors.size() > kErrorsShown) {
    out += fmt::format("  and {} more errors ({} in all); they are in the --report\n",
                       grouped(errors.size() - kErrorsShown), grouped(report.errors_total));
  }

  // Fields that failed are worth a line each; those that were only null for some records are counted.
  std::size_t failing = 0, empty = 0;
  for (const auto& kind : report.kinds) {
    for (const auto& field : kind.misconfigured) {
      if (field.example == "null") {
        ++empty;
      } else if (++failing <= kErrorsShown) {
        out += writer.doubtful(fmt::format("  {}: {} failed for {} records ({}): {}", kind.kind, field.field,
                                           grouped(field.count), field.expression, field.example)) +
               "\n";
      }
    }
  }
  if (failing > kErrorsShown) {
    out += fmt::format("  and {} more fields like these; all are in the --report\n", failing - kErrorsShown);
  }
  if (empty > 0) out += fmt::format("  {} mapped fields were null for some records; the --report names them\n", empty);

  if (report.guard.tripped) {
    const auto& guard = report.guard;
    out += writer.doubtful(
               fmt::format("  the deletion was stopped at {}: {} of {} owned entities would have gone, more than {}",
                           guard.sink, grouped(guard.stale), grouped(guard.owned),
                           guard.rule == "max_delete" ? "--max-delete " + guard.max_delete
                                                      : fmt::format("the threshold of {}", guard.threshold))) +
           "\n";
    for (const std::string& example : guard.examples) out += "    " + example + "\n";
  } else if (!report.deletion.empty()) {
    out += writer.doubtful("  nothing was deleted: " + report.deletion) + "\n";
  }
  for (std::size_t i = 0; i < std::min(kErrorsShown, report.notices.size()); ++i) {
    out += "  note: " + report.notices[i] + "\n";
  }
  if (report.notices.size() > kErrorsShown) {
    out += fmt::format("  and {} more notes; all are in the --report\n", report.notices.size() - kErrorsShown);
  }
  for (const SinkReport& sink : report.sinks) {
    const std::string hint = sink.error.empty() ? query_hint(sink.sink) : "";
    if (!hint.empty()) out += "\n  look at it:\n    " + writer.strong(hint) + "\n";
  }
  return out;
}

std::string query_hint(std::string_view sink_spec) {
  constexpr std::string_view kPrefix = "sqlite:";
  if (!sink_spec.starts_with(kPrefix)) return "";
  return "sqlite3 " + shell_quoted(sink_spec.substr(kPrefix.size())) +
         " 'select blueprint, count(*) as entities, max(updated_at) as last from entities group by blueprint'";
}

std::string command_to_go_on(const std::vector<std::string>& command, bool resume) {
  std::string out;
  for (const std::string& argument : command) out += (out.empty() ? "" : " ") + shell_quoted(argument);
  if (resume && std::find(command.begin(), command.end(), "--resume") == command.end()) out += " --resume";
  return out;
}

}  // namespace riptide::cli

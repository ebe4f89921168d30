#include "riptide/cli/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "riptide/cli/numbers.hpp"
#include "riptide/cli/terminal.hpp"
#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

using transform::FieldPlan;
using transform::ResourceMeasure;
using Field = ResourceMeasure::Field;

constexpr int kWidestName = 40;
constexpr int kWidestExpression = 80;

double nanoseconds_each(double nanoseconds, std::uint64_t times) {
  return times == 0 ? 0 : nanoseconds / static_cast<double>(times);
}

std::string readable_nanoseconds(double nanoseconds) {
  if (nanoseconds < 1'000) return fmt::format("{:.0f} ns", nanoseconds);
  if (nanoseconds < 1'000'000) return fmt::format("{:.1f} us", nanoseconds / 1'000);
  return fmt::format("{:.1f} ms", nanoseconds / 1'000'000);
}

std::string_view how(const FieldPlan& plan) { return plan.fast_path ? "fast path" : "evaluator"; }

// One line, whatever the expression has in it.
std::string one_line(std::string_view text, int columns) {
  std::string line;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) > ' ') {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  std::string cut = cut_to_width(line, columns);
  return cut.size() < line.size() ? cut + "..." : cut;
}

Field measured(const Explanation& explanation, std::size_t index) {
  return index < explanation.measure.fields.size() ? explanation.measure.fields[index] : Field();
}

}  // namespace

std::string explanation_table(const Explanation& explanation) {
  const ResourceMeasure& measure = explanation.measure;
  int name_width = 5;
  std::size_t fast = 0;
  double sum = 0;
  for (std::size_t i = 0; i < explanation.fields.size(); ++i) {
    name_width = std::max(name_width, static_cast<int>(explanation.fields[i].field.size()));
    fast += explanation.fields[i].fast_path ? 1 : 0;
    sum += measured(explanation, i).nanoseconds;
  }
  name_width = std::min(name_width, kWidestName);

  std::string out =
      fmt::format("{} (resource {}): {} records; {} of {} expressions on the fast path\n", explanation.kind,
                  explanation.resource, grouped(measure.records), fast, explanation.fields.size());
  out += fmt::format("time a record: {} finding the paths, {} making values for the evaluator, {} the expressions\n",
                     readable_nanoseconds(nanoseconds_each(measure.walk_nanoseconds, measure.records)),
                     readable_nanoseconds(nanoseconds_each(measure.load_nanoseconds, measure.records)),
                     readable_nanoseconds(nanoseconds_each(sum, measure.records)));
  out += fmt::format("  {:<{}}  {:<9}  {:>8}  {:>9}  {:>9}  {:>9}  {}\n", "field", name_width, "by", "time",
                     "evaluated", "null", "failed", "expression");
  for (std::size_t i = 0; i < explanation.fields.size(); ++i) {
    const FieldPlan& plan = explanation.fields[i];
    const Field field = measured(explanation, i);
    const std::string time =
        field.evaluations == 0 ? "-" : readable_nanoseconds(nanoseconds_each(field.nanoseconds, field.evaluations));
    out += fmt::format("  {:<{}}  {:<9}  {:>8}  {:>9}  {:>9}  {:>9}  {}\n", one_line(plan.field, kWidestName - 3),
                       name_width, how(plan), time, grouped(field.evaluations), grouped(field.nulls),
                       grouped(field.errors), one_line(plan.expression, kWidestExpression));
    const std::string indent(static_cast<std::size_t>(name_width) + 4, ' ');
    if (!plan.fast_path) {
      out += indent + plan.why + (plan.whole_record ? "; it is given the whole record\n" : "\n");
    } else if (field.by_evaluator > 0) {
      out += fmt::format("{}gave up on {} of {} values, for which the evaluator took over\n", indent,
                         grouped(field.by_evaluator), grouped(field.evaluations));
    }
    if (field.errors > 0) out += indent + "failed, for example: " + one_line(field.example, kWidestExpression) + "\n";
  }
  return out;
}

std::string explanation_json(const Explanation& explanation) {
  const ResourceMeasure& measure = explanation.measure;
  const std::string block =
      fmt::format("\"kind\":{},\"resource\":{}", json::quoted(explanation.kind), explanation.resource);
  std::string out =
      fmt::format("{{\"explain\":\"resource\",{},\"records\":{},\"walk_ns\":{:.1f},\"load_ns\":{:.1f}}}\n", block,
                  measure.records, nanoseconds_each(measure.walk_nanoseconds, measure.records),
                  nanoseconds_each(measure.load_nanoseconds, measure.records));
  for (std::size_t i = 0; i < explanation.fields.size(); ++i) {
    const FieldPlan& plan = explanation.fields[i];
    const Field field = measured(explanation, i);
    out += fmt::format("{{\"explain\":\"field\",{},\"field\":{},\"expression\":{}", block, json::quoted(plan.field),
                       json::quoted(plan.expression));
    if (plan.line > 0) out += fmt::format(",\"line\":{}", plan.line);
    out += fmt::format(",\"fast_path\":{}", plan.fast_path);
    if (!plan.fast_path)
      out += fmt::format(",\"why\":{},\"whole_record\":{}", json::quoted(plan.why), plan.whole_record);
    out += fmt::format(",\"evaluations\":{},\"by_evaluator\":{},\"ns\":{:.1f},\"null\":{},\"failed\":{}",
                       field.evaluations, field.by_evaluator, nanoseconds_each(field.nanoseconds, field.evaluations),
                       field.nulls, field.errors);
    if (field.errors > 0) out += ",\"example\":" + json::quoted(field.example);
    out += "}\n";
  }
  return out;
}

}  // namespace riptide::cli

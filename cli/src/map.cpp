#include <fmt/format.h>

#include <cstdio>

#include "riptide/cli/explanation.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/record_file.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/json/document.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;

// Maps records one by one, so that every problem names its record.
class RecordMapper {
 public:
  RecordMapper(std::shared_ptr<const transform::Mapping> mapping, const std::vector<std::uint32_t>& resources,
               bool explain)
      : mapping_(std::move(mapping)), explain_(explain), mapper_(mapping_) {
    for (const std::uint32_t resource : resources)
      explanations_.push_back({mapping_->spec().resources[resource].kind, resource, {}, {}});
    for (transform::FieldPlan& plan : mapping_->explain()) {
      for (Explanation& explanation : explanations_) {
        if (explanation.resource == plan.resource) explanation.fields.push_back(plan);
      }
    }
  }

  void map(std::string_view record) {
    ++record_;
    const auto root = document_.index(padded(record));
    if (!root) return malformed(root.error().message);
    if (auto checked = document_.check(); !checked) return malformed(checked.error().message);
    const pipeline::Page page = pipeline::make_page(record);
    pipeline::RecordSet records;
    records.add(0, static_cast<std::uint32_t>(record.size()));
    for (Explanation& explanation : explanations_) {
      const std::uint32_t resource = explanation.resource;
      transform::MappedPage out;
      if (explain_) {
        mapper_.measure(resource, page, records, out, explanation.measure);
      } else {
        mapper_.map(resource, page, records, out);
      }
      for (const pipeline::Entity& entity : out.entities.entities) {
        const std::string_view json = out.entities.json(entity);
        std::fwrite(json.data(), 1, json.size(), stdout);
        std::fputc('\n', stdout);
      }
      for (const transform::MappingFault& fault : out.faults) {
        say(fault.kind == transform::MappingFault::Kind::kInvalid ? "invalid" : "unreadable", resource, "", "",
            fault.message);
      }
      if (explain_) continue;  // fields are summed up in the end
      for (const transform::Misconfigured& field : out.misconfigured) {
        diagnose(field.error ? "error" : "null", resource, field.field, field.expression, field.example);
      }
    }
  }

  [[nodiscard]] std::size_t failed() const { return failed_; }
  [[nodiscard]] const std::vector<Explanation>& explanations() const { return explanations_; }

 private:
  std::string_view padded(std::string_view record) {
    text_.assign(record);
    text_.append(json::Document::kPadding, ' ');
    return std::string_view(text_).substr(0, record.size());
  }

  void malformed(const std::string& message) {
    say("malformed", explanations_.empty() ? 0 : explanations_.front().resource, "", "", message);
  }

  void say(std::string_view problem, std::uint32_t resource, const std::string& field, const std::string& expression,
           const std::string& message) {
    ++failed_;
    diagnose(problem, resource, field, expression, message);
  }

  void diagnose(std::string_view problem, std::uint32_t resource, std::string_view field, std::string_view expression,
                std::string_view message) {
    std::string line = fmt::format("{{\"record\":{},\"problem\":\"{}\",\"kind\":{},\"resource\":{}", record_, problem,
                                   json::quoted(mapping_->spec().resources[resource].kind), resource);
    if (!field.empty()) line += ",\"field\":" + json::quoted(field) + ",\"expression\":" + json::quoted(expression);
    line += ",\"message\":" + json::quoted(message) + "}\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }

  std::shared_ptr<const transform::Mapping> mapping_;
  const bool explain_;
  std::vector<Explanation> explanations_;  ///< Of each block that maps the records.
  transform::Mapper mapper_;
  json::Document document_;
  std::string text_;
  std::size_t record_ = 0;
  std::size_t failed_ = 0;
};

}  // namespace

int run_map(const MapFlags& flags) {
  Terminal terminal(2);
  std::vector<Problem> problems;
  ConfigSources sources = gather_sources(flags.common.config, problems);
  sources.flags = settings_of(flags.common);
  if (!flags.type.empty()) sources.flags.push_back({"--type", "integration.type", flags.type});
  const ConfigReading reading =
      read_config(sources, {.type = flags.mapping.empty(), .source = ConfigNeeds::Missing::kPlaceholder});
  problems.insert(problems.end(), reading.problems.begin(), reading.problems.end());
  if (print_problems(problems, terminal)) return kExitUsage;

  problems.clear();
  const std::optional<MappingText> text =
      flags.mapping.empty() ? default_mapping(reading.config) : mapping_file(flags.mapping, problems);
  std::shared_ptr<const transform::Mapping> mapping;
  std::vector<std::uint32_t> resources;
  if (text) mapping = compile_mapping(*text, reading.config, problems);
  if (mapping != nullptr) resources = choose_resources(mapping->spec(), {flags.kind}, problems);
  if (print_problems(problems, terminal)) return kExitUsage;

  RecordMapper mapper(mapping, resources, !flags.explain.empty());
  const auto read = for_each_record(flags.input, [&](std::string_view record) { mapper.map(record); });
  for (const Explanation& explanation : mapper.explanations()) {
    if (flags.explain.empty()) break;
    terminal.print(flags.explain == "json" ? explanation_json(explanation) : explanation_table(explanation));
  }
  if (!read) {
    terminal.print("riptide: --input: " + read.error().message);
    return kExitUsage;
  }
  if (std::fflush(stdout) != 0) return kExitSinkFailed;
  return mapper.failed() > 0 ? 1 : kExitComplete;
}

}  // namespace riptide::cli

#include <fmt/format.h>

#include <cstdio>

#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/json_stream.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/json/document.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;

std::string quoted(std::string_view text) {
  std::string out;
  json::append_quoted(text, out);
  return out;
}

// Maps records one by one, so that every problem names its record.
class RecordMapper {
 public:
  RecordMapper(std::shared_ptr<const transform::Mapping> mapping, std::vector<std::uint32_t> resources)
      : mapping_(std::move(mapping)), resources_(std::move(resources)), mapper_(mapping_) {}

  void map(std::string_view record) {
    ++record_;
    const auto root = document_.index(padded(record));
    if (!root) return say("malformed", 0, "", "", root.error().message);
    if (auto checked = document_.check(); !checked) return say("malformed", 0, "", "", checked.error().message);
    const pipeline::Page page = pipeline::make_page(record);
    pipeline::RecordSet records;
    records.add(0, static_cast<std::uint32_t>(record.size()));
    for (const std::uint32_t resource : resources_) {
      transform::MappedPage out;
      mapper_.map(resource, page, records, out);
      for (const pipeline::Entity& entity : out.entities.entities) {
        const std::string_view json = out.entities.json(entity);
        std::fwrite(json.data(), 1, json.size(), stdout);
        std::fputc('\n', stdout);
      }
      for (const transform::MappingFault& fault : out.faults) {
        say(fault.kind == transform::MappingFault::Kind::kInvalid ? "invalid" : "unreadable", resource, "", "",
            fault.message);
      }
      for (const transform::Misconfigured& field : out.misconfigured) {
        diagnose(field.error ? "error" : "null", resource, field.field, field.expression, field.example);
      }
    }
  }

  [[nodiscard]] std::size_t failed() const { return failed_; }

 private:
  std::string_view padded(std::string_view record) {
    text_.assign(record);
    text_.append(json::Document::kPadding, ' ');
    return std::string_view(text_).substr(0, record.size());
  }

  void say(std::string_view problem, std::uint32_t resource, const std::string& field, const std::string& expression,
           const std::string& message) {
    ++failed_;
    diagnose(problem, resource, field, expression, message);
  }

  void diagnose(std::string_view problem, std::uint32_t resource, const std::string& field,
                const std::string& expression, const std::string& message) {
    std::string line = fmt::format("{{\"record\":{},\"problem\":\"{}\",\"kind\":{},\"resource\":{}", record_, problem,
                                   quoted(mapping_->spec().resources[resource].kind), resource);
    if (!field.empty()) line += ",\"field\":" + quoted(field) + ",\"expression\":" + quoted(expression);
    line += ",\"message\":" + quoted(message) + "}\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }

  std::shared_ptr<const transform::Mapping> mapping_;
  std::vector<std::uint32_t> resources_;
  transform::Mapper mapper_;
  json::Document document_;
  std::string text_;
  std::size_t record_ = 0;
  std::size_t failed_ = 0;
};

// The elements of an array are records, and so is any other value.
pipeline::Result<void> map_text(const std::string& text, RecordMapper& mapper) {
  if (!text.starts_with('[')) {
    mapper.map(text);
    return {};
  }
  std::string bytes = text;
  bytes.append(json::Document::kPadding, ' ');
  json::Document document;
  const auto root = document.index(std::string_view(bytes).substr(0, text.size()));
  if (!root) return pipeline::unexpected(root.error());
  if (auto checked = document.check(); !checked) return checked;
  json::Document::Elements elements(document, *root);
  while (elements.next()) {
    const auto raw = elements.raw_value();
    if (!raw) return pipeline::unexpected(raw.error());
    mapper.map(*raw);
  }
  return elements.status();
}

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

  RecordMapper mapper(mapping, resources);
  JsonStream stream({flags.input});
  std::string record;
  while (true) {
    const auto more = stream.next(record);
    if (!more) {
      terminal.print("riptide: --input: " + more.error().message);
      return kExitUsage;
    }
    if (!*more) break;
    if (auto mapped = map_text(record, mapper); !mapped) {
      terminal.print("riptide: --input: the array that ends in line " + std::to_string(stream.line()) +
                     " is not JSON: " + mapped.error().message);
      return kExitUsage;
    }
  }
  if (std::fflush(stdout) != 0) return kExitSinkFailed;
  return mapper.failed() > 0 ? 1 : kExitComplete;
}

}  // namespace riptide::cli

// Any expression over any record: the mapper counts everything, makes only JSON, and makes of a record by the fast path
// what the evaluator makes of it. The record stands behind the first zero byte, an overlay behind a second one.
#include <string>

#include "fuzz_target.hpp"
#include "riptide/json/document.hpp"
#include "riptide/transform/jq.hpp"
#include "riptide/transform/mapping.hpp"

namespace transform = riptide::transform;
namespace json = riptide::json;
using riptide::tests::must;

namespace {

transform::ExpressionSpec expression(std::string path, std::string text) {
  return {std::move(text), std::move(path), 0, 0};
}

/// Entities and counts; messages of errors are left out, as they name expressions. Empty if it does not compile.
std::string outcome(const std::string& text, const riptide::pipeline::Page& page,
                    const riptide::pipeline::RecordSet& records, bool& limited) {
  transform::MappingSpec spec;
  transform::ResourceSpec& resource = spec.resources.emplace_back();
  resource.kind = "thing";
  resource.selector = expression("query", "true");
  transform::EntitySpec& entity = resource.entities.emplace_back();
  entity.identifier = expression("identifier", "\"i\"");
  entity.blueprint = expression("blueprint", "\"b\"");
  entity.properties.emplace_back("p", expression("properties.p", text));
  transform::CompileOptions options;
  options.environment = false;
  options.limits = {.max_steps = 20'000, .max_memory_bytes = 4u << 20, .max_output_bytes = 1u << 20, .max_depth = 300};
  const auto mapping = transform::Mapping::compile(spec, options);
  if (!mapping) return {};
  transform::Mapper mapper(*mapping);
  transform::MappedPage mapped;
  mapper.map(0, page, records, mapped);
  must(mapped.counts.size() == 1, "counts of another resource");
  const auto& counts = mapped.counts[0].second;
  must(counts.read == records.spans.size(), "a record was lost");
  must(counts.read == counts.filtered + counts.invalid + mapped.entities.entities.size(), "the counts do not add up");
  must(counts.invalid == mapped.faults.size(), "a fault without a count");
  std::string told;
  json::Document document;
  transform::jq::Evaluator evaluator;
  for (const auto& made : mapped.entities.entities) {
    const std::string padded = std::string(mapped.entities.json(made)) + std::string(json::Document::kPadding, ' ');
    must(document.index(std::string_view(padded).substr(0, padded.size() - json::Document::kPadding)) &&
             document.check(),
         "an entity that is not JSON");
    // Numbers that nobody computed on may keep another spelling: compared as jq prints them.
    if (evaluator.load(mapped.entities.json(made))) evaluator.input().append_json(told);
    told += '\n';
  }
  for (const auto& fault : mapped.faults) told += "fault " + std::to_string(fault.record) + '\n';
  for (const auto& field : mapped.misconfigured) {
    told += std::string(field.field) + ' ' + std::to_string(field.count) + (field.error ? " failed\n" : " null\n");
    // Budgets are spent differently: there the two may differ.
    if (field.error && field.example.find("limit") != std::string::npos) limited = true;
  }
  return told;
}

/// True if the program asks for what differs from one run to the next, or tells where it stands.
bool moving(std::string_view text) {
  for (const std::string_view word : {"now", "local", "__loc__", "env", "ENV", "have_"}) {
    if (text.find(word) != std::string_view::npos) return true;
  }
  return false;
}

/// True for a text that RFC 8259 takes. In others the fast path sees only what it steps over.
bool is_json(std::string_view text) {
  static json::Document document;
  const std::string padded = std::string(text) + std::string(json::Document::kPadding, ' ');
  return document.index(std::string_view(padded).substr(0, text.size())) && document.check();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view all = riptide::tests::text_of(bytes, size);
  if (size > 5'000) return 0;
  const std::size_t first = all.find('\0');
  if (first == std::string_view::npos) return 0;
  const std::string text(all.substr(0, first));
  const std::string_view behind = all.substr(first + 1);
  const std::size_t second = behind.find('\0');
  const std::string_view record = behind.substr(0, second);
  riptide::pipeline::RecordSet records;
  const std::string body = "[" + std::string(record) + ",{\"a\":1}]";
  records.add(1, static_cast<std::uint32_t>(record.size()));
  records.add(static_cast<std::uint32_t>(record.size() + 2), 7);
  if (second != std::string_view::npos) records.overlay("a", behind.substr(second + 1));
  const auto page = riptide::pipeline::make_page(body);
  bool limited = false;
  const std::string mapped = outcome(text, page, records, limited);
  if (mapped.empty() || moving(text) || text.find('\'') != std::string::npos) return 0;
  if (!is_json(record) || (second != std::string_view::npos && !is_json(behind.substr(second + 1)))) return 0;
  const std::string evaluated = outcome("(def f: .; f) | (" + text + "\n)", page, records, limited);
  // Directives of a module do not stand inside parentheses.
  if (!limited && !evaluated.empty() && mapped != evaluated) {
    std::fprintf(stderr, "%s\nby the fast path:\n%s\nby the evaluator:\n%s\n", text.c_str(), mapped.c_str(),
                 evaluated.c_str());
    must(false, "the fast path and the evaluator differ");
  }
  return 0;
}

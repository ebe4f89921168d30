// libjq beside the transform, as a framework that embeds it works: parse each record, run one program that makes all of
// the entity, print it. 0: Octopus, 1: Jira, 2: Jira with the heavy mapping.
#include <benchmark/benchmark.h>
extern "C" {
#include <jq.h>
#include <jv.h>
}

#include <string>
#include <vector>

#include "bench_work.hpp"
#include "riptide/transform/jq.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::transform {
namespace {

const std::string& text_of(const ValueSpec& value) { return std::get<ExpressionSpec>(value).text; }

std::string members(const std::vector<std::pair<std::string, ValueSpec>>& fields) {
  std::string program = "{";
  for (const auto& [name, value] : fields) {
    if (program.size() > 1) program += ", ";
    program += name + ": (" + text_of(value) + ")";
  }
  return program + "}";
}

/// One program for the whole entity.
std::string combined(const EntitySpec& entity) {
  return "{identifier: (" + text_of(*entity.identifier) + "), blueprint: (" + text_of(*entity.blueprint) +
         "), title: (" + text_of(*entity.title) + "), properties: " + members(entity.properties) +
         ", relations: " + members(entity.relations) + "}";
}

/// The records with what lies over them written into them.
std::vector<std::string> merged_records(const BenchPage& page) {
  std::vector<std::string> records;
  for (const pipeline::RecordSpan& span : page.records.spans) {
    std::string& record = records.emplace_back(page.page->view().substr(span.begin, span.length));
    for (std::uint32_t number = 0; number < span.overlay_count; ++number) {
      const pipeline::OverlayField& field = page.records.overlay_fields[span.overlay_begin + number];
      record.back() = ',';
      record += '"' + std::string(field.key) + "\":";
      record.append(page.records.overlay_bytes, field.begin, field.length);
      record += '}';
    }
  }
  return records;
}

/// What libjq makes of a record; nothing on an error.
std::string run(jq_state* jq, const std::string& record) {
  std::string out;
  jq_start(jq, jv_parse_sized(record.data(), static_cast<int>(record.size())), 0);
  jv result = jq_next(jq);
  if (jv_is_valid(result)) {
    jv text = jv_dump_string(result, 0);
    out = jv_string_value(text);
    jv_free(text);
  } else {
    jv_free(result);
  }
  return out;
}

bool same(std::string_view ours, std::string_view theirs) {
  jq::Evaluator evaluator;
  const auto program = jq::Program::compile(".[0] == .[1]");
  const std::string both = "[" + std::string(ours) + "," + std::string(theirs) + "]";
  bool equal = false;
  if (evaluator.load(both)) {
    evaluator.run(**program, [&](jq::ValueRef value) {
      equal = value.truthy();
      return jq::Next::kContinue;
    });
  }
  return equal;
}

void BM_Transform_Libjq(benchmark::State& state) {
  const BenchPage input = state.range(0) == 0 ? octopus_page(100) : jira_page(50);
  MappingSpec spec;
  spec.resources.push_back(state.range(0) == 0   ? octopus_machines()
                           : state.range(0) == 1 ? jira_issues()
                                                 : jira_issues_heavy());
  Mapper mapper(*Mapping::compile(spec, {}));
  MappedPage mapped;
  mapper.map(0, input.page, input.records, mapped);
  const std::vector<std::string> records = merged_records(input);
  jq_state* jq = jq_init();
  if (jq == nullptr || jq_compile(jq, combined(spec.resources[0].entities[0]).c_str()) == 0 ||
      !same(mapped.entities.json(mapped.entities.entities[0]), run(jq, records[0]))) {
    state.SkipWithError("libjq makes another entity");
  } else {
    const std::uint64_t before = allocations();
    for (auto _ : state) {
      for (const std::string& record : records) benchmark::DoNotOptimize(run(jq, record));
    }
    count_work(state, input, before);
    state.counters.erase("allocs_per_record");  // its own are malloc's
  }
  jq_teardown(&jq);
}
BENCHMARK(BM_Transform_Libjq)->Arg(0)->Arg(1)->Arg(2);

}  // namespace
}  // namespace riptide::transform

#pragma once

#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/record.hpp"
#include "riptide/transform/mapping_spec.hpp"

namespace riptide::transform {

/// One page of records, as a source would hand it on.
struct BenchPage {
  pipeline::Page page;
  pipeline::RecordSet records;
};

/// Machines of Octopus Deploy, 1.8 KB each, with the `__url` that the source lays over them.
BenchPage octopus_page(int num_records);
/// Issues of Jira, 8 KB each: most of it custom fields, avatars and links that no mapping wants.
BenchPage jira_page(int num_records);

/// The default mappings of these kinds.
ResourceSpec octopus_machines();
ResourceSpec jira_issues();
/// What people do beside: filters, loops, dates and regular expressions; most of it for the evaluator.
ResourceSpec jira_issues_heavy();

}  // namespace riptide::transform

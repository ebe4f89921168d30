#include "riptide/simulator/octopus_options.hpp"

#include <algorithm>

namespace riptide::simulator {
namespace {

bool is_route_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

std::optional<std::string> check(const OctopusOptions& options) {
  if (options.spaces > 1'000'000) return "more than 1,000,000 spaces";
  if (options.record_bytes > (std::size_t{16} << 20)) return "record_bytes is over 16 MiB";
  if (options.max_take == 0) return "max_take is 0: no page could hold a record";
  if (!(options.skew >= 0 && options.skew <= 10)) return "skew is not between 0 and 10";
  if (options.latency.count() < 0 || options.latency_jitter.count() < 0) return "a latency is negative";

  std::size_t num_records = options.total_records;
  for (std::size_t i = 0; i < options.kinds.size(); ++i) {
    const KindOptions& kind = options.kinds[i];
    if (!is_route_name(kind.name)) return "a kind is not named by letters, digits, - and _: '" + kind.name + "'";
    if (kind.name == "space") return "kind 'space' is always there and cannot be listed";
    for (std::size_t j = 0; j < i; ++j) {
      if (options.kinds[j].name == kind.name) return "kind '" + kind.name + "' is listed twice";
    }
    if (!(kind.share >= 0 && kind.share <= 1e6))
      return "the share of kind '" + kind.name + "' is not between 0 and 1e6";
    if (kind.records_per_space.size() > options.spaces) {
      return "kind '" + kind.name + "' has records for more spaces than there are";
    }
    for (const std::size_t records : kind.records_per_space) {
      num_records += std::min<std::size_t>(records, 1'000'000'000);
    }
  }
  if (num_records > 1'000'000'000) return "more than 1,000,000,000 records";

  return check(options.faults);
}

}  // namespace riptide::simulator

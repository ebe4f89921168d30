#include "riptide/cli/lint_sample.hpp"

#include <fmt/format.h>

#include <set>

#include "riptide/cli/numbers.hpp"
#include "riptide/cli/record_file.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/json/document.hpp"
#include "riptide/transform/path_probe.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;
using transform::UnmatchedPath;

// `.Name`, or `."a b"`, behind the path that it is in.
std::string member_path(const std::string& parent, const std::string& key) {
  std::string path = parent == "." ? "" : parent;
  path += '.';
  const bool plain =
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == std::string::npos &&
      !key.empty() && !(key[0] >= '0' && key[0] <= '9');
  if (plain) return path + key;
  json::append_quoted(key, path);
  return path;
}

std::string message_of(const UnmatchedPath& path) {
  std::string message = fmt::format("`{}` never matched in {} {}", path.path, grouped(path.records),
                                    path.records == 1 ? "record" : "records");
  const std::string guess = path.key.empty() ? "" : nearest(path.key, path.keys);
  if (!guess.empty()) {
    message += fmt::format("; did you mean `{}`?", member_path(path.parent, guess));
  } else if (!path.found.empty()) {
    message += fmt::format(": `{}` was always {}", path.parent, path.found);
  }
  return message + "\n    " + path.expression;
}

}  // namespace

std::vector<Problem> check_sample(const std::shared_ptr<const transform::Mapping>& mapping, const std::string& origin,
                                  const std::string& sample, const std::string& kind) {
  std::vector<Problem> problems;
  std::set<std::string> kinds;
  for (const transform::ResourceSpec& resource : mapping->spec().resources) kinds.insert(resource.kind);
  if (kind.empty() && kinds.size() > 1) {
    const std::vector<std::string> names(kinds.begin(), kinds.end());
    return {
        {Level::kError, "", 0, 0, "--kind", "is needed with --sample: " + origin + " has the kinds " + listed(names)}};
  }
  const std::vector<std::uint32_t> resources =
      choose_resources(mapping->spec(), kind.empty() ? std::vector<std::string>() : std::vector{kind}, problems);
  if (any_error(problems)) return problems;

  transform::PathProbe probe(mapping);
  std::size_t records = 0;
  std::size_t failed = 0;
  std::string example;
  const auto read = for_each_record(sample, [&](std::string_view record) {
    ++records;
    for (const std::uint32_t resource : resources) {
      const auto seen = probe.see(resource, record);
      if (seen) continue;
      if (failed++ == 0) example = fmt::format("record {}: {}", records, seen.error().message);
    }
  });
  if (!read) return {{Level::kError, "", 0, 0, "--sample", read.error().message}};
  if (records == 0) return {{Level::kError, "", 0, 0, "--sample", sample + " has no records"}};
  if (failed > 0) {
    problems.push_back({Level::kWarning, sample, 0, 0, "",
                        fmt::format("{} of {} records could not be looked at; {}", failed, records, example)});
  }
  for (const UnmatchedPath& path : probe.unmatched()) {
    problems.push_back({Level::kWarning, origin, path.line, path.column, path.place, message_of(path)});
  }
  return problems;
}

}  // namespace riptide::cli

#include "riptide/sinks/sink_spec.hpp"

#include <fmt/format.h>

namespace riptide::sinks {
namespace {

constexpr std::string_view kSqlitePrefix = "sqlite:";
constexpr std::string_view kNdjsonPrefix = "ndjson:";
constexpr std::string_view kChoices = "use port, sqlite:FILE, ndjson:FILE (- is stdout) or null";

}  // namespace

pipeline::Result<SinkSpec> parse_sink_spec(std::string_view text) {
  const auto refused = [text](std::string_view what) {
    return pipeline::unexpected(pipeline::ErrorKind::kConfig, fmt::format("{}: `{}`; {}", what, text, kChoices));
  };
  if (text == "port") return SinkSpec{SinkSpec::Kind::kPort, {}, std::string(text)};
  if (text == "null") return SinkSpec{SinkSpec::Kind::kNull, {}, std::string(text)};
  for (const auto& [prefix, kind] :
       {std::pair{kSqlitePrefix, SinkSpec::Kind::kSqlite}, std::pair{kNdjsonPrefix, SinkSpec::Kind::kNdjson}}) {
    if (!text.starts_with(prefix)) continue;
    const std::string_view path = text.substr(prefix.size());
    if (path.empty()) return refused("the sink has no file");
    if (path.find('\0') != std::string_view::npos) return refused("the sink's file name has a null byte in it");
    if (path == "-" && kind == SinkSpec::Kind::kSqlite) return refused("a database cannot be written to stdout");
    return SinkSpec{kind, std::string(path), std::string(text)};
  }
  if (text == "sqlite" || text == "ndjson") return refused("the sink has no file");
  return refused("unknown sink");
}

}  // namespace riptide::sinks

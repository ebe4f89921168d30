#include "riptide/stages/cassette_header.hpp"

#include <fmt/format.h>

#include "entry.hpp"
#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

constexpr std::int64_t kFormat = 1;

}  // namespace

std::string to_json(const CassetteHeader& header) {
  std::string out = fmt::format(R"({{"cassette":{})", kFormat);
  const auto add = [&out](std::string_view name, std::string_view value) {
    out += fmt::format(",\"{}\":", name);
    json::append_quoted(value, out);
  };
  add("riptide", header.riptide);
  add("recorded_at", header.recorded_at);
  add("type", header.type);
  add("identifier", header.identifier);
  out += ",\"kinds\":[";
  for (const std::string& kind : header.kinds) {
    if (&kind != header.kinds.data()) out += ',';
    json::append_quoted(kind, out);
  }
  out += "],\"settings\":{";
  for (const auto& [key, value] : header.settings) {
    if (&key != &header.settings.front().first) out += ',';
    json::append_quoted(key, out);
    out += ':';
    json::append_quoted(value, out);
  }
  out += '}';
  add("mapping", header.mapping);
  add("mapping_origin", header.mapping_origin);
  out += fmt::format(",\"mapping_lenient\":{}}}", header.mapping_lenient);
  return out;
}

Result<CassetteHeader> parse_cassette_header(std::string_view text) {
  auto read = Line::read(text);
  if (!read || !read->find(read->root, "cassette")) {
    return pipeline::unexpected(ErrorKind::kMalformed, "this is no cassette: its first line is not a header");
  }
  const Line& line = *read;
  if (line.number(line.root, "cassette") != kFormat) {
    return pipeline::unexpected(
        ErrorKind::kConfig, fmt::format("the cassette was recorded by a later version, {}; this one plays format {}",
                                        line.text(line.root, "riptide"), kFormat));
  }
  CassetteHeader header;
  header.riptide = line.text(line.root, "riptide");
  header.recorded_at = line.text(line.root, "recorded_at");
  header.type = line.text(line.root, "type");
  header.identifier = line.text(line.root, "identifier");
  header.mapping = line.text(line.root, "mapping");
  header.mapping_origin = line.text(line.root, "mapping_origin");
  header.mapping_lenient = line.truth(line.root, "mapping_lenient");
  if (const auto kinds = line.find(line.root, "kinds")) {
    for (json::Document::Elements each(line.document, *kinds); each.next();) {
      if (auto raw = line.document.raw(each.value())) header.kinds.push_back(json::text_of(*raw));
    }
  }
  if (const auto settings = line.find(line.root, "settings")) {
    for (json::Document::Members each(line.document, *settings); each.next();) {
      auto key = json::decoded("\"" + std::string(each.raw_key()) + "\"");
      const auto raw = each.raw_value();
      if (key && raw) header.settings.emplace_back(*std::move(key), json::text_of(*raw));
    }
  }
  return header;
}

}  // namespace riptide::stages

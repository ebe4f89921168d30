#include "entity_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace riptide::sinks {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

std::string_view as_text(std::string_view raw, std::string& room) {
  if (raw.size() < 2 || raw.front() != '"') return raw;
  if (raw.find('\\') == std::string_view::npos) return raw.substr(1, raw.size() - 2);
  room.clear();
  if (!json::append_decoded(raw, room)) return raw;
  return room;
}

std::optional<std::string_view> as_nullable_text(std::string_view raw, std::string& room) {
  if (raw.empty() || raw == "null") return std::nullopt;
  return as_text(raw, room);
}

std::optional<std::string_view> as_json(std::string_view raw) {
  if (raw.empty() || raw == "null") return std::nullopt;
  return raw;
}

Result<void> visit_owned(state::Database& database, const stages::SinkContext& context,
                         std::span<const std::uint32_t> resources,
                         const std::function<bool(const stages::OwnedEntity&)>& visit) {
  std::vector<std::string_view> kinds;
  for (const std::uint32_t resource : resources) {
    if (resource >= context.kinds.size()) continue;
    const std::string_view kind = context.kinds[resource];
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  auto rows =
      database.prepare("SELECT blueprint, identifier, scope FROM entities WHERE integration = ?1 AND kind = ?2");
  if (!rows) return unexpected(std::move(rows).error());
  stages::OwnedEntity entity;
  for (const std::string_view kind : kinds) {
    rows->reset();
    rows->bind(1, std::string_view(context.integration));
    rows->bind(2, kind);
    entity.kind = kind;
    while (true) {
      auto row = rows->step();
      if (!row) return unexpected(std::move(row).error());
      if (!*row) break;
      entity.blueprint = rows->text(0);
      entity.identifier = rows->text(1);
      entity.partition = std::string(rows->text(2));
      if (!visit(entity)) return {};
    }
  }
  return {};
}

pipeline::Error made_later(const std::string& path, std::int64_t version) {
  return {ErrorKind::kConfig,
          fmt::format("{} was made by a later riptide (its version is {}, ours is {}): name another file", path,
                      version, kSchemaVersion)};
}

pipeline::Error not_ours(const std::string& path, const pipeline::Error& why) {
  return {ErrorKind::kConfig,
          fmt::format("{} has a table `entities` that is not riptide's ({}): name another file", path, why.message)};
}

}  // namespace riptide::sinks

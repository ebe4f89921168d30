#include "riptide/sinks/port_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "riptide/stages/entity_changes.hpp"
#include "search.hpp"

namespace riptide::sinks::port {
namespace {

using pipeline::unexpected;
using stages::Outcome;

// Of the entities that are asked for: the answer may be a few times as large.
constexpr std::size_t kMostBytes = std::size_t{2} << 20;

std::string text_of_raw(std::string_view raw) {
  if (raw.empty() || raw.front() != '"') return std::string(raw);
  auto text = json::decoded(raw);
  return text ? *std::move(text) : std::string(raw);
}

// Adds the names of an object's members, as parameters ask for them.
void add_names(std::string_view prefix, std::string_view raw_object, std::set<std::string>& names) {
  if (raw_object.size() <= 2 || raw_object.front() != '{') return;
  std::string room(raw_object);
  room.append(json::Document::kPadding, '\0');
  json::Document document;
  const auto root = document.index(std::string_view(room).substr(0, raw_object.size()));
  if (!root) return;
  json::Document::Members members(document, *root);
  while (members.next()) {
    if (auto name = json::decoded(fmt::format("\"{}\"", members.raw_key()))) {
      names.insert(fmt::format("{}.{}", prefix, *name));
    }
  }
}

// A team is a list without an order.
std::string team_in_order(std::string_view raw) {
  std::string room(raw);
  room.append(json::Document::kPadding, '\0');
  json::Document document;
  const auto root = document.index(std::string_view(room).substr(0, raw.size()));
  if (!root || root->type != json::Type::kArray) return std::string(raw);
  std::vector<std::string> parts;
  json::Document::Elements elements(document, *root);
  while (elements.next()) {
    const auto element = elements.raw_value();
    std::string part;
    if (!element || !stages::append_canonical(*element, part)) return std::string(raw);
    parts.push_back(std::move(part));
  }
  if (!elements.status()) return std::string(raw);
  std::sort(parts.begin(), parts.end());
  std::string out = "[";
  for (const std::string& part : parts) out += (out.size() == 1 ? "" : ",") + part;
  return out + "]";
}

std::string_view or_null(std::string_view raw) noexcept { return raw.empty() ? "null" : raw; }

}  // namespace

PortPlan::PortPlan(Options options)
    : options_(std::move(options)),
      port_(PortSink::Options{.account = options_.account, .context = options_.context, .life = nullptr}) {}

stages::SinkLimits PortPlan::limits() const noexcept {
  stages::SinkLimits limits;
  limits.max_records = kMostSearched;
  limits.max_bytes = kMostBytes;
  limits.max_in_flight = options_.max_in_flight;
  limits.one_blueprint = true;
  return limits;
}

stages::HttpRequest PortPlan::encode(const stages::Batch& batch) const {
  std::set<std::string> names;
  std::string identifiers;
  for (const stages::Entity& entity : batch.entities) {
    if (entity.title.present()) names.insert("title");
    if (entity.team.present()) names.insert("team");
    add_names("properties", batch.part(entity, entity.properties), names);
    add_names("relations", batch.part(entity, entity.relations), names);
    const std::string_view identifier = batch.part(entity, entity.identifier);
    if (identifier.starts_with('{')) continue;
    if (!identifiers.empty()) identifiers += ',';
    // Port's identifiers are texts, whatever the mapping made of them.
    json::append_quoted(text_of_raw(identifier), identifiers);
  }
  return search_request(*options_.account, batch.blueprint, identifiers, names);
}

Result<stages::UploadAnswer> PortPlan::read(const stages::Batch& batch, const stages::HttpResponse& response,
                                            json::Document& document) const {
  stages::UploadAnswer answer;
  if (response.status == 413 && batch.entities.size() > 1) {
    answer.split = true;
    return answer;
  }
  std::map<std::string, stages::HeldEntity> held;
  auto read = each_found(response, document, [&](const stages::HeldEntity& one) { held[one.identifier] = one; });
  if (!read) return unexpected(std::move(read).error());

  stages::EntityChanges changes(stages::SameValue::kMeaning);
  for (const stages::Entity& entity : batch.entities) {
    Outcome& outcome = answer.outcomes.emplace_back();
    const std::string_view identifier = batch.part(entity, entity.identifier);
    if (identifier.starts_with('{')) {
      outcome.kind = Outcome::Kind::kUpdated;
      outcome.changes = "[]";
      continue;
    }
    const auto found = held.find(text_of_raw(identifier));
    if (found == held.end()) {
      outcome.kind = Outcome::Kind::kCreated;
      continue;
    }
    if (entity.title.present()) {
      changes.field("title", or_null(found->second.title), batch.part(entity, entity.title));
    }
    if (entity.team.present()) {
      changes.field("team", team_in_order(or_null(found->second.team)), team_in_order(batch.part(entity, entity.team)));
    }
    changes.members("properties", found->second.properties, batch.part(entity, entity.properties));
    changes.members("relations", found->second.relations, batch.part(entity, entity.relations));
    const bool sent = !changes.empty() || entity.searched || !options_.skips_equal;
    outcome.kind = sent ? Outcome::Kind::kUpdated : Outcome::Kind::kUnchanged;
    outcome.changes = changes.take();
  }
  return answer;
}

}  // namespace riptide::sinks::port

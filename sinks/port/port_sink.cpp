#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "answers.hpp"
#include "riptide/sinks/port.hpp"
#include "riptide/sinks/port_life.hpp"
#include "search.hpp"

namespace riptide::sinks::port {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;
using stages::Outcome;

constexpr std::string_view kOpen = R"({"entities":[)";
constexpr std::string_view kClose = "]}";

std::string_view flag(bool value) noexcept { return value ? "true" : "false"; }

// A part of an entity as text: strings decoded, other JSON as it is written.
std::string part_text(const stages::Batch& batch, const stages::Entity& entity, pipeline::Part part) {
  const std::string_view raw = batch.part(entity, part);
  if (raw.empty() || raw.front() != '"') return std::string(raw);
  auto text = json::decoded(raw);
  return text ? *std::move(text) : std::string(raw);
}

std::vector<Outcome> all_rejected(const stages::Batch& batch, const std::string& message) {
  return std::vector<Outcome>(batch.entities.size(), Outcome{Outcome::Kind::kRejected, message, {}, false});
}

// What an answer says of one entity.
struct Said {
  std::optional<std::size_t> index;
  bool created = false;
  std::string identifier;
  std::string status;
  std::string error;
  std::string message;
};

Result<Said> read_said(const json::Document& document, json::Value element) {
  Said said;
  if (element.type != json::Type::kObject) return said;
  json::Document::Members members(document, element);
  while (members.next()) {
    if (members.key_is("index") && members.value().type == json::Type::kNumber) {
      const auto raw = members.raw_value();
      if (!raw) return unexpected(raw.error());
      if (const auto index = json::to_uint64(*raw)) said.index = static_cast<std::size_t>(*index);
    } else if (members.key_is("created")) {
      said.created = text_of(document, members.value()) == "true";
    } else if (members.key_is("identifier")) {
      said.identifier = text_of(document, members.value());
    } else if (members.key_is("statusCode")) {
      said.status = text_of(document, members.value());
    } else if (members.key_is("error")) {
      said.error = text_of(document, members.value());
    } else if (members.key_is("message")) {
      said.message = text_of(document, members.value());
    }
  }
  if (auto checked = members.status(); !checked) return unexpected(std::move(checked).error());
  return said;
}

std::string rejection(const Said& said) {
  std::string text;
  for (const std::string* part : {&said.status, &said.error}) {
    if (part->empty() || *part == "null") continue;
    if (!text.empty()) text += ' ';
    text += *part;
  }
  if (!said.message.empty() && said.message != "null") text += (text.empty() ? "" : ": ") + said.message;
  return text.empty() ? "Port refuses it without a reason" : text;
}

// Identifiers that an entity of Port relates to. What is of another shape relates to nothing.
void read_related(const json::Document& document, json::Value relations, std::vector<std::string>& out) {
  if (relations.type != json::Type::kObject) return;
  json::Document::Members members(document, relations);
  while (members.next()) {
    if (members.value().type == json::Type::kString) out.push_back(text_of(document, members.value()));
    if (members.value().type != json::Type::kArray) continue;
    json::Document::Elements elements(document, members.value());
    while (elements.next()) {
      if (elements.value().type == json::Type::kString) out.push_back(text_of(document, elements.value()));
    }
  }
}

// Whether a value counts as true in the languages that write it.
bool is_truthy(const json::Document& document, json::Value value) {
  if (value.type == json::Type::kObject || value.type == json::Type::kArray) return true;
  const auto raw = document.raw(value);
  return raw && *raw != "null" && *raw != "false" && *raw != "0" && *raw != "\"\"";
}

}  // namespace

PortSink::PortSink(Options options) : options_(std::move(options)) {
  const stages::SinkContext& context = options_.context;
  event_ = fmt::format("ocean_info_event_type=resync&ocean_info_resync_id={}", stages::percent_encoded(context.run_id));
  upsert_path_ =
      fmt::format("/entities/bulk?upsert=true&merge={}&create_missing_related_entities={}&validation_only=false&{}",
                  flag(context.merge), flag(context.create_missing_related), event_);
}

stages::SinkLimits PortSink::limits() const noexcept {
  stages::SinkLimits limits;
  limits.max_records = options_.max_records;
  limits.max_bytes = options_.max_bytes;
  limits.envelope_bytes = kOpen.size() + kClose.size();
  limits.separator_bytes = 1;
  limits.max_in_flight = options_.max_in_flight;
  limits.one_blueprint = true;
  return limits;
}

stages::HttpRequest PortSink::encode(const stages::Batch& batch) const {
  std::string body;
  body.reserve(kOpen.size() + batch.bytes.size() + batch.entities.size() + kClose.size());
  body += kOpen;
  for (const stages::Entity& entity : batch.entities) {
    if (body.size() != kOpen.size()) body += ',';
    body += batch.json(entity);
  }
  body += kClose;
  const std::string blueprint = !batch.blueprint.empty() || batch.entities.empty()
                                    ? batch.blueprint
                                    : part_text(batch, batch.entities.front(), batch.entities.front().blueprint);
  return options_.account->request(stages::Method::kPost,
                                   "blueprints/" + stages::percent_encoded(blueprint) + upsert_path_,
                                   Account::Role::kExporter, std::move(body));
}

Result<stages::UploadAnswer> PortSink::read(const stages::Batch& batch, const stages::HttpResponse& response,
                                            json::Document& document) const {
  stages::UploadAnswer answer;
  if (response.status == 413) {
    if (batch.entities.size() > 1) {
      answer.split = true;
    } else {
      answer.outcomes = all_rejected(batch, "413 the entity is too large for Port: map less into it");
    }
    return answer;
  }
  if (!response.ok()) {
    pipeline::Error error = refusal(response, document);
    if (error.kind != ErrorKind::kRejected) return unexpected(std::move(error));
    answer.outcomes = all_rejected(batch, complaint(response, document));
    return answer;
  }

  const auto malformed = [&response](std::string_view what) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("Port's answer to an upload {}, url={}", what, response.safe_url));
  };
  Result<json::Value> root = indexed(response, document);
  if (!root) return unexpected(std::move(root).error());
  std::optional<json::Value> entities;
  std::optional<json::Value> errors;
  json::Document::Members members(document, *root);
  while (members.next()) {
    if (members.key_is("entities")) entities = members.value();
    if (members.key_is("errors")) errors = members.value();
  }
  if (auto checked = members.status(); !checked) return malformed("is not JSON");
  const auto is_list = [](const std::optional<json::Value>& value) {
    return value && value->type == json::Type::kArray;
  };
  if (!is_list(entities) && !is_list(errors)) return malformed("has neither `entities` nor `errors`");

  answer.outcomes = all_rejected(batch, "Port's answer says nothing of it");
  for (Outcome& outcome : answer.outcomes) outcome.may_pass_later = true;
  // What is refused is refused, even if it is named among the others too.
  for (const bool refused : {false, true}) {
    const std::optional<json::Value>& list = refused ? errors : entities;
    if (!is_list(list)) continue;
    json::Document::Elements elements(document, *list);
    while (elements.next()) {
      Result<Said> said = read_said(document, elements.value());
      if (!said) return malformed("is not JSON");
      if (!said->index || *said->index >= answer.outcomes.size()) continue;
      Outcome& outcome = answer.outcomes[*said->index];
      if (refused) {
        outcome = {Outcome::Kind::kRejected, rejection(*said), {}, true};
        continue;
      }
      outcome = {said->created ? Outcome::Kind::kCreated : Outcome::Kind::kUpdated, {}, {}, false};
      const stages::Entity& entity = batch.entities[*said->index];
      if (said->identifier != part_text(batch, entity, entity.identifier)) outcome.identifier = said->identifier;
    }
    if (auto checked = elements.status(); !checked) return malformed("is not JSON");
  }
  return answer;
}

stages::HttpRequest PortSink::owned_request(std::string_view cursor) const { return listing(cursor, {}); }

std::optional<stages::HttpRequest> PortSink::unchanged_request(std::string_view cursor,
                                                               std::chrono::system_clock::time_point before) const {
  return listing(cursor, python_time(before));
}

stages::HttpRequest PortSink::listing(std::string_view cursor, std::string_view before) const {
  std::string body = R"({"datasource_prefix":)";
  json::append_quoted(fmt::format("port-ocean/{}/", options_.account->integration_type()), body);
  body += R"(,"datasource_suffix":)";
  json::append_quoted(fmt::format("/{}/exporter", options_.account->integration()), body);
  body += fmt::format(R"(,"limit":{})", options_.owned_page);
  if (!before.empty()) {
    body += R"(,"before":)";
    json::append_quoted(before, body);
  }
  if (!cursor.empty()) body.append(R"(,"from":)").append(cursor);
  body += '}';
  return options_.account->request(stages::Method::kPost, "blueprints/entities/datasource-entities",
                                   Account::Role::kExporter, std::move(body));
}

Result<stages::OwnedPage> PortSink::read_owned(const stages::HttpResponse& response, json::Document& document) const {
  if (!response.ok()) return unexpected(refusal(response, document));
  const auto malformed = [&response](std::string_view what) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("Port's list of owned entities {}, url={}", what, response.safe_url));
  };
  Result<json::Value> root = indexed(response, document);
  if (!root) return unexpected(std::move(root).error());
  stages::OwnedPage page;
  std::optional<json::Value> entities;
  json::Document::Members members(document, *root);
  while (members.next()) {
    if (members.key_is("entities")) entities = members.value();
    if (members.key_is("next")) {
      page.cursor.reset();
      if (!is_truthy(document, members.value())) continue;
      auto raw = members.raw_value();
      if (!raw) return malformed("is not JSON");
      page.cursor = std::string(*raw);  // Sent back as it came, whatever it is.
    }
  }
  if (auto checked = members.status(); !checked) return malformed("is not JSON");
  if (!entities || entities->type != json::Type::kArray) return malformed("has no `entities`");
  json::Document::Elements elements(document, *entities);
  while (elements.next()) {
    if (elements.value().type != json::Type::kObject) return malformed("has an entity that is not an object");
    stages::OwnedEntity& entity = page.entities.emplace_back();
    json::Document::Members names(document, elements.value());
    while (names.next()) {
      if (names.key_is("relations") && removes_in_order()) read_related(document, names.value(), entity.related);
      if (names.value().type != json::Type::kString) continue;
      if (names.key_is("identifier")) entity.identifier = text_of(document, names.value());
      if (names.key_is("blueprint")) entity.blueprint = text_of(document, names.value());
    }
    if (auto checked = names.status(); !checked) return malformed("is not JSON");
    if (entity.identifier.empty() || entity.blueprint.empty()) {
      return malformed("has an entity without identifier or blueprint");
    }
  }
  if (auto checked = elements.status(); !checked) return malformed("is not JSON");
  return page;
}

stages::HttpRequest PortSink::delete_request(std::string_view blueprint,
                                             std::span<const std::string> identifiers) const {
  std::string body(kOpen);
  for (const std::string& identifier : identifiers) {
    if (body.size() != kOpen.size()) body += ',';
    json::append_quoted(identifier, body);
  }
  body += kClose;
  return options_.account->request(
      stages::Method::kPost,
      fmt::format("blueprints/{}/bulk/entities/delete?delete_dependents={}&{}", stages::percent_encoded(blueprint),
                  flag(options_.context.delete_dependents), event_),
      Account::Role::kExporter, std::move(body));
}

Result<std::size_t> PortSink::read_deleted(std::span<const std::string> identifiers,
                                           const stages::HttpResponse& response, json::Document& document) const {
  if (response.status == 404 && is_from_port(response, document)) return std::size_t{0};
  if (!response.ok()) return unexpected(refusal(response, document));
  const auto malformed = [&response](std::string_view what) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("Port's answer to a deletion {}, url={}", what, response.safe_url));
  };
  Result<json::Value> root = indexed(response, document);
  if (!root) return unexpected(std::move(root).error());
  if (auto checked = document.check(); !checked) return malformed("is not JSON");
  auto deleted = document.find(*root, "deletedEntities");
  if (!deleted || !*deleted || (*deleted)->type != json::Type::kArray) return malformed("has no `deletedEntities`");
  std::set<std::string, std::less<>> asked(identifiers.begin(), identifiers.end());
  std::size_t count = 0;
  json::Document::Elements elements(document, **deleted);
  while (elements.next()) count += asked.erase(text_of(document, elements.value()));
  if (auto checked = elements.status(); !checked) return malformed("is not JSON");
  return count;
}

std::optional<stages::HttpRequest> PortSink::contents_request(std::string_view blueprint,
                                                              std::span<const std::string> identifiers,
                                                              const std::set<std::string>& fields) const {
  std::string list;
  for (const std::string& identifier : identifiers) {
    if (!list.empty()) list += ',';
    json::append_quoted(identifier, list);
  }
  return search_request(*options_.account, blueprint, list, fields);
}

Result<void> PortSink::read_contents(const stages::HttpResponse& response, json::Document& document,
                                     const std::function<void(const stages::HeldEntity&)>& visit) const {
  return each_found(response, document, visit);
}

std::optional<stages::HttpRequest> PortSink::relations_request(std::string_view blueprint) const {
  if (!options_.context.create_missing_related) return std::nullopt;
  return options_.account->request(stages::Method::kGet, "blueprints/" + stages::percent_encoded(blueprint),
                                   Account::Role::kIntegration);
}

Result<std::vector<stages::RelationSpec>> PortSink::read_relations(const stages::HttpResponse& response,
                                                                   json::Document& document) const {
  std::vector<stages::RelationSpec> out;
  if (response.status == 404 && is_from_port(response, document)) return out;
  if (!response.ok()) return unexpected(refusal(response, document));
  const auto malformed = [&response](std::string_view what) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("Port's answer for a blueprint {}, url={}", what, response.safe_url));
  };
  Result<json::Value> root = indexed(response, document);
  if (!root) return unexpected(std::move(root).error());
  if (auto checked = document.check(); !checked) return malformed("is not JSON");
  auto blueprint = document.find(*root, "blueprint");
  if (!blueprint || !*blueprint || (*blueprint)->type != json::Type::kObject) return malformed("has no `blueprint`");
  auto relations = document.find(**blueprint, "relations");
  if (!relations || !*relations || (*relations)->type != json::Type::kObject) return out;
  json::Document::Members members(document, **relations);
  while (members.next()) {
    if (members.value().type != json::Type::kObject) return malformed("has a relation that is not an object");
    auto target = document.find(members.value(), "target");
    if (!target || !*target) return malformed("has a relation without a target");
    out.push_back({std::string(members.raw_key()), text_of(document, **target)});
  }
  if (auto checked = members.status(); !checked) return malformed("is not JSON");
  return out;
}

}  // namespace riptide::sinks::port

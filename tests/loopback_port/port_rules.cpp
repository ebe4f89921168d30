#include "loopback_port/port_rules.hpp"

#include <algorithm>
#include <regex>
#include <set>

namespace riptide::loopback {
namespace {

using Keys = std::set<std::string>;

constexpr const char* kUuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

void expect(bool so, const std::string& what, const PortRules::Complain& complain) {
  if (!so) complain(what);
}

// All of `required`, and nothing but these and `optional`.
void expect_keys(const Json& object, const std::string& where, const Keys& required, const Keys& optional,
                 const PortRules::Complain& complain) {
  if (!object.is_object()) return complain(where + " is not an object");
  Keys found;
  for (const std::string& key : object.keys()) {
    expect(found.insert(key).second, where + " has '" + key + "' twice", complain);
    expect(required.contains(key) || optional.contains(key), where + " has an unknown '" + key + "'", complain);
  }
  for (const std::string& key : required) expect(found.contains(key), where + " lacks '" + key + "'", complain);
}

bool is_uuid(const Json& value) {
  static const std::regex kPattern(kUuid);
  return value.is_string() && std::regex_match(value.text(), kPattern);
}

// ISO 8601 in UTC, as Python writes it: microseconds and +00:00.
bool is_python_time(const Json& value) {
  static const std::regex kPattern(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00)");
  return value.is_string() && std::regex_match(value.text(), kPattern);
}

const Keys kSyncStates = {"pending", "syncing", "completed", "failed", "aborted"};

// A tree of objects whose leaves are numbers, under keys that metrics have.
void expect_metrics(const Json& tree, const std::string& where, const PortRules::Complain& complain) {
  if (!tree.is_object()) return expect(tree.is_number(), where + " is neither object nor number", complain);
  for (const std::string& key : tree.keys()) expect_metrics(tree[key], where + "." + key, complain);
}

}  // namespace

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_identifier(std::string_view text) {
  if (text.empty() || text == "." || text == ".." || text.size() > 1000) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || std::string_view("@_.+:\\/=-").find(c) != std::string_view::npos;
  });
}

bool is_search(const Json& value) {
  if (!value.is_object()) return false;
  const auto combinator = value.find("combinator");
  const auto rules = value.find("rules");
  if (!combinator || !rules || !combinator->is_string() || !rules->is_array()) return false;
  if (combinator->text() != "and" && combinator->text() != "or") return false;
  const auto all = rules->items();
  return std::all_of(all.begin(), all.end(), [](const Json& rule) {
    if (is_search(rule)) return true;
    return rule.is_object() && rule.find("property") && rule.find("operator") && rule.find("value");
  });
}

void PortRules::headers(const ReceivedRequest& request, bool exporter, const Complain& complain) const {
  const std::string agent =
      "port-ocean/" + names_.type + "/" + names_.version + "/" + names_.integration + (exporter ? "/exporter" : "");
  expect(request.header("User-Agent") == agent,
         "User-Agent is " + request.header("User-Agent").value_or("missing") + ", not " + agent, complain);
  expect(request.header("X-Riptide-Version").has_value(), "X-Riptide-Version is missing", complain);
  expect(request.body.empty() || request.header("Content-Type") == "application/json",
         "Content-Type is not application/json", complain);
  expect(request.body.empty() || request.header("Content-Length") == std::to_string(request.body.size()),
         "Content-Length is not the length of the body", complain);
  expect(!request.header("Expect"), "Expect costs a round trip", complain);
  Keys names;
  for (const auto& [name, value] : request.headers) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    expect(names.insert(lower).second, "the header " + name + " is there twice", complain);
  }
}

std::optional<std::string> PortRules::event_query(const ReceivedRequest& request, const std::string& before,
                                                  const Complain& complain) const {
  static const std::regex kEvent(std::string("ocean_info_event_type=resync&ocean_info_resync_id=(") + kUuid + ")");
  std::smatch match;
  const std::string rest = request.query.starts_with(before) ? request.query.substr(before.size()) : "";
  if (std::regex_match(rest, match, kEvent)) return match[1].str();
  complain("the query is not " + before + "ocean_info_event_type=resync&ocean_info_resync_id=<UUID 4>");
  return std::nullopt;
}

void PortRules::token(const Json& body, const Complain& complain) const {
  expect_keys(body, "the body", {"clientId", "clientSecret"}, {}, complain);
}

void PortRules::new_integration(const Json& body, const Complain& complain) const {
  expect_keys(body, "the integration",
              {"installationId", "installationAppType", "version", "changelogDestination", "config",
               "actionsProcessingEnabled", "incrementalSyncEnabled", "createPortResourcesOrigin"},
              {}, complain);
  expect(body["installationId"].text() == names_.integration, "installationId is another", complain);
  expect(body["installationAppType"].text() == names_.type, "installationAppType is another", complain);
  expect(body["version"].text() == names_.version, "version is another", complain);
  expect(body["changelogDestination"].dump() == "{}", "changelogDestination is not {}", complain);
  expect(body["actionsProcessingEnabled"].is_bool() && body["incrementalSyncEnabled"].is_bool(),
         "the two switches are not booleans", complain);
  const std::string origin = body["createPortResourcesOrigin"].text();
  expect(origin == "Default" || origin == "Empty" || origin == "Port", "an unknown origin: " + origin, complain);
  if (body["config"].dump() != "{}") config(body["config"], complain);
}

void PortRules::changed_integration(const Json& body, const Complain& complain) const {
  expect_keys(body, "the change", {"version"},
              {"installationAppType", "changelogDestination", "actionsProcessingEnabled", "incrementalSyncEnabled",
               "processingMode", "config", "arePortResourcesInitialized"},
              complain);
  expect(body["version"].text() == names_.version, "version is another", complain);
  if (const auto mode = body.find("processingMode")) {
    expect(mode->text() == "ocean-core", "processingMode is not ocean-core", complain);
    for (const char* name :
         {"installationAppType", "changelogDestination", "actionsProcessingEnabled", "incrementalSyncEnabled"}) {
      expect(body.find(name).has_value(), std::string("the change lacks '") + name + "'", complain);
    }
  } else {
    expect(body.find("arePortResourcesInitialized").has_value(), "a change that says nothing", complain);
  }
  if (const auto initialized = body.find("arePortResourcesInitialized")) {
    expect(initialized->is_bool() && initialized->truth(), "arePortResourcesInitialized is not true", complain);
  }
  if (const auto mapping = body.find("config")) config(*mapping, complain);
}

void PortRules::config(const Json& mapping, const Complain& complain) const {
  expect_keys(mapping, "the mapping",
              {"deleteDependentEntities", "createMissingRelatedEntities", "enableMergeEntity",
               "entityDeletionThreshold", "resources"},
              {}, complain);
  for (const char* name : {"deleteDependentEntities", "createMissingRelatedEntities", "enableMergeEntity"}) {
    expect(mapping[name].is_bool(), std::string(name) + " is not a boolean", complain);
  }
  expect(mapping["entityDeletionThreshold"].is_number(), "entityDeletionThreshold is not a number", complain);
  for (const Json& resource : mapping["resources"].items()) {
    expect_keys(resource, "a resource", {"kind", "selector", "port"}, {}, complain);
    expect(resource["selector"]["query"].is_string(), "selector.query is not a string", complain);
    const Json mappings = resource["port"]["entity"]["mappings"];
    expect_keys(mappings, "mappings", {"identifier", "blueprint"}, {"title", "icon", "team", "properties", "relations"},
                complain);
  }
}

void PortRules::resync_state(const Json& body, const Complain& complain) const {
  const std::string status = body["status"].text();
  if (status == "running") {
    expect_keys(body, "the state", {"status", "lastResyncEnd", "lastResyncStart", "nextResync", "intervalInMinuets"},
                {}, complain);
    expect(body["lastResyncEnd"].is_null(), "lastResyncEnd of a running resync is not null", complain);
    expect(is_python_time(body["lastResyncStart"]), "lastResyncStart is not a time", complain);
  } else {
    expect(status == "completed" || status == "failed" || status == "aborted", "an unknown status " + status, complain);
    expect_keys(body, "the state", {"status", "lastResyncEnd", "nextResync", "intervalInMinuets"}, {}, complain);
    expect(is_python_time(body["lastResyncEnd"]), "lastResyncEnd is not a time", complain);
  }
  expect(body["nextResync"].is_null() || is_python_time(body["nextResync"]), "nextResync is no time", complain);
  expect(body["intervalInMinuets"].is_null() || body["intervalInMinuets"].is_number(), "intervalInMinuets is no number",
         complain);
}

void PortRules::examples(const Json& body, const Complain& complain) const {
  expect_keys(body, "the examples", {"examples"}, {}, complain);
  const auto all = body["examples"].items();
  expect(!all.empty() && all.size() <= kMostExamples, "1 to 5 examples are allowed", complain);
  for (const Json& example : all) expect(example.is_object(), "an example is not an object", complain);
}

void PortRules::metric_object(const Json& metric, const Complain& complain) const {
  expect_keys(metric, "a metric",
              {"integrationType", "installationType", "executionMode", "integrationIdentifier", "integrationVersion",
               "oceanVersion", "kindIdentifier", "kind", "kindIndex", "eventId", "syncState", "blueprint", "metrics"},
              {}, complain);
  expect(metric["integrationType"].text() == names_.type, "integrationType is another", complain);
  expect(metric["executionMode"].text() == "single_process", "executionMode is another", complain);
  expect(metric["integrationIdentifier"].text() == names_.integration, "integrationIdentifier is another", complain);
  expect(metric["integrationVersion"].text() == names_.version, "integrationVersion is another", complain);
  expect(metric["oceanVersion"].text() == names_.core_version, "oceanVersion is another", complain);
  expect(is_uuid(metric["eventId"]), "eventId is not a UUID 4", complain);
  expect(kSyncStates.contains(metric["syncState"].text()), "an unknown syncState", complain);
  expect(metric["blueprint"].is_string(), "blueprint is not a text", complain);
  const std::string kind = metric["kind"].text();
  const bool pseudo = kind.starts_with("__");
  expect(metric["kindIdentifier"].text() == (pseudo ? kind : kind + "-" + std::to_string(metric["kindIndex"].count())),
         "kindIdentifier is not <kind>-<index>", complain);
  expect_metrics(metric["metrics"], "metrics", complain);
}

void PortRules::kinds_metrics(const Json& body, const Complain& complain) const {
  expect_keys(body, "the metrics", {"syncKindsMetrics"}, {}, complain);
  const auto all = body["syncKindsMetrics"].items();
  expect(!all.empty(), "no kind in the metrics", complain);
  for (const Json& metric : all) metric_object(metric, complain);
}

void PortRules::kind_metrics(const Json& body, const Complain& complain) const {
  expect_keys(body, "the metrics", {"syncKindMetrics"}, {}, complain);
  metric_object(body["syncKindMetrics"], complain);
}

void PortRules::heartbeat(const Json& body, const Complain& complain) const {
  expect_keys(body, "the heartbeat", {"eventId"}, {}, complain);
  expect(is_uuid(body["eventId"]), "eventId is not a UUID 4", complain);
}

void PortRules::logs(const Json& body, const Complain& complain) const {
  static const std::regex kTime(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)");
  static const Keys kLevels = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
  expect_keys(body, "the logs", {"logs"}, {}, complain);
  const auto all = body["logs"].items();
  expect(!all.empty() && all.size() <= 1000, "1 to 1000 records are allowed", complain);
  for (const Json& line : all) {
    expect_keys(line, "a log record", {"message", "level", "timestamp", "extra"}, {}, complain);
    expect(line["message"].is_string(), "message is not a text", complain);
    expect(kLevels.contains(line["level"].text()), "an unknown level", complain);
    expect(std::regex_match(line["timestamp"].text(), kTime), "timestamp is not a time", complain);
    expect(line["extra"].find("hostname") && line["extra"].find("instance"), "extra lacks its two names", complain);
  }
}

void PortRules::blueprint(const Json& body, bool whole, const Complain& complain) const {
  static const Keys kOthers = {"calculationProperties", "mirrorProperties", "aggregationProperties",
                               "teamInheritance",       "ownership",        "relations"};
  Keys optional = {"description", "icon", "changelogDestination"};
  if (whole) optional.insert(kOthers.begin(), kOthers.end());
  expect_keys(body, "the blueprint", {"identifier", "title", "schema"}, optional, complain);
  expect(is_identifier(body["identifier"].text()) && body["identifier"].text().size() <= 100, "a bad identifier",
         complain);
  expect(!body["title"].text().empty() && body["title"].text().size() <= 100, "a bad title", complain);
  if (const auto description = body.find("description")) {
    expect(description->text().size() <= 200, "a description of more than 200 characters", complain);
  }
  expect(body["schema"]["properties"].is_object(), "schema.properties is not an object", complain);
  if (const auto relations = body.find("relations")) {
    for (const std::string& name : relations->keys()) {
      expect_keys((*relations)[name], "relation " + name, {"target", "required", "many"},
                  {"title", "description", "type"}, complain);
    }
  }
}

void PortRules::upsert(const ReceivedRequest& request, const Json& body, const Complain& complain) const {
  expect_keys(body, "the body", {"entities"}, {}, complain);
  const auto entities = body["entities"].items();
  expect(!entities.empty() && entities.size() <= kMostEntities, "1 to 20 entities are allowed", complain);
  expect(request.body.size() <= kMostBytes || entities.size() == 1, "1 MiB is allowed", complain);
}

void PortRules::entity(const Json& entity, const std::string& blueprint, const Complain& complain) const {
  expect_keys(entity, "an entity", {"identifier", "blueprint"}, {"title", "icon", "team", "properties", "relations"},
              complain);
  const Json identifier = entity["identifier"];
  if (identifier.is_object()) {
    expect(is_search(identifier), "a search identifier that is no query", complain);
  } else if (identifier.is_string()) {
    expect(!identifier.text().empty(), "an identifier is empty", complain);
  } else {
    expect(!identifier.is_null(), "an identifier is null", complain);
  }
  expect(entity["blueprint"].is_string() && entity["blueprint"].text() == blueprint, "an entity of another blueprint",
         complain);
  if (const auto properties = entity.find("properties")) {
    expect(properties->is_object(), "properties are not an object", complain);
  }
  if (const auto relations = entity.find("relations")) {
    expect(relations->is_object(), "relations are not an object", complain);
  }
}

void PortRules::owned(const Json& body, const Complain& complain) const {
  expect_keys(body, "the search", {"datasource_prefix", "datasource_suffix", "limit"}, {"before", "from"}, complain);
  expect(body["datasource_prefix"].text() == "port-ocean/" + names_.type + "/", "datasource_prefix is another",
         complain);
  expect(body["datasource_suffix"].text() == "/" + names_.integration + "/exporter", "datasource_suffix is another",
         complain);
  expect(body["limit"].count() >= 1 && body["limit"].count() <= kMostOwned, "1 to 5000 are allowed", complain);
  if (const auto before = body.find("before")) expect(is_python_time(*before), "before is not a time", complain);
}

std::set<std::string> PortRules::search(const ReceivedRequest& request, const Json& body,
                                        const Complain& complain) const {
  const std::string begin = "exclude_calculated_properties=true&include=blueprint&include=identifier";
  expect(request.query.starts_with(begin), "the search's query does not begin with " + begin, complain);
  std::set<std::string> included;
  static const std::string kInclude = "&include=";
  for (auto at = request.query.find(kInclude); at != std::string::npos;) {
    const auto next = request.query.find('&', at + 1);
    const std::string name = unescaped(request.query.substr(at + kInclude.size(), next - at - kInclude.size()));
    expect(included.insert(name).second, "the search includes '" + name + "' twice", complain);
    // Ocean never asks for the icon; the OpenAPI allows every member of an entity.
    expect(name == "blueprint" || name == "identifier" || name == "title" || name == "team" || name == "icon" ||
               name.starts_with("properties.") || name.starts_with("relations."),
           "the search includes '" + name + "'", complain);
    at = request.query.find(kInclude, at + 1);
  }
  expect_keys(body, "the search", {"combinator", "rules"}, {}, complain);
  expect(body["combinator"].text() == "and", "the combinator is not and", complain);
  const auto rules = body["rules"].items();
  expect(rules.size() == 4, "the search has not four rules", complain);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"$identifier", "in"}, {"$blueprint", "="}, {"$datasource", "contains"}, {"$datasource", "contains"}};
  for (std::size_t i = 0; i < std::min(rules.size(), expected.size()); ++i) {
    expect_keys(rules[i], "a rule", {"property", "operator", "value"}, {}, complain);
    expect(rules[i]["property"].text() == expected[i].first && rules[i]["operator"].text() == expected[i].second,
           "rule " + std::to_string(i) + " is another", complain);
  }
  const auto identifiers = body["rules"][0]["value"].items();
  expect(!identifiers.empty() && identifiers.size() <= kMostSearched, "1 to 50 entities are searched for", complain);
  expect(body["rules"][2]["value"].text() == "port-ocean/" + names_.type + "/", "the datasource is another", complain);
  expect(body["rules"][3]["value"].text() == "/" + names_.integration + "/exporter", "the datasource is another",
         complain);
  return included;
}

void PortRules::removal(const Json& body, const Complain& complain) const {
  expect_keys(body, "the body", {"entities"}, {}, complain);
  const auto identifiers = body["entities"].items();
  expect(!identifiers.empty() && identifiers.size() <= kMostDeletions, "1 to 100 deletions are allowed", complain);
  for (const Json& identifier : identifiers) expect(identifier.is_string(), "an identifier is not a text", complain);
}

}  // namespace riptide::loopback

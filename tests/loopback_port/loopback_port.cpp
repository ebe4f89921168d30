#include "loopback_port/loopback_port.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <stdexcept>

namespace riptide::loopback {
namespace {

Reply refusal(int status, const std::string& error, const std::string& message) {
  return Reply::json(R"({"ok":false,"error":")" + error + R"(","message":")" + message + "\"}").with_status(status);
}

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string list_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ",") + json_text(text);
  return "[" + out + "]";
}

// The one segment between a prefix and a suffix, decoded, or nothing.
std::optional<std::string> between(std::string_view text, std::string_view prefix, std::string_view suffix) {
  if (text.size() <= prefix.size() + suffix.size() || !text.starts_with(prefix) || !text.ends_with(suffix)) {
    return std::nullopt;
  }
  const auto middle = text.substr(prefix.size(), text.size() - prefix.size() - suffix.size());
  if (middle.find('/') != std::string_view::npos) return std::nullopt;
  return unescaped(middle);
}

std::string iso_now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(micros));
  return text.data();
}

std::string identifier_of(const Json& entity) {
  const Json identifier = entity["identifier"];
  return identifier.is_string() ? identifier.text() : identifier.dump();
}

}  // namespace

LoopbackPort::LoopbackPort(Options options)
    : options_(std::move(options)),
      rules_({.client_id = options_.client_id,
              .type = options_.type,
              .version = options_.version,
              .integration = options_.integration}) {
  for (const std::string& text : options_.blueprints) {
    const Json blueprint = Json::parse(text);
    blueprints_.insert_or_assign(blueprint["identifier"].text(), blueprint);
  }
  if (options_.config) {
    const Json members = Json::parse("{" + options_.integration_members + "}");
    for (const std::string& key : members.keys()) integration_[key] = members[key].dump();
    integration_["config"] = *options_.config;
  }
  server_ = std::make_unique<LoopbackServer>([this](const ReceivedRequest& request) {
    const std::lock_guard lock(mutex_);
    try {
      return answer(request);
    } catch (const std::exception& error) {
      complain(request)(error.what());
      return refusal(422, "invalid_request", "the test's Port cannot read this");
    }
  });
}

LoopbackPort::~LoopbackPort() {
  const auto all = violations();
  if (!all.empty()) ADD_FAILURE() << all.size() << " violations towards Port, the first: " << all.front();
}

std::map<std::string, std::string> LoopbackPort::environment() const {
  return {{"OCEAN__PORT__BASE_URL", url()},
          {"OCEAN__PORT__CLIENT_ID", options_.client_id},
          {"OCEAN__PORT__CLIENT_SECRET", options_.client_secret}};
}

std::map<LoopbackPort::Identity, std::string> LoopbackPort::catalogue() const {
  const std::lock_guard lock(mutex_);
  std::map<Identity, std::string> all;
  for (const auto& [identity, stored] : catalogue_) all.emplace(identity, stored.json);
  return all;
}

void LoopbackPort::put(const Identity& identity, std::string_view datasource, std::string_view entity) {
  const std::lock_guard lock(mutex_);
  catalogue_[identity] = {std::string(entity), std::string(datasource), iso_now()};
}

void LoopbackPort::erase(const Identity& identity) {
  const std::lock_guard lock(mutex_);
  catalogue_.erase(identity);
}

bool LoopbackPort::has(const Identity& identity) const {
  const std::lock_guard lock(mutex_);
  return catalogue_.contains(identity);
}

std::set<std::string> LoopbackPort::blueprints() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> all;
  for (const auto& [identifier, blueprint] : blueprints_) all.insert(identifier);
  return all;
}

std::string LoopbackPort::blueprint(const std::string& identifier) const {
  const std::lock_guard lock(mutex_);
  const auto found = blueprints_.find(identifier);
  return found == blueprints_.end() ? "" : found->second.canonical();
}

std::string LoopbackPort::integration() const {
  const std::lock_guard lock(mutex_);
  return integration_.empty() ? "" : integration_reply(200).body;
}

std::vector<std::string> LoopbackPort::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

std::set<std::string> LoopbackPort::resync_ids() const {
  const std::lock_guard lock(mutex_);
  return resync_ids_;
}

std::size_t LoopbackPort::count(std::string_view route) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count(journal_.begin(), journal_.end(), route));
}

std::vector<std::string> LoopbackPort::journal() const {
  const std::lock_guard lock(mutex_);
  return journal_;
}

std::vector<std::string> LoopbackPort::bodies(std::string_view route) const {
  const std::lock_guard lock(mutex_);
  const auto found = bodies_.find(route);
  return found == bodies_.end() ? std::vector<std::string>() : found->second;
}

std::size_t LoopbackPort::upserts_of(const Identity& identity) const {
  const std::lock_guard lock(mutex_);
  const auto found = upserts_.find(identity);
  return found == upserts_.end() ? 0 : found->second;
}

std::vector<LoopbackPort::Identity> LoopbackPort::deletions() const {
  const std::lock_guard lock(mutex_);
  return deletions_;
}

std::size_t LoopbackPort::over_quota() const {
  const std::lock_guard lock(mutex_);
  return over_quota_;
}

PortRules::Complain LoopbackPort::complain(const ReceivedRequest& request) {
  return [this, where = request.method + " " + request.target + ": "](const std::string& what) {
    if (violations_.size() < 20) violations_.push_back(where + what);
  };
}

std::optional<LoopbackPort::Route> LoopbackPort::route_of(const ReceivedRequest& request) const {
  const std::string& path = request.path;
  const std::string key = request.method + " " + path;
  const std::string integration = "/v1/integration/" + options_.integration;
  if (key == "POST /v1/auth/access_token") return Route{"token", &LoopbackPort::token, ""};
  if (key == "GET /v1/integration/provision-enabled") return Route{"provision", &LoopbackPort::provision, ""};
  if (key == "GET /v1/organization") return Route{"organization", &LoopbackPort::organization, ""};
  if (key == "POST /v1/integration") return Route{"integration_create", &LoopbackPort::create_integration, ""};
  if (key == "GET " + integration) return Route{"integration", &LoopbackPort::get_integration, ""};
  if (key == "PATCH " + integration) return Route{"integration_patch", &LoopbackPort::patch_integration, ""};
  if (key == "PATCH " + integration + "/config") return Route{"config_patch", &LoopbackPort::patch_config, ""};
  if (key == "PATCH " + integration + "/resync-state") return Route{"resync_state", &LoopbackPort::resync_state, ""};
  if (key == "POST /v1/blueprints/entities/datasource-entities") return Route{"owned", &LoopbackPort::owned, ""};
  if (key == "POST /v1/entities/search") return Route{"search", &LoopbackPort::search, ""};
  if (key == "POST /v1/blueprints") return Route{"blueprint_create", &LoopbackPort::create_blueprint, ""};
  if (key == "POST /ingest/metrics/syncMetrics") return Route{"metrics", &LoopbackPort::metrics, ""};
  if (key == "POST /ingest/metrics/heartbeat") return Route{"heartbeat", &LoopbackPort::heartbeat, ""};
  if (key == "POST /ingest/logs") return Route{"logs", &LoopbackPort::logs, ""};
  if (key == "POST /v1/actions" || key == "POST /v1/pages") return Route{"extra", &LoopbackPort::extra, ""};
  if (request.method == "POST") {
    if (auto name = between(path, integration + "/kinds/", "/examples")) {
      return Route{"examples", &LoopbackPort::examples, *name};
    }
    if (auto name = between(path, "/v1/blueprints/", "/entities/bulk")) {
      return Route{"upsert", &LoopbackPort::upsert, *name};
    }
    if (auto name = between(path, "/v1/blueprints/", "/bulk/entities/delete")) {
      return Route{"delete", &LoopbackPort::remove, *name};
    }
    if (auto name = between(path, "/v1/blueprints/", "/scorecards")) return Route{"extra", &LoopbackPort::extra, *name};
  }
  if (request.method == "PUT") {
    static const std::string kBefore = "/ingest/metrics/syncMetrics/resync/";
    const auto kind = path.find("/kind/");
    if (path.starts_with(kBefore) && kind != std::string::npos) {
      return Route{"kind_metrics", &LoopbackPort::kind_metrics, unescaped(path.substr(kind + 6))};
    }
  }
  if (auto name = between(path, "/v1/blueprints/", "")) {
    if (request.method == "GET") return Route{"blueprint", &LoopbackPort::get_blueprint, *name};
    if (request.method == "PATCH") return Route{"blueprint_patch", &LoopbackPort::patch_blueprint, *name};
    if (request.method == "DELETE") return Route{"blueprint_delete", &LoopbackPort::delete_blueprint, *name};
  }
  return std::nullopt;
}

Reply LoopbackPort::answer(const ReceivedRequest& request) {
  if (options_.instead) {
    if (auto reply = options_.instead(request)) return *std::move(reply);
  }
  const auto route = route_of(request);
  if (!route) {
    complain(request)("there is no such route, or a resync has no business there");
    return refusal(404, "not_found", "no such route");
  }
  journal_.push_back(route->label);
  bodies_[route->label].push_back(request.body);
  if (route->label == "token") return interfered(request, *route);
  if (auto refused = authorized(request)) return *std::move(refused);
  HeaderList limits;
  if (request.path.starts_with("/v1/") && !within_quota(route->label, limits)) {
    ++over_quota_;
    Reply reply = refusal(429, "too_many_requests", "the quota is used up");
    reply.headers.insert(reply.headers.end(), limits.begin(), limits.end());
    return reply;
  }
  Reply reply = interfered(request, *route);
  reply.headers.insert(reply.headers.end(), limits.begin(), limits.end());
  return reply;
}

Reply LoopbackPort::interfered(const ReceivedRequest& request, const Route& route) {
  for (Interference& interference : options_.interfere) {
    if (interference.route != route.label) continue;
    if (interference.after > 0) {
      --interference.after;
      break;
    }
    if (interference.times == 0) continue;
    --interference.times;
    return interference.reply(interference.applied ? (this->*route.handle)(request, route.name) : Reply());
  }
  return (this->*route.handle)(request, route.name);
}

std::optional<Reply> LoopbackPort::authorized(const ReceivedRequest& request) {
  const std::string valid = "Bearer token-" + std::to_string(tokens_);
  const auto authorization = request.header("Authorization");
  if (!authorization || !authorization->starts_with("Bearer token-")) {
    complain(request)("Authorization is not <type> <token>");
  }
  if (tokens_ == 0 || authorization != valid || requests_with_token_ >= options_.requests_a_token ||
      Clock::now() >= token_expires_) {
    return refusal(401, "unauthorized", "the token is not valid");
  }
  ++requests_with_token_;
  return std::nullopt;
}

bool LoopbackPort::within_quota(const std::string& label, HeaderList& headers) {
  const Quota& quota = options_.quota;
  if (quota.limit == 0) return true;
  const auto now = Clock::now();
  Window& window = windows_[label == "upsert" || label == "delete"  ? "entities"
                            : label == "owned" || label == "search" ? "search"
                            : label.starts_with("blueprint")        ? "blueprints"
                                                                    : "other"];
  if (now - window.begun >= quota.period) window = {now, 0};
  const bool within = window.requests < quota.limit;
  if (within) ++window.requests;
  const auto left = std::chrono::ceil<std::chrono::seconds>(window.begun + quota.period - now);
  headers = {{"x-ratelimit-limit", std::to_string(quota.limit)},
             {"x-ratelimit-remaining", std::to_string(quota.limit - window.requests)},
             {"x-ratelimit-reset", std::to_string(left.count())}};
  return within;
}

Reply LoopbackPort::token(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, false, complains);
  if (request.header("Authorization")) complains("a token is asked for without Authorization");
  const Json body = Json::parse(request.body);
  rules_.token(body, complains);
  if (body["clientId"].text() != options_.client_id || body["clientSecret"].text() != options_.client_secret) {
    return refusal(401, "invalid_credentials", "wrong clientId or clientSecret");
  }
  // One that is still good is given out again: several clients of one process may ask.
  if (tokens_ == 0 || requests_with_token_ >= options_.requests_a_token || Clock::now() >= token_expires_) {
    ++tokens_;
    requests_with_token_ = 0;
    token_expires_ = Clock::now() + options_.token_lifetime;
  }
  const auto left = std::chrono::floor<std::chrono::seconds>(token_expires_ - Clock::now());
  return Reply::json(R"({"ok":true,"accessToken":"token-)" + std::to_string(tokens_) + R"(","expiresIn":)" +
                     std::to_string(std::max<std::int64_t>(1, left.count())) + R"(,"tokenType":"Bearer"})");
}

Reply LoopbackPort::provision(const ReceivedRequest& request, const std::string&) {
  rules_.headers(request, false, complain(request));
  return Reply::json(R"({"ok":true,"integrations":)" + list_of(options_.provisioned) + "}");
}

Reply LoopbackPort::organization(const ReceivedRequest& request, const std::string&) {
  rules_.headers(request, false, complain(request));
  return Reply::json(R"({"ok":true,"organization":{"id":"org_1","name":"test","featureFlags":)" +
                     list_of(options_.feature_flags) + "}}");
}

Reply LoopbackPort::integration_reply(int status) const {
  std::string members = R"("identifier":)" + json_text(options_.integration) + R"(,"installationType":)" +
                        json_text(options_.installation_type) + R"(,"logAttributes":{"ingestUrl":)" +
                        json_text(server_->url("/ingest/logs")) + R"(},"metricAttributes":{"ingestUrl":)" +
                        json_text(server_->url("/ingest/metrics")) + "}";
  for (const auto& [name, value] : integration_) members += "," + json_text(name) + ":" + value;
  return Reply::json(R"({"ok":true,"integration":{)" + members + "}}").with_status(status);
}

Reply LoopbackPort::get_integration(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, false, complains);
  if (request.query != "oceanCoreVersion=0.48.12&isPolling=false") complains("the query is another one");
  if (integration_.empty()) return refusal(404, "not_found", "no such integration");
  return integration_reply(200);
}

Reply LoopbackPort::create_integration(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, false, complains);
  const Json body = Json::parse(request.body);
  rules_.new_integration(body, complains);
  const bool provisions = body["createPortResourcesOrigin"].text() == "Port";
  if (request.query != (provisions ? "integration_modes=create_resources" : "")) complains("the query is another one");
  if (!integration_.empty()) return refusal(409, "conflict", "there is such an integration");
  for (const std::string& key : body.keys()) {
    if (key != "installationId") integration_[key] = body[key].dump();
  }
  if (provisions) integration_["config"] = R"({"resources":[]})";
  return integration_reply(201);
}

Reply LoopbackPort::patch_integration(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, false, complains);
  if (!request.query.empty()) complains("a query");
  const Json body = Json::parse(request.body);
  rules_.changed_integration(body, complains);
  if (integration_.empty()) return refusal(404, "not_found", "no such integration");
  for (const std::string& key : body.keys()) integration_[key] = body[key].dump();
  return integration_reply(200);
}

Reply LoopbackPort::patch_config(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, false, complains);
  const Json body = Json::parse(request.body);
  rules_.config(body["config"], complains);
  if (body.keys() != std::vector<std::string>{"config"}) complains("the body is not `config`");
  if (integration_.empty()) return refusal(404, "not_found", "no such integration");
  integration_["config"] = body["config"].dump();
  return integration_reply(200);
}

Reply LoopbackPort::resync_state(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, false, complains);
  const Json body = Json::parse(request.body);
  rules_.resync_state(body, complains);
  if (integration_.empty()) return refusal(404, "not_found", "no such integration");
  integration_["resyncState"] =
      R"({"status":)" + body["status"].dump() + R"(,"updatedAt":)" + json_text(iso_now()) + "}";
  return integration_reply(200);
}

Reply LoopbackPort::examples(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, false, complains);
  rules_.examples(Json::parse(request.body), complains);
  return Reply::json(R"({"ok":true})");
}

Reply LoopbackPort::get_blueprint(const ReceivedRequest& request, const std::string& name) {
  rules_.headers(request, false, complain(request));
  const auto found = blueprints_.find(name);
  if (found == blueprints_.end()) return refusal(404, "not_found", "no blueprint " + name);
  return Reply::json(R"({"ok":true,"blueprint":)" + found->second.dump() + "}");
}

Reply LoopbackPort::create_blueprint(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, true, complains);
  const Json body = Json::parse(request.body);
  rules_.blueprint(body, false, complains);
  const auto [at, fresh] = blueprints_.emplace(body["identifier"].text(), body);
  if (!fresh) return refusal(409, "conflict", "there is such a blueprint");
  return Reply::json(R"({"ok":true,"blueprint":)" + body.dump() + "}").with_status(201);
}

Reply LoopbackPort::patch_blueprint(const ReceivedRequest& request, const std::string& name) {
  const auto complains = complain(request);
  rules_.headers(request, true, complains);
  const Json body = Json::parse(request.body);
  rules_.blueprint(body, true, complains);
  const auto found = blueprints_.find(name);
  if (found == blueprints_.end()) return refusal(404, "not_found", "no blueprint " + name);
  if (const auto relations = body.find("relations")) {
    for (const std::string& relation : relations->keys()) {
      if (!blueprints_.contains((*relations)[relation]["target"].text())) {
        return refusal(422, "invalid_request", "a relation to a blueprint that is not there");
      }
    }
  }
  found->second = body;
  return Reply::json(R"({"ok":true,"blueprint":)" + body.dump() + "}");
}

Reply LoopbackPort::delete_blueprint(const ReceivedRequest& request, const std::string& name) {
  rules_.headers(request, true, complain(request));
  if (blueprints_.erase(name) == 0) return refusal(404, "not_found", "no blueprint " + name);
  return Reply::json(R"({"ok":true})");
}

Reply LoopbackPort::extra(const ReceivedRequest& request, const std::string&) {
  rules_.headers(request, false, complain(request));
  (void)Json::parse(request.body);
  return Reply::json(R"({"ok":true})").with_status(201);
}

// Whether what an entity relates to is there; makes it where the mapping asks for that.
std::optional<LoopbackPort::Complaint> LoopbackPort::relate(const Json& entity, const std::string& blueprint,
                                                            const std::string& datasource) {
  const auto known = blueprints_.find(blueprint);
  const auto relations = entity.find("relations");
  if (!options_.check_relations || !relations || known == blueprints_.end()) return std::nullopt;
  for (const std::string& name : relations->keys()) {
    const auto defined = known->second.find("relations");
    if (!defined || !defined->find(name)) return Complaint{422, "invalid_request", "no relation " + name};
    const std::string target = (*defined)[name]["target"].text();
    const Json value = (*relations)[name];
    std::vector<Json> wanted;
    if (value.is_array()) wanted = value.items();
    if (value.is_string()) wanted = {value};
    for (const Json& one : wanted) {
      const Identity other(target, one.text());
      if (other == Identity(blueprint, identifier_of(entity)) || catalogue_.contains(other)) continue;
      if (options_.create_missing_related != "true") {
        return Complaint{404, "not_found", "no related entity " + target + "/" + one.text()};
      }
      catalogue_[other] = {"{}", datasource, iso_now()};
    }
  }
  return std::nullopt;
}

std::optional<LoopbackPort::Complaint> LoopbackPort::store(const Json& entity, const std::string& blueprint,
                                                           const std::string& identifier,
                                                           const std::string& datasource) {
  if (options_.refuse) {
    if (auto complaint = options_.refuse(entity)) return complaint;
  }
  if (!is_identifier(identifier)) return Complaint{422, "invalid_request", "a bad identifier"};
  if (auto complaint = relate(entity, blueprint, datasource)) return complaint;
  catalogue_[{blueprint, identifier}] = {entity.canonical(), datasource, iso_now()};
  return std::nullopt;
}

Reply LoopbackPort::upsert(const ReceivedRequest& request, const std::string& blueprint) {
  const auto complains = complain(request);
  rules_.headers(request, true, complains);
  const auto id = rules_.event_query(request,
                                     "upsert=true&merge=" + options_.merge + "&create_missing_related_entities=" +
                                         options_.create_missing_related + "&validation_only=false&",
                                     complains);
  if (id) resync_ids_.insert(*id);
  const Json body = Json::parse(request.body);
  rules_.upsert(request, body, complains);
  const auto entities = body["entities"].items();
  if (entities.size() > options_.accepted_entities || request.body.size() > options_.accepted_bytes) {
    return refusal(413, "too_large", "the body is too large");
  }
  if (!options_.any_blueprint && !blueprints_.contains(blueprint)) {
    return refusal(404, "not_found", "no blueprint " + blueprint);
  }
  const std::string datasource = request.header("User-Agent").value_or("");
  std::string done;
  std::string errors;
  for (std::size_t i = 0; i < entities.size(); ++i) {
    const Json& entity = entities[i];
    rules_.entity(entity, blueprint, complains);
    std::string identifier = identifier_of(entity);
    std::optional<Complaint> complaint;
    if (entity["identifier"].is_object()) {
      const auto found = options_.search ? options_.search(entity["identifier"]) : std::nullopt;
      if (found) {
        identifier = *found;
      } else {
        complaint = Complaint{404, "not_found", "the search finds nothing", true};
      }
    }
    const bool created = !catalogue_.contains({blueprint, identifier});
    if (!complaint) complaint = store(entity, blueprint, identifier, datasource);
    const std::string index = R"({"index":)" + std::to_string(i) + R"(,"identifier":)";
    if (complaint) {
      errors += (errors.empty() ? "" : ",") + index + (complaint->unknown ? "\"unknown\"" : json_text(identifier)) +
                R"(,"statusCode":)" + std::to_string(complaint->status) + R"(,"error":)" + json_text(complaint->error) +
                R"(,"message":)" + json_text(complaint->message) + "}";
      continue;
    }
    ++upserts_[{blueprint, identifier}];
    done += (done.empty() ? "" : ",") + index + json_text(identifier) + R"(,"created":)" +
            (created ? "true" : "false") + "}";
  }
  return Reply::json(R"({"ok":true,"entities":[)" + done + R"(],"errors":[)" + errors + "]}")
      .with_status(errors.empty() ? 200 : 207)
      .with_delay(options_.latency);
}

Reply LoopbackPort::owned(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, true, complains);
  const Json body = Json::parse(request.body);
  rules_.owned(body, complains);
  const std::string prefix = body["datasource_prefix"].text();
  const std::string suffix = body["datasource_suffix"].text();
  const auto before = body.find("before");
  std::size_t skip = 0;
  if (const auto from = body.find("from")) skip = std::stoul(from->text());
  const std::size_t most = std::min<std::size_t>(options_.owned_page, body["limit"].count());
  std::string entities;
  std::size_t position = 0;
  std::size_t answered = 0;
  bool more = false;
  for (const auto& [identity, stored] : catalogue_) {
    if (!stored.datasource.starts_with(prefix) || !stored.datasource.ends_with(suffix)) continue;
    if (before && stored.updated_at >= before->text()) continue;
    if (position++ < skip) continue;
    if (answered == most) {
      more = true;
      break;
    }
    ++answered;
    entities += std::string(entities.empty() ? "" : ",") + R"({"identifier":)" + json_text(identity.second) +
                R"(,"blueprint":)" + json_text(identity.first);
    const auto relations = options_.owned_relations ? Json::parse(stored.json).find("relations") : std::nullopt;
    if (relations) entities += R"(,"relations":)" + relations->dump();
    entities += "}";
  }
  return Reply::json(R"({"ok":true,"entities":[)" + entities + R"(],"next":)" +
                     (more ? "\"" + std::to_string(skip + answered) + "\"" : "null") + "}");
}

Reply LoopbackPort::search(const ReceivedRequest& request, const std::string&) {
  const auto complains = complain(request);
  rules_.headers(request, true, complains);
  const Json body = Json::parse(request.body);
  const std::set<std::string> included = rules_.search(request, body, complains);
  std::set<std::string> wanted;
  for (const Json& identifier : body["rules"][0]["value"].items()) wanted.insert(identifier.text());
  const std::string blueprint = body["rules"][1]["value"].text();
  const std::string prefix = body["rules"][2]["value"].text();
  const std::string suffix = body["rules"][3]["value"].text();
  std::string entities;
  for (const std::string& identifier : wanted) {
    const auto found = catalogue_.find({blueprint, identifier});
    if (found == catalogue_.end()) continue;
    const Stored& stored = found->second;
    if (stored.datasource.find(prefix) == std::string::npos || stored.datasource.find(suffix) == std::string::npos)
      continue;
    const Json entity = Json::parse(stored.json);
    std::string members = R"("identifier":)" + json_text(identifier) + R"(,"blueprint":)" + json_text(blueprint);
    for (const char* const name : {"title", "icon", "team"}) {
      if (const auto value = entity.find(name); value && included.contains(name)) {
        members += ",\"" + std::string(name) + "\":" + value->dump();
      }
    }
    for (const char* const name : {"properties", "relations"}) {
      std::string inside;
      const auto object = entity.find(name);
      for (const std::string& key : object ? object->keys() : std::vector<std::string>()) {
        if (!included.contains(std::string(name) + "." + key)) continue;
        inside += (inside.empty() ? "" : ",") + json_text(key) + ":" + (*object)[key].dump();
      }
      members += ",\"" + std::string(name) + "\":{" + inside + "}";
    }
    entities += (entities.empty() ? "{" : ",{") + members + "}";
  }
  return Reply::json(R"({"ok":true,"entities":[)" + entities + "]}");
}

Reply LoopbackPort::remove(const ReceivedRequest& request, const std::string& blueprint) {
  const auto complains = complain(request);
  rules_.headers(request, true, complains);
  const auto id = rules_.event_query(request, "delete_dependents=" + options_.delete_dependents + "&", complains);
  if (id) resync_ids_.insert(*id);
  const Json body = Json::parse(request.body);
  rules_.removal(body, complains);
  std::string deleted;
  for (const Json& identifier : body["entities"].items()) {
    if (catalogue_.erase({blueprint, identifier.text()}) == 0) continue;
    deletions_.emplace_back(blueprint, identifier.text());
    deleted += (deleted.empty() ? "" : ",") + json_text(identifier.text());
  }
  return Reply::json(R"({"ok":true,"deletedEntities":[)" + deleted + "]}");
}

Reply LoopbackPort::metrics(const ReceivedRequest& request, const std::string&) {
  rules_.headers(request, false, complain(request));
  rules_.kinds_metrics(Json::parse(request.body), complain(request));
  return Reply::json(R"({"ok":true})");
}

Reply LoopbackPort::kind_metrics(const ReceivedRequest& request, const std::string& kind) {
  const auto complains = complain(request);
  rules_.headers(request, false, complains);
  const Json body = Json::parse(request.body);
  rules_.kind_metrics(body, complains);
  const Json metric = body["syncKindMetrics"];
  if (metric["kindIdentifier"].text() != kind) complains("the path names another kind");
  if (request.path.find("/resync/" + metric["eventId"].text() + "/kind/") == std::string::npos) {
    complains("the path names another resync");
  }
  return Reply::json(R"({"ok":true})");
}

Reply LoopbackPort::heartbeat(const ReceivedRequest& request, const std::string&) {
  rules_.headers(request, false, complain(request));
  rules_.heartbeat(Json::parse(request.body), complain(request));
  return Reply::json(R"({"ok":true})");
}

Reply LoopbackPort::logs(const ReceivedRequest& request, const std::string&) {
  rules_.headers(request, false, complain(request));
  rules_.logs(Json::parse(request.body), complain(request));
  return Reply::json(R"({"ok":true})");
}

}  // namespace riptide::loopback

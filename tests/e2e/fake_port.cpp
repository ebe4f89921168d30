#include "fake_port.hpp"

#include <gtest/gtest.h>

#include <array>
#include <regex>

namespace riptide::e2e {
namespace {

using loopback::ReceivedRequest;
using loopback::Reply;

constexpr std::size_t kMostEntities = 20;
constexpr std::size_t kMostBytes = 1u << 20;
constexpr std::size_t kMostDeletions = 100;
constexpr std::size_t kMostOwned = 5000;

Reply refusal(int status, const std::string& error, const std::string& message) {
  return Reply::json("{\"ok\":false,\"error\":\"" + error + "\",\"message\":\"" + message + "\"}").with_status(status);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// The part between a prefix and a suffix, or nothing.
std::optional<std::string> between(std::string_view text, std::string_view prefix, std::string_view suffix) {
  if (text.size() <= prefix.size() + suffix.size() || !text.starts_with(prefix) || !text.ends_with(suffix)) {
    return std::nullopt;
  }
  return std::string(text.substr(prefix.size(), text.size() - prefix.size() - suffix.size()));
}

}  // namespace

FakePort::FakePort(Options options) : options_(std::move(options)) {
  server_ = std::make_unique<loopback::LoopbackServer>([this](const ReceivedRequest& request) {
    const std::lock_guard lock(mutex_);
    try {
      return answer(request);
    } catch (const std::exception& error) {
      check(false, request, error.what());
      return refusal(422, "invalid_request", "the test's Port cannot read this");
    }
  });
}

FakePort::~FakePort() {
  const auto all = violations();
  if (!all.empty()) ADD_FAILURE() << all.size() << " violations towards Port, the first: " << all.front();
}

std::map<std::string, std::string> FakePort::environment() const {
  return {{"OCEAN__PORT__BASE_URL", url()},
          {"OCEAN__PORT__CLIENT_ID", options_.client_id},
          {"OCEAN__PORT__CLIENT_SECRET", options_.client_secret}};
}

std::map<Identity, std::string> FakePort::catalogue() const {
  const std::lock_guard lock(mutex_);
  std::map<Identity, std::string> all;
  for (const auto& [identity, stored] : catalogue_) all.emplace(identity, stored.json);
  return all;
}

void FakePort::put(const Identity& identity, std::string_view datasource) {
  const std::lock_guard lock(mutex_);
  catalogue_[identity] = {"{}", std::string(datasource)};
}

bool FakePort::has(const Identity& identity) const {
  const std::lock_guard lock(mutex_);
  return catalogue_.contains(identity);
}

std::vector<std::string> FakePort::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

std::set<std::string> FakePort::resync_ids() const {
  const std::lock_guard lock(mutex_);
  return resync_ids_;
}

std::size_t FakePort::count(std::string_view what) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(what);
  return found == counts_.end() ? 0 : found->second;
}

void FakePort::check(bool so, const ReceivedRequest& request, const std::string& what) {
  if (!so && violations_.size() < 20) violations_.push_back(request.method + " " + request.target + ": " + what);
}

void FakePort::check_headers(const ReceivedRequest& request, bool exporter) {
  const std::string agent = "port-ocean/" + options_.type + "/" + options_.version + "/" + options_.integration +
                            (exporter ? "/exporter" : "");
  check(request.header("User-Agent") == agent, request,
        "User-Agent is " + request.header("User-Agent").value_or("missing") + ", not " + agent);
  check(request.header("X-Riptide-Version").has_value(), request, "X-Riptide-Version is missing");
  check(request.method == "GET" || request.header("Content-Type") == "application/json", request,
        "Content-Type is not application/json");
}

// The query must be `expected_before` and the two parameters of the event.
void FakePort::check_event(const ReceivedRequest& request, const std::string& expected_before) {
  static const std::regex kEvent(
      "ocean_info_event_type=resync&ocean_info_resync_id="
      "([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})");
  std::smatch match;
  const bool begins = request.query.starts_with(expected_before);
  const std::string rest = begins ? request.query.substr(expected_before.size()) : "";
  check(std::regex_match(rest, match, kEvent), request,
        "the query is not " + expected_before + "ocean_info_event_type=resync&ocean_info_resync_id=<UUID 4>");
  if (!match.empty()) resync_ids_.insert(match[1]);
}

Reply FakePort::answer(const ReceivedRequest& request) {
  if (options_.instead) {
    if (auto reply = options_.instead(request)) return *std::move(reply);
  }
  if (request.method == "POST" && request.path == "/v1/auth/access_token") return token(request);
  const std::string valid = "Bearer token-" + std::to_string(tokens_);
  const auto authorization = request.header("Authorization");
  check(authorization && authorization->starts_with("Bearer token-"), request, "Authorization is not <type> <token>");
  if (tokens_ == 0 || authorization != valid || requests_with_token_ >= options_.requests_a_token) {
    return refusal(401, "unauthorized", "the token is not valid");
  }
  ++requests_with_token_;
  if (request.method == "GET" && request.path == "/v1/integration/" + options_.integration) return integration(request);
  if (request.method == "POST") {
    if (request.path == "/v1/blueprints/entities/datasource-entities") return owned(request);
    if (const auto blueprint = between(request.path, "/v1/blueprints/", "/entities/bulk")) {
      return upsert(request, *blueprint);
    }
    if (const auto blueprint = between(request.path, "/v1/blueprints/", "/bulk/entities/delete")) {
      return remove(request, *blueprint);
    }
  }
  check(false, request, "there is no such route, or a resync has no business there");
  return refusal(404, "not_found", "no such route");
}

Reply FakePort::token(const ReceivedRequest& request) {
  ++counts_["token"];
  check_headers(request, false);
  check(!request.header("Authorization"), request, "a token is asked for without Authorization");
  const Json body = Json::parse(request.body);
  check(body.keys() == std::vector<std::string>{"clientId", "clientSecret"}, request, "the body is not the two names");
  if (body["clientId"].text() != options_.client_id || body["clientSecret"].text() != options_.client_secret) {
    return refusal(401, "invalid_credentials", "wrong clientId or clientSecret");
  }
  ++tokens_;
  requests_with_token_ = 0;
  return Reply::json("{\"ok\":true,\"accessToken\":\"token-" + std::to_string(tokens_) +
                     "\",\"expiresIn\":10800,\"tokenType\":\"Bearer\"}");
}

Reply FakePort::integration(const ReceivedRequest& request) {
  ++counts_["integration"];
  check_headers(request, false);
  check(request.query == "oceanCoreVersion=0.48.12&isPolling=false", request, "the query is another one");
  if (!options_.config) return refusal(404, "not_found", "no such integration");
  return Reply::json("{\"ok\":true,\"integration\":{\"identifier\":" + quoted(options_.integration) +
                     ",\"installationType\":\"OnPrem\",\"config\":" + *options_.config + "}}");
}

Reply FakePort::upsert(const ReceivedRequest& request, const std::string& blueprint) {
  ++counts_["upsert"];
  check_headers(request, true);
  check_event(request, "upsert=true&merge=" + options_.merge + "&create_missing_related_entities=" +
                           options_.create_missing_related + "&validation_only=false&");
  const Json body = Json::parse(request.body);
  check(body.keys() == std::vector<std::string>{"entities"}, request, "the body is not `entities`");
  const auto entities = body["entities"].items();
  check(!entities.empty() && entities.size() <= kMostEntities, request, "1 to 20 entities are allowed");
  check(request.body.size() <= kMostBytes, request, "1 MiB is allowed");
  if (entities.size() > options_.accepted_entities) return refusal(413, "too_large", "the body is too large");
  static const std::set<std::string> kNames = {"identifier", "blueprint",  "title",    "icon",
                                               "team",       "properties", "relations"};
  std::string done;
  std::string errors;
  for (std::size_t i = 0; i < entities.size(); ++i) {
    const Json& entity = entities[i];
    for (const std::string& name : entity.keys()) check(kNames.contains(name), request, "unknown name " + name);
    const std::string identifier = entity["identifier"].text();
    check(!identifier.empty(), request, "an identifier is empty");
    check(entity["blueprint"].text() == blueprint, request, "an entity of another blueprint");
    const std::string index = "{\"index\":" + std::to_string(i) + ",\"identifier\":" + quoted(identifier);
    if (const auto complaint = options_.refuse ? options_.refuse(entity) : std::nullopt) {
      errors += (errors.empty() ? "" : ",") + index + ",\"statusCode\":" + std::to_string(complaint->status) +
                ",\"error\":" + quoted(complaint->error) + ",\"message\":" + quoted(complaint->message) + "}";
      continue;
    }
    const bool created = catalogue_
                             .insert_or_assign(Identity{blueprint, identifier},
                                               Stored{entity.canonical(), request.header("User-Agent").value_or("")})
                             .second;
    done += (done.empty() ? "" : ",") + index + ",\"created\":" + (created ? "true" : "false") + "}";
  }
  return Reply::json("{\"ok\":true,\"entities\":[" + done + "],\"errors\":[" + errors + "]}")
      .with_status(errors.empty() ? 200 : 207)
      .with_delay(options_.latency);
}

Reply FakePort::owned(const ReceivedRequest& request) {
  ++counts_["owned"];
  check_headers(request, true);
  const Json body = Json::parse(request.body);
  const std::string prefix = body["datasource_prefix"].text();
  const std::string suffix = body["datasource_suffix"].text();
  check(prefix == "port-ocean/" + options_.type + "/", request, "datasource_prefix is " + prefix);
  check(suffix == "/" + options_.integration + "/exporter", request, "datasource_suffix is " + suffix);
  check(body["limit"].count() >= 1 && body["limit"].count() <= kMostOwned, request, "1 to 5000 are allowed");
  std::size_t skip = 0;
  if (const auto from = body.find("from")) skip = std::stoul(from->text());
  const std::size_t most = std::min<std::size_t>(options_.owned_page, body["limit"].count());
  std::string entities;
  std::size_t position = 0;
  std::size_t answered = 0;
  bool more = false;
  for (const auto& [identity, stored] : catalogue_) {
    if (!stored.datasource.starts_with(prefix) || !stored.datasource.ends_with(suffix)) continue;
    if (position++ < skip) continue;
    if (answered == most) {
      more = true;
      break;
    }
    ++answered;
    entities += std::string(entities.empty() ? "" : ",") + "{\"identifier\":" + quoted(identity.second) +
                ",\"blueprint\":" + quoted(identity.first) + "}";
  }
  return Reply::json("{\"ok\":true,\"entities\":[" + entities +
                     "],\"next\":" + (more ? "\"" + std::to_string(skip + answered) + "\"" : "null") + "}");
}

Reply FakePort::remove(const ReceivedRequest& request, const std::string& blueprint) {
  ++counts_["delete"];
  check_headers(request, true);
  check_event(request, "delete_dependents=" + options_.delete_dependents + "&");
  const Json body = Json::parse(request.body);
  const auto identifiers = body["entities"].items();
  check(!identifiers.empty() && identifiers.size() <= kMostDeletions, request, "1 to 100 deletions are allowed");
  std::string deleted;
  for (const Json& identifier : identifiers) {
    if (catalogue_.erase({blueprint, identifier.text()}) == 0) continue;
    deleted += (deleted.empty() ? "" : ",") + quoted(identifier.text());
  }
  return Reply::json("{\"ok\":true,\"deletedEntities\":[" + deleted + "]}");
}

}  // namespace riptide::e2e

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "answers.hpp"
#include "riptide/sinks/port.hpp"
#include "riptide/stages/server_url.hpp"

namespace riptide::sinks::port {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;

// Releases of Ocean's integrations whose behaviour we mirror.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kVersions = {{
    {"octopus", "0.2.166"},
    {"jira", "0.7.99"},
    {"custom", "0.6.108"},
}};

// Whether a text can stand in a header.
bool fits_a_header(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

constexpr std::chrono::seconds kLongestLifetime = std::chrono::hours(24 * 365);

}  // namespace

std::string_view ocean_version(std::string_view integration_type) noexcept {
  for (const auto& [type, version] : kVersions) {
    if (type == integration_type) return version;
  }
  return kOceanCoreVersion;
}

Result<std::shared_ptr<const Account>> Account::create(Options options) {
  Result<std::string> url = stages::checked_server_url(options.base_url, "OCEAN__PORT__BASE_URL");
  if (!url) return unexpected(std::move(url).error());
  options.base_url = *std::move(url);
  if (options.client_id.empty()) {
    return unexpected(ErrorKind::kConfig, "Port's client id is missing: set OCEAN__PORT__CLIENT_ID");
  }
  if (options.client_secret.empty()) {
    return unexpected(ErrorKind::kConfig, "Port's client secret is missing: set OCEAN__PORT__CLIENT_SECRET");
  }
  if (options.integration.empty() || !fits_a_header(options.integration)) {
    return unexpected(ErrorKind::kConfig,
                      "the integration's identifier is empty or has a control character in it: set "
                      "OCEAN__INTEGRATION__IDENTIFIER");
  }
  if (options.integration_type.empty() || !fits_a_header(options.integration_type)) {
    return unexpected(ErrorKind::kConfig, "the integration's type is missing: set OCEAN__INTEGRATION__TYPE");
  }
  return std::shared_ptr<const Account>(new Account(std::move(options)));
}

std::optional<stages::HttpRequest> Account::token_request() const {
  std::string body = R"({"clientId":)";
  json::append_quoted(options_.client_id, body);
  body += R"(,"clientSecret":)";
  json::append_quoted(options_.client_secret.reveal(), body);
  body += '}';
  stages::HttpRequest http = request(stages::Method::kPost, "auth/access_token", Role::kIntegration, std::move(body));
  http.auth = nullptr;
  return http;
}

Result<stages::Credentials> Account::read_token(const stages::HttpResponse& response) const {
  json::Document document;
  const auto malformed = [&response](std::string_view what) {
    return unexpected(ErrorKind::kMalformed, fmt::format("Port's token {}, url={}", what, response.safe_url));
  };
  Result<json::Value> root = indexed(response, document);
  if (!root) return unexpected(std::move(root).error());
  std::string token;
  std::string type = "Bearer";
  stages::Credentials credentials;
  json::Document::Members members(document, *root);
  while (members.next()) {
    const json::Type kind = members.value().type;
    if (members.key_is("accessToken") && kind == json::Type::kString) token = text_of(document, members.value());
    if (members.key_is("tokenType") && kind == json::Type::kString) type = text_of(document, members.value());
    if (members.key_is("expiresIn") && kind == json::Type::kNumber) {
      const auto raw = members.raw_value();
      // A fraction of a second is no matter.
      const auto seconds = raw ? json::to_uint64(raw->substr(0, raw->find('.'))) : std::nullopt;
      if (!seconds) return malformed("has a lifetime that is not a number of seconds");
      const auto longest = static_cast<std::uint64_t>(kLongestLifetime.count());
      credentials.lifetime = std::chrono::seconds(std::min(*seconds, longest));
    }
  }
  if (auto checked = members.status(); !checked) return malformed("is not JSON");
  if (token.empty()) return malformed("is missing in its answer (`accessToken`)");
  if (!fits_a_header(token) || !fits_a_header(type)) return malformed("has a control character in it");
  credentials.headers.push_back({"Authorization", type + " " + token});
  return credentials;
}

/// Port counts these apart: entities, searches, blueprints, and the rest (docs.port.io, "Rate limits").
static std::string_view quota_group(std::string_view path) {
  if (path.find("datasource-entities") != path.npos || path.find("entities/search") != path.npos) return "search";
  if (path.find("/entities") != path.npos) return "entities";
  if (path.starts_with("blueprints")) return "blueprints";
  return "other";
}

stages::HttpRequest Account::request(stages::Method method, std::string_view path, Role role, std::string body) const {
  stages::HttpRequest http;
  http.method = method;
  http.url = fmt::format("{}/v1/{}", options_.base_url, path);
  http.headers.push_back({"User-Agent", fmt::format("port-ocean/{}/{}/{}{}", options_.integration_type,
                                                    ocean_version(options_.integration_type), options_.integration,
                                                    role == Role::kExporter ? "/exporter" : "")});
  http.headers.push_back({"X-Riptide-Version", options_.riptide_version});
  http.headers.push_back({"Accept", "application/json"});
  if (!body.empty()) http.headers.push_back({"Content-Type", "application/json"});
  http.body = std::move(body);
  http.retryable = true;  // All that we ask of Port may be asked twice: reads, upserts, deletions by name.
  http.auth = this;
  http.quota_group = quota_group(path);
  return http;
}

stages::HttpRequest integration_request(const Account& account) {
  return account.request(stages::Method::kGet,
                         fmt::format("integration/{}?oceanCoreVersion={}&isPolling=false",
                                     stages::percent_encoded(account.integration()), kOceanCoreVersion),
                         Account::Role::kIntegration);
}

Result<std::optional<std::string>> read_integration_config(const stages::HttpResponse& response,
                                                           json::Document& document) {
  if (response.status == 404 && is_from_port(response, document)) return std::optional<std::string>();
  if (!response.ok()) return unexpected(refusal(response, document));
  const auto malformed = [&response](std::string_view what) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("Port's answer for the integration {}, url={}", what, response.safe_url));
  };
  Result<json::Value> root = indexed(response, document);
  if (!root) return unexpected(std::move(root).error());
  if (auto checked = document.check(); !checked) return malformed("is not JSON");
  auto integration = document.find(*root, "integration");
  if (!integration || !*integration) return malformed("has no `integration`");
  if ((*integration)->type == json::Type::kNull) return std::optional<std::string>();
  if ((*integration)->type != json::Type::kObject) return malformed("has an `integration` that is not an object");
  auto config = document.find(**integration, "config");
  if (!config) return malformed("is not JSON");
  if (!*config || (*config)->type == json::Type::kNull) return std::optional<std::string>();
  if ((*config)->type != json::Type::kObject) return malformed("has a `config` that is not an object");
  json::Document::Members members(document, **config);
  if (!members.next()) return std::optional<std::string>();
  auto raw = document.raw(**config);
  if (!raw) return unexpected(std::move(raw).error());
  return std::optional<std::string>(*raw);
}

}  // namespace riptide::sinks::port

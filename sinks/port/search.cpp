#include "search.hpp"

#include <fmt/format.h>

#include <utility>

#include "answers.hpp"
#include "riptide/stages/server_url.hpp"

namespace riptide::sinks::port {

using pipeline::ErrorKind;
using pipeline::unexpected;

stages::HttpRequest search_request(const Account& account, std::string_view blueprint, std::string_view identifiers,
                                   const std::set<std::string>& fields) {
  std::string path = "entities/search?exclude_calculated_properties=true&include=blueprint&include=identifier";
  for (const std::string& name : fields) path.append("&include=").append(stages::percent_encoded(name));
  std::string body = R"({"combinator":"and","rules":[{"property":"$identifier","operator":"in","value":[)";
  body += identifiers;
  body += R"(]},{"property":"$blueprint","operator":"=","value":)";
  json::append_quoted(blueprint, body);
  body += R"(},{"property":"$datasource","operator":"contains","value":)";
  json::append_quoted(fmt::format("port-ocean/{}/", account.integration_type()), body);
  body += R"(},{"property":"$datasource","operator":"contains","value":)";
  json::append_quoted(fmt::format("/{}/exporter", account.integration()), body);
  body += "}]}";
  return account.request(stages::Method::kPost, path, Account::Role::kExporter, std::move(body));
}

Result<void> each_found(const stages::HttpResponse& response, json::Document& document,
                        const std::function<void(const stages::HeldEntity&)>& visit) {
  if (!response.ok()) return unexpected(refusal(response, document));
  const auto malformed = [&response](std::string_view what) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("Port's answer to a search {}, url={}", what, response.safe_url));
  };
  Result<json::Value> root = indexed(response, document);
  if (!root) return unexpected(std::move(root).error());
  if (auto checked = document.check(); !checked) return malformed("is not JSON");
  auto entities = document.find(*root, "entities");
  if (!entities || !*entities || (*entities)->type != json::Type::kArray) return malformed("has no `entities`");
  json::Document::Elements elements(document, **entities);
  while (elements.next()) {
    if (elements.value().type != json::Type::kObject) return malformed("has an entity that is not an object");
    stages::HeldEntity held;
    json::Document::Members members(document, elements.value());
    while (members.next()) {
      const auto raw = members.raw_value();
      if (!raw) return malformed("is not JSON");
      if (members.key_is("identifier")) held.identifier = text_of(document, members.value());
      if (members.key_is("title")) held.title = *raw;
      if (members.key_is("icon")) held.icon = *raw;
      if (members.key_is("team")) held.team = *raw;
      if (members.key_is("properties")) held.properties = *raw;
      if (members.key_is("relations")) held.relations = *raw;
    }
    if (!members.status()) return malformed("is not JSON");
    visit(held);
  }
  if (!elements.status()) return malformed("is not JSON");
  return {};
}

}  // namespace riptide::sinks::port

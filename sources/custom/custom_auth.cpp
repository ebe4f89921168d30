#include "custom_auth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "definition_reader.hpp"
#include "riptide/json/document.hpp"

namespace riptide::sources::custom {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;
namespace jq = transform::jq;

constexpr std::string_view kRequest = "customAuthRequest";
constexpr std::string_view kTemplate = "customAuthRequestTemplate";
/// Credentials are renewed this long before they run out.
constexpr std::chrono::seconds kRenewBefore{60};

}  // namespace

Result<TokenTemplate> TokenTemplate::compile(std::string_view text, Form form) {
  TokenTemplate out;
  out.form_ = form;
  while (true) {
    const auto open = text.find("{{");
    if (open == std::string_view::npos) break;
    const auto close = text.find("}}", open);
    const std::string_view inside =
        close == std::string_view::npos ? std::string_view() : text.substr(open + 2, close - open - 2);
    if (inside.size() < 2 || inside.front() != '.') {
      return unexpected(ErrorKind::kConfig,
                        "a placeholder must be written {{.path}}, with a path into the answer, e.g. {{.access_token}}");
    }
    std::string expression(inside);
    if (form == Form::kJson) {
      auto decoded = json::decoded("\"" + expression + "\"");
      if (!decoded) return unexpected(ErrorKind::kConfig, "a placeholder must stand inside one string: " + expression);
      expression = *std::move(decoded);
    }
    auto program = jq::Program::compile(expression);
    if (!program) return unexpected(std::move(program).error().within(fmt::format("{{{{{}}}}}", expression)));
    out.pieces_.push_back({std::string(text.substr(0, open)), *std::move(program)});
    text.remove_prefix(close + 2);
  }
  out.end_ = text;
  return out;
}

Result<std::string> TokenTemplate::filled(jq::Evaluator& evaluator) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    out += piece.literal;
    std::optional<std::string> value;
    const jq::Outcome outcome = evaluator.run(*piece.program, [&](jq::ValueRef found) {
      if (found.type() != jq::Type::kNull) value = text_of(found);
      return jq::Next::kStop;
    });
    if (!outcome.ok() || !value) {
      return unexpected(ErrorKind::kMalformed, fmt::format("the answer has nothing at {}, which {} asks for",
                                                           piece.program->text(), kTemplate));
    }
    if (form_ == Form::kText) {
      out += *value;
    } else {
      std::string quoted;
      json::append_quoted(*value, quoted);
      out.append(quoted, 1, quoted.size() - 2);
    }
  }
  return out + end_;
}

Result<std::unique_ptr<const RequestedAuth>> RequestedAuth::create(const AuthSettings& settings,
                                                                   const std::string& base_url) {
  std::unique_ptr<RequestedAuth> auth(new RequestedAuth());
  if (auto read = auth->read_request(settings, base_url); !read) return unexpected(std::move(read).error());
  if (auto read = auth->read_template(settings); !read) return unexpected(std::move(read).error());
  return std::unique_ptr<const RequestedAuth>(std::move(auth));
}

Result<void> RequestedAuth::read_request(const AuthSettings& settings, const std::string& base_url) {
  static constexpr std::array kKnown = {
      "endpoint", "method", "headers", "body", "bodyForm", "queryParams", "reauthenticateIntervalSeconds"};
  if (settings.request.empty()) {
    return unexpected(ErrorKind::kConfig, "authType custom needs customAuthRequest: the request that fetches a token");
  }
  jq::Evaluator evaluator;
  auto fields = FieldReader::read(settings.request.reveal(), std::string(kRequest), evaluator);
  if (!fields) return unexpected(std::move(fields).error());
  if (auto known = fields->only(kKnown); !known) return known;
  auto endpoint = fields->text("endpoint");
  if (!endpoint) return unexpected(std::move(endpoint).error());
  if (endpoint->empty()) return unexpected(ErrorKind::kConfig, fields->place("endpoint") + " is required");
  auto method = fields->method("method", stages::Method::kPost);
  if (!method) return unexpected(std::move(method).error());
  auto headers = fields->headers("headers");
  if (!headers) return unexpected(std::move(headers).error());
  auto query = fields->parameters("queryParams");
  if (!query) return unexpected(std::move(query).error());
  auto body = fields->object("body");
  if (!body) return unexpected(std::move(body).error());
  auto form = fields->text("bodyForm");
  if (!form) return unexpected(std::move(form).error());
  if (!body->empty() && !form->empty()) {
    return unexpected(ErrorKind::kConfig, "customAuthRequest has both body and bodyForm; remove one");
  }
  const bool absolute = endpoint->starts_with("http://") || endpoint->starts_with("https://");
  const std::size_t slashes = std::min(endpoint->find_first_not_of('/'), endpoint->size());
  request_.url = stages::with_query(absolute ? *endpoint : base_url + "/" + endpoint->substr(slashes), *query);
  request_.method = *method;
  request_.headers = *std::move(headers);
  if (!stages::has_header(request_.headers, "content-type") && (!body->empty() || !form->empty())) {
    request_.headers.push_back(
        {"Content-Type", form->empty() ? "application/json" : "application/x-www-form-urlencoded"});
  }
  request_.body = body->empty() ? *std::move(form) : *std::move(body);
  request_.retryable = true;  // A token more or less is no matter.
  if (fields->has("reauthenticateIntervalSeconds")) {
    auto seconds = fields->number("reauthenticateIntervalSeconds", 0, 1);
    if (!seconds) return unexpected(std::move(seconds).error());
    const std::chrono::seconds interval(*seconds);
    lifetime_ = std::max(interval - kRenewBefore, std::chrono::seconds(1));
  }
  return {};
}

Result<void> RequestedAuth::read_template(const AuthSettings& settings) {
  static constexpr std::array kKnown = {"headers", "queryParams", "body"};
  if (settings.template_.empty()) {
    return unexpected(ErrorKind::kConfig,
                      "authType custom needs customAuthRequestTemplate: where the token goes, e.g. "
                      R"({"headers": {"Authorization": "Bearer {{.access_token}}"}})");
  }
  jq::Evaluator evaluator;
  auto fields = FieldReader::read(settings.template_.reveal(), std::string(kTemplate), evaluator);
  if (!fields) return unexpected(std::move(fields).error());
  if (auto known = fields->only(kKnown); !known) return known;
  const auto compiled = [&](std::string_view key, std::string_view text,
                            TokenTemplate::Form form) -> Result<TokenTemplate> {
    auto made = TokenTemplate::compile(text, form);
    if (!made) return unexpected(std::move(made).error().within(fields->place(key)));
    return made;
  };
  auto headers = fields->headers("headers");
  if (!headers) return unexpected(std::move(headers).error());
  for (const stages::Header& header : *headers) {
    auto made = compiled("headers", header.value, TokenTemplate::Form::kText);
    if (!made) return unexpected(std::move(made).error());
    headers_.emplace_back(header.name, *std::move(made));
  }
  auto query = fields->parameters("queryParams");
  if (!query) return unexpected(std::move(query).error());
  for (const auto& [name, value] : *query) {
    auto made = compiled("queryParams", value, TokenTemplate::Form::kText);
    if (!made) return unexpected(std::move(made).error());
    query_.emplace_back(name, *std::move(made));
  }
  auto body = fields->object("body");
  if (!body) return unexpected(std::move(body).error());
  if (!body->empty()) {
    auto made = compiled("body", *body, TokenTemplate::Form::kJson);
    if (!made) return unexpected(std::move(made).error());
    body_ = *std::move(made);
  }
  if (headers_.empty() && query_.empty() && !body_) {
    return unexpected(ErrorKind::kConfig, "customAuthRequestTemplate needs headers, queryParams or body");
  }
  return {};
}

Result<stages::Credentials> RequestedAuth::read_token(const stages::HttpResponse& response) const {
  jq::Evaluator evaluator;
  const std::string_view body = response.body ? response.body->view() : std::string_view();
  if (auto loaded = evaluator.load(body); !loaded) {
    return unexpected(ErrorKind::kMalformed, "the answer to customAuthRequest is not JSON, url=" + response.safe_url);
  }
  stages::Credentials credentials;
  credentials.lifetime = lifetime_;
  for (const auto& [name, text] : headers_) {
    auto value = text.filled(evaluator);
    if (!value) return unexpected(std::move(value).error());
    credentials.headers.push_back({name, *std::move(value)});
  }
  for (const auto& [name, text] : query_) {
    auto value = text.filled(evaluator);
    if (!value) return unexpected(std::move(value).error());
    credentials.query.emplace_back(name, *std::move(value));
  }
  if (body_) {
    auto value = body_->filled(evaluator);
    if (!value) return unexpected(std::move(value).error());
    credentials.body = *std::move(value);
  }
  return credentials;
}

Result<std::unique_ptr<const FixedAuth>> FixedAuth::create(const AuthSettings& settings) {
  auto auth = std::make_unique<FixedAuth>();
  auth->header_ = "Authorization";
  bool complete = true;
  switch (settings.style) {
    case AuthStyle::kNone:
    case AuthStyle::kCustom:
      return std::unique_ptr<const FixedAuth>();
    case AuthStyle::kBearer:
      auth->setting_ = "OCEAN__INTEGRATION__CONFIG__API_TOKEN";
      complete = !settings.api_token.empty();
      auth->value_ = pipeline::Secret("Bearer " + settings.api_token.reveal());
      break;
    case AuthStyle::kBasic:
      auth->setting_ = "OCEAN__INTEGRATION__CONFIG__USERNAME and OCEAN__INTEGRATION__CONFIG__PASSWORD";
      complete = !settings.username.empty() && !settings.password.empty();
      auth->value_ = pipeline::Secret(stages::basic_authorization(settings.username, settings.password.reveal()));
      break;
    case AuthStyle::kApiKey:
      auth->setting_ = "OCEAN__INTEGRATION__CONFIG__API_KEY";
      complete = !settings.api_key.empty() && !settings.api_key_header.empty();
      auth->header_ = settings.api_key_header;
      auth->value_ = settings.api_key;
      break;
  }
  if (!complete) {
    return unexpected(ErrorKind::kConfig, fmt::format("the authType needs credentials: set {}", auth->setting_));
  }
  return std::unique_ptr<const FixedAuth>(std::move(auth));
}

Result<stages::Credentials> FixedAuth::fixed() const {
  stages::Credentials credentials;
  credentials.headers.push_back({header_, value_.reveal()});
  return credentials;
}

std::optional<AuthStyle> auth_style(std::string_view name) noexcept {
  static constexpr std::array<std::pair<std::string_view, AuthStyle>, 5> kStyles = {{
      {"none", AuthStyle::kNone},
      {"bearer_token", AuthStyle::kBearer},
      {"basic", AuthStyle::kBasic},
      {"api_key", AuthStyle::kApiKey},
      {"custom", AuthStyle::kCustom},
  }};
  for (const auto& [text, style] : kStyles) {
    if (text == name) return style;
  }
  return std::nullopt;
}

}  // namespace riptide::sources::custom

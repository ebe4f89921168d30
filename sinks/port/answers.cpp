#include "answers.hpp"

#include <fmt/format.h>

#include <utility>

namespace riptide::sinks::port {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

std::string_view body_of(const stages::HttpResponse& response) noexcept {
  return response.body ? response.body->view() : std::string_view();
}

// `error` and `message` of a refusal; empty where it has none.
struct Refusal {
  bool is_json = false;
  std::string error;
  std::string message;
};

Refusal read_refusal(const stages::HttpResponse& response, json::Document& document) {
  Refusal refusal;
  const auto root = document.index(body_of(response));
  if (!root || root->type != json::Type::kObject) return refusal;
  json::Document::Members members(document, *root);
  while (members.next()) {
    if (members.value().type != json::Type::kString) continue;
    if (members.key_is("error")) refusal.error = text_of(document, members.value());
    if (members.key_is("message")) refusal.message = text_of(document, members.value());
  }
  refusal.is_json = members.status().has_value();
  return refusal;
}

}  // namespace

Result<json::Value> indexed(const stages::HttpResponse& response, json::Document& document) {
  Result<json::Value> root = document.index(body_of(response));
  if (root && root->type == json::Type::kObject) return root;
  return unexpected(ErrorKind::kMalformed,
                    fmt::format("Port's answer is not a JSON object{}, url={}",
                                root ? std::string() : ": " + root.error().message, response.safe_url));
}

std::string text_of(const json::Document& document, json::Value value) {
  const auto raw = document.raw(value);
  if (!raw) return {};
  if (value.type != json::Type::kString) return std::string(*raw);
  auto text = json::decoded(*raw);
  return text ? *std::move(text) : std::string();
}

std::string complaint(const stages::HttpResponse& response, json::Document& document) {
  const Refusal refusal = read_refusal(response, document);
  if (refusal.error.empty() && refusal.message.empty()) return stages::http_error(response).message;
  return fmt::format("{} {}{}{}", response.status, refusal.error,
                     refusal.error.empty() || refusal.message.empty() ? "" : ": ", refusal.message);
}

bool is_from_port(const stages::HttpResponse& response, json::Document& document) {
  return read_refusal(response, document).is_json;
}

Error refusal(const stages::HttpResponse& response, json::Document& document) {
  Error error = stages::http_error(response);
  const int status = response.status;
  if (status == 401 || status == 403) {
    error.kind = ErrorKind::kAuth;
    error.message +=
        " (Port does not accept the credentials: check OCEAN__PORT__CLIENT_ID and OCEAN__PORT__CLIENT_SECRET)";
  } else if (status == 429) {
    error.kind = ErrorKind::kTransport;
    error.message += " (Port asks to slow down; run again later)";
  } else if (status == 408 || status >= 500) {
    error.kind = ErrorKind::kTransport;
  } else if (status < 400 || !is_from_port(response, document)) {
    error.kind = ErrorKind::kConfig;
    error.message += " (this is not Port's API: check OCEAN__PORT__BASE_URL)";
  } else {
    error.kind = ErrorKind::kRejected;
  }
  return error;
}

}  // namespace riptide::sinks::port

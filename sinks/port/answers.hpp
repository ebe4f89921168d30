#pragma once

#include <string>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::sinks::port {

/// Indexes an answer's body, which must be an object. Errors: kMalformed, naming the URL.
[[nodiscard]] pipeline::Result<json::Value> indexed(const stages::HttpResponse& response, json::Document& document);

/// Returns a string's text; another value as it is written.
[[nodiscard]] std::string text_of(const json::Document& document, json::Value value);

/// What Port says when it refuses: its own words, or the start of the body if it is something else that answered.
[[nodiscard]] std::string complaint(const stages::HttpResponse& response, json::Document& document);

/// Whether an answer is one of Port's refusals, and not of a server that happens to be there.
[[nodiscard]] bool is_from_port(const stages::HttpResponse& response, json::Document& document);

/// Turns a refusal of the whole request into an error that says what to change: 401 and 403 kAuth; 408, 429 and 5xx
/// kTransport; what no Port would say, or a redirect, kConfig; else kRejected.
[[nodiscard]] pipeline::Error refusal(const stages::HttpResponse& response, json::Document& document);

}  // namespace riptide::sinks::port

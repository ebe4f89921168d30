#include "riptide/sinks/http_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace riptide::sinks {
namespace {

using pipeline::ErrorKind;
using stages::Outcome;

constexpr std::size_t kLongestReason = 300;

/// Whether a header can be sent as it is.
bool is_header(std::string_view name, std::string_view value) {
  const auto breaks = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  return !name.empty() && name.find_first_of(" \t:\r\n") == std::string_view::npos &&
         std::none_of(value.begin(), value.end(), breaks);
}

/// A query may be part of it: endpoints of webhooks have one.
pipeline::Result<void> check_url(std::string_view url) {
  const auto wrong = [](std::string_view what) {
    return pipeline::unexpected(ErrorKind::kConfig, fmt::format("url: {}", what));
  };
  const std::size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  if (scheme == 0) return wrong("must begin with http:// or https://");
  if (std::any_of(url.begin(), url.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; })) {
    return wrong("must have no blanks or control characters in it: encode them");
  }
  const std::string_view host = url.substr(scheme, url.find_first_of("/?#", scheme) - scheme);
  if (host.empty()) return wrong("has no host");
  if (host.find('@') != std::string_view::npos) {
    return wrong("must have no credentials in it: put them into a header");
  }
  return {};
}

/// What the endpoint says of its refusal, cut to a line.
std::string reason(const stages::HttpResponse& response) {
  std::string text(response.body->view().substr(0, kLongestReason));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return fmt::format("the endpoint answered {}{}{}", response.status, text.empty() ? "" : ": ", text);
}

}  // namespace

pipeline::Result<std::unique_ptr<HttpSink>> HttpSink::create(Options options) {
  if (auto checked = check_url(options.url); !checked) return pipeline::unexpected(std::move(checked).error());
  for (const auto& [name, value] : options.headers) {
    if (is_header(name, value.reveal())) continue;
    return pipeline::unexpected(ErrorKind::kConfig,
                                fmt::format("headers: '{}' cannot be sent: a name has no blanks and "
                                            "colons, and a value no line breaks",
                                            name));
  }
  return std::unique_ptr<HttpSink>(new HttpSink(std::move(options)));
}

HttpSink::HttpSink(Options options) : options_(std::move(options)), spec_("http:" + stages::safe_url(options_.url)) {}

stages::SinkLimits HttpSink::limits() const noexcept {
  stages::SinkLimits limits;
  limits.max_records = options_.format == Format::kSingle ? 1 : options_.max_records;
  limits.max_bytes = options_.max_bytes;
  limits.envelope_bytes = options_.format == Format::kArray ? 2 : 0;
  limits.separator_bytes = 1;
  limits.max_in_flight = options_.max_in_flight;
  return limits;
}

stages::HttpRequest HttpSink::encode(const stages::Batch& batch) const {
  stages::HttpRequest request;
  request.method = options_.method;
  request.url = options_.url;
  request.retryable = true;
  request.body.reserve(batch.bytes.size() + batch.entities.size() + 2);
  if (options_.format == Format::kArray) request.body += '[';
  for (const stages::Entity& entity : batch.entities) {
    if (&entity != batch.entities.data()) request.body += options_.format == Format::kArray ? ',' : '\n';
    request.body += batch.json(entity);
  }
  if (options_.format == Format::kArray) request.body += ']';
  if (options_.format == Format::kLines) request.body += '\n';
  const pipeline::Digest digest = pipeline::digest_of(request.body);
  request.headers = {{"Content-Type", options_.format == Format::kLines ? "application/x-ndjson" : "application/json"},
                     {"Idempotency-Key", fmt::format("{:016x}{:016x}", digest.high, digest.low)}};
  for (const auto& [name, value] : options_.headers) {
    std::erase_if(request.headers, [&](const stages::Header& own) { return stages::same_header_name(own.name, name); });
    request.headers.push_back({name, value.reveal()});
  }
  return request;
}

pipeline::Result<stages::UploadAnswer> HttpSink::read(const stages::Batch& batch, const stages::HttpResponse& response,
                                                      json::Document& /*document*/) const {
  stages::UploadAnswer answer;
  if (response.ok()) {
    answer.outcomes.resize(batch.entities.size());
    return answer;
  }
  switch (response.status) {
    case 400:
    case 409:
    case 413:
    case 415:
    case 422:
      if (batch.entities.size() > 1) {
        answer.split = true;
        answer.keep_size = response.status != 413;
      } else {
        answer.outcomes.assign(batch.entities.size(),
                               Outcome{.kind = Outcome::Kind::kRejected, .message = reason(response)});
      }
      return answer;
    default:
      return pipeline::unexpected(stages::http_error(response));
  }
}

}  // namespace riptide::sinks

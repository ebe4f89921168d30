#include "entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base64.hpp"
#include "riptide/json/structurals.hpp"

namespace riptide::stages {
namespace {

using pipeline::unexpected;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::system_clock;

/// Of what a machine may claim about time: ten years keep all sums far from overflow.
constexpr std::int64_t kMaxUs = 10LL * 366 * 86'400 * 1'000'000;

void append_bytes(std::string& out, std::string_view name, std::string_view bytes) {
  std::string as_text;
  json::append_repaired_utf8(bytes, as_text);
  if (as_text == bytes) {
    out += fmt::format(",\"{}\":", name);
    json::append_quoted(bytes, out);
  } else {
    out += fmt::format(",\"{}_base64\":\"{}\"", name, to_base64(bytes));
  }
}

void append_headers(std::string& out, std::string_view name, const std::vector<Header>& headers) {
  out += fmt::format(",\"{}\":[", name);
  for (const Header& header : headers) {
    if (&header != headers.data()) out += ',';
    out += '[';
    json::append_quoted(header.name, out);
    out += ',';
    json::append_quoted(header.value, out);
    out += ']';
  }
  out += ']';
}

std::vector<Header> read_headers(const Line& line, json::Value object, std::string_view name) {
  std::vector<Header> out;
  const auto list = line.find(object, name);
  if (!list) return out;
  for (json::Document::Elements pairs(line.document, *list); pairs.next();) {
    std::vector<std::string> pair;
    for (json::Document::Elements texts(line.document, pairs.value()); texts.next();) {
      const auto raw = line.document.raw(texts.value());
      if (raw && texts.value().type == json::Type::kString) pair.push_back(json::text_of(*raw));
    }
    if (pair.size() == 2) out.push_back({std::move(pair[0]), std::move(pair[1])});
  }
  return out;
}

Result<std::string> read_bytes(const Line& line, json::Value object, std::string_view name) {
  const std::string encoded_name = std::string(name) + "_base64";
  if (!line.find(object, encoded_name)) return line.text(object, name);
  auto bytes = from_base64(line.text(object, encoded_name));
  if (!bytes) return unexpected(ErrorKind::kMalformed, "the cassette is damaged: a body is not base64");
  return *std::move(bytes);
}

Error read_error(const Line& line, json::Value object) {
  const std::string kind = line.text(object, "kind");
  Error error(ErrorKind::kTransport, line.text(object, "message"));
  for (const ErrorKind known : {ErrorKind::kConfig, ErrorKind::kLimit, ErrorKind::kAuth, ErrorKind::kInternal}) {
    if (kind == to_string(known)) error.kind = known;
  }
  return error;
}

}  // namespace

std::string to_json(const Entry& entry) {
  const AttemptEnding& ending = entry.ending;
  std::string out =
      fmt::format(R"({{"begun_us":{},"took_us":{},"ended_ms":{},"attempt":{})", entry.begun_us, ending.elapsed.count(),
                  std::chrono::duration_cast<milliseconds>(ending.at.time_since_epoch()).count(), entry.attempt);
  if (entry.key.for_credentials) out += R"(,"for":"credentials")";
  out += fmt::format(R"(,"method":"{}","url":)", entry.key.method);
  json::append_quoted(entry.key.url, out);
  append_headers(out, "request_headers", entry.request_headers);
  if (!entry.key.body.empty()) append_bytes(out, "request_body", entry.key.body);
  out += fmt::format(",\"status\":{}", ending.status);
  append_headers(out, "headers", ending.headers);
  if (ending.failure) {
    out += fmt::format(R"(,"error":{{"kind":"{}","permanent":{},"message":)", to_string(ending.failure->kind),
                       ending.permanent);
    json::append_quoted(ending.failure->message, out);
    out += '}';
  }
  if (ending.body && ending.body->size() > 0) append_bytes(out, "body", ending.body->view());
  out += '}';
  return out;
}

std::string to_json(const TapeEnd& end) { return fmt::format(R"({{"end":true,"attempts":{}}})", end.attempts); }

Result<Line> Line::read(std::string_view text) {
  Line line;
  line.page = pipeline::make_page(text);
  auto root = line.document.index(line.page->view());
  if (!root || root->type != json::Type::kObject || !line.document.check()) {
    return unexpected(ErrorKind::kMalformed, "the cassette is damaged: a line is not a JSON object");
  }
  line.root = *root;
  return line;
}

std::optional<json::Value> Line::find(json::Value object, std::string_view name) const {
  auto found = document.find(object, name);
  return found ? *found : std::nullopt;
}

std::string Line::text(json::Value object, std::string_view name) const {
  const auto value = find(object, name);
  if (!value || value->type != json::Type::kString) return {};
  const auto raw = document.raw(*value);
  return raw ? json::text_of(*raw) : std::string();
}

std::int64_t Line::number(json::Value object, std::string_view name) const {
  const auto value = find(object, name);
  if (!value || value->type != json::Type::kNumber) return 0;
  const auto raw = document.raw(*value);
  std::int64_t out = 0;
  if (raw) std::from_chars(raw->data(), raw->data() + raw->size(), out);
  return out;
}

bool Line::truth(json::Value object, std::string_view name) const {
  const auto value = find(object, name);
  if (!value || value->type != json::Type::kBool) return false;
  const auto raw = document.raw(*value);
  return raw && *raw == "true";
}

Result<std::variant<Entry, TapeEnd>> parse_entry(std::string_view text, Depth depth) {
  auto read = Line::read(text);
  if (!read) return unexpected(std::move(read).error());
  const Line& line = *read;
  if (line.find(line.root, "end")) {
    return std::variant<Entry, TapeEnd>(TapeEnd{static_cast<std::uint64_t>(line.number(line.root, "attempts"))});
  }
  Entry entry;
  entry.begun_us = std::clamp<std::int64_t>(line.number(line.root, "begun_us"), 0, kMaxUs);
  entry.attempt = static_cast<int>(std::clamp<std::int64_t>(line.number(line.root, "attempt"), 1, 1'000'000));
  entry.key.method = line.text(line.root, "method");
  entry.key.url = line.text(line.root, "url");
  entry.key.for_credentials = line.text(line.root, "for") == "credentials";
  auto asked = read_bytes(line, line.root, "request_body");
  if (!asked) return unexpected(std::move(asked).error());
  entry.key.body = *std::move(asked);
  if (entry.key.method.empty() || entry.key.url.empty()) {
    return unexpected(ErrorKind::kMalformed, "the cassette is damaged: an entry has no method or URL");
  }
  if (depth == Depth::kKey) return std::variant<Entry, TapeEnd>(std::move(entry));
  AttemptEnding& ending = entry.ending;
  ending.elapsed = microseconds(std::clamp<std::int64_t>(line.number(line.root, "took_us"), 0, kMaxUs));
  ending.at = system_clock::time_point(
      milliseconds(std::clamp<std::int64_t>(line.number(line.root, "ended_ms"), 0, 20 * kMaxUs / 1000)));
  ending.status = static_cast<int>(std::clamp<std::int64_t>(line.number(line.root, "status"), 0, 999));
  entry.request_headers = read_headers(line, line.root, "request_headers");
  ending.headers = read_headers(line, line.root, "headers");
  if (const auto error = line.find(line.root, "error")) {
    ending.failure = read_error(line, *error);
    ending.permanent = line.truth(*error, "permanent");
  } else if (ending.status == 0) {
    return unexpected(ErrorKind::kMalformed, "the cassette is damaged: an entry has neither a status nor an error");
  }
  auto body = read_bytes(line, line.root, "body");
  if (!body) return unexpected(std::move(body).error());
  ending.body = pipeline::make_page(*body);
  return std::variant<Entry, TapeEnd>(std::move(entry));
}

}  // namespace riptide::stages

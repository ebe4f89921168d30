#include "scrubber.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base64.hpp"
#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

constexpr std::size_t kShortest = 6;

/// Members of bodies that hold nothing but credentials, whoever serves them.
constexpr std::array<std::string_view, 11> kSecretMembers = {
    "access_token", "accesstoken", "refresh_token", "refreshtoken",  "id_token", "client_secret",
    "clientsecret", "password",    "private_key",   "authorization", "api_key"};
/// Parts of the names of headers that hold credentials.
constexpr std::array<std::string_view, 9> kSecretParts = {
    "authorization", "cookie", "token", "secret", "apikey", "api-key", "password", "signature", "credential"};
/// A place in a listing is no credential, whatever it is called (X-Next-Page-Token).
constexpr std::array<std::string_view, 4> kPlaceParts = {"page", "next", "continuation", "cursor"};
/// Parameters of URLs that hold credentials.
constexpr std::array<std::string_view, 12> kSecretParameters = {
    "access_token", "api_key",       "apikey",    "api-key", "auth_token", "client_secret",
    "password",     "private_token", "x-api-key", "secret",  "signature",  "token"};
/// Headers that credentials bring along and that are none.
constexpr std::array<std::string_view, 3> kHarmlessHeaders = {"accept", "content-type", "user-agent"};
constexpr std::array<std::string_view, 4> kPlainHeaders = {"content-type", "content-length", "date", "retry-after"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

template <class Names>
bool is_one_of(std::string_view name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_secret_header(std::string_view name) {
  const std::string small = lower(name);
  const auto has = [&](std::string_view part) { return small.find(part) != std::string::npos; };
  return std::any_of(kSecretParts.begin(), kSecretParts.end(), has) &&
         std::none_of(kPlaceParts.begin(), kPlaceParts.end(), has);
}

std::string inside_quotes(std::string_view text) {
  const std::string quoted = json::quoted(text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string lower_escapes(std::string text) {
  for (std::size_t at = 0; (at = text.find('%', at)) != std::string::npos; ++at) {
    for (std::size_t i = at + 1; i <= at + 2 && i < text.size(); ++i) {
      if (text[i] >= 'A' && text[i] <= 'F') text[i] = static_cast<char>(text[i] - 'A' + 'a');
    }
  }
  return text;
}

std::string plus_for_space(std::string text) {
  for (std::size_t at = 0; (at = text.find("%20", at)) != std::string::npos; ++at) text.replace(at, 3, "+");
  return text;
}

/// The user info of a URL, without its `@`; empty if there is none.
std::string_view user_info(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::string_view rest = url.substr(scheme + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::size_t at = authority.rfind('@');
  return at == std::string_view::npos ? std::string_view() : authority.substr(0, at);
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned code = 0;
    if (text[at] == '%' && at + 2 < text.size() &&
        std::from_chars(text.data() + at + 1, text.data() + at + 3, code, 16).ptr == text.data() + at + 3) {
      out += static_cast<char>(code);
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

std::size_t end_of_string(std::string_view text, std::size_t quote) {
  for (std::size_t at = quote + 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return text.size();
}

std::size_t skip_blank(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

/// Where a JSON value ends that begins here; the end of the text if it does not.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      if (depth == 0) return at;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return at;  // of what it is in
      if (--depth == 0) return at + 1;
    }
    if (depth == 0 && (c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t')) return at;
    ++at;
  }
  return text.size();
}

bool is_json(std::string_view text) {
  const std::size_t begin = skip_blank(text, 0);
  if (begin == text.size() || (text[begin] != '{' && text[begin] != '[')) return false;
  const pipeline::Page page = pipeline::make_page(text);
  json::Document document;
  return document.index(page->view()).has_value() && document.check().has_value();
}

}  // namespace

Scrubber::Scrubber(const std::vector<std::string>& secrets, const std::vector<std::string>& fields) {
  for (const std::string& field : fields) fields_.push_back(lower(field));
  for (const std::string& secret : secrets) learn(secret);
}

void Scrubber::learn(std::string_view secret) {
  if (secret.size() < kShortest || secret == kBlank) return;
  if (std::find(learned_.begin(), learned_.end(), secret) != learned_.end()) return;
  learned_.emplace_back(secret);
  const auto add = [this](std::string form, std::string_view blank) {
    const auto same = [&](const auto& known) { return known.first == form; };
    if (std::none_of(forms_.begin(), forms_.end(), same)) forms_.emplace_back(std::move(form), blank);
  };
  const std::string escaped_blank = percent_encoded(kBlank);
  add(std::string(secret), kBlank);
  // What a server quotes in its own JSON may be quoted once more where it quotes another.
  add(inside_quotes(secret), kBlank);
  add(inside_quotes(inside_quotes(secret)), kBlank);
  add(html(secret), kBlank);
  add(inside_quotes(html(secret)), kBlank);
  const std::string escaped = percent_encoded(secret);
  for (const std::string& form : {escaped, lower_escapes(escaped), plus_for_space(escaped)}) add(form, escaped_blank);
  const std::string encoded = to_base64(secret);
  add(encoded, kBlank);
  add(encoded.substr(0, encoded.find('=')), kBlank);
  std::sort(forms_.begin(), forms_.end(), [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
}

void Scrubber::learn(const Credentials& credentials) {
  for (const Header& header : credentials.headers) {
    if (is_one_of(lower(header.name), kHarmlessHeaders)) continue;
    learn(header.value);
    // The scheme in front ("Bearer ", "Basic ") comes and goes.
    if (const auto space = header.value.find(' '); space != std::string::npos) learn(header.value.substr(space + 1));
  }
  for (const auto& [name, value] : credentials.query) learn(value);
  for (std::size_t at = 0; (at = credentials.body.find('"', at)) != std::string::npos;) {
    const std::size_t end = end_of_string(credentials.body, at);
    const std::size_t after = skip_blank(credentials.body, end);
    const bool key = after < credentials.body.size() && credentials.body[after] == ':';
    if (auto value = json::decoded(std::string_view(credentials.body).substr(at, end - at)); !key && value)
      learn(*value);
    at = end;
  }
}

void Scrubber::learn_user_info(std::string_view url) {
  const std::string_view user = user_info(url);
  const std::size_t colon = user.find(':');
  if (colon == std::string_view::npos) return;
  learn(user.substr(colon + 1));
  learn(percent_decoded(user.substr(colon + 1)));
}

std::string Scrubber::text(std::string text) const {
  for (const auto& [form, blank] : forms_) {
    for (std::size_t at = 0; (at = text.find(form, at)) != std::string::npos; at += blank.size()) {
      text.replace(at, form.size(), blank);
    }
  }
  return text;
}

std::string Scrubber::url(std::string_view url) const {
  std::string out(url);
  if (const std::string_view user = user_info(url); !user.empty()) {
    out.erase(static_cast<std::size_t>(user.data() - url.data()), user.size() + 1);
  }
  out = text(std::move(out));
  std::size_t at = out.find('?');
  while (at != std::string::npos && at + 1 < out.size()) {
    const std::size_t begin = at + 1;
    const std::size_t end = std::min(out.find('&', begin), out.size());
    const std::size_t equals = out.find('=', begin);
    if (equals < end && is_one_of(lower(std::string_view(out).substr(begin, equals - begin)), kSecretParameters)) {
      out.replace(equals + 1, end - equals - 1, kBlank);
    }
    at = out.find('&', begin);
  }
  return out;
}

bool Scrubber::is_secret_member(std::string_view name) const {
  const std::string small = lower(name);
  return is_one_of(small, kSecretMembers) || is_one_of(small, fields_);
}

std::string Scrubber::body(std::string_view body) const {
  const std::string clean = text(std::string(body));
  const std::size_t first = skip_blank(clean, 0);
  if (first == clean.size() || (clean[first] != '{' && clean[first] != '[')) return clean;
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = first; (at = clean.find('"', at)) != std::string::npos;) {
    const std::size_t end = end_of_string(clean, at);
    const std::size_t colon = skip_blank(clean, end);
    if (colon >= clean.size() || clean[colon] != ':') {
      at = end;
      continue;
    }
    const auto name = json::decoded(std::string_view(clean).substr(at, end - at));
    const std::size_t value = skip_blank(clean, colon + 1);
    at = value;
    if (!name || !is_secret_member(*name)) continue;
    at = end_of_value(clean, value);
    // Nothing is no secret, and it may mean something that it is not there.
    if (std::string_view(clean).substr(value, at - value) == "null") continue;
    out.append(clean, copied, value - copied);
    out.append("\"").append(kBlank).append("\"");
    copied = at;
  }
  return out.append(clean, copied);
}

std::vector<Header> Scrubber::headers(const std::vector<Header>& headers) const {
  std::vector<Header> out;
  for (const Header& header : headers) {
    out.push_back({header.name, is_secret_header(header.name) ? std::string(kBlank) : text(header.value)});
  }
  return out;
}

std::string Scrubber::blanked(std::string_view body) {
  if (!is_json(body)) return body.empty() ? std::string() : std::string(kBlank);
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = 0; (at = body.find('"', at)) != std::string::npos;) {
    const std::size_t end = end_of_string(body, at);
    const std::size_t after = skip_blank(body, end);
    if (after >= body.size() || body[after] != ':') {
      out.append(body, copied, at - copied).append("\"").append(kBlank).append("\"");
      copied = end;
    }
    at = end;
  }
  return out.append(body, copied);
}

std::vector<Header> Scrubber::blanked(const std::vector<Header>& headers) {
  std::vector<Header> out;
  for (const Header& header : headers) {
    out.push_back({header.name, is_one_of(lower(header.name), kPlainHeaders) ? header.value : std::string(kBlank)});
  }
  return out;
}

}  // namespace riptide::stages

// The one file of the sinks that knows Oniguruma.
#include <oniguruma.h>

#include <algorithm>
#include <array>
#include <utility>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/check.hpp"
#include "riptide/sinks/port_life.hpp"

namespace riptide::sinks::port {
namespace {

constexpr std::string_view kMask = "[REDACTED]";
/// A longer string is no place to look for credentials with patterns; it is masked as a whole.
constexpr std::size_t kLongest = 64u << 10;

/// What Ocean masks, as it is meant: its own expressions hold doubled backslashes that match less.
struct Pattern {
  const char* expression;
  const char* needs;  ///< A text that every match holds; looked for first. Empty: none.
};
constexpr std::array<Pattern, 17> kPatterns = {{
    {R"([a-zA-Z]{3,10}://[^/\s:@]{3,20}:[^/\s:@]{3,20}@.{1,100}["'\s])", "://"},
    {R"([aA][pP][iI]_?[kK][eE][yY].*['"][0-9a-zA-Z]{32,45}['"])", ""},
    {R"([sS][eE][cC][rR][eE][tT].*['"][0-9a-zA-Z]{32,45}['"])", ""},
    {R"(AIza[0-9A-Za-z\-_]{35})", "AIza"},
    {R"(.*firebaseio\.com)", "firebaseio.com"},
    {R"(-----BEGIN RSA PRIVATE KEY-----)", "-----BEGIN"},
    {R"(-----BEGIN DSA PRIVATE KEY-----)", "-----BEGIN"},
    {R"(-----BEGIN EC PRIVATE KEY-----)", "-----BEGIN"},
    {R"(-----BEGIN (OPENSSH )?PRIVATE KEY-----)", "-----BEGIN"},
    {R"(-----BEGIN PGP PRIVATE KEY BLOCK-----)", "-----BEGIN"},
    {R"(AKIA[0-9A-Z]{16})", "AKIA"},
    {R"(amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", "amzn.mws."},
    {R"([gG][iI][tT][hH][uU][bB].*['"][0-9a-zA-Z]{35,40}['"])", ""},
    {R"([0-9]+-[0-9A-Za-z_]{32}\.apps\.googleusercontent\.com)", "googleusercontent"},
    {R"("type": "service_account")", "service_account"},
    {R"(ya29\.[0-9A-Za-z\-_]+)", "ya29."},
    {R"([a-zA-Z]+://[^/\s]+:[^/\s]+@[^/\s]+/[^/\s]+)", "://"},
}};

const OnigUChar* bytes_of(std::string_view text) { return reinterpret_cast<const OnigUChar*>(text.data()); }

struct FreeRegex {
  void operator()(regex_t* regex) const noexcept { onig_free(regex); }
};
using Regex = std::unique_ptr<regex_t, FreeRegex>;

Regex compiled(const char* expression) {
  regex_t* regex = nullptr;
  OnigErrorInfo info;
  const std::string_view text(expression);
  const int code = onig_new(&regex, bytes_of(text), bytes_of(text) + text.size(), ONIG_OPTION_NONE, ONIG_ENCODING_ASCII,
                            ONIG_SYNTAX_PERL_NG, &info);
  RIPTIDE_CHECK(code == ONIG_NORMAL);
  return Regex(regex);
}

void replace_all(std::string& text, std::string_view what) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += kMask.size()) {
    text.replace(at, what.size(), kMask);
  }
}

/// Replaces each match; true if the search itself gave up.
bool replace_matches(std::string& text, regex_t* regex) {
  std::string out;
  std::size_t from = 0;
  OnigRegion* const region = onig_region_new();
  bool gave_up = false;
  while (from <= text.size()) {
    const OnigUChar* const begin = bytes_of(text);
    const OnigUChar* const end = begin + text.size();
    const int at = onig_search(regex, begin, end, begin + from, end, region, ONIG_OPTION_NONE);
    if (at < 0) {
      gave_up = at != ONIG_MISMATCH;
      break;
    }
    const auto first = static_cast<std::size_t>(region->beg[0]);
    const auto last = static_cast<std::size_t>(region->end[0]);
    if (last == first) break;  // None of ours matches nothing.
    out.append(text, from, first - from).append(kMask);
    from = last;
  }
  onig_region_free(region, 1);
  if (from != 0) text = out.append(text, from);
  return gave_up;
}

}  // namespace

struct Masker::Patterns {
  std::array<Regex, kPatterns.size()> all;
};

Masker::Masker(const std::vector<std::string>& sensitive) {
  // Bytes, not characters: all patterns are ASCII, and a text may be anything.
  OnigEncoding encodings[] = {ONIG_ENCODING_ASCII};
  onig_initialize(encodings, 1);
  auto patterns = std::make_unique<Patterns>();
  std::transform(kPatterns.begin(), kPatterns.end(), patterns->all.begin(),
                 [](const Pattern& pattern) { return compiled(pattern.expression); });
  patterns_ = std::move(patterns);
  for (const std::string& value : sensitive) {
    const std::size_t begin = value.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) continue;
    literals_.push_back(value.substr(begin, value.find_last_not_of(" \t\r\n") - begin + 1));
  }
  // A value that is part of another must not leave the rest of that.
  std::sort(literals_.begin(), literals_.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

Masker::~Masker() = default;
Masker::Masker(Masker&&) noexcept = default;
Masker& Masker::operator=(Masker&&) noexcept = default;

std::string Masker::text(std::string_view text) const {
  if (text.size() > kLongest) return std::string(kMask);
  std::string out(text);
  for (std::size_t i = 0; i < kPatterns.size(); ++i) {
    if (out.find(kPatterns[i].needs) == std::string::npos) continue;
    if (replace_matches(out, patterns_->all[i].get())) return std::string(kMask);
  }
  for (const std::string& literal : literals_) replace_all(out, literal);
  return out;
}

std::string Masker::json(std::string_view json) const {
  std::string out;
  out.reserve(json.size());
  std::size_t at = 0;
  while (at < json.size()) {
    if (json[at] != '"') {
      out += json[at++];
      continue;
    }
    std::size_t end = at + 1;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    const std::string_view raw = json.substr(at, end + 1 - at);
    at = std::min(end + 1, json.size());
    const std::size_t behind = json.find_first_not_of(" \t\r\n", at);
    const bool key = behind != std::string_view::npos && json[behind] == ':';
    const auto decoded = key ? pipeline::Result<std::string>(std::string()) : json::decoded(raw);
    if (key || !decoded) {
      out += raw;
      continue;
    }
    std::string masked = text(*decoded);
    if (masked == *decoded) {
      out += raw;
    } else {
      json::append_quoted(masked, out);
    }
  }
  return out;
}

}  // namespace riptide::sinks::port

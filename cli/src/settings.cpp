#include "riptide/cli/settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "riptide/cli/spelling.hpp"

namespace riptide::cli {
namespace {

using enum SettingType;
constexpr SettingUse kIgnored = SettingUse::kIgnored;

constexpr double kKiB = 1024.0;
constexpr double kMiB = kKiB * 1024;
constexpr double kTiB = kMiB * 1024 * 1024;

constexpr Setting kFramework[] = {
    {.key = "integration.type",
     .meaning = "What is read. This version knows `octopus`, `jira`, `jira-server` and `custom`.",
     .required = true},
    {.key = "integration.identifier",
     .meaning = "Name of this installation; ownership of entities hangs on it. Default: `my-<type>-integration`."},
    {.key = "port.client_id",
     .meaning = "Port's client id. With the secret it makes `port` the default sink.",
     .sensitive = true},
    {.key = "port.client_secret", .meaning = "Port's client secret.", .sensitive = true},
    {.key = "port.base_url",
     .type = kUrl,
     .fallback = "https://api.getport.io",
     .meaning = "Port's API; `/v1` is appended."},
    {.key = "client_timeout",
     .type = kInteger,
     .fallback = "60",
     .meaning = "Seconds until a request to the source is given up.",
     .least = 1,
     .most = 86'400},
    {.key = "allow_environment_variables_jq_access",
     .type = kBool,
     .fallback = "true",
     .meaning = "Whether `env` and `$ENV` in expressions show the environment."},
    {.key = "upsert_entities_batch_max_length",
     .type = kInteger,
     .fallback = "20",
     .meaning = "Entities in one upload to Port.",
     .least = 1,
     .most = 20},
    {.key = "upsert_entities_batch_max_size_in_bytes",
     .type = kInteger,
     .fallback = "1048576",
     .meaning = "Bytes in one upload to Port.",
     .least = 1024,
     .most = 1'048'576},
    {.key = "ssl.port.verify",
     .type = kBool,
     .fallback = "true",
     .meaning = "Whether Port's certificate is checked. `false` is said loudly at every start."},
    {.key = "ssl.third_party.verify",
     .type = kBool,
     .fallback = "true",
     .meaning = "Whether the source's certificate is checked. `false` is said loudly at every start."},
    {.key = "initialize_port_resources",
     .type = kBool,
     .fallback = "true",
     .meaning = "On the first run, creates the default blueprints and mapping in Port."},
    {.key = "create_port_resources_origin",
     .type = kChoice,
     .meaning = "Who makes the resources of an integration that is new in Port. Default: Port, where it does that for "
                "the type, else riptide.",
     .choices = "Default|Empty|Port|Ocean"},
    {.key = "runtime",
     .type = kChoice,
     .fallback = "OnPrem",
     .meaning = "Must be as the integration is installed in Port.",
     .choices = "Saas|OnPrem"},
    {.key = "send_raw_data_examples",
     .type = kBool,
     .fallback = "true",
     .meaning = "Up to five raw records of each kind go to Port, with credentials masked."},
    {.key = "status_heartbeat_interval_seconds",
     .type = kInteger,
     .fallback = "10",
     .meaning = "How often Port is told that a run goes on.",
     .least = 1,
     .most = 3600},
    {.key = "application.enable_http_logging",
     .type = kBool,
     .fallback = "true",
     .meaning = "The log goes to Port too, with credentials masked."},
    {.key = "disable_ip_outbound_blocker",
     .type = kBool,
     .fallback = "false",
     .meaning = "Lifts the rule of `runtime: Saas` that a source must have a public address."},
    {.key = "application.log_level",
     .type = kChoice,
     .fallback = "INFO",
     .meaning = "How much is logged.",
     .choices = "DEBUG|INFO|WARNING|ERROR|CRITICAL"},

    {.key = "riptide.memory",
     .type = kSize,
     .fallback = "128MiB",
     .meaning = "Budget for pages, batches and queues; the process stays under it plus its base.",
     .least = 8 * kMiB,
     .most = kTiB},
    {.key = "riptide.in_flight",
     .type = kInteger,
     .fallback = "32",
     .meaning = "Most requests at once towards a host of the source. How many it takes well is found out.",
     .least = 1,
     .most = 4096},
    {.key = "riptide.in_flight_floor",
     .type = kInteger,
     .fallback = "1",
     .meaning = "Least of them, whatever distress the host shows. The same as `inFlight`: always so many.",
     .least = 1,
     .most = 4096},
    {.key = "riptide.http2",
     .type = kBool,
     .fallback = "false",
     .meaning = "Whether HTTPS sources are asked for HTTP/2: one connection for all requests."},
    {.key = "riptide.threads",
     .type = kInteger,
     .fallback = "0",
     .meaning = "Worker threads; 0 takes the cores that affinity and cgroup allow.",
     .least = 0,
     .most = 1024},
    {.key = "riptide.retry_attempts",
     .type = kInteger,
     .fallback = "11",
     .meaning = "Sends of one request in all, the first included.",
     .least = 1,
     .most = 1000},
    {.key = "riptide.retry_base",
     .type = kDuration,
     .fallback = "100ms",
     .meaning = "First back-off towards the source; it doubles with each attempt. Port's is three times as long.",
     .least = 0,
     .most = 3600},
    {.key = "riptide.retry_cap",
     .type = kDuration,
     .fallback = "60s",
     .meaning =
         "Longest back-off and longest Retry-After that is honoured, towards the source. Port's is five times as long.",
     .least = 0,
     .most = 86'400},
    {.key = "riptide.port_timeout",
     .type = kDuration,
     .fallback = "60s",
     .meaning = "Time for one answer of Port.",
     .least = 0.1,
     .most = 3600},
    {.key = "riptide.batch_age",
     .type = kDuration,
     .fallback = "10s",
     .meaning = "A batch that is not full leaves after this long.",
     .least = 0,
     .most = 3600},
    {.key = "riptide.dead_letters",
     .type = kSize,
     .fallback = "64MiB",
     .meaning = "Records and entities kept that were given up; the oldest go first.",
     .least = 0,
     .most = kTiB},
    {.key = "riptide.page_cache",
     .type = kSize,
     .fallback = "256MiB",
     .meaning = "Disk for pages that the source can be asked about (ETag, Last-Modified), beside the state file, "
                "compressed. 0 keeps none and removes what is there.",
     .least = 0,
     .most = kTiB},
    {.key = "riptide.jq_steps",
     .type = kInteger,
     .fallback = "10000000",
     .meaning = "Evaluation steps that one record may cost.",
     .least = 1000,
     .most = 1e15},
    {.key = "riptide.jq_memory",
     .type = kSize,
     .fallback = "64MiB",
     .meaning = "Memory that evaluating one record may take.",
     .least = 64 * kKiB,
     .most = kTiB},
    {.key = "riptide.jq_output",
     .type = kSize,
     .fallback = "16MiB",
     .meaning = "Bytes that one record may become.",
     .least = 1 * kKiB,
     .most = kTiB},
    {.key = "riptide.jq_depth",
     .type = kInteger,
     .fallback = "10000",
     .meaning = "Nesting that one record may have.",
     .least = 10,
     .most = 1e6},
    {.key = "riptide.jq_regex_steps",
     .type = kInteger,
     .fallback = "10000000",
     .meaning = "Steps back that one search by a regular expression may take.",
     .least = 1000,
     .most = 1e15},

    {.key = "resources_path",
     .type = kPath,
     .meaning = "Folder of Ocean's defaults; riptide carries its own.",
     .use = kIgnored},
    {.key = "event_listener.type",
     .fallback = "POLLING",
     .meaning = "`sync` is one resync, as Ocean's `ONCE`.",
     .use = kIgnored},
    {.key = "scheduled_resync_interval",
     .meaning = "Minutes between resyncs in a process that stays.",
     .use = kIgnored},
    {.key = "oauth_access_token_file_path",
     .type = kPath,
     .meaning = "File with an OAuth token that somebody else renews; it is read again. Used by `jira`."},
    {.key = "base_url", .type = kUrl, .meaning = "Public URL of a process that stays.", .use = kIgnored},
    {.key = "path_prefix", .meaning = "Prefix of its routes.", .use = kIgnored},
    {.key = "metrics.enabled",
     .type = kBool,
     .fallback = "false",
     .meaning = "Metrics of a process that stays.",
     .use = kIgnored},
    {.key = "metrics.webhook_url", .meaning = "Where they go.", .use = kIgnored},
    {.key = "delete_entities_max_batch_size",
     .type = kInteger,
     .fallback = "1000",
     .meaning = "Port takes 100 at most; riptide sends 100.",
     .use = kIgnored},
    {.key = "yield_items_to_parse_batch_size",
     .type = kInteger,
     .fallback = "200",
     .meaning = "Chunk of `itemsToParse`; riptide streams.",
     .use = kIgnored},
    {.key = "process_in_queue_timeout",
     .type = kInteger,
     .fallback = "120",
     .meaning = "Ocean's limit for a record; riptide's are `jqSteps` and `jqMemory`.",
     .use = kIgnored},
    {.key = "process_in_queue_max_workers",
     .type = kInteger,
     .meaning = "Ocean's workers; riptide's are `threads`.",
     .use = kIgnored},
    {.key = "processing_mode",
     .type = kChoice,
     .fallback = "ocean-core",
     .meaning = "riptide declares `ocean-core`.",
     .use = kIgnored,
     .choices = "ocean-core|dsp"},
    {.key = "ssl.port.x509.strict",
     .type = kBool,
     .fallback = "true",
     .meaning = "OpenSSL's strict flag.",
     .use = kIgnored},
    {.key = "ssl.third_party.x509.strict",
     .type = kBool,
     .fallback = "true",
     .meaning = "OpenSSL's strict flag.",
     .use = kIgnored},
    {.key = "application.port",
     .type = kInteger,
     .fallback = "8000",
     .meaning = "Port of a process that stays.",
     .use = kIgnored},
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return out;
}

struct Quantity {
  double amount = 0;
  std::string unit;  // lower case, may be empty
};

std::optional<Quantity> parse_quantity(std::string_view text) {
  text = trimmed(text);
  const std::size_t end = text.find_first_not_of("0123456789.");
  const std::optional<double> amount = parse_number(text.substr(0, end));
  if (!amount) return std::nullopt;
  return Quantity{*amount, end == std::string_view::npos ? "" : lower(trimmed(text.substr(end)))};
}

std::string_view unit_of(SettingType type) {
  switch (type) {
    case kText:
      return "text";
    case kUrl:
      return "URL";
    case kPath:
      return "path";
    case kBool:
      return "boolean";
    case kInteger:
      return "integer";
    case kNumber:
      return "number";
    case kSize:
      return "size";
    case kDuration:
      return "duration";
    case kChoice:
      return "choice";
    case kJson:
      return "JSON object";
  }
  return "text";
}

}  // namespace

std::span<const Setting> framework_settings() { return kFramework; }

std::string variable_of(std::string_view key) {
  std::string out = key.starts_with("application.") ? "" : "OCEAN__";
  for (const char c : key) {
    if (c == '.') {
      out += "__";
    } else {
      out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

std::string yaml_key_of(std::string_view key) { return key.starts_with("application.") ? "" : camel_case(key); }

std::vector<std::string> choices_of(std::string_view choices) {
  std::vector<std::string> out;
  while (!choices.empty()) {
    const auto bar = std::min(choices.find('|'), choices.size());
    out.emplace_back(choices.substr(0, bar));
    choices.remove_prefix(std::min(bar + 1, choices.size()));
  }
  return out;
}

std::optional<bool> parse_boolean(std::string_view text) {
  const std::string word = lower(trimmed(text));
  for (const std::string_view yes : {"true", "1", "yes", "on", "t", "y"}) {
    if (word == yes) return true;
  }
  for (const std::string_view no : {"false", "0", "no", "off", "f", "n"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_' && i > 0 && i + 1 < text.size() && text[i - 1] != '_') continue;  // 1_000, as in Python
    digits += text[i];
  }
  std::int64_t number = 0;
  const auto done = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || done.ec != std::errc() || done.ptr != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  double number = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || done.ec != std::errc() || done.ptr != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::optional<Quantity> quantity = parse_quantity(text);
  if (!quantity) return std::nullopt;
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1},     {"b", 1},           {"k", kKiB},          {"kib", kKiB}, {"kb", 1e3}, {"m", kMiB},   {"mib", kMiB},
      {"mb", 1e6}, {"g", kMiB * kKiB}, {"gib", kMiB * kKiB}, {"gb", 1e9},   {"t", kTiB}, {"tib", kTiB}, {"tb", 1e12},
  };
  for (const auto& [unit, factor] : kUnits) {
    if (quantity->unit == unit) {
      const double bytes = quantity->amount * factor;
      if (bytes > 9e18) return std::nullopt;
      return static_cast<std::uint64_t>(bytes);
    }
  }
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const std::optional<Quantity> quantity = parse_quantity(text);
  if (!quantity) return std::nullopt;
  constexpr std::pair<std::string_view, double> kUnits[] = {{"", 1e3},   {"ms", 1},     {"s", 1e3},
                                                            {"m", 60e3}, {"min", 60e3}, {"h", 3600e3}};
  for (const auto& [unit, factor] : kUnits) {
    if (quantity->unit == unit) {
      const double milliseconds = quantity->amount * factor;
      if (milliseconds > 1e15) return std::nullopt;
      return std::chrono::milliseconds(static_cast<std::int64_t>(std::llround(milliseconds)));
    }
  }
  return std::nullopt;
}

pipeline::Result<std::string> checked_url(std::string_view text) {
  const auto wrong = [](std::string_view why) {
    return pipeline::unexpected(pipeline::ErrorKind::kConfig, std::string(why));
  };
  text = trimmed(text);
  const std::string scheme = lower(text.substr(0, text.find("://")));
  if (text.find("://") == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return wrong("is not a URL: it must begin with http:// or https://");
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f')
      return wrong("is not a URL: it has a space or control character in it");
  }
  const std::string_view rest = text.substr(text.find("://") + 3);
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return wrong("must be a base URL: remove the part from ? or # on");
  }
  std::string_view host = rest.substr(0, rest.find('/'));
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) host = host.substr(at + 1);
  if (host.empty() || host.front() == ':') return wrong("is not a URL: there is no host after ://");
  std::string_view port;
  if (host.front() == '[') {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return wrong("is not a URL: the host's [ is not closed");
    port = host.substr(close + 1);
  } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
  }
  if (!port.empty()) {
    const std::optional<std::int64_t> number = parse_integer(port.substr(1));
    if (port.front() != ':' || !number || *number < 1 || *number > 65'535) {
      return wrong("is not a URL: the port must be a number from 1 to 65535");
    }
  }
  std::string url(text);
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string settings_as_markdown(std::span<const Setting> settings) {
  std::string out;
  for (const Setting& setting : settings) {
    const std::string yaml = yaml_key_of(setting.key);
    out += "| `" + variable_of(setting.key) + "` | " + (yaml.empty() ? "" : "`" + yaml + "`") + " | " +
           std::string(unit_of(setting.type)) + " | ";
    if (setting.required) {
      out += "required";
    } else if (!setting.fallback.empty()) {
      out += "`" + std::string(setting.fallback) + "`";
    }
    out += " | " + std::string(setting.meaning);
    if (!setting.choices.empty()) {
      std::string choices(setting.choices);
      for (std::size_t at = 0; (at = choices.find('|', at)) != std::string::npos; at += 2) choices.replace(at, 1, ", ");
      out += " One of " + choices + ".";
    }
    if (setting.sensitive) out += " Secret.";
    out += " |\n";
  }
  return out;
}

}  // namespace riptide::cli

#include <fmt/format.h>
#include <sys/prctl.h>

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "riptide/cli/config_schema.hpp"
#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/logging.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/starting_files.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/sources/custom_proposal.hpp"
#include "riptide/stages/client_exchange.hpp"

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;
using sources::custom::Proposal;

constexpr int kExitIncomplete = 3;

std::optional<std::string> variable_in(const std::vector<Variable>& variables, std::string_view name) {
  for (auto one = variables.rbegin(); one != variables.rend(); ++one) {
    if (one->name == name) return one->value;
  }
  return std::nullopt;
}

// Where `{{ from env NAME }}` will look too.
std::optional<std::string> variable(const ConfigSources& sources, std::string_view name) {
  if (auto value = variable_in(sources.environment, name)) return value;
  if (!sources.dotenv) return std::nullopt;
  std::vector<Problem> ignored;
  const std::vector<Variable> variables = read_dotenv(
      *sources.dotenv, ".env", [&](std::string_view wanted) { return variable_in(sources.environment, wanted); },
      ignored);
  return variable_in(variables, name);
}

/// `K: V` as a header.
Result<stages::Header> header_of(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || colon == 0) {
    return unexpected(ErrorKind::kConfig, "must be 'Name: value', with a colon");
  }
  stages::Header header{text.substr(0, colon),
                        text.substr(std::min(text.find_first_not_of(' ', colon + 1), text.size()))};
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') {
      return unexpected(ErrorKind::kConfig, "has a control character in it");
    }
  }
  if (header.name.find(' ') != std::string::npos) return unexpected(ErrorKind::kConfig, "has a space in its name");
  return header;
}

class Init {
 public:
  explicit Init(const InitFlags& flags) : flags_(flags) {}

  int run() {
    const IntegrationType* const type = find_integration_type(flags_.type);
    if (type == nullptr) {
      std::vector<std::string> known;
      for (const IntegrationType& one : integration_types()) known.emplace_back(one.name);
      return usage("there is no integration type '" + flags_.type + "', only " + listed(known) +
                   did_you_mean(flags_.type, known));
    }
    if (flags_.from.empty()) return hand_out(files_of(*type), flags_.type, {});
    if (flags_.type != "custom")
      return usage("--from goes with custom; the address of " + flags_.type + " belongs in the config");
    if (auto checked = sources::custom::check_address(flags_.from); !checked) {
      return usage("--from: " + checked.error().message);
    }
    // Before anything is asked for: what is there already stays.
    if (const std::string there = already_there(); !there.empty()) return usage(there);
    return from_api();
  }

 private:
  int usage(const std::string& message) {
    terminal_.print("riptide: " + message);
    return kExitUsage;
  }

  [[nodiscard]] std::string already_there() const {
    if (flags_.out.empty() || flags_.force) return {};
    for (const char* const name : kFiles) {
      std::error_code ignored;
      const std::filesystem::path path = std::filesystem::path(flags_.out) / name;
      if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
        return path.string() + " is there already; --force replaces it";
      }
    }
    return {};
  }

  int from_api() {
    ::prctl(PR_SET_DUMPABLE, 0);  // a core file would hold the secrets
    const stages::HttpRuntime http;
    std::vector<Problem> problems;
    ConfigSources sources = gather_sources(flags_.common.config, problems);
    sources.flags = settings_of(flags_.common);
    const ConfigReading reading = read_config(sources, {.type = false, .source = ConfigNeeds::Missing::kPlaceholder});
    problems.insert(problems.end(), reading.problems.begin(), reading.problems.end());
    if (any_error(problems)) {
      print_problems(problems, terminal_);
      return kExitUsage;
    }
    std::vector<std::string> secrets = reading.config.secrets();
    std::vector<stages::Header> headers;
    for (const std::string& text : flags_.headers) {
      auto header = header_of(text);
      if (!header) return usage("--header " + header.error().message);
      secrets.push_back(header->value);
      headers.push_back(*std::move(header));
    }
    asked_with_ = headers;
    if (!stages::has_header(asked_with_, "accept")) asked_with_.push_back({"Accept", "application/json"});
    if (!flags_.bearer_env.empty()) {
      const auto token = variable(sources, flags_.bearer_env);
      if (!token || token->empty()) return usage("--bearer-env: the variable " + flags_.bearer_env + " is not set");
      secrets.push_back(*token);
      asked_with_.push_back({"Authorization", "Bearer " + *token});
    }
    terminal_.hide(secrets);
    auto proposal = ask(reading.config);
    if (!proposal) {
      terminal_.print("riptide: " + proposal.error().message);
      return proposal.error().kind == ErrorKind::kConfig ? kExitUsage : kExitIncomplete;
    }
    const Signing signing = signing_of(headers, flags_.bearer_env);
    for (const std::string& name : signing.lost) {
      terminal_.print("riptide: warning: there is no place in the config for the header " + name);
    }
    for (const std::string& name : proposal->secret_parameters) {
      terminal_.print("riptide: warning: the parameter " + name + " looks like a credential and is left out");
    }
    terminal_.print(fmt::format("riptide: {} records; pages: {}", proposal->num_records, proposal->paging.front().why));
    return hand_out(files_of(*proposal, signing), "custom", signing.variables);
  }

  Result<Proposal> ask(const Config& config) {
    const stages::ResyncOptions limits = resync_options(config);
    Logger logger(terminal_, config.text("application.log_level"),
                  flags_.common.log_format == "json" ? LogFormat::kJson : LogFormat::kText);
    stages::HttpClientOptions options;
    options.name = "source";
    options.retry = limits.source_retry;
    options.total_timeout = limits.source_timeout;
    options.verify_tls = limits.verify_source_tls;
    options.allow_private_addresses = limits.allow_private_source;
    options.http2 = limits.source_http2;
    options.user_agent = "riptide/" + version();
    options.on_retry = [&logger](std::string_view url, std::string_view why, std::chrono::milliseconds delay,
                                 int attempt) {
      logger.warning(fmt::format("{}: {}; attempt {} in {} ms", url, why, attempt + 1, delay.count()));
    };
    auto client = stages::HttpClient::start(std::move(options));
    if (!client) return unexpected(std::move(client).error());
    stages::ClientExchange exchange(**client);
    auto first = get(exchange, flags_.from);
    if (!first) return unexpected(std::move(first).error());
    if (const auto location = first->header("location"); first->status >= 300 && first->status < 400 && location) {
      return unexpected(ErrorKind::kRejected, fmt::format("{} sends readers to {}; give that address", first->safe_url,
                                                          stages::safe_url(*location)));
    }
    if (!first->ok()) {
      pipeline::Error error = stages::http_error(*first);
      if (first->status == 401 || first->status == 403)
        error.message += " (--bearer-env NAME or --header sign the request)";
      return unexpected(std::move(error));
    }
    auto proposal = sources::custom::propose(flags_.from, *first);
    if (!proposal) return proposal;
    if (const std::string second_page = proposal->paging.front().second_page; !second_page.empty()) {
      auto second = get(exchange, second_page);
      sources::custom::confirm(*proposal, second ? sources::custom::judge_second_page(*proposal, *second)
                                                 : sources::custom::SecondPage::kRefused);
    }
    return proposal;
  }

  Result<stages::HttpResponse> get(stages::Exchange& exchange, const std::string& url) const {
    stages::HttpRequest request;
    request.url = url;
    request.headers = asked_with_;
    return std::move(exchange.ask({request}).front());
  }

  int hand_out(std::vector<StartingFile> files, const std::string& type, const std::vector<std::string>& variables) {
    if (flags_.out.empty()) {
      for (const StartingFile& file : files)
        std::fputs(("# " + file.name + "\n" + file.text + (&file == &files.back() ? "" : "---\n")).c_str(), stdout);
      if (std::fflush(stdout) != 0) return usage("standard output cannot be written");
      return kExitComplete;
    }
    if (const std::string there = already_there(); !there.empty()) return usage(there);
    for (StartingFile& file : files) {
      if (file.name == "config.yaml") file.text = "# yaml-language-server: $schema=./config.schema.json\n" + file.text;
      if (file.name == "mapping.yaml")
        file.text = "# yaml-language-server: $schema=./mapping.schema.json\n" + file.text;
    }
    files.push_back({"config.schema.json", config_schema()});
    files.push_back({"mapping.schema.json", mapping_schema(type)});
    std::error_code failure;
    std::filesystem::create_directories(flags_.out, failure);
    if (failure) return usage(flags_.out + ": " + failure.message());
    for (const StartingFile& file : files) {
      const std::string path = (std::filesystem::path(flags_.out) / file.name).string();
      if (auto written = write_file_atomically(path, file.text); !written) {
        return usage(path + ": " + written.error().message);
      }
    }
    std::string next = "riptide: written to " + flags_.out + ". Next" +
                       (variables.empty() ? ":" : ", with " + listed(variables) + " set:");
    next += "\n  cd " + shell_quoted(flags_.out) +
            "\n  riptide lint config.yaml mapping.yaml\n  riptide sync --mapping mapping.yaml";
    terminal_.print(next);
    return kExitComplete;
  }

  static constexpr const char* kFiles[] = {"config.yaml", "mapping.yaml", "blueprints.json", "config.schema.json",
                                           "mapping.schema.json"};
  const InitFlags& flags_;
  Terminal terminal_{2};
  std::vector<stages::Header> asked_with_;
};

}  // namespace

int run_init(const InitFlags& flags) { return Init(flags).run(); }

}  // namespace riptide::cli

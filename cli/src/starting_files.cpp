#include "riptide/cli/starting_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "riptide/cli/settings.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/tree.hpp"
#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

using sources::custom::PageStyle;
using sources::custom::Pagination;
using sources::custom::Proposal;
using sources::custom::ProposedPaging;

constexpr std::size_t kWidth = 110;

/// What a reader of YAML may take for the end of a line, though it is none: U+0085, U+2028, U+2029.
bool breaks_line(std::string_view text) {
  return text.starts_with("\xc2\x85") || text.starts_with("\xe2\x80\xa8") || text.starts_with("\xe2\x80\xa9");
}

/// Text as comment lines, broken at spaces.
void comment(std::string& out, std::string_view indent, std::string_view text) {
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) out.append(indent).append("# ").append(line).append("\n");
    line.clear();
  };
  while (!text.empty()) {
    const auto space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (!line.empty() && line.size() + word.size() + indent.size() > kWidth) flush();
    if (!line.empty()) line += ' ';
    for (std::size_t i = 0; i < word.size(); ++i) {
      const bool control = static_cast<unsigned char>(word[i]) < 0x20 || word[i] == '\x7f';
      line += control || breaks_line(word.substr(i)) ? '?' : word[i];
    }
  }
  flush();
}

std::string_view name_of(PageStyle style) {
  switch (style) {
    case PageStyle::kNone:
      return "none";
    case PageStyle::kPage:
      return "page";
    case PageStyle::kOffset:
      return "offset";
    case PageStyle::kCursor:
      return "cursor";
    case PageStyle::kNextLink:
      return "next_link";
    case PageStyle::kHeaderLink:
      return "header_link";
  }
  return "none";
}

/// The settings that say a paging, defaults left out.
std::vector<std::pair<std::string, std::string>> settings_of_paging(const Pagination& pagination) {
  std::vector<std::pair<std::string, std::string>> out = {{"paginationType", std::string(name_of(pagination.style))}};
  const auto add = [&](const char* key, const std::string& value, std::string_view fallback) {
    if (!value.empty() && value != fallback) out.emplace_back(key, value);
  };
  switch (pagination.style) {
    case PageStyle::kNone:
      break;
    case PageStyle::kNextLink:
      add("nextLinkPath", pagination.next_link_path, "@odata.nextLink");
      break;
    case PageStyle::kHeaderLink:
      add("headerLinkRel", pagination.header_link_rel, "next");
      break;
    case PageStyle::kPage:
    case PageStyle::kOffset:
    case PageStyle::kCursor: {
      const bool by_page = pagination.style == PageStyle::kPage;
      const bool by_offset = pagination.style == PageStyle::kOffset;
      add("paginationParam", pagination.page_param, by_page ? "page" : by_offset ? "offset" : "cursor");
      add("sizeParam", pagination.size_param, by_page ? "size" : "limit");
      add("pageSize", fmt::format("{}", pagination.page_size), "100");
      if (by_page) add("startPage", fmt::format("{}", pagination.start_page), "1");
      if (pagination.style == PageStyle::kCursor) add("cursorPath", pagination.cursor_path, "");
      add("hasMorePath", pagination.has_more_path, "");
      if (by_page) add("lastPagePath", pagination.last_page_path, "");
      if (pagination.style == PageStyle::kCursor) break;
      add("totalPath", pagination.total_path, "");
      add("totalPagesPath", pagination.total_pages_path, "");
      add("totalHeader", pagination.total_header, "X-Total-Count");
      break;
    }
  }
  return out;
}

std::string sentence(std::string_view name, std::string_view why) {
  std::string out(name);
  out += ": ";
  out += why;
  return out + ".";
}

std::string config_of(const Proposal& proposal, const Signing& signing) {
  std::string out = "integration:\n  type: custom\n  config:\n";
  comment(out, "    ", "Credentials go to this server only. A kind of the mapping is a path behind it.");
  out += "    baseUrl: " + yaml_scalar(proposal.base_url) + "\n";
  if (signing.settings.empty()) {
    comment(out, "    ", "Nothing signs the requests; others are bearer_token, basic, api_key and custom.");
    out += "    authType: none\n";
  } else {
    if (!signing.variables.empty()) {
      comment(out, "    ", "Set " + listed(signing.variables) + " before a run; no value of a secret is kept here.");
    }
    for (const auto& [key, value] : signing.settings) out += fmt::format("    {}: {}\n", key, yaml_scalar(value));
  }
  for (const std::string& name : signing.lost) {
    comment(out, "    ", "The header " + name + " looks like a credential, and there is no place for a second one.");
  }
  for (const std::string& name : proposal.secret_parameters) {
    comment(out, "    ",
            "The parameter " + name +
                " of the address looks like a credential and is left out; customAuthRequestTemplate can send one.");
  }
  const ProposedPaging& paging = proposal.paging.front();
  comment(out, "    ", sentence("Pages", paging.why));
  for (const auto& [key, value] : settings_of_paging(paging.pagination)) {
    out += fmt::format("    {}: {}\n", key, yaml_scalar(value));
  }
  const bool at_once = !paging.pagination.total_path.empty() || !paging.pagination.total_pages_path.empty();
  if (at_once) comment(out, "    ", "The total lets all pages be asked for at once.");
  for (std::size_t i = 1; i + 1 < proposal.paging.size(); ++i) {
    comment(out, "    ", sentence("Another way to page, if this one is wrong", proposal.paging[i].why));
    for (const auto& [key, value] : settings_of_paging(proposal.paging[i].pagination)) {
      out += fmt::format("    # {}: {}\n", key, yaml_scalar(value));
    }
  }
  comment(out, "    ", "Requests at once. How many the API takes well is found out below that.");
  out += "    # maxConcurrentRequests: 10\n";
  return out;
}

std::string mapping_of(const Proposal& proposal, const Signing& signing) {
  std::string out = "resources:\n";
  out += "  - kind: " + yaml_scalar(proposal.kind) + "\n    selector:\n      query: \"true\"\n";
  if (!proposal.query.empty()) {
    comment(out, "      ", "From the address.");
    out += "      query_params:\n";
    std::vector<std::string> done;
    for (const auto& [name, value] : proposal.query) {
      if (std::find(done.begin(), done.end(), name) != done.end()) continue;
      done.push_back(name);
      std::vector<std::string> values;
      for (const auto& [other, one] : proposal.query) {
        if (other == name) values.push_back(yaml_scalar(one));
      }
      out += fmt::format("        {}: {}\n", yaml_scalar(name),
                         values.size() == 1 ? values[0] : fmt::format("[{}]", fmt::join(values, ", ")));
    }
  }
  if (!signing.selector_headers.empty()) {
    out += "      headers:\n";
    for (const stages::Header& header : signing.selector_headers) {
      out += fmt::format("        {}: {}\n", yaml_scalar(header.name), yaml_scalar(header.value));
    }
  }
  comment(out, "      ", sentence("Where the records are", proposal.data_path.why));
  if (!proposal.data_path.expression.empty()) {
    out += "      data_path: " + yaml_scalar(proposal.data_path.expression) + "\n";
  }
  out += "    port:\n      entity:\n        mappings:\n";
  comment(out, "          ", sentence("Identifier", proposal.identifier.why));
  out += "          identifier: " + yaml_scalar(proposal.identifier.expression) + "\n";
  if (!proposal.title.expression.empty()) {
    comment(out, "          ", sentence("Title", proposal.title.why));
    out += "          title: " + yaml_scalar(proposal.title.expression) + "\n";
  }
  out += "          blueprint: " + yaml_scalar(json::quoted(proposal.blueprint)) + "\n";
  if (!proposal.properties.empty()) {
    out += "          properties:\n";
    for (const auto& property : proposal.properties) {
      out += fmt::format("            {}: {}\n", yaml_scalar(property.name), yaml_scalar(property.expression));
    }
  }
  if (!proposal.left_out.empty()) {
    comment(out, "          ", fmt::format("Left out: {}.", fmt::join(proposal.left_out, ", ")));
  }
  return out;
}

std::string blueprints_of(const Proposal& proposal) {
  const auto title = [](std::string text) {
    std::replace(text.begin(), text.end(), '_', ' ');
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return json::quoted(text);
  };
  std::string out = fmt::format("[\n  {{\n    \"identifier\": {},\n    \"title\": {},\n",
                                json::quoted(proposal.blueprint), title(proposal.blueprint));
  out += "    \"schema\": {\n      \"properties\": {";
  bool first = true;
  for (const auto& property : proposal.properties) {
    out += fmt::format("{}\n        {}: {{\"type\": {}, \"title\": {}", first ? "" : ",", json::quoted(property.name),
                       json::quoted(property.type), title(property.name));
    if (!property.format.empty()) out += ", \"format\": " + json::quoted(property.format);
    out += "}";
    first = false;
  }
  return out + (first ? "" : "\n      ") + "}\n    },\n    \"relations\": {}\n  }\n]\n";
}

/// Headers whose values are no secrets.
bool is_plain_header(std::string_view name) {
  static constexpr std::string_view kPlain[] = {"accept",     "accept-language", "content-type",
                                                "user-agent", "prefer",          "consistencylevel"};
  const auto same = [&](std::string_view plain) { return stages::same_header_name(name, plain); };
  if (std::any_of(std::begin(kPlain), std::end(kPlain), same)) return true;
  const std::string word = snake_case(name);
  return word.ends_with("version") || word.ends_with("Version");
}

/// The name of the variable that a secret of a configuration comes from.
std::string variable_for(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'a' && c <= 'z') {
      out += static_cast<char>(c - 'a' + 'A');
    } else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
      out += c;
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
  }
  return out.empty() || (out[0] >= '0' && out[0] <= '9') ? "API_KEY" : out;
}

std::string reference_to(const std::string& variable) { return "{{ from env " + variable + " }}"; }

}  // namespace

std::string yaml_scalar(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./-$").find(c) != std::string_view::npos;
  };
  const bool simple = !text.empty() && std::all_of(text.begin(), text.end(), plain) && text != "." && text[0] != '-';
  if (simple) {
    // What YAML would not take for text: numbers, booleans, null and their kin.
    std::vector<Problem> problems;
    const auto tree = read_yaml(text, "", problems);
    const bool number = text.find_first_not_of("0123456789") == std::string_view::npos;
    if (tree && (tree->kind == Tree::Kind::kString || (number && tree->kind == Tree::Kind::kNumber)) &&
        tree->text == text) {
      return std::string(text);
    }
  }
  const auto printable = [](char c) { return c >= 0x20 && c != '\x7f' && c != '\''; };
  if (text.find_first_of("\"\\") != std::string_view::npos && std::all_of(text.begin(), text.end(), printable)) {
    return "'" + std::string(text) + "'";
  }
  const std::string quoted = json::quoted(text);
  std::string out;
  for (std::size_t i = 0; i < quoted.size();) {
    const std::string_view rest = std::string_view(quoted).substr(i);
    if (!breaks_line(rest)) {
      out += quoted[i++];
      continue;
    }
    out += rest.starts_with("\xc2") ? "\\u0085" : rest.starts_with("\xe2\x80\xa8") ? "\\u2028" : "\\u2029";
    i += rest.starts_with("\xc2") ? 2 : 3;
  }
  return out;
}

Signing signing_of(const std::vector<stages::Header>& headers, const std::string& bearer_variable) {
  Signing signing;
  const auto signs = [&](std::string_view type) {
    if (!signing.settings.empty()) return false;
    signing.settings.emplace_back("authType", type);
    return true;
  };
  const auto secret = [&](const char* key, const std::string& variable) {
    signing.settings.emplace_back(key, reference_to(variable));
    signing.variables.push_back(variable);
  };
  if (!bearer_variable.empty() && signs("bearer_token")) secret("apiToken", bearer_variable);
  for (const stages::Header& header : headers) {
    if (is_plain_header(header.name)) {
      signing.selector_headers.push_back(header);
      continue;
    }
    const std::string scheme = snake_case(std::string(header.value.substr(0, header.value.find(' '))));
    if (stages::same_header_name(header.name, "authorization") && scheme == "bearer") {
      if (signs("bearer_token")) {
        secret("apiToken", "API_TOKEN");
        continue;
      }
    } else if (signs("api_key")) {
      signing.settings.emplace_back("apiKeyHeader", header.name);
      secret("apiKey", variable_for(header.name));
      continue;
    }
    signing.lost.push_back(header.name);
  }
  return signing;
}

std::vector<StartingFile> files_of(const Proposal& proposal, const Signing& signing) {
  std::vector<StartingFile> files;
  std::string head;
  comment(head, "", "Proposed by `riptide init custom` from one answer of the API. Every guess says what it rests on.");
  files.push_back({"config.yaml", head + config_of(proposal, signing)});
  head.clear();
  comment(head, "",
          fmt::format("Proposed by `riptide init custom` from {} records. Values are jq expressions.",
                      proposal.num_records));
  files.push_back({"mapping.yaml", head + mapping_of(proposal, signing)});
  files.push_back({"blueprints.json", blueprints_of(proposal)});
  return files;
}

std::vector<StartingFile> files_of(const IntegrationType& type) {
  std::string out;
  comment(out, "", fmt::format("A configuration for {}. What is commented out is at its default.", type.name));
  out += fmt::format("integration:\n  type: {}\n  # identifier: my-{}-integration\n  config:\n", type.name, type.name);
  constexpr std::string_view kPrefix = "integration.config.";
  bool any = false;
  for (const Setting& setting : type.settings) {
    if (setting.use == SettingUse::kIgnored) continue;
    const std::string_view name = setting.key.substr(kPrefix.size());
    const std::string key = camel_case(name);
    const std::string reference = yaml_scalar(reference_to(variable_for(name)));
    std::string about(setting.meaning);
    if (!setting.choices.empty()) {
      about += " One of " + listed(choices_of(setting.choices)) + ".";
    }
    comment(out, "    ", about);
    if (setting.required && setting.unless.empty()) {
      out += fmt::format("    {}: {}\n", key, reference);
      any = true;
    } else if (setting.required || setting.sensitive) {
      out += fmt::format("    # {}: {}\n", key, reference);
    } else {
      out += fmt::format("    # {}:{}{}\n", key, setting.fallback.empty() ? "" : " ",
                         setting.fallback.empty() ? "" : yaml_scalar(setting.fallback));
    }
  }
  if (!any) out += "    {}\n";
  comment(out, "", "Where the entities go: Port, if these are there; else ./riptide.db, or --sink.");
  out +=
      "# port:\n#   clientId: \"{{ from env PORT_CLIENT_ID }}\"\n#   clientSecret: \"{{ from env "
      "PORT_CLIENT_SECRET }}\"\n";
  comment(out, "", "riptide's own settings are in docs/configuration.md; the budget for pages and batches is one.");
  out += "# riptide:\n#   memory: 128MiB\n";
  return {{"config.yaml", out}, {"mapping.yaml", std::string(type.default_mapping())}};
}

}  // namespace riptide::cli

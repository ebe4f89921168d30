// The resource blocks of a mapping, read into the work that they ask for.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "jql.hpp"
#include "selector.hpp"
#include "work.hpp"

namespace riptide::sources::jira {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;
using Block = Plan::Block;

constexpr std::string_view kDefaultIssues = "(statusCategory != Done) OR (created >= -1w) OR (updated >= -1w)";
constexpr std::string_view kDefaultBacklog = "updated >= -1w OR statusCategory != Done";
constexpr std::string_view kDefaultWorklogs = "updated >= -1w";

void add_parameter(std::string_view name, std::string_view value, std::string& query) {
  if (!query.empty()) query += '&';
  query += name;
  query += '=';
  query += stages::percent_encoded(value);
}

std::string joined(const std::vector<std::string>& texts) { return fmt::format("{}", fmt::join(texts, ",")); }

Result<Block> project_block(const SelectorReader& selector) {
  auto expand = selector.optional_text("expand", "insight");
  if (!expand) return unexpected(std::move(expand).error());
  Block block{Step::kProjects, "project/search", "", "", ""};
  if (*expand && !(*expand)->empty()) add_parameter("expand", **expand, block.query);
  return block;
}

// The members of a search's body beside query and page: a list of fields and what to expand.
Result<std::string> search_members(const SelectorReader& selector) {
  auto fields = selector.optional_text("fields", "*all");
  if (!fields) return unexpected(std::move(fields).error());
  auto expand = selector.optional_text("expand");
  if (!expand) return unexpected(std::move(expand).error());
  std::string text;
  if (*fields && !(*fields)->empty()) {
    text += ",\"fields\":[";
    std::string_view rest = **fields;
    for (bool first = true; !rest.empty(); first = false) {
      std::string_view field = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), field.size() + 1));
      while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
      while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
      if (!first) text += ',';
      json::append_quoted(field, text);
    }
    text += ']';
  }
  if (*expand && !(*expand)->empty()) {
    text += ",\"expand\":";
    json::append_quoted(**expand, text);
  }
  return text;
}

// A search for issues: project by project where that is wanted and its query allows it.
Result<Block> search_block(const Search& search, const std::string& jql, const SelectorReader& selector,
                           const PlanOptions& options) {
  auto partition = selector.choice("partition", {"auto", "none"});
  if (!partition) return unexpected(std::move(partition).error());
  const JqlShape shape = shape_of(jql);
  // A query of blanks is asked as an empty one.
  Block block{search.step, "search/jql", shape.conditions.empty() ? "" : jql, written(search), ""};
  const bool wanted = *partition ? **partition == "auto" : options.partition;
  if (!wanted || !shape.closed) return block;
  block.query = std::string(shape.conditions);
  block.more = kMaxCuts;
  // A query that chooses projects itself would be asked in vain in all the others.
  block.partitioned = !shape.names_project;
  return block;
}

Result<Block> issue_block(const SelectorReader& selector, const PlanOptions& options) {
  auto jql = selector.text("jql", kDefaultIssues);
  if (!jql) return unexpected(std::move(jql).error());
  auto members = search_members(selector);
  if (!members) return unexpected(std::move(members).error());
  return search_block({Step::kIssues, *members, ""}, *jql, selector, options);
}

Result<std::optional<Block>> team_block(const SelectorReader& selector, const PlanOptions& options) {
  auto members = selector.boolean("includeMembers", false);
  if (!members) return unexpected(std::move(members).error());
  if (options.organization_id.empty()) return std::optional<Block>();
  const std::string path = fmt::format("{}/teams", stages::percent_encoded(options.organization_id));
  return std::optional<Block>(Block{Step::kTeams, path, "", "", *members ? "members" : ""});
}

Result<Block> board_block(const SelectorReader& selector) {
  auto type = selector.choice("boardType", {"scrum", "kanban", "simple"});
  if (!type) return unexpected(std::move(type).error());
  auto project = selector.optional_text("projectKey");
  if (!project) return unexpected(std::move(project).error());
  Block block{Step::kBoards, "board", "", "", ""};
  if (*type) add_parameter("type", **type, block.query);
  if (*project && !(*project)->empty()) add_parameter("projectKeyOrId", **project, block.query);
  return block;
}

Result<Block> sprint_block(const SelectorReader& selector) {
  auto states = selector.texts("sprintState", {"active"}, {"active", "closed", "future"});
  if (!states) return unexpected(std::move(states).error());
  Block block{Step::kSprints, "sprint", "", "", ""};
  if (!states->empty()) block.query = "state=" + joined(*states);
  return block;
}

Result<Block> backlog_block(const SelectorReader& selector) {
  auto jql = selector.optional_text("jql", std::string(kDefaultBacklog));
  if (!jql) return unexpected(std::move(jql).error());
  auto fields = selector.texts("fields", {}, {});
  if (!fields) return unexpected(std::move(fields).error());
  auto software = selector.boolean("useSoftwareApi", true);
  if (!software) return unexpected(std::move(software).error());
  Block block{*software ? Step::kBacklog : Step::kAgileBacklog, "backlog", "", "", ""};
  if (*jql && !(*jql)->empty()) add_parameter("jql", **jql, block.query);
  if (!fields->empty()) add_parameter("fields", joined(*fields), block.query);
  return block;
}

Result<Block> epic_block(const SelectorReader& selector) {
  auto status = selector.texts("status", {"incomplete"}, {"incomplete", "complete"});
  if (!status) return unexpected(std::move(status).error());
  Block block{Step::kEpics, "epic", "", "", ""};
  if (status->size() == 1) block.query = status->front() == "complete" ? "done=true" : "done=false";
  return block;
}

Result<Block> worklog_block(const SelectorReader& selector, const PlanOptions& options) {
  auto jql = selector.text("jql", kDefaultWorklogs);
  if (!jql) return unexpected(std::move(jql).error());
  auto parameters = selector.members("apiQueryParams", {"startedAfter", "startedBefore", "expand"});
  if (!parameters) return unexpected(std::move(parameters).error());
  std::string query;
  for (const auto& [name, value] : *parameters) add_parameter(name, value, query);
  return search_block({Step::kWorklogIssues, R"(,"fields":["key"])", query}, *jql, selector, options);
}

Result<Block> component_block(const SelectorReader& selector) {
  auto source = selector.choice("componentSource", {"jira", "compass", "auto"});
  if (!source) return unexpected(std::move(source).error());
  auto name = selector.optional_text("nameFilter");
  if (!name) return unexpected(std::move(name).error());
  Block block{Step::kComponents, "component", "", "", ""};
  add_parameter("componentSource", source->value_or("jira"), block.query);
  if (*name && !(*name)->empty()) add_parameter("query", **name, block.query);
  return block;
}

Result<std::optional<Block>> block_of(const stages::SourceResource& resource, const SelectorReader& selector,
                                      const PlanOptions& options) {
  const auto some = [](Result<Block> block) -> Result<std::optional<Block>> {
    if (!block) return unexpected(std::move(block).error());
    return std::optional<Block>(*std::move(block));
  };
  if (resource.kind == "project") return some(project_block(selector));
  if (resource.kind == "issue") return some(issue_block(selector, options));
  if (resource.kind == "user") return std::optional<Block>(Block{Step::kUsers, "users/search", "", "", ""});
  if (resource.kind == "team") return team_block(selector, options);
  if (resource.kind == "release") return std::optional<Block>(Block{Step::kVersions, "version", "", "", ""});
  if (resource.kind == "board") return some(board_block(selector));
  if (resource.kind == "sprint") return some(sprint_block(selector));
  if (resource.kind == "backlog") return some(backlog_block(selector));
  if (resource.kind == "epic") return some(epic_block(selector));
  if (resource.kind == "worklog") return some(worklog_block(selector, options));
  if (resource.kind == "component") return some(component_block(selector));
  return unexpected(ErrorKind::kConfig,
                    fmt::format("resource {} of the mapping has a kind that Jira does not have: '{}'; use project, "
                                "issue, user, team, release, board, sprint, backlog, epic, worklog or component",
                                resource.index, resource.kind));
}

}  // namespace

Result<Plan> plan_of(std::span<const stages::SourceResource> resources, const PlanOptions& options) {
  Plan plan;
  json::Document document;
  for (const stages::SourceResource& resource : resources) {
    auto read = block_of(resource, SelectorReader(resource, document), options);
    if (!read) return unexpected(std::move(read).error());
    if (!read->has_value()) {
      plan.teams_left_out = true;
      continue;
    }
    Block block = **std::move(read);
    auto same = std::find_if(plan.blocks.begin(), plan.blocks.end(), [&block](const Block& one) {
      return one.step == block.step && one.path == block.path && one.query == block.query && one.extra == block.extra &&
             one.more == block.more && one.partitioned == block.partitioned;
    });
    if (same == plan.blocks.end()) same = plan.blocks.insert(plan.blocks.end(), std::move(block));
    same->resources.push_back(resource.index);
  }
  return plan;
}

}  // namespace riptide::sources::jira

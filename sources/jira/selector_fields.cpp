#include <array>

#include "riptide/sources/jira.hpp"
#include "riptide/sources/jira_server.hpp"

namespace riptide::sources {
namespace {

using stages::Field;
using stages::SelectorFields;
using Type = Field::Type;
constexpr auto kNull = Field::Null::kAllowed;

constexpr Field kExpand = {
    .name = "expand", .type = Type::kText, .meaning = "What Jira is to add to each record.", .null = kNull};
constexpr Field kPartition = {
    .name = "partition",
    .type = Type::kChoice,
    .meaning = "Project by project side by side, or as one chain; default: as the integration's config says.",
    .choices = "auto|none",
    .null = kNull};
constexpr std::array kProject = {Field{.name = "expand",
                                       .type = Type::kText,
                                       .meaning = "What Jira is to add to each project.",
                                       .fallback = "insight",
                                       .null = kNull}};
constexpr std::array kIssue = {
    Field{.name = "jql",
          .type = Type::kText,
          .meaning = "Which issues. Default: those that are not done, or were made or changed within a week."},
    Field{.name = "fields",
          .type = Type::kText,
          .meaning = "Fields, separated by commas.",
          .fallback = "*all",
          .null = kNull},
    kExpand,
    kPartition,
};
constexpr std::array kTeam = {Field{.name = "includeMembers",
                                    .type = Type::kBool,
                                    .meaning = "Whether each team brings its members, as __members.",
                                    .fallback = "false"}};
constexpr std::array kComponent = {
    Field{.name = "componentSource",
          .type = Type::kChoice,
          .meaning = "Whose components.",
          .fallback = "jira",
          .choices = "jira|compass|auto",
          .null = kNull},
    Field{.name = "nameFilter", .type = Type::kText, .meaning = "Part of the name.", .null = kNull},
};
constexpr std::array kBoard = {
    Field{.name = "boardType",
          .type = Type::kChoice,
          .meaning = "Only these boards.",
          .choices = "scrum|kanban|simple",
          .null = kNull},
    Field{.name = "projectKey", .type = Type::kText, .meaning = "Only boards of this project.", .null = kNull},
};
constexpr std::array kSprint = {Field{.name = "sprintState",
                                      .type = Type::kTexts,
                                      .meaning = "Sprints in these states; null: all.",
                                      .fallback = "[active]",
                                      .choices = "active|closed|future",
                                      .null = kNull}};
constexpr std::array kBacklog = {
    Field{.name = "jql", .type = Type::kText, .meaning = "Which issues of the backlog.", .null = kNull},
    Field{.name = "fields", .type = Type::kTexts, .meaning = "Names of fields.", .null = kNull},
    Field{.name = "useSoftwareApi",
          .type = Type::kBool,
          .meaning = "Which of Jira's two listings is asked.",
          .fallback = "true"},
};
constexpr std::array kEpic = {Field{.name = "status",
                                    .type = Type::kTexts,
                                    .meaning = "Epics in these states; null: all.",
                                    .fallback = "[incomplete]",
                                    .choices = "incomplete|complete",
                                    .null = kNull}};
constexpr std::array kWorklogParameters = {
    Field{.name = "startedAfter", .type = Type::kScalar, .meaning = "Milliseconds since 1970.", .null = kNull},
    Field{.name = "startedBefore", .type = Type::kScalar, .meaning = "Milliseconds since 1970.", .null = kNull},
    Field{.name = "expand", .type = Type::kScalar, .null = kNull},
};
constexpr std::array kWorklog = {
    Field{.name = "jql", .type = Type::kText, .meaning = "Whose worklogs: the issues.", .fallback = "updated >= -1w"},
    Field{.name = "apiQueryParams",
          .type = Type::kBlock,
          .meaning = "Which worklogs of an issue.",
          .fields = kWorklogParameters,
          .null = kNull},
    kPartition,
};

constexpr std::array kCloud = {
    SelectorFields{"project", kProject},     SelectorFields{"issue", kIssue}, SelectorFields{"user|release", {}},
    SelectorFields{"team", kTeam},           SelectorFields{"board", kBoard}, SelectorFields{"sprint", kSprint},
    SelectorFields{"component", kComponent}, SelectorFields{"epic", kEpic},   SelectorFields{"backlog", kBacklog},
    SelectorFields{"worklog", kWorklog},
};

constexpr std::array kServerIssue = {
    Field{.name = "jql", .type = Type::kText, .meaning = "Which issues.", .fallback = "status != Done", .null = kNull}};
constexpr std::array kServer = {SelectorFields{"project|user", {}}, SelectorFields{"issue", kServerIssue}};

}  // namespace

std::span<const SelectorFields> jira::selectors() noexcept { return kCloud; }
std::span<const SelectorFields> jira_server::selectors() noexcept { return kServer; }

}  // namespace riptide::sources

#include "riptide/cli/field_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "riptide/cli/config.hpp"
#include "riptide/cli/wiring.hpp"

namespace riptide::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A mapping of one block: `kind` stands at 2:11, `selector` on line 3, its fields from line 4 on at column 7.
std::string mapping(const std::string& kind, const std::string& fields) {
  std::string text = "resources:\n  - kind: " + kind + "\n    selector:\n      query: \"true\"\n";
  std::string_view rest = fields;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    text += "      " + std::string(rest.substr(0, end)) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text + "    port: {entity: {mappings: {identifier: .id, blueprint: '\"b\"'}}}\n";
}

std::vector<std::string> problems_of(const std::string& type, const std::string& text) {
  const MappingReading reading = read_mapping(text, "m.yaml");
  EXPECT_THAT(reading.problems, IsEmpty()) << text;
  std::vector<Problem> problems;
  check_selectors(reading, *find_integration_type(type), "m.yaml", problems);
  std::vector<std::string> out;
  for (const Problem& problem : problems) out.push_back(to_string(problem));
  return out;
}

struct Case {
  const char* name;
  const char* type;
  const char* kind;
  const char* fields;
  const char* begins;  ///< Place and field.
  const char* says;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class WrongSelector : public ::testing::TestWithParam<Case> {};

TEST_P(WrongSelector, IsSaidWithItsPlaceAndWhatToChange) {
  const Case& one = GetParam();
  EXPECT_THAT(problems_of(one.type, mapping(one.kind, one.fields)),
              ElementsAre(AllOf(StartsWith(one.begins), HasSubstr(one.says))));
}

constexpr char kTwo[] = "path_parameters:\n  org: {endpoint: /orgs, field: .id}\n  team: {endpoint: %, field: .id}";

INSTANTIATE_TEST_SUITE_P(
    Table, WrongSelector,
    ::testing::Values(
        Case{"AField", "custom", "/a", "datapath: .items",
             "m.yaml:5:7: warning: resources[0].selector.datapath:", "did you mean 'data_path'?"},
        Case{"AJqExpression", "custom", "/a", "data_path: .items[",
             "m.yaml:5:25: resources[0].selector.data_path:", ".items["},
        Case{"AFunctionInQuotes", "custom", "/a", "data_path: \"lenght\"",
             "m.yaml:5:19: resources[0].selector.data_path:", "did you mean 'length'?"},
        Case{"TheSecondLineOfAnExpression", "custom", "/a", "data_path: |\n  .a |\n  nosuch", "m.yaml:7:", "nosuch"},
        Case{"AFieldOfPagination", "custom", "/a", "pagination:\n  type: page\n  pagesize: 5",
             "m.yaml:7:9: resources[0].selector.pagination.pagesize: is not known", "did you mean 'page_size'?"},
        Case{"APageStyle", "custom", "/a", "pagination: {type: pages}",
             "m.yaml:5:26: resources[0].selector.pagination.type: must be one of none, page,", "did you mean 'page'?"},
        Case{"ASize", "custom", "/a", "pagination: {page_size: 0}",
             "m.yaml:5:31: resources[0].selector.pagination.page_size:", "a whole number from 1 on"},
        Case{"ATypeOfPagination", "custom", "/a", "pagination: page",
             "m.yaml:5:19: resources[0].selector.pagination:", "must be a block with type,"},
        Case{"AMethod", "custom", "/a", "method: FETCH",
             "m.yaml:5:15: resources[0].selector.method:", "must be one of GET, POST"},
        Case{"ATypeOfHeaders", "custom", "/a", "headers: [a]",
             "m.yaml:5:16: resources[0].selector.headers:", "a block of names and values, not a list"},
        Case{"APlaceholderWithoutEntries", "custom", "\"/o/{org}\"", "method: GET", "m.yaml:4:7: resources[0].selector",
             "has no entry for {org}"},
        Case{"APlaceholderWithoutItsEntry", "custom", "\"/o/{team}\"",
             "path_parameters:\n  taem: {endpoint: /t, field: .id}",
             "m.yaml:6:9: resources[0].selector.path_parameters:", "did you mean 'taem'?"},
        Case{"AnEndpointOfNoParent", "custom", "\"/o/{org}/{team}\"",
             "path_parameters:\n  org: {endpoint: /orgs, field: .id}\n  team: {endpoint: \"/o/{orgs}\", field: .id}",
             "m.yaml:7:26: resources[0].selector.path_parameters.team.endpoint: names {orgs}", "did you mean 'org'?"},
        Case{"ACircle", "custom", "\"/o/{team}\"", "path_parameters:\n  team: {endpoint: \"/t/{team}\", field: .id}",
             "m.yaml:6:26: resources[0].selector.path_parameters.team.endpoint:", "waits for itself"},
        Case{"AMissingField", "custom", "\"/o/{org}\"", "path_parameters:\n  org: {endpoint: /orgs}",
             "m.yaml:6:14: resources[0].selector.path_parameters.org.field: is required", "e.g. .id"},
        Case{"AnEmptyKind", "custom", "/", "method: GET", "m.yaml:2:11: resources[0].kind:", "path of an endpoint"},
        Case{"AJiraKind", "jira", "issues", "jql: x", "m.yaml:2:11: resources[0].kind: is none that jira has",
             "did you mean 'issue'?"},
        Case{"AJiraField", "jira", "issue", "jqll: x",
             "m.yaml:5:7: warning: resources[0].selector.jqll:", "did you mean 'jql'?"},
        Case{"AFieldOfAnotherKind", "jira", "board", "jql: x",
             "m.yaml:5:7: warning: resources[0].selector.jql:", "is ignored"},
        Case{"ANumberForText", "jira", "issue", "jql: 5",
             "m.yaml:5:12: resources[0].selector.jql:", "must be text, not a number; put it in quotes"},
        Case{"AChoiceInAList", "jira", "sprint", "sprintState: [active, close]",
             "m.yaml:5:29: resources[0].selector.sprintState[1]: must be one of", "did you mean 'closed'?"},
        Case{"AChoiceTwice", "jira", "epic", "status: [complete, complete]",
             "m.yaml:5:26: resources[0].selector.status[1]:", "twice"},
        Case{"ABoolean", "jira", "team", "includeMembers: maybe",
             "m.yaml:5:23: resources[0].selector.includeMembers:", "must be true or false"},
        Case{"AParameterOfWorklogs", "jira", "worklog", "apiQueryParams: {startAfter: 5}",
             "m.yaml:5:24: resources[0].selector.apiQueryParams.startAfter:", "did you mean 'startedAfter'?"},
        Case{"AServerKind", "jira-server", "sprint", "jql: x",
             "m.yaml:2:11: resources[0].kind:", "use project, user and issue"},
        Case{"AnOctopusField", "octopus", "project", "includeAl: true",
             "m.yaml:5:7: warning: resources[0].selector.includeAl:", "is ignored"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(FieldCheck, WhatTheSourcesTakeIsRight) {
  std::string two = kTwo;
  two.replace(two.find('%'), 1, "\"/orgs/{org}/teams\"");
  for (const auto& [type, kind, fields] : std::vector<std::array<std::string, 3>>{
           {"custom", "\"/orgs/{org}/{team}\"", two},
           {"custom", "/a",
            "method: post\nquery_params: {a: [1, 2]}\nbody:\ndata_path: .a[] | .b\npagination:\n  "
            "page_size: \"5\"\n  type: next_link"},
           {"custom", "/a", "pagination:\nheaders: {}\nexportEnvVariables: [A]"},
           {"jira", "sprint", "sprintState: null"},
           {"jira", "team", "includeMembers: \"true\""},
           {"jira", "worklog", "apiQueryParams: {startedAfter: 1700000000000}"},
           {"octopus", "anything", ""}}) {
    EXPECT_THAT(problems_of(type, mapping(kind, fields)), IsEmpty()) << fields;
  }
}

TEST(FieldCheck, JsonHasPlacesToo) {
  EXPECT_THAT(
      problems_of("custom",
                  "{\"resources\": [{\"kind\": \"/a\",\n \"selector\": {\"query\": \"true\",\n"
                  "  \"pagination\": {\"tpye\": \"page\"}},\n"
                  " \"port\": {\"entity\": {\"mappings\": {\"identifier\": \".a\", \"blueprint\": \".b\"}}}}]}"),
      ElementsAre(AllOf(StartsWith("m.yaml:3:18: "), HasSubstr("did you mean 'type'?"))));
}

// The names in a request for a token belong to the user: they reach the server as they are written.
TEST(FieldCheck, BlocksInConfigYamlKeepTheirNamesAndAreChecked) {
  ConfigSources sources;
  sources.file = R"(integration:
  type: custom
  config:
    baseUrl: https://api.invalid
    authType: custom
    customAuthRequest:
      endpoint: /token
      bodyForm: grant_type=client
      headers: {X-Client-Id: C}
      queryParams: {apiVersion: 2}
    customAuthRequestTemplate:
      headers: {Authorization: "Bearer {{.access_token}}"}
)";
  const ConfigReading good = read_config(sources, {});
  EXPECT_THAT(good.problems, IsEmpty());
  EXPECT_THAT(good.config.secret("integration.config.custom_auth_request").reveal(),
              AllOf(HasSubstr("\"X-Client-Id\""), HasSubstr("\"apiVersion\""), HasSubstr("\"bodyForm\"")));
  EXPECT_TRUE(find_integration_type("custom")->make_source(good.config).has_value());

  std::string& text = *sources.file;
  text.replace(text.find("bodyForm"), 8, "bodyFrom");
  std::vector<std::string> said;
  for (const Problem& problem : read_config(sources, {}).problems) said.push_back(to_string(problem));
  EXPECT_THAT(said, ElementsAre(AllOf(StartsWith("config.yaml:8:7: integration.config.customAuthRequest.bodyFrom:"),
                                      HasSubstr("did you mean 'bodyForm'?"))));
}

// What only the source can tell: the message names a setting, and the problem has its place.
TEST(FieldCheck, WhatASourceRefusesHasThePlaceOfTheSetting) {
  const std::string base = "integration:\n  type: custom\n  config:\n    baseUrl: https://api.invalid\n";
  for (const auto& [more, begins] : std::vector<std::pair<std::string, std::string>>{
           {"    authType: custom\n    customAuthRequest: {endpoint: /t}\n    customAuthRequestTemplate:\n"
            "      headers: {Authorization: \"Bearer {{token}}\"}\n",
            "config.yaml:8:16: "},
           {"    authType: custom\n    customAuthRequest: {endpoint: /t, body: {a: 1}, bodyForm: a=1}\n"
            "    customAuthRequestTemplate: {headers: {A: \"{{.b}}\"}}\n",
            "config.yaml:6:24: "},
           {"    authType: bearer_token\n", "config.yaml:5:15: "},
           {"    authType: custom\n", "config.yaml:5:15: "}}) {
    ConfigSources sources;
    sources.file = base + more;
    const ConfigReading reading = read_config(sources, {});
    ASSERT_THAT(reading.problems, IsEmpty()) << to_string(reading.problems.front());
    const auto source = find_integration_type("custom")->make_source(reading.config);
    ASSERT_FALSE(source) << more;
    EXPECT_THAT(to_string(source_problem(reading.config, source.error())), StartsWith(begins));
  }
}

}  // namespace
}  // namespace riptide::cli

#include "riptide/cli/config_schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/starting_files.hpp"
#include "schema_check.hpp"

namespace riptide::cli {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

const std::filesystem::path kSource = RIPTIDE_SOURCE_DIR;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

Tree json(const std::string& text) {
  auto tree = read_json(text, "");
  EXPECT_TRUE(tree.has_value()) << tree.error().message;
  return tree ? *tree : Tree();
}
Tree yaml(const std::string& text) {
  std::vector<Problem> problems;
  auto tree = read_yaml_or_json(text, "", problems);
  EXPECT_TRUE(tree.has_value()) << text;
  return tree ? *tree : Tree();
}

std::vector<std::string> faults(const std::string& text) {
  const Tree tree = yaml(text);
  return against(json(tree.find("resources") != nullptr ? mapping_schema("") : config_schema()), tree);
}

// What stands in the documentation is what the program prints. RIPTIDE_UPDATE_DOCS=1 writes it.
TEST(ConfigSchema, TheDocumentedOnesAreCurrent) {
  for (const auto& [name, schema] : {std::pair<std::string, std::string>{"config.schema.json", config_schema()},
                                     {"mapping.schema.json", mapping_schema("")}}) {
    const std::filesystem::path path = kSource / "docs" / name;
    if (std::getenv("RIPTIDE_UPDATE_DOCS") != nullptr) std::ofstream(path) << schema;
    EXPECT_EQ(text_of(path), schema) << "docs/" << name << " is behind; run this test with RIPTIDE_UPDATE_DOCS=1";
  }
}

// Blocks of YAML in a document, and files of it.
std::vector<std::pair<std::string, std::string>> all_yaml() {
  std::vector<std::pair<std::string, std::string>> found;
  std::vector<std::filesystem::path> paths = {kSource / "README.md"};
  for (const char* const folder : {"docs", "sources", "tests", "bench", "examples"}) {
    if (!std::filesystem::exists(kSource / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kSource / folder))
      paths.push_back(entry.path());
  }
  for (const std::filesystem::path& path : paths) {
    if (path.extension() == ".yaml" || path.extension() == ".yml") found.emplace_back(path, text_of(path));
    if (path.extension() != ".md") continue;
    const std::string text = text_of(path);
    for (std::size_t at = 0; (at = text.find("```yaml\n", at)) != std::string::npos;) {
      at += 8;
      found.emplace_back(path, text.substr(at, text.find("```", at) - at));
    }
  }
  return found;
}

TEST(ConfigSchema, EveryConfigAndMappingOfOursFits) {
  std::size_t checked = 0;
  for (const auto& [path, text] : all_yaml()) {
    std::vector<Problem> problems;
    const auto tree = read_yaml_or_json(text, path, problems);
    if (!tree || tree->kind != Tree::Kind::kMap) continue;
    const bool config = tree->find("integration") != nullptr || tree->find("riptide") != nullptr;
    if (!config && tree->find("resources") == nullptr) continue;  // of something else
    ++checked;
    EXPECT_THAT(faults(text), IsEmpty()) << path << "\n" << text;
  }
  EXPECT_GE(checked, 5u);
  for (const IntegrationType& type : integration_types()) {
    for (const StartingFile& file : files_of(type)) EXPECT_THAT(faults(file.text), IsEmpty()) << file.text;
    EXPECT_THAT(against(json(mapping_schema(type.name)), yaml(std::string(type.default_mapping()))), IsEmpty());
  }
}

TEST(ConfigSchema, EverySettingIsThereInBothSpellings) {
  for (const char* const text : {
           "integration: {type: custom, config: {base_url: \"https://a.b\", pageSize: 10, page_size: 10}}",
           "riptide: {inFlight: 32, in_flight: \"{{ from env N }}\", memory: 128MiB, retryBase: 100ms}",
           "port: {clientId: \"{{ from env A }}\", clientSecret: x}\nssl: {thirdParty: {verify: no}}",
           "eventListener: {type: ONCE}\nsomethingOfOcean: 5",
           "integration: {type: custom, config: {customAuthRequest: {endpoint: /t, method: post, bodyForm: a}}}",
           "integration: {type: custom, config: {customAuthRequest: '{\"endpoint\": \"/t\"}'}}",
           "integration: {type: \"{{ from env T }}\", config: {anything: 1}}",
       }) {
    EXPECT_THAT(faults(text), IsEmpty()) << text;
  }
}

TEST(ConfigSchema, WhatIsWrongDoesNotFit) {
  for (const char* const text : {
           "integration: {type: octopuss}",
           "integration: {type: custom, config: {baseUrl: api.example.com}}",
           "integration: {type: custom, config: {baseURI: \"https://a.b\"}}",
           "integration: {type: custom, config: {paginationType: pages}}",
           "integration: {type: custom, config: {pageSize: 0}}",
           "integration: {type: custom, config: {customAuthRequest: {endpoint: /t, bodyFrom: a}}}",
           "integration: {type: octopus, config: {jiraHost: \"https://a.b\"}}",
           "integration: {type: octopus, config: {deploymentLimit: many}}",
           "riptide: {inFlight: 0}",
           "riptide: {inflight: 5}",
           "riptide: {memory: lots}",
           "riptide: {retryBase: soon}",
           "riptide: {http2: perhaps}",
       }) {
    EXPECT_THAT(faults(text), Not(IsEmpty())) << text;
  }
}

std::string block(const std::string& kind, const std::string& selector, const std::string& port = "") {
  return "resources: [{kind: \"" + kind + "\", selector: {" + selector +
         "}, port: " + (port.empty() ? "{entity: {mappings: {identifier: .id, blueprint: .b}}}" : port) + "}]";
}

TEST(ConfigSchema, MappingsAreHeldAgainstTheSelectorsOfTheirType) {
  const Tree custom = json(mapping_schema("custom"));
  const Tree jira = json(mapping_schema("jira"));
  EXPECT_THAT(against(custom, yaml(block("/a", "query: 'true', data_path: .a, pagination: {type: page}"))), IsEmpty());
  EXPECT_THAT(against(jira, yaml(block("issue", "query: 'true', jql: x, partition: none"))), IsEmpty());
  EXPECT_THAT(against(jira, yaml(block("sprint", "query: true, sprintState: null"))), IsEmpty());
  EXPECT_THAT(against(jira, yaml(block("user", "query: true",
                                       "{itemsToParse: .a, entity: {mappings: [{identifier: .id, blueprint: .b, "
                                       "relations: {r: {combinator: .a, rules: [{property: .a, operator: .b, value: "
                                       "5}]}}}]}}"))),
              IsEmpty());
  for (const std::string& text : {
           block("/a", "data_path: .a"),  // no query
           block("/a", "query: 'true', datapath: .a"),
           block("/a", "query: 'true', pagination: {type: pages}"),
           block("/a", "query: 'true', pagination: {pageSize: 5}"),
           block("/a", "query: 'true', path_parameters: {a: {endpoint: /x}}"),  // no field
           block("/a", "query: 'true'", "{entity: {mappings: {identifier: .id}}}"),
           block("/a", "query: 'true'", "{entity: {mappings: []}}"),
           block("/a", "query: 'true'", "{entity: {mapings: {identifier: .id, blueprint: .b}}}"),
           std::string("resources: {}"),
           std::string("resources: []\nentityDeletionThreshold: 5"),
       }) {
    EXPECT_THAT(against(custom, yaml(text)), Not(IsEmpty())) << text;
  }
  for (const std::string& text : {
           block("issues", "query: 'true'"),
           block("board", "query: 'true', jql: x"),
           block("issue", "query: 'true', jql: 5"),
           block("sprint", "query: 'true', sprintState: [open]"),
           block("epic", "query: 'true', status: [complete, complete]"),
       }) {
    EXPECT_THAT(against(jira, yaml(text)), Not(IsEmpty())) << text;
  }
}

}  // namespace
}  // namespace riptide::cli

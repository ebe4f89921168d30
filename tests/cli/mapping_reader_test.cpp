#include "riptide/cli/mapping_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/integration_type.hpp"

namespace riptide::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using transform::ExpressionSpec;
using transform::SearchSpec;

std::vector<std::string> texts(const MappingReading& reading, Problem::Level level) {
  std::vector<std::string> out;
  for (const Problem& problem : reading.problems) {
    if (problem.level == level) out.push_back(to_string(problem));
  }
  return out;
}
std::vector<std::string> errors(const MappingReading& reading) { return texts(reading, Problem::Level::kError); }
std::vector<std::string> warnings(const MappingReading& reading) { return texts(reading, Problem::Level::kWarning); }

const ExpressionSpec& expression(const transform::ValueSpec& value) { return std::get<ExpressionSpec>(value); }

constexpr char kSmall[] = R"(createMissingRelatedEntities: false
enable_merge_entity: no
entityDeletionThreshold: 0.25
resources:
  - kind: project
    selector:
      query: .IsDisabled == false
      includeAll: true
      jql: x
      exportEnvVariables: [A]
    port:
      itemsToParse: .Roles
      itemsToParseName: role
      itemsToParseTopLevelTransform: "false"
      entity:
        mappings:
          identifier: .Id
          blueprint: '"octopusProject"'
          title: null
          properties:
            five: 5
            yes: true
          relations:
            space: .SpaceId
            owner:
              combinator: '"and"'
              rules:
                - property: '"$email"'
                  operator: '"="'
                  value: .Owner
)";

TEST(MappingReader, ReadsEverythingWithItsPlace) {
  const auto reading = read_mapping(kSmall, "mapping.yaml");
  EXPECT_THAT(reading.problems, IsEmpty());
  EXPECT_FALSE(reading.spec.create_missing_related);
  EXPECT_FALSE(reading.spec.merge);
  EXPECT_TRUE(reading.spec.delete_dependents);
  EXPECT_DOUBLE_EQ(reading.spec.deletion_threshold, 0.25);
  ASSERT_EQ(reading.spec.resources.size(), 1u);
  const auto& resource = reading.spec.resources[0];
  EXPECT_EQ(resource.kind, "project");
  EXPECT_EQ(resource.selector.text, ".IsDisabled == false");
  EXPECT_EQ(resource.selector.line, 7);
  EXPECT_EQ(resource.selector.column, 14);
  EXPECT_THAT(resource.selector_fields, ElementsAre(std::pair<std::string, std::string>("includeAll", "true"),
                                                    std::pair<std::string, std::string>("jql", "\"x\"")));
  EXPECT_EQ(resource.items_to_parse->text, ".Roles");
  EXPECT_EQ(resource.item_name, "role");
  EXPECT_FALSE(resource.item_top_level_transform);
  ASSERT_EQ(resource.entities.size(), 1u);
  const auto& entity = resource.entities[0];
  EXPECT_EQ(expression(*entity.identifier).text, ".Id");
  EXPECT_EQ(expression(*entity.title).text, "null");
  EXPECT_FALSE(entity.icon);
  ASSERT_EQ(entity.properties.size(), 2u);
  EXPECT_EQ(expression(entity.properties[0].second).text, "5");
  EXPECT_EQ(entity.properties[1].first, "yes");
  EXPECT_EQ(expression(entity.properties[1].second).text, "True");  // as in Ocean, where it then fails by name
  EXPECT_EQ(expression(entity.properties[1].second).path, "properties.yes");
  ASSERT_EQ(entity.relations.size(), 2u);
  const auto& search = *std::get<std::shared_ptr<const SearchSpec>>(entity.relations[1].second);
  ASSERT_EQ(search.leaves.size(), 1u);
  EXPECT_EQ(search.leaves[0].second.text, "\"and\"");
  ASSERT_EQ(search.rules.size(), 1u);
  ASSERT_EQ(search.rules[0].leaves.size(), 3u);
  EXPECT_EQ(search.rules[0].leaves[2].second.text, ".Owner");
  EXPECT_EQ(search.rules[0].leaves[2].second.line, 30);
}

TEST(MappingReader, ReadsTheJsonOfPort) {
  const auto reading = read_mapping(
      R"({"deleteDependentEntities":true,"createMissingRelatedEntities":true,"enableMergeEntity":true,)"
      R"("entityDeletionThreshold":0.9,"resources":[{"kind":"space","selector":{"query":"true"},"port":{"entity":)"
      R"({"mappings":{"identifier":".Id","title":".Name","blueprint":"\"octopusSpace\"","properties":{"url":".__url"}}}}}]})",
      "the mapping in Port");
  EXPECT_THAT(reading.problems, IsEmpty());
  ASSERT_EQ(reading.spec.resources.size(), 1u);
  EXPECT_EQ(expression(*reading.spec.resources[0].entities[0].blueprint).text, "\"octopusSpace\"");
}

TEST(MappingReader, AcceptsAnUnquotedTrueAndAListOfMappings) {
  const auto reading = read_mapping(
      "resources:\n- kind: a\n  selector: {query: true}\n  port: {entity: {mappings: [{identifier: .a, blueprint: .b}, "
      "{identifier: .c, blueprint: .d}]}}\n",
      "m");
  EXPECT_THAT(reading.problems, IsEmpty());
  EXPECT_EQ(reading.spec.resources[0].selector.text, "true");
  EXPECT_EQ(reading.spec.resources[0].entities.size(), 2u);
}

TEST(MappingReader, ListsEveryProblemWithItsLine) {
  const auto reading = read_mapping(R"(entityDeletionThreshold: 2
resources:
  - selector: {query: [1]}
    port:
      items_to_parse: .x
      entity:
        mappings:
          blueprint: {a: b}
          properties: {nested: {a: .a}, empty: null}
          relations: {list: [.a], half: {combinator: '"and"'}}
  - kind: b
  - just text
  - kind: c
    selector: {querry: 'true'}
    port: {entity: {mappings: []}}
)",
                                    "mapping.yaml");
  EXPECT_THAT(
      errors(reading),
      ElementsAre(AllOf(HasSubstr("mapping.yaml:1:26"), HasSubstr("entityDeletionThreshold"), HasSubstr("0 to 1")),
                  HasSubstr("mapping.yaml:3:5: resources[0].kind"),
                  AllOf(HasSubstr(":3:23"), HasSubstr("selector.query")),
                  HasSubstr("resources[0].port.entity.mappings.identifier"),
                  AllOf(HasSubstr("blueprint"), HasSubstr("a mapping")),
                  AllOf(HasSubstr("properties.nested"), HasSubstr("'{a: .a}'")),
                  AllOf(HasSubstr("properties.empty"), HasSubstr("\"null\"")),
                  AllOf(HasSubstr("relations.list"), HasSubstr("a list")), HasSubstr("relations.half.rules"),
                  HasSubstr("resources[1].selector"), HasSubstr("resources[1].port"), HasSubstr("resources[2]"),
                  HasSubstr("resources[3].selector.query"), HasSubstr("an empty list")));
  EXPECT_THAT(warnings(reading),
              ElementsAre(AllOf(HasSubstr("items_to_parse"), HasSubstr("did you mean 'itemsToParse'"))));
}

TEST(MappingReader, RefusesWhatIsNotAMapping) {
  EXPECT_THAT(errors(read_mapping("", "m")), ElementsAre(HasSubstr("empty")));
  EXPECT_THAT(errors(read_mapping("text", "m")), ElementsAre(HasSubstr("a string")));
  EXPECT_THAT(errors(read_mapping("resources: null", "m")), ElementsAre(HasSubstr("must be a list")));
  EXPECT_THAT(errors(read_mapping("resources: [", "m")), ElementsAre(HasSubstr("m: ")));
  EXPECT_THAT(errors(read_mapping("{\"resources\": [}", "m")), ElementsAre(HasSubstr("not YAML")));
  EXPECT_THAT(warnings(read_mapping("resources: []", "m")), ElementsAre(HasSubstr("nothing will be read")));
}

TEST(MappingReader, ReadsEveryDefaultMapping) {
  for (const IntegrationType& type : integration_types()) {
    const auto reading = read_mapping(type.default_mapping(), std::string(type.name));
    EXPECT_THAT(errors(reading), IsEmpty()) << type.name;
    // Only the user knows what a REST API, or a file, has.
    EXPECT_EQ(reading.spec.resources.empty(), type.name == "custom" || type.name == "file") << type.name;
  }
}

// Mappings that people use. They are not part of the project: skipped where they are not there.
TEST(MappingReader, ReadsTheMappingsOfTheCorpus) {
  const char* const given = std::getenv("RIPTIDE_CORPUS");
  const std::filesystem::path corpus = given != nullptr ? given : std::string(RIPTIDE_SOURCE_DIR) + "/../shared/corpus";
  if (!std::filesystem::exists(corpus / "mappings"))
    GTEST_SKIP() << "no corpus at " << corpus << "; set RIPTIDE_CORPUS";
  std::size_t files = 0, good = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus / "mappings")) {
    const auto text = read_file(entry.path().string());
    ASSERT_TRUE(text);
    const auto reading = read_mapping(*text, entry.path().filename().string());
    ++files;
    if (!any_error(reading.problems)) {
      ++good;
    } else {
      for (const std::string& error : errors(reading)) std::cout << error << "\n";
    }
  }
  EXPECT_GE(good * 100, files * 90) << good << " of " << files;
}

TEST(MappingReader, KnowsWhereExpressionsBegin) {
  const auto reading = read_mapping(
      "resources:\n"
      "  - kind: k\n"
      "    selector: {query: 'true'}\n"
      "    port:\n"
      "      entity:\n"
      "        mappings:\n"
      "          identifier: .a\n"
      "          blueprint: '\"b\"'\n"
      "          properties:\n"
      "            block: |\n"
      "              .a\n"
      "              | .b\n"
      "            folded: >-\n"
      "                .a\n"
      "            quoted: \".c\"\n",
      "m");
  EXPECT_THAT(reading.problems, IsEmpty());
  const auto& resource = reading.spec.resources.at(0);
  EXPECT_EQ(std::pair(resource.selector.line, resource.selector.column), std::pair(3, 24));
  const auto place = [](const transform::ValueSpec& value) {
    const auto& expression = std::get<transform::ExpressionSpec>(value);
    return std::pair(expression.line, expression.column);
  };
  const auto& entity = resource.entities.at(0);
  EXPECT_EQ(place(*entity.identifier), std::pair(7, 23));
  EXPECT_EQ(place(*entity.blueprint), std::pair(8, 23));
  EXPECT_EQ(place(entity.properties[0].second), std::pair(11, 15)) << "the line below the bar";
  EXPECT_EQ(place(entity.properties[1].second), std::pair(14, 17));
  EXPECT_EQ(place(entity.properties[2].second), std::pair(15, 22)) << "behind the quote";
}

}  // namespace
}  // namespace riptide::cli

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "riptide/pipeline/page.hpp"
#include "riptide/sources/octopus.hpp"

namespace riptide::sources::octopus {
namespace {

using ::testing::HasSubstr;

// The lines of the mapping without comments, as a test can compare them.
std::vector<std::string> lines_of(std::string_view yaml) {
  std::vector<std::string> lines;
  while (!yaml.empty()) {
    const auto end = yaml.find('\n');
    const std::string_view line = yaml.substr(0, end);
    const auto first = line.find_first_not_of(' ');
    if (first != std::string_view::npos && line[first] != '#') lines.emplace_back(line);
    yaml.remove_prefix(end == std::string_view::npos ? yaml.size() : end + 1);
  }
  return lines;
}

TEST(OctopusDefaults, TheMappingHasItsFiveKindsInOrder) {
  std::vector<std::string> kinds;
  std::size_t identifiers = 0;
  for (const std::string& line : lines_of(default_mapping())) {
    if (line.rfind("  - kind: ", 0) == 0) kinds.push_back(line.substr(10));
    if (line == "          identifier: .Id") ++identifiers;
  }
  EXPECT_THAT(kinds, ::testing::ElementsAre("space", "project", "release", "deployment", "machine"));
  EXPECT_EQ(identifiers, 5u);
  EXPECT_THAT(std::string(default_mapping()), HasSubstr(".ProjectId + \"(\" + .Version + \")\""));
}

TEST(OctopusDefaults, EveryMappedPropertyAndRelationIsInItsBlueprint) {
  // Blueprint -> its properties and relations.
  std::map<std::string, std::set<std::string>> known;
  json::Document document;
  const pipeline::Page page = pipeline::make_page(default_blueprints());
  auto root = document.index(page->view());
  ASSERT_TRUE(root);
  ASSERT_TRUE(document.check());
  json::Document::Elements blueprints(document, *root);
  while (blueprints.next()) {
    const auto identifier = json::decoded(*document.raw(**document.find(blueprints.value(), "identifier")));
    auto& names = known[*identifier];
    const json::Value schema = **document.find(blueprints.value(), "schema");
    for (const json::Value object :
         {**document.find(schema, "properties"), **document.find(blueprints.value(), "relations")}) {
      json::Document::Members members(document, object);
      while (members.next()) names.insert(std::string(members.raw_key()));
      ASSERT_TRUE(members.status());
    }
  }
  ASSERT_TRUE(blueprints.status());
  ASSERT_EQ(known.size(), 5u);

  std::set<std::string>* blueprint = nullptr;
  std::size_t checked = 0;
  for (const std::string& line : lines_of(default_mapping())) {
    if (const auto at = line.find("blueprint: '\""); at != std::string::npos) {
      const std::string name = line.substr(at + 13, line.size() - at - 15);
      ASSERT_EQ(known.count(name), 1u) << name;
      blueprint = &known[name];
    } else if (line.rfind("            ", 0) == 0) {
      ASSERT_NE(blueprint, nullptr);
      const std::string name = line.substr(12, line.find(':') - 12);
      EXPECT_EQ(blueprint->count(name), 1u) << name;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 2u + 5u + 6u + 8u + 10u);
}

}  // namespace
}  // namespace riptide::sources::octopus

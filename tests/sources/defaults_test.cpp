// The default mapping and blueprints of each source fit each other.

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/sources/jira.hpp"
#include "riptide/sources/jira_server.hpp"
#include "riptide/sources/octopus.hpp"

namespace riptide::sources {
namespace {

struct DefaultsCase {
  const char* name;
  std::string_view (*mapping)() noexcept;
  std::string_view (*blueprints)() noexcept;
  std::size_t num_blueprints;
  std::size_t num_fields;  // Properties and relations that the mapping fills.
};

class Defaults : public ::testing::TestWithParam<DefaultsCase> {};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    lines.emplace_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), lines.back().size() + 1));
  }
  return lines;
}

TEST_P(Defaults, EveryMappedPropertyAndRelationIsInItsBlueprint) {
  // Blueprint -> its properties and relations.
  std::map<std::string, std::set<std::string>> known;
  json::Document document;
  const pipeline::Page page = pipeline::make_page(GetParam().blueprints());
  auto root = document.index(page->view());
  ASSERT_TRUE(root);
  ASSERT_TRUE(document.check());
  json::Document::Elements blueprints(document, *root);
  while (blueprints.next()) {
    const auto identifier = json::decoded(*document.raw(**document.find(blueprints.value(), "identifier")));
    auto& names = known[*identifier];
    json::Document::Members relations(document, **document.find(blueprints.value(), "relations"));
    while (relations.next()) {
      const auto target = json::decoded(*document.raw(**document.find(relations.value(), "target")));
      EXPECT_EQ(known.count(*target), 1u) << *identifier << " cannot be created before " << *target;
    }
    const json::Value schema = **document.find(blueprints.value(), "schema");
    for (const json::Value object :
         {**document.find(schema, "properties"), **document.find(blueprints.value(), "relations")}) {
      json::Document::Members members(document, object);
      while (members.next()) names.insert(std::string(members.raw_key()));
      ASSERT_TRUE(members.status());
    }
  }
  ASSERT_TRUE(blueprints.status());
  ASSERT_EQ(known.size(), GetParam().num_blueprints);

  std::set<std::string>* blueprint = nullptr;
  std::size_t checked = 0;
  for (const std::string& line : lines_of(GetParam().mapping())) {
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
  EXPECT_EQ(checked, GetParam().num_fields);
}

INSTANTIATE_TEST_SUITE_P(Sources, Defaults,
                         ::testing::Values(DefaultsCase{"octopus", &octopus::default_mapping,
                                                        &octopus::default_blueprints, 5, 2 + 5 + 6 + 8 + 10},
                                           DefaultsCase{"jira", &jira::default_mapping, &jira::default_blueprints, 4,
                                                        2 + 6 + 4 + 15},
                                           DefaultsCase{"jira_server", &jira_server::default_mapping,
                                                        &jira_server::default_blueprints, 3, 1 + 6 + 15}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace riptide::sources

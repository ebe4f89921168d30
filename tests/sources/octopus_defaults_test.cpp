#include <gmock/gmock.h>

#include <string>
#include <vector>

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

}  // namespace
}  // namespace riptide::sources::octopus

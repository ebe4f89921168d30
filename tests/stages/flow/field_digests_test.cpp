#include "diff/field_digests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace riptide::stages {
namespace {

using Fields = std::map<std::string, std::uint32_t, std::less<>>;

pipeline::EntityBuffer entity_of(const std::string& json) {
  pipeline::EntityBuffer buffer;
  buffer.bytes = json;
  pipeline::Entity& entity = buffer.entities.emplace_back();
  entity.length = static_cast<std::uint32_t>(json.size());
  const std::string key = R"("blueprint":)";
  entity.blueprint = {static_cast<std::uint32_t>(json.find(key) + key.size()), 3};
  return buffer;
}

Fields sent(const std::string& members) {
  const auto buffer = entity_of(R"({"blueprint":"b","identifier":"i",)" + members + "}");
  FieldDigests digests;
  EXPECT_TRUE(digests.read(buffer, buffer.entities[0])) << members;
  Fields fields;
  std::string_view names = digests.shape();
  EXPECT_EQ(names.substr(0, 2), std::string_view("b\0", 2));
  names.remove_prefix(2);
  for (const std::uint32_t digest : digests.digests()) {
    fields.emplace(names.substr(0, names.find('\0')), digest);
    names.remove_prefix(names.find('\0') + 1);
  }
  EXPECT_TRUE(names.empty());
  return fields;
}

struct Case {
  const char* sent;
  const char* held;
  bool same;
};

TEST(FieldDigestsTest, WhatPortWritesOtherwiseIsTheSame) {
  const Case cases[] = {
      {"1.0", "1", true},
      {"1e2", "100", true},
      {"-0", "0", true},
      {"9007199254740993", "9007199254740992", true},  // A double cannot tell them.
      {"0.1", "0.10", true},
      {"1", "2", false},
      {"1", R"("1")", false},
      {"true", "false", false},
      {"null", "null", true},
      {R"("a\u0041")", R"("aA")", true},
      {R"("\/")", R"("/")", true},
      {R"("a")", R"("b")", false},
      {R"({"a":1,"b":[1,2]})", R"({ "b": [1.0, 2], "a": 1 })", true},
      {R"({"a":1})", R"({"a":1,"b":2})", false},
      {"[1,2]", "[2,1]", false},
      {R"("")", "null", false},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(std::string(one.sent) + " and " + one.held);
    const Fields expected = sent(std::string(R"("properties":{"p":)") + one.sent + "}");
    FieldDigests digests;
    HeldEntity held;
    const std::string properties = std::string(R"({"p":)") + one.held + ",\"more\":1}";
    held.properties = properties;
    Fields fields;
    ASSERT_TRUE(digests.read(held, fields));
    EXPECT_EQ(fields.at("properties.p") == expected.at("properties.p"), one.same);
  }
}

TEST(FieldDigestsTest, ATeamIsASet) {
  const auto held_team = [](std::string_view team) {
    FieldDigests digests;
    HeldEntity held;
    held.team = team;
    Fields fields;
    EXPECT_TRUE(digests.read(held, fields));
    return fields["team"];
  };
  EXPECT_EQ(sent(R"("team":"a")").at("team"), held_team(R"(["a"])"));
  EXPECT_EQ(sent(R"("team":["b","a"])").at("team"), held_team(R"(["a","b"])"));
  EXPECT_NE(sent(R"("team":["b","a"])").at("team"), held_team(R"(["a"])"));
  EXPECT_EQ(sent(R"("team":null)").at("team"), FieldDigests::kNone);
}

TEST(FieldDigestsTest, EveryFieldHasItsName) {
  const Fields fields = sent(R"("title":"t","icon":"i","properties":{"a":1,"b\u0063":2},"relations":{"r":["x"]})");
  std::vector<std::string> names;
  for (const auto& [name, digest] : fields) names.push_back(name);
  EXPECT_THAT(names, testing::ElementsAre("icon", "properties.a", "properties.bc", "relations.r", "title"));
}

TEST(FieldDigestsTest, HostileContentsAreNotCompared) {
  FieldDigests digests;
  Fields fields;
  const std::string deep = R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  for (const std::string_view properties :
       {std::string_view("{\"a\":"), std::string_view(R"({"a\u0000b":1})"), std::string_view(deep)}) {
    HeldEntity held;
    held.properties = properties;
    EXPECT_FALSE(digests.read(held, fields)) << properties.substr(0, 20);
  }
}

}  // namespace
}  // namespace riptide::stages

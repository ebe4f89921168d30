// What entities relate to: reading it, the order that follows from it, and those that wait for others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "relate/dependency_order.hpp"
#include "relate/relation_targets.hpp"
#include "relate/waiting_room.hpp"
#include "riptide/pipeline/peak_memory.hpp"

namespace riptide::stages {
namespace {

using pipeline::Entity;
using pipeline::EntityBuffer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Adds an entity of blueprint "b" with these raw relations.
void add(EntityBuffer& buffer, const std::string& identifier, const std::string& relations = {},
         const std::string& blueprint = "b") {
  Entity entity;
  entity.begin = buffer.bytes.size();
  std::string json = "{";
  const auto part = [&](const std::string& name, const std::string& raw) {
    if (json.size() > 1) json += ',';
    json += "\"" + name + "\":";
    pipeline::Part where{static_cast<std::uint32_t>(json.size()), static_cast<std::uint32_t>(raw.size())};
    json += raw;
    return where;
  };
  entity.identifier = part("identifier", "\"" + identifier + "\"");
  entity.blueprint = part("blueprint", "\"" + blueprint + "\"");
  if (!relations.empty()) entity.relations = part("relations", relations);
  json += "}";
  entity.length = static_cast<std::uint32_t>(json.size());
  entity.identity = pipeline::identity_digest(blueprint, identifier);
  buffer.bytes += json;
  buffer.entities.push_back(entity);
}

std::vector<std::pair<std::string, std::string>> read(const std::string& relations) {
  std::vector<std::pair<std::string, std::string>> out;
  RelationValues values;
  values.read(relations,
              [&](std::string_view relation, std::string_view identifier) { out.emplace_back(relation, identifier); });
  return out;
}

TEST(RelationValues, ReadsTextsListsAndSearchesForIdentifiers) {
  EXPECT_THAT(read(R"({"a":"x","b":["y","z\"1"],"c":null,"d":[],"e":5})"),
              ElementsAre(Pair("a", "x"), Pair("b", "y"), Pair("b", "z\"1"), Pair("e", "5")));
  EXPECT_THAT(read(R"({"s":{"combinator":"and","rules":[
                 {"property":"$identifier","operator":"=","value":"p1"},
                 {"property":"name","operator":"=","value":"no"},
                 {"combinator":"or","rules":[{"property":"$identifier","operator":"=","value":"p2"},
                                             {"property":"$identifier","operator":"!=","value":"p3"}]}]}})"),
              ElementsAre(Pair("s", "p1"), Pair("s", "p2")));
}

TEST(RelationValues, PassesOverWhatIsNoRelation) {
  for (const char* text : {"", "{}", "[]", "{\"a\":", "{\"a\":true}", "{\"a\":{\"rules\":7}}", "{\"a\":[[\"x\"]]}"}) {
    EXPECT_THAT(read(text), IsEmpty()) << text;
  }
  std::string deep = R"({"a":)";
  for (int i = 0; i < 5000; ++i) deep += R"({"combinator":"and","rules":[)";
  read(deep);
  for (int i = 0; i < 5000; ++i) deep += "]}";
  EXPECT_THAT(read(deep + "}"), IsEmpty());
}

TEST(RelationTargetsSpilled, WhatIsRelatedToIsFoundOnDiskToo) {
  constexpr std::size_t kEntities = 200'000;
  RelationTargets targets({.memory_bytes = 256u << 10, .directory = testing::TempDir()});
  RelationValues values;
  const std::size_t before = pipeline::peak_rss_bytes();
  for (std::size_t begin = 0; begin < kEntities; begin += 1000) {
    EntityBuffer page;
    for (std::size_t i = begin; i < begin + 1000; ++i) {
      add(page, std::to_string(i), R"({"parent":"parent-)" + std::to_string(i) + "\"}");
    }
    targets.note(page, values);
  }
  EXPECT_LT(pipeline::peak_rss_bytes() - before, std::size_t{kEntities} * 32);
  for (std::size_t i = 0; i < kEntities; i += 997) {
    EXPECT_TRUE(targets.contains("b", "parent", "parent-" + std::to_string(i)));
    EXPECT_FALSE(targets.contains("b", "parent", "nobody-" + std::to_string(i)));
  }
}

TEST(RelationTargets, TellsWhoRelatesToWhomByWhat) {
  EntityBuffer buffer;
  add(buffer, "x", R"({"parent":"p","all":["q","r"]})");
  add(buffer, "y", R"({"parent":"s"})", "other");
  RelationTargets targets;
  RelationValues values;
  targets.note(buffer, values);
  EXPECT_THAT(targets.relations(),
              UnorderedElementsAre(Pair("b", ElementsAre("all", "parent")), Pair("other", ElementsAre("parent"))));
  EXPECT_TRUE(targets.contains("b", "parent", "p"));
  EXPECT_TRUE(targets.contains("b", "all", "r"));
  EXPECT_FALSE(targets.contains("b", "all", "p"));
  EXPECT_FALSE(targets.contains("other", "parent", "p"));
}

OwnedEntity owned(std::string identifier, std::vector<std::string> related) {
  OwnedEntity entity;
  entity.blueprint = "b";
  entity.identifier = std::move(identifier);
  entity.related = std::move(related);
  return entity;
}

TEST(DependentsFirst, GoesFromLeavesToRoots) {
  const std::vector<OwnedEntity> all = {owned("root", {}), owned("leaf", {"middle", "not-here"}),
                                        owned("middle", {"root", "middle"}), owned("alone", {})};
  EXPECT_THAT(dependents_first(all), ElementsAre(ElementsAre(1, 3), ElementsAre(2), ElementsAre(0)));
  EXPECT_THAT(dependents_first({}), IsEmpty());
}

TEST(DependentsFirst, ACycleIsBrokenAndEveryoneGoesOnce) {
  const std::vector<OwnedEntity> all = {owned("a", {"b"}), owned("b", {"c"}), owned("c", {"a"}), owned("d", {"a"})};
  std::set<std::size_t> gone;
  for (const auto& level : dependents_first(all)) {
    for (const std::size_t i : level) EXPECT_TRUE(gone.insert(i).second);
  }
  EXPECT_THAT(gone, SizeIs(4));
}

TEST(DependentsFirst, IsLinear) {
  std::vector<OwnedEntity> chain;
  for (int i = 0; i < 200'000; ++i) chain.push_back(owned(std::to_string(i), {std::to_string(i + 1)}));
  EXPECT_THAT(dependents_first(chain), SizeIs(200'000));
}

class WaitingRoomTest : public ::testing::Test {
 protected:
  WaitingRoomTest() {
    auto opened = WaitingRoom::open(path_);
    if (!opened) throw std::runtime_error(opened.error().message);
    room_ = std::move(*opened);
  }
  void keep(const std::string& identifier, const std::string& relations = {}) {
    EntityBuffer buffer;
    add(buffer, identifier, relations);
    ASSERT_TRUE(room_->keep(buffer));
  }
  // Identifiers that come out together.
  std::vector<std::string> take(std::size_t bytes = 1 << 20) {
    EntityBuffer out;
    const auto taken = room_->take(bytes, out);
    EXPECT_TRUE(taken) << taken.error().message;
    std::vector<std::string> names;
    for (const Entity& entity : out.entities) names.push_back(json::text_of(out.part(entity, entity.identifier)));
    return names;
  }
  void settled() { EXPECT_TRUE(room_->settled()); }
  void order() { EXPECT_TRUE(room_->order()); }

  const std::string path_ =
      (std::filesystem::temp_directory_path() / ("riptide-room-" + std::to_string(::getpid()))).string();
  std::unique_ptr<WaitingRoom> room_;
};

TEST_F(WaitingRoomTest, LeavesNoFileBehind) { EXPECT_FALSE(std::filesystem::exists(path_)); }

TEST_F(WaitingRoomTest, OnlyWhoRelatesToTheUnconfirmedMustWait) {
  EntityBuffer buffer;
  add(buffer, "child", R"({"p":"parent","q":["second"]})");
  add(buffer, "free", R"({"p":null})");
  EXPECT_FALSE(room_->must_wait(buffer, buffer.entities[1]));
  room_->confirm("parent");
  EXPECT_TRUE(room_->must_wait(buffer, buffer.entities[0]));
  room_->confirm("second");
  EXPECT_FALSE(room_->must_wait(buffer, buffer.entities[0]));
}

TEST_F(WaitingRoomTest, ComesOutLevelByLevelWithAllThatItWasKeptWith) {
  keep("leaf", R"({"p":"middle"})");
  keep("root", R"({"p":"elsewhere"})");
  keep("middle", R"({"p":"root","q":"middle"})");
  keep("other-leaf", R"({"p":["middle","root"]})");
  EXPECT_EQ(room_->size(), 4u);
  order();
  EXPECT_THAT(take(), ElementsAre("root"));
  settled();
  EXPECT_THAT(take(), ElementsAre("middle"));
  settled();
  EXPECT_THAT(take(), ElementsAre("leaf", "other-leaf"));
  settled();
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_EQ(room_->size(), 0u);
}

TEST_F(WaitingRoomTest, ACycleComesLastAndTogether) {
  keep("a", R"({"p":"b"})");
  keep("b", R"({"p":"a"})");
  keep("behind", R"({"p":"a"})");
  keep("root");
  order();
  EXPECT_THAT(take(), ElementsAre("root"));
  settled();
  EXPECT_THAT(take(), ElementsAre("a", "b", "behind"));
  settled();
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(WaitingRoomTest, WhatComesBackIsOrderedAnew) {
  keep("child", R"({"p":"parent"})");
  keep("parent");
  order();
  EXPECT_THAT(take(), ElementsAre("parent"));
  keep("parent");  // It was refused.
  settled();
  EXPECT_THAT(take(), ElementsAre("child")) << "no use in waiting for what may never come";
  keep("child", R"({"p":"parent"})");
  settled();
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_EQ(room_->size(), 2u);
  order();
  EXPECT_THAT(take(), ElementsAre("parent"));
  settled();
  EXPECT_THAT(take(), ElementsAre("child"));
  settled();
  EXPECT_EQ(room_->size(), 0u);
}

TEST_F(WaitingRoomTest, TheLaterOfTwoReadingsComesLater) {
  keep("twice", R"({"p":"x"})");
  keep("twice", R"({"p":"y"})");
  order();
  EXPECT_THAT(take(), ElementsAre("twice"));
  settled();
  EXPECT_THAT(take(), ElementsAre("twice"));
  settled();
  EXPECT_EQ(room_->size(), 0u);
}

TEST_F(WaitingRoomTest, ManyGoThroughLittleMemoryInTheirOrder) {
  // A forest of 40,000 with random parents among those before, kept in random order.
  std::mt19937_64 random(7);
  constexpr int kMany = 40'000;
  std::vector<int> sequence(kMany);
  for (int i = 0; i < kMany; ++i) sequence[static_cast<std::size_t>(i)] = i;
  std::shuffle(sequence.begin(), sequence.end(), random);
  std::vector<int> parents(kMany, -1);
  for (int i = 1; i < kMany; ++i)
    parents[static_cast<std::size_t>(i)] = static_cast<int>(random() % static_cast<std::uint64_t>(i));
  [[maybe_unused]] const std::size_t before = pipeline::peak_rss_bytes();
  EntityBuffer page;
  for (const int i : sequence) {
    const int parent = parents[static_cast<std::size_t>(i)];
    add(page, std::to_string(i),
        "{\"p\":" + (parent < 0 ? "null" : "\"" + std::to_string(parent) + "\"") + ",\"filler\":\"" +
            std::string(500, 'x') + "\"}");
    if (page.entities.size() < 100) continue;
    ASSERT_TRUE(room_->keep(page));
    page = {};
  }
  order();
  std::vector<bool> gone(kMany, false);
  std::size_t count = 0;
  while (true) {
    const auto names = take(4 << 20);
    if (names.empty()) break;
    for (const std::string& name : names) {
      const int parent = parents[static_cast<std::size_t>(std::stoi(name))];
      ASSERT_TRUE(parent < 0 || gone[static_cast<std::size_t>(parent)]) << name;
    }
    for (const std::string& name : names) gone[static_cast<std::size_t>(std::stoi(name))] = true;
    count += names.size();
    settled();
  }
  EXPECT_EQ(count, static_cast<std::size_t>(kMany));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // Which keep what was freed.
  EXPECT_LT(pipeline::peak_rss_bytes() - before, 16u << 20) << "24 MB of entities went through";
#endif
}

}  // namespace
}  // namespace riptide::stages

#include "riptide/stages/entity_changes.hpp"

#include <gtest/gtest.h>

#include <string>

namespace riptide::stages {
namespace {

TEST(EntityChanges, NamesWhatDiffers) {
  struct Case {
    SameValue same;
    const char* before;
    const char* after;
    const char* changes;  // "" for none.
  };
  const auto bytes = SameValue::kBytes;
  const auto meaning = SameValue::kMeaning;
  const Case cases[] = {
      {bytes, R"({"a":1})", R"({"a":1})", ""},
      {bytes, "", "", ""},
      {bytes, R"({"a":1,"b":2})", R"({"a":1,"b":3})", R"([{"field":"p.b","before":2,"after":3}])"},
      {bytes, R"({"a":1})", R"({"a":1,"b":null})", R"([{"field":"p.b","after":null}])"},
      {bytes, R"({"a":1,"b":null})", R"({"a":1})", R"([{"field":"p.b","before":null}])"},
      {bytes, "", R"({"a":1})", R"([{"field":"p.a","after":1}])"},
      {bytes, R"({"a":1,"b":2})", R"({"b":2,"a":1})",
       R"([{"field":"p","before":{"a":1,"b":2},"after":{"b":2,"a":1}}])"},
      {bytes, R"({"a":1})", R"({"a":1.0})", R"([{"field":"p.a","before":1,"after":1.0}])"},
      {bytes, "not JSON", R"({"a":1})", R"([{"field":"p","before":"not JSON","after":{"a":1}}])"},
      {bytes, R"({"a":1)", "", R"([{"field":"p","before":"{\"a\":1"}])"},
      {meaning, R"({"a": {"x": 1, "y": "é"}})", R"({"a":{"y":"\u00e9","x":1}})", ""},
      {meaning, R"({"a":1,"b":null})", R"({"a":1})", ""},
      {meaning, R"({"a":1})", R"({"a":1,"b":null})", R"([{"field":"p.b","after":null}])"},
      {meaning, R"({"a":1,"b":2})", R"({"b":2,"a":1})", ""},
      {meaning, R"({"a":[1,2]})", R"({"a":[2,1]})", R"([{"field":"p.a","before":[1,2],"after":[2,1]}])"},
      {meaning, R"({"a":1})", R"({"a":1.0})", R"([{"field":"p.a","before":1,"after":1.0}])"},
      {meaning, R"({"\u0061":1})", R"({"a":1})", ""},
  };
  for (const Case& c : cases) {
    EntityChanges changes(c.same);
    changes.members("p", c.before, c.after);
    EXPECT_EQ(changes.empty(), std::string(c.changes).empty()) << c.before << " " << c.after;
    if (*c.changes != '\0') {
      EXPECT_EQ(changes.take(), c.changes);
    }
    EXPECT_TRUE(changes.empty());
  }
}

TEST(EntityChanges, DeepValuesAreComparedByTheirBytes) {
  const std::string deep = R"({"a":)" + std::string(20'000, '[') + std::string(20'000, ']') + "}";
  EntityChanges changes(SameValue::kMeaning);
  changes.members("p", deep, deep);
  EXPECT_TRUE(changes.empty());
  std::string other = deep;
  other.insert(other.find(']'), "1");
  changes.members("p", deep, other);
  EXPECT_FALSE(changes.empty());
}

}  // namespace
}  // namespace riptide::stages

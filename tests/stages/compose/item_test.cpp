// Reading and editing an item by JSON pointers, seen through a graph of one record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph_parts.hpp"

namespace riptide {
namespace {

/// One record, as it is given.
class OneRecord final : public LocalSource {
 public:
  explicit OneRecord(std::string json) : json_(std::move(json)) {}
  [[nodiscard]] std::string_view type() const override { return "one"; }
  Result<std::vector<PageRequest>> start(const std::string&) override { return std::vector<PageRequest>{{}}; }
  Result<LocalPage> read_page(const std::string&, const PageRequest&) override { return LocalPage{json_, {}}; }

 private:
  const std::string json_;
};

std::string edited(const std::string& json, const std::function<void(Record&)>& edit) {
  Graph graph({.threads = 1});
  const auto collected = std::make_shared<Collected>();
  graph.source("one", std::make_shared<OneRecord>(json))
      .then("edit", edit)
      .sink("all", std::make_unique<CollectingSink>(collected));
  EXPECT_EQ(run(graph).exit_code, 0);
  return collected->items.empty() ? "" : collected->items.front();
}

TEST(Item, IsReadByPointers) {
  edited(R"({"a":{"b/c":[1,{"~":"x\u0041"}],"n":null},"a2":true,"s":"one","s":"two"})", [](Record& r) {
    EXPECT_EQ(r.at("/a/n"), "null");
    EXPECT_EQ(r.at("/a/b~1c/0"), "1");
    EXPECT_EQ(r.text("/a/b~1c/1/~0"), "xA");
    EXPECT_EQ(r.at("/a/b~1c/2"), std::nullopt);
    EXPECT_EQ(r.at("/a/b~1c/01"), std::nullopt);
    EXPECT_EQ(r.at("/a2/x"), std::nullopt);
    EXPECT_EQ(r.at("nonsense"), std::nullopt);
    EXPECT_EQ(r.text("/s"), "two");
    EXPECT_EQ(r.at(""), r.json());
    EXPECT_EQ(r.kind(), "one");
    EXPECT_EQ(r.partition(), "*");
  });
}

TEST(Item, IsEditedInItsPlace) {
  struct Case {
    const char* json;
    const char* pointer;
    const char* value;
    const char* expected;
  };
  const Case cases[] = {
      {R"({"a":1})", "/a", "[2]", R"({"a":[2]})"},
      {R"({"a":1})", "/b", "2", R"({"a":1,"b":2})"},
      {R"({})", "/b", "2", R"({"b":2})"},
      {R"({ })", "/b", "2", R"({"b":2})"},
      {R"({"a":{}})", "/a/b/c", "2", R"({"a":{"b":{"c":2}}})"},
      {R"({"a":[1]})", "/a/-", "2", R"({"a":[1,2]})"},
      {R"({"a":[]})", "/a/-", "2", R"({"a":[2]})"},
      {R"({"a":[1,2]})", "/a/1", "{}", R"({"a":[1,{}]})"},
      {R"({"a":1,"a":2})", "/a", "3", R"({"a":1,"a":3})"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(edited(c.json, [&c](Record& r) { EXPECT_TRUE(r.set(c.pointer, c.value)); }), c.expected) << c.json;
  }
}

TEST(Item, LosesWhatIsRemoved) {
  struct Case {
    const char* json;
    const char* pointer;
    const char* expected;
  };
  const Case cases[] = {
      {R"({"a":1,"b":2})", "/a", R"({"b":2})"},
      {R"({"a":1, "b":2 })", "/b", R"({"a":1 })"},
      {R"({"a":1})", "/a", R"({})"},
      {R"({"a":1})", "/b/c", R"({"a":1})"},
      {R"({"a":1,"b":2,"a":3})", "/a", R"({"b":2})"},
      {R"({"a":[1,2,3]})", "/a/1", R"({"a":[1,3]})"},
      {R"({"a":{"b":{"c":1}}})", "/a/b", R"({"a":{}})"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(edited(c.json, [&c](Record& r) { EXPECT_TRUE(r.remove(c.pointer)); }), c.expected) << c.json;
  }
}

TEST(Item, RefusesWhatIsNoJsonOrLeadsNowhereAndStaysAsItWas) {
  const std::string json = R"({"a":1,"l":[1]})";
  EXPECT_EQ(edited(json,
                   [](Record& r) {
                     EXPECT_EQ(r.set("/a", "{").error().kind, ErrorKind::kMalformed);
                     EXPECT_EQ(r.set("/a", "1 2").error().kind, ErrorKind::kMalformed);
                     EXPECT_EQ(r.set("a", "1").error().kind, ErrorKind::kMalformed);
                     EXPECT_EQ(r.set("/a/b", "1").error().kind, ErrorKind::kNotFound);
                     EXPECT_EQ(r.set("/l/7", "1").error().kind, ErrorKind::kNotFound);
                     EXPECT_FALSE(r.replace("[]"));
                     EXPECT_FALSE(r.remove(""));
                   }),
            json);
}

TEST(Item, KeepsTextsOfAnyKind) {
  EXPECT_EQ(edited("{}", [](Record& r) { EXPECT_TRUE(r.set_text("/a~1b", "\"\n\xC3\xA9")); }),
            "{\"a/b\":\"\\\"\\n\xC3\xA9\"}");
}

}  // namespace
}  // namespace riptide

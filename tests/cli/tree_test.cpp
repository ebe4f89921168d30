#include "riptide/cli/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::cli {
namespace {

using ::testing::HasSubstr;

Tree yaml(const std::string& text) {
  std::vector<Problem> problems;
  auto tree = read_yaml(text, "file.yaml", problems);
  EXPECT_TRUE(tree) << (tree ? "" : tree.error().message);
  return tree ? *tree : Tree{};
}

TEST(Tree, ResolvesPlainScalarsAsPyYamlDoes) {
  struct Case {
    std::string written;
    Tree::Kind kind;
    std::string python;
  };
  const Case cases[] = {
      {"true", Tree::Kind::kBool, "True"},
      {"Yes", Tree::Kind::kBool, "True"},
      {"off", Tree::Kind::kBool, "False"},
      {"y", Tree::Kind::kString, "y"},
      {"'true'", Tree::Kind::kString, "true"},
      {"5", Tree::Kind::kNumber, "5"},
      {"-17", Tree::Kind::kNumber, "-17"},
      {"0x1F", Tree::Kind::kNumber, "31"},
      {"017", Tree::Kind::kNumber, "15"},
      {"1_000", Tree::Kind::kNumber, "1000"},
      {"1.50", Tree::Kind::kNumber, "1.5"},
      {"2.", Tree::Kind::kNumber, "2.0"},
      {"1.0e+20", Tree::Kind::kNumber, "1e+20"},
      {"1e3", Tree::Kind::kString, "1e3"},
      {"~", Tree::Kind::kNull, "None"},
      {"null", Tree::Kind::kNull, "None"},
      {"\"5\"", Tree::Kind::kString, "5"},
      {".Id", Tree::Kind::kString, ".Id"},
      {"9007199254740993", Tree::Kind::kNumber, "9007199254740993"},
      {"08", Tree::Kind::kString, "08"},
  };
  for (const Case& one : cases) {
    const Tree tree = yaml("key: " + one.written);
    const Tree* const value = tree.find("key");
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(value->kind, one.kind) << one.written;
    EXPECT_EQ(python_text(*value), one.python) << one.written;
  }
}

TEST(Tree, KnowsLineAndColumn) {
  const Tree tree = yaml("a: 1\nb:\n  - x\n  - deep: yes\n");
  EXPECT_EQ(tree.find("a")->line, 1);
  EXPECT_EQ(tree.find("a")->column, 4);
  EXPECT_EQ(tree.find("b")->items[1].find("deep")->line, 4);
  const auto json = read_json("{\n  \"a\": [1,\n    {\"b\": \"x\"}]\n}", "file.json");
  ASSERT_TRUE(json);
  const Tree& inner = json->find("a")->items[1];
  EXPECT_EQ(inner.find("b")->line, 3);
  EXPECT_EQ(inner.find("b")->column, 11);
}

TEST(Tree, MergesAliasesAndKeepsTheLastOfDuplicateKeys) {
  std::vector<Problem> problems;
  const auto tree = read_yaml("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\nmore2: 1\nmore2: 2\n", "f", problems);
  ASSERT_TRUE(tree);
  EXPECT_EQ(to_json(*tree->find("more")), R"({"y":3,"x":1})");
  EXPECT_EQ(tree->find("more2")->text, "2");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].line, 6);
}

TEST(Tree, RefusesWhatIsNotYamlOrJson) {
  std::vector<Problem> problems;
  const auto broken = read_yaml("a: [1, 2\nb: }", "f", problems);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("not YAML"));
  EXPECT_FALSE(read_json("{\"secret\": \"hunter2", "f"));
  EXPECT_FALSE(read_json("", "f"));
  EXPECT_FALSE(read_json("{} x", "f"));
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += '[';
  EXPECT_FALSE(read_yaml(deep, "f", problems));
  for (int i = 0; i < 5000; ++i) deep += ']';
  EXPECT_FALSE(read_json(deep, "f"));
}

TEST(Tree, BoundsAnAliasBomb) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "*a" : ",*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  std::vector<Problem> problems;
  const auto tree = read_yaml(bomb, "f", problems);
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().kind, pipeline::ErrorKind::kLimit);
}

TEST(Tree, WritesJson) {
  const Tree tree = yaml("a: [1, 1.50, yes, null, 'q\"']\nb: {c: d}\n");
  EXPECT_EQ(to_json(tree), R"({"a":[1,1.5,true,null,"q\""],"b":{"c":"d"}})");
}

}  // namespace
}  // namespace riptide::cli

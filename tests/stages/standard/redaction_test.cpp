#include "riptide/stages/redaction.hpp"

#include <gmock/gmock.h>

namespace riptide::stages {
namespace {

using ::testing::HasSubstr;
using Mode = Redaction::Mode;

std::string redacted(const Redaction::Options& options, std::string_view json) {
  const auto redaction = Redaction::create(options);
  if (!redaction) return redaction.error().message;
  const auto out = (*redaction)->apply(json);
  return out ? *out : out.error().message;
}

TEST(RedactionTest, MasksWhatIsThere) {
  const Redaction::Options options{.fields = {".email", ".members[].name"}, .with = "-"};
  EXPECT_EQ(redacted(options, R"({"email":"a@b","members":[{"name":"x","n":1},{"n":2}],"z":0})"),
            R"({"email":"-","members":[{"name":"-","n":1},{"n":2}],"z":0})");
  EXPECT_EQ(redacted(options, R"({"email":null,"members":[]})"), R"({"email":null,"members":[]})");
}

TEST(RedactionTest, RemovesMembers) {
  EXPECT_EQ(redacted({.fields = {".a.b", ".c"}, .mode = Mode::kRemove}, R"({"a":{"b":1,"d":2},"c":3})"),
            R"({"a":{"d":2}})");
}

TEST(RedactionTest, EqualValuesHaveEqualDigests) {
  const Redaction::Options options{.fields = {".a", ".b", ".c"}, .mode = Mode::kHash, .salt = "pepper"};
  const std::string out = redacted(options, R"({"a":"x","b":"x","c":"y","d":"x"})");
  const auto field = [&](std::string_view name) {
    const std::size_t begin = out.find("\"" + std::string(name) + "\":\"");
    return out.substr(begin + 5, 32);
  };
  EXPECT_EQ(field("a"), field("b"));
  EXPECT_NE(field("a"), field("c"));
  EXPECT_THAT(out, HasSubstr(R"("d":"x")"));
  Redaction::Options other = options;
  other.salt = "salt";
  EXPECT_NE(redacted(other, R"({"a":"x","b":"x","c":"y","d":"x"})"), out);
  EXPECT_EQ(redacted(options, R"({"d":1})"), R"({"d":1})");
}

TEST(RedactionTest, APathThatIsNoneIsNamed) {
  EXPECT_THAT(redacted({.fields = {".a", ".b["}}, "{}"), HasSubstr("the field .b["));
}

TEST(RedactionTest, AnItemOfAnotherShapeIsAnErrorOfItsOwn) {
  EXPECT_THAT(redacted({.fields = {".a.b"}}, R"({"a":7})"), HasSubstr("Cannot index number"));
}

}  // namespace
}  // namespace riptide::stages

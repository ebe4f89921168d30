#include "riptide/sinks/sink_spec.hpp"

#include <gmock/gmock.h>

namespace riptide::sinks {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ParseSinkSpec, ReadsTheFourSinks) {
  EXPECT_EQ(parse_sink_spec("port")->kind, SinkSpec::Kind::kPort);
  EXPECT_EQ(parse_sink_spec("null")->kind, SinkSpec::Kind::kNull);
  EXPECT_EQ(parse_sink_spec("ndjson:-")->path, "-");
  const auto sqlite = parse_sink_spec("sqlite:dir/a:b.db");
  ASSERT_TRUE(sqlite);
  EXPECT_EQ(sqlite->kind, SinkSpec::Kind::kSqlite);
  EXPECT_EQ(sqlite->path, "dir/a:b.db");
  EXPECT_EQ(sqlite->text, "sqlite:dir/a:b.db");
}

TEST(ParseSinkSpec, AnythingElseIsRefusedWithTheChoices) {
  using namespace std::string_literals;
  for (const std::string& text : {""s, "prot"s, "PORT"s, "port:x"s, "null:"s, "sqlite"s, "sqlite:"s, "ndjson:"s,
                                  "sqlite:-"s, "csv:file"s, "ndjson:a\0b"s}) {
    const auto spec = parse_sink_spec(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().kind, pipeline::ErrorKind::kConfig);
    EXPECT_THAT(spec.error().message,
                AllOf(HasSubstr("port"), HasSubstr("sqlite:FILE"), HasSubstr("ndjson:FILE"), HasSubstr("null")));
  }
}

}  // namespace
}  // namespace riptide::sinks

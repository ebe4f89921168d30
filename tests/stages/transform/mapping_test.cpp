#include "riptide/transform/mapping.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <thread>

#include "mapping_specs.hpp"

namespace riptide::transform {
namespace {

using testing::HasSubstr;
using testing::Not;
using tests::expression;
using tests::map;
using tests::mapping_of;
using tests::records_of;
using tests::resource;

TEST(Mapping, WritesTheKeysThatAreMappedNullsIncluded) {
  EXPECT_EQ(
      map(resource(".id", {{"url", ".url"}, {"n", ".n"}}), {R"({"id":"a","n":1.50,"x":1})", R"({"id":"b","url":"u"})"}),
      R"({"identifier":"a","blueprint":"thing","properties":{"url":null,"n":1.50}})"
      "\n"
      R"({"identifier":"b","blueprint":"thing","properties":{"url":"u","n":null}})"
      "\n"
      "properties.url = .url: 1 came out null\n"
      "properties.n = .n: 1 came out null\n"
      "read 2 filtered 0 invalid 0\n");
}

TEST(Mapping, WritesAllPartsInOrder) {
  ResourceSpec spec = resource(".id", {{"p", ".p"}});
  EntitySpec& entity = spec.entities[0];
  entity.relations.emplace_back("r", expression("relations.r", ".r"));
  entity.title = expression("title", ".t");
  entity.icon = expression("icon", "\"Icon\"");
  entity.team = expression("team", ".team");
  const auto records = records_of({R"({"id":"a","p":{"k" : [1, 2]},"t":5,"r":["x","y"],"team":["t1"]})"});
  auto mapping = Mapping::compile(mapping_of(spec), {});
  ASSERT_TRUE(mapping);
  Mapper mapper(*mapping);
  MappedPage out;
  mapper.map(0, records.page, records.set, out);
  ASSERT_EQ(out.entities.entities.size(), 1u);
  const pipeline::Entity& made = out.entities.entities[0];
  EXPECT_EQ(
      out.entities.json(made),
      R"({"identifier":"a","blueprint":"thing","title":5,"icon":"Icon","team":["t1"],"properties":{"p":{"k":[1,2]}},"relations":{"r":["x","y"]}})");
  EXPECT_EQ(out.entities.part(made, made.identifier), R"("a")");
  EXPECT_EQ(out.entities.part(made, made.blueprint), R"("thing")");
  EXPECT_EQ(out.entities.part(made, made.title), "5");
  EXPECT_EQ(out.entities.part(made, made.icon), R"("Icon")");
  EXPECT_EQ(out.entities.part(made, made.team), R"(["t1"])");
  EXPECT_EQ(out.entities.part(made, made.properties), R"({"p":{"k":[1,2]}})");
  EXPECT_EQ(out.entities.part(made, made.relations), R"({"r":["x","y"]})");
  EXPECT_EQ(made.identity, pipeline::identity_digest("thing", "a"));
  EXPECT_FALSE(made.searched);
}

TEST(Mapping, IdentityIsTheDecodedText) {
  ResourceSpec spec = resource(".id");
  spec.entities[0].blueprint = expression("blueprint", ".b");
  const auto records =
      records_of({R"({"id":"a\"\u00e9","b":"x\\y"})", R"({"id":12,"b":3})", R"({"id":["k"],"b":"t"})"});
  auto mapping = Mapping::compile(mapping_of(spec), {});
  Mapper mapper(*mapping);
  MappedPage out;
  mapper.map(0, records.page, records.set, out);
  ASSERT_EQ(out.entities.entities.size(), 3u);
  EXPECT_EQ(out.entities.entities[0].identity, pipeline::identity_digest("x\\y", "a\"é"));
  EXPECT_EQ(out.entities.entities[1].identity, pipeline::identity_digest("3", "12"));
  EXPECT_EQ(out.entities.entities[2].identity, pipeline::identity_digest("t", R"(["k"])"));
}

TEST(Mapping, SelectorMustBeBoolean) {
  const std::vector<std::string> records = {R"({"id":"a","s":true})", R"({"id":"b","s":false})", R"({"id":"c"})",
                                            R"({"id":"d","s":"x"})"};
  EXPECT_EQ(map(resource(".id", {}, ".s"), records), R"({"identifier":"a","blueprint":"thing"})"
                                                     "\n"
                                                     "unreadable 2: selector is not boolean: null\n"
                                                     "unreadable 3: selector is not boolean: string\n"
                                                     "read 4 filtered 1 invalid 2\n");
  EXPECT_THAT(map(resource(".id", {}, "empty"), {R"({"id":"a"})"}),
              HasSubstr("unreadable 0: selector is not boolean: no output"));
  EXPECT_THAT(map(resource(".id", {}, ".id.x == 1"), {R"({"id":"a"})"}),
              HasSubstr("unreadable 0: selector failed: Cannot index"));
  EXPECT_THAT(map(resource(".id", {}, "(.id, .x) == \"a\""), {R"({"id":"a"})"}),
              HasSubstr("read 1 filtered 0 invalid 0"));
}

TEST(Mapping, CleanNullIdentityIsInvalidAndAnErrorIsUnreadable) {
  for (const std::string_view falsy : {"null", "\"\"", "0", "0.0", "-0", "false", "[]", "{}"}) {
    const std::string record = R"({"id":)" + std::string(falsy) + "}";
    EXPECT_THAT(map(resource(".id"), {record}), HasSubstr("invalid 0: identifier is null or empty")) << falsy;
    ResourceSpec spec = resource("\"x\"");
    spec.entities[0].blueprint = expression("blueprint", ".id");
    EXPECT_THAT(map(spec, {record}), HasSubstr("invalid 0: blueprint is null or empty")) << falsy;
  }
  EXPECT_THAT(map(resource(".id.x"), {R"({"id":"a"})"}),
              HasSubstr("unreadable 0: identifier failed: Cannot index string"));
  EXPECT_THAT(map(resource("error(\"no\")"), {"{}"}), HasSubstr("unreadable 0: identifier failed: no"));
  ResourceSpec spec = resource("\"x\"");
  spec.entities[0].blueprint = expression("blueprint", ".b.c");
  EXPECT_THAT(map(spec, {R"({"b":1})"}), HasSubstr("unreadable 0: blueprint failed:"));
  EXPECT_THAT(map(spec, {R"({"b":{"c":["x"]}})"}), HasSubstr("invalid 0: blueprint is no string"));
}

TEST(Mapping, BudgetCostsOneRecord) {
  ResourceSpec spec = resource("if .id == \"b\" then last(range(1e9)) else .id end",
                               {{"p", "if .id == \"c\" then [limit(1e6; repeat(1))] | length else 1 end"}});
  CompileOptions options;
  options.limits.max_steps = 10'000;
  const std::string text =
      map(mapping_of(spec), records_of({R"({"id":"a"})", R"({"id":"b"})", R"({"id":"c"})"}), options);
  EXPECT_THAT(text, HasSubstr(R"({"identifier":"a","blueprint":"thing","properties":{"p":1}})"));
  EXPECT_THAT(text, HasSubstr("unreadable 1: identifier failed: "));
  EXPECT_THAT(text, HasSubstr(R"({"identifier":"c","blueprint":"thing","properties":{"p":null}})"));
  EXPECT_THAT(text, HasSubstr("properties.p = "));
  EXPECT_THAT(text, HasSubstr("read 3 filtered 0 invalid 1"));
}

TEST(Mapping, FirstOutputOnlyAndErrorsAreNull) {
  const std::string text =
      map(resource(".id", {{"many", ".a[]"}, {"none", "empty"}, {"bad", ".a.b"}, {"late", "1, error(\"x\")"}}),
          {R"({"id":"a","a":[7,8]})"});
  EXPECT_THAT(
      text,
      HasSubstr(R"({"identifier":"a","blueprint":"thing","properties":{"many":7,"none":null,"bad":null,"late":1}})"));
  EXPECT_THAT(text, HasSubstr("properties.none = empty: 1 came out null\n"));
  EXPECT_THAT(text, HasSubstr("properties.bad = .a.b: 1 failed: Cannot index array with "));
  EXPECT_THAT(text, Not(HasSubstr("late = ")));
}

TEST(Mapping, MisconfiguredFieldsKeepTheFirstErrorAsExample) {
  EXPECT_THAT(map(resource(".id", {{"p", ".a.b"}}),
                  {R"({"id":"a"})", R"({"id":"b","a":1})", R"({"id":"c","a":"x"})", R"({"id":"d","a":{"b":0}})"}),
              HasSubstr("properties.p = .a.b: 3 failed: Cannot index number with "));
}

TEST(Mapping, RecordsThatAreNoObjectsOrNoJsonAreUnreadable) {
  const std::string text =
      map(resource(".id"), {"[1]", "null", R"({"id":"a"})", R"({"id":"b",})", "\"x\"", R"({"id":"c"} )"});
  EXPECT_THAT(text, HasSubstr("unreadable 0: the record is not an object"));
  EXPECT_THAT(text, HasSubstr("unreadable 1: the record is not an object"));
  EXPECT_THAT(text, HasSubstr("unreadable 3: "));
  EXPECT_THAT(text, HasSubstr("unreadable 4: the record is not an object"));
  EXPECT_THAT(text, HasSubstr(R"({"identifier":"c")"));
  EXPECT_THAT(text, HasSubstr("read 6 filtered 0 invalid 4"));
}

TEST(Mapping, IconAndTeamBecomeText) {
  const struct {
    std::string_view value;
    std::string_view text;
  } kCases[] = {{"5", "\"5\""},
                {"1.0", "\"1\""},
                {"-0.0", "\"0\""},
                {"1.25", "\"1.25\""},
                {"1e3", "\"1000\""},
                {"0.00001", "\"1e-05\""},
                {"true", "\"True\""},
                {"false", "\"False\""},
                {"null", "null"},
                {"\"x\"", "\"x\""},
                {"123456789012345678901", "\"123456789012345678901\""}};
  for (const auto& [value, text] : kCases) {
    ResourceSpec spec = resource("\"a\"");
    spec.entities[0].icon = expression("icon", ".v");
    spec.entities[0].team = expression("team", ".v");
    EXPECT_THAT(map(spec, {R"({"v":)" + std::string(value) + "}"}),
                HasSubstr(R"({"identifier":"a","blueprint":"thing","icon":)" + std::string(text) + R"(,"team":)" +
                          std::string(text) + "}"))
        << value;
  }
  for (const std::string_view value : {"[]", "{\"a\":1}"}) {
    ResourceSpec spec = resource("\"a\"");
    spec.entities[0].icon = expression("icon", ".v");
    EXPECT_THAT(map(spec, {R"({"v":)" + std::string(value) + "}", R"({"v":"fine"})"}),
                testing::AllOf(HasSubstr("invalid 0: icon is no string"), HasSubstr("\"icon\":\"fine\"")));
  }
}

SearchSpec owner_search() {
  SearchSpec query;
  query.leaves.emplace_back("combinator", expression("relations.owner.combinator", "\"and\""));
  SearchSpec rule;
  rule.leaves.emplace_back("property", expression("relations.owner.rules[0].property", "\"$identifier\""));
  rule.leaves.emplace_back("operator", expression("relations.owner.rules[0].operator", "'='"));
  rule.leaves.emplace_back("value", expression("relations.owner.rules[0].value", ".owner"));
  query.rules.push_back(rule);
  query.has_rules = true;
  return query;
}

TEST(Mapping, SearchQueriesAreEvaluatedLeafByLeaf) {
  ResourceSpec spec = resource(".id");
  spec.entities[0].relations.emplace_back("owner", std::make_shared<const SearchSpec>(owner_search()));
  EXPECT_EQ(
      map(spec, {R"({"id":"a","owner":"o"})", R"({"id":"b"})"}),
      R"({"identifier":"a","blueprint":"thing","relations":{"owner":{"combinator":"and","rules":[{"property":"$identifier","operator":"=","value":"o"}]}}} searched)"
      "\n"
      R"({"identifier":"b","blueprint":"thing","relations":{"owner":{"combinator":"and","rules":[{"property":"$identifier","operator":"=","value":null}]}}} searched)"
      "\n"
      "relations.owner.rules[0].value = .owner: 1 came out null\n"
      "read 2 filtered 0 invalid 0\n");
  ResourceSpec by_query = resource(".id");
  by_query.entities[0].identifier = std::make_shared<const SearchSpec>(owner_search());
  EXPECT_THAT(map(by_query, {R"({"owner":"o"})"}), HasSubstr(" searched"));
  EXPECT_THAT(map(resource("{a: .id}"), {R"({"id":1})"}),
              HasSubstr(R"({"identifier":{"a":1},"blueprint":"thing"} searched)"));
  ResourceSpec by_team = resource(".id");
  by_team.entities[0].team = expression("team", "[\"[{\", {a: 1}]");
  EXPECT_THAT(map(by_team, {R"({"id":1})"}), HasSubstr("searched"));
  by_team.entities[0].team = expression("team", "[\"[{\"]");
  EXPECT_THAT(map(by_team, {R"({"id":1})"}), Not(HasSubstr("searched")));
}

TEST(Mapping, SeveralMappingsAreSeveralEvaluations) {
  ResourceSpec spec = resource(".id", {}, ".id != \"c\"");
  spec.entities.push_back(resource(".other").entities[0]);
  EXPECT_EQ(map(spec, {R"({"id":"a","other":"x"})", R"({"id":"b"})", R"({"id":"c"})", "5"}),
            R"({"identifier":"a","blueprint":"thing"})"
            "\n"
            R"({"identifier":"x","blueprint":"thing"})"
            "\n"
            R"({"identifier":"b","blueprint":"thing"})"
            "\n"
            "invalid 1: identifier is null or empty\n"
            "unreadable 3: the record is not an object\n"
            "unreadable 3: the record is not an object\n"
            "identifier = .other: 1 came out null\n"
            "read 8 filtered 2 invalid 3\n");
}

TEST(Mapping, QuotesAreOceansAndThenOurs) {
  EXPECT_THAT(map(resource("'x'", {{"p", "if .a == 'y' then 'z' else 'w' end"}}), {R"({"a":"y"})"}),
              HasSubstr(R"({"identifier":"x","blueprint":"thing","properties":{"p":"z"}})"));
  EXPECT_THAT(map(resource("[.[] | select(.a == 'x').b] | first"), {R"({"k":{"a":"x","b":"found"}})"}),
              HasSubstr(R"("identifier":"found")"));
  EXPECT_THAT(map(resource("\"it's\""), {"{}"}), HasSubstr(R"("identifier":"it's")"));
}

TEST(Mapping, OverlaysAreSeenByBothWays) {
  auto records = records_of({R"({"id":"a","over":1,"under":2})"});
  records.set.overlay("over", R"({"k":[1, 2]})");
  records.set.overlay("__url", "\"http://x\"");
  const ResourceSpec spec = resource(
      ".id", {{"url", ".__url"}, {"k", ".over.k"}, {"under", ".under"}, {"slow", "[.over.k[] + 1]"}, {"keys", "keys"}});
  EXPECT_THAT(
      map(mapping_of(spec), records),
      HasSubstr(
          R"("properties":{"url":"http://x","k":[1,2],"under":2,"slow":[2,3],"keys":["__url","id","over","under"]})"));
}

// The evaluator is given only what an expression sees; what decides about an error must be among it.
TEST(Mapping, WhatIsSteppedThroughAndLeftStillFails) {
  EXPECT_EQ(map(resource("\"i\"", {{"p", ".a.b | 1 | tojson"}}), {R"({"a":"text"})", R"({"a":{}})", R"({})"}),
            R"({"identifier":"i","blueprint":"thing","properties":{"p":null}})"
            "\n"
            R"({"identifier":"i","blueprint":"thing","properties":{"p":"1"}})"
            "\n"
            R"({"identifier":"i","blueprint":"thing","properties":{"p":"1"}})"
            "\n"
            "properties.p = .a.b | 1 | tojson: 1 failed: Cannot index string with string (\"b\")\n"
            "read 3 filtered 0 invalid 0\n");
}

TEST(Mapping, PagesThatAreNoJsonAsAWholeAreReadRecordByRecord) {
  const std::string body = "{\"id\":\"a\"}\n{\"id\":\"b}\n{\"id\":\"c\"}\n";
  tests::Records records;
  records.page = pipeline::make_page(body);
  records.set.add(0, 10);
  records.set.add(11, 9);
  records.set.add(21, 10);
  const std::string text = map(mapping_of(resource(".id")), records);
  EXPECT_THAT(text, HasSubstr("{\"identifier\":\"a\""));
  EXPECT_THAT(text, HasSubstr("unreadable 1: "));
  EXPECT_THAT(text, HasSubstr("{\"identifier\":\"c\""));
}

TEST(Mapping, InvalidUtf8CostsNothingButItsBytes) {
  const std::string text = map(resource(".id", {{"n", ".n"}}), {R"({"id":"a","n":"x)"
                                                                "\xFF"
                                                                R"(y"})",
                                                                R"({"id":"b","n":1})"});
  EXPECT_THAT(text,
              HasSubstr("{\"identifier\":\"a\",\"blueprint\":\"thing\",\"properties\":{\"n\":\"x\xEF\xBF\xBDy\"}}"));
  EXPECT_THAT(text, HasSubstr("{\"identifier\":\"b\""));
}

TEST(Mapping, DepthBeyondTheLimitCostsWhoeverLooksAtIt) {
  const std::string deep = std::string(20'000, '[') + std::string(20'000, ']');
  const std::string text =
      map(resource(".id", {{"deep", ".deep"}}), {R"({"id":"a","deep":)" + deep + "}", R"({"id":"b","deep":[[]]})"});
  EXPECT_THAT(text, HasSubstr(R"({"identifier":"a","blueprint":"thing","properties":{"deep":null}})"));
  EXPECT_THAT(text, HasSubstr(R"({"identifier":"b","blueprint":"thing","properties":{"deep":[[]]}})"));
  EXPECT_THAT(text, HasSubstr("properties.deep = .deep: 1 failed: "));
}

TEST(Mapping, RecordsMayComeInAnyOrderAndOften) {
  const std::string body = R"({"x":{"id":"in"},"list":[{"id":"a"},{"id":"b"}]})";
  tests::Records records;
  records.page = pipeline::make_page(body);
  const auto add = [&](std::string_view record) {
    records.set.add(static_cast<std::uint32_t>(body.find(record)), static_cast<std::uint32_t>(record.size()));
  };
  for (const std::string_view record : {R"({"id":"b"})", R"({"id":"a"})", R"({"id":"in"})", R"({"id":"a"})"})
    add(record);
  EXPECT_EQ(map(mapping_of(resource(".id")), records),
            "{\"identifier\":\"b\",\"blueprint\":\"thing\"}\n{\"identifier\":\"a\",\"blueprint\":\"thing\"}\n"
            "{\"identifier\":\"in\",\"blueprint\":\"thing\"}\n{\"identifier\":\"a\",\"blueprint\":\"thing\"}\n"
            "read 4 filtered 0 invalid 0\n");
}

TEST(Mapping, TruncatedRecordsDoNotReachIntoTheirNeighbours) {
  const std::string body = R"([{"id":"a","n":{"x":1},"m":2},{"id":"b"}])";
  for (std::uint32_t length = 1; length < 28; ++length) {
    tests::Records records;
    records.page = pipeline::make_page(body);
    records.set.add(1, length);
    EXPECT_THAT(map(mapping_of(resource(".id")), records), HasSubstr("unreadable 0: ")) << length;
  }
}

ResourceSpec with_items(std::string items, tests::Fields properties, bool transform = true) {
  ResourceSpec spec = resource(".item.id", properties);
  spec.items_to_parse = expression("itemsToParse", std::move(items));
  spec.item_top_level_transform = transform;
  return spec;
}

TEST(MappingItems, EachElementIsOneEvaluation) {
  EXPECT_EQ(map(with_items(".items", {{"from", ".name"}, {"rest", ".items"}, {"n", ".item.n"}}),
                {R"({"name":"r","items":[{"id":"a","n":1},{"id":"b"}]})", R"({"name":"s","items":[]})"}),
            R"({"identifier":"a","blueprint":"thing","properties":{"from":"r","rest":null,"n":1}})"
            "\n"
            R"({"identifier":"b","blueprint":"thing","properties":{"from":"r","rest":null,"n":null}})"
            "\n"
            "properties.rest = .items: 2 came out null\n"
            "properties.n = .item.n: 1 came out null\n"
            "read 2 filtered 0 invalid 0\n");
}

TEST(MappingItems, NameTransformAndNestedPaths) {
  ResourceSpec spec = with_items(".a.list | map(select(.ok))", {{"left", ".a"}});
  spec.item_name = "one";
  spec.entities[0].identifier = expression("identifier", ".one.id");
  EXPECT_EQ(map(spec, {R"({"a":{"list":[{"id":"x","ok":true},{"id":"y"}],"k":1}})"}),
            R"({"identifier":"x","blueprint":"thing","properties":{"left":{"k":1}}})"
            "\nread 1 filtered 0 invalid 0\n");
  EXPECT_THAT(map(with_items(".items", {{"kept", ".items | length"}}, false), {R"({"items":[{"id":"a"},{"id":"b"}]})"}),
              HasSubstr(R"({"identifier":"b","blueprint":"thing","properties":{"kept":2}})"));
  EXPECT_THAT(map(with_items("[.items[]]", {}, false), {R"({"items":[{"id":"a"}]})"}),
              HasSubstr(R"({"identifier":"a")"));
}

TEST(MappingItems, ElementsThatAreNoObjectsAreFine) {
  ResourceSpec spec = with_items(".tags", {});
  spec.entities[0].identifier = expression("identifier", ".item");
  EXPECT_THAT(map(spec, {R"({"tags":["x",5,null]})"}),
              testing::AllOf(HasSubstr("{\"identifier\":\"x\""), HasSubstr("{\"identifier\":5"),
                             HasSubstr("invalid 0: identifier is null"), HasSubstr("read 3 filtered 0 invalid 1")));
}

TEST(MappingItems, WhatIsNoArrayIsSkippedAndAnErrorBlocks) {
  EXPECT_EQ(map(with_items(".items", {}), {R"({"x":1})", R"({"items":{"id":1}})"}),
            "invalid 0: itemsToParse is no array: null\n"
            "invalid 1: itemsToParse is no array: object\n"
            "itemsToParse = .items: 2 failed: itemsToParse is no array: object\n"
            "read 2 filtered 0 invalid 2\n");
  EXPECT_THAT(map(with_items(".a.b", {}), {R"({"a":1})"}),
              HasSubstr("unreadable 0: itemsToParse failed: Cannot index number"));
  EXPECT_THAT(map(with_items(".items[]", {}), {R"({"items":[{"id":"a"}]})"}),
              HasSubstr("invalid 0: itemsToParse is no array: object"));
  // Ocean finds no path in these and then takes the whole record away.
  EXPECT_THAT(map(with_items("[.items[]]", {}), {R"({"items":[{"id":"a"}]})"}),
              HasSubstr("invalid 0: itemsToParse names no path"));
  EXPECT_THAT(map(with_items(".items", {}), {"[]"}), HasSubstr("unreadable 0: the record is not an object"));
}

TEST(MappingItems, SelectorSeesTheItem) {
  ResourceSpec spec = with_items(".items", {});
  spec.selector = expression("query", ".item.ok == true");
  EXPECT_THAT(map(spec, {R"({"items":[{"id":"a","ok":true},{"id":"b"}]})"}),
              testing::AllOf(HasSubstr("{\"identifier\":\"a\""), HasSubstr("read 2 filtered 1 invalid 0")));
}

TEST(MappingCompile, AllDiagnosticsAreToldWithTheirPlace) {
  ResourceSpec spec = resource(".id", {{"good", ".a"}, {"bad", ".a |"}, {"typo", ".a | ascii_downcas"}});
  std::get<ExpressionSpec>(spec.entities[0].properties[2].second).line = 12;
  std::get<ExpressionSpec>(spec.entities[0].properties[2].second).column = 20;
  std::vector<Diagnostic> diagnostics;
  const auto mapping = Mapping::compile(mapping_of(spec), {}, &diagnostics);
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().kind, pipeline::ErrorKind::kConfig);
  EXPECT_THAT(mapping.error().message, HasSubstr("mapping.yaml does not compile"));
  ASSERT_EQ(diagnostics.size(), 2u);
  EXPECT_EQ(diagnostics[0].path, "resources[0].port.entity.mappings.properties.bad");
  EXPECT_EQ(diagnostics[0].expression, ".a |");
  EXPECT_EQ(diagnostics[1].path, "resources[0].port.entity.mappings.properties.typo");
  EXPECT_EQ(diagnostics[1].line, 12);
  EXPECT_EQ(diagnostics[1].column, 25);
  EXPECT_THAT(diagnostics[1].message, HasSubstr("ascii_downcas"));
  for (const Diagnostic& diagnostic : diagnostics) {
    EXPECT_THAT(mapping.error().message, HasSubstr(diagnostic.path + (diagnostic.line > 0 ? ", line " : "")));
  }
}

TEST(MappingCompile, WhatIsMissingIsNamed) {
  ResourceSpec spec = resource(".id");
  spec.entities[0].blueprint.reset();
  spec.entities.emplace_back();
  spec.entities[1].blueprint = expression("blueprint", "\"b\"");
  MappingSpec mapping = mapping_of(spec);
  mapping.resources.push_back(resource(".id"));
  mapping.resources[1].entities.clear();
  for (const bool lenient : {false, true}) {
    CompileOptions options;
    options.lenient = lenient;
    const auto compiled = Mapping::compile(mapping, options);
    ASSERT_FALSE(compiled);
    EXPECT_THAT(compiled.error().message, testing::AllOf(HasSubstr("resources[0].port.entity.mappings[0].blueprint"),
                                                         HasSubstr("resources[0].port.entity.mappings[1].identifier"),
                                                         HasSubstr("resources[1].port.entity.mappings")));
  }
}

TEST(MappingCompile, LenientExpressionsAreNullWithTheirError) {
  CompileOptions options;
  options.lenient = true;
  std::vector<Diagnostic> diagnostics;
  const auto mapping = Mapping::compile(mapping_of(resource(".id", {{"bad", ".a |"}})), options, &diagnostics);
  ASSERT_TRUE(mapping);
  EXPECT_EQ(diagnostics.size(), 1u);
  const std::string text = map(mapping_of(resource(".id", {{"bad", ".a |"}})), records_of({R"({"id":"a"})"}), options);
  EXPECT_THAT(text, HasSubstr(R"({"identifier":"a","blueprint":"thing","properties":{"bad":null}})"));
  EXPECT_THAT(text, HasSubstr("properties.bad = .a |: 1 failed: "));
  EXPECT_THAT(map(mapping_of(resource(".id", {}, "nope(")), records_of({"{}"}), options),
              HasSubstr("unreadable 0: selector does not compile"));
  EXPECT_THAT(map(mapping_of(resource(".id |")), records_of({"{}"}), options),
              HasSubstr("unreadable 0: identifier failed: "));
  EXPECT_THAT(map(mapping_of(with_items(".items |", {})), records_of({"{}"}), options),
              HasSubstr("unreadable 0: itemsToParse does not compile"));
}

TEST(MappingCompile, TheEnvironmentCanBeShutOff) {
  ASSERT_EQ(setenv("RIPTIDE_TEST_SECRET", "s3cret", 1), 0);
  CompileOptions options;
  const auto records = records_of({"{}"});
  EXPECT_THAT(map(mapping_of(resource("env.RIPTIDE_TEST_SECRET")), records, options), HasSubstr("s3cret"));
  EXPECT_THAT(map(mapping_of(resource("$ENV.RIPTIDE_TEST_SECRET")), records, options), HasSubstr("s3cret"));
  options.environment = false;
  EXPECT_THAT(map(mapping_of(resource("env.RIPTIDE_TEST_SECRET")), records, options), HasSubstr("invalid 0"));
  EXPECT_THAT(map(mapping_of(resource("$ENV.RIPTIDE_TEST_SECRET")), records, options), HasSubstr("invalid 0"));
}

TEST(MappingCompile, HostFunctionsAreRefused) {
  for (const char* const text : {"input", "debug", "halt", "input_filename"}) {
    EXPECT_THAT(map(mapping_of(resource(text)), records_of({"{}"})), HasSubstr("does not compile")) << text;
  }
}

TEST(MapperTest, ThreadsShareAMapping) {
  const auto mapping = Mapping::compile(
      mapping_of(
          resource(".id", {{"p", ".p // \"none\""}, {"slow", "[.id, .p] | @json"}, {"re", ".id | test(\"^a\")"}})),
      {});
  ASSERT_TRUE(mapping);
  std::vector<std::string> json;
  for (int i = 0; i < 200; ++i)
    json.push_back(R"({"id":"a)" + std::to_string(i) + R"(","p":)" + std::to_string(i % 3) + "}");
  const auto records = records_of(json);
  std::vector<std::string> results(3);
  std::vector<std::thread> threads;
  for (std::string& result : results) {
    threads.emplace_back([&] {
      Mapper mapper(*mapping);
      MappedPage out;
      for (int page = 0; page < 5; ++page) mapper.map(0, records.page, records.set, out);
      result = tests::told(out);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(results[0], HasSubstr("read 1000 filtered 0 invalid 0"));
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(MapperTest, MapsManyPagesAndAddsUp) {
  auto mapping = Mapping::compile(mapping_of(resource(".id", {{"p", ".p"}})), {});
  ASSERT_TRUE(mapping);
  Mapper mapper(*mapping);
  MappedPage out;
  for (int page = 0; page < 3; ++page) {
    const auto records = records_of({R"({"id":"a"})", R"({"p":1})"});
    mapper.map(0, records.page, records.set, out);
  }
  ASSERT_EQ(out.counts.size(), 1u);
  EXPECT_EQ(out.counts[0].second.read, 6u);
  EXPECT_EQ(out.counts[0].second.invalid, 3u);
  EXPECT_EQ(out.entities.entities.size(), 3u);
  ASSERT_EQ(out.misconfigured.size(), 2u);
  EXPECT_EQ(out.misconfigured[0].count, 3u);
}

}  // namespace
}  // namespace riptide::transform

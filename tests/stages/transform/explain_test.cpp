#include "riptide/transform/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "mapping_specs.hpp"
#include "riptide/transform/path_probe.hpp"

namespace riptide::transform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::mapping_of;
using tests::records_of;
using tests::resource;

std::shared_ptr<const Mapping> compiled(const ResourceSpec& spec, CompileOptions options = {}) {
  auto mapping = Mapping::compile(mapping_of(spec), options);
  if (!mapping) throw std::runtime_error(mapping.error().message);
  return *mapping;
}

FieldPlan plan_of(const Mapping& mapping, std::string_view field) {
  for (const FieldPlan& plan : mapping.explain()) {
    if (plan.field == field) return plan;
  }
  ADD_FAILURE() << "no field " << field;
  return {};
}

/// How one property is evaluated: "fast", or why it is not.
std::string why(const std::string& text) {
  const auto mapping = compiled(resource(".id", {{"p", text}}));
  const FieldPlan plan = plan_of(*mapping, "properties.p");
  EXPECT_EQ(plan.fast_path, plan.why.empty()) << text;
  return plan.fast_path ? "fast" : plan.why;
}

TEST(Explain, NamesTheConstructThatNeedsTheEvaluator) {
  const std::pair<const char*, const char*> kCases[] = {
      {".a", "fast"},
      {".a // .b | tostring", "fast"},
      {".a[] | .b", "fast"},
      {"[.a[] | select(.b == 1)] | first", "fast"},
      {".a | test(\"x\")", "fast"},
      {"[.a[] | .b, .c[]] | sort_by(.d) | map(.e / 2)", "fast"},
      {"(.a[] | .b) // 1", "fast"},
      {".a | test(.b)", "calls test() with what is no literal string, which needs the evaluator"},
      {"[.a[] | .b | scan(\"x\")] | first", "uses scan(), which needs the evaluator"},
      {"if .a then .b else (.c | fromjson) end", "uses fromjson(), which needs the evaluator"},
      {"{a: .x, b: (.y | tojson)}", "uses tojson(), which needs the evaluator"},
      {".a % .b", "uses `%`, which needs the evaluator"},
      {".a + 1.5", "uses the number 1.5; the fast path takes whole numbers of up to 15 digits"},
      {"if .a, .b then 1 else 2 end", "makes several outputs with `,` in a place where the fast path takes one"},
      {"\"\\(.a[])\"", "makes several outputs with `[]` in a place where the fast path takes one"},
      {"[..]", "uses `..`, which needs the evaluator"},
      {"@base64", "uses @base64, which needs the evaluator"},
      {"@uri \"x\\(.a)\"", "uses @uri, which needs the evaluator"},
      {".a[.b]", "looks something up by a computed key or index"},
      {".a[.b:]", "cuts a slice with computed bounds"},
      {"{(.a): 1}", "makes an object with a computed key"},
      {"{a: 1, a: 2}", "makes an object that names a key twice"},
      {".a as [$x] | $x", "takes a value apart with a pattern, which needs the evaluator"},
      {"reduce .a[] as $x (0; . + $x)", "uses reduce, which needs the evaluator"},
      {"def f: .a; f", "defines functions, which need the evaluator"},
      {".a |= 1", "uses the assignment `|=`, which needs the evaluator"},
      {"try .a catch .b", "uses catch, which needs the evaluator"},
      {"-(.a)", "negates what is no literal, which needs the evaluator"},
      {"$ENV | length", "uses $ENV, which needs the evaluator"},
      {"label $x | break $x", "uses label and break, which needs the evaluator"},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(why(text), expected) << text;
}

TEST(Explain, SaysWhatTheEvaluatorIsGiven) {
  const auto mapping = compiled(resource(".id", {{"part", ".a | tojson"}, {"whole", "tojson"}}));
  EXPECT_FALSE(plan_of(*mapping, "properties.part").whole_record);
  EXPECT_TRUE(plan_of(*mapping, "properties.whole").whole_record);
}

TEST(Explain, ListsFieldsWithTheirPlaces) {
  ResourceSpec spec = resource(".id", {{"p", ".a"}});
  std::get<ExpressionSpec>(*spec.entities[0].identifier).line = 7;
  const auto mapping = compiled(spec);
  const FieldPlan identifier = plan_of(*mapping, "identifier");
  EXPECT_EQ(identifier.path, "resources[0].port.entity.mappings.identifier");
  EXPECT_EQ(identifier.expression, ".id");
  EXPECT_EQ(identifier.line, 7);
  EXPECT_EQ(plan_of(*mapping, "properties.p").path, "resources[0].port.entity.mappings.properties.p");
}

TEST(Explain, ItemsThatNeedTheEvaluatorTakeAllFieldsWithThem) {
  ResourceSpec spec = resource(".item.id", {{"p", ".name"}});
  spec.items_to_parse = tests::expression("itemsToParse", ".list");
  EXPECT_TRUE(plan_of(*compiled(spec), "properties.p").fast_path);
  spec.items_to_parse = tests::expression("itemsToParse", ".list | flatten");
  spec.item_top_level_transform = false;
  const auto mapping = compiled(spec);
  EXPECT_THAT(plan_of(*mapping, "properties.p").why, HasSubstr("itemsToParse uses flatten()"));
  EXPECT_THAT(plan_of(*mapping, "itemsToParse").why, HasSubstr("uses flatten()"));
}

TEST(Explain, AnExpressionThatDoesNotCompileSaysSo) {
  const auto mapping = compiled(resource(".id", {{"p", ".a | nosuch"}}), {.lenient = true});
  EXPECT_THAT(plan_of(*mapping, "properties.p").why, HasSubstr("does not compile: "));
}

TEST(Measure, CountsWhatEachFieldCameToAndMapsTheSame) {
  const ResourceSpec spec = resource(".id", {{"sum", "\"x\" + .a"}, {"rx", ".b | [scan(\"x\")]"}}, ".keep == true");
  const auto mapping = compiled(spec);
  const auto records = records_of({R"({"id":"1","keep":true,"a":"y","b":"x"})", R"({"id":"2","keep":true,"a":5})",
                                   R"({"id":"3","keep":false})", R"({"id":"4","keep":true,"b":"n"})"});
  MappedPage plain;
  Mapper(mapping).map(0, records.page, records.set, plain);
  MappedPage out;
  ResourceMeasure measure;
  Mapper mapper(mapping);
  mapper.measure(0, records.page, records.set, out, measure);
  EXPECT_EQ(tests::told(out), tests::told(plain)) << "measuring changes nothing";
  EXPECT_EQ(measure.records, 4u);
  EXPECT_GT(measure.walk_nanoseconds, 0);
  EXPECT_GT(measure.load_nanoseconds, 0);

  const std::vector<FieldPlan> plans = mapping->explain();
  ASSERT_EQ(measure.fields.size(), plans.size());
  const auto field = [&](std::string_view name) {
    for (std::size_t i = 0; i < plans.size(); ++i) {
      if (plans[i].field == name) return measure.fields[i];
    }
    ADD_FAILURE() << name;
    return ResourceMeasure::Field();
  };
  EXPECT_EQ(measure.fields[0].evaluations, 4u) << "the selector sees every record";
  EXPECT_EQ(field("identifier").evaluations, 3u);
  EXPECT_EQ(field("identifier").by_evaluator, 0u);
  EXPECT_EQ(field("properties.sum").by_evaluator, 1u) << "a number is none of the fast path's business";
  EXPECT_EQ(field("properties.sum").errors, 1u);
  EXPECT_EQ(field("properties.sum").example, "string (\"x\") and number (5) cannot be added");
  EXPECT_EQ(field("properties.rx").by_evaluator, 3u);
  EXPECT_EQ(field("properties.rx").errors, 1u);
  EXPECT_EQ(field("properties.rx").nulls, 0u);
  for (const auto& measured : measure.fields) EXPECT_GT(measured.nanoseconds, 0);
}

TEST(Measure, CountsItemsOneByOne) {
  ResourceSpec spec = resource(".item.id", {{"p", ".item.no"}, {"rx", ".item.id | test(\"a\")"}});
  spec.items_to_parse = tests::expression("itemsToParse", ".list");
  const auto records = records_of({R"({"list":[{"id":"a"},{"id":"b"}]})", R"({"list":null})"});
  MappedPage out;
  ResourceMeasure measure;
  const auto mapping = compiled(spec);
  Mapper(mapping).measure(0, records.page, records.set, out, measure);
  EXPECT_EQ(out.entities.entities.size(), 2u);
  const std::vector<FieldPlan> plans = mapping->explain();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto& field = measure.fields[i];
    EXPECT_EQ(field.evaluations, 2u) << plans[i].field;
    EXPECT_EQ(field.nulls, plans[i].field == "properties.p"   ? 2u
                           : plans[i].field == "itemsToParse" ? 1u
                                                              : 0u)
        << plans[i].field;
  }
}

/// The paths of a property that are in none of the records, each with the nearest explanation.
std::vector<std::string> unmatched(const std::string& text, const std::vector<std::string>& records) {
  PathProbe probe(compiled(resource("\"x\"", {{"p", text}})));
  for (const std::string& record : records) {
    const auto seen = probe.see(0, record);
    EXPECT_TRUE(seen) << seen.error().message;
  }
  std::vector<std::string> paths;
  for (const UnmatchedPath& path : probe.unmatched())
    paths.push_back(path.path + (path.found.empty() ? "" : " in " + path.found));
  return paths;
}

TEST(PathProbe, FindsPathsThatNoRecordHas) {
  const std::vector<std::string> records = {
      R"({"Name":"n","Null":null,"Tags":[{"k":1,"v":2}],"Links":{"a b":1},"Empty":[],"Text":"t"})", R"({"Tags":[]})"};
  const std::pair<const char*, std::vector<std::string>> kCases[] = {
      {".Name", {}},
      {".Null", {}},
      {".Nmae", {".Nmae"}},
      {".Nmae.x.y", {".Nmae"}},
      {".Null.x", {".Null.x in null"}},
      {".Text.x", {".Text.x in a string"}},
      {".Links.\"a b\", .Links.\"a c\"", {".Links.\"a c\""}},
      {".[\"Nmae\"]", {".Nmae"}},
      {".Tags[0].k, .Tags[-1].v", {}},
      {".Tags[1].k", {".Tags[1]"}},
      {".Tags[].x", {".Tags[].x"}},
      {".Empty[].x", {".Empty[] in an empty array"}},
      {".Tags | map(select(.v == 1).x) | first", {".Tags[].x"}},
      {"[.Tags[] | {k, z}]", {".Tags[].z"}},
      {".Tags | sort_by(.q) | first.k", {".Tags[].q"}},
      {".Tags | group_by(.k) | map(.[0].w)", {".Tags[].w"}},
      {".Tags | max_by(.k).o", {".Tags[].o"}},
      {"if .A then .Name else .B end", {".A", ".B"}},
      {".A // .Name", {".A"}},
      {".Tags as $t | $t[0].n", {".Tags[0].n"}},
      {". as {Name: $n} | $n.x", {}},
      {"reduce .Tags[] as $t (.C; . + $t.d)", {".Tags[].d", ".C"}},
      {"\"\\(.D) \\(.Name)\"", {".D"}},
      {".Name | startswith(.E)", {".Name.E in a string"}},
      {"startswith(.E)", {".E"}},
      {".Tags | any(.f == 1)", {".Tags[].f"}},
      {".New = 1 | .New", {}},
      {".Gone |= 1", {".Gone"}},
      {"def f: .nowhere; f", {}},
      {"[.. | .nowhere?]", {}},
      {"to_entries[] | .key", {}},
      {"{a: 1} | .b", {}},
      {".[.Name]", {}},
      {".F?, (try .G catch .message)", {".F", ".G"}},
      {"$ENV.PATH, env.PATH", {}},
  };
  for (const auto& [text, expected] : kCases) {
    EXPECT_THAT(unmatched(text, records), ::testing::UnorderedElementsAreArray(expected)) << text;
  }
}

TEST(PathProbe, NamesTheKeysThatAreThereAndThePlaceInTheFile) {
  ResourceSpec spec = resource(".Id", {{"p", ".Links |\n .Webb"}});
  auto& property = std::get<ExpressionSpec>(spec.entities[0].properties[0].second);
  property.line = 10;
  property.column = 20;
  PathProbe probe(compiled(spec));
  ASSERT_TRUE(probe.see(0, R"({"Id":1,"Links":{"Web":1,"Self":2}})"));
  ASSERT_TRUE(probe.see(0, R"({"Id":2,"Links":{"Icon":1}})"));
  const auto found = probe.unmatched();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].field, "properties.p");
  EXPECT_EQ(found[0].place, "resources[0].port.entity.mappings.properties.p");
  EXPECT_EQ(found[0].path, ".Links.Webb");
  EXPECT_EQ(found[0].parent, ".Links");
  EXPECT_EQ(found[0].key, "Webb");
  EXPECT_THAT(found[0].keys, ElementsAre("Icon", "Self", "Web"));
  EXPECT_EQ(found[0].records, 2u);
  EXPECT_EQ(found[0].line, 11);
  EXPECT_EQ(found[0].column, 2);
}

TEST(PathProbe, LooksAtItemsWhereTheMappingDoes) {
  ResourceSpec spec = resource(".item.id", {{"p", ".item.nope"}, {"q", ".name"}, {"r", ".list"}});
  spec.items_to_parse = tests::expression("itemsToParse", ".list");
  PathProbe probe(compiled(spec));
  EXPECT_THAT(probe.unmatched(), IsEmpty()) << "nothing was seen yet";
  ASSERT_TRUE(probe.see(0, R"({"name":"n","list":[{"id":1},{"id":2}]})"));
  std::vector<std::string> paths;
  for (const UnmatchedPath& path : probe.unmatched()) {
    paths.push_back(path.path);
    EXPECT_EQ(path.records, 2u);
  }
  EXPECT_THAT(paths, ElementsAre(".item.nope", ".list")) << "the list is taken out of the record";
}

TEST(PathProbe, RefusesWhatIsNoJson) {
  PathProbe probe(compiled(resource(".id")));
  EXPECT_FALSE(probe.see(0, "{oops}"));
  EXPECT_THAT(probe.unmatched(), IsEmpty());
}

TEST(PathProbe, BranchesThatMultiplyCostNothing) {
  std::string text = ".";
  for (int i = 0; i < 60; ++i) text += " | (if .a then .b else .c end)";
  PathProbe probe(compiled(resource("\"x\"", {{"p", text}})));
  ASSERT_TRUE(probe.see(0, "{}"));
  EXPECT_EQ(probe.unmatched().size(), 3u);
}

}  // namespace
}  // namespace riptide::transform

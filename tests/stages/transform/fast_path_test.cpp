#include "fast_path.hpp"

#include <gtest/gtest.h>

#include "jq/parser.hpp"
#include "random_json.hpp"

namespace riptide::transform::fast {
namespace {

/// What the fast path makes of a program and a record: JSON, "nothing", "gives up", "not fast" or "malformed".
std::string run(std::string_view program, std::string_view json,
                const std::vector<std::pair<std::string_view, std::string_view>>& overlay = {}) {
  jq::CompileError error;
  const auto module = jq::parse(program, error);
  if (!module) return "does not parse: " + error.message;
  Plan plan;
  const ClosureId id = plan.compile(*module, {{"CLUSTER", "c\"1"}});
  if (id == kNoClosure) return "not fast";
  plan.finish();

  json::StructuralIndex page_index;
  json::StructuralIndex overlay_index;
  const tests::Padded padded(json);
  auto page = page_index.build(padded.view());
  if (!page) return "not indexed";
  std::string overlay_text;
  for (const auto& [key, value] : overlay) overlay_text.append(value) += '\n';
  const tests::Padded padded_overlay(overlay_text);
  json::Structurals over;
  if (!overlay.empty()) over = *overlay_index.build(padded_overlay.view());
  Machine machine;
  machine.begin(plan, *page, over);
  if (machine.walk(0) != page->size) return "malformed";
  std::uint32_t place = 0;
  json::Brackets brackets;
  for (const auto& [key, value] : overlay) {
    const std::uint32_t behind = json::step_over(over, place, brackets, nullptr);
    if (!machine.lay_over(key, place, behind)) return "malformed overlay";
    place = behind;
  }
  Cell cell;
  switch (machine.evaluate(id, cell)) {
    case Came::kGaveUp:
      return "gives up";
    case Came::kNothing:
      return "nothing";
    case Came::kValue:
      break;
  }
  std::string out;
  return machine.append(cell, out) ? out : "gives up";
}

struct Case {
  std::string_view program;
  std::string_view json;
  std::string_view expected;
};

TEST(FastPath, Paths) {
  const Case kCases[] = {
      {".a", R"({"a":1})", "1"},
      {".a", R"({"b":1})", "null"},
      {".a", R"({"a":1,"a":2})", "2"},
      {".a.b", R"({"a":{"b":1},"a":{}})", "null"},
      {".a.b", R"({"a":{"b":1},"a":null})", "null"},
      {".a.b", R"({"a":{"b":1},"a":3})", "gives up"},
      {".a.b.c", R"({"a":{"b":{"c":"x"}}})", R"("x")"},
      {".a.b.c", R"({"a":null})", "null"},
      {".a.b.c", R"({"a":{"b":[]}})", "gives up"},
      {".a.b?", R"({"a":{"b":true}})", "true"},
      {R"(.["a"]["b"])", R"({"a":{"b":false}})", "false"},
      {".a[1]", R"({"a":[1,[2,3]]})", "[2,3]"},
      {".a[1].b", R"({"a":[1,{"b":{"c":[]}}]})", R"({"c":[]})"},
      {".a[7]", R"({"a":[1]})", "null"},
      {".a[0]", R"({"a":{}})", "gives up"},
      {".a[0]", R"({"a":null})", "null"},
      {".a[-1]", R"({"a":[1,2]})", "2"},
      {".a[-3]", R"({"a":[1,2]})", "null"},
      {".a | .b", R"({"a":{"b":5}})", "5"},
      {".a", R"({"\u0061":7})", "7"},
      {".a", R"({"a":1,"\u0061":{"x" : [ 1 , 2 ] }})", R"({"x":[1,2]})"},
      {".", R"({"a" : 1.50})", R"({"a":1.50})"},
      {".a", R"({"a":123456789012345678901234567890})", "123456789012345678901234567890"},
      {".a", R"({"a":"x\u0041\/\n"})", R"("xA/\n")"},
      {".a", R"({"a":"\ud800"})", "\"\xEF\xBF\xBD\""},
      {".a", R"({"a":"\q"})", "gives up"},
      {".a", R"({"a":tru})", "gives up"},
      {".a", R"({"a":1,})", "malformed"},
      {".a", R"({"a":1 "b":2})", "malformed"},
      {".a.b", R"({"a":{"b":1]})", "malformed"},
      {".a[0]", R"({"a":[1 2]})", "malformed"},
      {".longer_than_eight", R"({"longer_than_nine!":1,"longer_than_eight":2,"longer_tham_eight":3})", "2"},
      {R"(."")", R"({"":4})", "4"},
      {".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
       R"({"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab":1})", "1"},
      {".a", "[1]", "gives up"},
      {".a", "null", "null"},
      {".a", " {  \"a\"  :  \"b\"  } ", "\"b\""},
  };
  for (const auto& [program, json, expected] : kCases)
    EXPECT_EQ(run(program, json), expected) << program << " on " << json;
}

TEST(FastPath, Operations) {
  const Case kCases[] = {
      {R"j(.a + "(" + .b + ")")j", R"({"a":"x","b":"y\n"})", R"j("x(y\n)")j"},
      {".a + .b", R"({"a":"x"})", R"("x")"},
      {".a + .b", R"({})", "null"},
      {".a + .b", R"({"a":1,"b":2})", "3"},
      {".a + .b", R"({"a":1,"b":"2"})", "gives up"},
      {".a + .b", R"({"a":[1],"b":[2,{"x":3}]})", R"([1,2,{"x":3}])"},
      {".a // \"d\"", R"({"a":false})", R"("d")"},
      {".a // \"d\"", R"({"a":0})", "0"},
      {"(.a | select(. == 1)) // 2", R"({"a":3})", "2"},
      {".a == 1", R"({"a":1.0})", "true"},
      {".a == \"x\"", R"({"a":"\u0078"})", "true"},
      {".a != null", R"({})", "false"},
      {".a < .b", R"({"a":2,"b":"1"})", "true"},
      {".a >= .b", R"({"a":"b","b":"a"})", "true"},
      {".a == .b", R"({"a":[1],"b":[1]})", "gives up"},
      {".a == 9007199254740993", R"({"a":9007199254740992})", "not fast"},
      {".a and .b", R"({"a":1,"b":null})", "false"},
      {".a or .b", R"({"a":1})", "true"},
      {".a | not", R"({})", "true"},
      {"if .a == 1 then \"one\" elif .a then .b else . end", R"({"a":2,"b":[]})", "[]"},
      {"if .a then 1 end", R"({})", "{}"},
      {R"j("\(.a)-\(.b)-\(.c)-\(.d)")j", R"({"a":"x\"","b":12,"c":null,"d":true})", R"("x\"-12-null-true")"},
      {R"j("\(.a)")j", R"({"a":1.50})", "gives up"},
      {"select(.a == 1) | .b", R"({"a":1,"b":2})", "2"},
      {"select(.a == 1) | .b", R"({"a":2,"b":2})", "nothing"},
      {"empty", "{}", "nothing"},
      {R"({a: .x, "b c": [.y, "z"], y})", R"({"x":{"k":1},"y":"w"})", R"({"a":{"k":1},"b c":["w","z"],"y":"w"})"},
      {"{a: 1, a: 2}", "{}", "not fast"},
      {"[.a | select(. == 1)]", R"({"a":2})", "[]"},
      {"[]", "{}", "[]"},
      {"{}", "{}", "{}"},
      {".a | map(.k)", R"({"a":[{"k":1},{},{"\u006b":"x"}]})", R"([1,null,"x"])"},
      {".a | map(select(.k == \"b\").v)", R"({"a":[{"k":"a","v":1},{"k":"b","v":2}]})", "[2]"},
      {"[.a[] | select(.k == \"b\") | .v] | first", R"({"a":[{"k":"a","v":1},{"k":"b","v":2}]})", "2"},
      {"[.a[].k]", R"({"a":[{"k":{"z":1}}]})", R"([{"z":1}])"},
      {"[.a.b[]?.k]", R"({"a":{"b":[{"k":1}]}})", "[1]"},
      {".a | map(.k)", R"({})", "gives up"},
      {"(.a // []) | map(.k)", R"({})", "[]"},
      {R"j((.self | split("/") | .[:3] | join("/")) + "/browse/" + .key)j",
       R"({"self":"https://x.y/rest/1","key":"A-1"})", R"("https://x.y/browse/A-1")"},
      {"[.a, .b] | join(\"-\")", R"({"a":null,"b":3})", R"("-3")"},
      {".a | split(\",\")", R"({"a":""})", "[]"},
      {".a | split(\",\") | .[1:] | length", R"({"a":"x,y,z"})", "2"},
      {".a | .[2:4]", R"({"a":"abcdef"})", R"("cd")"},
      {".a | length", R"({"a":"h\u00e9\u20ac"})", "3"},
      {".a | length", R"({"a":[1,[2],{}]})", "3"},
      {".a | length", R"({})", "0"},
      {".a | ascii_downcase", R"({"a":"AbC-É"})", "\"abc-É\""},
      {".a | ascii_upcase", R"({"a":"a\nb"})", R"("A\nB")"},
      {".a | startswith(\"x\")", R"({"a":"xy"})", "true"},
      {".a | endswith(\"n\")", R"({"a":"x\n"})", "gives up"},
      {".a | ltrimstr(\"x\") | rtrimstr(\"z\")", R"({"a":"xyz"})", R"("y")"},
      {".a as $x | .b | . + $x", R"({"a":"1","b":"2"})", R"("21")"},
      {".a | type", R"({"a":{}})", R"("object")"},
      {".a | tostring", R"({"a":7})", R"("7")"},
      {".a.b | \"x\"", R"({"a":1})", "gives up"},
      {".a.b | if true then 1 else 2 end", R"({"a":1})", "gives up"},
      {".a[] | select(.k == 2) | .v", R"({"a":[{"k":1},{"k":2,"v":"x"},{"k":2,"v":"y"}]})", R"("x")"},
      {".a[] | select(.k == 3) | .v", R"({"a":[{"k":1}]})", "nothing"},
      {".a[].k", R"({"a":[]})", "nothing"},
      {"first(.a[] | select(. != null))", R"({"a":[null,3]})", "3"},
      {".a + env.CLUSTER", R"({"a":"x"})", R"("xc\"1")"},
      {"$ENV.NOT_THERE // \"n\"", "{}", R"("n")"},
      {".a | contains(\"bc\")", R"({"a":"abcd"})", "true"},
      {".a | contains([1])", R"({"a":[1]})", "gives up"},
      {".a | has(\"k\")", R"({"a":{"k":null}})", "true"},
      {".a | map(.n) | add", R"({"a":[{"n":"x"},{},{"n":"y"}]})", R"("xy")"},
      {"[] | add", "{}", "null"},
      {".a | tojson", "{}", "not fast"},
      {"def f: .a; f", "{}", "not fast"},
      {"-1", "{}", "-1"},
  };
  for (const auto& [program, json, expected] : kCases)
    EXPECT_EQ(run(program, json), expected) << program << " on " << json;
}

TEST(FastPath, Streams) {
  const Case kCases[] = {
      {".a, .b", R"({"a":1,"b":2})", "1"},
      {"[.a, .b[]]", R"({"a":1,"b":[2,3]})", "[1,2,3]"},
      {"[.a[].b[]?.c]", R"({"a":[{"b":[{"c":1},{"c":2}]},{"b":[]},{"b":[{}]}]})", "[1,2,null]"},
      {"[.a[] | .b[] | select(. > 1)]", R"({"a":[{"b":[1,2]},{"b":[3]}]})", "[2,3]"},
      {"[.a[]?]", R"({"a":null})", "[]"},
      {"[.a[]? | .b]", R"({"a":"x"})", "[]"},
      {"[.a.b[]?]", R"({"a":1})", "gives up"},
      {"[.a[]?.b]", R"({"a":[1]})", "gives up"},
      {"[.a[] + \"-\" + .b]", R"({"a":["x","y"],"b":"z"})", R"(["x-z","y-z"])"},
      {"[.b + .a[]]", R"({"a":["x","y"],"b":"z"})", R"(["zx","zy"])"},
      {"[.a[] + .b]", R"({"a":[],"b":1})", "[]"},
      {"[if .a then .b[] else .c end]", R"({"a":true,"b":[1,2]})", "[1,2]"},
      {"[.a as $x | .b[] | . + $x]", R"({"a":"x","b":["y","z"]})", R"(["yx","zx"])"},
      {"(.a[] | select(. == 3)) // .b", R"({"a":[1,2],"b":4})", "4"},
      {"[(.a[] | select(. > 1)) // 9]", R"({"a":[1,2,3]})", "[2,3]"},
      {"[.a[]]", R"({"a":{"x":1,"y":[2]}})", "[1,[2]]"},
      {"[.a[]]", R"({"a":{"x":1,"x":2}})", "gives up"},
      {"[.a[]]", R"({"a":"x"})", "gives up"},
      {".a | map(.[])", R"({"a":[[1],[],[2,3]]})", "[1,2,3]"},
      {"first(.a[], .b)", R"({"a":[],"b":7})", "7"},
      {".a | any", R"({"a":[false,null,1]})", "true"},
      {".a | all(. > 1)", R"({"a":[2,3,1]})", "false"},
      {".a | all", R"({"a":[]})", "true"},
      {"any(.a[].b; . == 2)", R"({"a":[{"b":1},{"b":2}]})", "true"},
      {".a | IN(\"x\", \"y\")", R"({"a":"y"})", "true"},
      {". as $r | .a | IN($r.b[])", R"({"a":"y","b":["x"]})", "false"},
      {"add(.a[].n)", R"({"a":[{"n":1},{"n":2}]})", "3"},
      {"[.a[] | strings, numbers]", R"({"a":["x",1,null,[]]})", R"(["x",1])"},
      {"[.a[] | values]", R"({"a":[1,null,false]})", "[1,false]"},
  };
  for (const auto& [program, json, expected] : kCases)
    EXPECT_EQ(run(program, json), expected) << program << " on " << json;
}

TEST(FastPath, ObjectsAndOrder) {
  const Case kCases[] = {
      {".a | keys", R"({"a":{"b":1,"a":2}})", R"(["a","b"])"},
      {".a | keys_unsorted", R"({"a":{"b":1,"\u0061":2}})", R"(["b","a"])"},
      {".a | keys", R"({"a":[5,6]})", "[0,1]"},
      {".a | keys", R"({"a":{"b\n":1,"a":2}})", "gives up"},
      {".a | length", R"({"a":{"b":1,"c":2}})", "2"},
      {".a | to_entries", R"({"a":{"b":1,"c\"":[2]}})", R"([{"key":"b","value":1},{"key":"c\"","value":[2]}])"},
      {".a | to_entries", R"({"a":{"b":1,"c":0,"d":0,"e":0,"f":0,"\u0062":2}})", "gives up"},
      {".a | to_entries", R"({"a":{"b":1,"b":2}})", "gives up"},
      {".a | to_entries | map(.key + \"=\" + .value) | join(\",\")", R"({"a":{"x":"1","y":"2"}})", R"("x=1,y=2")"},
      {".a | with_entries(select(.value > 1))", R"({"a":{"x":1,"y":2}})", R"({"y":2})"},
      {".a | from_entries", R"({"a":[{"key":"x","value":1},{"value":null,"key":"y"}]})", R"({"x":1,"y":null})"},
      {".a | from_entries", R"({"a":[{"name":"x","value":1}]})", "gives up"},
      {".a | from_entries", R"({"a":[{"key":"x","value":1},{"key":"x","value":2}]})", "gives up"},
      {"{x: .a} | has(\"x\")", R"({})", "true"},
      {".a | sort", R"({"a":["b",null,"a",2,1.5,true]})", R"([null,true,1.5,2,"a","b"])"},
      {".a | sort", R"({"a":[[1],[0]]})", "gives up"},
      {".a | sort_by(.n) | map(.i)", R"({"a":[{"n":2,"i":0},{"n":1,"i":1},{"n":2,"i":2},{"i":3}]})", "[3,1,0,2]"},
      {".a | group_by(.n) | map(length)", R"({"a":[{"n":2},{"n":1},{"n":2}]})", "[1,2]"},
      {".a | unique", R"({"a":["b","a","\u0062"]})", R"(["a","b"])"},
      {".a | unique_by(.n) | map(.i)", R"({"a":[{"n":2,"i":0},{"n":1,"i":1},{"n":2,"i":2}]})", "[1,0]"},
      {".a | min_by(.n) | .i", R"({"a":[{"n":1,"i":0},{"n":1,"i":1}]})", "0"},
      {".a | max_by(.n) | .i", R"({"a":[{"n":1,"i":0},{"n":1,"i":1}]})", "1"},
      {".a | max", R"({"a":[]})", "null"},
      {".a | to_entries | max_by(.value) | .key", R"({"a":{"C":5,"Go":9}})", R"("Go")"},
  };
  for (const auto& [program, json, expected] : kCases)
    EXPECT_EQ(run(program, json), expected) << program << " on " << json;
}

TEST(FastPath, NumbersTimesAndPatterns) {
  const Case kCases[] = {
      {".a - .b", R"({"a":1.5,"b":0.25})", "1.25"},
      {".a * 3", R"({"a":0.1})", "0.30000000000000004"},
      {".a / 3", R"({"a":1})", "0.3333333333333333"},
      {".a / 0", R"({"a":1})", "gives up"},
      {".a / \",\"", R"({"a":"x,y"})", R"(["x","y"])"},
      {"(.a / 1000) | floor", R"({"a":1999})", "1"},
      {"(.a / 3) < 1", R"({"a":1})", "true"},
      {"\"\\(.a * 2)\"", R"({"a":1.25})", R"("2.5")"},
      {".a - 1", R"({"a":123456789012345678901})", "gives up"},
      {".a | tonumber", R"({"a":"12"})", "12"},
      {".a | tonumber", R"({"a":"12x"})", "gives up"},
      {".a | fromdate", R"({"a":"2025-09-30T08:12:01Z"})", "1759219921"},
      {".a | fromdate", R"({"a":"2024-02-29T00:00:00Z"})", "1709164800"},
      {".a | fromdate", R"({"a":"2024-02-29"})", "gives up"},
      {".a | todate", R"({"a":1425599621})", R"("2015-03-05T23:53:41Z")"},
      {".a | strptime(\"%Y-%m-%d\") | mktime", R"({"a":"2025-01-31"})", "1738281600"},
      {".a | strptime(\"%d.%m.%Y\") | strftime(\"%Y-%m-%d\")", R"({"a":"31.12.2025"})", R"("2025-12-31")"},
      {".a | gmtime", R"({"a":0})", "[1970,0,1,0,0,0,4,0]"},
      {".a | test(\"B\"; \"i\")", R"({"a":"abc"})", "true"},
      {".a | test(\"x\")", R"({"a":1})", "gives up"},
      {".a | test(\"(\")", R"({"a":"x"})", "gives up"},
      {".a | gsub(\" \"; \"_\")", R"({"a":"a b \"c\""})", R"("a_b_\"c\"")"},
      {".a | gsub(\"[^a-z]+\"; \"-\")", R"({"a":"ab\ncdé"})", R"("ab-cd-")"},
      {".a | sub(\"b\"; \"\\n\")", R"({"a":"abb"})", R"("a\nb")"},
      {".a | gsub(\"\"; \"-\")", R"({"a":"ab"})", R"("-a-b-")"},
      {".a | sub(\"(?<x>b)\"; \"<\\(.x)>\")", R"({"a":"abb"})", "not fast"},
      {".a | match(\"[0-9]+\").string", R"({"a":"é12"})", R"("12")"},
      {".a | match(\"[0-9]+\").offset", R"({"a":"é12"})", "1"},
      {".a | match(\"x\").string", R"({"a":"é12"})", "nothing"},
      {".a | match(\"(1)\").string", R"({"a":"é12"})", "gives up"},
      {".a | trim", R"({"a":" x\t"})", R"("x")"},
      {".a | trim", R"({"a":"\u00a0x"})", "gives up"},
      {".a | split(\"\\n\")", R"({"a":"x\ny\\n"})", R"(["x","y\\n"])"},
      {".a | contains(\"\\n\")", R"({"a":"x\ny"})", "true"},
  };
  for (const auto& [program, json, expected] : kCases)
    EXPECT_EQ(run(program, json), expected) << program << " on " << json;
}

TEST(FastPath, OverlaysReplaceTopLevelKeys) {
  EXPECT_EQ(run(".__url", R"({"a":1})", {{"__url", R"("http://x")"}}), R"("http://x")");
  EXPECT_EQ(run(".p.k", R"({"p":{"k":1,"z":2}})", {{"p", R"({"k":[ 3 ]})"}}), "[3]");
  EXPECT_EQ(run(".p.z", R"({"p":{"k":1,"z":2}})", {{"p", R"({"k":3})"}}), "null");
  EXPECT_EQ(run(".p.z", R"({"p":{"k":1,"z":2}})", {{"p", "null"}}), "null");
  EXPECT_EQ(run(".p.z", R"({"p":{"k":1,"z":2}})", {{"p", "12"}, {"q", "3"}}), "gives up");
  EXPECT_EQ(run(".q", R"({})", {{"p", "12"}, {"q", "3"}}), "3");
  EXPECT_EQ(run(".", R"({"a":1})", {{"b", "2"}}), "gives up");
  EXPECT_EQ(run(".p | map(.x)", R"({})", {{"p", R"([{"x":1}])"}}), "[1]");
  EXPECT_EQ(run(".a + .b", R"({"a":"x"})", {{"b", R"("y")"}}), R"("xy")");
}

}  // namespace
}  // namespace riptide::transform::fast

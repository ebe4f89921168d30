#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "fast_path.hpp"
#include "mapping_specs.hpp"
#include "random_json.hpp"
#include "riptide/json/document.hpp"
#include "riptide/transform/jq.hpp"
#include "riptide/transform/mapping.hpp"

// The fast path against the complete evaluator, on random mappings and records; and the mapper on broken pages.
namespace riptide::transform {
namespace {

using tests::Records;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  bool one_in(std::size_t odds) { return below(odds) == 0; }
  std::mt19937_64& engine() { return random_; }

  template <std::size_t kSize>
  std::string pick(const std::array<std::string_view, kSize>& choices) {
    return std::string(choices[below(kSize)]);
  }

  // Records: few keys, so that paths hit; every type everywhere, so that they also miss.

  std::string key() {
    return pick(std::array<std::string_view, 8>{R"("a")", R"("b")", R"("c")", R"("list")", R"("name")", R"("\u0061")",
                                                R"("na\u006de")", R"("long_key_over_8")"});
  }

  std::string scalar() {
    return pick(std::array<std::string_view, 34>{"null",
                                                 R"("2025-01-31")",
                                                 R"("2024-02-29T23:59:59Z")",
                                                 R"("2025-02-30T00:00:00Z")",
                                                 "1425599621",
                                                 "-86400.75",
                                                 "0.1",
                                                 R"(" pad\n")",
                                                 R"("\u001f\u007f<é>")",
                                                 "true",
                                                 "false",
                                                 "0",
                                                 "1",
                                                 "-1",
                                                 "12",
                                                 "1.50",
                                                 "1e2",
                                                 "-0",
                                                 "100000000000000000000",
                                                 "9007199254740993",
                                                 R"("")",
                                                 R"("a")",
                                                 R"("b")",
                                                 R"("x,y,z")",
                                                 R"("a/b/c/d")",
                                                 R"("tab\there")",
                                                 R"("q\"q")",
                                                 R"("\u0061bc")",
                                                 R"("caf\u00e9")",
                                                 R"("日本")",
                                                 R"("\ud800x")",
                                                 R"("back\\slash")",
                                                 R"("ABC")",
                                                 R"("3")"});
  }

  std::string value(int depth) {
    if (depth <= 0 || one_in(3)) return scalar();
    return one_in(3) ? object(depth - 1) : array(depth - 1);
  }

  std::string array(int depth) {
    std::string text = "[";
    const bool objects = one_in(2);
    for (std::size_t count = below(4), i = 0; i < count; ++i) {
      if (i != 0) text += one_in(4) ? " , " : ",";
      text += objects ? object(depth) : value(depth);
    }
    return text + "]";
  }

  std::string object(int depth) {
    std::string text = "{";
    for (std::size_t count = below(6), i = 0; i < count; ++i) {
      if (i != 0) text += ",";
      text += key();
      text += one_in(5) ? " : " : ":";
      text += value(depth);
    }
    return text + "}";
  }

  // Programs.

  /// Static storage, as an overlay's key must have.
  std::string_view static_name() {
    static constexpr std::array<std::string_view, 6> kNames = {"a", "b", "c", "list", "name", "long_key_over_8"};
    return kNames[below(kNames.size())];
  }
  std::string name() { return std::string(static_name()); }

  std::string literal() {
    return pick(std::array<std::string_view, 12>{"null", "true", "false", "0", "1", "-1", R"("")", R"("a")", R"("/")",
                                                 R"(",")", R"("q\"")", R"("é")"});
  }

  std::string path() {
    std::string text;
    for (std::size_t steps = 1 + below(3); steps > 0; --steps) {
      switch (below(6)) {
        case 0:
          text += ".[\"" + name() + "\"]";
          break;
        case 1:
          text += (text.empty() ? ".[" : "[") + std::to_string(below(3)) + "]";
          break;
        case 2:
          text += (text.empty() ? ".[-" : "[-") + std::to_string(1 + below(2)) + "]";
          break;
        default:
          text += "." + name();
          break;
      }
      if (one_in(6)) text += "?";
    }
    return text;
  }

  std::string function() {
    return pick(std::array<std::string_view, 78>{"not",
                                                 "tostring",
                                                 "length",
                                                 "type",
                                                 "ascii_downcase",
                                                 "ascii_upcase",
                                                 "first",
                                                 "last",
                                                 "add",
                                                 R"(startswith("a"))",
                                                 R"(endswith("c"))",
                                                 R"(ltrimstr("a"))",
                                                 R"(rtrimstr("c"))",
                                                 R"(split("/"))",
                                                 R"(split(","))",
                                                 R"(split("\t"))",
                                                 R"(join("-"))",
                                                 R"(contains("b"))",
                                                 R"(has("a"))",
                                                 ".[1:]",
                                                 ".[:2]",
                                                 ".[-2:-1]",
                                                 ".[0]",
                                                 "select(.)",
                                                 ".",
                                                 "keys",
                                                 "keys_unsorted",
                                                 "to_entries",
                                                 "from_entries",
                                                 "(to_entries | from_entries)",
                                                 "with_entries(select(.value))",
                                                 "with_entries(.key |= .)",
                                                 "map(.value?)",
                                                 "[.[]]",
                                                 "[.[]?]",
                                                 "[.[] | .a, .b]",
                                                 "map(.[])",
                                                 "map(.list[]?)",
                                                 "any",
                                                 "all",
                                                 "any(. == 1)",
                                                 "all(.a)",
                                                 "any(.[]; .a)",
                                                 "add(.[])",
                                                 "first(.[]?, 1)",
                                                 "sort",
                                                 "sort_by(.a)",
                                                 "group_by(.a)",
                                                 "unique",
                                                 "unique_by(.name)",
                                                 "min",
                                                 "max",
                                                 "min_by(.a)",
                                                 "max_by(.b)",
                                                 R"(IN("a", 1, null))",
                                                 "values",
                                                 "strings",
                                                 "[.[]? | numbers]",
                                                 "tonumber",
                                                 "floor",
                                                 "round",
                                                 "ceil",
                                                 "trim",
                                                 R"(test("a"))",
                                                 R"(test("A|Q"; "ix"))",
                                                 R"(gsub("a"; "b"))",
                                                 R"(gsub("[^a-c]+"; "-"))",
                                                 R"(gsub(""; "."))",
                                                 R"(gsub("é*"; "\""))",
                                                 R"(sub("\\W"; ""))",
                                                 R"(sub("B"; "x"; "gi"))",
                                                 R"(match("b+").string)",
                                                 R"((match(".{2}") | .offset, .length))",
                                                 "fromdate",
                                                 "todate",
                                                 R"((strptime("%Y-%m-%d") | mktime))",
                                                 R"(strftime("%A %d/%m \"%j\""))",
                                                 "(gmtime | mktime)"});
  }

  /// What only the evaluator does; it may be given a part of the record for it.
  std::string slow_function() {
    return pick(std::array<std::string_view, 26>{"explode",
                                                 "ltrimstr(.a)",
                                                 R"([scan("[a-c]")])",
                                                 R"re(capture("(?<x>[a-z])"))re",
                                                 "tojson",
                                                 "@base64",
                                                 "@json",
                                                 "[..]",
                                                 "del(.a)",
                                                 "[paths]",
                                                 "reduce .[]? as $x (0; . + 1)",
                                                 "[foreach .a[]? as $x (.b; . + $x; [., $x])]",
                                                 "(try error catch .)",
                                                 "[.[]?]",
                                                 "[limit(1; .[]?)]",
                                                 "(. as {a: $z} | $z)",
                                                 "(. as [$y, {b: $z}] | $z)",
                                                 "flatten",
                                                 "min",
                                                 "(.a |= 1)",
                                                 "(.b = .a)",
                                                 R"(getpath(["a", "b"]))",
                                                 "error",
                                                 "first(.a, .b)",
                                                 "(.a? // .name)",
                                                 "(label $out | .a, break $out)"});
  }

  std::string expression(int depth) {
    if (depth <= 0) return one_in(3) ? literal() : path();
    const auto sub = [&] { return "(" + expression(depth - 1) + ")"; };
    switch (below(28)) {
      case 22:
        return sub() + pick(std::array<std::string_view, 4>{" - ", " * ", " / ", " + "}) + sub();
      case 23:
        return "[" + path() + "[]? | " + expression(depth - 1) + ", " + path() + "[]]";
      case 24:
        return "(" + path() + "[] | " + expression(depth - 1) + ") // " + sub();
      case 25:
        return "[" + path() + "[]" + pick(std::array<std::string_view, 3>{" + ", " - ", " == "}) + sub() + "]";
      case 26:
        return pick(std::array<std::string_view, 2>{"any(", "all("}) + path() + "[]; " + expression(depth - 1) + ")";
      case 27:
        return path() + " | " +
               pick(std::array<std::string_view, 5>{"sort_by(", "group_by(", "unique_by(", "max_by(", "map("}) +
               expression(depth - 1) + ")";
      case 0:
      case 1:
        return path();
      case 2:
        return sub() + " + " + sub();
      case 3:
        return sub() + " + \"-\" + " + sub();
      case 4:
        return sub() + " // " + sub();
      case 5:
        return sub() + pick(std::array<std::string_view, 6>{" == ", " != ", " < ", " <= ", " > ", " >= "}) + sub();
      case 6:
        return sub() + (one_in(2) ? " and " : " or ") + sub();
      case 7:
        return "if " + expression(depth - 1) + " then " + expression(depth - 1) + " else " + expression(depth - 1) +
               " end";
      case 8:
        return "\"x\\(" + expression(depth - 1) + ")y\\(" + expression(depth - 1) + ")\"";
      case 9:
        return "{a: " + sub() + ", \"b c\": " + sub() + ", name}";
      case 10:
        return "[" + sub() + ", " + sub() + "]";
      case 11:
        return path() + " | map(" + expression(depth - 1) + ")";
      case 12:
        return "[" + path() + "[] | " + expression(depth - 1) + "]";
      case 13:
        return "select(" + expression(depth - 1) + ") | " + sub();
      case 14:
        return path() + " as $x | " + sub() + " + $x";
      case 15:
        return sub() + " as $x | [$x, " + sub() + "]";
      case 16:
        return "first(" + path() + "[] | " + expression(depth - 1) + ")";
      case 17:
        return path() + "[]? | " + expression(depth - 1);
      case 18:
      case 19:
        return sub() + " | " + slow_function();
      default:
        return sub() + " | " + function();
    }
  }

 private:
  std::mt19937_64 random_;
};

/// The same expression, in a form that the fast path does not take.
std::string slow(const std::string& expression) { return "(def f: .; f) | " + expression; }

std::vector<ExpressionSpec*> expressions_of(ResourceSpec& resource) {
  std::vector<ExpressionSpec*> all = {&resource.selector};
  if (resource.items_to_parse) all.push_back(&*resource.items_to_parse);
  for (EntitySpec& entity : resource.entities) {
    all.push_back(&std::get<ExpressionSpec>(*entity.identifier));
    all.push_back(&std::get<ExpressionSpec>(*entity.blueprint));
    for (auto& [name, value] : entity.properties) all.push_back(&std::get<ExpressionSpec>(value));
  }
  return all;
}

/// What a mapping makes of a page: entities as canonical JSON (numbers as jq prints them), faults, and how often each
/// field failed. Expressions and texts of errors are left out.
std::string outcome(const MappingSpec& spec, const Records& records) {
  auto mapping = Mapping::compile(spec, {});
  if (!mapping) return "does not compile";
  Mapper mapper(*mapping);
  MappedPage mapped;
  mapper.map(0, records.page, records.set, mapped);
  std::string text;
  jq::Evaluator evaluator;
  for (const pipeline::Entity& entity : mapped.entities.entities) {
    if (!evaluator.load(mapped.entities.json(entity))) text += "NOT JSON: " + std::string(mapped.entities.json(entity));
    evaluator.input().append_json(text);
    text += '\n';
  }
  for (const MappingFault& fault : mapped.faults) {
    text += (fault.kind == MappingFault::Kind::kInvalid ? "invalid " : "unreadable ") + std::to_string(fault.record) +
            ' ' + fault.message + '\n';
  }
  for (const Misconfigured& field : mapped.misconfigured) {
    text += std::string(field.field) + ' ' + std::to_string(field.count) + ' ' + field.example + '\n';
  }
  for (const auto& [index, counts] : mapped.counts) {
    text += std::to_string(counts.read) + ' ' + std::to_string(counts.filtered) + ' ' + std::to_string(counts.invalid) +
            '\n';
  }
  return text;
}

TEST(FastPathProperty, MakesWhatTheEvaluatorMakes) {
  Generator generate(tests::test_seed("MakesWhatTheEvaluatorMakes"));
  std::uint64_t expressions = 0;
  std::uint64_t closures = 0;
  std::uint64_t programs = 0;
  const int rounds = tests::repetitions(1000);
  for (int round = rounds; round > 0; --round) {
    const bool items = generate.one_in(3);
    ResourceSpec plain = tests::resource(generate.one_in(2) ? "\"i\"" : generate.expression(1), {},
                                         generate.one_in(2) ? "true" : generate.path() + " != null");
    if (items) {
      static constexpr std::array<std::string_view, 8> kLists = {
          ".list", ".a.list", ".b // []", ".list | map(select(.a))", ".a", ".c | [.[] | .b]", ".list[0].a", ".name"};
      plain.items_to_parse = tests::expression("itemsToParse", generate.pick(kLists));
      plain.item_top_level_transform = !generate.one_in(3);
      plain.item_name = generate.one_in(2) ? "item" : generate.name();
    }
    for (int field = 0; field < 5; ++field) {
      std::string text = generate.expression(3);
      if (items && generate.one_in(2)) text = ".item | " + text;
      ++programs;
      plain.entities[0].properties.emplace_back("p" + std::to_string(field),
                                                tests::expression("properties.p" + std::to_string(field), text));
    }
    ResourceSpec evaluated = plain;
    for (ExpressionSpec* expression : expressions_of(evaluated)) {
      // The path that is taken out of the record is told from the text of the list.
      expression->text =
          expression->path == "itemsToParse" ? expression->text + " | (def f: .; f)" : slow(expression->text);
    }
    std::vector<std::string> json;
    for (int record = 0; record < 6; ++record) json.push_back(generate.object(4));
    Records records = tests::records_of(json);
    if (generate.one_in(3)) {
      records.set.overlay("a", generate.value(3));
      records.set.overlay("__url", generate.scalar());
    }
    std::string program;
    for (const ExpressionSpec* expression : expressions_of(plain)) {
      program += expression->text + '\n';
      const auto compiled = jq::Program::compile(expression->text);
      ASSERT_TRUE(compiled) << expression->text;
      fast::Plan plan;
      ++expressions;
      if (plan.compile((*compiled)->syntax(), {}) != fast::kNoClosure) ++closures;
    }
    ASSERT_EQ(outcome(tests::mapping_of(plain), records), outcome(tests::mapping_of(evaluated), records))
        << program << records.page->view() << '\n'
        << records.set.overlay_bytes;
  }
  std::cout << "compared " << programs << " random programs on 6 random records each; of " << expressions
            << " expressions " << closures << " were for the fast path\n";
  EXPECT_GE(programs, static_cast<std::uint64_t>(rounds) * 5) << "5,000 a quick run, 100,000 a soak";
  EXPECT_GT(closures * 10, expressions * 5) << "most expressions must be for the fast path, or nothing is compared";
}

/// The lines of a corpus file, each with padding behind it; none where no corpus is at hand.
std::vector<std::string> corpus_lines(const std::string& file) {
  const char* const named = std::getenv("RIPTIDE_CORPUS");
  const std::string folder = named != nullptr && *named != '\0' ? named : RIPTIDE_SOURCE_DIR "/../shared/corpus";
  std::ifstream in(folder + "/" + file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line + std::string(json::Document::kPadding, ' '));
  return lines;
}

std::string member_of(json::Document& document, std::string_view line, std::string_view key) {
  const auto root = document.index(line.substr(0, line.size() - json::Document::kPadding));
  if (!root) return {};
  const auto found = document.find(*root, key);
  if (!found || !found->has_value()) return {};
  const auto raw = document.raw(**found);
  return raw ? std::string(*raw) : std::string();
}

TEST(FastPathProperty, MakesWhatTheEvaluatorMakesOfTheCorpus) {
  const std::vector<std::string> expressions = corpus_lines("expressions.ndjson");
  const std::vector<std::string> lines = corpus_lines("payloads.ndjson");
  if (expressions.empty() || lines.empty()) {
    GTEST_SKIP() << "no corpus: set RIPTIDE_CORPUS to the folder with expressions.ndjson to run this";
  }
  json::Document document;
  std::vector<std::pair<std::string, std::string>> payloads;  // where from, and the payload
  for (const std::string& line : lines)
    payloads.emplace_back(member_of(document, line, "from"), member_of(document, line, "payload"));
  int compiled = 0;
  for (std::size_t number = 0; number < expressions.size(); ++number) {
    const auto text = json::decoded(member_of(document, expressions[number], "jq"));
    const std::string from = member_of(document, expressions[number], "from");
    ASSERT_TRUE(text);
    std::vector<std::string> json;
    for (const auto& [source, payload] : payloads) {
      if (payload.starts_with('{') && json.size() < 12 && from.find(source) != std::string::npos)
        json.push_back(payload);
    }
    for (std::size_t step = 0; step < 4; ++step)
      json.push_back(payloads[(number * 7 + step * 101) % payloads.size()].second);
    const Records records = tests::records_of(json);
    const auto plain = tests::mapping_of(tests::resource("\"i\"", {{"p", *text}}));
    if (outcome(plain, records) == "does not compile") continue;
    ++compiled;
    const auto evaluated = tests::mapping_of(tests::resource("\"i\"", {{"p", slow("(" + *text + "\n)")}}));
    EXPECT_EQ(outcome(plain, records), outcome(evaluated, records)) << *text;
  }
  EXPECT_GT(compiled, 1000);
}

TEST(MapperProperty, BrokenPagesNeverCrashAndAlwaysAddUp) {
  Generator generate(tests::test_seed("BrokenPagesNeverCrashAndAlwaysAddUp"));
  std::uint64_t entities = 0;
  std::uint64_t faults = 0;
  for (int round = tests::repetitions(300); round > 0; --round) {
    ResourceSpec spec =
        tests::resource(generate.path(), {{"p", generate.expression(2)}, {"whole", "."}, {"list", ".list | map(.a)"}},
                        generate.one_in(2) ? "true" : ".a != 1");
    spec.entities.push_back(spec.entities[0]);
    if (generate.one_in(3)) {
      spec.items_to_parse = tests::expression("itemsToParse", ".list");
      spec.entities[0].identifier = tests::expression("identifier", ".item.a // .item");
    }
    auto mapping = Mapping::compile(tests::mapping_of(spec), {});
    ASSERT_TRUE(mapping) << mapping.error().message;
    Mapper mapper(*mapping);
    MappedPage mapped;
    for (int page = 0; page < 4; ++page) {
      std::vector<std::string> json;
      for (int record = 0; record < 5; ++record) json.push_back(generate.object(4));
      Records records = tests::records_of(json);
      // Spans stay as they were while the bytes under them change.
      std::string body = tests::mutated(generate.engine(), std::string(records.page->view()));
      body.resize(std::max(body.size(), records.page->size()), ' ');
      records.page = pipeline::make_page(body);
      if (generate.one_in(4)) {
        for (pipeline::RecordSpan& span : records.set.spans) {
          span.begin = static_cast<std::uint32_t>(generate.below(body.size()));
          span.length = static_cast<std::uint32_t>(generate.below(body.size() - span.begin + 1));
        }
      }
      if (generate.one_in(3))
        records.set.overlay(generate.static_name(), tests::mutated(generate.engine(), generate.value(2)));
      mapper.map(0, records.page, records.set, mapped);
    }
    ASSERT_EQ(mapped.counts.size(), 1u);
    const MappedPage::Counts& counts = mapped.counts[0].second;
    EXPECT_EQ(counts.read, counts.filtered + counts.invalid + mapped.entities.entities.size());
    EXPECT_EQ(counts.invalid, mapped.faults.size());
    if (!spec.items_to_parse) {
      EXPECT_EQ(counts.read, 4u * 5u * 2u);
    }
    entities += mapped.entities.entities.size();
    faults += mapped.faults.size();
    std::uint64_t end = 0;
    json::Document document;
    for (const pipeline::Entity& entity : mapped.entities.entities) {
      EXPECT_EQ(entity.begin, end);
      end = entity.begin + entity.length;
      const tests::Padded padded(mapped.entities.json(entity));
      ASSERT_TRUE(document.index(padded.view())) << padded.view();
      EXPECT_TRUE(document.check()) << padded.view();
    }
    EXPECT_EQ(end, mapped.entities.bytes.size());
  }
  EXPECT_GT(entities, 50u);
  EXPECT_GT(faults, 300u);
}

}  // namespace
}  // namespace riptide::transform

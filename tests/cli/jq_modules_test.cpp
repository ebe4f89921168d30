// Modules of `riptide jq`: where they are looked for, what they see, what of them is seen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "jq_in_process.hpp"
#include "riptide/cli/jq_modules.hpp"

namespace riptide::cli {
namespace {

using ::testing::HasSubstr;

const std::string kFolder = RIPTIDE_SOURCE_DIR "/tests/cli/modules";

JqRun with_modules(const std::string& program) {
  return jq_run({"-nc", "-L", kFolder, "--arg", "named", "given", program});
}

TEST(JqModules, BringTheirNamesIn) {
  const std::pair<const char*, const char*> cases[] = {
      {"import \"a\" as foo; import \"b\" as bar; def fooa: foo::a; [fooa, bar::a, bar::b, foo::a]",
       "[\"a\",\"b\",\"c\",\"a\"]"},
      {"include \"c\"; [a, c]", "[0,\"acmehbah\"]"},
      {"import \"data\" as $d; [$d[].this, $d::d[].that]", "[\"is a test\",\"is too\"]"},
      {"import \"values\" as $v; $v", "[1,[2],\"three\"]"},
      {"import \"values\" as $v {raw: true}; $v", "\"1 [2]\\n\\\"three\\\"\\n\""},
      // The last one of a name counts, in a module and among modules; the program's own comes after all of them.
      {"include \"shadow1\"; e", "2"},
      {"include \"shadow1\"; include \"shadow2\"; e", "3"},
      {"include \"shadow2\"; include \"shadow1\"; e", "2"},
      {"include \"shadow1\"; def e: 4; e", "4"},
      {"import \"shadow1\" as f; import \"shadow2\" as f; import \"shadow1\" as e; [e::e, f::e]", "[2,3]"},
      {"import \"test_bind_order\" as check; check::check", "true"},
      {"import \"globals\" as g; [g::named, g::twice, g::place.line]", "[\"given\",2,3]"},
      {"import \"globals\" as g; g::place.file | endswith(\"/globals.jq\")", "true"},
      {"import \"nosuch\" as x {optional: true}; 1", "1"},
      {"module {name: \"mine\"}; 1", "1"},
      {"import \"f\" as f {search: [\"/nowhere\", \"" RIPTIDE_SOURCE_DIR "/tests/cli/modules/lib/jq\"]}; f::f",
       "\"f\""},
      {"get_search_list", "[\"" RIPTIDE_SOURCE_DIR "/tests/cli/modules\"]"},
      {"\"a\" | modulemeta", "{\"deps\":[],\"defs\":[\"a/0\"]}"},
      {"\"c\" | modulemeta | [.whatever, .defs, .deps[1], .deps[5]]",
       "[null,[\"a/0\",\"c/0\"],{\"search\":\"./\",\"as\":\"d\",\"is_data\":false,\"relpath\":\"d\"},"
       "{\"as\":\"d\",\"is_data\":true,\"relpath\":\"data\"}]"},
      {"\"shadow1\" | modulemeta.defs", "[\"e/0\"]"},
      {"\"syntaxerror\" | modulemeta", "null"},
      {"try (\"nosuch\" | modulemeta) catch .", "\"module not found: nosuch\""},
      {"try (1 | modulemeta) catch .", "\"modulemeta input module name must be a string\""},
      // As in jq, names count in functions that are called.
      {"import \"outside\" as o; o::g", "1"},
      {"def f: outside; def g: f; 1", "1"},
  };
  for (const auto& [program, output] : cases) {
    const JqRun run = with_modules(program);
    EXPECT_EQ(run.out, std::string(output) + "\n") << program << "\n" << run.err;
    EXPECT_EQ(run.code, 0) << program;
  }
}

TEST(JqModules, SaysWhatIsWrongAndInWhichFile) {
  const std::pair<const char*, const char*> cases[] = {
      {"import \"nosuch\" as x; 1", "module not found: nosuch at line 1, column 1"},
      {"import \"a/../b\" as x; 1", "may not traverse to parent directories (a/../b)"},
      {"import \"b/b\" as x; 1", "must not have equal consecutive components: b/b"},
      {"import \"a\\\\b\" as x; 1", "must be named by relative paths using '/'"},
      {"import \"syntaxerror\" as e; .", "syntaxerror.jq, line 1, column 1"},
      {"import \"circle\" as c; c::f", "circular import of " RIPTIDE_SOURCE_DIR "/tests/cli/modules/circle.jq"},
      {"import \"outside\" as o; o::f", "unknown function 'outside'"},
      {"import \"outside\" as o; o::f", "/outside.jq, line 1, column 8"},
      {"import \"a\" as a; a", "unknown function 'a'"},
      {"import \"a\" as $d; 1", "module not found: a"},
      {"import \"a\" as a {x: now}; 1", "must be constant"},
      {"include \"a\" []; 1", "must be an object"},
      {"module 1; 1", "must be an object"},
      {"include \"a\\(1)\"; 1", "must be constant"},
      {"import \"a\"; 1", "expecting 'as'"},
      {"1 | import \"a\" as a; 1", "unexpected 'import'"},
      {"def f: outside; f", "unknown function 'outside'"},
      {"def f: {(1): 2}; 1", "as object key"},
  };
  for (const auto& [program, message] : cases) {
    const JqRun run = with_modules(program);
    EXPECT_EQ(run.code, 3) << program << "\n" << run.out;
    EXPECT_THAT(run.err, HasSubstr(message)) << program;
  }
}

TEST(JqModules, AreLookedForWhereTheFlagsSay) {
  const std::string program = "import \"a\" as a; a::a";
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{"-L", kFolder},
                                             {"-L" + kFolder},
                                             {"-nL", kFolder},
                                             {"--library-path", kFolder},
                                             {"-L", "/nowhere", "-L", kFolder}}) {
    std::vector<std::string> arguments = {"-n", program};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    EXPECT_EQ(jq_run(arguments).out, "\"a\"\n") << ::testing::PrintToString(flags);
  }
  EXPECT_EQ(jq_run({"-n", program}).code, 3);
  EXPECT_EQ(jq_run({"-n", "1", "-L"}).code, 2);
  EXPECT_EQ(jq_run({"-nc", "get_search_list"}).out, "[\"~/.jq\",\"$ORIGIN/../lib/jq\",\"$ORIGIN/../lib\"]\n");
}

TEST(JqModules, KnowsTheHomeOfItsUser) {
  const JqModules modules({.libraries = {}, .program_folder = ".", .home = kFolder + "/home", .origin = "/nowhere"});
  const auto always = modules.included_always();
  ASSERT_TRUE(always);
  EXPECT_THAT(always->text, HasSubstr("at_home"));
  EXPECT_FALSE(JqModules({.libraries = {}, .program_folder = ".", .home = kFolder, .origin = "/"}).included_always());
  EXPECT_FALSE(JqModules({.libraries = {}, .program_folder = ".", .home = "", .origin = "/"}).included_always());
  const auto found =
      modules.find({.path = "a", .search = std::vector<std::string>{"~/../"}, .is_data = false, .importer = ""});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->file, kFolder + "/a.jq");
}

// An included function may hide a builtin that the reader of inputs thinks it knows.
TEST(JqModules, IncludedNamesHideBuiltins) {
  EXPECT_EQ(jq_run({"-c", "-L", kFolder, "include \"hides\"; first"}, "{\"a\":1,\"b\":2}\n").out, "[\"a\",\"b\"]\n");
}

}  // namespace
}  // namespace riptide::cli

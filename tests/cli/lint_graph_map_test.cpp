#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "program_run.hpp"

namespace riptide::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kGood[] = R"(resources:
  - kind: project
    selector: {query: .IsDisabled == false}
    port:
      entity:
        mappings:
          identifier: .Id
          blueprint: '"octopusProject"'
          title: .Name
          properties:
            size: .Tags | length
)";

class Verbs : public ::testing::Test {
 protected:
  void SetUp() override { folder_.environment["OCEAN__INTEGRATION__TYPE"] = "octopus"; }
  ProgramFolder folder_;
};

TEST_F(Verbs, GraphDrawsWithoutContactOrFiles) {
  for (const auto& [format, begin] : {std::pair<std::string, std::string>{"mermaid", "---\ntitle"},
                                      {"dot", "digraph"},
                                      {"svg", "<svg"},
                                      {"json", "{\"title\""}}) {
    const ProgramRun run = folder_.run({"graph", "--format", format, "--sink", "sqlite:a.db", "--sink", "ndjson:b"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, AllOf(StartsWith(begin), HasSubstr("transform"), HasSubstr("(sqlite:a.db)"),
                               HasSubstr("(ndjson:b)"), HasSubstr("reconcile")));
  }
  EXPECT_THAT(folder_.files(), ElementsAre("stdin.txt"));
  EXPECT_EQ(folder_.run({"graph", "--kind", "nope"}).exit_code, 2);
  folder_.environment.clear();
  const ProgramRun untyped = folder_.run({"graph"});
  EXPECT_EQ(untyped.exit_code, 2);
  EXPECT_THAT(untyped.err, HasSubstr("OCEAN__INTEGRATION__TYPE"));
}

TEST_F(Verbs, LintChecksGraphFilesAndShowsNoSecret) {
  folder_.environment["TOKEN"] = "topsecret";
  folder_.write("graph.yml", R"(nodes:
  in: {type: generate, records: 10}
  keep: {type: filter, inputs: in, where: '.token == "${secret:TOKEN}" and'}
  out: {type: sqlite, inputs: keep, path: out.db}
)");
  const ProgramRun wrong = folder_.run({"lint", "graph.yml"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("graph.yml:3:"), HasSubstr("nodes.keep.where: does not compile"),
                               HasSubstr("graph.yml:4:31: nodes.out.inputs: sqlite takes entities"),
                               HasSubstr("2 errors"), Not(HasSubstr("topsecret"))));
  EXPECT_THAT(folder_.files(), Not(::testing::Contains("out.db")));
}

TEST_F(Verbs, LintListsEverythingThatSyncWouldUse) {
  const ProgramRun missing = folder_.run({"lint"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, AllOf(HasSubstr("OCTOPUS_API_KEY"), HasSubstr("SERVER_URL"), HasSubstr("2 errors")));
  folder_.environment["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "API-TOPSECRET";
  folder_.environment["OCEAN__INTEGRATION__CONFIG__SERVER_URL"] = "https://octopus.invalid";
  const ProgramRun good = folder_.run({"lint"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_THAT(good.err, AllOf(HasSubstr("0 errors, 0 warnings"), Not(HasSubstr("TOPSECRET"))));
  folder_.write("config.yaml", "riptide: {inFligth: 3}\n");
  const ProgramRun typo = folder_.run({"lint"});
  EXPECT_EQ(typo.exit_code, 0);
  EXPECT_THAT(typo.err, AllOf(HasSubstr("config.yaml:1:"), HasSubstr("did you mean OCEAN__RIPTIDE__IN_FLIGHT")));
}

TEST_F(Verbs, LintTellsMappingsAndConfigurationsApart) {
  folder_.write("good.yaml", kGood);
  folder_.write("bad.yaml",
                std::string(kGood) + "            broken: .Name | nosuch\n            paren: (.a\n  - kind: x\n");
  folder_.write("settings.yaml",
                "integration: {type: octopus, config: {pageSize: 0, octopusApiKey: '{{ from env K }}'}}\n");
  EXPECT_EQ(folder_.run({"lint", "good.yaml"}).exit_code, 0);
  const ProgramRun shape = folder_.run({"lint", "bad.yaml"});
  EXPECT_EQ(shape.exit_code, 2);
  EXPECT_THAT(shape.err,
              AllOf(HasSubstr("bad.yaml:14:"), HasSubstr("resources[1].selector"), HasSubstr("resources[1].port")));
  folder_.write("bad.yaml", std::string(kGood) + "            broken: .Name | nosuch\n            paren: (.a\n");
  const ProgramRun expressions = folder_.run({"lint", "bad.yaml", "settings.yaml", "missing.yaml"});
  EXPECT_EQ(expressions.exit_code, 2);
  EXPECT_THAT(expressions.err,
              AllOf(HasSubstr("bad.yaml:12:"), HasSubstr("nosuch"), HasSubstr("bad.yaml:13:"),
                    HasSubstr("settings.yaml:1:"), HasSubstr("PAGE_SIZE"), HasSubstr("K, which is not set"),
                    HasSubstr("missing.yaml: there is no such file")));
}

TEST_F(Verbs, LintChecksAMappingWithoutAType) {
  folder_.environment.clear();
  folder_.write("good.yaml", kGood);
  const ProgramRun run = folder_.run({"lint", "good.yaml"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(Verbs, MapGivesEntitiesAndDiagnostics) {
  folder_.write("mapping.yaml", kGood);
  const std::string input =
      "{\"Id\":\"P-1\",\"Name\":\"one\",\"IsDisabled\":false,\"Tags\":[1,2]}\n"
      "{\"Id\":\"P-2\",\"IsDisabled\":true}\n{\n \"Id\": null, \"Name\":\"x\", \"IsDisabled\":false }\n{oops}\n"
      "{\"Id\":\"P-5\",\"IsDisabled\":false}\n";
  const ProgramRun run = folder_.run({"map", "--mapping", "mapping.yaml", "--kind", "project"}, input);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.out,
            "{\"identifier\":\"P-1\",\"blueprint\":\"octopusProject\",\"title\":\"one\",\"properties\":{\"size\":2}}\n"
            "{\"identifier\":\"P-5\",\"blueprint\":\"octopusProject\",\"title\":null,\"properties\":{\"size\":0}}\n");
  EXPECT_THAT(
      run.err,
      AllOf(HasSubstr("{\"record\":3,\"problem\":\"invalid\",\"kind\":\"project\""),
            HasSubstr("{\"record\":4,\"problem\":\"malformed\""),
            HasSubstr("{\"record\":5,\"problem\":\"null\",\"kind\":\"project\",\"resource\":0,\"field\":\"title\"")));
}

TEST_F(Verbs, MapTakesAnArrayAndTheDefaultMapping) {
  folder_.environment.clear();
  folder_.write("input.json", "[{\"Id\":\"Spaces-1\",\"Name\":\"Default\"},\n {\"Id\":\"Spaces-2\",\"Name\":\"Two\"}]");
  const ProgramRun run = folder_.run({"map", "--type", "octopus", "--kind", "space", "--input", "input.json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 2);
  EXPECT_THAT(run.out, HasSubstr("\"blueprint\":\"octopusSpace\""));
  EXPECT_EQ(folder_.run({"map", "--type", "octopus", "--kind", "spaec"}).exit_code, 2);
  EXPECT_EQ(folder_.run({"map", "--type", "octopus", "--kind", "space", "--input", "none.json"}).exit_code, 2);
  EXPECT_EQ(folder_.run({"map", "--type", "octopus", "--kind", "space"}, "[{\"a\":1}, oops]").exit_code, 2);
}

}  // namespace
}  // namespace riptide::cli

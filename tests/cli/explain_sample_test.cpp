// What `map --explain` and `lint --sample` tell the author of a mapping.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "program_run.hpp"

namespace riptide::cli {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kMapping[] = R"(resources:
  - kind: project
    selector: {query: .IsDisabled == false}
    port:
      entity:
        mappings:
          identifier: .Id
          blueprint: '"octopusProject"'
          title: .Nmae
          properties:
            link: '"https://x" + .Links.Self'
            web: .Links.Wbe | capture("x")
)";

constexpr char kRecords[] = R"({"Id":"P-1","Name":"one","IsDisabled":false,"Links":{"Self":"/a","Web":"x"}}
{"Id":"P-2","Name":"two","IsDisabled":false,"Links":{"Self":7}}
{"Id":"P-3","Name":"three","IsDisabled":true,"Links":{}}
)";

class ExplainSample : public ::testing::Test {
 protected:
  void SetUp() override { folder_.write("mapping.yaml", kMapping); }

  ProgramRun map(std::vector<std::string> more, const std::string& input = kRecords) {
    std::vector<std::string> arguments = {"map", "--mapping", "mapping.yaml", "--kind", "project"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return folder_.run(arguments, input);
  }

  ProgramRun lint(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"lint", "mapping.yaml", "--sample", "records.ndjson"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return folder_.run(arguments);
  }

  ProgramFolder folder_;
};

TEST_F(ExplainSample, TheTableSaysHowEachFieldIsEvaluatedAndHowItWent) {
  const ProgramRun plain = map({});
  const ProgramRun run = map({"--explain"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.out, plain.out) << "entities stay on stdout as they are";
  EXPECT_THAT(run.err, HasSubstr("project (resource 0): 3 records; 5 of 6 expressions on the fast path\n"));
  EXPECT_THAT(run.err, ContainsRegex("time a record: [0-9.]+ (ns|us|ms) finding the paths, "));
  EXPECT_THAT(run.err, ContainsRegex("identifier +fast path +[0-9.]+ (ns|us|ms) +2 +0 +0  \\.Id\n"));
  EXPECT_THAT(run.err, ContainsRegex("selector.query +fast path +[0-9.]+ (ns|us|ms) +3 +0 +0  \\.IsDisabled"));
  EXPECT_THAT(run.err, ContainsRegex("title +fast path +[0-9.]+ (ns|us|ms) +2 +2 +0  \\.Nmae\n"));
  EXPECT_THAT(run.err, ContainsRegex("properties.web +evaluator +[0-9.]+ (ns|us|ms) +2 +0 +2  \\.Links.Wbe"));
  EXPECT_THAT(run.err, HasSubstr("uses capture(), which needs the evaluator\n"));
  EXPECT_THAT(run.err, HasSubstr("gave up on 1 of 2 values, for which the evaluator took over\n"));
  EXPECT_THAT(run.err, HasSubstr("failed, for example: null (null) cannot be matched, as it is not a string\n"));
  EXPECT_THAT(run.err, Not(HasSubstr("\"problem\""))) << "the table has the sums";
}

TEST_F(ExplainSample, MachinesGetALineEach) {
  const ProgramRun run = map({"--explain=json"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 7) << run.err;
  EXPECT_THAT(run.err, ContainsRegex("\\{\"explain\":\"resource\",\"kind\":\"project\",\"resource\":0,\"records\":3,"
                                     "\"walk_ns\":[0-9.]+,\"load_ns\":[0-9.]+\\}\n"));
  EXPECT_THAT(run.err,
              ContainsRegex("\"field\":\"properties.link\",\"expression\":\"[^\n]*\",\"line\":11,\"fast_path\":true,"
                            "\"evaluations\":2,\"by_evaluator\":1,\"ns\":[0-9.]+,\"null\":0,\"failed\":1,"
                            "\"example\":\"string [^\n]*cannot be added\"\\}\n"));
  EXPECT_THAT(run.err, HasSubstr("\"fast_path\":false,\"why\":\"uses capture(), which needs the evaluator\","
                                 "\"whole_record\":false"));
  const ProgramRun empty = map({"--explain=json"}, "");
  EXPECT_EQ(empty.exit_code, 0);
  EXPECT_THAT(empty.err, HasSubstr("\"records\":0,\"walk_ns\":0.0"));
}

TEST_F(ExplainSample, ProblemsOfRecordsAreStillTold) {
  const ProgramRun run = map({"--explain"}, std::string(kRecords) + "{oops}\n{\"Id\":null,\"IsDisabled\":false}\n");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, AllOf(HasSubstr("{\"record\":4,\"problem\":\"malformed\""),
                             HasSubstr("{\"record\":5,\"problem\":\"invalid\""), HasSubstr("4 records; 5 of 6")));
}

TEST_F(ExplainSample, MapReadsWhatIsNotUtf8AsAResyncDoes) {
  const ProgramRun run = map({}, "{\"Id\":\"P\xE9\",\"IsDisabled\":false,\"Links\":{\"Wbe\":\"x\"}}");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("\"identifier\":\"P\xEF\xBF\xBD\""));
}

TEST_F(ExplainSample, LintWarnsOfPathsThatNoRecordHas) {
  folder_.write("records.ndjson", kRecords);
  const ProgramRun run = lint();
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err, HasSubstr("mapping.yaml:9:18: warning: resources[0].port.entity.mappings.title: `.Nmae` never "
                                 "matched in 3 records; did you mean `.Name`?\n"));
  EXPECT_THAT(run.err, HasSubstr("mapping.yaml:12:24: warning: resources[0].port.entity.mappings.properties.web: "
                                 "`.Links.Wbe` never matched in 3 records; did you mean `.Links.Web`?\n"));
  EXPECT_THAT(run.err, HasSubstr("0 errors, 2 warnings"));
  folder_.write("records.ndjson", "[{\"Id\":1,\"IsDisabled\":1,\"Nmae\":null,\"Links\":null}]");
  const ProgramRun array = lint({"--kind", "project"});
  EXPECT_EQ(array.exit_code, 0);
  EXPECT_THAT(array.err, AllOf(HasSubstr("`.Links.Wbe` never matched in 1 record: `.Links` was always null"),
                               Not(HasSubstr("Nmae"))));
}

TEST_F(ExplainSample, LintNeedsASampleThatFitsTheMapping) {
  folder_.write("records.ndjson", kRecords);
  EXPECT_THAT(lint({"--kind", "projcet"}).err, HasSubstr("did you mean 'project'?"));
  EXPECT_EQ(lint({"--kind", "projcet"}).exit_code, 2);
  folder_.write("records.ndjson", "");
  EXPECT_EQ(lint().exit_code, 2);
  EXPECT_THAT(lint().err, HasSubstr("records.ndjson has no records"));
  folder_.write("records.ndjson", "{\"Id\":1}\n{oops}\n");
  const ProgramRun broken = lint();
  EXPECT_EQ(broken.exit_code, 0);
  EXPECT_THAT(broken.err, HasSubstr("1 of 2 records could not be looked at; record 2: "));
  folder_.write("records.ndjson", "[{\"Id\":1},");
  EXPECT_EQ(lint().exit_code, 2);
  EXPECT_EQ(folder_.run({"lint", "mapping.yaml", "--sample", "none.ndjson"}).exit_code, 2);
  folder_.write("records.ndjson", kRecords);
  folder_.write("two.yaml", std::string(kMapping) + std::string(kMapping).substr(std::string("resources:\n").size()));
  std::string second = folder_.read("two.yaml");
  second.replace(second.rfind("kind: project"), 13, "kind: machine");
  folder_.write("two.yaml", second);
  const ProgramRun two = folder_.run({"lint", "two.yaml", "--sample", "records.ndjson"});
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_THAT(two.err, HasSubstr("--kind: is needed with --sample: two.yaml has the kinds machine and project"));
  const ProgramRun both = folder_.run({"lint", "mapping.yaml", "two.yaml", "--sample", "records.ndjson"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("goes with one mapping at a time"));
}

TEST_F(ExplainSample, LintSaysErrorsOfExpressionsBeforeItLooksAtTheSample) {
  folder_.write("records.ndjson", kRecords);
  folder_.write("mapping.yaml", std::string(kMapping) + "            broken: .Name | ascii_uppercase\n");
  const ProgramRun run = lint();
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, AllOf(HasSubstr("mapping.yaml:13:"), HasSubstr("did you mean 'ascii_upcase'?"),
                             Not(HasSubstr("never matched"))));
}

}  // namespace
}  // namespace riptide::cli

// The engine against recorded outputs of jq 1.8.2 and against jq's own language tests, where a corpus is at hand:
// RIPTIDE_CORPUS names its folder, else ../shared/corpus beside the source tree is looked for; without it, skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "riptide/transform/jq.hpp"

namespace riptide::transform::jq {
namespace {

std::optional<std::filesystem::path> corpus() {
  if (const char* named = std::getenv("RIPTIDE_CORPUS"); named != nullptr && *named != '\0') return named;
  const std::filesystem::path beside = std::filesystem::path(RIPTIDE_SOURCE_DIR) / ".." / "shared" / "corpus";
  if (std::filesystem::exists(beside)) return beside;
  return std::nullopt;
}

#define RIPTIDE_NEED_CORPUS(folder) \
  const auto folder = corpus();     \
  if (!folder) GTEST_SKIP() << "no corpus: set RIPTIDE_CORPUS to the folder with cases.ndjson.gz to run this"

// Structure for structure; numbers by value (NaN equals null, which it is printed as).
bool same(ValueRef a, ValueRef b) {
  if (a.type() == Type::kNumber && b.type() == Type::kNumber) {
    const double x = a.number();
    const double y = b.number();
    return x == y || std::fabs(x - y) <= 1e-15 * std::fabs(y) || (std::isnan(x) && std::isnan(y)) ||
           (std::isinf(x) && std::fabs(y) > 1.797e308 && (x > 0) == (y > 0));
  }
  if (a.type() == Type::kNumber && b.type() == Type::kNull) return std::isnan(a.number());
  if (a.type() != b.type()) return false;
  if (a.type() == Type::kString) return a.string() == b.string();
  if (a.type() == Type::kArray) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!same(a.element(i), b.element(i))) return false;
    }
    return true;
  }
  if (a.type() == Type::kObject) {
    if (a.size() != b.size()) return false;
    std::map<std::string, ValueRef, std::less<>> members;
    for (std::size_t i = 0; i < b.size(); ++i) members.emplace(b.entry(i).first, b.entry(i).second);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto [key, value] = a.entry(i);
      const auto found = members.find(key);
      if (found == members.end() || !same(value, found->second)) return false;
    }
  }
  return true;
}

std::string json(ValueRef value) {
  std::string text;
  value.append_json(text);
  return text;
}

// Collects differences so that one failure shows many.
class Differences {
 public:
  void add(const std::string& what) {
    ++count_;
    if (count_ <= 40) text_ << "\n  " << what;
  }
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  int count_ = 0;
  std::ostringstream text_;
};

bool read_gzip(const std::filesystem::path& path, std::string& text) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  std::vector<char> buffer(1 << 16);
  int got = 0;
  while ((got = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  gzclose(file);
  return got == 0;
}

TEST(JqCorpusTest, RecordedCasesComeOutAsJqWroteThem) {
  RIPTIDE_NEED_CORPUS(folder);
  std::string text;
  ASSERT_TRUE(read_gzip(*folder / "cases.ndjson.gz", text));
  constexpr std::size_t kRecordedOutputs = 20;
  std::map<std::string, std::shared_ptr<const Program>, std::less<>> programs;
  Evaluator reader;
  Evaluator evaluator;
  Differences differences;
  int cases = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    ++cases;
    ASSERT_TRUE(reader.load(line)) << line.substr(0, 200);
    const ValueRef test = reader.input();
    const std::string program_text(test.member("jq").string());
    auto found = programs.find(program_text);
    if (found == programs.end()) {
      auto compiled = Program::compile(program_text);
      if (!compiled && !test.member("compile_error").truthy()) {
        differences.add("does not compile: " + program_text + ": " + compiled.error().message);
      }
      found = programs.emplace(program_text, compiled ? *compiled : nullptr).first;
    }
    if (test.member("compile_error").truthy()) {
      if (found->second != nullptr) differences.add("compiles, but should not: " + program_text);
      continue;
    }
    if (found->second == nullptr) continue;
    const std::string input = json(test.member("input"));
    ASSERT_TRUE(evaluator.load(input));
    const ValueRef expected = test.member("outputs");
    std::size_t outputs = 0;
    std::string wrong;
    const Outcome outcome = evaluator.run(*found->second, [&](ValueRef output) {
      if (wrong.empty() && !same(output, expected.element(outputs))) {
        wrong = "output " + std::to_string(outputs) + " is " + json(output).substr(0, 300) + ", not " +
                json(expected.element(outputs)).substr(0, 300);
      }
      return ++outputs == kRecordedOutputs ? Next::kStop : Next::kContinue;
    });
    if (wrong.empty() && outputs != expected.size()) {
      wrong = std::to_string(outputs) + " outputs, not " + std::to_string(expected.size());
    }
    const bool error = !outcome.ok();
    if (wrong.empty() && outputs < kRecordedOutputs && error != test.member("error").truthy()) {
      wrong = error ? "error: " + outcome.message : "no error";
    }
    if (!wrong.empty()) differences.add(program_text + " on " + input.substr(0, 200) + ": " + wrong);
  }
  EXPECT_GT(cases, 10'000);
  EXPECT_EQ(differences.count(), 0) << differences.text();
}

struct Block {
  int line = 0;
  bool must_fail = false;
  std::string program;
  std::string input;
  std::vector<std::string> outputs;
};

std::vector<Block> read_blocks(const std::filesystem::path& path) {
  std::vector<Block> blocks;
  std::ifstream file(path);
  std::string line;
  int number = 0;
  const auto next = [&] {
    ++number;
    return static_cast<bool>(std::getline(file, line));
  };
  while (next()) {
    if (line.empty() || line[0] == '#') continue;
    Block block;
    block.line = number;
    if (line.starts_with("%%FAIL")) {
      block.must_fail = true;
      if (!next()) break;
      block.program = line;
      while (next() && !line.empty()) {
      }
      blocks.push_back(block);
      continue;
    }
    block.program = line;
    if (!next()) break;
    block.input = line;
    while (next() && !line.empty()) {
      if (line[0] != '#') block.outputs.push_back(line);
    }
    blocks.push_back(block);
  }
  return blocks;
}

class JqLanguageTest : public testing::TestWithParam<const char*> {};

TEST_P(JqLanguageTest, BlocksPass) {
  RIPTIDE_NEED_CORPUS(folder);
  const std::vector<Block> blocks = read_blocks(*folder / "jq-tests" / GetParam());
  ASSERT_FALSE(blocks.empty());
  Differences differences;
  int modules = 0;
  CompileOptions options;
  options.environment.emplace_back("PAGER", "less");
  options.host_functions = true;
  EvaluationLimits limits;
  limits.max_steps = 200'000'000;
  limits.max_memory_bytes = std::size_t{512} << 20;
  Evaluator evaluator(limits);
  Evaluator reader;
  for (const Block& block : blocks) {
    const std::string where = "line " + std::to_string(block.line) + ": " + block.program;
    auto program = Program::compile(block.program, options);
    if (block.must_fail) {
      if (program) differences.add(where + ": compiles, but should not");
      continue;
    }
    if (!program) {
      const bool module = program.error().message.find("without modules") != std::string::npos;
      if (module) ++modules;
      if (!module) differences.add(where + ": " + program.error().message);
      continue;
    }
    if (block.program.starts_with("modulemeta")) {
      ++modules;
      continue;
    }
    auto loaded = evaluator.load(block.input);
    if (!loaded) {
      differences.add(where + ": input: " + loaded.error().message);
      continue;
    }
    std::size_t outputs = 0;
    std::string wrong;
    const Outcome outcome = evaluator.run(**program, [&](ValueRef output) {
      if (outputs < block.outputs.size()) {
        EXPECT_TRUE(reader.load(block.outputs[outputs])) << where;
        if (wrong.empty() && !same(output, reader.input())) {
          wrong = "gives " + json(output).substr(0, 300) + ", not " + block.outputs[outputs];
        }
      }
      ++outputs;
      return Next::kContinue;
    });
    if (wrong.empty() && outputs != block.outputs.size()) {
      wrong =
          std::to_string(outputs) + " outputs, not " + std::to_string(block.outputs.size()) + "; " + outcome.message;
    }
    if (!wrong.empty()) differences.add(where + ": " + wrong);
  }
  EXPECT_LE(modules, 12);
  EXPECT_EQ(differences.count(), 0) << differences.text();
}

INSTANTIATE_TEST_SUITE_P(Files, JqLanguageTest, testing::Values("jq.test", "base64.test", "uri.test"));

}  // namespace
}  // namespace riptide::transform::jq

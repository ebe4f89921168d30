// jq's own tests of its language, each as `jq -c PROGRAM` on its input. RIPTIDE_CORPUS names the folder with jq-tests,
// else ../shared/corpus beside the source tree is looked for; without it, skipped.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "jq_in_process.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::cli {
namespace {

struct Block {
  std::string program, input;
  std::vector<std::string> outputs;
  bool fails = false;  // must not compile
  int line = 0;
};

std::vector<Block> blocks_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Block> blocks;
  std::vector<std::string> lines;
  bool fails = false;
  int number = 0, first = 0;
  std::string line;
  const auto end = [&] {
    if (fails && !lines.empty()) {
      blocks.push_back({lines[0], "null", {}, true, first});
    } else if (lines.size() >= 2) {
      blocks.push_back({lines[0], lines[1], {lines.begin() + 2, lines.end()}, false, first});
    }
    lines.clear();
    fails = false;
  };
  while (std::getline(file, line)) {
    ++number;
    if (line.empty()) {
      end();
    } else if (line.starts_with("%%FAIL")) {
      fails = true;
    } else if (!line.starts_with('#')) {
      if (lines.empty()) first = number;
      lines.push_back(line);
    }
  }
  end();
  return blocks;
}

bool same(const std::string& a, const std::string& b) {
  transform::jq::Evaluator evaluator;
  static const auto equal = transform::jq::Program::compile("length == 2 and .[0] == .[1]");
  std::size_t at = 0;
  const std::string both = a + "\n" + b;
  bool result = false;
  if (!evaluator.load_all(both, at)) return false;
  (void)evaluator.run(**equal, [&](transform::jq::ValueRef value) {
    result = value.truthy();
    return transform::jq::Next::kStop;
  });
  return result;
}

TEST(JqCorpusRun, PassesTheTestsOfJq) {
  const char* const named = std::getenv("RIPTIDE_CORPUS");
  const std::filesystem::path folder =
      std::filesystem::path(named != nullptr && *named != '\0' ? named : RIPTIDE_SOURCE_DIR "/../shared/corpus") /
      "jq-tests";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no corpus: set RIPTIDE_CORPUS to the folder with jq-tests to run this";
  }
  int passed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".test") continue;
    for (const Block& block : blocks_of(entry.path())) {
      const JqRun run = jq_run({"-c", "-L", RIPTIDE_SOURCE_DIR "/tests/cli/modules", "--", block.program}, block.input);
      const std::string where =
          entry.path().filename().string() + ":" + std::to_string(block.line) + ": " + block.program;
      if (block.fails) {
        EXPECT_EQ(run.code, 3) << where;
        passed += run.code == 3 ? 1 : 0;
        continue;
      }
      std::vector<std::string> outputs;
      for (std::size_t at = 0; at < run.out.size();) {
        const std::size_t end = run.out.find('\n', at);
        outputs.push_back(run.out.substr(at, end - at));
        at = end + 1;
      }
      bool good = outputs.size() == block.outputs.size();
      for (std::size_t i = 0; good && i < outputs.size(); ++i) {
        good = outputs[i] == block.outputs[i] || same(outputs[i], block.outputs[i]);
      }
      EXPECT_TRUE(good) << where << "\n" << run.out << run.err;
      passed += good ? 1 : 0;
    }
  }
  std::printf("%d blocks passed\n", passed);
  EXPECT_GT(passed, 0);
}

}  // namespace
}  // namespace riptide::cli

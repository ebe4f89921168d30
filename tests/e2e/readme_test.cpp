// The commands of README.md are run as they stand there.
//
// A fenced block right behind the line `<!-- test -->` is run by sh in a folder of its own; one behind
// `<!-- file: NAME -->` is written into that folder as NAME. All blocks of the README share the folder, in their order.
// `riptide` is the program of this build, and `https://NAME.octopus.app` stands for a made-up server.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>

#include "workspace.hpp"

namespace riptide::e2e {
namespace {

struct Block {
  std::size_t line = 0;  ///< Of the fence, from 1.
  std::string file;      ///< Where to write it; empty for a block to run.
  std::string text;
};

// The marked blocks. Throws std::runtime_error for a mark without a block.
std::vector<Block> marked_blocks(std::string_view markdown) {
  static const std::regex kFile(R"(\s*<!-- file: (\S+) -->\s*)");
  std::vector<Block> blocks;
  std::optional<Block> marked;
  bool inside = false;
  std::size_t number = 0;
  while (!markdown.empty()) {
    const std::size_t end = std::min(markdown.find('\n'), markdown.size());
    const std::string line(markdown.substr(0, end));
    markdown.remove_prefix(std::min(end + 1, markdown.size()));
    ++number;
    std::smatch match;
    if (inside) {
      if (line.starts_with("```")) {
        inside = false;
        blocks.push_back(*std::exchange(marked, std::nullopt));
      } else {
        marked->text += line + "\n";
      }
    } else if (marked && line.starts_with("```")) {
      inside = true;
      marked->line = number;
    } else if (marked && line.find_first_not_of(" \t") != std::string::npos) {
      throw std::runtime_error("README.md:" + std::to_string(number) + ": the mark above has no block behind it");
    } else if (line.find("<!-- test -->") != std::string::npos) {
      marked = Block{};
    } else if (std::regex_match(line, match, kFile)) {
      marked = Block{.file = match[1]};
    }
  }
  if (marked) throw std::runtime_error("README.md ends behind a mark");
  return blocks;
}

std::string with_server(std::string text, const std::string& url) {
  static const std::regex kServer(R"(https://[A-Za-z0-9-]+\.octopus\.app)");
  return std::regex_replace(text, kServer, url);
}

using ReadmeTest = Workspace;

TEST_F(ReadmeTest, MarkedBlocksAreFound) {
  const auto blocks = marked_blocks(
      "a\n<!-- test -->\n```sh\none\ntwo\n```\n```sh\nno\n```\n<!-- file: a.yaml -->\n\n```yaml\nx: 1\n```\n");
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].text, "one\ntwo\n");
  EXPECT_EQ(blocks[0].line, 3u);
  EXPECT_EQ(blocks[1].file, "a.yaml");
  EXPECT_EQ(blocks[1].text, "x: 1\n");
  EXPECT_THROW(marked_blocks("<!-- test -->\nno block\n"), std::runtime_error);
}

TEST_F(ReadmeTest, EveryMarkedCommandRuns) {
  std::ifstream file(RIPTIDE_README, std::ios::binary);
  if (!file) GTEST_SKIP() << "there is no README.md";
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  const auto blocks = marked_blocks(readme);
  ASSERT_FALSE(blocks.empty()) << "README.md marks no block to be run; write <!-- test --> above those that users copy";
  const auto server = serve({.spaces = 3, .total_records = 300});
  point_at(server->url());
  environment_["PATH"] = std::filesystem::path(riptide_path()).parent_path().string() + ":" + environment_["PATH"];
  for (const Block& block : blocks) {
    SCOPED_TRACE("README.md:" + std::to_string(block.line));
    if (!block.file.empty()) {
      write(block.file, with_server(block.text, server->url()));
      continue;
    }
    Command shell = command({});
    shell.arguments = {"/bin/sh", "-eu", "-c", with_server(block.text, server->url())};
    EXPECT_THAT(run(shell), ExitsWith(0));
  }
}

}  // namespace
}  // namespace riptide::e2e

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/cli/problem.hpp"
#include "riptide/cli/tree.hpp"

namespace riptide::cli {

/// Tests of a graph, as their file says them.
struct GraphTestFile {
  struct Test {
    std::string name;
    int line = 0;
    /// Records by source node and kind. A source that is not named has nothing to read.
    std::map<std::string, std::map<std::string, std::vector<std::string>>> given;  ///< JSON texts.
    std::map<std::string, std::vector<Tree>> items;                                ///< Expected, by node or output.
    std::map<std::string, std::uint64_t> counts;                                   ///< The same, only how many.
    struct ExpectedError {
      std::string node;
      std::string message;  ///< A part of it; empty is any.
      int line = 0;
    };
    std::vector<ExpectedError> errors;
    std::optional<int> exit_code;  ///< 0, or 1 where errors are expected.
  };
  std::string graph;  ///< The graph's file, as seen from here.
  std::vector<Test> tests;
};

/// Reads a file of tests. Files that it names lie beside it. Adds to `problems`; nothing if one is an error.
std::optional<GraphTestFile> read_graph_tests(std::string_view text, const std::string& origin,
                                              std::vector<Problem>& problems);

/// Whether an item has everything that is expected of it: members of objects that are not named may be anything,
/// everything else is equal; numbers are as numbers. If not, `why` says where.
[[nodiscard]] bool matches(const Tree& expected, const Tree& item, std::string& why);

/// What one test came to.
struct GraphTestResult {
  std::string name;
  double seconds = 0;
  std::vector<std::string> failures;  ///< Empty: it passed.
};

/// The results as JUnit XML, for whoever shows them.
std::string junit_xml(const std::string& suite, const std::vector<GraphTestResult>& results);

}  // namespace riptide::cli

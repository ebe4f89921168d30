#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/graph_test.hpp"
#include "riptide/cli/markup.hpp"
#include "riptide/cli/settings.hpp"
#include "riptide/cli/spelling.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;

class TestReader {
 public:
  TestReader(const std::string& origin, std::vector<Problem>& problems) : origin_(origin), problems_(problems) {}

  std::optional<GraphTestFile> read(std::string_view text) {
    auto tree = read_yaml_or_json(text, origin_, problems_);
    if (!tree) {
      problems_.push_back({Level::kError, origin_, 0, 0, "", tree.error().message});
      return std::nullopt;
    }
    if (tree->kind != Tree::Kind::kMap) {
      wrong(*tree, "", "tests are `graph:` with a graph's file, and `tests:` with a list");
      return std::nullopt;
    }
    only_known(*tree, "", {"graph", "tests"});
    const Tree* const graph = tree->find("graph");
    if (graph == nullptr || graph->kind != Tree::Kind::kString) {
      wrong(graph == nullptr ? *tree : *graph, "graph", "is required: the file of the graph to test");
    } else {
      file_.graph = beside(graph->text);
    }
    const Tree* const tests = tree->find("tests");
    if (tests == nullptr || tests->kind != Tree::Kind::kList || tests->items.empty()) {
      wrong(tests == nullptr ? *tree : *tests, "tests",
            "is required: a list of blocks with `name`, `given` and `expect`");
    } else {
      for (std::size_t i = 0; i < tests->items.size(); ++i) test(tests->items[i], fmt::format("tests[{}]", i));
    }
    if (any_error(problems_)) return std::nullopt;
    return std::move(file_);
  }

 private:
  void wrong(const Tree& at, const std::string& where, std::string message) {
    problems_.push_back({Level::kError, origin_, at.line, at.column, where, std::move(message)});
  }
  void only_known(const Tree& map, const std::string& where, const std::vector<std::string>& known) {
    for (const auto& [key, member] : map.members) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string hint = did_you_mean(key, known);
      wrong(member, where.empty() ? key : where + "." + key,
            "is not known here" + (hint.empty() ? ", only " + listed(known) : hint));
    }
  }
  [[nodiscard]] std::string beside(const std::string& path) const {
    const std::filesystem::path given(path);
    return given.is_absolute() ? path : (std::filesystem::path(origin_).parent_path() / given).string();
  }
  /// A member that must be a block, or is not there.
  const Tree* block(const Tree& map, const std::string& key, const std::string& where) {
    const Tree* const found = map.find(key);
    if (found == nullptr || found->kind == Tree::Kind::kMap) return found;
    wrong(*found, where + "." + key, fmt::format("must be a block, not {}", name_of(found->kind)));
    return nullptr;
  }

  void test(const Tree& map, const std::string& where) {
    if (map.kind != Tree::Kind::kMap) return wrong(map, where, "must be a block with `name`, `given` and `expect`");
    only_known(map, where, {"name", "given", "expect"});
    GraphTestFile::Test out;
    out.line = map.line;
    const Tree* const name = map.find("name");
    out.name = name != nullptr && name->scalar() ? python_text(*name) : fmt::format("test {}", file_.tests.size() + 1);
    if (const Tree* const given = block(map, "given", where)) {
      for (const auto& [source, kinds] : given->members) sources(source, kinds, where + ".given." + source, out);
    }
    if (const Tree* const expect = block(map, "expect", where)) {
      expected(*expect, where + ".expect", out);
    } else if (map.find("expect") == nullptr) {
      wrong(map, where + ".expect", "is required: what comes of it, with `items`, `counts`, `errors` or `exit_code`");
    }
    file_.tests.push_back(std::move(out));
  }

  void sources(const std::string& source, const Tree& kinds, const std::string& where, GraphTestFile::Test& out) {
    if (kinds.kind != Tree::Kind::kMap) {
      return wrong(kinds, where, "must be a block of kinds, each with a list of records or a file of them");
    }
    for (const auto& [kind, records] : kinds.members) {
      std::vector<std::string>& into = out.given[source][kind];
      if (records.kind == Tree::Kind::kList) {
        for (const Tree& record : records.items) into.push_back(to_json(record));
      } else if (records.kind == Tree::Kind::kString) {
        from_file(records, where + "." + kind, into);
      } else {
        wrong(records, where + "." + kind, "must be a list of records, or the name of a file with one a line");
      }
    }
  }

  void from_file(const Tree& given, const std::string& where, std::vector<std::string>& into) {
    auto text = read_file(beside(given.text));
    if (!text) return wrong(given, where, text.error().message);
    std::string_view rest = *text;
    for (int line = 1; !rest.empty(); ++line) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string one(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (one.find_first_not_of(" \t\r") == std::string::npos) continue;
      if (auto read = read_json(one, ""); !read) {
        return wrong(given, where, fmt::format("{}, line {}: {}", given.text, line, read.error().message));
      }
      into.push_back(one);
    }
  }

  void expected(const Tree& map, const std::string& where, GraphTestFile::Test& out) {
    only_known(map, where, {"items", "counts", "errors", "exit_code"});
    if (const Tree* const items = block(map, "items", where)) {
      for (const auto& [node, list] : items->members) {
        if (list.kind == Tree::Kind::kList) {
          out.items[node] = list.items;
        } else {
          wrong(list, where + ".items." + node, fmt::format("must be a list of items, not {}", name_of(list.kind)));
        }
      }
    }
    if (const Tree* const counts = block(map, "counts", where)) {
      for (const auto& [node, count] : counts->members) {
        const auto value = count.kind == Tree::Kind::kNumber ? parse_integer(count.text) : std::nullopt;
        if (value && *value >= 0) {
          out.counts[node] = static_cast<std::uint64_t>(*value);
        } else {
          wrong(count, where + ".counts." + node, "must be a whole number");
        }
      }
    }
    if (const Tree* const errors = map.find("errors")) error_list(*errors, where + ".errors", out);
    if (const Tree* const code = map.find("exit_code")) {
      const auto value = code->kind == Tree::Kind::kNumber ? parse_integer(code->text) : std::nullopt;
      if (value && *value >= 0 && *value <= 5) {
        out.exit_code = static_cast<int>(*value);
      } else {
        wrong(*code, where + ".exit_code", "must be an exit code of a run, 0 to 5");
      }
    }
  }

  void error_list(const Tree& errors, const std::string& where, GraphTestFile::Test& out) {
    if (errors.kind != Tree::Kind::kList)
      return wrong(errors, where, "must be a list of blocks with `node` and `message`");
    for (std::size_t i = 0; i < errors.items.size(); ++i) {
      const Tree& error = errors.items[i];
      const std::string here = fmt::format("{}[{}]", where, i);
      if (error.kind != Tree::Kind::kMap) {
        wrong(error, here, "must be a block with `node` and `message`");
        continue;
      }
      only_known(error, here, {"node", "message"});
      const Tree* const node = error.find("node");
      const Tree* const message = error.find("message");
      out.errors.push_back({node != nullptr && node->scalar() ? python_text(*node) : std::string(),
                            message != nullptr && message->scalar() ? python_text(*message) : std::string(),
                            error.line});
    }
  }

  const std::string& origin_;
  std::vector<Problem>& problems_;
  GraphTestFile file_;
};

bool match(const Tree& expected, const Tree& item, const std::string& where, std::string& why) {
  const auto differs = [&] {
    why = fmt::format("{}: expected {}, got {}", where.empty() ? "." : where, to_json(expected), to_json(item));
    return false;
  };
  if (expected.kind != item.kind) return differs();
  switch (expected.kind) {
    case Tree::Kind::kNull:
      return true;
    case Tree::Kind::kBool:
    case Tree::Kind::kString:
      return expected.text == item.text || differs();
    case Tree::Kind::kNumber: {
      const auto a = parse_number(expected.text);
      const auto b = parse_number(item.text);
      return expected.text == item.text || (a && b && *a == *b) || differs();
    }
    case Tree::Kind::kList: {
      if (expected.items.size() != item.items.size()) return differs();
      for (std::size_t i = 0; i < expected.items.size(); ++i) {
        if (!match(expected.items[i], item.items[i], fmt::format("{}[{}]", where, i), why)) return false;
      }
      return true;
    }
    case Tree::Kind::kMap: {
      for (const auto& [key, member] : expected.members) {
        const std::string here = where + "." + key;
        const Tree* const found = item.find(key);
        if (found == nullptr) {
          why = fmt::format("{}: expected {}, is not there", here, to_json(member));
          return false;
        }
        if (!match(member, *found, here, why)) return false;
      }
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<GraphTestFile> read_graph_tests(std::string_view text, const std::string& origin,
                                              std::vector<Problem>& problems) {
  return TestReader(origin, problems).read(text);
}

bool matches(const Tree& expected, const Tree& item, std::string& why) { return match(expected, item, "", why); }

std::string junit_xml(const std::string& suite, const std::vector<GraphTestResult>& results) {
  std::size_t failed = 0;
  double seconds = 0;
  for (const GraphTestResult& result : results) {
    failed += result.failures.empty() ? 0 : 1;
    seconds += result.seconds;
  }
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{0}\" failures=\"{1}\" time=\"{2:.3f}\">\n"
      "  <testsuite name=\"{3}\" tests=\"{0}\" failures=\"{1}\" time=\"{2:.3f}\">\n",
      results.size(), failed, seconds, xml_text(suite));
  for (const GraphTestResult& result : results) {
    out += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", xml_text(suite),
                       xml_text(result.name), result.seconds);
    if (result.failures.empty()) {
      out += "/>\n";
      continue;
    }
    out += ">\n";
    for (const std::string& failure : result.failures) {
      out += fmt::format("      <failure message=\"{}\">{}</failure>\n",
                         xml_text(std::string_view(failure).substr(0, failure.find('\n'))), xml_text(failure));
    }
    out += "    </testcase>\n";
  }
  return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace riptide::cli

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "riptide/cli/config_schema.hpp"
#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/graph_file.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/lint_sample.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/tree.hpp"
#include "riptide/cli/verbs.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;

class Lint {
 public:
  explicit Lint(const LintFlags& flags) : flags_(flags) {}

  int run() {
    sources_ = gather_sources(flags_.common.config, problems_);
    sources_.flags = settings_of(flags_.common);
    if (flags_.files.empty()) {
      whole();
    } else {
      for (const std::string& file : flags_.files) check_file(file);
    }
    if (!flags_.sample.empty() && !sampled_ && !any_error(problems_)) {
      problems_.push_back({Level::kError, "", 0, 0, "--sample", "there is no mapping to check with it"});
    }
    print_problems(problems_, terminal_);
    std::size_t errors = 0;
    for (const Problem& problem : problems_) errors += problem.level == Level::kError ? 1 : 0;
    terminal_.print(
        fmt::format("riptide: {} checked, {} errors, {} warnings", checked_, errors, problems_.size() - errors));
    return errors > 0 ? kExitUsage : kExitComplete;
  }

 private:
  void add(const std::vector<Problem>& problems) {
    problems_.insert(problems_.end(), problems.begin(), problems.end());
  }

  // What sync would use.
  void whole() {
    checked_ = "configuration, mapping and graph";
    const ConfigReading reading = read_config(sources_, {});
    add(reading.problems);
    if (find_integration_type(reading.config.type()) == nullptr) return;
    // What is missing was said; the rest is checked with placeholders.
    check_mapping({}, read_config(sources_, {.source = ConfigNeeds::Missing::kPlaceholder}).config);
  }

  void check_mapping(const std::string& file, const Config& config) {
    SyncFlags sync;
    sync.mapping = file;
    if (!file.empty()) sync.sinks = {"null"};
    std::vector<Problem> problems;
    describe_resync(sync, config, problems);
    add(problems);
    if (flags_.sample.empty() || any_error(problems)) return;
    // Standard input can be read only once.
    if (std::exchange(sampled_, true)) {
      problems_.push_back({Level::kError, file, 0, 0, "--sample", "goes with one mapping at a time"});
      return;
    }
    std::vector<Problem> said;  // its own problems were told above
    const std::optional<MappingText> text = file.empty() ? default_mapping(config) : mapping_file(file, said);
    const auto mapping = text ? compile_mapping(*text, config, said) : nullptr;
    if (mapping != nullptr) add(check_sample(mapping, text->origin, flags_.sample, flags_.kind));
  }

  // Graphs have `nodes`, configuration files have settings at the top, mappings have `resources`.
  void check_file(const std::string& file) {
    checked_ += (checked_.empty() ? "" : ", ") + file;
    auto text = read_file(file);
    if (!text) {
      problems_.push_back({Level::kError, file, 0, 0, "", text.error().message});
      return;
    }
    std::vector<Problem> ignored;
    const auto tree = read_yaml_or_json(*text, file, ignored);
    if (tree && is_graph_file(*tree)) {
      const GraphFileReading reading = read_graph_file(*text, file, variables_of(sources_));
      terminal_.hide(reading.graph.secrets);
      add(reading.problems);
      return;
    }
    const bool settings =
        tree &&
        (tree->find("integration") != nullptr || tree->find("port") != nullptr || tree->find("riptide") != nullptr) &&
        tree->find("resources") == nullptr;
    if (settings) {
      ConfigSources sources = sources_;
      sources.file = *text;
      sources.file_name = file;
      const std::vector<Problem> found = read_config(sources, {.source = ConfigNeeds::Missing::kWarning}).problems;
      add(found);
      if (!any_error(found)) check_source(read_config(sources, {.source = ConfigNeeds::Missing::kPlaceholder}).config);
      return;
    }
    const ConfigReading reading = read_config(sources_, {.type = false, .source = ConfigNeeds::Missing::kPlaceholder});
    check_mapping(file, reading.config);
  }

  // What the source itself says of its settings. Credentials may be left to the environment: a warning.
  void check_source(const Config& config) {
    const IntegrationType* const type = find_integration_type(config.type());
    if (type == nullptr) return;
    const auto source = type->make_source(config);
    if (source) return;
    Problem problem = source_problem(config, source.error());
    const bool of_block = std::any_of(type->settings.begin(), type->settings.end(), [&](const Setting& setting) {
      const std::string yaml = yaml_key_of(setting.key);
      return setting.type == SettingType::kJson && config.given(setting.key) &&
             problem.message.find(yaml.substr(yaml.rfind('.') + 1)) != std::string::npos;
    });
    if (!of_block) problem.level = Level::kWarning;
    problems_.push_back(std::move(problem));
  }

  const LintFlags& flags_;
  Terminal terminal_{2};
  ConfigSources sources_;
  std::vector<Problem> problems_;
  std::string checked_;
  bool sampled_ = false;
};

}  // namespace

int run_lint(const LintFlags& flags) {
  if (flags.schema.empty()) return Lint(flags).run();
  const auto colon = flags.schema.find(':');
  const std::string type = colon == std::string::npos ? "" : flags.schema.substr(colon + 1);
  if (colon != std::string::npos && find_integration_type(type) == nullptr) {
    std::vector<std::string> known;
    for (const IntegrationType& one : integration_types()) known.emplace_back(one.name);
    Terminal(2).print("riptide: --schema: there is no integration type '" + type + "', only " + listed(known) +
                      did_you_mean(type, known));
    return kExitUsage;
  }
  std::fputs((flags.schema == "config" ? config_schema() : mapping_schema(type)).c_str(), stdout);
  return kExitComplete;
}

}  // namespace riptide::cli

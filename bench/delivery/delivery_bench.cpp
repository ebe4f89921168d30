// What remembering costs: the same resync from the made-up server without memory, with digests of what the target
// confirmed, and with the journal too, in turn; CPU of the resync's process alone, answers checked.
//
// usage: delivery_bench [ENTITIES [REPEATS]]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "loopback_catalogue.hpp"
#include "riptide/cli/child_process.hpp"
#include "riptide/cli/heap.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/journal_wiring.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/pipeline/run_id.hpp"
#include "riptide/stages/http_client.hpp"
#include "riptide/stages/resync.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kSpaces = 20;

enum class Memory { kNone, kDigests, kDigestsAndJournal };

/// One way to run it.
struct Way {
  std::string name;
  std::string sink;
  Memory memory = Memory::kNone;
  bool again = false;  ///< After the way before it, with the same target and memory.
};

struct Measure {
  double cpu_seconds = 0;
  double diff_seconds = 0;  ///< That the diff's node was busy.
};

[[noreturn]] void fail(const std::string& what) {
  fmt::print(stderr, "delivery_bench: {}\n", what);
  std::exit(1);
}

template <typename Result>
auto checked(Result result) {
  if (!result) fail(result.error().message);
  return std::move(*result);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

class Bench {
 public:
  Bench(std::size_t entities, std::size_t repeats) : entities_(entities), repeats_(repeats) {}

  int run() {
    source_ =
        checked(cli::OctopusProcess::start({"--spaces", std::to_string(kSpaces), "--records", std::to_string(entities_),
                                            "--record-bytes", "2000", "--max-take", "100", "--seed", "1"}));
    const std::vector<Way> ways = {{"port", "port", Memory::kNone},
                                   {"port, digests", "port", Memory::kDigests},
                                   {"port, digests, again", "port", Memory::kDigests, true},
                                   {"port, digests, journal", "port", Memory::kDigestsAndJournal},
                                   {"sqlite", "sqlite", Memory::kNone},
                                   {"sqlite, journal", "sqlite", Memory::kDigestsAndJournal}};
    for (std::size_t round = 0; round < repeats_; ++round) {
      for (const Way& way : ways) {  // in turn, so that what slows the machine slows all of them
        const Measure measure = measure_one(way);
        fmt::print(
            "{{\"bench\":\"remembering\",\"way\":\"{}\",\"entities\":{},\"round\":{},\"cpu_seconds\":{:.3f},"
            "\"cpu_us_per_record\":{:.3f},\"diff_seconds\":{:.3f}}}\n",
            way.name, entities_, round, measure.cpu_seconds, measure.cpu_seconds * 1e6 / static_cast<double>(entities_),
            measure.diff_seconds);
        std::fflush(stdout);
        measures_[way.name].push_back(measure);
      }
    }
    hold("digests of a first run into Port, % of its CPU", dearer("port", "port, digests"), 15);
    hold("... the diff's node alone, % of the CPU", diff_share("port, digests"), 15);
    hold("a second run, all unchanged: the diff's node, % of the CPU", diff_share("port, digests, again"), 15);
    hold("journal of a run into Port, % of its CPU", dearer("port, digests", "port, digests, journal"), 3);
    hold("journal of a run into SQLite, % of its CPU", dearer("sqlite", "sqlite, journal"), 3);
    return missed_ ? 1 : 0;
  }

 private:
  void hold(std::string_view what, double value, double bound) {
    const bool fine = value <= bound;
    missed_ = missed_ || !fine;
    fmt::print("{:<72} {:9.2f}  <= {:<8} {}\n", fmt::format("{} entities: {}", entities_, what), value, bound,
               fine ? "ok" : "MISSED");
  }

  [[nodiscard]] std::vector<double> ratios(const std::vector<Measure>& of, auto ratio) const {
    std::vector<double> all;
    for (std::size_t i = 0; i < of.size(); ++i) all.push_back(ratio(i));
    return all;
  }
  [[nodiscard]] double dearer(const std::string& without, const std::string& with) const {
    const auto& base = measures_.at(without);
    const auto& more = measures_.at(with);
    return 100 * median(ratios(more, [&](std::size_t i) {
             return (more[i].cpu_seconds - base[i].cpu_seconds) / more[i].cpu_seconds;
           }));
  }
  [[nodiscard]] double diff_share(const std::string& way) const {
    const auto& runs = measures_.at(way);
    return 100 * median(ratios(runs, [&](std::size_t i) { return runs[i].diff_seconds / runs[i].cpu_seconds; }));
  }

  Measure measure_one(const Way& way) {
    if (!way.again) {
      std::filesystem::remove_all(directory_);
      directory_ = (std::filesystem::temp_directory_path() / "riptide-delivery-bench-XXXXXX").string();
      if (::mkdtemp(directory_.data()) == nullptr) fail("no temporary directory");
      target_ = LoopbackCatalogue::start();
      if (target_ == nullptr) fail("the catalogue does not start");
    }
    cli::ChildCost cost;
    const std::string text = checked(cli::run_in_child([&] { return resync(way); }, cost));
    Measure measure;
    measure.cpu_seconds = cost.cpu_seconds;
    char* end = nullptr;
    measure.diff_seconds = std::strtod(text.c_str(), &end);
    if (*end != '\0') fail(way.name + ": " + text);
    return measure;
  }

  [[nodiscard]] cli::ConfigSources settings() const {
    cli::ConfigSources sources;
    const auto set = [&](const char* name, const std::string& value) {
      sources.environment.push_back({name, value, 0});
    };
    set("OCEAN__INTEGRATION__TYPE", "octopus");
    set("OCEAN__INTEGRATION__CONFIG__SERVER_URL", source_->url());
    set("OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY", "API-BENCH");
    set("OCEAN__INTEGRATION__CONFIG__DEPLOYMENT_LIMIT", "0");
    set("OCEAN__INTEGRATION__CONFIG__PAGE_SIZE", "100");
    set("OCEAN__PORT__BASE_URL", target_->url());
    set("OCEAN__PORT__CLIENT_ID", "client");
    set("OCEAN__PORT__CLIENT_SECRET", "secret");
    return sources;
  }

  /// In the child. Returns the seconds of the diff, or what is wrong.
  std::string resync(const Way& way) {
    cli::use_two_heaps();
    const stages::HttpRuntime http;
    pipeline::Stop stop;
    std::vector<cli::Problem> problems;
    const cli::ConfigReading reading = cli::read_config(settings(), {});
    if (!reading.problems.empty()) return to_string(reading.problems.front());
    const cli::Config& config = reading.config;
    const cli::MappingText mapping = cli::default_mapping(config);
    stages::ResyncParts parts;
    parts.mapping = cli::compile_mapping(mapping, config, problems);
    stages::ResyncOptions options = cli::resync_options(config);
    options.resources = cli::choose_resources(parts.mapping->spec(), {}, problems);
    options.delete_stale = false;
    options.no_delete_reason = "a bench deletes nothing";
    auto source = cli::find_integration_type(config.type())->make_source(config);
    if (!source) return source.error().message;
    parts.source = std::move(*source);
    parts.context = cli::sink_context(config, parts.mapping->spec(), pipeline::new_run_id());
    const std::string sink = way.sink == "sqlite" ? "sqlite:" + directory_ + "/catalogue.db" : way.sink;
    const auto specs = cli::choose_sinks({sink}, config, problems);
    if (!problems.empty()) return to_string(problems.front());
    auto sinks = cli::make_sinks(specs, config, parts.context);
    if (!sinks) return sinks.error().message;
    parts.sinks = std::move(*sinks);
    if (way.memory != Memory::kNone) {
      auto file = state::StateFile::open(directory_ + "/state.db", {"bench", "bench"});
      if (!file) return file.error().message;
      parts.state = std::make_shared<const state::StateFile>(std::move(*file));
    }
    if (way.memory == Memory::kDigestsAndJournal) {
      stages::JournalPlan journal;
      journal.terms = cli::journal_terms(config, specs);
      cli::enter_mapping(config, mapping, options.resources, journal.terms);
      journal.begun = std::time(nullptr);
      parts.journal = std::move(journal);
    }
    auto resync = stages::Resync::create(std::move(parts), std::move(options));
    if (!resync) return resync.error().message;
    auto report = (*resync)->run(stop, [] { return 0; });
    if (!report) return report.error().message;
    if (report->exit_code != 0) return fmt::format("exit code {}", report->exit_code);
    std::uint64_t sent = 0;
    std::uint64_t unchanged = 0;
    for (const auto& kind : report->sinks.front().kinds) {
      sent += kind.tally.created + kind.tally.updated;
      unchanged += kind.tally.unchanged;
    }
    if ((way.again ? unchanged : sent) != entities_ + kSpaces || sent + unchanged != entities_ + kSpaces) {
      return fmt::format("{} were sent and {} unchanged of {}", sent, unchanged, entities_ + kSpaces);
    }
    for (const auto& stage : report->stages) {
      if (stage.name.starts_with("diff")) return fmt::format("{}", stage.busy_seconds);
    }
    return "0";
  }

  const std::size_t entities_;
  const std::size_t repeats_;
  std::unique_ptr<cli::OctopusProcess> source_;
  std::unique_ptr<LoopbackCatalogue> target_;
  std::string directory_ = "/nowhere";
  std::map<std::string, std::vector<Measure>> measures_;
  bool missed_ = false;
};

}  // namespace
}  // namespace riptide::bench

int main(int argc, char** argv) {
  // The made-up server is this program again.
  if (argc > 1 && std::string_view(argv[1]) == "serve-octopus") return riptide::cli::run_program({argv, argv + argc});
  const std::size_t entities = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000;
  const std::size_t repeats = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 3;
  return riptide::bench::Bench(std::max<std::size_t>(entities, 1), std::max<std::size_t>(repeats, 1)).run();
}

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "riptide/bench/floors.hpp"
#include "riptide/cli/child_process.hpp"
#include "riptide/cli/heap.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/numbers.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/run_id.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::cli {
namespace {

// One run of one program.
struct Measure {
  std::uint64_t pages = 0;
  std::uint64_t records = 0;
  std::uint64_t entities = 0;
  double seconds = 0;         // of the work, without the start of the process
  double cpu_seconds = 0;     // of the whole child process
  double server_seconds = 0;  // CPU of the made-up server meanwhile
  std::uint64_t peak_rss_bytes = 0;
  std::string error;
};

enum class Program { kRiptide, kBareFetch, kSingleThread };

constexpr const char* name_of(Program program) {
  switch (program) {
    case Program::kRiptide:
      return "riptide";
    case Program::kBareFetch:
      return "floor: bare fetch";
    case Program::kSingleThread:
      return "floor: one thread";
  }
  return "";
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

class Bench {
 public:
  explicit Bench(const BenchFlags& flags) : flags_(flags) {}

  int run() {
    if (auto wrong = choose_shape(); !wrong.empty()) return refuse(wrong);
    auto server = OctopusProcess::start(server_flags());
    if (!server) return refuse(server.error().message);
    server_ = std::move(*server);
    const ConfigReading reading = read_config(settings(), {});
    if (print_problems(reading.problems, terminal_)) return kExitUsage;
    config_ = &reading.config;
    std::vector<Problem> problems;
    mapping_ = compile_mapping(default_mapping(reading.config), reading.config, problems);
    if (print_problems(problems, terminal_)) return kExitUsage;

    std::vector<Program> programs = {Program::kRiptide};
    if (flags_.floor) {
      programs.push_back(Program::kBareFetch);
      programs.push_back(Program::kSingleThread);
    }
    describe_server();
    bool wrong = false;
    for (std::uint64_t round = 0; round < flags_.repeat; ++round) {
      for (const Program program : programs) {  // in turn, so that what slows the machine slows all of them
        Measure measure = measure_one(program);
        if (measure.error.empty() && program == Program::kRiptide && measure.records != expected_records_) {
          measure.error = fmt::format("read {} records, not {}", measure.records, expected_records_);
        }
        wrong = wrong || !measure.error.empty();
        print_run(program, round, measure);
        measures_[static_cast<std::size_t>(program)].push_back(std::move(measure));
      }
    }
    print_medians(programs);
    return wrong ? kExitSinkFailed : kExitComplete;
  }

 private:
  int refuse(const std::string& message) {
    terminal_.print("riptide bench: " + message);
    return kExitUsage;
  }

  // KIND=N,NxTIMES,...: exactly so many records in each space; else `entities` over all kinds.
  std::string choose_shape() {
    if (flags_.shape.empty()) {
      expected_records_ = flags_.entities + flags_.spaces;
      return "";
    }
    const std::size_t equals = flags_.shape.find('=');
    if (equals == std::string::npos) return "--shape: '" + flags_.shape + "' is not KIND=N,NxTIMES,...";
    kinds_ = {"space", flags_.shape.substr(0, equals)};
    std::uint64_t spaces = 0, records = 0;
    for (std::size_t at = equals + 1; at <= flags_.shape.size();) {
      const std::size_t end = std::min(flags_.shape.find(',', at), flags_.shape.size());
      const std::string part = flags_.shape.substr(at, end - at);
      const std::size_t times_at = part.find('x');
      const auto count = parse_integer(part.substr(0, times_at));
      const auto times =
          times_at == std::string::npos ? std::optional<std::int64_t>(1) : parse_integer(part.substr(times_at + 1));
      if (!count || !times || *count < 0 || *times < 1) return "--shape: '" + part + "' is not N or NxTIMES";
      spaces += static_cast<std::uint64_t>(*times);
      records += static_cast<std::uint64_t>(*times) * static_cast<std::uint64_t>(*count);
      at = end + 1;
    }
    spaces_ = spaces;
    expected_records_ = records + spaces;
    return "";
  }

  [[nodiscard]] std::vector<std::string> server_flags() const {
    std::vector<std::string> flags = {"--latency-ms",   std::to_string(flags_.latency_ms),
                                      "--record-bytes", std::to_string(static_cast<std::uint64_t>(flags_.kb * 1000)),
                                      "--max-take",     std::to_string(flags_.page),
                                      "--seed",         "1"};
    const auto add = [&](const std::string& name, const std::string& value) {
      flags.push_back(name);
      flags.push_back(value);
    };
    if (flags_.shape.empty()) {
      add("--spaces", std::to_string(flags_.spaces));
      add("--records", std::to_string(flags_.entities));
      add("--skew", fmt::format("{}", flags_.skew));
    } else {
      add("--spaces", std::to_string(spaces_));
      add("--records", "0");
      add("--kinds", kinds_[1]);
      add("--shape", flags_.shape);
    }
    if (flags_.gzip) {
      flags.emplace_back("--gzip");
      add("--gzip-ahead-take", std::to_string(flags_.page));
    }
    return flags;
  }

  [[nodiscard]] ConfigSources settings() const {
    ConfigSources sources;
    const auto set = [&](const char* name, const std::string& value) {
      sources.environment.push_back({name, value, 0});
    };
    set("OCEAN__INTEGRATION__TYPE", "octopus");
    set("OCEAN__INTEGRATION__CONFIG__SERVER_URL", server_->url());
    set("OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY", "API-BENCH");
    set("OCEAN__INTEGRATION__CONFIG__DEPLOYMENT_LIMIT", "0");
    set("OCEAN__INTEGRATION__CONFIG__PAGE_SIZE", std::to_string(flags_.page));
    set("OCEAN__RIPTIDE__IN_FLIGHT", std::to_string(flags_.in_flight));
    if (!flags_.memory.empty()) sources.flags.push_back({"--memory", "riptide.memory", flags_.memory});
    if (!flags_.threads.empty()) sources.flags.push_back({"--threads", "riptide.threads", flags_.threads});
    return sources;
  }

  Measure measure_one(Program program) {
    const std::chrono::nanoseconds server_before = server_->cpu();
    ChildCost cost;
    auto text =
        run_in_child([&] { return encoded(program == Program::kRiptide ? run_riptide() : run_floor(program)); }, cost);
    Measure measure;
    if (text) {
      measure = decoded(*text);
    } else {
      measure.error = text.error().message;
    }
    measure.cpu_seconds = cost.cpu_seconds;
    measure.peak_rss_bytes = cost.peak_rss_bytes;
    measure.server_seconds = std::chrono::duration<double>(server_->cpu() - server_before).count();
    return measure;
  }

  Measure run_riptide() {
    Measure measure;
    use_two_heaps();
    const stages::HttpRuntime http;
    pipeline::Stop stop;
    std::vector<Problem> problems;
    stages::ResyncParts parts;
    parts.mapping = mapping_;
    stages::ResyncOptions options = resync_options(*config_);
    options.resources = choose_resources(mapping_->spec(), kinds_, problems);
    options.delete_stale = false;
    options.no_delete_reason = "a bench deletes nothing";
    auto source = find_integration_type(config_->type())->make_source(*config_);
    if (!source) return failed(source.error());
    parts.source = std::move(*source);
    parts.context = sink_context(*config_, mapping_->spec(), pipeline::new_run_id());
    const auto specs = choose_sinks({flags_.sink}, *config_, problems);
    if (any_error(problems)) return failed(pipeline::Error(pipeline::ErrorKind::kConfig, to_string(problems.front())));
    auto sinks = make_sinks(specs, *config_, parts.context, flags_.sink_limit);
    if (!sinks) return failed(sinks.error());
    parts.sinks = std::move(*sinks);
    const auto begin = std::chrono::steady_clock::now();
    auto resync = stages::Resync::create(std::move(parts), std::move(options));
    if (!resync) return failed(resync.error());
    auto report = (*resync)->run(stop, [] { return 0; });
    measure.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (!report) return failed(report.error());
    for (const auto& kind : report->kinds) {
      measure.pages += kind.pages;
      measure.records += kind.records;
    }
    for (const auto& kind : report->sinks.front().kinds) measure.entities += kind.tally.created + kind.tally.updated;
    if (report->exit_code != 0) measure.error = "exit code " + std::to_string(report->exit_code);
    if (!report->errors.empty()) measure.error += ", " + report->errors.front().message;
    return measure;
  }

  Measure run_floor(Program program) {
    use_two_heaps();
    const stages::HttpRuntime http;
    auto source = find_integration_type(config_->type())->make_source(*config_);
    if (!source) return failed(source.error());
    const bench::FloorOptions options{
        .source = std::move(*source), .mapping = mapping_, .in_flight = static_cast<std::size_t>(flags_.in_flight)};
    const bench::FloorResult result =
        program == Program::kBareFetch ? bench::bare_fetch_floor(options) : bench::single_thread_floor(options);
    Measure measure;
    measure.pages = result.pages;
    measure.records = result.records;
    measure.entities = result.entities;
    measure.seconds = result.wall_seconds;
    measure.error = result.error;
    return measure;
  }

  static Measure failed(const pipeline::Error& error) {
    Measure measure;
    measure.error = error.message;
    return measure;
  }

  static std::string encoded(const Measure& measure) {
    return fmt::format("{} {} {} {} {}", measure.pages, measure.records, measure.entities, measure.seconds,
                       measure.error);
  }
  static Measure decoded(const std::string& text) {
    Measure measure;
    int at = 0;
    if (std::sscanf(text.c_str(), "%lu %lu %lu %lf %n", &measure.pages, &measure.records, &measure.entities,
                    &measure.seconds, &at) < 4) {
      measure.error = "the measured process gave no numbers";
    } else {
      measure.error = text.substr(static_cast<std::size_t>(at));
    }
    return measure;
  }

  void describe_server() {
    if (flags_.json) return;
    terminal_.print(
        fmt::format("riptide bench: {} records, about {} KB each, {} a page, {} ms a page, {} in flight, sink {}{}",
                    grouped(expected_records_), flags_.kb, flags_.page, flags_.latency_ms, flags_.in_flight,
                    flags_.sink, flags_.sink_limit > 0 ? fmt::format(" at {}/s", flags_.sink_limit) : ""));
  }

  [[nodiscard]] double rate(const Measure& measure) const {
    return measure.seconds > 0 ? static_cast<double>(expected_records_) / measure.seconds : 0;
  }
  [[nodiscard]] double cpu_a_record(const Measure& measure) const {
    return measure.cpu_seconds * 1e6 / static_cast<double>(std::max<std::uint64_t>(expected_records_, 1));
  }

  void print_run(Program program, std::uint64_t round, const Measure& measure) {
    if (flags_.json) {
      std::string error;
      json::append_quoted(measure.error, error);
      fmt::print(
          "{{\"program\":\"{}\",\"round\":{},\"records\":{},\"pages\":{},\"entities\":{},\"seconds\":{:.6f},"
          "\"records_per_second\":{:.0f},\"cpu_seconds\":{:.6f},\"cpu_us_per_record\":{:.4f},"
          "\"peak_rss_bytes\":{},\"server_cpu_seconds\":{:.6f},\"entities_flag\":{},\"kb\":{},\"page\":{},"
          "\"latency_ms\":{},\"in_flight\":{},\"sink\":\"{}\",\"sink_limit\":{},\"error\":{}}}\n",
          name_of(program), round, measure.records, measure.pages, measure.entities, measure.seconds, rate(measure),
          measure.cpu_seconds, cpu_a_record(measure), measure.peak_rss_bytes, measure.server_seconds, flags_.entities,
          flags_.kb, flags_.page, flags_.latency_ms, flags_.in_flight, flags_.sink, flags_.sink_limit, error);
      std::fflush(stdout);
      return;
    }
    if (round == 0 && program == Program::kRiptide) {
      fmt::print("{:<19} {:>9} {:>12} {:>9} {:>13} {:>10} {:>11}\n", "program", "wall", "records/s", "CPU",
                 "CPU a record", "peak RSS", "server CPU");
    }
    print_row(name_of(program), measure);
  }

  void print_row(const std::string& name, const Measure& measure) {
    fmt::print("{:<19} {:>7.3f} s {:>12} {:>7.3f} s {:>10.2f} us {:>10} {:>9.3f} s{}\n", name, measure.seconds,
               grouped(static_cast<std::uint64_t>(rate(measure))), measure.cpu_seconds, cpu_a_record(measure),
               readable_bytes(measure.peak_rss_bytes), measure.server_seconds,
               measure.error.empty() ? "" : "  WRONG: " + measure.error);
    std::fflush(stdout);
  }

  [[nodiscard]] Measure median_of(Program program) const {
    const auto& runs = measures_[static_cast<std::size_t>(program)];
    const auto take = [&](auto member) {
      std::vector<double> values;
      for (const Measure& run : runs) values.push_back(static_cast<double>(run.*member));
      return median(std::move(values));
    };
    Measure out;
    out.pages = runs.empty() ? 0 : runs.front().pages;
    out.seconds = take(&Measure::seconds);
    out.cpu_seconds = take(&Measure::cpu_seconds);
    out.server_seconds = take(&Measure::server_seconds);
    out.peak_rss_bytes = static_cast<std::uint64_t>(take(&Measure::peak_rss_bytes));
    return out;
  }

  void print_medians(const std::vector<Program>& programs) {
    if (flags_.json) return;
    fmt::print("medians of {} runs:\n", flags_.repeat);
    for (const Program program : programs) print_row(name_of(program), median_of(program));
    const Measure mine = median_of(Program::kRiptide);
    if (flags_.floor) {
      for (const Program program : {Program::kBareFetch, Program::kSingleThread}) {
        const Measure floor = median_of(program);
        if (mine.seconds <= 0 || floor.cpu_seconds <= 0) continue;
        fmt::print("riptide beside {}: {:.2f} x its rate, {:.2f} x its CPU a record\n", name_of(program),
                   floor.seconds / mine.seconds, mine.cpu_seconds / floor.cpu_seconds);
      }
    }
    if (mine.cpu_seconds > 0)
      fmt::print("the server took {:.2f} of the client's CPU\n", mine.server_seconds / mine.cpu_seconds);
    if (flags_.latency_ms > 0) {
      const double latency = static_cast<double>(flags_.latency_ms) / 1000;
      const double least =
          static_cast<double>(mine.pages) * latency / static_cast<double>(flags_.in_flight) + 3 * latency;
      fmt::print("pages x latency / in-flight + 3 x latency = {:.3f} s; wall time is {:.2f} x that\n", least,
                 mine.seconds / least);
    }
  }

  const BenchFlags& flags_;
  Terminal terminal_{2};
  std::unique_ptr<OctopusProcess> server_;
  const Config* config_ = nullptr;
  std::shared_ptr<const transform::Mapping> mapping_;
  std::vector<std::string> kinds_;
  std::uint64_t spaces_ = 0;
  std::uint64_t expected_records_ = 0;
  std::vector<Measure> measures_[3];
};

}  // namespace

int run_bench(const BenchFlags& flags) { return Bench(flags).run(); }

}  // namespace riptide::cli

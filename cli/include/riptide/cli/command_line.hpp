#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace riptide::cli {

/// Exit codes of the contract that the command line decides by itself.
inline constexpr int kExitComplete = 0;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitSinkFailed = 4;

/// Flags that several verbs have. Empty means not given.
struct CommonFlags {
  std::string config;
  std::string log_level;
  std::string log_format = "text";
};

struct SyncFlags {
  CommonFlags common;
  std::string mapping;
  std::vector<std::string> sinks;
  std::vector<std::string> kinds;
  std::string report;
  std::string state;
  std::string memory;
  std::string in_flight;
  std::string progress = "auto";
  std::string delete_scope = "all";
  std::string max_delete;  ///< "" is no limit.
  bool no_delete = false;
  bool strict = false;
  bool resume = false;
  bool wait = false;       ///< For another run that writes to the same target.
  std::string apply;       ///< A plan's file; "" is none.
  std::string replay;      ///< A cassette; "" is none.
  std::string inject;      ///< Faults on purpose; "" is none.
  std::uint64_t seed = 1;  ///< Of those.
};

struct RecordFlags {
  SyncFlags sync;
  std::string out;                  ///< The cassette.
  std::vector<std::string> redact;  ///< Members of bodies.
};

struct PlanFlags {
  SyncFlags sync;
  std::string diff;  ///< "" or "fields".
  std::string out;   ///< A file; "" is none.
};

struct GraphFlags {
  SyncFlags sync;
  std::string format = "mermaid";
};

struct LintFlags {
  CommonFlags common;
  std::vector<std::string> files;
  std::string sample;
  std::string kind;    ///< Of the sample's records.
  std::string schema;  ///< "", "config", "mapping" or "mapping:TYPE": print that instead.
};

struct InitFlags {
  CommonFlags common;
  std::string type;
  std::string from;  ///< An address of the API; "" asks nobody.
  std::vector<std::string> headers;
  std::string bearer_env;
  std::string out;  ///< A directory; "" is stdout.
  bool force = false;
};

struct DemoFlags {
  CommonFlags common;
  std::string progress = "auto";
  std::uint64_t spaces = 50;
  std::uint64_t records = 60'000;
  std::uint64_t latency_ms = 20;
  std::string database = "riptide.db";
  /// Links of records hold the server's address: the same port each time, so that a second run finds them unchanged.
  std::uint64_t port = 18'479;
};

struct BenchFlags {
  CommonFlags common;
  std::uint64_t entities = 200'000;
  double kb = 2;
  std::uint64_t page = 100;
  std::uint64_t latency_ms = 0;
  double sink_limit = 0;  ///< Records a second; 0 is none.
  std::uint64_t in_flight = 32;
  std::uint64_t spaces = 20;
  double skew = 0;
  std::string shape;  ///< KIND=N,NxTIMES,...: exactly so many records of one kind in each space.
  std::uint64_t repeat = 3;
  std::string memory;
  std::string threads;
  std::string sink = "null";
  bool gzip = false;
  bool floor = false;
  bool json = false;
};

struct MapFlags {
  CommonFlags common;
  std::string mapping;
  std::string kind;
  std::string input = "-";
  std::string type;
  std::string explain;  ///< "", "text" or "json".
};

struct DlqFlags {
  CommonFlags common;
  std::string action;  ///< "list", "show", "replay" or "drop".
  std::vector<std::int64_t> ids;
  bool all = false;
  std::vector<std::string> kinds;
  std::string stage;
  std::string run;
  std::string reason;
  std::string mapping;
  std::vector<std::string> sinks;
  std::string state;
};

/// jq has a command line of its own: it is passed on as it is.
struct JqFlags {
  std::vector<std::string> arguments;
};

/// What says which state file is meant.
struct StateFileFlags {
  CommonFlags common;
  std::vector<std::string> sinks;
  std::string state;
};

struct StateFlags {
  StateFileFlags file;
  std::string action;  ///< "show", "verify" or "reset".
  // Of verify.
  bool all = false;
  std::optional<std::uint64_t> sample;  ///< Entities whose contents are compared.
  std::optional<std::uint64_t> seed;    ///< That chooses them.
  bool json = false;
};

struct RunsFlags {
  StateFileFlags file;
  std::string run_id;  ///< Or its beginning; "" lists them.
};

/// The made-up server as its own process: hidden, used by demo and bench.
struct ServeOctopusFlags {
  std::vector<std::string> arguments;
};

/// Nothing to run: a text to show (help, version, or what is wrong) and the exit code.
struct Say {
  int exit_code = 0;
  std::string text;
};

using Invocation = std::variant<Say, SyncFlags, PlanFlags, RecordFlags, GraphFlags, LintFlags, InitFlags, DemoFlags,
                                BenchFlags, MapFlags, DlqFlags, JqFlags, StateFlags, RunsFlags, ServeOctopusFlags>;

/// Reads the command line. What is wrong with it (an unknown verb or flag, with a suggestion) is a `Say` with code 2.
Invocation parse_command_line(const std::vector<std::string>& arguments);

/// The version, as `--version` prints it.
std::string version();

}  // namespace riptide::cli

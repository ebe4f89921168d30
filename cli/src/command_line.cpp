// The one file that knows CLI11.
#include "riptide/cli/command_line.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "riptide/cli/spelling.hpp"
#include "riptide/cli/version.hpp"
#include "riptide/stages/deletion_rules.hpp"
#include "riptide/stages/fault_injector.hpp"

namespace riptide::cli {
namespace {

constexpr char kAbout[] =
    "riptide reads everything from a system (Octopus Deploy) page by page, maps each record with jq expressions into "
    "entities, uploads them to Port or a local sink, and removes what has disappeared.";

constexpr char kFooter[] = R"(
First steps:
  riptide demo                      a made-up server, resynced into ./riptide.db
  riptide lint                      what is wrong with the configuration, without any network
  riptide sync --sink sqlite:my.db  one resync
  riptide sync --help               all flags of a verb

Configuration: flags, then the environment, then .env, then config.yaml, then defaults. The least that sync needs:
  OCEAN__INTEGRATION__TYPE=octopus
  OCEAN__INTEGRATION__CONFIG__SERVER_URL=https://my.octopus.app
  OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY=API-...
With OCEAN__PORT__CLIENT_ID and OCEAN__PORT__CLIENT_SECRET the entities go to Port. All settings: docs/configuration.md

Exit codes: 0 complete; 1 some records were invalid or rejected; 2 usage, configuration or mapping wrong; 3 the source is
incomplete; 4 a sink failed; 5 a guard stopped the deletion; 130, 143 stopped by a signal.)";

constexpr char kSyncFooter[] = R"(
Sinks:
  port         Port's catalogue (the default where Port's credentials are configured)
  sqlite:FILE  table `entities` and a view for each blueprint (the default elsewhere: sqlite:riptide.db)
  ndjson:FILE  one entity a line, as Port would be sent it; `-` is stdout
  null         nowhere

Examples:
  riptide sync                                     one resync, everything from the configuration
  riptide sync --sink port --sink ndjson:all.ndjson   one read, two sinks
  riptide sync --kind project --no-delete          only projects, nothing removed
  riptide sync --report run.json --progress log    for a scheduler
  riptide sync --apply plan.json                   what `riptide plan --out plan.json` showed

The first SIGINT or SIGTERM ends the run in order: what is in flight is settled, nothing is deleted. The second stops at
once. stdout carries data only, everything else goes to stderr.)";

constexpr char kRunFooter[] = R"(
Examples:
  riptide run graph.yml                            until everything is read and settled
  riptide lint graph.yml                           what is wrong with it, without any network
  riptide graph graph.yml --format svg > graph.svg   its picture
  riptide graph --format yaml > graph.yml          sync's own graph, to begin with
  riptide tap NODE, riptide graph --live           look into it while it runs

Exit codes, signals, report and accounting are those of sync.)";

constexpr char kPlanFooter[] = R"(
Everything of sync but writing: the source is read and mapped, the target is compared and left alone. The object has the
counts, changes[], deletions[], and whether a guard would stop the deletion (docs/plan.md, docs/plan.schema.json).

Examples:
  riptide plan                             a table on a terminal
  riptide plan --diff fields | jq '.changes[] | select(.blueprint == "octopusProject")'
  riptide plan --out plan.json && riptide sync --apply plan.json

Exit code: 0; 2 usage, configuration or mapping wrong; 3 the source is incomplete; 4 the target could not be read.)";

constexpr char kRecordFooter[] = R"(
A sync whose answers are kept: everything that the source sends, also what goes wrong, with secrets cut out. Without
--sink the entities go nowhere and nothing is deleted; with it this is that sync, recorded. The cassette is gzip, one
line of JSON a request: look through it before you hand it on (docs/record.md).

Examples:
  riptide record --out failing.cassette
  riptide sync --replay failing.cassette --report run.json       the same run, without the source
  riptide sync --replay failing.cassette --inject 429:0.05,reset:0.01 --seed 7
  gzip -dc < failing.cassette | jq -c '[.status, .url]'

Exit code: that of the sync; 2 also if the cassette cannot be made; 4 also if it could not be written to its end.)";

constexpr char kMapFooter[] = R"(
Examples:
  curl -s .../api/Spaces-1/projects | jq .Items | riptide map --type octopus --kind project
  riptide map --mapping mapping.yaml --kind project --input projects.ndjson
  riptide map --mapping mapping.yaml --kind project --input projects.ndjson --explain >/dev/null

Entities go to stdout, one line each; what went wrong with a record goes to stderr, one JSON line each.
Exit code: 0; 1 if some records were invalid; 2 if the mapping or the input is wrong.)";

constexpr char kDlqFooter[] = R"(
`list` writes a table to a terminal, NDJSON elsewhere. `show` writes the record or entity to stdout. `replay` maps records
anew and sends them, sends entities again, and removes what settles. Exit code: 0; 1 if some letters stay; 2 usage; 4 if a
sink failed.

Examples:
  riptide dlq list --stage upload --kind project
  riptide dlq show 17
  riptide dlq replay --all
  riptide dlq drop 17 18)";

constexpr char kLintFooter[] = R"(
Without FILE: config.yaml (if there), the environment, and the mapping that sync would use. FILE is a mapping or a
configuration file, told apart by its contents. Exit code: 0, or 2 if anything is wrong; warnings are not.

Examples:
  riptide lint mapping.yaml
  riptide lint mapping.yaml --sample projects.ndjson --kind project   also paths that no record has)";

constexpr char kInitFooter[] = R"(
With --from the API is asked once, and once more for its second page: where the records are, how pages follow each other,
the total, identifier, title and the types of properties are proposed, each with the reason as a comment. Without: a
commented configuration, the mapping of the type, nothing is contacted. No secret is written: the files name variables.

Examples:
  riptide init custom --from https://api.example.com/v1/users --bearer-env API_TOKEN --out users
  riptide init octopus --out .

Exit code: 0; 2 usage, or a file that is there already; 3 if the API could not be read.)";

constexpr char kStateFooter[] = R"(
Examples:
  riptide state show             what is remembered of the configured target, and who writes to it now
  riptide state verify           what Port has against what is remembered; contents of 1,000 entities
  riptide state verify --all     the same with the contents of all
  riptide state reset            forget it: the next run sends everything

Exit code: 0; 1 if verify finds a difference; 2 usage or configuration; 4 if another run writes, or Port does not
answer.)";

void add_common(CLI::App& verb, CommonFlags& flags) {
  verb.add_option("--config", flags.config, "Configuration file (default: ./config.yaml if there)")->type_name("FILE");
  verb.add_option("--log-level", flags.log_level, "DEBUG, INFO, WARNING, ERROR or CRITICAL (default: INFO)")
      ->type_name("LEVEL");
  verb.add_option("--log-format", flags.log_format, "text or json (default: text)")->type_name("FORMAT");
}

void add_progress(CLI::App& verb, std::string& progress) {
  verb.add_option(
          "--progress", progress,
          "auto, tty (a live line), log (a line every few seconds), json (NDJSON on stderr) or none (default: auto)")
      ->type_name("HOW");
}

void add_sync(CLI::App& verb, SyncFlags& flags) {
  add_common(verb, flags.common);
  verb.add_option("--mapping", flags.mapping, "Mapping file, YAML or JSON (default: Port's, else the type's own)")
      ->type_name("FILE");
  verb.add_option("--sink", flags.sinks, "Where entities go: port, sqlite:FILE, ndjson:FILE or null; may be repeated")
      ->type_name("SPEC")
      ->expected(1)
      ->take_all();
  verb.add_option("--kind", flags.kinds, "Read only this kind of the mapping; may be repeated")
      ->type_name("KIND")
      ->expected(1)
      ->take_all();
  verb.add_option("--memory", flags.memory, "Budget for pages, batches and queues (default: 128MiB)")
      ->type_name("SIZE");
  verb.add_option("--in-flight", flags.in_flight, "Requests at once towards a host of the source (default: 32)")
      ->type_name("N");
  verb.add_flag("--no-delete", flags.no_delete, "Remove nothing from the target");
  verb.add_option("--delete-scope", flags.delete_scope,
                  "all (nothing goes unless everything was read) or closed (what disappeared from the parts that were "
                  "read to their end goes) (default: all)")
      ->type_name("WHAT");
  verb.add_option("--max-delete", flags.max_delete,
                  "Remove nothing if it would be more than this: a number, or a share of what is owned such as 2%")
      ->type_name("N|PCT");
  verb.add_flag("--strict", flags.strict, "A mapping in Port must compile too, else exit code 2");
}

void add_inject(CLI::App& verb, SyncFlags& flags) {
  verb.add_option("--inject", flags.inject,
                  "Let a share of the requests fail, e.g. 429:0.05,reset:0.01: a status, reset, timeout or truncate")
      ->type_name("FAULTS");
  verb.add_option("--seed", flags.seed, "Which of them fail with --inject (default: 1)")->type_name("N");
}

void add_replay(CLI::App& verb, SyncFlags& flags) {
  verb.add_option("--replay", flags.replay,
                  "Read from what `riptide record` wrote instead of the source: no network, no configuration needed")
      ->type_name("CASSETTE");
  add_inject(verb, flags);
}

void add_state_file(CLI::App& verb, StateFileFlags& flags) {
  add_common(verb, flags.common);
  verb.add_option("--sink", flags.sinks, "The target, as for sync (default: as sync would choose)")
      ->type_name("SPEC")
      ->expected(1)
      ->take_all();
  verb.add_option("--state", flags.state, "This file, whatever the configuration says")->type_name("FILE");
}

std::vector<std::string> option_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

bool one_of(const std::string& value, std::initializer_list<const char*> choices, const char* flag,
            std::string& wrong) {
  std::vector<std::string> names(choices.begin(), choices.end());
  if (std::find(names.begin(), names.end(), value) != names.end()) return true;
  wrong = std::string(flag) + ": there is no '" + value + "', only " + listed(names) + did_you_mean(value, names);
  return false;
}

Say usage_error(const std::string& verb, const std::string& message) {
  return {kExitUsage, "riptide: " + message + "\nRun `riptide " + (verb.empty() ? "" : verb + " ") +
                          "--help` for what there is.\n"};
}

}  // namespace

std::string version() { return std::string(kVersion); }

Invocation parse_command_line(const std::vector<std::string>& arguments) {
  const std::vector<std::string> verbs = {"sync", "plan",  "record", "graph", "run", "test",  "tap",  "lint",
                                          "demo", "bench", "map",    "dlq",   "jq",  "state", "runs", "init"};
  if (arguments.empty() || arguments[0] == "help") {
    if (arguments.size() > 1) return parse_command_line({arguments[1], "--help"});
    auto shown = parse_command_line({"--help"});
    std::get<Say>(shown).exit_code = arguments.empty() ? kExitUsage : kExitComplete;
    return shown;
  }
  if (arguments[0] == "--version" || arguments[0] == "-V") return Say{kExitComplete, "riptide " + version() + "\n"};
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (arguments[0] == "jq") return JqFlags{rest};
  if (arguments[0] == "serve-octopus") return ServeOctopusFlags{rest};

  CLI::App app(kAbout, "riptide");
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  app.allow_extras();
  app.set_help_flag("-h,--help", "Show this help; after a verb: the verb's flags");
  bool show_version = false;
  app.add_flag("-V,--version", show_version, "Show the version");

  SyncFlags sync;
  CLI::App* const sync_verb = app.add_subcommand("sync", "One resync: fetch, map, upload, remove what has disappeared");
  add_sync(*sync_verb, sync);
  add_progress(*sync_verb, sync.progress);
  sync_verb->add_option("--report", sync.report, "Write what the run did to this file, as one JSON object")
      ->type_name("FILE");
  sync_verb
      ->add_option("--state", sync.state,
                   "What is remembered between runs (default: a file a target and integration below "
                   "$XDG_STATE_HOME/riptide, else ~/.local/state/riptide)")
      ->type_name("FILE");
  sync_verb->add_flag("--resume", sync.resume,
                      "Go on from the run before, if it did not come to its end: what was settled is not read again");
  sync_verb->add_flag("--wait", sync.wait, "Wait while another run writes to the same target, instead of giving up");
  sync_verb
      ->add_option("--apply", sync.apply,
                   "Do what this plan says, and nothing if the source or the catalogue has moved since it was made")
      ->type_name("PLAN");
  add_replay(*sync_verb, sync);
  sync_verb->footer(kSyncFooter);

  RecordFlags record;
  CLI::App* const record_verb =
      app.add_subcommand("record", "A sync that keeps every answer of the source on a cassette, without secrets");
  add_sync(*record_verb, record.sync);
  add_progress(*record_verb, record.sync.progress);
  record_verb->add_option("--out", record.out, "The cassette; must not be there yet")
      ->type_name("CASSETTE")
      ->required();
  record_verb
      ->add_option("--redact", record.redact, "Blank the values of members of this name, e.g. email; may be repeated")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  record_verb->add_option("--report", record.sync.report, "As for sync")->type_name("FILE");
  record_verb->add_option("--state", record.sync.state, "As for sync")->type_name("FILE");
  record_verb->add_flag("--wait", record.sync.wait, "As for sync");
  add_inject(*record_verb, record.sync);
  record_verb->footer(kRecordFooter);

  PlanFlags plan;
  CLI::App* const plan_verb =
      app.add_subcommand("plan", "What sync would do: one JSON object, or a table on a terminal; writes nothing");
  add_sync(*plan_verb, plan.sync);
  add_progress(*plan_verb, plan.sync.progress);
  plan_verb->add_option("--state", plan.sync.state, "As for sync; read only")->type_name("FILE");
  add_replay(*plan_verb, plan.sync);
  plan_verb->add_option("--diff", plan.diff, "fields: show what changes in each entity, before and after")
      ->type_name("HOW");
  plan_verb->add_option("--out", plan.out, "Write the plan to this file too, for `riptide sync --apply`")
      ->type_name("FILE");
  plan_verb->footer(kPlanFooter);

  GraphFlags graph;
  CLI::App* const graph_verb =
      app.add_subcommand("graph", "The stage graph that sync would run, as a picture; contacts nothing");
  add_sync(*graph_verb, graph.sync);
  graph_verb->add_option("FILE", graph.file, "The graph of this file instead of sync's");
  graph_verb
      ->add_option("--format", graph.format,
                   "dot, mermaid, svg, json, or yaml: as a graph file, which `riptide run` runs (default: mermaid)")
      ->type_name("FORMAT");
  graph_verb->add_flag("--live", graph.live, "Show a run that is going on: what flows, what waits, and for what");
  graph_verb->add_option("--run", graph.run, "With --live: which run, by the beginning of its id")->type_name("ID");

  RunFlags run;
  CLI::App* const run_verb = app.add_subcommand("run", "Run the graph of a file (docs/graphs.md)");
  run_verb->add_option("FILE", run.file, "The graph")->required();
  add_common(*run_verb, run.sync.common);
  add_progress(*run_verb, run.sync.progress);
  run_verb->add_option("--memory", run.sync.memory, "In the place of the graph's: 128MiB")->type_name("SIZE");
  run_verb->add_option("--report", run.sync.report, "Write what the run did to this file: JSON, or HTML if it ends so")
      ->type_name("FILE");
  run_verb->add_option("--state", run.sync.state, "As for sync")->type_name("FILE");
  run_verb->add_flag("--wait", run.sync.wait, "Wait while another run writes to the same target, instead of giving up");
  run_verb->footer(kRunFooter);

  TestFlags test;
  CLI::App* const test_verb =
      app.add_subcommand("test", "Test graphs: given these records, expect these items; contacts nothing");
  add_common(*test_verb, test.common);
  test_verb->add_option("FILE", test.files, "Tests (docs/graphs.md)")->required();
  test_verb->add_option("--name", test.name, "Only tests with this in their names")->type_name("TEXT");
  test_verb->add_option("--junit", test.junit, "Write the results to this file as JUnit XML")->type_name("FILE");

  TapFlags tap;
  CLI::App* const tap_verb =
      app.add_subcommand("tap", "Show items that pass a node of a run that is going on, one a line");
  tap_verb->add_option("NODE", tap.node, "The node, as the graph names it")->required();
  tap_verb->add_option("--count", tap.count, "How many (default: 10)")->check(CLI::PositiveNumber);
  tap_verb->add_option("--run", tap.run, "Which run, by the beginning of its id (default: the only one)")
      ->type_name("ID");

  LintFlags lint;
  CLI::App* const lint_verb = app.add_subcommand("lint", "Check configuration, mapping and graph without any network");
  add_common(*lint_verb, lint.common);
  lint_verb->add_option("FILE", lint.files, "Mapping, graph or configuration files");
  lint_verb->add_option("--sample", lint.sample, "Records: paths that are in none of them are warnings; `-` is stdin")
      ->type_name("FILE");
  lint_verb->add_option("--kind", lint.kind, "Kind of the records in the sample")->type_name("KIND");
  lint_verb
      ->add_option("--schema", lint.schema,
                   "Print the JSON Schema for editors instead: config, graph, mapping, or mapping:TYPE")
      ->type_name("WHAT");
  lint_verb->footer(kLintFooter);

  InitFlags init;
  CLI::App* const init_verb =
      app.add_subcommand("init", "A configuration and mapping to begin with; with --from, proposed from an API");
  add_common(*init_verb, init.common);
  init_verb->add_option("TYPE", init.type, "Integration type, e.g. custom")->required();
  init_verb->add_option("--from", init.from, "Address of a listing of the API (custom)")->type_name("URL");
  init_verb->add_option("--header", init.headers, "'Name: value', sent to the API; may be repeated")
      ->type_name("HEADER")
      ->expected(1)
      ->take_all();
  init_verb->add_option("--bearer-env", init.bearer_env, "Variable with the token that signs the requests")
      ->type_name("NAME");
  init_verb->add_option("--out", init.out, "Directory for the files (default: all on stdout)")->type_name("DIR");
  init_verb->add_flag("--force", init.force, "Replace files that are there");
  init_verb->footer(kInitFooter);

  DemoFlags demo;
  CLI::App* const demo_verb =
      app.add_subcommand("demo", "A made-up Octopus server on loopback, resynced into ./riptide.db, with a summary");
  demo_verb->add_option("--database", demo.database, "Where to (default: riptide.db)")->type_name("FILE");
  demo_verb->add_option("--spaces", demo.spaces, "Spaces of the server, uneven in size (default: 50)")
      ->check(CLI::PositiveNumber);
  demo_verb->add_option("--records", demo.records, "Records over all kinds (default: 60000)")
      ->check(CLI::PositiveNumber);
  demo_verb->add_option("--latency-ms", demo.latency_ms, "Milliseconds a page (default: 20)")
      ->check(CLI::NonNegativeNumber);
  demo_verb->add_option("--port", demo.port, "Port of the server on 127.0.0.1 (default: 18479)")
      ->check(CLI::Range(0, 65535));
  add_progress(*demo_verb, demo.progress);
  demo_verb->add_option("--log-level", demo.common.log_level, "As for sync")->type_name("LEVEL");
  demo_verb->add_option("--log-format", demo.common.log_format, "As for sync")->type_name("FORMAT");

  BenchFlags bench;
  CLI::App* const bench_verb =
      app.add_subcommand("bench", "The made-up server, its own process, resynced over loopback into null, measured");
  bench_verb->add_option("--entities", bench.entities, "Records to read (default: 200000)")->check(CLI::PositiveNumber);
  bench_verb->add_option("--kb", bench.kb, "Size of a record in KB (default: 2)")->check(CLI::PositiveNumber);
  bench_verb->add_option("--page", bench.page, "Records a page (default: 100)")->check(CLI::Range(1, 10'000));
  bench_verb->add_option("--latency-ms", bench.latency_ms, "Milliseconds a page (default: 0)")
      ->check(CLI::NonNegativeNumber);
  bench_verb->add_option("--sink-limit", bench.sink_limit, "Records a second that the sink takes (default: no limit)")
      ->check(CLI::NonNegativeNumber);
  bench_verb->add_option("--in-flight", bench.in_flight, "Requests at once (default: 32)")->check(CLI::Range(1, 4096));
  bench_verb->add_option("--spaces", bench.spaces, "Spaces of the server (default: 20)")->check(CLI::PositiveNumber);
  bench_verb->add_option("--skew", bench.skew, "How uneven they are; 0 is even (default: 0)")
      ->check(CLI::NonNegativeNumber);
  bench_verb
      ->add_option("--shape", bench.shape, "Instead: records of one kind in each space, e.g. machine=50000,1000x99")
      ->type_name("SHAPE");
  bench_verb->add_option("--repeat", bench.repeat, "Runs; the median counts (default: 3)")->check(CLI::Range(1, 1000));
  bench_verb->add_option("--memory", bench.memory, "As for sync")->type_name("SIZE");
  bench_verb->add_option("--threads", bench.threads, "Worker threads (default: the cores allowed)")->type_name("N");
  bench_verb->add_option("--sink", bench.sink, "null, sqlite:FILE or ndjson:FILE (default: null)")->type_name("SPEC");
  bench_verb->add_flag("--gzip", bench.gzip, "The server compresses its pages");
  bench_verb->add_flag("--floor", bench.floor, "Run the bare loops beside it");
  bench_verb->add_flag("--json", bench.json, "One JSON line a run, for machines");

  MapFlags map;
  CLI::App* const map_verb =
      app.add_subcommand("map", "Run a mapping on raw records: NDJSON or a JSON array in, entities out");
  add_common(*map_verb, map.common);
  map_verb->add_option("--kind", map.kind, "Which block of the mapping")->type_name("KIND")->required();
  map_verb->add_option("--input", map.input, "Records; `-` is stdin (default: -)")->type_name("FILE");
  map_verb->add_option("--mapping", map.mapping, "Mapping file (default: the type's own)")->type_name("FILE");
  map_verb->add_option("--type", map.type, "Integration type (default: the configured one)")->type_name("TYPE");
  map_verb->add_flag("--explain", map.explain,
                     "Say on stderr how each field is evaluated, its time, and how often it was null or failed; "
                     "--explain=json for machines");
  map_verb->footer(kMapFooter);

  StateFlags state;
  CLI::App* const state_verb =
      app.add_subcommand("state", "What is remembered between runs: show it, hold it against Port, or forget it");
  add_state_file(*state_verb, state.file);
  state_verb->add_option("ACTION", state.action, "show, verify or reset")->required();
  state_verb->add_flag("--all", state.all, "With verify: compare the contents of all entities, not of a sample");
  state_verb->add_option("--sample", state.sample, "With verify: compare the contents of so many (default: 1000)")
      ->type_name("N");
  state_verb->add_option("--seed", state.seed, "With verify: chooses the sample (default: another one each time)")
      ->type_name("N");
  state_verb->add_flag("--json", state.json, "One JSON object, for machines");
  state_verb->footer(kStateFooter);

  RunsFlags runs;
  CLI::App* const runs_verb = app.add_subcommand("runs", "The last runs into a target; with an id: that run's report");
  add_state_file(*runs_verb, runs.file);
  runs_verb->add_option("ID", runs.run_id, "A run's id, or the beginning of it");

  DlqFlags dlq;
  CLI::App* const dlq_verb =
      app.add_subcommand("dlq", "Dead letters: what was given up; list, show, replay or drop them");
  add_common(*dlq_verb, dlq.common);
  dlq_verb->add_option("ACTION", dlq.action, "list, show, replay or drop")->required();
  dlq_verb->add_option("ID", dlq.ids, "Which letters");
  dlq_verb->add_flag("--all", dlq.all, "All letters that the filters let through (replay, drop)");
  dlq_verb->add_option("--kind", dlq.kinds, "Only letters of this kind; may be repeated")
      ->type_name("KIND")
      ->expected(1)
      ->take_all();
  dlq_verb->add_option("--stage", dlq.stage, "Only letters of this stage: transform or upload")->type_name("STAGE");
  dlq_verb->add_option("--run", dlq.run, "Only letters of this run")->type_name("ID");
  dlq_verb->add_option("--reason", dlq.reason, "Only letters whose reason has this in it")->type_name("TEXT");
  dlq_verb->add_option("--mapping", dlq.mapping, "As for sync (replay)")->type_name("FILE");
  dlq_verb->add_option("--sink", dlq.sinks, "As for sync: whose letters, and where replayed ones go")
      ->type_name("SPEC")
      ->expected(1)
      ->take_all();
  dlq_verb->add_option("--state", dlq.state, "State file (default: the target's own)")->type_name("FILE");
  dlq_verb->footer(kDlqFooter);

  app.add_subcommand(
      "jq", "The transform language by itself: jq's own flags, output and exit codes; see `riptide jq --help`");

  for (CLI::App* const verb : app.get_subcommands({})) {
    verb->allow_extras();
    verb->set_help_flag("-h,--help", "Show this help");
  }

  std::string named;  // the verb, for messages
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    if (show_version) return Say{kExitComplete, "riptide " + version() + "\n"};
    if (chosen.empty()) {
      const std::vector<std::string> extras = app.remaining();
      if (extras.empty()) return usage_error("", "a verb is missing: " + listed(verbs));
      if (extras[0].starts_with('-')) return usage_error("", "there is no flag '" + extras[0] + "' before the verb");
      return usage_error(
          "", "there is no verb '" + extras[0] + "', only " + listed(verbs) + did_you_mean(extras[0], verbs));
    }
    named = chosen[0]->get_name();
    if (const std::vector<std::string> extras = chosen[0]->remaining(); !extras.empty()) {
      const std::string flag = extras[0].substr(0, extras[0].find('='));
      if (flag.starts_with('-')) {
        return usage_error(named, named + " has no flag '" + flag + "'" + did_you_mean(flag, option_names(*chosen[0])));
      }
      return usage_error(named, named + " takes no argument '" + extras[0] + "'");
    }
  } catch (const CLI::CallForHelp&) {
    for (CLI::App* const verb : app.get_subcommands()) return Say{kExitComplete, verb->help("riptide")};
    return Say{kExitComplete, app.help()};
  } catch (const CLI::ParseError& error) {
    for (const CLI::App* const verb : app.get_subcommands()) named = verb->get_name();
    return usage_error(named, error.what());
  }

  std::string wrong;
  const auto common_ok = [&](const CommonFlags& flags) {
    return one_of(flags.log_format, {"text", "json"}, "--log-format", wrong);
  };
  const auto progress_ok = [&](const std::string& progress) {
    return one_of(progress, {"auto", "tty", "log", "json", "none"}, "--progress", wrong);
  };
  const auto deletion_ok = [&](const SyncFlags& flags) {
    if (!one_of(flags.delete_scope, {"all", "closed"}, "--delete-scope", wrong)) return false;
    if (flags.max_delete.empty()) return true;
    const auto limit = stages::parse_max_delete(flags.max_delete);
    if (!limit) wrong = "--max-delete: " + limit.error().message;
    return limit.has_value();
  };
  const auto inject_ok = [&](const SyncFlags& flags) {
    if (flags.inject.empty()) return true;
    const auto plan_of_faults = stages::FaultPlan::parse(flags.inject);
    if (!plan_of_faults) wrong = "--inject: " + plan_of_faults.error().message;
    return plan_of_faults.has_value();
  };
  if (named == "record") {
    const SyncFlags& flags = record.sync;
    if (!common_ok(flags.common) || !progress_ok(flags.progress) || !deletion_ok(flags) || !inject_ok(flags)) {
      return usage_error(named, wrong);
    }
    return record;
  }
  if (named == "sync") {
    if (!inject_ok(sync)) return usage_error(named, wrong);
    if (!common_ok(sync.common) || !progress_ok(sync.progress) || !deletion_ok(sync)) return usage_error(named, wrong);
    return sync;
  }
  if (named == "plan") {
    if (!inject_ok(plan.sync)) return usage_error(named, wrong);
    if (!common_ok(plan.sync.common) || !progress_ok(plan.sync.progress) || !deletion_ok(plan.sync)) {
      return usage_error(named, wrong);
    }
    if (!plan.diff.empty() && !one_of(plan.diff, {"fields"}, "--diff", wrong)) return usage_error(named, wrong);
    if (plan.sync.sinks.size() > 1) return usage_error(named, "a plan is made for one target: name one --sink");
    return plan;
  }
  if (named == "graph") {
    if (!common_ok(graph.sync.common) || !deletion_ok(graph.sync) ||
        !one_of(graph.format, {"dot", "mermaid", "svg", "json", "yaml"}, "--format", wrong)) {
      return usage_error(named, wrong);
    }
    if (!graph.run.empty() && !graph.live) return usage_error(named, "--run goes with --live");
    if (graph.format == "yaml" && !graph.file.empty())
      return usage_error(named, "--format yaml writes sync's graph; " + graph.file + " is a graph file already");
    if (graph.live && !graph.file.empty()) return usage_error(named, "--live shows a run, not a file");
    return graph;
  }
  if (named == "run") {
    if (!common_ok(run.sync.common) || !progress_ok(run.sync.progress)) return usage_error(named, wrong);
    return run;
  }
  if (named == "test") {
    if (!common_ok(test.common)) return usage_error(named, wrong);
    return test;
  }
  if (named == "tap") return tap;
  if (named == "lint") {
    if (!common_ok(lint.common)) return usage_error(named, wrong);
    if (!lint.kind.empty() && lint.sample.empty()) return usage_error(named, "--kind is the kind of a --sample");
    if (!lint.schema.empty()) {
      const std::string what = lint.schema.substr(0, lint.schema.find(':'));
      if (!one_of(what, {"config", "mapping", "graph"}, "--schema", wrong)) return usage_error(named, wrong);
      if (what != "mapping" && what != lint.schema) return usage_error(named, "--schema: only mapping has types");
    }
    return lint;
  }
  if (named == "init") {
    if (!common_ok(init.common)) return usage_error(named, wrong);
    if (init.from.empty() && (!init.headers.empty() || !init.bearer_env.empty())) {
      return usage_error(named, "--header and --bearer-env go with --from");
    }
    return init;
  }
  if (named == "demo") {
    if (!common_ok(demo.common) || !progress_ok(demo.progress)) return usage_error(named, wrong);
    return demo;
  }
  if (named == "bench") return bench;
  if (named == "state") {
    if (!common_ok(state.file.common) || !one_of(state.action, {"show", "verify", "reset"}, "ACTION", wrong)) {
      return usage_error(named, wrong);
    }
    if ((state.all || state.sample || state.seed) && state.action != "verify") {
      return usage_error(named, "--all, --sample and --seed go with verify");
    }
    if (state.all && (state.sample || state.seed)) return usage_error(named, "--all is no sample");
    return state;
  }
  if (named == "runs") {
    if (!common_ok(runs.file.common)) return usage_error(named, wrong);
    return runs;
  }
  if (named == "dlq") {
    if (!common_ok(dlq.common) || !one_of(dlq.action, {"list", "show", "replay", "drop"}, "dlq", wrong)) {
      return usage_error(named, wrong);
    }
    if (!dlq.stage.empty() && !one_of(dlq.stage, {"transform", "upload"}, "--stage", wrong)) {
      return usage_error(named, wrong);
    }
    if (dlq.action == "show" && dlq.ids.empty()) return usage_error(named, "dlq show needs the ID of a letter");
    if ((dlq.action == "replay" || dlq.action == "drop") && dlq.ids.empty() && !dlq.all) {
      return usage_error(named, "dlq " + dlq.action + " needs the IDs of letters, or --all");
    }
    return dlq;
  }
  if (!common_ok(map.common)) return usage_error(named, wrong);
  if (map.explain == "true") map.explain = "text";  // CLI11's value of a flag without one
  if (!map.explain.empty() && !one_of(map.explain, {"text", "json"}, "--explain", wrong)) {
    return usage_error(named, wrong);
  }
  return map;
}

}  // namespace riptide::cli

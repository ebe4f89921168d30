#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <optional>

#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/jq_printer.hpp"
#include "riptide/cli/json_stream.hpp"
#include "riptide/cli/settings.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/json/document.hpp"
#include "riptide/transform/jq.hpp"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace riptide::cli {
namespace {

namespace jq = transform::jq;

// jq's exit codes.
constexpr int kUsage = 2;
constexpr int kDoesNotCompile = 3;
constexpr int kNoOutput = 4;
constexpr int kRunTimeError = 5;

constexpr char kHelp[] = R"(usage: riptide jq [FLAGS] FILTER [FILE...]
       riptide jq [FLAGS] -f FILE [FILE...]

Runs a program of the transform language (jq 1.8) on JSON inputs, as jq does.

  -n, --null-input       one run with null as the input; inputs are read with input and inputs
  -s, --slurp            all inputs as one array
  -R, --raw-input        each line is an input, as a string; with -s the whole text
  -c, --compact-output   one line an output
  -r, --raw-output       strings without quotes
  -j, --join-output      as -r, without line breaks
      --raw-output0      as -r, with NUL instead of line breaks
  -a, --ascii-output     what is not ASCII as \u escapes
  -S, --sort-keys        keys of objects in order
  -e, --exit-status      exit code 1 if the last output is false or null, 4 if there was none
      --tab              indent with tabs
      --indent N         indent with N spaces (0 to 7)
      --arg NAME TEXT    $NAME is the string TEXT
      --argjson NAME JSON  $NAME is the JSON value
      --slurpfile NAME FILE  $NAME is an array of all JSON values in FILE
      --rawfile NAME FILE  $NAME is the text of FILE
      --args, --jsonargs   what follows FILTER is not files but $ARGS.positional
  -f, --from-file FILE   the program is in FILE

Exit codes: 0; 2 usage or an input that is not JSON; 3 a program that does not compile; 5 a run-time error; -e's.
)";

struct Options {
  JqLayout layout;
  bool null_input = false, slurp = false, raw_input = false, raw_output = false, exit_status = false;
  std::string after = "\n";
  std::optional<std::string> program;
  std::vector<std::string> files;
  std::vector<std::pair<std::string, std::string>> variables;  // values as JSON text
  std::vector<std::string> positional;                         // likewise
};

std::string quoted(std::string_view text) {
  std::string out;
  json::append_quoted(text, out);
  return out;
}

bool is_json(const std::string& text) {
  std::string padded = text;
  padded.append(json::Document::kPadding, ' ');
  json::Document document;
  return document.index(std::string_view(padded).substr(0, text.size())).has_value() && document.check().has_value();
}

pipeline::Result<std::string> slurped(std::vector<std::string> files) {
  JsonStream stream(std::move(files));
  std::string all = "[", text;
  while (true) {
    const auto more = stream.next(text);
    if (!more) return pipeline::unexpected(more.error());
    if (!*more) return all + "]";
    if (all.size() > 1) all += ',';
    all += text;
  }
}

class CommandLine {
 public:
  explicit CommandLine(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  // Returns an exit code if there is nothing to run.
  std::optional<int> read(Options& out) {
    for (; at_ < arguments_.size(); ++at_) {
      const std::string& argument = arguments_[at_];
      if (only_values_ || argument.size() < 2 || argument[0] != '-') {
        value(argument, out);
      } else if (argument == "--") {
        only_values_ = true;
      } else if (argument.starts_with("--")) {
        if (auto code = long_flag(argument, out)) return code;
      } else {
        for (const char letter : argument.substr(1)) {
          if (auto code = short_flag(letter, out)) return code;
        }
      }
    }
    if (!wrong_.empty()) return usage(wrong_);
    if (from_file_) {
      if (out.program) out.files.insert(out.files.begin(), *out.program);
      auto text = read_file(*from_file_);
      if (!text) return usage(*from_file_ + ": " + text.error().message);
      out.program = std::move(*text);
    }
    if (!out.program) return usage("a FILTER is missing");
    return std::nullopt;
  }

 private:
  enum class Positional { kFiles, kStrings, kJson };

  void value(const std::string& text, Options& out) {
    if (!out.program && !from_file_) {
      out.program = text;
      return;
    }
    switch (positional_) {
      case Positional::kFiles:
        out.files.push_back(text);
        break;
      case Positional::kStrings:
        out.positional.push_back(quoted(text));
        break;
      case Positional::kJson:
        if (!is_json(text)) wrong_ = "--jsonargs: '" + text + "' is not JSON";
        out.positional.push_back(text);
        break;
    }
  }

  std::optional<int> short_flag(char letter, Options& out) {
    switch (letter) {
      case 'n':
        out.null_input = true;
        break;
      case 's':
        out.slurp = true;
        break;
      case 'R':
        out.raw_input = true;
        break;
      case 'c':
        out.layout.indent = 0;
        break;
      case 'r':
        out.raw_output = true;
        break;
      case 'j':
        out.raw_output = true;
        out.after.clear();
        break;
      case 'a':
        out.layout.ascii = true;
        break;
      case 'S':
        out.layout.sort_keys = true;
        break;
      case 'e':
        out.exit_status = true;
        break;
      case 'M':
        break;
      case 'C':
        break;  // colours are left to the terminal's pager
      case 'f': {
        const std::string* const file = following();
        if (file == nullptr) return usage("-f needs a FILE");
        from_file_ = *file;
        break;
      }
      case 'h':
        std::fputs(kHelp, stdout);
        return 0;
      default:
        return usage(std::string("there is no flag -") + letter);
    }
    return std::nullopt;
  }

  std::optional<int> long_flag(const std::string& name, Options& out) {
    static const std::vector<std::pair<std::string, char>> kShort = {
        {"--null-input", 'n'},       {"--slurp", 's'},       {"--raw-input", 'R'},    {"--compact-output", 'c'},
        {"--raw-output", 'r'},       {"--join-output", 'j'}, {"--ascii-output", 'a'}, {"--sort-keys", 'S'},
        {"--exit-status", 'e'},      {"--from-file", 'f'},   {"--help", 'h'},         {"--color-output", 'C'},
        {"--monochrome-output", 'M'}};
    for (const auto& [long_name, letter] : kShort) {
      if (name == long_name) return short_flag(letter, out);
    }
    if (name == "--tab") {
      out.layout.tabs = true;
    } else if (name == "--raw-output0") {
      out.raw_output = true;
      out.after = std::string(1, '\0');
    } else if (name == "--indent") {
      const std::string* const text = following();
      const auto number = text == nullptr ? std::nullopt : parse_integer(*text);
      if (!number || *number < 0 || *number > 7) return usage("--indent needs a number from 0 to 7");
      out.layout.indent = static_cast<int>(*number);
    } else if (name == "--args") {
      positional_ = Positional::kStrings;
    } else if (name == "--jsonargs") {
      positional_ = Positional::kJson;
    } else if (name == "--arg" || name == "--argjson" || name == "--slurpfile" || name == "--rawfile") {
      return variable(name, out);
    } else {
      std::vector<std::string> known = {"--tab",     "--indent",    "--args",    "--jsonargs",   "--arg",
                                        "--argjson", "--slurpfile", "--rawfile", "--raw-output0"};
      for (const auto& one : kShort) known.push_back(one.first);
      return usage("there is no flag " + name + did_you_mean(name, known));
    }
    return std::nullopt;
  }

  std::optional<int> variable(const std::string& flag, Options& out) {
    const std::string* const name = following();
    const std::string* const text = following();
    if (text == nullptr) return usage(flag + " needs a name and a value");
    std::string json;
    if (flag == "--arg") {
      json = quoted(*text);
    } else if (flag == "--argjson") {
      if (!is_json(*text)) return usage("--argjson " + *name + ": the value is not JSON");
      json = *text;
    } else if (flag == "--rawfile") {
      const auto file = read_file(*text);
      if (!file) return usage("--rawfile " + *text + ": " + file.error().message);
      json = quoted(*file);
    } else {
      auto all = slurped({*text});
      if (!all || !is_json(*all))
        return usage("--slurpfile " + *text + ": " + (all ? "it is not JSON" : all.error().message));
      json = std::move(*all);
    }
    for (const auto& [known, value] : out.variables) {
      if (known == *name) return std::nullopt;  // the first one counts
    }
    out.variables.emplace_back(*name, std::move(json));
    return std::nullopt;
  }

  const std::string* following() { return at_ + 1 < arguments_.size() ? &arguments_[++at_] : nullptr; }

  static int usage(const std::string& message) {
    std::fprintf(stderr, "riptide jq: %s\nRun `riptide jq --help` for what there is.\n", message.c_str());
    return kUsage;
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  bool only_values_ = false;
  Positional positional_ = Positional::kFiles;
  std::optional<std::string> from_file_;
  std::string wrong_;
};

// Inputs for the main loop and for `input`.
class Inputs final : public jq::Host {
 public:
  explicit Inputs(const Options& options) : options_(options), stream_(options.files) {}

  pipeline::Result<bool> next_input(std::string& json) override {
    while (true) {
      auto more = options_.slurp ? slurp(json) : options_.raw_input ? line(json) : stream_.next(json);
      if (more) return more;
      std::fprintf(stderr, "jq: error: Could not open %s\n", more.error().message.c_str());
      failed_ = true;
    }
  }
  void debug(std::string_view json) override {
    std::fprintf(stderr, "[\"DEBUG:\",%.*s]\n", static_cast<int>(json.size()), json.data());
  }
  void standard_error(std::string_view text) override { std::fwrite(text.data(), 1, text.size(), stderr); }
  [[nodiscard]] std::string_view input_filename() const override { return stream_.file(); }

  [[nodiscard]] std::string where() const {
    return (stream_.file().empty() ? std::string("<stdin>") : stream_.file()) + ":" +
           std::to_string(stream_.line() - 1);
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  pipeline::Result<bool> line(std::string& json) {
    auto more = stream_.next_line(text_);
    if (more && *more) json = quoted(text_);
    return more;
  }

  pipeline::Result<bool> slurp(std::string& json) {
    if (slurped_) return false;
    std::string all;
    while (true) {
      auto more = options_.raw_input ? stream_.next_line(text_) : stream_.next(text_);
      if (!more) return more;
      if (!*more) break;
      if (options_.raw_input) {
        all += text_ + "\n";
      } else {
        all += (all.empty() ? "" : ",") + text_;
      }
    }
    slurped_ = true;
    json = options_.raw_input ? quoted(all) : "[" + all + "]";
    return true;
  }

  const Options& options_;
  JsonStream stream_;
  std::string text_;
  bool slurped_ = false;
  bool failed_ = false;
};

class Runner {
 public:
  Runner(const Options& options, const jq::Program& program)
      : options_(options),
        program_(program),
        inputs_(options),
        evaluator_({.max_steps = UINT64_MAX / 2,
                    .max_memory_bytes = std::size_t{8} << 30,
                    .max_output_bytes = std::size_t{8} << 30}) {
    evaluator_.set_host(&inputs_);
  }

  int run() {
    if (options_.null_input) {
      evaluator_.load_null();
      evaluate();
    } else {
      std::string text;
      while (!halted_) {
        const auto more = inputs_.next_input(text);
        if (!more || !*more) break;
        const std::size_t size = text.size();
        text.append(json::Document::kPadding, ' ');
        if (auto loaded = evaluator_.load(std::string_view(text).substr(0, size)); !loaded) {
          flush();
          std::fprintf(stderr, "jq: error (at %s): %s\n", inputs_.where().c_str(), loaded.error().message.c_str());
          code_ = kUsage;
          break;
        }
        evaluate();
      }
    }
    flush();
    if (halted_) return code_;
    if (code_ != 0) return code_;
    if (inputs_.failed() || std::ferror(stdout) != 0) return kUsage;
    if (options_.exit_status) return !any_output_ ? kNoOutput : last_truthy_ ? 0 : 1;
    return 0;
  }

 private:
  void evaluate() {
    const jq::Outcome outcome = evaluator_.run(program_, [this](jq::ValueRef value) {
      if (options_.raw_output && value.type() == jq::Type::kString) {
        buffer_ += options_.layout.ascii ? raw_ascii(value) : std::string(value.string());
      } else {
        print_json(value, options_.layout, buffer_);
      }
      buffer_ += options_.after;
      any_output_ = true;
      last_truthy_ = value.truthy();
      if (buffer_.size() > (64u << 10)) flush();
      return jq::Next::kContinue;
    });
    switch (outcome.ending) {
      case jq::Outcome::Ending::kDone:
      case jq::Outcome::Ending::kStopped:
        code_ = 0;  // as in jq, the last input decides
        break;
      case jq::Outcome::Ending::kError:
      case jq::Outcome::Ending::kLimit:
        flush();
        std::fprintf(stderr, "jq: error (at %s): %s\n", options_.null_input ? "<unknown>" : inputs_.where().c_str(),
                     outcome.message.c_str());
        code_ = kRunTimeError;
        break;
      case jq::Outcome::Ending::kHalted:
        halt(outcome);
        break;
    }
  }

  void halt(const jq::Outcome& outcome) {
    flush();
    halted_ = true;
    code_ = outcome.exit_code;
    if (!outcome.has_value) return;
    std::string text;
    if (outcome.value.type() == jq::Type::kString) {
      text = outcome.value.string();
    } else {
      print_json(outcome.value, {.indent = 0}, text);
      text += '\n';
    }
    std::fwrite(text.data(), 1, text.size(), stderr);
  }

  // A string's text with escapes for what is not ASCII, as `jq -ra` prints it.
  static std::string raw_ascii(jq::ValueRef value) {
    std::string text;
    value.append_json(text);
    return as_ascii(text);
  }

  void flush() {
    std::fwrite(buffer_.data(), 1, buffer_.size(), stdout);
    std::fflush(stdout);
    buffer_.clear();
  }

  const Options& options_;
  const jq::Program& program_;
  Inputs inputs_;
  jq::Evaluator evaluator_;
  std::string buffer_;
  bool any_output_ = false;
  bool last_truthy_ = false;
  bool halted_ = false;
  int code_ = 0;
};

}  // namespace

int run_jq(const JqFlags& flags) {
  Options options;
  if (const auto code = CommandLine(flags.arguments).read(options)) return *code;
  jq::CompileOptions compile;
  compile.host_functions = true;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    if (const char* const equals = std::strchr(*variable, '=')) {
      compile.environment.emplace_back(std::string(*variable, static_cast<std::size_t>(equals - *variable)),
                                       equals + 1);
    }
  }
  std::string named, positional;
  for (const auto& [name, value] : options.variables) named += (named.empty() ? "" : ",") + quoted(name) + ":" + value;
  for (const std::string& value : options.positional) positional += (positional.empty() ? "" : ",") + value;
  compile.variables = options.variables;
  compile.variables.emplace_back("ARGS", "{\"positional\":[" + positional + "],\"named\":{" + named + "}}");
  jq::CompileError where;
  const auto program = jq::Program::compile(*options.program, compile, &where);
  if (!program) {
    std::fprintf(stderr, "jq: error: %s at line %d, column %d\njq: 1 compile error\n", where.message.c_str(),
                 where.line, where.column);
    return kDoesNotCompile;
  }
  return Runner(options, **program).run();
}

}  // namespace riptide::cli

#include "riptide/cli/jq_options.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "riptide/cli/command_line.hpp"
#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/jq_source.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::cli {
namespace {

namespace jq = transform::jq;

constexpr char kHelp[] = R"(usage: riptide jq [FLAGS] FILTER [FILE...]
       riptide jq [FLAGS] -f PROGRAM-FILE [FILE...]
       riptide jq [FLAGS] --args FILTER [TEXT...]
       riptide jq [FLAGS] --jsonargs FILTER [JSON...]

Runs a program of the transform language (jq 1.8) on JSON values, as jq does; on all cores where it can.

  -n, --null-input       run once, with null as the input; the program reads with input and inputs
  -s, --slurp            all values as one array
  -R, --raw-input        each line is an input, as a string; with -s the whole text
      --stream           inputs are the events [path, leaf] and [path] of the values
      --stream-errors    as --stream, and what is not JSON is an input [message, path]
      --seq              texts begin with the character RS, read and written
  -c, --compact-output   one line an output
  -r, --raw-output       strings without quotes
  -j, --join-output      as -r, without line breaks
      --raw-output0      as -r, with NUL instead of line breaks
  -a, --ascii-output     what is not ASCII as \u escapes
  -S, --sort-keys        keys of objects in order
      --tab              indent with tabs
      --indent N         indent with N spaces (0 to 7; -1 is a tab)
      --unbuffered       write each output at once
  -e, --exit-status      exit code 1 if the last output is false or null, 4 if there was none
  -f, --from-file        the first argument that is no flag is the file of the program
      --arg NAME TEXT    $NAME is the string TEXT
      --argjson NAME JSON  $NAME is the JSON value
      --slurpfile NAME FILE  $NAME is an array of all JSON values in FILE
      --rawfile NAME FILE  $NAME is the text of FILE
      --args, --jsonargs   what follows FILTER is not files but $ARGS.positional
  -L, --library-path DIR look for modules in DIR; may be given again
  -C, --color-output     in colours, as on a terminal ($JQ_COLORS, $NO_COLOR); -M, --monochrome-output: without
  -V, --version; --build-configuration; -h, --help

Exit codes: 0; 2 wrong usage or a file that cannot be read; 3 a program that does not compile; 5 an error in the last
value, or an input that is not JSON; those of -e and halt_error.
)";

constexpr std::pair<const char*, char> kShort[] = {
    {"--null-input", 'n'},        {"--slurp", 's'},       {"--raw-input", 'R'},    {"--compact-output", 'c'},
    {"--raw-output", 'r'},        {"--join-output", 'j'}, {"--ascii-output", 'a'}, {"--sort-keys", 'S'},
    {"--exit-status", 'e'},       {"--from-file", 'f'},   {"--help", 'h'},         {"--color-output", 'C'},
    {"--monochrome-output", 'M'}, {"--version", 'V'},     {"--binary", 'b'}};
constexpr const char* kLong[] = {
    "--tab",           "--indent",      "--args",       "--jsonargs",     "--arg",
    "--argjson",       "--slurpfile",   "--rawfile",    "--seq",          "--stream",
    "--stream-errors", "--raw-output0", "--unbuffered", "--library-path", "--build-configuration"};

std::string quoted(std::string_view text) {
  jq::Evaluator evaluator;
  evaluator.load_string(text);
  std::string out;
  evaluator.input().append_json(out);
  return out;
}

// Checks that `text` is one JSON value.
bool is_json(const std::string& text) {
  jq::Evaluator evaluator;
  std::size_t at = 0;
  return evaluator.load_all(text, at) && evaluator.input().size() == 1;
}

class CommandLine {
 public:
  explicit CommandLine(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  std::variant<JqOptions, JqRefusal> read(const JqTerminal& terminal) {
    for (; at_ < arguments_.size(); ++at_) {
      const std::string& argument = arguments_[at_];
      const bool flag = argument.size() > 1 && argument[0] == '-' &&
                        (argument[1] == '-' || std::isalpha(static_cast<unsigned char>(argument[1])) != 0);
      if (only_values_ || !flag) {
        value(argument);
      } else if (argument == "--") {
        only_values_ = true;
      } else if (argument.starts_with("--")) {
        long_flag(argument);
      } else {
        short_flags(std::string_view(argument).substr(1));
      }
      if (refusal_) return std::move(*refusal_);
    }
    if (!program_ && !from_file_ && terminal.has_pipe) program_ = ".";
    if (!program_) return wrong("a FILTER is missing");
    if (from_file_) {
      auto text = read_file(*program_);
      if (!text) return wrong(*program_ + ": " + text.error().message);
      if (const std::size_t slash = program_->rfind('/'); slash != std::string::npos) {
        options_.program_folder = slash == 0 ? "/" : program_->substr(0, slash);
      }
      program_ = std::move(*text);
    }
    if (colors_.value_or(terminal.colors)) options_.layout.colors = terminal.palette;
    options_.program = std::move(*program_);
    std::string named;
    for (const auto& [name, json] : options_.variables) {
      named += (named.empty() ? "" : ",") + quoted(name) + ":" + json;
    }
    const auto is_build = [](const auto& variable) { return variable.first == "JQ_BUILD_CONFIGURATION"; };
    if (std::none_of(options_.variables.begin(), options_.variables.end(), is_build)) {
      options_.variables.emplace_back("JQ_BUILD_CONFIGURATION", quoted(build()));
    }
    options_.variables.emplace_back("ARGS", "{\"positional\":[" + positional_values_ + "],\"named\":{" + named + "}}");
    return std::move(options_);
  }

 private:
  enum class Positional { kFiles, kStrings, kJson };

  void value(const std::string& text) {
    if (!program_) {
      program_ = text;
      return;
    }
    switch (positional_) {
      case Positional::kFiles:
        options_.files.push_back(text);
        return;
      case Positional::kStrings:
        positional_value(quoted(text));
        return;
      case Positional::kJson:
        if (!is_json(text)) {
          refuse("--jsonargs: '" + text + "' is not JSON");
        } else {
          positional_value(text);
        }
        return;
    }
  }

  void positional_value(const std::string& json) {
    positional_values_ += (positional_values_.empty() ? "" : ",") + json;
  }

  void short_flags(std::string_view letters) {
    for (std::size_t i = 0; i < letters.size() && !refusal_; ++i) {
      if (letters[i] != 'L') {
        short_flag(letters[i]);
        continue;
      }
      if (i + 1 < letters.size()) {  // -LDIR
        library(std::string(letters.substr(i + 1)));
      } else {
        library_follows();
      }
      return;
    }
  }

  void library(const std::string& folder) {
    if (!options_.libraries) options_.libraries.emplace();
    options_.libraries->push_back(folder);
  }
  void library_follows() {
    if (const std::string* const folder = following()) {
      library(*folder);
    } else {
      refuse("-L needs a folder");
    }
  }

  static std::string build() { return "riptide " + version(); }

  void short_flag(char letter) {
    JqOptions& out = options_;
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
        out.layout.compact = true;
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
      case 'f':
        from_file_ = true;
        break;
      case 'C':
        colors_ = colors_.value_or(true);
        break;
      case 'M':
        colors_ = false;  // whatever else is said
        break;
      case 'b':
        break;
      case 'h':
        refusal_ = JqRefusal{0, kHelp, ""};
        break;
      case 'V':
        refusal_ = JqRefusal{0, "jq-1.8 (riptide " + version() + ")\n", ""};
        break;
      default:
        refuse(std::string("there is no flag -") + letter);
    }
  }

  void long_flag(const std::string& name) {
    for (const auto& [long_name, letter] : kShort) {
      if (name == long_name) {
        short_flag(letter);
        return;
      }
    }
    JqOptions& out = options_;
    if (name == "--tab") {
      out.layout.compact = false;
      out.layout.tabs = true;
    } else if (name == "--raw-output0") {
      out.raw_output = true;
      out.refuse_nul = true;
      out.after = std::string(1, '\0');
    } else if (name == "--indent") {
      indent();
    } else if (name == "--seq") {
      out.sequence = true;
    } else if (name == "--stream") {
      out.stream = true;
    } else if (name == "--stream-errors") {
      out.stream = out.stream_errors = true;
    } else if (name == "--library-path") {
      library_follows();
    } else if (name == "--build-configuration") {
      refusal_ = JqRefusal{0, build() + "\n", ""};
    } else if (name == "--unbuffered") {
      out.unbuffered = true;
    } else if (name == "--args") {
      positional_ = Positional::kStrings;
    } else if (name == "--jsonargs") {
      positional_ = Positional::kJson;
    } else if (name == "--arg" || name == "--argjson" || name == "--slurpfile" || name == "--rawfile") {
      variable(name);
    } else {
      std::vector<std::string> known(std::begin(kLong), std::end(kLong));
      for (const auto& one : kShort) known.emplace_back(one.first);
      refuse("there is no flag " + name + did_you_mean(name, known));
    }
  }

  void indent() {
    const std::string* const text = following();
    if (text == nullptr) {
      refuse("--indent needs a number from -1 to 7");
      return;
    }
    int number = 0;
    const char* const end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number < -1 || number > 7) {
      refuse("--indent needs a number from -1 to 7");
      return;
    }
    options_.layout.compact = false;
    options_.layout.tabs = number == -1;
    options_.layout.indent = number == -1 ? 1 : number;
  }

  void variable(const std::string& flag) {
    const std::string* const name = following();
    const std::string* const text = following();
    if (text == nullptr) {
      refuse(flag + " needs a name and a value");
      return;
    }
    for (const auto& [known, value] : options_.variables) {
      if (known == *name) return;  // the first one counts
    }
    std::string json;
    if (flag == "--arg") {
      json = quoted(*text);
    } else if (flag == "--argjson") {
      if (!is_json(*text)) {
        refuse("--argjson " + *name + ": the value is not JSON");
        return;
      }
      json = *text;
    } else {
      JqSource source({*text}, STDIN_FILENO, JqSource::Cut::kNowhere);
      JqBlock all;
      source.read_all(all);
      if (source.failed()) {
        refuse(flag + " " + *name + ": " + source.complaints());
        return;
      }
      jq::Evaluator evaluator(kJqLimits);
      std::size_t at = 0;
      if (flag == "--rawfile") {
        evaluator.load_string(all.text());
      } else if (const auto loaded = evaluator.load_all(all.text(), at); !loaded) {
        refuse("bad JSON in " + flag + " " + *name + " " + *text + ": " + loaded.error().message);
        return;
      }
      evaluator.input().append_json(json);
    }
    options_.variables.emplace_back(*name, std::move(json));
  }

  const std::string* following() { return at_ + 1 < arguments_.size() ? &arguments_[++at_] : nullptr; }

  void refuse(const std::string& message) { refusal_ = wrong(message); }
  static JqRefusal wrong(const std::string& message) {
    return {jq_exit::kUsage, "", "jq: " + message + "\nRun `riptide jq --help` for what there is.\n"};
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  JqOptions options_;
  std::optional<std::string> program_;
  std::optional<JqRefusal> refusal_;
  std::string positional_values_;
  Positional positional_ = Positional::kFiles;
  bool only_values_ = false;
  bool from_file_ = false;
  std::optional<bool> colors_;
};

}  // namespace

std::variant<JqOptions, JqRefusal> read_jq_options(const std::vector<std::string>& arguments,
                                                   const JqTerminal& terminal) {
  return CommandLine(arguments).read(terminal);
}

}  // namespace riptide::cli

#include "riptide/cli/config.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "riptide/cli/field_check.hpp"
#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/cli/tree.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/check.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/stages/secret_settings.hpp"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace riptide::cli {
namespace {

using Level = Problem::Level;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return out;
}

// Puts `over` on `under`, leaf by leaf.
void merge(Tree& under, Tree over) {
  if (under.kind != Tree::Kind::kMap || over.kind != Tree::Kind::kMap) {
    under = std::move(over);
    return;
  }
  for (auto& [key, member] : over.members) {
    if (Tree* const there = under.find(key)) {
      merge(*there, std::move(member));
    } else {
      under.members.emplace_back(key, std::move(member));
    }
  }
}

Tree empty_map() {
  Tree tree;
  tree.kind = Tree::Kind::kMap;
  return tree;
}

// The dotted path as nested maps around a leaf.
Tree nested(std::span<const std::string> path, Tree leaf) {
  for (auto name = path.rbegin(); name != path.rend(); ++name) {
    Tree outer = empty_map();
    outer.origin = leaf.origin;
    outer.members.emplace_back(*name, std::move(leaf));
    leaf = std::move(outer);
  }
  return leaf;
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t at = text.find(separator);
    out.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + separator.size());
  }
}

std::string joined(std::span<const std::string> path) {
  std::string out;
  for (const std::string& name : path) out += (out.empty() ? "" : ".") + name;
  return out;
}

// Whether a setting is a block whose members belong to the user: names of headers, of parameters.
bool is_block(std::string_view key) {
  const auto it_is = [&](const Setting& setting) { return setting.type == SettingType::kJson && setting.key == key; };
  for (const IntegrationType& type : integration_types()) {
    if (std::any_of(type.settings.begin(), type.settings.end(), it_is)) return true;
  }
  return false;
}

// Keys of maps in snake_case; what is inside of lists stays as it is (as in Ocean), and inside of blocks.
void to_snake_case(Tree& tree, const std::string& path = "") {
  for (auto& [key, member] : tree.members) {
    key = snake_case(key);
    const std::string here = path.empty() ? key : path + "." + key;
    if (!is_block(here)) to_snake_case(member, here);
  }
}

void add_places(const Tree& tree, const std::string& path, std::vector<SettingPlace>& places) {
  if (tree.line == 0 || tree.origin.starts_with("--")) return;
  places.push_back({path, tree.origin, tree.line, tree.column});
  for (const auto& [key, member] : tree.members) add_places(member, path.empty() ? key : path + "." + key, places);
}

// `{{ from PROVIDER VALUE }}` at the beginning of a text: provider and value.
std::optional<std::pair<std::string, std::string>> provider_reference(std::string_view text) {
  constexpr std::string_view kBegin = "{{ from ";
  if (!text.starts_with(kBegin)) return std::nullopt;
  text.remove_prefix(kBegin.size());
  const std::size_t close = text.find("}}");
  const std::size_t space = text.find(' ');
  if (close == std::string_view::npos || space == 0 || space > close) return std::nullopt;
  std::string_view value = text.substr(space + 1, close - space - 1);
  while (value.ends_with(' ')) value.remove_suffix(1);
  return std::pair(std::string(text.substr(0, space)), std::string(value));
}

}  // namespace

class ConfigReader {
 public:
  ConfigReader(const ConfigSources& sources, const ConfigNeeds& needs) : sources_(sources), needs_(needs) {}

  ConfigReading read() {
    tree_ = empty_map();
    const EnvironmentLookup environment = [&](std::string_view name) { return lookup(sources_.environment, name); };
    if (sources_.dotenv) dotenv_ = read_dotenv(*sources_.dotenv, ".env", environment, reading_.problems);
    add_file();
    add_variables(dotenv_, ".env");
    add_variables(sources_.environment, "");
    for (const ConfigSources::Flag& flag : sources_.flags) {
      Tree leaf;
      leaf.kind = Tree::Kind::kString;
      leaf.text = flag.value;
      leaf.origin = flag.name;
      merge(tree_, nested(split(flag.key, "."), std::move(leaf)));
    }
    find_type();
    for (const Setting& setting : framework_settings()) add(setting);
    if (type_ != nullptr) {
      for (const Setting& setting : type_->settings) add(setting);
    }
    report_unknown();
    check_together();
    return std::move(reading_);
  }

 private:
  static std::optional<std::string> lookup(const std::vector<Variable>& variables, std::string_view name) {
    for (auto variable = variables.rbegin(); variable != variables.rend(); ++variable) {
      if (variable->name == name) return variable->value;
    }
    return std::nullopt;
  }

  void problem(Level level, const Tree* at, std::string where, std::string message) {
    Problem out;
    out.level = level;
    out.where = std::move(where);
    if (at != nullptr) {
      if (at->origin.starts_with("--")) {
        out.where = at->origin;
      } else if (at->line > 0) {  // in a file; what comes from the environment is named by its variable
        out.origin = at->origin;
        out.line = at->line;
        out.column = at->column;
      }
    }
    out.message = std::move(message);
    reading_.problems.push_back(std::move(out));
  }

  // --- config.yaml ---

  void add_file() {
    if (!sources_.file) return;
    auto tree = read_yaml(*sources_.file, sources_.file_name, reading_.problems);
    if (!tree) {
      reading_.problems.push_back({Level::kError, sources_.file_name, 0, 0, "", tree.error().message});
      return;
    }
    if (tree->kind == Tree::Kind::kNull) {
      reading_.problems.push_back(
          {Level::kError, sources_.file_name, 0, 0, "", "the file is empty; put settings into it or remove it"});
      return;
    }
    if (tree->kind != Tree::Kind::kMap) {
      reading_.problems.push_back(
          {Level::kError, sources_.file_name, tree->line, tree->column, "",
           "the file must hold settings as `name: value`, not " + std::string(name_of(tree->kind))});
      return;
    }
    to_snake_case(*tree);
    resolve_references(*tree, "");
    merge(tree_, std::move(*tree));
  }

  // Replaces `{{ from env NAME }}`; a reference to a variable that is not set leaves its key out.
  void resolve_references(Tree& tree, const std::string& path) {
    std::erase_if(tree.members, [&](auto& entry) {
      auto& [key, member] = entry;
      const std::string here = path.empty() ? key : path + "." + key;
      if (member.kind == Tree::Kind::kMap) {
        resolve_references(member, here);
        return false;
      }
      const auto reference = member.kind == Tree::Kind::kString ? provider_reference(member.text) : std::nullopt;
      if (!reference) return false;
      const auto& [provider, name] = *reference;
      if (provider != "env") {
        problem(Level::kWarning, &member, yaml_key_of(here),
                "there is no provider '" + provider + "', only env; the setting is left unset");
        return true;
      }
      std::optional<std::string> value = lookup(sources_.environment, name);
      if (!value) value = lookup(dotenv_, name);
      if (!value) {
        unset_references_[here] = name;
        return true;
      }
      member.text = *value;
      return false;
    });
  }

  // --- variables ---

  static bool is_complex(std::string_view key) {
    if (key == "integration.config") return true;
    const std::string prefix = std::string(key) + ".";
    const auto inside = [&](const Setting& setting) { return setting.key.starts_with(prefix); };
    return std::any_of(framework_settings().begin(), framework_settings().end(), inside);
  }

  void add_variables(const std::vector<Variable>& variables, const std::string& file) {
    struct Entry {
      std::vector<std::string> path;
      const Variable* variable;
    };
    std::vector<Entry> entries;
    for (const Variable& variable : variables) {
      const std::string name = lower(variable.name);
      if (variable.value.empty()) continue;  // as if it were not set: FOO=${UNSET:-} is common
      if (name.starts_with("ocean__")) {
        entries.push_back({split(std::string_view(name).substr(7), "__"), &variable});
      } else if (name.starts_with("application__")) {
        entries.push_back({split(name, "__"), &variable});
      }
    }
    // JSON of an outer field first, single variables inside of it on top.
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.path.size() < b.path.size(); });
    for (const Entry& entry : entries) {
      Tree leaf;
      leaf.kind = Tree::Kind::kString;
      leaf.text = entry.variable->value;
      leaf.origin = file.empty() ? entry.variable->name : file;
      leaf.line = entry.variable->line;
      if (is_complex(joined(entry.path))) {
        auto json = read_json(leaf.text, leaf.origin);
        if (!json || json->kind != Tree::Kind::kMap) {
          problem(Level::kError, &leaf, entry.variable->name,
                  json ? "must be a JSON object, not " + std::string(name_of(json->kind))
                       : "must be a JSON object: " + json.error().message);
          continue;
        }
        to_snake_case(*json, joined(entry.path));
        set_place(*json, leaf);
        merge(tree_, nested(entry.path, std::move(*json)));
      } else {
        merge(tree_, nested(entry.path, std::move(leaf)));
      }
    }
  }

  static void set_place(Tree& tree, const Tree& from) {
    tree.line = from.line;
    tree.column = 0;
    for (auto& [key, member] : tree.members) set_place(member, from);
    for (Tree& item : tree.items) set_place(item, from);
  }

  // --- values ---

  const Tree* find(std::string_view key) const {
    const Tree* tree = &tree_;
    for (const std::string& name : split(key, ".")) {
      if (tree->kind != Tree::Kind::kMap) return nullptr;
      tree = tree->find(name);
      if (tree == nullptr) return nullptr;
    }
    return tree;
  }

  void find_type() {
    const Tree* const given = find("integration.type");
    std::string& type = reading_.config.type_;
    if (given != nullptr && given->scalar() && given->kind != Tree::Kind::kNull) type = lower(python_text(*given));
    type_ = find_integration_type(type);
    if (!type.empty() && type_ == nullptr) {
      std::vector<std::string> known;
      for (const IntegrationType& one : integration_types()) known.emplace_back(one.name);
      problem(Level::kError, given, how_to_set("integration.type"),
              "there is no integration type '" + type + "'; this version reads " + listed(known) +
                  did_you_mean(type, known));
    }
    const Tree* const identifier = find("integration.identifier");
    if (identifier != nullptr && identifier->scalar() && identifier->kind != Tree::Kind::kNull) {
      reading_.config.identifier_ = python_text(*identifier);
    } else if (!type.empty()) {
      reading_.config.identifier_ = "my-" + type + "-integration";
    }
  }

  void add(const Setting& setting) {
    const std::string key(setting.key);
    Config::Value& value = reading_.config.values_[key];
    value.setting = &setting;
    const Tree* given = find(key);
    if (given != nullptr && given->kind == Tree::Kind::kNull) given = nullptr;
    if (given == nullptr) {
      const Tree* const other = setting.unless.empty() ? nullptr : find(setting.unless);
      const bool other_given = other != nullptr && other->kind != Tree::Kind::kNull;
      if (setting.required && !other_given) report_missing(setting, value);
      if (!setting.fallback.empty()) {
        const std::string why = parse(setting, std::string(setting.fallback), value);
        RIPTIDE_CHECK(why.empty());
      }
      return;
    }
    value.given = true;
    add_places(*given, "", value.places);
    if (setting.use == SettingUse::kIgnored) return;
    const bool json = setting.type == SettingType::kJson;
    if (json && given->kind == Tree::Kind::kMap && given->line > 0 && !given->origin.empty() &&
        setting.fields != nullptr) {
      check_fields(*given, setting.fields(), yaml_key_of(key), UnknownField::kError, given->origin, reading_.problems);
    }
    if (!given->scalar() && !json) {
      problem(Level::kError, given, how_to_set(key),
              "must be a single value, not " + std::string(name_of(given->kind)));
      return;
    }
    const bool as_written = given->kind == Tree::Kind::kBool && setting.type == SettingType::kBool;
    const std::string text = !given->scalar() ? to_json(*given) : as_written ? given->text : python_text(*given);
    const std::string why = parse(setting, text, value);
    if (!why.empty()) problem(Level::kError, given, how_to_set(key), why);
  }

  void report_missing(const Setting& setting, Config::Value& value) {
    const bool type = setting.key == "integration.type";
    if (type && !needs_.type) return;
    if (!type && needs_.source == ConfigNeeds::Missing::kPlaceholder) {
      const std::string why =
          parse(setting, setting.type == SettingType::kUrl ? "https://placeholder.invalid" : "placeholder", value);
      RIPTIDE_CHECK(why.empty());
      return;
    }
    std::string message = "is required and not set";
    const auto reference = unset_references_.find(std::string(setting.key));
    if (reference != unset_references_.end()) {
      message = "is required; " + sources_.file_name + " takes it from the variable " + reference->second +
                ", which is not set";
    } else if (type) {
      message += "; set it to the system to read, e.g. octopus";
    }
    if (!setting.unless.empty()) message += ", nor is " + how_to_set(setting.unless);
    const bool doubtful = !type && needs_.source == ConfigNeeds::Missing::kWarning;
    problem(doubtful ? Level::kWarning : Level::kError, nullptr, how_to_set(setting.key), message);
  }

  static std::string wrong_json(const std::string& text) {
    const pipeline::Page page = pipeline::make_page(text);
    json::Document document;
    const auto root = document.index(page->view());
    if (!root || !document.check()) return "must be JSON, or a block in config.yaml";
    return root->type == json::Type::kObject ? "" : "must be a JSON object";
  }

  // Returns what is wrong, or "". Never quotes the value of a secret, or one that may be a secret in the wrong place.
  static std::string parse(const Setting& setting, const std::string& text, Config::Value& value) {
    const auto out_of_range = [&](double number, const std::string& unit) -> std::string {
      if (number >= setting.least && number <= setting.most) return "";
      const auto shown = [](double bound) {
        std::string digits = std::to_string(bound);
        digits.erase(digits.find_last_not_of('0') + 1);
        if (digits.ends_with('.')) digits.pop_back();
        return digits;
      };
      return "must be from " + shown(setting.least) + " to " + shown(setting.most) + unit;
    };
    if (setting.type == SettingType::kJson) {
      if (const std::string why = wrong_json(text); !why.empty()) return why;
      if (setting.sensitive) {
        value.secret = pipeline::Secret(text);
      } else {
        value.text = text;
      }
      return "";
    }
    if (setting.sensitive) {
      for (const char c : text) {
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
          return "has a line break or another control character in it; remove it (it is often the last character of a "
                 "file that it was read from)";
        }
      }
      value.secret = pipeline::Secret(text);
      return "";
    }
    value.text = text;
    switch (setting.type) {
      case SettingType::kText:
      case SettingType::kPath:
      case SettingType::kJson:
        return "";
      case SettingType::kUrl: {
        auto url = checked_url(text);
        if (!url) return url.error().message;
        value.text = *url;
        return "";
      }
      case SettingType::kBool: {
        const auto boolean = parse_boolean(text);
        if (!boolean) return "must be true or false";
        value.boolean = *boolean;
        return "";
      }
      case SettingType::kInteger: {
        const auto integer = parse_integer(text);
        if (!integer) return "must be a whole number";
        value.integer = *integer;
        return out_of_range(static_cast<double>(*integer), "");
      }
      case SettingType::kNumber: {
        const auto number = parse_number(text);
        if (!number) return "must be a number";
        value.number = *number;
        return out_of_range(*number, "");
      }
      case SettingType::kSize: {
        const auto size = parse_size(text);
        if (!size) return "must be a size: bytes, or a number with KiB, MiB, GiB, kB, MB or GB, e.g. 128MiB";
        value.integer = static_cast<std::int64_t>(*size);
        return out_of_range(static_cast<double>(*size), " bytes");
      }
      case SettingType::kDuration: {
        const auto duration = parse_duration(text);
        if (!duration) return "must be a duration: seconds, or a number with ms, s, m or h, e.g. 100ms";
        value.duration = *duration;
        return out_of_range(static_cast<double>(duration->count()) / 1000, " seconds");
      }
      case SettingType::kChoice: {
        const std::vector<std::string> choices = choices_of(setting.choices);
        for (const std::string& choice : choices) {
          if (lower(choice) == lower(text)) {
            value.text = choice;
            return "";
          }
        }
        return "must be one of " + listed(choices) + did_you_mean(text, choices);
      }
    }
    return "";
  }

  // --- what nobody asked for ---

  void report_unknown() {
    if (const Tree* const ours = find("riptide"); ours != nullptr && ours->kind == Tree::Kind::kMap) {
      report_unknown_in(*ours, "riptide.", framework_settings(), "is not a setting of riptide and is ignored");
    }
    const Tree* const config = find("integration.config");
    if (config != nullptr && config->kind == Tree::Kind::kMap && type_ != nullptr) {
      report_unknown_in(*config, "integration.config.", type_->settings,
                        "is not a setting of " + std::string(type_->name) + " and is ignored");
    }
    // Other unknown keys are Ocean's, of other versions; only what looks like a slip is worth a word.
    std::vector<std::string> tops;
    for (const Setting& setting : framework_settings()) tops.push_back(split(setting.key, ".")[0]);
    tops.emplace_back("riptide");
    for (const auto& [key, member] : tree_.members) {
      if (std::find(tops.begin(), tops.end(), key) != tops.end() || key.size() < 4) continue;
      const std::string guess = nearest(key, tops);
      if (!guess.empty()) {
        problem(Level::kWarning, &member, variable_of(key) + " / " + yaml_key_of(key),
                "is not a setting and is ignored; did you mean " + variable_of(guess) + "?");
      }
    }
  }

  void report_unknown_in(const Tree& tree, const std::string& prefix, std::span<const Setting> settings,
                         const std::string& sentence) {
    std::vector<std::string> known;
    for (const Setting& setting : settings) {
      if (setting.key.starts_with(prefix)) known.emplace_back(setting.key.substr(prefix.size()));
    }
    for (const auto& [key, member] : tree.members) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string guess = nearest(key, known);
      problem(Level::kWarning, &member, how_to_set(prefix + key),
              sentence +
                  (guess.empty() ? "; it has " + listed(known) : "; did you mean " + how_to_set(prefix + guess) + "?"));
    }
  }

  void check_together() {
    const bool id = reading_.config.given("port.client_id");
    const bool secret = reading_.config.given("port.client_secret");
    if (id != secret) {
      problem(Level::kError, nullptr, how_to_set(id ? "port.client_secret" : "port.client_id"),
              "is not set, but the other of Port's credentials is; set both, or none");
    }
    const std::string& identifier = reading_.config.identifier_;
    for (const char c : identifier) {
      if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
        problem(Level::kError, find("integration.identifier"), how_to_set("integration.identifier"),
                "must not have spaces or control characters");
        break;
      }
    }
  }

  const ConfigSources& sources_;
  const ConfigNeeds& needs_;
  const IntegrationType* type_ = nullptr;
  std::vector<Variable> dotenv_;
  std::map<std::string, std::string> unset_references_;
  Tree tree_;
  ConfigReading reading_;
};

ConfigReading read_config(const ConfigSources& sources, const ConfigNeeds& needs) {
  return ConfigReader(sources, needs).read();
}

std::string how_to_set(std::string_view key) {
  const std::string yaml = yaml_key_of(key);
  return variable_of(key) + (yaml.empty() ? "" : " (" + yaml + " in config.yaml)");
}

ConfigSources gather_sources(const std::string& config_file, std::vector<Problem>& problems) {
  ConfigSources sources;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const char* const equals = std::strchr(*variable, '=');
    if (equals == nullptr) continue;
    sources.environment.push_back(
        {std::string(*variable, static_cast<std::size_t>(equals - *variable)), std::string(equals + 1), 0});
  }
  const auto read = [&](const std::string& path, bool must) -> std::optional<std::string> {
    auto text = read_file_if_there(path);
    if (!text) {
      problems.push_back({Level::kError, path, 0, 0, "", text.error().message});
      return std::nullopt;
    }
    if (!*text && must) problems.push_back({Level::kError, path, 0, 0, "", "there is no such file"});
    return std::move(*text);
  };
  sources.dotenv = read(".env", false);
  if (!config_file.empty()) sources.file_name = config_file;
  sources.file = read(sources.file_name, !config_file.empty());
  return sources;
}

EnvironmentLookup variables_of(const ConfigSources& sources) {
  std::map<std::string, std::string, std::less<>> variables;
  for (const Variable& variable : sources.environment) variables.emplace(variable.name, variable.value);
  if (sources.dotenv) {
    std::vector<Problem> said;  // by whoever reads the settings
    const EnvironmentLookup environment = [&](std::string_view name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    for (const Variable& variable : read_dotenv(*sources.dotenv, ".env", environment, said)) {
      variables.emplace(variable.name, variable.value);
    }
  }
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

const Config::Value& Config::at(std::string_view key) const {
  const auto found = values_.find(key);
  RIPTIDE_CHECK(found != values_.end());
  return found->second;
}

bool Config::given(std::string_view key) const { return at(key).given; }
std::vector<std::string> Config::secrets() const {
  std::vector<std::string> all;
  for (const auto& [key, value] : values_) {
    if (value.secret.empty()) continue;
    // A server that sends one of several back does not send the others along.
    for (std::string& one : stages::secrets_in(value.secret.reveal())) all.push_back(std::move(one));
  }
  return all;
}

const std::vector<SettingPlace>& Config::places(std::string_view key) const { return at(key).places; }
const std::string& Config::text(std::string_view key) const { return at(key).text; }
const pipeline::Secret& Config::secret(std::string_view key) const { return at(key).secret; }
bool Config::boolean(std::string_view key) const { return at(key).boolean; }
std::int64_t Config::integer(std::string_view key) const { return at(key).integer; }
std::size_t Config::bytes(std::string_view key) const { return static_cast<std::size_t>(at(key).integer); }
std::chrono::milliseconds Config::duration(std::string_view key) const { return at(key).duration; }
bool Config::has_port() const { return given("port.client_id") && given("port.client_secret"); }

}  // namespace riptide::cli

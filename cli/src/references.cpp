#include "riptide/cli/references.hpp"

#include <fmt/format.h>

#include <optional>

#include "riptide/cli/file_reader.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;

constexpr std::string_view kEnv = "${env:";
constexpr std::string_view kSecret = "${secret:";

class References {
 public:
  References(const std::string& origin, const EnvironmentLookup& environment, std::vector<std::string>& secrets,
             std::vector<Problem>& problems)
      : origin_(origin), environment_(environment), secrets_(secrets), problems_(problems) {}

  void resolve(Tree& tree, const std::string& where) {
    if (tree.kind == Tree::Kind::kString) tree.text = resolved(tree, where);
    for (std::size_t i = 0; i < tree.items.size(); ++i) resolve(tree.items[i], fmt::format("{}[{}]", where, i));
    for (auto& [key, member] : tree.members) resolve(member, where.empty() ? key : where + "." + key);
  }

 private:
  std::string resolved(const Tree& at, const std::string& where) {
    const std::string_view text = at.text;
    std::string out;
    std::size_t from = 0;
    while (true) {
      const std::size_t begin = text.find("${", from);
      if (begin == std::string_view::npos) break;
      const std::string_view rest = text.substr(begin);
      const bool secret = rest.starts_with(kSecret);
      if (!secret && !rest.starts_with(kEnv)) {
        out += text.substr(from, begin + 2 - from);
        from = begin + 2;
        continue;
      }
      if (begin > from && text[begin - 1] == '$') {  // `$${env:` is meant as it is
        out += text.substr(from, begin - 1 - from);
        out += "${";
        from = begin + 2;
        continue;
      }
      out += text.substr(from, begin - from);
      const std::size_t end = text.find('}', begin);
      if (end == std::string_view::npos) {
        say(at, where,
            fmt::format("`{}` is not closed: write `{}NAME}}`", secret ? kSecret : kEnv, secret ? kSecret : kEnv));
        return out;
      }
      const std::size_t name_begin = begin + (secret ? kSecret : kEnv).size();
      out += value_of(text.substr(name_begin, end - name_begin), secret, at, where);
      from = end + 1;
    }
    out += text.substr(from);
    return out;
  }

  std::string value_of(std::string_view inside, bool secret, const Tree& at, const std::string& where) {
    const std::size_t other = inside.find(":-");
    const std::string name(inside.substr(0, other));
    std::optional<std::string> value = environment_(name);
    if (!value && secret) value = from_file(name, at, where);
    if (value) {
      if (secret) secrets_.push_back(*value);
      return *value;
    }
    if (other != std::string_view::npos) return std::string(inside.substr(other + 2));
    if (name.empty()) {
      say(at, where, "a reference needs the name of a variable: `${env:NAME}`");
    } else if (secret) {
      say(at, where,
          fmt::format("the variable {0} is not set: set it, or {0}_FILE to the file that holds the secret", name));
    } else {
      say(at, where, fmt::format("the variable {0} is not set: set it, or say what else: `${{env:{0}:-value}}`", name));
    }
    return {};
  }

  std::optional<std::string> from_file(const std::string& name, const Tree& at, const std::string& where) {
    const auto path = environment_(name + "_FILE");
    if (!path) return std::nullopt;
    auto text = read_file(*path);
    if (!text) {
      say(at, where, fmt::format("{}_FILE: {}", name, text.error().message));
      return std::string();
    }
    while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
    return std::move(*text);
  }

  void say(const Tree& at, const std::string& where, std::string message) {
    problems_.push_back({Level::kError, origin_, at.line, at.column, where, std::move(message)});
  }

  const std::string& origin_;
  const EnvironmentLookup& environment_;
  std::vector<std::string>& secrets_;
  std::vector<Problem>& problems_;
};

}  // namespace

void resolve_references(Tree& tree, const std::string& origin, const EnvironmentLookup& environment,
                        std::vector<std::string>& secrets, std::vector<Problem>& problems) {
  References(origin, environment, secrets, problems).resolve(tree, "");
}

}  // namespace riptide::cli

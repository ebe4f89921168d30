#include "workspace.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace riptide::e2e {

Workspace::Workspace() {
  std::string name = (std::filesystem::temp_directory_path() / "riptide e2e's XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  directory_ = name;
  environment_ = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                  {"HOME", directory_ / "home"},
                  {"XDG_STATE_HOME", directory_ / "state"},
                  {"LC_ALL", "C.UTF-8"}};
  std::filesystem::create_directory(directory_ / "home");
}

Workspace::~Workspace() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Workspace::point_at(const std::string& url, const std::string& key) {
  environment_["OCEAN__INTEGRATION__TYPE"] = "octopus";
  environment_["OCEAN__INTEGRATION__CONFIG__SERVER_URL"] = url;
  environment_["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = key;
  environment_["OCEAN__INTEGRATION__CONFIG__DEPLOYMENT_LIMIT"] = "0";
  environment_["OCEAN__RIPTIDE__RETRY_BASE"] = "1ms";
  environment_["OCEAN__RIPTIDE__RETRY_CAP"] = "10ms";
  environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "3";
}

void Workspace::write(std::string_view name, std::string_view text) const {
  std::ofstream file(path(name), std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("not written: " + path(name).string());
}

std::string Workspace::read(std::string_view name) const {
  std::ifstream file(path(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Command Workspace::command(std::vector<std::string> arguments) const {
  Command command;
  command.arguments = std::move(arguments);
  command.arguments.insert(command.arguments.begin(), riptide_path());
  command.environment = environment_;
  command.directory = directory_;
  return command;
}

Ended Workspace::riptide(std::vector<std::string> arguments, std::string input) const {
  Command what = command(std::move(arguments));
  what.input = std::move(input);
  return run(std::move(what));
}

Command Workspace::sync_command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"sync", "--progress", "none", "--report", "report.json"});
  return command(std::move(arguments));
}

Ended Workspace::sync(std::vector<std::string> arguments) const {
  std::filesystem::remove(path("report.json"));
  const Command what = sync_command(std::move(arguments));
  Ended ended = run(what);
  check_end_of_sync(what, ended, read("report.json"));
  return ended;
}

Ended Workspace::paste(const Ended& ended) const {
  Command shell = command({});
  shell.arguments = {"/bin/sh", "-c", ended.last_line()};
  return run(std::move(shell));
}

bool soak() {
  const char* const value = std::getenv("RIPTIDE_SOAK");
  return value != nullptr && std::atoi(value) > 0;
}

std::string small_mapping(const std::vector<std::string>& kinds, const std::string& identifier) {
  std::string text = "resources:\n";
  for (const std::string& kind : kinds) {
    text += "  - kind: " + kind +
            "\n"
            "    selector:\n"
            "      query: \"true\"\n"
            "    port:\n"
            "      entity:\n"
            "        mappings:\n"
            "          identifier: " +
            identifier + "\n          title: .Name\n          blueprint: '\"" + blueprint_of(kind) + "\"'\n";
  }
  return text;
}

}  // namespace riptide::e2e

#include "riptide/cli/jq_modules.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "riptide/cli/file_reader.hpp"

namespace riptide::cli {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

namespace {

// The name without links and dots; as it is if there is no such file.
std::string real_path(const std::string& path) {
  std::error_code failed;
  const auto real = std::filesystem::canonical(path, failed);
  return failed ? path : real.string();
}

std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

// What the path of an import may not be, in jq's words.
std::optional<std::string> wrong_path(const std::string& path) {
  if (path.find('\0') != std::string::npos) return "Module path contains a NUL byte";
  if (path.find('\\') != std::string::npos) {
    return "Modules must be named by relative paths using '/', not '\\' (" + path + ")";
  }
  std::optional<std::string> previous;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    std::string part = path.substr(at, end - at);
    if (part == "..") return "Relative paths to modules may not traverse to parent directories (" + path + ")";
    if (previous == part) return "module names must not have equal consecutive components: " + path;
    previous = std::move(part);
    at = end + 1;
  }
  return std::nullopt;
}

// False only if there is nothing of that name: what cannot be looked at is found, and cannot be read then.
bool is_there(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

}  // namespace

JqModules::JqModules(Places places) : places_(std::move(places)) {
  if (!places_.libraries) {
    libraries_ = {"~/.jq", "$ORIGIN/../lib/jq", "$ORIGIN/../lib"};
  } else {
    for (const std::string& folder : *places_.libraries) libraries_.push_back(real_path(folder));
  }
  places_.program_folder = real_path(places_.program_folder);
}

// Empty: there is no such place.
std::string JqModules::expanded(const std::string& folder, const std::string& importer_folder) const {
  if (folder == "~" || folder.starts_with("~/")) {
    return places_.home.empty() ? std::string() : places_.home + folder.substr(1);
  }
  if (folder.starts_with("$ORIGIN/")) return places_.origin + folder.substr(7);
  if (folder == "." || folder.starts_with('/') || importer_folder.empty()) return folder;
  return importer_folder + "/" + folder;
}

Result<JqModules::Found> JqModules::find_in(const std::vector<std::string>& folders, const std::string& path,
                                            const char* suffix, const std::string& importer_folder) const {
  if (const auto wrong = wrong_path(path)) return unexpected(ErrorKind::kConfig, *wrong);
  const std::string last = path.substr(path.rfind('/') + 1);
  for (const std::string& one : folders) {
    const std::string folder = expanded(one, importer_folder);
    if (folder.empty()) continue;
    for (const std::string& name : {path, path + "/jq/main", path + "/" + last}) {
      const std::string file = real_path(folder + "/" + name + suffix);
      if (!is_there(file)) continue;
      auto text = read_file(file);
      if (!text) return unexpected(ErrorKind::kConfig, "error loading data file " + file + ": " + text.error().message);
      return Found{file, std::move(*text)};
    }
  }
  return unexpected(ErrorKind::kConfig, "module not found: " + path);
}

Result<JqModules::Found> JqModules::find(const Wanted& wanted) const {
  std::vector<std::string> folders;
  if (wanted.search) {
    folders = *wanted.search;
  } else {
    folders.emplace_back(".");
    folders.insert(folders.end(), libraries_.begin(), libraries_.end());
  }
  return find_in(folders, wanted.path, wanted.is_data ? ".json" : ".jq",
                 wanted.importer.empty() ? places_.program_folder : folder_of(wanted.importer));
}

std::optional<JqModules::Found> JqModules::included_always() const {
  if (places_.home.empty()) return std::nullopt;
  const std::string file = places_.home + "/.jq";
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed)) return std::nullopt;
  auto text = read_file(file);
  if (!text) return std::nullopt;
  return Found{real_path(file), std::move(*text)};
}

Result<std::string> JqModules::meta(std::string_view name) const {
  const auto found = find_in(libraries_, std::string(name), ".jq", {});
  if (!found) return pipeline::Unexpected{found.error()};
  return transform::jq::module_meta(found->text);
}

}  // namespace riptide::cli

#include "file_listing.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

namespace riptide::stages {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

constexpr std::size_t kMostFiles = 1'000'000;
/// Directories within each other: a loop of them ends here.
constexpr std::size_t kMostSegments = 100;

bool is_pattern(std::string_view text) noexcept { return text.find_first_of("*?[") != std::string_view::npos; }

std::string joined(const std::string& directory, std::string_view name) {
  if (directory.empty() || directory.back() == '/') return directory + std::string(name);
  return directory + "/" + std::string(name);
}

bool is_directory(const std::string& path) noexcept {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

enum class Way : std::uint8_t { kNone, kFile, kDirectory };

/// What a path leads to. Errors: it may lead somewhere, but that cannot be seen.
Result<Way> way_of(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0) return S_ISDIR(facts.st_mode) ? Way::kDirectory : Way::kFile;
  if (errno == ENOENT || errno == ENOTDIR) return Way::kNone;
  return unexpected(file_error(path, errno));
}

bool is_link(const std::string& path) noexcept {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0 && S_ISLNK(facts.st_mode);
}

/// Whether it is one itself: a link to a directory may lead back.
bool is_own_directory(const std::string& path) noexcept {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

/// The names in a directory, sorted. `directory` is "" for the current one.
Result<std::vector<std::string>> names_in(const std::string& directory) {
  const std::string shown = directory.empty() ? "." : directory;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(shown.c_str()), &::closedir);
  if (open == nullptr) return unexpected(file_error(shown, errno));
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(open.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    if (names.size() > kMostFiles) {
      return unexpected(ErrorKind::kLimit, fmt::format("there are more than {} files in {}", kMostFiles, shown));
    }
  }
  if (errno != 0) return unexpected(file_error(shown, errno));
  std::sort(names.begin(), names.end());
  return names;
}

bool is_export(std::string_view name) noexcept {
  if (name.ends_with(".gz")) name.remove_suffix(3);
  constexpr std::array<std::string_view, 3> kEndings = {".ndjson", ".jsonl", ".json"};
  return !name.starts_with('.') &&
         std::any_of(kEndings.begin(), kEndings.end(), [name](std::string_view end) { return name.ends_with(end); });
}

/// What is found of a pattern, directory by directory.
class Matches {
 public:
  explicit Matches(std::vector<std::string> segments) : segments_(std::move(segments)) {}

  Result<void> look(const std::string& directory, std::size_t segment, std::size_t depth) {
    if (depth > kMostSegments) return unexpected(ErrorKind::kLimit, "directories too deep in each other: " + directory);
    const std::string& pattern = segments_[segment];
    if (pattern == "**") return look_below(directory, segment, depth);
    if (!is_pattern(pattern)) {
      return go_on(joined(directory, pattern), segment, depth);
    }
    auto names = names_in(directory);
    if (!names) return unexpected(std::move(names).error());
    for (const std::string& name : *names) {
      if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
      if (auto went = go_on(joined(directory, name), segment, depth); !went) return went;
    }
    return {};
  }

  std::vector<std::string> files;

 private:
  /// `**`: the rest of the pattern here, and in every directory below.
  Result<void> look_below(const std::string& directory, std::size_t segment, std::size_t depth) {
    if (segment + 1 == segments_.size()) segments_.emplace_back("*");
    if (auto here = look(directory, segment + 1, depth); !here) return here;
    auto names = names_in(directory);
    if (!names) return unexpected(std::move(names).error());
    for (const std::string& name : *names) {
      const std::string path = joined(directory, name);
      if (name.starts_with('.') || !is_own_directory(path)) continue;
      if (auto below = look(path, segment, depth + 1); !below) return below;
    }
    return {};
  }

  Result<void> go_on(const std::string& path, std::size_t segment, std::size_t depth) {
    auto way = way_of(path);
    if (!way) return unexpected(std::move(way).error());
    const bool last = segment + 1 == segments_.size();
    if (!last) return *way == Way::kDirectory ? look(path, segment + 1, depth + 1) : Result<void>();
    // A link that leads nowhere matches too: whoever reads it says so.
    if (*way == Way::kDirectory || (*way == Way::kNone && !is_link(path))) return {};
    files.push_back(path);
    if (files.size() > kMostFiles) {
      return unexpected(ErrorKind::kLimit, fmt::format("the pattern has more than {} files", kMostFiles));
    }
    return {};
  }

  std::vector<std::string> segments_;
};

Result<std::vector<std::string>> in_directory(const std::string& path) {
  auto names = names_in(path);
  if (!names) return names;
  std::vector<std::string> files;
  for (const std::string& name : *names) {
    std::string file = joined(path, name);
    if (is_export(name) && !is_directory(file)) files.push_back(std::move(file));
  }
  if (files.empty()) {
    return unexpected(
        ErrorKind::kNotFound,
        fmt::format("there is no .ndjson, .jsonl or .json file (or .gz of one) in the directory {}", path));
  }
  return files;
}

Result<std::vector<std::string>> matching(std::string_view pattern) {
  std::vector<std::string> segments;
  std::string root;
  while (pattern.starts_with('/')) {
    root = "/";
    pattern.remove_prefix(1);
  }
  while (!pattern.empty()) {
    const std::string_view one = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(std::min(pattern.size(), one.size() + 1));
    // Several `**` in a row say no more than one.
    if (!one.empty() && (one != "**" || segments.empty() || segments.back() != "**")) segments.emplace_back(one);
  }
  Matches matches(std::move(segments));
  if (auto looked = matches.look(root, 0, 0); !looked) return unexpected(std::move(looked).error());
  std::vector<std::string>& files = matches.files;
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return std::move(files);
}

}  // namespace

Error file_error(const std::string& path, int error_number) {
  ErrorKind kind = ErrorKind::kTransport;
  if (error_number == ENOENT || error_number == ENOTDIR) kind = ErrorKind::kNotFound;
  if (error_number == EACCES || error_number == EPERM) kind = ErrorKind::kAuth;
  return Error(kind, (path.empty() ? path : path + ": ") + std::generic_category().message(error_number));
}

Result<std::vector<std::string>> list_files(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0) {
    if (S_ISDIR(facts.st_mode)) return in_directory(path);
    return std::vector<std::string>{path};
  }
  const int error_number = errno;
  if (!is_pattern(path)) return unexpected(file_error({}, error_number));
  auto files = matching(path);
  if (files && files->empty()) return unexpected(ErrorKind::kNotFound, "no file matches " + path);
  return files;
}

}  // namespace riptide::stages

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/stages/field.hpp"
#include "riptide/stages/source.hpp"

/// Files of records: NDJSON, JSON values, JSON arrays, packed with gzip or not; exports, and whatever a program writes
/// to standard output.
namespace riptide::sources::file {

using pipeline::Result;

/// What is read as one page, unless a record is longer.
inline constexpr std::uint64_t kPageBytes = 512u << 10;
inline constexpr std::uint64_t kLeastPageBytes = 4u << 10;

/// Which files are read, and how.
struct Options {
  /// Files, directories, patterns, "-" for standard input: where blocks of the mapping that name no path of their own
  /// find their records.
  std::vector<std::string> paths;
  std::string format = "auto";  ///< "auto", "ndjson" or "array"; of blocks that name none.
  std::uint64_t page_bytes = kPageBytes;
};

/// Reads the paths of the integration, or of a block's selector (`path`, or `paths`; `format`). A file is a scope,
/// its path the partition; a path that means several files is listed first. Blocks with the same paths and format share
/// one reading. The kind is a name for people.
///
/// A file of lines that is not packed is read from many places at once; a page of any other one has to wait for the one
/// before. A record that is not JSON is a page's like any other: whoever maps it says so. What cannot be told apart
/// into records, a file that ends in the middle of an array, or one that is written to meanwhile, leaves its scope
/// open.
class FileSource final : public stages::Source {
 public:
  /// Errors: kConfig (a format that is none).
  static Result<std::unique_ptr<FileSource>> create(Options options);

  [[nodiscard]] std::string_view type() const noexcept override { return "file"; }
  [[nodiscard]] bool reads_files() const noexcept override { return true; }
  /// Errors: kConfig (no path at all, a wrong selector, standard input in two formats).
  [[nodiscard]] Result<std::vector<stages::Request>> start(
      std::span<const stages::SourceResource> resources) const override;
  [[nodiscard]] stages::HttpRequest render(const stages::Request& request) const override;
  [[nodiscard]] Result<stages::PageStep> read(const stages::Request& request, const stages::HttpResponse& response,
                                              json::Document& document) const override;

 private:
  explicit FileSource(Options options) : options_(std::move(options)) {}
  const Options options_;
};

/// Returns the paths that a setting or selector names: text, or a JSON list of texts. Errors: kConfig.
[[nodiscard]] Result<std::vector<std::string>> paths_of(std::string_view json, std::string_view setting);

/// What the selectors of the mapping can have.
[[nodiscard]] std::span<const stages::SelectorFields> selectors() noexcept;

/// The mapping that is used when neither a file nor Port has one, as YAML: it has no resources, since only the user
/// knows what is in the files.
[[nodiscard]] std::string_view default_mapping() noexcept;

}  // namespace riptide::sources::file

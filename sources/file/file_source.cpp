#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "packed_fields.hpp"
#include "record_finder.hpp"
#include "riptide/json/cutter.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/sources/file.hpp"
#include "riptide/stages/file_request.hpp"

namespace riptide::sources::file {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::unexpected;
using stages::FilePart;
using stages::FileRequest;
using stages::FileShape;
using stages::PageStep;
using stages::Request;
using stages::ScopeSpec;

enum Step : std::uint32_t { kList, kRead };

constexpr std::string_view kWrittenTo = "the file was written to while it was read";

constexpr std::string_view kMinimalMapping =
    "resources:\n"
    "  - kind: service\n"
    "    selector:\n"
    "      query: \"true\"\n"
    "      path: exports/*.ndjson\n"
    "    port:\n"
    "      entity:\n"
    "        mappings:\n"
    "          identifier: .id\n"
    "          blueprint: '\"service\"'\n";

std::optional<FileShape> shape_named(std::string_view format) noexcept {
  if (format == "auto") return FileShape::kUnknown;
  if (format == "ndjson") return FileShape::kLines;
  if (format == "array") return FileShape::kValues;
  return std::nullopt;
}

pipeline::Unexpected no_such_format(std::string_view setting, std::string_view format) {
  return unexpected(ErrorKind::kConfig, fmt::format("{} must be auto, ndjson or array, not '{}'", setting, format));
}

std::uint64_t number_of(std::string_view text) noexcept {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// What every request carries: how its file is read. A listing has the path too, since its partition is for people.
struct Reading {
  std::string_view format;
  std::uint64_t page_bytes = kPageBytes;
  std::string_view path;
};

std::shared_ptr<const std::string> context_of(const Reading& reading) {
  return std::make_shared<const std::string>(
      packed({reading.format, std::to_string(reading.page_bytes), reading.path}));
}

Reading reading_of(const Request& request) {
  Reading reading;
  if (request.context == nullptr) return reading;
  const std::vector<std::string_view> fields = unpacked(*request.context);
  if (fields.size() != 3) return reading;
  return {fields[0], std::max<std::uint64_t>(1, number_of(fields[1])), fields[2]};
}

/// Where a file that is read on and on has got to. A request for it has no offset: that is for files that can be read
/// from anywhere.
struct Place {
  FileShape shape = FileShape::kUnknown;
  RecordFinder::Between between = RecordFinder::Between::kValues;
  std::uint64_t at = 0;
  std::string_view edition;
};

std::string cursor_of(const Place& place) {
  return packed({place.shape == FileShape::kLines ? "lines" : "values",
                 std::to_string(static_cast<unsigned>(place.between)), std::to_string(place.at), place.edition});
}

std::optional<Place> place_of(const Request& request) {
  const std::vector<std::string_view> fields = unpacked(request.cursor);
  if (fields.size() != 4) return std::nullopt;
  Place place;
  place.shape = fields[0] == "lines" ? FileShape::kLines : FileShape::kValues;
  place.between = static_cast<RecordFinder::Between>(std::min<std::uint64_t>(number_of(fields[1]), 3));
  place.at = number_of(fields[2]);
  place.edition = fields[3];
  return place;
}

/// Paths and formats, and who reads them.
using Readers = std::map<std::pair<std::string, std::string>, std::vector<std::uint32_t>>;

Request first_request(const std::string& path, const std::string& format, std::vector<std::uint32_t> readers,
                      std::uint64_t page_bytes) {
  auto scope = std::make_shared<ScopeSpec>();
  Request request;
  if (path == "-") {
    scope->resources = std::move(readers);
    scope->partition = path;
    request.step = kRead;
    request.context = context_of({format, page_bytes, {}});
  } else {
    scope->dependents = std::move(readers);
    scope->partition = format == "auto" ? path : fmt::format("{} ({})", path, format);
    request.step = kList;
    request.context = context_of({format, page_bytes, path});
  }
  request.scope = std::move(scope);
  return request;
}

Result<PageStep> read_listing(const Request& request, const stages::HttpResponse& response, json::Document& document) {
  auto root = document.index(response.body->view());
  if (!root) return unexpected(std::move(root).error());
  const Reading reading = reading_of(request);
  const auto context = context_of({reading.format, reading.page_bytes, {}});
  PageStep step;
  json::Document::Elements elements(document, *root);
  while (elements.next()) {
    auto raw = elements.raw_value();
    if (!raw) return unexpected(std::move(raw).error());
    if (elements.value().type != json::Type::kString) {
      return unexpected(ErrorKind::kMalformed, "this is no list of files: " + response.safe_url);
    }
    auto path = json::decoded(*raw);
    if (!path) return unexpected(std::move(path).error());
    auto scope = std::make_shared<ScopeSpec>();
    scope->resources = request.scope->dependents;
    scope->partition = stages::decoded_path(*path);
    Request next;
    next.scope = std::move(scope);
    next.step = kRead;
    next.context = context;
    step.next.push_back(std::move(next));
  }
  if (auto checked = elements.status(); !checked) return unexpected(std::move(checked).error());
  return step;
}

/// What tells a record, and where it is, from all others of the file.
std::uint64_t edge(std::uint64_t byte, std::string_view text) noexcept {
  return pipeline::digest_of(text).low + byte * 0x9E3779B97F4A7C15u;
}

stages::PageEdges edges_of(std::string_view text, std::uint64_t begin, const pipeline::RecordSet& records) {
  if (records.spans.empty()) return {edge(begin, {}), edge(begin, {})};
  const auto of = [&](const pipeline::RecordSpan& span) {
    return edge(begin + span.begin, text.substr(span.begin, span.length));
  };
  return {of(records.spans.front()), of(records.spans.back())};
}

}  // namespace

Result<std::unique_ptr<FileSource>> FileSource::create(Options options) {
  if (!shape_named(options.format)) return no_such_format("format", options.format);
  options.page_bytes = std::max<std::uint64_t>(options.page_bytes, 1);
  return std::unique_ptr<FileSource>(new FileSource(std::move(options)));
}

Result<std::vector<std::string>> paths_of(std::string_view json, std::string_view setting) {
  const auto wrong = [setting] {
    return unexpected(ErrorKind::kConfig, fmt::format("{} must be a path, or a list of paths", setting));
  };
  const std::string text = std::string(json) + std::string(json::Document::kPadding, ' ');
  json::Document document;
  auto root = document.index(std::string_view(text).substr(0, json.size()));
  if (!root || !document.check()) return wrong();
  std::vector<std::string> paths;
  const auto add = [&](std::string_view raw) {
    auto path = json::decoded(raw);
    if (!path || path->empty() || path->find('\0') != std::string::npos) return false;
    paths.push_back(std::move(*path));
    return true;
  };
  if (root->type == json::Type::kNull) return paths;
  if (root->type == json::Type::kString)
    return add(*document.raw(*root)) ? Result<std::vector<std::string>>(paths) : wrong();
  if (root->type != json::Type::kArray) return wrong();
  json::Document::Elements elements(document, *root);
  while (elements.next()) {
    if (elements.value().type != json::Type::kString || !add(*elements.raw_value())) return wrong();
  }
  return paths;
}

Result<std::vector<Request>> FileSource::start(std::span<const stages::SourceResource> resources) const {
  if (resources.empty()) {
    return unexpected(
        ErrorKind::kConfig,
        fmt::format("files need a mapping that says what is in them (--mapping FILE), such as\n{}", kMinimalMapping));
  }
  Readers readers;
  for (const stages::SourceResource& resource : resources) {
    const auto place = [&resource](std::string_view field) {
      return fmt::format("resource {} ({}): selector.{}", resource.index, resource.kind, field);
    };
    std::vector<std::string> paths;
    std::string format = options_.format;
    for (const auto& [field, value] : resource.selector) {
      if (value == "null") continue;
      if (field == "path" || field == "paths") {
        auto named = paths_of(value, place(field));
        if (!named) return unexpected(std::move(named).error());
        paths.insert(paths.end(), named->begin(), named->end());
      } else if (field == "format") {
        format = json::text_of(value);
        if (!shape_named(format)) return no_such_format(place(field), format);
      } else {
        return unexpected(ErrorKind::kConfig, place(field) + " is not known; there are query, path, paths, format");
      }
    }
    if (paths.empty()) paths = options_.paths;
    if (paths.empty()) {
      return unexpected(ErrorKind::kConfig,
                        fmt::format("resource {} ({}): no file to read: set selector.path, or integration.config.path "
                                    "(OCEAN__INTEGRATION__CONFIG__PATH)",
                                    resource.index, resource.kind));
    }
    for (std::string& path : paths) {
      std::vector<std::uint32_t>& list = readers[{std::move(path), format}];
      if (list.empty() || list.back() != resource.index) list.push_back(resource.index);
    }
  }
  std::vector<Request> requests;
  bool standard_input = false;
  for (auto& [what, list] : readers) {
    const auto& [path, format] = what;
    if (path == "-" && std::exchange(standard_input, true)) {
      return unexpected(ErrorKind::kConfig, "standard input can be read only once: give it one format");
    }
    requests.push_back(first_request(path, format, std::move(list), options_.page_bytes));
  }
  return requests;
}

stages::HttpRequest FileSource::render(const Request& request) const {
  const Reading reading = reading_of(request);
  FileRequest file;
  if (request.step == kList) {
    file.ask = FileRequest::Ask::kList;
    file.path = reading.path;
  } else {
    file.path = request.scope->partition;
    file.bytes = reading.page_bytes;
    if (const auto place = place_of(request)) {
      file.at = place->at;
      file.shape = place->shape;
      file.within_array = place->between != RecordFinder::Between::kValues;
    } else {
      file.at = request.offset;
      // Only a file of lines has pages at offsets.
      file.shape = request.offset != 0 ? FileShape::kLines : shape_named(reading.format).value_or(FileShape::kUnknown);
    }
  }
  stages::HttpRequest http;
  http.url = stages::file_url(file);
  http.retryable = true;
  return http;
}

Result<PageStep> FileSource::read(const Request& request, const stages::HttpResponse& response,
                                  json::Document& document) const {
  if (!response.ok()) return unexpected(stages::http_error(response));
  if (response.body == nullptr) return unexpected(ErrorKind::kMalformed, "nothing was read: " + response.safe_url);
  if (request.step == kList) return read_listing(request, response, document);
  auto part = FilePart::of(response);
  if (!part) return unexpected(std::move(part).error());
  const std::string_view text = response.body->view();
  if (text.size() > UINT32_MAX) {
    return unexpected(ErrorKind::kLimit, fmt::format("a page exceeds 4 GB: {} bytes", text.size()));
  }
  const std::optional<Place> place = place_of(request);
  if (place && place->edition != part->edition) {
    return unexpected(ErrorKind::kRejected, std::string(kWrittenTo));
  }
  PageStep step;
  const std::uint64_t at = place ? place->at : request.offset;
  const bool within_line = part->anywhere && request.offset != 0;
  step.begins = {within_line ? at - 1 : at, part->line};

  Place behind{part->shape, place ? place->between : RecordFinder::Between::kValues, at + text.size(), part->edition};
  if (part->shape == FileShape::kLines) {
    find_lines(text, within_line, at == 0, step.records);
  } else {
    RecordFinder finder(behind.between);
    const RecordFinder::Found found = finder.find(text, at == 0, step.records);
    if (found != RecordFinder::Found::kAll) {
      const std::uint64_t line = part->line.value_or(0) + json::count_lines(text.substr(0, finder.stopped_at()));
      const bool cut_off = found == RecordFinder::Found::kOpenEnd && part->last;
      return unexpected(
          ErrorKind::kRejected,
          fmt::format("{} at byte {}{}",
                      cut_off ? "the file ends in the middle of a record that begins" : "this is not JSON",
                      at + finder.stopped_at(), part->line ? fmt::format(" (line {})", line) : ""));
    }
    behind.between = finder.between();
    if (part->last && behind.between != RecordFinder::Between::kValues && step.records.spans.empty()) {
      return unexpected(ErrorKind::kRejected,
                        fmt::format("the file ends in the middle of an array, at byte {}", behind.at));
    }
  }
  if (part->anywhere) {
    const std::uint64_t page_bytes = reading_of(request).page_bytes;
    step.extent = {page_bytes, part->size == 0 ? 0 : (part->size - 1) / page_bytes * page_bytes};
    step.total = pipeline::digest_of(part->edition).low;
    step.edges = edges_of(text, step.begins->byte, step.records);
    step.if_moved = kWrittenTo;
  } else if (!part->last || behind.between != RecordFinder::Between::kValues) {
    Request next = request;
    next.offset = 0;
    next.cursor = cursor_of(behind);
    step.next.push_back(std::move(next));
  }
  return step;
}

std::span<const stages::SelectorFields> selectors() noexcept {
  using stages::Field;
  static constexpr std::array kFields = {
      Field{.name = "path",
            .type = Field::Type::kText,
            .meaning = "What is read: a file, a directory, a pattern, - for standard input.",
            .null = Field::Null::kAllowed},
      Field{.name = "paths", .type = Field::Type::kTexts, .meaning = "Several of them.", .null = Field::Null::kAllowed},
      Field{.name = "format",
            .type = Field::Type::kChoice,
            .meaning = "A record a line, or JSON over any number of lines.",
            .choices = "auto|ndjson|array",
            .null = Field::Null::kAllowed},
  };
  static constexpr std::array kSelectors = {stages::SelectorFields{"", kFields}};
  return kSelectors;
}

std::string_view default_mapping() noexcept {
  return "# Only you know what is in your files: add a block for each of them.\n"
         "deleteDependentEntities: true\n"
         "createMissingRelatedEntities: true\n"
         "resources: []\n";
}

}  // namespace riptide::sources::file

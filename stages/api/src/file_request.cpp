#include "riptide/stages/file_request.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace riptide::stages {
namespace {

using pipeline::unexpected;

constexpr std::string_view kScheme = "file:";
constexpr std::array<std::pair<FileShape, std::string_view>, 3> kShapes = {
    {{FileShape::kUnknown, "unknown"}, {FileShape::kLines, "lines"}, {FileShape::kValues, "values"}}};

std::string_view name_of(FileShape shape) noexcept {
  for (const auto& [known, name] : kShapes) {
    if (known == shape) return name;
  }
  return "unknown";
}

std::optional<FileShape> shape_named(std::string_view name) noexcept {
  for (const auto& [shape, known] : kShapes) {
    if (known == name) return shape;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_of(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<unsigned> nibble(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const char folded = static_cast<char>(c | 0x20);
  if (folded >= 'a' && folded <= 'f') return static_cast<unsigned>(folded - 'a') + 10;
  return std::nullopt;
}

/// Enters one parameter. False: there is none such, or its value is none.
bool enter(std::string_view name, std::string_view value, FileRequest& request) {
  if (name == "ask") {
    request.ask = value == "list" ? FileRequest::Ask::kList : FileRequest::Ask::kRead;
    return value == "list" || value == "read";
  }
  if (name == "shape") {
    const auto shape = shape_named(value);
    request.shape = shape.value_or(FileShape::kUnknown);
    return shape.has_value();
  }
  const auto number = number_of(value);
  if (name == "at") request.at = number.value_or(0);
  if (name == "bytes") request.bytes = number.value_or(0);
  if (name == "within") request.within_array = number.value_or(0) != 0;
  return number.has_value() && (name == "at" || name == "bytes" || name == "within");
}

}  // namespace

std::string encoded_path(std::string_view path) {
  std::string out;
  while (true) {
    const std::size_t slash = path.find('/');
    out += percent_encoded(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    out += '/';
    path.remove_prefix(slash + 1);
  }
}

std::string decoded_path(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto high = nibble(text[i + 1]);
      const auto low = nibble(text[i + 2]);
      if (high && low) {
        out += static_cast<char>(*high << 4 | *low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string file_url(const FileRequest& request) {
  std::string url = std::string(kScheme) + encoded_path(request.path);
  if (request.ask == FileRequest::Ask::kList) return url + "?ask=list";
  url += "?ask=read&shape=" + std::string(name_of(request.shape)) + "&at=" + std::to_string(request.at) +
         "&bytes=" + std::to_string(request.bytes);
  if (request.within_array) url += "&within=1";
  return url;
}

pipeline::Result<FileRequest> file_request(std::string_view url) {
  const auto wrong = [url] {
    return unexpected(ErrorKind::kConfig, "this is no request for a file: " + safe_url(url));
  };
  if (!url.starts_with(kScheme)) return wrong();
  const std::size_t query = url.find('?');
  FileRequest request;
  request.path =
      decoded_path(url.substr(kScheme.size(), query == std::string_view::npos ? query : query - kScheme.size()));
  if (request.path.empty() || request.path.find('\0') != std::string::npos) return wrong();
  std::string_view rest = query == std::string_view::npos ? std::string_view() : url.substr(query + 1);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos || !enter(one.substr(0, equals), one.substr(equals + 1), request)) {
      return wrong();
    }
  }
  return request;
}

void FilePart::write_to(HttpResponse& response) const {
  response.headers.push_back({"file-shape", std::string(name_of(shape))});
  if (anywhere) response.headers.push_back({"file-size", std::to_string(size)});
  if (!edition.empty()) response.headers.push_back({"file-edition", edition});
  if (line) response.headers.push_back({"file-line", std::to_string(*line)});
  if (last) response.headers.push_back({"file-last", "1"});
}

pipeline::Result<FilePart> FilePart::of(const HttpResponse& response) {
  FilePart part;
  const auto shape = shape_named(response.header("file-shape").value_or(""));
  if (!shape || *shape == FileShape::kUnknown) {
    return unexpected(ErrorKind::kMalformed, "this is no part of a file: " + response.safe_url);
  }
  part.shape = *shape;
  if (const auto text = response.header("file-size")) {
    const auto size = number_of(*text);
    part.anywhere = size.has_value();
    part.size = size.value_or(0);
  }
  part.edition = response.header("file-edition").value_or("");
  if (const auto text = response.header("file-line")) part.line = number_of(*text);
  part.last = response.header("file-last").has_value();
  return part;
}

}  // namespace riptide::stages

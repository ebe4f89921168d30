#include "riptide/cli/record_file.hpp"

#include "riptide/cli/json_stream.hpp"
#include "riptide/json/document.hpp"
#include "riptide/json/structurals.hpp"

namespace riptide::cli {
namespace {

pipeline::Result<void> for_each_element(const std::string& text, const std::function<void(std::string_view)>& record) {
  std::string bytes = text;
  bytes.append(json::Document::kPadding, ' ');
  json::Document document;
  const auto root = document.index(std::string_view(bytes).substr(0, text.size()));
  if (!root) return pipeline::unexpected(root.error());
  if (auto checked = document.check(); !checked) return checked;
  json::Document::Elements elements(document, *root);
  while (elements.next()) {
    const auto raw = elements.raw_value();
    if (!raw) return pipeline::unexpected(raw.error());
    record(*raw);
  }
  return elements.status();
}

}  // namespace

pipeline::Result<void> for_each_record(const std::string& file, const std::function<void(std::string_view)>& record) {
  JsonStream stream({file});
  std::string raw;
  std::string text;
  while (true) {
    const auto more = stream.next(raw);
    if (!more) return pipeline::unexpected(more.error());
    if (!*more) return {};
    text.clear();
    json::append_repaired_utf8(raw, text);
    if (!text.starts_with('[')) {
      record(text);
    } else if (auto read = for_each_element(text, record); !read) {
      return pipeline::unexpected(
          pipeline::ErrorKind::kMalformed,
          "the array that ends in line " + std::to_string(stream.line()) + " is not JSON: " + read.error().message);
    }
  }
}

}  // namespace riptide::cli

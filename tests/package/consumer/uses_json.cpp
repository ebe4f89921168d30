// Links riptide::json alone.
#include <string>

#include "riptide/json/document.hpp"

int main() {
  std::string text = R"({"Id": "Spaces-1", "Items": [1, 2.50]})";
  const std::size_t size = text.size();
  text.append(riptide::json::Document::kPadding, '\0');

  riptide::json::Document document;
  const auto root = document.index(std::string_view(text).substr(0, size));
  if (!root) return 1;
  const auto items = document.find(*root, "Items");
  if (!items || !items->has_value()) return 2;
  const auto raw = document.raw(**items);
  return raw && *raw == "[1, 2.50]" ? 0 : 3;
}

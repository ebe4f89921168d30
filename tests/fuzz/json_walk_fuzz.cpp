// The walk over the structural index against simdjson's DOM: both take the same texts, and see the same in them. And
// the scalar scan against simdjson's first stage.
#include <simdjson.h>

#include <cstring>
#include <string>

#include "fuzz_target.hpp"
#include "random_json.hpp"
#include "riptide/json/document.hpp"
#include "riptide/json/structurals.hpp"

namespace json = riptide::json;
using riptide::tests::must;

namespace {

constexpr std::size_t kMaxDepth = 1000;

void compare(const json::Document& document, json::Value value, simdjson::dom::element element);

void compare_object(const json::Document& document, json::Value value, simdjson::dom::object object) {
  json::Document::Members members(document, value);
  for (const auto field : object) {
    must(members.next(), "a member is missing");
    must(members.key_is(field.key), "another key");
    const auto found = document.find(value, field.key);
    must(found && found->has_value(), "a key that is there is not found");
    compare(document, members.value(), field.value);
  }
  must(!members.next(), "a member too many");
  must(members.status().has_value(), "members of a good object end with an error");
}

void compare_array(const json::Document& document, json::Value value, simdjson::dom::array array) {
  json::Document::Elements elements(document, value);
  for (const simdjson::dom::element element : array) {
    must(elements.next(), "an element is missing");
    compare(document, elements.value(), element);
  }
  must(!elements.next(), "an element too many");
  must(elements.status().has_value(), "elements of a good array end with an error");
}

void compare(const json::Document& document, json::Value value, simdjson::dom::element element) {
  const auto raw = document.raw(value);
  must(raw.has_value(), "a good value has no raw bytes");
  switch (element.type()) {
    case simdjson::dom::element_type::OBJECT:
      must(value.type == json::Type::kObject, "an object is none");
      return compare_object(document, value, element);
    case simdjson::dom::element_type::ARRAY:
      must(value.type == json::Type::kArray, "an array is none");
      return compare_array(document, value, element);
    case simdjson::dom::element_type::STRING: {
      must(value.type == json::Type::kString, "a string is none");
      const auto decoded = json::decoded(*raw);
      must(decoded && *decoded == std::string_view(element), "another string");
      return;
    }
    case simdjson::dom::element_type::BOOL:
      must(value.type == json::Type::kBool && *raw == (bool(element) ? "true" : "false"), "another boolean");
      return;
    case simdjson::dom::element_type::NULL_VALUE:
      must(value.type == json::Type::kNull && *raw == "null", "another null");
      return;
    case simdjson::dom::element_type::UINT64: {
      const auto number = json::to_uint64(*raw);
      must(value.type == json::Type::kNumber && number && *number == std::uint64_t(element), "another number");
      return;
    }
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::DOUBLE:
      must(value.type == json::Type::kNumber && json::is_number(*raw), "a number is none");
      return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size > 50'000) return 0;
  const riptide::tests::Padded padded(riptide::tests::text_of(bytes, size));
  const std::string_view text = padded.view();

  static json::StructuralIndex simd(json::StructuralIndex::Scan::kSimd);
  static json::StructuralIndex scalar(json::StructuralIndex::Scan::kScalar);
  const auto fast = simd.build(text);
  const auto slow = scalar.build(text);
  must(fast.has_value() == slow.has_value(), "one scan takes the text, the other does not");
  if (fast) {
    must(fast->size == slow->size && std::memcmp(fast->at, slow->at, fast->size * sizeof(std::uint32_t)) == 0,
         "the scans find other places");
    json::Brackets brackets;
    std::uint32_t failed_at = 0;
    const std::uint32_t stepped = json::step_over(*fast, 0, brackets, &failed_at);
    const std::uint32_t checked = json::check_value(*fast, 0, brackets, &failed_at);
    must(checked == 0 || checked == stepped, "a checked value ends elsewhere");
    std::string compact;
    const std::uint32_t copied = json::append_compact(*fast, 0, brackets, compact);
    must(copied == checked, "a compact copy of what is not checked, or none of what is");
  }

  static json::Document document;
  const auto root = document.index(text);
  const bool good = root && document.check();
  static simdjson::dom::parser parser;
  if (parser.allocate(size + 1, kMaxDepth) != simdjson::SUCCESS) return 0;
  // simdjson 3.0 does not know the byte order mark.
  const simdjson::padded_string copy(text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text);
  simdjson::dom::element element;
  const auto failure = parser.parse(copy).get(element);
  if (failure == simdjson::SUCCESS) {
    must(good, "simdjson takes what we refuse");
    compare(document, *root, element);
  } else if (good) {
    // We keep digits, whatever their number, and repair lone surrogates; simdjson refuses both, and depth.
    must(failure == simdjson::NUMBER_ERROR || failure == simdjson::STRING_ERROR || failure == simdjson::DEPTH_ERROR ||
             failure == simdjson::CAPACITY,
         "we take what simdjson refuses");
  } else if (root) {
    // Broken: every walk must end all the same.
    json::Document::Members members(document, *root);
    while (members.next()) static_cast<void>(members.raw_value());
    json::Document::Elements elements(document, *root);
    while (elements.next()) static_cast<void>(elements.raw_value());
    static_cast<void>(document.find(*root, "a"));
  }
  return 0;
}

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "riptide/json/document.hpp"
#include "riptide/json/structurals.hpp"

// Stage 1 is not simdjson's public interface, so this is the one file that knows it, and only in the version it was
// written for: the build defines RIPTIDE_SIMDJSON_STAGE1 for that version, any other one gets the scalar scan.
#ifdef RIPTIDE_SIMDJSON_STAGE1
#include <simdjson.h>
static_assert(simdjson::SIMDJSON_VERSION_MAJOR == 3 && simdjson::SIMDJSON_VERSION_MINOR == 0);
static_assert(riptide::json::Document::kPadding >= simdjson::SIMDJSON_PADDING);
#endif

namespace riptide::json {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

namespace {

constexpr std::size_t kSmallestCapacity = std::size_t{64} << 10;

std::string_view without_mark(std::string_view text) noexcept {
  return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

}  // namespace

#ifdef RIPTIDE_SIMDJSON_STAGE1

struct StructuralIndex::Stage1 {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;

  Result<Structurals> run(std::string_view text) {
    if (!parser || parser->capacity() < text.size()) {
      const std::size_t capacity = std::max({kSmallestCapacity, text.size(), parser ? parser->capacity() * 2 : 0});
      parser.reset();
      // Depth bounds stage 2 only, which never runs here.
      const auto failure = simdjson::get_active_implementation()->create_dom_parser_implementation(
          std::min(capacity, simdjson::SIMDJSON_MAXSIZE_BYTES), 1, parser);
      if (failure != simdjson::SUCCESS) {
        parser.reset();
        return unexpected(ErrorKind::kLimit,
                          "no memory for the index of a text: " + std::to_string(text.size()) + " bytes");
      }
    }
    const auto failure =
        parser->stage1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), simdjson::stage1_mode::regular);
    switch (static_cast<int>(failure)) {
      case simdjson::SUCCESS:
        break;
      case simdjson::EMPTY:
        return unexpected(ErrorKind::kMalformed, "not JSON: the text is empty");
      case simdjson::UTF8_ERROR:
        return unexpected(ErrorKind::kMalformed, "not JSON: the text is not UTF-8");
      case simdjson::UNCLOSED_STRING:
        return unexpected(ErrorKind::kMalformed, "not JSON: a string is not closed");
      case simdjson::UNESCAPED_CHARS:
        return unexpected(ErrorKind::kMalformed, "not JSON: a control character in a string");
      default:
        return unexpected(ErrorKind::kMalformed, std::string("not JSON: ") + simdjson::error_message(failure));
    }
    // Stage 1 leaves three sentinels of its own; the array has room for nine.
    std::uint32_t* const at = parser->structural_indexes.get();
    const std::uint32_t size = parser->n_structural_indexes;
    std::fill_n(at + size, kSentinels, static_cast<std::uint32_t>(text.size()));
    return Structurals{text.data(), at, size};
  }
};

#else

struct StructuralIndex::Stage1 {};

#endif

StructuralIndex::StructuralIndex(Scan scan) : scan_(scan) {}
StructuralIndex::~StructuralIndex() = default;
StructuralIndex::StructuralIndex(StructuralIndex&&) noexcept = default;
StructuralIndex& StructuralIndex::operator=(StructuralIndex&&) noexcept = default;

Result<Structurals> StructuralIndex::build(std::string_view text) {
  text = without_mark(text);
  if (text.size() > std::numeric_limits<std::uint32_t>::max() - kSentinels) {
    return unexpected(ErrorKind::kLimit,
                      "text exceeds the size limit of 4 GB: " + std::to_string(text.size()) + " bytes");
  }
#ifdef RIPTIDE_SIMDJSON_STAGE1
  if (scan_ == Scan::kSimd) {
    if (!stage1_) stage1_ = std::make_unique<Stage1>();
    return stage1_->run(text);
  }
#endif
  if (auto scanned = scan_scalar(text, positions_); !scanned) return pipeline::Unexpected{std::move(scanned).error()};
  const auto size = static_cast<std::uint32_t>(positions_.size());
  positions_.insert(positions_.end(), kSentinels, static_cast<std::uint32_t>(text.size()));
  return Structurals{text.data(), positions_.data(), size};
}

}  // namespace riptide::json

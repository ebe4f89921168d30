#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/page.hpp"

namespace riptide::pipeline {

/// A top-level key that a source adds to, or puts over, the keys of a record.
struct OverlayField {
  std::string_view key;     ///< Decoded; static storage, or of the source that made it.
  std::uint32_t begin = 0;  ///< Into `RecordSet::overlay_bytes`: raw JSON of the value.
  std::uint32_t length = 0;
};

/// Where one record lies in its page.
struct RecordSpan {
  std::uint32_t begin = 0;  ///< Into the page: raw JSON of the record, whatever its type.
  std::uint32_t length = 0;
  std::uint32_t overlay_begin = 0;  ///< Into `RecordSet::overlay_fields`.
  std::uint32_t overlay_count = 0;
};

/// The records of one page: spans of it, and the overlays that the source put on them.
struct RecordSet {
  std::vector<RecordSpan> spans;
  std::vector<OverlayField> overlay_fields;
  std::string overlay_bytes;

  /// Appends a record without an overlay. `begin` and `length` lie in the page.
  RecordSpan& add(std::uint32_t begin, std::uint32_t length);
  /// Adds an overlay field to the record added last; `raw_json` is copied.
  void overlay(std::string_view key, std::string_view raw_json);
};

/// One logical item, as the mapping sees it: raw bytes (followed by readable padding) and what lies over them.
/// Borrowed from a page and its `RecordSet`.
struct RecordView {
  std::string_view json;
  std::span<const OverlayField> overlay;
  std::string_view overlay_bytes;

  [[nodiscard]] std::string_view overlay_value(const OverlayField& field) const noexcept {
    return overlay_bytes.substr(field.begin, field.length);
  }
};

inline RecordView view_of(const Page& page, const RecordSet& records, const RecordSpan& span) {
  return {page->view().substr(span.begin, span.length),
          std::span(records.overlay_fields).subspan(span.overlay_begin, span.overlay_count), records.overlay_bytes};
}

}  // namespace riptide::pipeline

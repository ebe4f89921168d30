#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fast_path.hpp"
#include "riptide/json/structurals.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/record.hpp"

namespace riptide::transform {

/// The structural index of one page of records and of their overlays: one pass over each where that is possible, else
/// one for each record. One per thread, reused.
class IndexedPage {
 public:
  /// Borrows all three until the next call.
  void begin(const fast::Plan& plan, const pipeline::Page& page, const pipeline::RecordSet& records);

  /// Walks record `index` with its overlay. False if the fast path cannot have it (malformed, for the most part).
  bool walk(std::size_t index, fast::Machine& machine);

 private:
  void index_overlays();
  /// The structural at which `json` begins; false if none does.
  bool locate(const json::Structurals& structurals, std::string_view json, std::uint32_t& at);
  bool walk_record(const json::Structurals& structurals, std::string_view json, fast::Machine& machine);
  bool lay_over(const pipeline::RecordSpan& span, fast::Machine& machine);

  const fast::Plan* plan_ = nullptr;
  const pipeline::PageBuffer* page_ = nullptr;
  const pipeline::RecordSet* records_ = nullptr;

  json::StructuralIndex page_index_;
  json::StructuralIndex record_index_;
  json::StructuralIndex overlay_index_;
  json::Structurals page_structurals_;
  json::Structurals overlay_structurals_;
  bool page_indexed_ = false;
  bool overlays_indexed_ = false;
  const char* machine_text_ = nullptr;  ///< Which structurals the machine has.
  std::uint32_t cursor_ = 0;            ///< Behind the last record.
  std::string overlay_text_;            ///< All overlay values, apart from each other, with padding.
  std::vector<std::uint32_t> overlay_begins_;
  std::vector<std::uint32_t> overlay_places_;  ///< Structural of each overlay field's value, and one behind the last.
};

}  // namespace riptide::transform

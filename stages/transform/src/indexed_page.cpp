#include "indexed_page.hpp"

#include <algorithm>

#include "riptide/json/document.hpp"

namespace riptide::transform {

void IndexedPage::begin(const fast::Plan& plan, const pipeline::Page& page, const pipeline::RecordSet& records) {
  plan_ = &plan;
  page_ = page.get();
  records_ = &records;
  cursor_ = 0;
  page_indexed_ = false;
  page_structurals_ = {};
  machine_text_ = nullptr;
  index_overlays();
  // Where the records are a small part of the page, indexing all of it would cost more than indexing them.
  std::size_t bytes = 0;
  for (const pipeline::RecordSpan& span : records.spans) bytes += span.length;
  if (bytes * 2 < page_->size()) return;
  // A page that is no JSON as a whole (a broken line of NDJSON) is indexed record by record.
  if (auto built = page_index_.build(page_->view()); built && built->size < fast::kMostStructurals) {
    page_structurals_ = *built;
    page_indexed_ = true;
  }
}

void IndexedPage::index_overlays() {
  overlay_structurals_ = {};
  overlay_text_.clear();
  overlay_begins_.clear();
  overlay_places_.clear();
  overlays_indexed_ = true;
  if (records_->overlay_fields.empty()) return;
  overlays_indexed_ = false;
  for (const pipeline::OverlayField& field : records_->overlay_fields) {
    overlay_begins_.push_back(static_cast<std::uint32_t>(overlay_text_.size()));
    overlay_text_.append(records_->overlay_bytes, field.begin, field.length);
    overlay_text_ += '\n';  // numbers must not run into each other
    if (overlay_text_.size() > UINT32_MAX / 2) return;
  }
  const std::size_t size = overlay_text_.size();
  overlay_text_.append(json::Document::kPadding, '\0');
  auto built = overlay_index_.build(std::string_view(overlay_text_).substr(0, size));
  if (!built || built->size >= fast::kMostStructurals) return;
  overlay_structurals_ = *built;
  // A byte order mark is not for values within a text.
  if (built->text != overlay_text_.data()) return;
  std::uint32_t place = 0;
  for (const std::uint32_t begin : overlay_begins_) {
    while (place < built->size && built->at[place] < begin) ++place;
    overlay_places_.push_back(place);
  }
  overlay_places_.push_back(built->size);
  overlays_indexed_ = true;
}

bool IndexedPage::locate(const json::Structurals& structurals, std::string_view json, std::uint32_t& at) {
  std::size_t skipped = 0;
  while (skipped < json.size() && json::is_space(json[skipped])) ++skipped;
  if (skipped == json.size() || json.data() < structurals.text) return false;
  const auto offset = static_cast<std::size_t>(json.data() - structurals.text) + skipped;
  // Records mostly follow each other with one comma between them.
  for (const std::uint32_t guess : {cursor_, cursor_ + 1}) {
    if (guess < structurals.size && structurals.at[guess] == offset) {
      at = guess;
      return true;
    }
  }
  const std::uint32_t* const end = structurals.at + structurals.size;
  const std::uint32_t* const found = std::lower_bound(structurals.at, end, offset);
  if (found == end || *found != offset) return false;
  at = static_cast<std::uint32_t>(found - structurals.at);
  return true;
}

bool IndexedPage::walk_record(const json::Structurals& structurals, std::string_view json, fast::Machine& machine) {
  std::uint32_t at = 0;
  if (!locate(structurals, json, at)) return false;
  if (machine_text_ != structurals.text || structurals.text == nullptr) {
    machine.begin(*plan_, structurals, overlay_structurals_);
    machine_text_ = structurals.text;
  }
  const std::uint32_t behind = machine.walk(at);
  if (behind == 0) return false;
  // The value must end within its span, and nothing may follow it there.
  const auto end = static_cast<std::size_t>(json.data() - structurals.text) + json.size();
  if (structurals.at[behind - 1] >= end || structurals.at[behind] < end) return false;
  cursor_ = behind;
  return true;
}

bool IndexedPage::lay_over(const pipeline::RecordSpan& span, fast::Machine& machine) {
  if (span.overlay_count == 0) return true;
  if (!overlays_indexed_) return false;
  for (std::uint32_t field = span.overlay_begin; field < span.overlay_begin + span.overlay_count; ++field) {
    const std::uint32_t place = overlay_places_[field];
    const std::uint32_t next = overlay_places_[field + 1];
    if (place >= next || !machine.lay_over(records_->overlay_fields[field].key, place, next)) return false;
  }
  return true;
}

bool IndexedPage::walk(std::size_t index, fast::Machine& machine) {
  const pipeline::RecordSpan& span = records_->spans[index];
  const std::string_view json = page_->view().substr(span.begin, span.length);
  if (page_indexed_ && walk_record(page_structurals_, json, machine)) return lay_over(span, machine);
  // Malformed, or something before it in the page makes it look so: its own index tells.
  auto built = record_index_.build(json);
  if (!built || built->size >= fast::kMostStructurals) return false;
  machine_text_ = nullptr;
  const std::uint32_t cursor = cursor_;
  cursor_ = 0;
  const bool walked = walk_record(*built, json, machine);
  cursor_ = cursor;
  machine_text_ = nullptr;
  return walked && lay_over(span, machine);
}

}  // namespace riptide::transform

#include "riptide/pipeline/record.hpp"

namespace riptide::pipeline {

RecordSpan& RecordSet::add(std::uint32_t begin, std::uint32_t length) {
  return spans.emplace_back(RecordSpan{begin, length, static_cast<std::uint32_t>(overlay_fields.size()), 0});
}

void RecordSet::overlay(std::string_view key, std::string_view raw_json) {
  overlay_fields.push_back(
      {key, static_cast<std::uint32_t>(overlay_bytes.size()), static_cast<std::uint32_t>(raw_json.size())});
  overlay_bytes += raw_json;
  ++spans.back().overlay_count;
}

}  // namespace riptide::pipeline

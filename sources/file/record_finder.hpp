#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "riptide/pipeline/record.hpp"

namespace riptide::sources::file {

/// Adds each line of a page that is not blank.
///
/// @param within_line  The page begins with the last byte before its stretch of the file: what stands in front of the
///                     first line break is of the page before. @param first  A byte order mark may be in front.
void find_lines(std::string_view text, bool within_line, bool first, pipeline::RecordSet& records);

/// Finds the records of a page of JSON values: the elements of arrays, and all other values. Tells where they begin and
/// end, and whether commas are where they belong; what is in them is not looked at.
class RecordFinder {
 public:
  /// What a page can begin and end between.
  enum class Between : std::uint8_t {
    kValues,      ///< Outside of any array.
    kFirst,       ///< In an array, in front of its first element.
    kElements,    ///< Behind an element.
    kAfterComma,  ///< In front of an element.
  };
  enum class Found : std::uint8_t {
    kAll,
    kOpenEnd,    ///< The page ends in the middle of a record.
    kMalformed,  ///< A byte that cannot be there.
  };

  explicit RecordFinder(Between between) noexcept : between_(between) {}

  /// Adds the records of a page. Otherwise than with kAll, `stopped_at` says where the record, or the byte, is.
  Found find(std::string_view text, bool first, pipeline::RecordSet& records);

  [[nodiscard]] Between between() const noexcept { return between_; }
  [[nodiscard]] std::size_t stopped_at() const noexcept { return at_; }

 private:
  Between between_;
  std::size_t at_ = 0;
};

}  // namespace riptide::sources::file

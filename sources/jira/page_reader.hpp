#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "listing.hpp"
#include "riptide/pipeline/error.hpp"
#include "work.hpp"

namespace riptide::sources::jira {

/// Reads one answer to a request of a Jira source: what is common to all of them. One answer, one reader.
class PageReader {
 public:
  PageReader(const stages::Request& request, const stages::HttpResponse& response, json::Document& document,
             std::uint64_t page_size);

  [[nodiscard]] std::string_view body() const noexcept { return body_; }
  /// Reads the listing. Errors: kMalformed.
  [[nodiscard]] Result<void> read();
  [[nodiscard]] const Listing& listing() const noexcept { return listing_; }
  [[nodiscard]] Listing& listing() noexcept { return listing_; }

  /// The raw JSON of a record's member; empty where it is neither text nor number. Errors: kMalformed.
  [[nodiscard]] Result<std::string_view> member(const Item& item, std::string_view key) const;
  /// The same as text. Errors: kMalformed; also where it is absent, empty, or cannot be part of a path.
  [[nodiscard]] Result<std::string> segment(const Item& item, std::string_view key) const;

  /// Adds all records to the step, with the overlay of their kind over `overlay_json` (raw; empty for none).
  Result<void> add_records(std::string_view overlay_json, stages::PageStep& step);
  /// Enters what the page tells of an offset listing: pages, total, the next of a chain. Errors: as `judge`.
  Result<void> add_offset_pages(stages::PageStep& step) const;
  /// Enters the next page of a chain of tokens. Errors: kMalformed (the same token again, page after page empty).
  Result<void> add_token_page(stages::PageStep& step) const;

  /// Makes an error of this answer: the address at its end.
  [[nodiscard]] pipeline::Unexpected wrong(pipeline::Error error) const;
  [[nodiscard]] pipeline::Unexpected malformed(std::string message) const;

 private:
  const stages::Request& request_;
  const stages::HttpResponse& response_;
  json::Document& document_;
  std::uint64_t page_size_;
  const StepTraits& traits_;
  std::string_view body_;
  Listing listing_;
};

/// Where a chain of tokens is: `Request::cursor`. Views into it.
struct TokenPlace {
  std::uint64_t pages = 0;    ///< Read before this one.
  std::uint64_t empties = 0;  ///< Of them empty, the latest in a row.
  std::string_view token;     ///< Of this page; empty for the first.
  /// Of an earlier page, moved up to the present one whenever `pages` is a power of two: a chain that goes round in a
  /// circle meets it again (Brent's algorithm).
  std::string_view landmark;
};
[[nodiscard]] TokenPlace token_place(std::string_view cursor);

/// Whether Jira took the reader for nobody though credentials were sent: it then answers what the public may see.
[[nodiscard]] bool is_anonymous(const stages::HttpResponse& response);

}  // namespace riptide::sources::jira

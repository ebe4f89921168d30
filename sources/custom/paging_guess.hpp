#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "answer_facts.hpp"
#include "riptide/sources/custom_proposal.hpp"

namespace riptide::sources::custom {

/// An address in its parts; the parameters decoded.
struct Address {
  std::string origin;  ///< scheme://host:port
  std::string path;    ///< With its slash.
  std::vector<std::pair<std::string, std::string>> query;

  /// Nothing for what is no http or https URL.
  [[nodiscard]] static std::optional<Address> parse(std::string_view url);
};

/// What the guesses rest on. Borrowed.
struct PagingEvidence {
  const Address& asked;
  const stages::HttpResponse& answer;
  const AnswerFacts& facts;
  std::size_t records = 0;
  std::string data_member;  ///< Dotted; empty where the answer is the list, or the list cannot be named so.
};

/// Guesses how pages follow each other, the likeliest first; the last is "none".
[[nodiscard]] std::vector<ProposedPaging> guess_paging(const PagingEvidence& evidence);

/// Whether a parameter asks for a page or its size.
[[nodiscard]] bool is_paging_parameter(std::string_view name, std::string_view value);

/// Text from the other side as a message may show it: short, on one line.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace riptide::sources::custom

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/sources/custom.hpp"
#include "riptide/stages/http_message.hpp"

/// What one answer of an API tells of how to read it: guesses, each with what it rests on.
namespace riptide::sources::custom {

/// A member of the records that can become a property of the entities.
struct ProposedProperty {
  std::string name;        ///< Letters, digits, `_` and `-` only.
  std::string expression;  ///< jq.
  std::string type;        ///< string, number, boolean, array or object, as in a blueprint.
  std::string format;      ///< "date-time", "url", "email", or empty.
};

/// A jq expression, and why it is this one.
struct ProposedExpression {
  std::string expression;
  std::string why;
};

/// How the pages follow each other, if a guess is right.
struct ProposedPaging {
  Pagination pagination;  ///< Texts that are empty are not worth setting.
  std::string why;
  /// Where the second page should be; empty where the server itself says where it is.
  std::string second_page;
  bool expects_more = false;  ///< The answer says that there is a second page.
};

struct Proposal {
  std::string base_url;
  std::string kind;                                        ///< The path behind it, with its slash.
  std::vector<std::pair<std::string, std::string>> query;  ///< What every page is asked with, decoded.
  std::vector<std::string> secret_parameters;  ///< Names of what is not in `query`: credentials, by their look.
  ProposedExpression data_path;                ///< Empty: the answer itself.
  std::size_t num_records = 0;                 ///< In the first page.
  std::string first_record;                    ///< Raw bytes.
  std::string data_member;                     ///< The data path as a dotted path; empty if it has none.
  std::vector<ProposedPaging> paging;          ///< The likeliest first; the last is always "none".
  ProposedExpression identifier;
  ProposedExpression title;  ///< Empty: there is none.
  std::string blueprint;
  std::vector<ProposedProperty> properties;
  std::vector<std::string> left_out;  ///< Members that cannot be properties, each with the reason.
};

/// Checks that a listing can be at an address. Errors: kConfig.
[[nodiscard]] Result<void> check_address(std::string_view url);

/// Reads what the API answered when it was asked for `url` (absolute, with its query). Nothing is guessed from a
/// status: the caller looks at it. Names of members come from the server: bound them before showing them.
/// Errors: kMalformed (not JSON, or nothing in it that could be a record), kConfig (see `check_address`).
[[nodiscard]] Result<Proposal> propose(std::string_view url, const stages::HttpResponse& answer);

/// Whether a page is the one behind the first: `kOther` has other records, `kEmpty` none, `kSame` is the first again,
/// `kRefused` is no page at all.
enum class SecondPage : std::uint8_t { kOther, kEmpty, kSame, kRefused };
[[nodiscard]] SecondPage judge_second_page(const Proposal& proposal, const stages::HttpResponse& answer);

/// Takes what the second page of the likeliest paging was into account: that guess is confirmed, or makes way.
void confirm(Proposal& proposal, SecondPage second);

}  // namespace riptide::sources::custom

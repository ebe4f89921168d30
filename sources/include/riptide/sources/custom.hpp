#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/secret.hpp"
#include "riptide/stages/field.hpp"
#include "riptide/stages/source.hpp"
#include "riptide/transform/evaluation_limits.hpp"

/// Any REST API that answers JSON, described by settings and by the selectors of the mapping: no C++ for a new one.
namespace riptide::sources::custom {

using pipeline::Result;

/// How an endpoint is read page by page.
enum class PageStyle : std::uint8_t { kNone, kPage, kOffset, kCursor, kNextLink, kHeaderLink };

/// Returns the style that a user names ("none", "page", "offset", "cursor", "next_link", "header_link"), or nothing.
[[nodiscard]] std::optional<PageStyle> page_style(std::string_view name) noexcept;

/// The page style of an installation; a selector can have its own. Paths are dotted and walk through objects; a path
/// that leads nowhere is as if it were null. Empty texts are not set.
struct Pagination {
  PageStyle style = PageStyle::kNone;
  std::uint64_t page_size = 100;
  std::string page_param;  ///< Of the page number, offset or cursor. Not set: `page`, `offset`, `cursor`.
  std::string size_param;  ///< Not set: `size` with the style page, `limit` with offset and cursor.
  std::uint64_t start_page = 1;
  std::string cursor_path;
  std::string has_more_path;
  std::string last_page_path;
  std::string next_link_path = "@odata.nextLink";
  std::string header_link_rel = "next";
  /// Where the answer tells how many records, or pages, there are in all: then all pages are read at once.
  std::string total_path;
  std::string total_pages_path;
  std::string total_header = "X-Total-Count";  ///< Obeyed where the answer has it and `total_path` is not set.

  friend bool operator==(const Pagination&, const Pagination&) = default;
};

/// How requests are signed.
enum class AuthStyle : std::uint8_t { kNone, kBearer, kBasic, kApiKey, kCustom };
/// Returns the style that a user names ("none", "bearer_token", "basic", "api_key", "custom"), or nothing.
[[nodiscard]] std::optional<AuthStyle> auth_style(std::string_view name) noexcept;

/// The credentials of an installation; a style looks at its own only.
struct AuthSettings {
  AuthStyle style = AuthStyle::kNone;
  pipeline::Secret api_token;  ///< kBearer.
  std::string username;        ///< kBasic.
  pipeline::Secret password;
  pipeline::Secret api_key;  ///< kApiKey.
  std::string api_key_header = "X-API-Key";
  pipeline::Secret request;    ///< kCustom: JSON of `customAuthRequest`.
  pipeline::Secret template_;  ///< kCustom: JSON of `customAuthRequestTemplate`.
};

/// An installation: what is the same for all its endpoints.
struct Options {
  std::string base_url;
  AuthSettings auth;
  Pagination pagination;
  std::size_t max_in_flight = 10;              ///< `maxConcurrentRequests`.
  std::vector<stages::RequestBudget> budgets;  ///< What the API allows.
  transform::EvaluationLimits limits;          ///< Of the expressions in settings and selectors.
};

/// The `custom` source. A kind is the path of an endpoint; what its selector says (method, query, headers, body, where
/// the records are, how pages follow each other, where the values of `{placeholders}` come from) is the rest.
///
/// Blocks of the mapping that ask the same of the same endpoint share one listing, and so do placeholders that take
/// their values from the same listing, be it that of a kind. Every value of the placeholders is a partition of its own;
/// the listings that values are taken from are read first, page by page, and what they name is read meanwhile. Where an
/// answer declares a total, the pages of a listing are read at once.
class CustomSource final : public stages::Source {
 public:
  /// Errors: kConfig, naming the setting.
  [[nodiscard]] static Result<std::unique_ptr<CustomSource>> create(Options options);
  ~CustomSource() override;

  [[nodiscard]] std::string_view type() const noexcept override { return "custom"; }
  [[nodiscard]] Result<std::vector<stages::Request>> start(
      std::span<const stages::SourceResource> resources) const override;
  [[nodiscard]] stages::HttpRequest render(const stages::Request& request) const override;
  [[nodiscard]] Result<stages::PageStep> read(const stages::Request& request, const stages::HttpResponse& response,
                                              json::Document& document) const override;
  [[nodiscard]] const stages::Auth* auth() const noexcept override;
  [[nodiscard]] std::vector<stages::HostLimits> host_limits() const override;

 private:
  struct Parts;
  explicit CustomSource(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// What the selectors of the mapping can have, kind by kind.
[[nodiscard]] std::span<const stages::SelectorFields> selectors() noexcept;

/// The members of `customAuthRequest` and `customAuthRequestTemplate`.
[[nodiscard]] std::span<const stages::Field> auth_request_fields() noexcept;
[[nodiscard]] std::span<const stages::Field> auth_template_fields() noexcept;

/// An entry of `path_parameters`.
struct PlaceholderEntry {
  std::string name;
  std::string endpoint;
};
/// Checks that each placeholder of a kind has an entry, that the entries' endpoints name placeholders of the kind only,
/// and that there is an order in which they can be resolved.
[[nodiscard]] std::vector<stages::SelectorFault> check_placeholders(const std::string& kind,
                                                                    const std::vector<PlaceholderEntry>& entries);

/// The mapping that is used when neither a file nor Port has one, as YAML: it has no resources, since only the user
/// knows the API.
[[nodiscard]] std::string_view default_mapping() noexcept;

}  // namespace riptide::sources::custom

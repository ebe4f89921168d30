#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/secret.hpp"
#include "riptide/stages/field.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::sources::jira {

using pipeline::Result;

/// What a Jira Cloud site is read with. The setting that each one comes from stands behind it.
struct Options {
  std::string jira_host;        ///< `jiraHost`: the site, or `https://api.atlassian.com/ex/jira/<cloudId>` with OAuth.
  pipeline::Secret user_email;  ///< `atlassianUserEmail`.
  pipeline::Secret user_token;  ///< `atlassianUserToken`.
  std::string organization_id;  ///< `atlassianOrganizationId`: without one there are no teams.
  /// Returns the OAuth token as it is now (the content of a file that somebody else renews); called again when a token
  /// is refused, and once a minute. On the I/O thread: must be quick. Null: email and token are sent as Basic.
  std::function<Result<pipeline::Secret>()> oauth_token = {};
  /// `partition`: reads issues, and worklogs, project by project side by side, where the query allows it.
  bool partition = true;
  std::uint32_t page_size = 50;  ///< `pageSize`: records asked for at once, 1 to `kMaxPageSize`.
  /// A chain of issues that goes on after this many pages (of one for worklogs: after its first) is counted, and cut by
  /// creation time if it has more issues than `split_over`.
  std::uint32_t split_after_pages = 10;
  std::uint64_t split_over = 2'000;
  std::string gateway_url = "https://api.atlassian.com";  ///< Atlassian's own; another one in tests.
};
inline constexpr std::uint32_t kMaxPageSize = 5'000;
inline constexpr std::size_t kMaxInFlight = 10;  ///< Requests at once to a site, as Ocean has it.

/// Reads projects, issues, users, teams, releases, boards, sprints, backlogs, epics, worklogs and components.
///
/// Issues come from a search whose pages form a chain of tokens. Where the query allows it, it is asked project by
/// project, `(query) AND project = ...`, and once for whatever is in no project that the listing names, so that nothing
/// falls between; a project that goes on for long is cut by creation time. The issues whose worklogs are read are found
/// in the same way. A scope is (kind, project), or (kind, board) for what belongs to a board.
class JiraSource final : public stages::Source {
 public:
  /// Errors: kConfig (a URL that is not http(s), has credentials, a query or a fragment; no email or token).
  [[nodiscard]] static Result<std::unique_ptr<JiraSource>> create(Options options);

  [[nodiscard]] std::string_view type() const noexcept override { return "jira"; }
  [[nodiscard]] Result<std::vector<stages::Request>> start(
      std::span<const stages::SourceResource> resources) const override;
  [[nodiscard]] std::vector<std::string> notices(std::span<const stages::SourceResource> resources) const override;
  [[nodiscard]] stages::HttpRequest render(const stages::Request& request) const override;
  [[nodiscard]] Result<stages::PageStep> read(const stages::Request& request, const stages::HttpResponse& response,
                                              json::Document& document) const override;
  [[nodiscard]] const stages::Auth* auth() const noexcept override { return auth_.get(); }
  [[nodiscard]] std::vector<stages::HostLimits> host_limits() const override;

 private:
  explicit JiraSource(Options options, std::unique_ptr<stages::Auth> auth);

  Options options_;
  std::string cloud_;  // Id of the site where `jiraHost` says it; empty otherwise.
  std::unique_ptr<stages::Auth> auth_;
};

/// What the selectors of the mapping can have, kind by kind.
[[nodiscard]] std::span<const stages::SelectorFields> selectors() noexcept;

/// The mapping that is used when neither a file nor Port has one, as YAML.
[[nodiscard]] std::string_view default_mapping() noexcept;

/// The blueprints that the default mapping fills, as a JSON array in the order in which they can be created.
[[nodiscard]] std::string_view default_blueprints() noexcept;

}  // namespace riptide::sources::jira

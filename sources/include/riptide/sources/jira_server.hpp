#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/secret.hpp"
#include "riptide/stages/field.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::sources::jira_server {

using pipeline::Result;

/// What a Jira Server or Data Center is read with. The setting that each one comes from stands behind it.
struct Options {
  std::string host;           ///< `jiraServerHost`.
  pipeline::Secret token;     ///< `token`: a personal access token, sent as bearer. Wins over name and password.
  std::string username;       ///< `username` and `password`: sent as Basic.
  pipeline::Secret password;  ///<
};

/// Reads projects, issues and users from a Jira Server or Data Center. Its searches have totals, so that all pages of a
/// listing are asked for at once.
class JiraServerSource final : public stages::Source {
 public:
  /// Errors: kConfig (a URL that is not http(s), has credentials, a query or a fragment; no token and no password).
  [[nodiscard]] static Result<std::unique_ptr<JiraServerSource>> create(Options options);

  [[nodiscard]] std::string_view type() const noexcept override { return "jira-server"; }
  [[nodiscard]] Result<std::vector<stages::Request>> start(
      std::span<const stages::SourceResource> resources) const override;
  [[nodiscard]] stages::HttpRequest render(const stages::Request& request) const override;
  [[nodiscard]] Result<stages::PageStep> read(const stages::Request& request, const stages::HttpResponse& response,
                                              json::Document& document) const override;
  [[nodiscard]] const stages::Auth* auth() const noexcept override { return auth_.get(); }

 private:
  JiraServerSource(Options options, std::unique_ptr<stages::Auth> auth);
  [[nodiscard]] pipeline::Error refused(const stages::Request& request, const stages::HttpResponse& response) const;

  Options options_;
  std::unique_ptr<stages::Auth> auth_;
};

/// What the selectors of the mapping can have, kind by kind.
[[nodiscard]] std::span<const stages::SelectorFields> selectors() noexcept;

/// The mapping that is used when neither a file nor Port has one, as YAML.
[[nodiscard]] std::string_view default_mapping() noexcept;

/// The blueprints that the default mapping fills, as a JSON array in the order in which they can be created.
[[nodiscard]] std::string_view default_blueprints() noexcept;

}  // namespace riptide::sources::jira_server

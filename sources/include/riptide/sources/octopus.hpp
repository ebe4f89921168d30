#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/secret.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::sources::octopus {

using pipeline::Result;

/// What an Octopus server is read with. The setting that each one comes from stands behind it.
struct Options {
  std::string server_url;        ///< `serverUrl`: http(s)://host[:port][/path], with or without a slash at the end.
  pipeline::Secret api_key;      ///< `octopusApiKey`.
  std::uint32_t page_size = 50;  ///< `pageSize`: records asked for at once, 1 to `kMaxPageSize`.
  std::uint64_t deployment_limit = 150;  ///< `deploymentLimit`: newest deployments read of each space; 0 is all.
};
inline constexpr std::uint32_t kMaxPageSize = 10'000;

/// Reads spaces, projects, releases, deployments, machines, and any other kind K as `/api/{space}/{K}s`, from an
/// Octopus Deploy server.
///
/// The spaces are listed once a run, for all kinds: each page of them yields the first page of every (kind, space), and
/// a first page yields all the others at once. A record carries `__url`, its page in Octopus's own interface.
/// Which pages a scope has is told by its first page, and again by later ones where they can know; a page that tells
/// nothing new leaves `PageStep::extent` empty.
class OctopusSource final : public stages::Source {
 public:
  /// Errors: kConfig (a URL that is not http(s), has credentials, a query or a fragment; no API key; a bad page size).
  [[nodiscard]] static Result<std::unique_ptr<OctopusSource>> create(Options options);

  [[nodiscard]] std::string_view type() const noexcept override { return "octopus"; }
  [[nodiscard]] Result<std::vector<stages::Request>> start(
      std::span<const stages::SourceResource> resources) const override;
  [[nodiscard]] stages::HttpRequest render(const stages::Request& request) const override;
  [[nodiscard]] Result<stages::PageStep> read(const stages::Request& request, const stages::HttpResponse& response,
                                              json::Document& document) const override;
  [[nodiscard]] const stages::Auth* auth() const noexcept override { return &auth_; }

 private:
  // The API key as a header.
  class ApiKey final : public stages::Auth {
   public:
    explicit ApiKey(pipeline::Secret key) : key_(std::move(key)) {}
    [[nodiscard]] Result<stages::Credentials> fixed() const override;

   private:
    pipeline::Secret key_;
  };

  explicit OctopusSource(Options options);

  [[nodiscard]] std::uint64_t limit_of(std::string_view kind) const noexcept;
  [[nodiscard]] std::uint64_t take_at(std::uint64_t offset, std::uint64_t limit) const noexcept;
  [[nodiscard]] pipeline::Error refused(const stages::Request& request, const stages::HttpResponse& response) const;

  std::string server_url_;
  std::string link_prefix_;  // `<server>/app#/` as the body of a JSON string.
  std::uint32_t page_size_;
  std::uint64_t deployment_limit_;
  ApiKey auth_;
};

/// The mapping that is used when neither a file nor Port has one, as YAML.
[[nodiscard]] std::string_view default_mapping() noexcept;

/// The blueprints that the default mapping fills, as a JSON array in the order in which they can be created.
[[nodiscard]] std::string_view default_blueprints() noexcept;

}  // namespace riptide::sources::octopus

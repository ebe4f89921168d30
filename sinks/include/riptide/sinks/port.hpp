#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/secret.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::sinks::port {

using pipeline::Result;

/// Version of Ocean's core that we stand in for.
inline constexpr std::string_view kOceanCoreVersion = "0.48.12";

/// Returns the version of Ocean's integration of that type that we stand in for; the core's for types that are ours
/// alone. Part of the User-Agent: what Port stores as an entity's datasource.
[[nodiscard]] std::string_view ocean_version(std::string_view integration_type) noexcept;

/// Who talks to Port, and as which integration. One for a run: the requests for the mapping and for the entities share
/// its token.
class Account final : public stages::Auth {
 public:
  /// Where Port is, the credentials, and the integration.
  struct Options {
    std::string base_url = "https://api.getport.io";  ///< `OCEAN__PORT__BASE_URL`.
    std::string client_id;                            ///< `OCEAN__PORT__CLIENT_ID`.
    pipeline::Secret client_secret;                   ///< `OCEAN__PORT__CLIENT_SECRET`.
    std::string integration_type;                     ///< E.g. "octopus".
    std::string integration;                          ///< Identifier of the integration in Port.
    std::string riptide_version;                      ///< Sent as X-Riptide-Version.
  };

  /// Errors: kConfig, naming the setting.
  [[nodiscard]] static Result<std::shared_ptr<const Account>> create(Options options);

  [[nodiscard]] std::optional<stages::HttpRequest> token_request() const override;
  [[nodiscard]] Result<stages::Credentials> read_token(const stages::HttpResponse& response) const override;
  [[nodiscard]] std::string_view settings() const noexcept override {
    return "OCEAN__PORT__CLIENT_ID and OCEAN__PORT__CLIENT_SECRET";
  }

  /// Whether the request is for what an integration does with entities and blueprints: ownership hangs on its
  /// User-Agent.
  enum class Role { kIntegration, kExporter };
  /// A signed request to a path behind /v1/, with the headers that all have. A body makes it JSON.
  [[nodiscard]] stages::HttpRequest request(stages::Method method, std::string_view path, Role role,
                                            std::string body = {}) const;

  [[nodiscard]] const std::string& integration() const noexcept { return options_.integration; }
  [[nodiscard]] const std::string& integration_type() const noexcept { return options_.integration_type; }

 private:
  explicit Account(Options options) : options_(std::move(options)) {}
  Options options_;
};

/// Asks for the integration, which holds the mapping.
[[nodiscard]] stages::HttpRequest integration_request(const Account& account);

/// Reads the answer to `integration_request`: the mapping as raw JSON (an object), or nothing if there is no such
/// integration or it has no mapping. Errors: kAuth, kTransport, kMalformed, kConfig (no Port at that address).
[[nodiscard]] Result<std::optional<std::string>> read_integration_config(const stages::HttpResponse& response,
                                                                         json::Document& document);

/// Port: entities in bulk, one blueprint a request. Port's limits: 20 entities and 1 MiB; 100 deletions.
class PortSink final : public stages::RemoteSink {
 public:
  /// The account, what the run asks for, and Port's limits.
  struct Options {
    std::shared_ptr<const Account> account;
    stages::SinkContext context;
    std::size_t max_records = 20;
    std::size_t max_bytes = std::size_t{1} << 20;
    std::size_t max_in_flight = 8;
    std::size_t owned_page = 5000;                ///< Entities a page, when what is owned is listed.
    std::shared_ptr<const stages::RunLife> life;  ///< What Port is told of the run; null tells nothing.
  };

  explicit PortSink(Options options);

  [[nodiscard]] std::string_view spec() const noexcept override { return "port"; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override;
  [[nodiscard]] bool can_delete() const noexcept override { return true; }
  [[nodiscard]] const stages::Auth* auth() const noexcept override { return options_.account.get(); }

  [[nodiscard]] const stages::RunLife* life() const noexcept override { return options_.life.get(); }

  [[nodiscard]] stages::HttpRequest encode(const stages::Batch& batch) const override;
  /// Errors: kAuth, kTransport (Port is overloaded or broken), kMalformed, kConfig (no Port at that address). Anything
  /// that Port has against the entities, a missing blueprint too, is an outcome.
  [[nodiscard]] Result<stages::UploadAnswer> read(const stages::Batch& batch, const stages::HttpResponse& response,
                                                  json::Document& document) const override;

  [[nodiscard]] stages::HttpRequest owned_request(std::string_view cursor) const override;
  /// Errors as for `read`; kMalformed too for an entity without its names, since what is not known is not deleted.
  [[nodiscard]] Result<stages::OwnedPage> read_owned(const stages::HttpResponse& response,
                                                     json::Document& document) const override;

  [[nodiscard]] stages::HttpRequest delete_request(std::string_view blueprint,
                                                   std::span<const std::string> identifiers) const override;
  /// A blueprint that is not there any more has nothing left to remove. Errors as for `read`, and kRejected.
  [[nodiscard]] Result<std::size_t> read_deleted(std::span<const std::string> identifiers,
                                                 const stages::HttpResponse& response,
                                                 json::Document& document) const override;

  [[nodiscard]] std::optional<stages::HttpRequest> unchanged_request(
      std::string_view cursor, std::chrono::system_clock::time_point before) const override;
  /// With `createMissingRelatedEntities`: Port has made entities that nothing but relations name.
  [[nodiscard]] std::optional<stages::HttpRequest> relations_request(std::string_view blueprint) const override;
  /// A blueprint that is not there has no relations. Errors as for `read_owned`.
  [[nodiscard]] Result<std::vector<stages::RelationSpec>> read_relations(const stages::HttpResponse& response,
                                                                         json::Document& document) const override;
  [[nodiscard]] std::optional<stages::HttpRequest> contents_request(std::string_view blueprint,
                                                                    std::span<const std::string> identifiers,
                                                                    const std::set<std::string>& fields) const override;
  /// Errors: kMalformed, and those of a refusal.
  [[nodiscard]] Result<void> read_contents(const stages::HttpResponse& response, json::Document& document,
                                           const std::function<void(const stages::HeldEntity&)>& visit) const override;
  [[nodiscard]] bool removes_in_order() const noexcept override { return !options_.context.delete_dependents; }
  [[nodiscard]] bool parents_first() const noexcept override { return !options_.context.create_missing_related; }

 private:
  [[nodiscard]] stages::HttpRequest listing(std::string_view cursor, std::string_view before) const;

  Options options_;
  std::string event_;        // Query parameters that say which resync it is.
  std::string upsert_path_;  // Behind the blueprint.
};

}  // namespace riptide::sinks::port

#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loopback_port/json_value.hpp"
#include "loopback_port/port_rules.hpp"
#include "loopback_server.hpp"

namespace riptide::loopback {

/// Port on 127.0.0.1, with state: an integration, blueprints, entities with their datasource, tokens that run out, a
/// quota. Every request is held against Port's rules (`PortRules`); what breaks one is a violation, and a test that has
/// any fails. To play faults: `interfere` (by route, after so many requests, before or after it was applied), `refuse`
/// (a complaint about one entity), `instead` (answers before anything else).
///
/// Routes, as `count` and `Interference` name them: token, provision, organization, integration, integration_create,
/// integration_patch, config_patch, resync_state, examples, blueprint, blueprint_create, blueprint_patch,
/// blueprint_delete, upsert, owned, search, delete, metrics, kind_metrics, heartbeat, logs, extra (actions, scorecards,
/// pages).
class LoopbackPort {
 public:
  /// Blueprint and identifier.
  using Identity = std::pair<std::string, std::string>;
  using Clock = std::chrono::steady_clock;

  /// What Port has against one entity.
  struct Complaint {
    int status = 422;
    std::string error;
    std::string message;
    bool unknown = false;  ///< Named "unknown" in the answer, as a search that found nothing is.
  };

  /// Something that goes wrong on one route. Of several that fit, the first one counts.
  struct Interference {
    std::string route;
    std::function<Reply(const Reply& usual)> reply;  ///< What is answered. `usual` is empty unless `applied`.
    std::size_t after = 0;                           ///< Requests to the route that go well first.
    std::size_t times = SIZE_MAX;                    ///< Then so many that do not.
    bool applied = false;                            ///< The request is carried out first.
  };

  /// Requests that the routes of a group share (entities, search, blueprints, others), in fixed windows. Each answer
  /// says in x-ratelimit-* what is left; what is over is answered with 429.
  struct Quota {
    std::size_t limit = 0;  ///< 0 is none, and no headers.
    std::chrono::milliseconds period{1000};
  };

  struct Options {
    std::string client_id = "client";
    std::string client_secret = "SECRET";
    std::string type = "octopus";
    std::string version = "0.2.166";
    std::string integration = "my-octopus-integration";
    /// The mapping that the integration holds at the start, as JSON; "{}" is one without, nothing means that there is
    /// no such integration.
    std::optional<std::string> config;
    /// Other members of the integration that is there at the start, as JSON members without braces.
    std::string integration_members =
        R"("arePortResourcesInitialized":true,"createPortResourcesOrigin":"Default","processingMode":"ocean-core")"
        R"(,"changelogDestination":{},"installationAppType":"octopus","version":"0.2.166")"
        R"(,"actionsProcessingEnabled":false,"incrementalSyncEnabled":false)";
    std::string installation_type = "OnPrem";
    std::vector<std::string> feature_flags;
    std::vector<std::string> provisioned;     ///< Integration types whose defaults Port makes itself.
    std::vector<std::string> blueprints;      ///< That are there at the start, as JSON.
    bool any_blueprint = true;                ///< Entities of blueprints that nobody made are taken too.
    bool check_relations = false;             ///< Related entities must be there, or are made where that was asked for.
    std::size_t owned_page = 1000;            ///< Entities in one answer to the search for owned ones.
    bool owned_relations = true;              ///< The search tells relations.
    std::size_t accepted_entities = 20;       ///< More in one upsert are answered with 413.
    std::size_t accepted_bytes = 1u << 20;    ///< The same for a body.
    std::size_t requests_a_token = SIZE_MAX;  ///< Then 401 until a new one was asked for.
    std::chrono::milliseconds token_lifetime = std::chrono::hours(3);
    Quota quota;
    std::chrono::milliseconds latency{0};                                 ///< Of upserts.
    std::function<std::optional<Complaint>(const Json& entity)> refuse;   ///< Asked for every entity.
    std::function<std::optional<std::string>(const Json& query)> search;  ///< Identifier that a search query finds.
    std::function<std::optional<Reply>(const ReceivedRequest&)> instead;  ///< Answers first.
    std::vector<Interference> interfere;
    std::string delete_dependents = "true";  ///< What the mapping says: the parameters must say the same.
    std::string merge = "true";
    std::string create_missing_related = "true";
  };

  explicit LoopbackPort(Options options);
  LoopbackPort() : LoopbackPort(Options()) {}
  /// Fails the test if there was a violation.
  ~LoopbackPort();
  LoopbackPort(const LoopbackPort&) = delete;
  LoopbackPort& operator=(const LoopbackPort&) = delete;

  [[nodiscard]] std::string url() const { return server_->url(); }
  /// The environment of a run that uses it.
  [[nodiscard]] std::map<std::string, std::string> environment() const;

  [[nodiscard]] std::map<Identity, std::string> catalogue() const;  ///< Entities as canonical JSON.
  void put(const Identity& identity, std::string_view datasource, std::string_view entity = "{}");
  void erase(const Identity& identity);
  [[nodiscard]] bool has(const Identity& identity) const;
  [[nodiscard]] std::set<std::string> blueprints() const;
  /// A blueprint as canonical JSON; "" when it is not there.
  [[nodiscard]] std::string blueprint(const std::string& identifier) const;
  /// The integration as JSON; "" when there is none.
  [[nodiscard]] std::string integration() const;

  [[nodiscard]] std::vector<std::string> violations() const;
  [[nodiscard]] std::set<std::string> resync_ids() const;
  [[nodiscard]] std::size_t count(std::string_view route) const;
  /// Routes in the order in which they were asked for.
  [[nodiscard]] std::vector<std::string> journal() const;
  /// Bodies that were sent to a route, in order.
  [[nodiscard]] std::vector<std::string> bodies(std::string_view route) const;
  /// How often an identity was upserted, and what was deleted, in order.
  [[nodiscard]] std::size_t upserts_of(const Identity& identity) const;
  [[nodiscard]] std::vector<Identity> deletions() const;
  /// Answers of 429 because of the quota.
  [[nodiscard]] std::size_t over_quota() const;
  [[nodiscard]] const LoopbackServer& server() const { return *server_; }

 private:
  struct Stored {
    std::string json;
    std::string datasource;
    std::string updated_at;
  };
  struct Window {
    Clock::time_point begun;
    std::size_t requests = 0;
  };
  using Handle = Reply (LoopbackPort::*)(const ReceivedRequest&, const std::string& name);
  struct Route {
    std::string label;
    Handle handle;
    std::string name;  ///< The part of the path that varies.
  };

  Reply answer(const ReceivedRequest& request);
  [[nodiscard]] std::optional<Route> route_of(const ReceivedRequest& request) const;
  Reply interfered(const ReceivedRequest& request, const Route& route);
  std::optional<Reply> authorized(const ReceivedRequest& request);
  bool within_quota(const std::string& label, HeaderList& headers);

  Reply token(const ReceivedRequest& request, const std::string& name);
  Reply provision(const ReceivedRequest& request, const std::string& name);
  Reply organization(const ReceivedRequest& request, const std::string& name);
  Reply get_integration(const ReceivedRequest& request, const std::string& name);
  Reply create_integration(const ReceivedRequest& request, const std::string& name);
  Reply patch_integration(const ReceivedRequest& request, const std::string& name);
  Reply patch_config(const ReceivedRequest& request, const std::string& name);
  Reply resync_state(const ReceivedRequest& request, const std::string& name);
  Reply examples(const ReceivedRequest& request, const std::string& name);
  Reply get_blueprint(const ReceivedRequest& request, const std::string& name);
  Reply create_blueprint(const ReceivedRequest& request, const std::string& name);
  Reply patch_blueprint(const ReceivedRequest& request, const std::string& name);
  Reply delete_blueprint(const ReceivedRequest& request, const std::string& name);
  Reply extra(const ReceivedRequest& request, const std::string& name);
  Reply upsert(const ReceivedRequest& request, const std::string& name);
  Reply owned(const ReceivedRequest& request, const std::string& name);
  Reply search(const ReceivedRequest& request, const std::string& name);
  Reply remove(const ReceivedRequest& request, const std::string& name);
  Reply metrics(const ReceivedRequest& request, const std::string& name);
  Reply kind_metrics(const ReceivedRequest& request, const std::string& name);
  Reply heartbeat(const ReceivedRequest& request, const std::string& name);
  Reply logs(const ReceivedRequest& request, const std::string& name);

  [[nodiscard]] Reply integration_reply(int status) const;
  std::optional<Complaint> store(const Json& entity, const std::string& blueprint, const std::string& identifier,
                                 const std::string& datasource);
  std::optional<Complaint> relate(const Json& entity, const std::string& blueprint, const std::string& datasource);
  [[nodiscard]] PortRules::Complain complain(const ReceivedRequest& request);

  Options options_;
  const PortRules rules_;
  mutable std::mutex mutex_;                        // Guards all below.
  std::map<std::string, std::string> integration_;  ///< Members as JSON; empty: there is none.
  std::map<std::string, Json> blueprints_;
  std::map<Identity, Stored> catalogue_;
  std::map<Identity, std::size_t> upserts_;
  std::vector<Identity> deletions_;
  std::vector<std::string> violations_;
  std::set<std::string> resync_ids_;
  std::vector<std::string> journal_;
  std::map<std::string, std::vector<std::string>, std::less<>> bodies_;
  std::size_t tokens_ = 0;
  std::size_t requests_with_token_ = 0;
  Clock::time_point token_expires_;
  std::map<std::string, Window> windows_;  ///< By group.
  std::size_t over_quota_ = 0;
  std::unique_ptr<LoopbackServer> server_;  // Last: its thread uses the rest.
};

}  // namespace riptide::loopback

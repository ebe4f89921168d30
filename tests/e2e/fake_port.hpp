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
#include <vector>

#include "json_value.hpp"
#include "loopback_server.hpp"
#include "made_up_octopus.hpp"

namespace riptide::e2e {

/// Port as far as a resync sees it: token, integration, bulk upsert, owned entities, bulk delete; with a catalogue.
/// Every request is held against Port's rules; what breaks one is a violation, and a test that has any fails.
class FakePort {
 public:
  /// What Port has against one entity.
  struct Complaint {
    int status = 422;
    std::string error;
    std::string message;
  };

  struct Options {
    std::string client_id = "client";
    std::string client_secret = "SECRET";
    std::string type = "octopus";
    std::string version = "0.2.166";
    std::string integration = "my-octopus-integration";
    /// The mapping that the integration holds, as JSON; "{}" is one without, nothing means that there is no such
    /// integration.
    std::optional<std::string> config;
    std::size_t owned_page = 1000;            ///< Entities in one answer to the search for owned ones.
    std::size_t accepted_entities = 20;       ///< More in one upsert are answered with 413.
    std::size_t requests_a_token = SIZE_MAX;  ///< Then 401 until a new one was asked for.
    std::chrono::milliseconds latency{0};     ///< Of upserts.
    std::function<std::optional<Complaint>(const Json& entity)> refuse;  ///< Asked for every entity.
    std::function<std::optional<loopback::Reply>(const loopback::ReceivedRequest&)> instead;  ///< Answers first.
    std::string delete_dependents = "true";
    std::string merge = "true";
    std::string create_missing_related = "true";
  };

  explicit FakePort(Options options);
  FakePort() : FakePort(Options()) {}
  /// Fails the test if there was a violation.
  ~FakePort();
  FakePort(const FakePort&) = delete;
  FakePort& operator=(const FakePort&) = delete;

  [[nodiscard]] std::string url() const { return server_->url(); }
  /// The environment of a run that uses it.
  [[nodiscard]] std::map<std::string, std::string> environment() const;

  [[nodiscard]] std::map<Identity, std::string> catalogue() const;  ///< Entities as canonical JSON.
  void put(const Identity& identity, std::string_view datasource);
  [[nodiscard]] bool has(const Identity& identity) const;

  [[nodiscard]] std::vector<std::string> violations() const;
  [[nodiscard]] std::set<std::string> resync_ids() const;
  [[nodiscard]] std::size_t count(
      std::string_view what) const;  ///< "token", "integration", "upsert", "owned", "delete"
  [[nodiscard]] const loopback::LoopbackServer& server() const { return *server_; }

 private:
  struct Stored {
    std::string json;
    std::string datasource;
  };

  loopback::Reply answer(const loopback::ReceivedRequest& request);
  loopback::Reply token(const loopback::ReceivedRequest& request);
  loopback::Reply integration(const loopback::ReceivedRequest& request);
  loopback::Reply upsert(const loopback::ReceivedRequest& request, const std::string& blueprint);
  loopback::Reply owned(const loopback::ReceivedRequest& request);
  loopback::Reply remove(const loopback::ReceivedRequest& request, const std::string& blueprint);

  void check_headers(const loopback::ReceivedRequest& request, bool exporter);
  void check_event(const loopback::ReceivedRequest& request, const std::string& expected_before);
  void check(bool so, const loopback::ReceivedRequest& request, const std::string& what);

  const Options options_;
  mutable std::mutex mutex_;  // Guards all below.
  std::map<Identity, Stored> catalogue_;
  std::vector<std::string> violations_;
  std::set<std::string> resync_ids_;
  std::map<std::string, std::size_t, std::less<>> counts_;
  std::size_t tokens_ = 0;
  std::size_t requests_with_token_ = 0;
  std::unique_ptr<loopback::LoopbackServer> server_;  // Last: its thread uses the rest.
};

}  // namespace riptide::e2e

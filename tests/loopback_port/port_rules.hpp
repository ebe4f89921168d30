#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "loopback_port/json_value.hpp"
#include "loopback_server.hpp"

namespace riptide::loopback {

/// Port's rules as facts about single requests, written from its OpenAPI and from what Ocean sends. Each check reports
/// what is wrong, in words; nothing reported means that the request is one that Ocean could have sent.
class PortRules {
 public:
  /// Called for each rule that a request breaks.
  using Complain = std::function<void(const std::string& what)>;

  struct Names {
    std::string client_id;
    std::string type;
    std::string version;
    std::string core_version = "0.48.12";
    std::string integration;
  };

  static constexpr std::size_t kMostEntities = 20;
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMostDeletions = 100;
  static constexpr std::size_t kMostOwned = 5000;
  static constexpr std::size_t kMostExamples = 5;
  static constexpr std::size_t kMostSearched = 50;

  explicit PortRules(Names names) : names_(std::move(names)) {}

  /// User-Agent (with /exporter for what an integration does with entities and blueprints), our own version, content
  /// type and length of a body, no header twice.
  void headers(const ReceivedRequest& request, bool exporter, const Complain& complain) const;
  /// The query is exactly `before` and the two parameters of a resync's event. Returns the resync id.
  std::optional<std::string> event_query(const ReceivedRequest& request, const std::string& before,
                                         const Complain& complain) const;

  void token(const Json& body, const Complain& complain) const;
  void new_integration(const Json& body, const Complain& complain) const;
  void changed_integration(const Json& body, const Complain& complain) const;
  void config(const Json& config, const Complain& complain) const;
  void resync_state(const Json& body, const Complain& complain) const;
  void examples(const Json& body, const Complain& complain) const;
  void kinds_metrics(const Json& body, const Complain& complain) const;
  void kind_metrics(const Json& body, const Complain& complain) const;
  void heartbeat(const Json& body, const Complain& complain) const;
  void logs(const Json& body, const Complain& complain) const;
  /// `whole` false: as the first step creates it, without what refers to others.
  void blueprint(const Json& body, bool whole, const Complain& complain) const;
  void upsert(const ReceivedRequest& request, const Json& body, const Complain& complain) const;
  void entity(const Json& entity, const std::string& blueprint, const Complain& complain) const;
  void owned(const Json& body, const Complain& complain) const;
  /// A search for entities by their identifiers, as Ocean asks before it writes. Returns what is to be included.
  std::set<std::string> search(const ReceivedRequest& request, const Json& body, const Complain& complain) const;
  void removal(const Json& body, const Complain& complain) const;

 private:
  void metric_object(const Json& metric, const Complain& complain) const;
  Names names_;
};

/// A part of a URL, decoded.
std::string unescaped(std::string_view text);

/// Whether Port takes a text as an entity's identifier.
bool is_identifier(std::string_view text);

/// Whether a value is a search query: a combinator and rules.
bool is_search(const Json& value);

}  // namespace riptide::loopback

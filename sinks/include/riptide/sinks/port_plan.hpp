#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "riptide/sinks/port.hpp"

namespace riptide::sinks::port {

/// Port for a plan: says what `PortSink` would do, and writes nothing. What Port holds of the entities of a batch is
/// searched for as Ocean does it, 50 of one blueprint at a time, with the properties and relations that they have.
///
/// Compared are title, team, properties and relations, the icon is not; see `stages::SameValue::kMeaning`. An entity
/// with a search identifier or relation counts as updated: only Port knows which one it is.
class PortPlan final : public stages::RemoteSink {
 public:
  struct Options {
    std::shared_ptr<const Account> account;
    stages::SinkContext context;
    std::size_t max_in_flight = 8;
    /// Whether an entity that Port holds as it is would not be sent. If it would (something else decides what is sent),
    /// it counts as updated.
    bool skips_equal = true;
  };
  explicit PortPlan(Options options);

  [[nodiscard]] std::string_view spec() const noexcept override { return "port"; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override;
  [[nodiscard]] bool can_delete() const noexcept override { return true; }
  [[nodiscard]] const stages::Auth* auth() const noexcept override { return options_.account.get(); }

  [[nodiscard]] stages::HttpRequest encode(const stages::Batch& batch) const override;
  /// Errors as of `PortSink::read`, and kRejected.
  [[nodiscard]] Result<stages::UploadAnswer> read(const stages::Batch& batch, const stages::HttpResponse& response,
                                                  json::Document& document) const override;

  [[nodiscard]] stages::HttpRequest owned_request(std::string_view cursor) const override {
    return port_.owned_request(cursor);
  }
  [[nodiscard]] Result<stages::OwnedPage> read_owned(const stages::HttpResponse& response,
                                                     json::Document& document) const override {
    return port_.read_owned(response, document);
  }
  [[nodiscard]] std::optional<stages::HttpRequest> unchanged_request(
      std::string_view cursor, std::chrono::system_clock::time_point before) const override {
    return port_.unchanged_request(cursor, before);
  }
  [[nodiscard]] std::optional<stages::HttpRequest> relations_request(std::string_view blueprint) const override {
    return port_.relations_request(blueprint);
  }
  [[nodiscard]] Result<std::vector<stages::RelationSpec>> read_relations(const stages::HttpResponse& response,
                                                                         json::Document& document) const override {
    return port_.read_relations(response, document);
  }
  /// Never asked: a plan deletes nothing.
  [[nodiscard]] stages::HttpRequest delete_request(std::string_view blueprint,
                                                   std::span<const std::string> identifiers) const override {
    return port_.delete_request(blueprint, identifiers);
  }
  [[nodiscard]] Result<std::size_t> read_deleted(std::span<const std::string> identifiers,
                                                 const stages::HttpResponse& response,
                                                 json::Document& document) const override {
    return port_.read_deleted(identifiers, response, document);
  }

 private:
  Options options_;
  PortSink port_;
};

}  // namespace riptide::sinks::port

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reconcile/reconcile.hpp"
#include "relate/relation_targets.hpp"
#include "riptide/pipeline/stop.hpp"
#include "riptide/stages/http_client.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// A local sink as a catalogue. Its writer thread must have ended.
class LocalCatalogue : public Catalogue {
 public:
  LocalCatalogue(LocalSink& sink, std::span<const std::uint32_t> resources) : sink_(sink), resources_(resources) {}
  pipeline::Result<void> owned(const std::function<void(const OwnedEntity&)>& visit) override;
  pipeline::Result<std::size_t> remove(std::span<const OwnedEntity> entities) override;

 private:
  LocalSink& sink_;
  std::span<const std::uint32_t> resources_;
};

/// What spares stale entities at a target behind HTTP.
struct Sparing {
  std::chrono::system_clock::time_point run_began;
  const RelationTargets* related = nullptr;  ///< What the run's entities relate to; null if that spares nobody.
};

/// A target behind HTTP as a catalogue. Its calls wait for the answers: for the thread that runs the resync, after the
/// graph is done. A stop ends the removal before the next batch with kStopped.
class RemoteCatalogue : public Catalogue {
 public:
  RemoteCatalogue(const RemoteSink& sink, HttpClient& client, const pipeline::Stop& stop, Sparing sparing)
      : sink_(sink), client_(client), stop_(stop), sparing_(sparing) {}
  pipeline::Result<void> owned(const std::function<void(const OwnedEntity&)>& visit) override;
  pipeline::Result<void> spare(std::vector<OwnedEntity>& stale) override;
  [[nodiscard]] bool removes_together() const override { return sink_.removes_in_order(); }
  pipeline::Result<std::size_t> remove(std::span<const OwnedEntity> entities) override;

 private:
  /// One request to remove some entities of a blueprint.
  struct Removal {
    std::string_view blueprint;
    std::vector<std::string> identifiers;
  };

  /// Pages through a listing; `visit` returns false to end it.
  pipeline::Result<void> walk(const std::function<HttpRequest(std::string_view cursor)>& request,
                              const std::function<bool(const OwnedEntity&)>& visit);
  pipeline::Result<void> spare_changed(std::vector<OwnedEntity>& stale);
  pipeline::Result<void> spare_related(std::vector<OwnedEntity>& stale);
  /// Sends removals, several at once, and adds up what the target says was there.
  pipeline::Result<std::size_t> remove_all(const std::vector<Removal>& removals);

  const RemoteSink& sink_;
  HttpClient& client_;
  const pipeline::Stop& stop_;
  const Sparing sparing_;
  json::Document document_;
};

/// Sends one request; its answer comes later. Any thread may wait for it, but no worker of a graph.
std::future<pipeline::Result<HttpResponse>> send_for_later(HttpClient& client, HttpRequest request);
/// Sends one request and waits for its answer. Not for a worker of a graph.
pipeline::Result<HttpResponse> send_and_wait(HttpClient& client, HttpRequest request);

}  // namespace riptide::stages

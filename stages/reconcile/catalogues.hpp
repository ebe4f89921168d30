#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "reconcile/reconcile.hpp"
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

/// A target behind HTTP as a catalogue. Its calls wait for the answers: for the thread that runs the resync, after the
/// graph is done. A stop ends the removal before the next batch with kStopped.
class RemoteCatalogue : public Catalogue {
 public:
  RemoteCatalogue(const RemoteSink& sink, HttpClient& client, const pipeline::Stop& stop)
      : sink_(sink), client_(client), stop_(stop) {}
  pipeline::Result<void> owned(const std::function<void(const OwnedEntity&)>& visit) override;
  pipeline::Result<std::size_t> remove(std::span<const OwnedEntity> entities) override;

 private:
  const RemoteSink& sink_;
  HttpClient& client_;
  const pipeline::Stop& stop_;
  json::Document document_;
};

/// Sends one request and waits for its answer. Not for a worker of a graph.
pipeline::Result<HttpResponse> send_and_wait(HttpClient& client, HttpRequest request);

}  // namespace riptide::stages

#include "riptide/simulator/octopus_server.hpp"

#include <mutex>
#include <utility>

#include "octopus_api.hpp"
#include "octopus_world.hpp"
#include "serving.hpp"

namespace riptide::simulator {
namespace {

ServiceOptions service_options(const OctopusOptions& options) {
  return {.seed = options.seed,
          .latency = options.latency,
          .latency_jitter = options.latency_jitter,
          .capacity = options.capacity,
          .faults = options.faults,
          .port = options.port,
          .before_answer = options.before_answer};
}

}  // namespace

// What is served, and the serving of it. `service.mutex` guards the world.
class OctopusServer::Impl {
 public:
  explicit Impl(const OctopusOptions& options)
      : world(options), api(world, options), service(service_options(options), api), thread_(service) {
    if (options.gzip_ahead_take > 0) api.compress_ahead(options.gzip_ahead_take);
  }

  void start() { thread_.start(); }

  OctopusWorld world;
  OctopusApi api;
  Service service;

 private:
  ServingThread thread_;
};

OctopusServer::OctopusServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OctopusServer::~OctopusServer() = default;

std::variant<std::unique_ptr<OctopusServer>, std::string> OctopusServer::start(OctopusOptions options) {
  if (std::optional<std::string> wrong = check(options)) return *std::move(wrong);
  auto impl = std::make_unique<Impl>(options);
  if (std::optional<std::string> wrong = impl->service.open()) return *std::move(wrong);
  impl->start();
  return std::unique_ptr<OctopusServer>(new OctopusServer(std::move(impl)));
}

std::uint16_t OctopusServer::port() const { return impl_->service.port(); }
std::string OctopusServer::url() const { return url_of(port()); }
ServerStats OctopusServer::stats() const { return impl_->service.stats(); }

std::vector<std::string> OctopusServer::spaces() const { return ids("", "space"); }

std::vector<std::string> OctopusServer::ids(std::string_view space, std::string_view kind) const {
  const std::lock_guard lock(impl_->service.mutex);
  const OctopusWorld& world = impl_->world;
  std::vector<std::string> ids;
  if (const auto place = world.find_place(space, kind)) {
    ids.reserve(world.size(*place));
    for (std::size_t i = 0; i < world.size(*place); ++i) ids.push_back(world.id(*place, i));
  }
  return ids;
}

std::size_t OctopusServer::total(std::string_view kind) const {
  const std::lock_guard lock(impl_->service.mutex);
  return impl_->world.total(kind);
}

std::optional<std::string> OctopusServer::record(std::string_view space, std::string_view kind,
                                                 std::string_view id) const {
  const std::lock_guard lock(impl_->service.mutex);
  const OctopusWorld& world = impl_->world;
  const auto place = world.find_place(space, kind);
  const auto index = place ? world.find(*place, id) : std::nullopt;
  if (!index) return std::nullopt;
  ByteBuffer text;
  world.render(*place, *index, 1, text);
  return std::string(text.body());
}

std::optional<std::string> OctopusServer::create(std::string_view space, std::string_view kind) {
  const std::lock_guard lock(impl_->service.mutex);
  OctopusWorld& world = impl_->world;
  const auto place = world.find_place(space, kind);
  if (!place) return std::nullopt;
  return world.create(*place);
}

bool OctopusServer::remove(std::string_view space, std::string_view kind, std::string_view id) {
  const std::lock_guard lock(impl_->service.mutex);
  OctopusWorld& world = impl_->world;
  const auto place = world.find_place(space, kind);
  const auto index = place ? world.find(*place, id) : std::nullopt;
  if (index) world.remove(*place, *index);
  return index.has_value();
}

bool OctopusServer::update(std::string_view space, std::string_view kind, std::string_view id) {
  const std::lock_guard lock(impl_->service.mutex);
  OctopusWorld& world = impl_->world;
  const auto place = world.find_place(space, kind);
  const auto index = place ? world.find(*place, id) : std::nullopt;
  if (index) world.update(*place, *index);
  return index.has_value();
}

int serve_until_stopped(const OctopusOptions& options, int ready_fd) {
  return serve_in_process(check(options), ready_fd, [&options](int stop_fd, const SayReady& ready) {
    OctopusWorld world(options);
    OctopusApi api(world, options);
    if (options.gzip_ahead_take > 0) api.compress_ahead(options.gzip_ahead_take);
    return serve(service_options(options), api, stop_fd, ready);
  });
}

}  // namespace riptide::simulator

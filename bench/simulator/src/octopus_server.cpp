#include "riptide/simulator/octopus_server.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "service.hpp"

namespace riptide::simulator {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;  // whoever wanted to know is gone
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string url_of(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

}  // namespace

class OctopusServer::Impl {
 public:
  explicit Impl(OctopusOptions options) : service(std::move(options)) {}
  ~Impl() {
    if (!thread_.joinable()) return;
    service.stop();
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start() {
    thread_ = std::thread([this] { service.run(-1); });
    pthread_setname_np(thread_.native_handle(), "simulator");
  }

  Service service;

 private:
  std::thread thread_;
};

OctopusServer::OctopusServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OctopusServer::~OctopusServer() = default;

std::variant<std::unique_ptr<OctopusServer>, std::string> OctopusServer::start(OctopusOptions options) {
  if (std::optional<std::string> wrong = check(options)) return *std::move(wrong);
  auto impl = std::make_unique<Impl>(std::move(options));
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
  const OctopusWorld& world = impl_->service.world;
  std::vector<std::string> ids;
  if (const auto place = world.find_place(space, kind)) {
    ids.reserve(world.size(*place));
    for (std::size_t i = 0; i < world.size(*place); ++i) ids.push_back(world.id(*place, i));
  }
  return ids;
}

std::size_t OctopusServer::total(std::string_view kind) const {
  const std::lock_guard lock(impl_->service.mutex);
  return impl_->service.world.total(kind);
}

std::optional<std::string> OctopusServer::record(std::string_view space, std::string_view kind,
                                                 std::string_view id) const {
  const std::lock_guard lock(impl_->service.mutex);
  const OctopusWorld& world = impl_->service.world;
  const auto place = world.find_place(space, kind);
  const auto index = place ? world.find(*place, id) : std::nullopt;
  if (!index) return std::nullopt;
  ByteBuffer text;
  world.render(*place, *index, 1, text);
  return std::string(text.body());
}

std::optional<std::string> OctopusServer::create(std::string_view space, std::string_view kind) {
  const std::lock_guard lock(impl_->service.mutex);
  OctopusWorld& world = impl_->service.world;
  const auto place = world.find_place(space, kind);
  if (!place) return std::nullopt;
  return world.create(*place);
}

bool OctopusServer::remove(std::string_view space, std::string_view kind, std::string_view id) {
  const std::lock_guard lock(impl_->service.mutex);
  OctopusWorld& world = impl_->service.world;
  const auto place = world.find_place(space, kind);
  const auto index = place ? world.find(*place, id) : std::nullopt;
  if (index) world.remove(*place, *index);
  return index.has_value();
}

bool OctopusServer::update(std::string_view space, std::string_view kind, std::string_view id) {
  const std::lock_guard lock(impl_->service.mutex);
  OctopusWorld& world = impl_->service.world;
  const auto place = world.find_place(space, kind);
  const auto index = place ? world.find(*place, id) : std::nullopt;
  if (index) world.update(*place, *index);
  return index.has_value();
}

int serve_until_stopped(const OctopusOptions& options, int ready_fd) {
  const auto fail = [](std::string_view why) {
    write_all(STDERR_FILENO, "riptide-simulator: " + std::string(why) + "\n");
    return 1;
  };
  // Before anything slow: the parent must not be able to die unseen.
  const pid_t parent = ::getppid();
  sigset_t stopping;
  sigemptyset(&stopping);
  sigaddset(&stopping, SIGTERM);
  sigaddset(&stopping, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stopping, nullptr);
  const Descriptor signals(::signalfd(-1, &stopping, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals.is_open()) return fail("cannot wait for signals");
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) return 0;

  if (const std::optional<std::string> wrong = check(options)) return fail(*wrong);
  try {
    Service service(options);
    if (const std::optional<std::string> wrong = service.open()) return fail(*wrong);
    write_all(ready_fd, "listening on " + url_of(service.port()) + "\n");
    service.run(signals.get());
  } catch (const std::exception& error) {
    return fail(error.what());
  }
  return 0;
}

}  // namespace riptide::simulator

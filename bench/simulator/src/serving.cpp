#include "serving.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <exception>
#include <string_view>
#include <utility>

namespace riptide::simulator {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;  // whoever wanted to know is gone
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string url_of(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

ServingThread::~ServingThread() {
  if (!thread_.joinable()) return;
  service_.stop();
  thread_.join();
}

void ServingThread::start() {
  thread_ = std::thread([this] { service_.run(-1); });
  pthread_setname_np(thread_.native_handle(), "simulator");
}

std::optional<std::string> serve(ServiceOptions options, Api& api, int stop_fd, const SayReady& ready) {
  Service service(std::move(options), api);
  if (std::optional<std::string> wrong = service.open()) return wrong;
  ready(service.port());
  service.run(stop_fd);
  return std::nullopt;
}

int serve_in_process(const std::optional<std::string>& wrong, int ready_fd,
                     const std::function<std::optional<std::string>(int stop_fd, const SayReady& ready)>& serving) {
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

  if (wrong) return fail(*wrong);
  try {
    const auto failed = serving(
        signals.get(), [ready_fd](std::uint16_t port) { write_all(ready_fd, "listening on " + url_of(port) + "\n"); });
    if (failed) return fail(*failed);
  } catch (const std::exception& error) {
    return fail(error.what());
  }
  return 0;
}

}  // namespace riptide::simulator

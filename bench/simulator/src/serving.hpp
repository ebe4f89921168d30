#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "service.hpp"

namespace riptide::simulator {

/// "http://127.0.0.1:PORT"
std::string url_of(std::uint16_t port);

/// Runs a service on a thread of its own until it dies.
class ServingThread {
 public:
  explicit ServingThread(Service& service) : service_(service) {}
  ~ServingThread();
  ServingThread(const ServingThread&) = delete;
  ServingThread& operator=(const ServingThread&) = delete;

  void start();

 private:
  Service& service_;
  std::thread thread_;
};

/// Says where the server listens.
using SayReady = std::function<void(std::uint16_t port)>;

/// Serves on the calling thread until `stop_fd` gets readable. Returns what went wrong, as a sentence.
std::optional<std::string> serve(ServiceOptions options, Api& api, int stop_fd, const SayReady& ready);

/// Runs `serving` as the one thing that a process does: until SIGTERM or SIGINT, or until the parent dies. `wrong` is
/// what is known to be wrong with the options. @return An exit code; the reason for 1 is written to stderr.
int serve_in_process(const std::optional<std::string>& wrong, int ready_fd,
                     const std::function<std::optional<std::string>(int stop_fd, const SayReady& ready)>& serving);

}  // namespace riptide::simulator

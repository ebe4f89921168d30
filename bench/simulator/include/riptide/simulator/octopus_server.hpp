#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "riptide/simulator/octopus_options.hpp"
#include "riptide/simulator/server_stats.hpp"

namespace riptide::simulator {

/// A made-up Octopus Deploy on 127.0.0.1, served by one thread of its own: spaces, kinds, pages, and faults on demand.
///
/// Answers GET /api/spaces, /api/{space}/{kind}s, both with skip and take, /all and /{id} below them, and /api/{kind}s
/// for the default space (the first). GET /simulator/stats answers the stats as JSON, outside of latency, key, faults
/// and counts. HTTP/1.1 with keep-alive; pipelined requests are answered in order.
///
/// Every function may be called from any thread, and from `OctopusOptions::before_answer`.
class OctopusServer {
 public:
  /// Makes the records, listens and starts the thread. Returns what went wrong as a sentence otherwise: options that do
  /// not fit together, or a port that is taken.
  static std::variant<std::unique_ptr<OctopusServer>, std::string> start(OctopusOptions options);

  /// Stops: open connections are closed. Not from `before_answer`.
  ~OctopusServer();
  OctopusServer(const OctopusServer&) = delete;
  OctopusServer& operator=(const OctopusServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;  ///< "http://127.0.0.1:PORT"
  [[nodiscard]] ServerStats stats() const;

  /// The ids of all spaces, in the order in which they are listed.
  [[nodiscard]] std::vector<std::string> spaces() const;
  /// The ids that the listing of a kind in a space answers now, in its order. Kind "space" lists the spaces, whatever
  /// `space` is. Empty for what is not there.
  [[nodiscard]] std::vector<std::string> ids(std::string_view space, std::string_view kind) const;
  /// Records of a kind now, over all spaces.
  [[nodiscard]] std::size_t total(std::string_view kind) const;
  /// One record as it is served now, or nothing when it is not there.
  [[nodiscard]] std::optional<std::string> record(std::string_view space, std::string_view kind,
                                                  std::string_view id) const;

  /// Makes a record, the newest of its listing, and returns its id; with kind "space" an empty space. By name it falls
  /// somewhere into the listing. Nothing when the space or kind is not there.
  std::optional<std::string> create(std::string_view space, std::string_view kind);
  /// Takes a record away; a space takes its records along. False when it is not there.
  bool remove(std::string_view space, std::string_view kind, std::string_view id);
  /// Changes a field that the default mapping reads (Description, ReleaseNotes, Comments or StatusSummary). False when
  /// it is not there.
  bool update(std::string_view space, std::string_view kind, std::string_view id);

 private:
  class Impl;
  explicit OctopusServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Serves on the calling thread until SIGTERM or SIGINT, or until the parent process dies. Once it listens it writes
/// one line, "listening on http://127.0.0.1:PORT", to `ready_fd`, and leaves it open. Call it in a process of its own:
/// it blocks the two signals and asks the kernel for the signal on the parent's death.
/// @return An exit code: 0 stopped, 1 could not start (the reason is written to stderr).
int serve_until_stopped(const OctopusOptions& options, int ready_fd);

/// Reads flags of the riptide-simulator program (`--spaces 50 --latency-ms 20 ...`; usage() lists them), without the
/// program's name. Returns what is wrong with them otherwise.
std::variant<OctopusOptions, std::string> parse_flags(const std::vector<std::string>& flags);

/// The flags, one a line.
std::string usage();

}  // namespace riptide::simulator

#include "riptide/cli/live_socket.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;

constexpr std::size_t kLongestRequest = 4096;
/// Items that wait for a reader who is slower than the run; others pass unseen.
constexpr std::size_t kMostWaiting = 256;
constexpr std::chrono::milliseconds kStateEvery{1000};
constexpr std::string_view kSuffix = ".sock";

std::string directory_of_sockets() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') return std::string(runtime) + "/riptide";
  return fmt::format("/tmp/riptide-{}", ::getuid());
}

/// Makes the directory, or checks that it is ours alone.
bool is_ours(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return false;
  struct stat about {};
  return ::lstat(directory.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::getuid() &&
         (about.st_mode & 077) == 0;
}

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  [[nodiscard]] int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

Descriptor connect_to(const std::string& path) {
  const auto address = address_of(path);
  Descriptor socket(address ? ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1);
  if (socket.get() < 0 ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return Descriptor(-1);
  }
  return socket;
}

/// Sends all of it; false when the other side is gone, or `stopping`.
bool send_all(int socket, std::string_view bytes, const std::atomic<bool>& stopping) {
  while (!bytes.empty()) {
    if (stopping.load(std::memory_order_relaxed)) return false;
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd writable{socket, POLLOUT, 0};
      ::poll(&writable, 1, 100);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

std::string item_json(const TappedItem& item) {
  return fmt::format("{{\"node\":{}{},\"kind\":{},\"item\":{}}}\n", json::quoted(item.node),
                     item.output.empty() ? "" : ",\"output\":" + json::quoted(item.output), json::quoted(item.kind),
                     item.json);
}

/// Items between the graph's threads and the one that sends them.
struct Tapped {
  std::mutex mutex;  ///< Guards the rest.
  std::condition_variable changed;
  std::deque<std::string> lines;
  std::size_t wanted = 0;
};

}  // namespace

struct LiveSocket::State {
  LookIn look_in;
  std::string path;
  int listener = -1;
  std::atomic<bool> stopping{false};
  std::thread accepter;
  struct Visitor {
    std::thread thread;
    std::atomic<bool> done{false};
  };
  std::list<Visitor> visitors;  ///< Of the accepting thread.

  void accept_visitors() {
    while (!stopping.load(std::memory_order_relaxed)) {
      pollfd readable{listener, POLLIN, 0};
      if (::poll(&readable, 1, 100) <= 0) continue;
      Descriptor socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
      if (socket.get() < 0) continue;
      for (auto visitor = visitors.begin(); visitor != visitors.end();) {
        if (!visitor->done.load(std::memory_order_acquire)) {
          ++visitor;
          continue;
        }
        visitor->thread.join();
        visitor = visitors.erase(visitor);
      }
      Visitor& visitor = visitors.emplace_back();
      visitor.thread = std::thread([this, &visitor, socket = std::move(socket)] {
        serve(socket.get());
        visitor.done.store(true, std::memory_order_release);
      });
    }
    for (Visitor& visitor : visitors) visitor.thread.join();
  }

  std::string read_request(int socket) const {
    std::string request;
    while (request.size() < kLongestRequest && !stopping.load(std::memory_order_relaxed)) {
      pollfd readable{socket, POLLIN, 0};
      if (::poll(&readable, 1, 100) <= 0) continue;
      char byte = 0;
      const ssize_t got = ::recv(socket, &byte, 1, 0);
      if (got <= 0 || byte == '\n') break;
      request += byte;
    }
    return request;
  }

  void serve(int socket) {
    const std::string request = read_request(socket);
    const std::string_view text = request;
    if (text == "live") return serve_live(socket);
    if (text.starts_with("tap ")) {
      const std::size_t space = text.find(' ', 4);
      std::size_t count = 0;
      const std::string_view number = text.substr(4, space == std::string_view::npos ? space : space - 4);
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
      if (error == std::errc() && end == number.data() + number.size() && space != std::string_view::npos &&
          count > 0) {
        return serve_tap(socket, text.substr(space + 1), count);
      }
    }
    send_all(socket, "{\"error\":\"ask for `live`, or `tap COUNT NODE`\"}\n", stopping);
  }

  void serve_live(int socket) const {
    while (send_all(socket, to_json(look_in.live()) + "\n", stopping)) {
      const auto until = std::chrono::steady_clock::now() + kStateEvery;
      while (std::chrono::steady_clock::now() < until) {
        if (stopping.load(std::memory_order_relaxed) || is_gone(socket)) return;
      }
    }
  }

  /// Waits a moment, and says whether the other side closed.
  static bool is_gone(int socket) {
    pollfd readable{socket, POLLIN | POLLRDHUP, 0};
    return ::poll(&readable, 1, 50) > 0;
  }

  void serve_tap(int socket, std::string_view node, std::size_t count) const {
    auto tapped = std::make_shared<Tapped>();
    tapped->wanted = count;
    const auto heard = look_in.tap(node, count, [tapped](const TappedItem& item) {
      const std::lock_guard lock(tapped->mutex);
      if (tapped->lines.size() >= kMostWaiting) tapped->lines.pop_front();
      tapped->lines.push_back(item_json(item));
      --tapped->wanted;
      tapped->changed.notify_one();
    });
    if (!heard) {
      send_all(socket, fmt::format("{{\"error\":{}}}\n", json::quoted(heard.error().message)), stopping);
      return;
    }
    while (!stopping.load(std::memory_order_relaxed) && !is_gone(socket)) {
      std::deque<std::string> lines;
      bool all = false;
      {
        std::unique_lock lock(tapped->mutex);
        tapped->changed.wait_for(lock, std::chrono::milliseconds(100), [&] { return !tapped->lines.empty(); });
        lines.swap(tapped->lines);
        all = tapped->wanted == 0;
      }
      for (const std::string& line : lines) {
        if (!send_all(socket, line, stopping)) return;
      }
      if (all) return;
    }
  }
};

LiveSocket::LiveSocket(const std::string& run_id, LookIn look_in, std::string& why)
    : state_(std::make_unique<State>()) {
  state_->look_in = std::move(look_in);
  const std::string directory = directory_of_sockets();
  const std::string path = directory + "/" + run_id + std::string(kSuffix);
  const auto address = address_of(path);
  if (!is_ours(directory) || !address) {
    why = "nobody can look into this run: " + directory + " cannot be used (it must be a directory of this user alone)";
    return;
  }
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::unlink(path.c_str());
  if (listener < 0 || ::bind(listener, reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0 ||
      ::listen(listener, 8) != 0) {
    why = fmt::format("nobody can look into this run: {}: {}", path, std::strerror(errno));
    if (listener >= 0) ::close(listener);
    return;
  }
  state_->listener = listener;
  state_->path = path;
  state_->accepter = std::thread([state = state_.get()] { state->accept_visitors(); });
}

LiveSocket::~LiveSocket() {
  state_->stopping.store(true);
  if (state_->accepter.joinable()) state_->accepter.join();
  if (state_->listener < 0) return;
  ::close(state_->listener);
  ::unlink(state_->path.c_str());
}

std::vector<std::string> live_runs() {
  std::vector<std::string> runs;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory_of_sockets(), failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    if (connect_to(entry.path().string()).get() < 0) {
      ::unlink(entry.path().c_str());  // its process was killed
      continue;
    }
    runs.push_back(name.substr(0, name.size() - kSuffix.size()));
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

pipeline::Result<void> ask_run(const std::string& run_id, const std::string& request,
                               const std::function<bool(std::string_view line)>& take) {
  std::vector<std::string> runs = live_runs();
  std::erase_if(runs, [&](const std::string& run) { return !run.starts_with(run_id); });
  if (runs.empty()) {
    return pipeline::unexpected(ErrorKind::kNotFound,
                                run_id.empty() ? "no run of this user is going on: start one, and look while it runs"
                                               : "no run that begins with '" + run_id + "' is going on");
  }
  if (runs.size() > 1) {
    std::string all;
    for (const std::string& run : runs) all += "\n  " + run;
    return pipeline::unexpected(ErrorKind::kNotFound, "several runs are going on, so name one with --run:" + all);
  }
  const Descriptor socket = connect_to(directory_of_sockets() + "/" + runs.front() + std::string(kSuffix));
  static const std::atomic<bool> kGoOn{false};
  if (socket.get() < 0 || !send_all(socket.get(), request + "\n", kGoOn)) {
    return pipeline::unexpected(ErrorKind::kTransport, "the run " + runs.front() + " does not answer");
  }
  std::string rest;
  char bytes[16384];
  while (true) {
    const ssize_t got = ::recv(socket.get(), bytes, sizeof(bytes), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    rest.append(bytes, static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', begin)) {
      const std::string_view line = std::string_view(rest).substr(begin, end - begin);
      constexpr std::string_view kError = "{\"error\":";
      if (line.starts_with(kError)) {
        return pipeline::unexpected(ErrorKind::kRejected,
                                    json::text_of(line.substr(kError.size(), line.size() - kError.size() - 1)));
      }
      if (!take(line)) return {};
      begin = end + 1;
    }
    rest.erase(0, begin);
  }
}

std::string to_json(const LiveGraph& live) {
  std::string out = fmt::format("{{\"seconds\":{:.3f},\"memory_taken\":{},\"memory_budget\":{},\"bottleneck\":{},",
                                live.seconds, live.memory_taken, live.memory_budget, json::quoted(live.bottleneck));
  out += "\"bottleneck_reason\":" + json::quoted(live.bottleneck_reason) + ",\"nodes\":[";
  for (const LiveGraph::Node& node : live.nodes) {
    out += fmt::format(
        "{}{{\"name\":{},\"items_in\":{},\"items_out\":{},\"filtered\":{},\"failed\":{},\"busy_seconds\":{:.6f},"
        "\"waiting\":{},\"most_waiting\":{}}}",
        &node == live.nodes.data() ? "" : ",", json::quoted(node.name), node.items_in, node.items_out, node.filtered,
        node.failed, node.busy_seconds, node.waiting, node.most_waiting);
  }
  out += "],\"edges\":[";
  for (const LiveGraph::Edge& edge : live.edges) {
    out += fmt::format("{}{{\"from\":{},\"to\":{},\"items\":{},\"bytes\":{}}}", &edge == live.edges.data() ? "" : ",",
                       json::quoted(edge.from), json::quoted(edge.to), edge.items, edge.bytes);
  }
  return out + "]}";
}

}  // namespace riptide::cli

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A scripted HTTP/1.1 server on 127.0.0.1 for tests: real sockets, every fault a server can commit, no sleeps in
/// tests. Depends on nothing of ours.
namespace riptide::loopback {

using std::chrono::milliseconds;
using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// What a client sent.
struct ReceivedRequest {
  std::string method;
  std::string target;  ///< As sent: path and query.
  std::string path;    ///< Without the query, not decoded.
  std::string query;   ///< Without the question mark, not decoded.
  HeaderList headers;  ///< In order, names as sent.
  std::string body;
  std::size_t index = 0;       ///< 0 for the first request that the server got, and so on.
  std::size_t connection = 0;  ///< Requests with the same number came over one connection.
  std::chrono::steady_clock::time_point received;

  /// Returns the first header of that name (any case), or nothing.
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
  /// Returns the value of a query parameter as sent, or nothing.
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

/// How an answer goes wrong on the wire.
enum class Fault : std::uint8_t {
  kNone,
  kReset,       ///< Sends `fault_after` bytes of the body, then resets the connection.
  kCloseEarly,  ///< The same, but closes in an orderly way: the body is shorter than its Content-Length.
  kNoAnswer,    ///< Closes without sending anything.
  kHang,        ///< Sends `fault_after` bytes of the body, then nothing more, and keeps the connection open.
};

/// What the server answers. A plain value; the `with_` functions return a changed copy for use in one expression.
struct Reply {
  int status = 200;
  HeaderList headers;  ///< Content-Length, or Transfer-Encoding if `chunked`, is added unless one is given here.
  std::string body;
  milliseconds delay{0};  ///< Before the first byte. Other requests are answered meanwhile.
  /// Not answered before `LoopbackServer::open(gate)` was called; empty for no gate. Lets a test decide the order.
  std::string gate;
  Fault fault = Fault::kNone;
  std::size_t fault_after = 0;
  bool chunked = false;
  bool close = false;          ///< Closes the connection after the answer, and says so.
  std::size_t drip_bytes = 0;  ///< Sends the body in pieces of this many bytes, one each `drip_interval`; 0: at once.
  milliseconds drip_interval{0};
  std::string raw;  ///< If not empty, these bytes are the whole answer, then the connection is closed.

  static Reply json(std::string body);
  static Reply text(int status, std::string body = {});
  /// 200 with `plain` compressed by gzip, and Content-Encoding.
  static Reply gzipped(std::string_view plain, std::string_view type = "application/json");
  /// A 302 to `location`.
  static Reply redirect(std::string location);
  static Reply raw_bytes(std::string bytes);

  [[nodiscard]] Reply with_header(std::string name, std::string value) const;
  [[nodiscard]] Reply with_status(int new_status) const;
  [[nodiscard]] Reply with_delay(milliseconds new_delay) const;
  [[nodiscard]] Reply with_gate(std::string new_gate) const;
  [[nodiscard]] Reply with_fault(Fault new_fault, std::size_t after = 0) const;
  [[nodiscard]] Reply with_drip(std::size_t bytes, milliseconds interval) const;
  [[nodiscard]] Reply with_chunks() const;
};

/// Compresses bytes as one gzip member.
std::string gzip(std::string_view plain);

/// Answers a request. Called on the server's thread, one request at a time; must not block.
using Handler = std::function<Reply(const ReceivedRequest&)>;

/// Answers by path: each request to a path takes the path's next reply, the last one repeats. Unknown paths get 404.
/// Paths are matched without the query, or with it if a script for the whole target exists. Any thread.
class Script {
 public:
  Script& at(const std::string& path, std::initializer_list<Reply> replies);
  Script& at(const std::string& path, const Reply& reply) { return at(path, {reply}); }
  /// Answers every request to a path by a function.
  Script& at(const std::string& path, Handler handler);
  /// Answers what no path matches.
  Script& otherwise(Handler handler);

  /// Returns a handler that plays this script; copies share the position in it.
  [[nodiscard]] Handler handler() const;

 private:
  struct State;
  State& state();
  std::shared_ptr<State> state_;
};

/// The server: one thread, HTTP/1.1 with keep-alive, port 0. Starts in the constructor (throws std::system_error when
/// it cannot), ends in the destructor with all connections closed. Every other function may be called from any thread.
class LoopbackServer {
 public:
  explicit LoopbackServer(Handler handler);
  explicit LoopbackServer(const Script& script) : LoopbackServer(script.handler()) {}
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Returns "http://127.0.0.1:<port>" + path.
  [[nodiscard]] std::string url(std::string_view path = {}) const;

  /// Returns every request so far, in the order of arrival.
  [[nodiscard]] std::vector<ReceivedRequest> requests() const;
  [[nodiscard]] std::vector<ReceivedRequest> requests_to(std::string_view path) const;
  [[nodiscard]] std::size_t num_requests() const;
  /// Returns the most requests that were in the server at once: received, and not yet answered to the last byte.
  [[nodiscard]] std::size_t max_concurrent() const;
  /// Returns how many connections were accepted so far.
  [[nodiscard]] std::size_t num_connections() const;

  /// Waits until the server got that many requests in all; false after the timeout.
  [[nodiscard]] bool wait_for_requests(std::size_t count, milliseconds timeout = milliseconds{10'000}) const;
  /// Lets the replies that wait at a gate go, and all later ones at once.
  void open(const std::string& gate);
  /// Closes the connections that have nothing to answer at the moment, as a server does with idle ones.
  void close_idle_connections();

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace riptide::loopback

#include "loopback_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <set>
#include <system_error>
#include <thread>
#include <unordered_map>

namespace riptide::loopback {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

bool has_header(const HeaderList& headers, std::string_view name) {
  ReceivedRequest probe;
  probe.headers = headers;
  return probe.header(name).has_value();
}

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

/// The body as it goes over the wire, and how much of the answer comes before it.
std::string render(const Reply& reply, std::size_t& head_bytes) {
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " " + std::string(reason(reply.status)) + "\r\n";
  for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
  const bool bodiless = reply.status == 204 || reply.status == 304;
  if (!bodiless && reply.chunked && !has_header(reply.headers, "Transfer-Encoding")) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (!bodiless && !reply.chunked && !has_header(reply.headers, "Content-Length")) {
    head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  }
  if (reply.close) head += "Connection: close\r\n";
  head += "\r\n";
  head_bytes = head.size();
  if (!reply.chunked) return head + reply.body;
  static constexpr std::size_t kChunk = 4096;
  for (std::size_t at = 0; at < reply.body.size(); at += kChunk) {
    const std::string_view piece = std::string_view(reply.body).substr(at, kChunk);
    char size[20];
    const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
    head.append(size, end).append("\r\n").append(piece).append("\r\n");
  }
  return head + "0\r\n\r\n";
}

/// Reads one request from the front of `bytes`. @return Bytes that it took, 0 if it is not complete, npos if it is
/// broken.
std::size_t parse(std::string_view bytes, ReceivedRequest& request) {
  // What is no HTTP (a TLS greeting) never gets a blank line.
  if (!bytes.empty() && (bytes.front() < 'A' || bytes.front() > 'Z')) return std::string_view::npos;
  const auto head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return 0;
  std::string_view head = bytes.substr(0, head_end + 2);
  std::string_view line = head.substr(0, head.find("\r\n"));
  head.remove_prefix(line.size() + 2);
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first) return std::string_view::npos;
  request.method = std::string(line.substr(0, first));
  request.target = std::string(line.substr(first + 1, last - first - 1));
  const auto question = std::min(request.target.find('?'), request.target.size());
  request.path = request.target.substr(0, question);
  request.query = request.target.substr(std::min(request.target.size(), question + 1));
  while (!head.empty()) {
    line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return std::string_view::npos;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    request.headers.emplace_back(line.substr(0, colon), value);
  }
  std::size_t at = head_end + 4;
  if (request.header("Transfer-Encoding").value_or("") == "chunked") {
    while (true) {
      const auto eol = bytes.find("\r\n", at);
      if (eol == std::string_view::npos) return 0;
      std::size_t size = 0;
      if (std::from_chars(bytes.data() + at, bytes.data() + eol, size, 16).ec != std::errc{}) {
        return std::string_view::npos;
      }
      at = eol + 2;
      if (bytes.size() < at + size + 2) return 0;
      request.body.append(bytes.substr(at, size));
      at += size + 2;
      if (size == 0) return at;
    }
  }
  std::size_t length = 0;
  if (const auto text = request.header("Content-Length")) {
    std::from_chars(text->data(), text->data() + text->size(), length);
  }
  if (bytes.size() < at + length) return 0;
  request.body = std::string(bytes.substr(at, length));
  return at + length;
}

}  // namespace

class LoopbackServer::Engine {
 public:
  explicit Engine(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener_ < 0) fail("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0) fail("bind");
    if (::listen(listener_, 1024) != 0) fail("listen");
    if (::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) fail("getsockname");
    port_ = ntohs(address.sin_port);
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (epoll_ < 0 || wake_ < 0) fail("epoll");
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    watch(EPOLL_CTL_ADD, wake_, EPOLLIN);
    thread_ = std::thread([this] { run(); });
  }

  ~Engine() {
    ended_ = true;
    wake();
    thread_.join();
    while (!connections_.empty()) drop(connections_.begin()->first, Drop::kReset);
    ::close(wake_);
    ::close(epoll_);
    ::close(listener_);
  }

  std::uint16_t port() const noexcept { return port_; }

  std::vector<ReceivedRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }
  std::size_t num_requests() const {
    const std::lock_guard lock(mutex_);
    return received_.size();
  }
  std::size_t max_concurrent() const {
    const std::lock_guard lock(mutex_);
    return max_concurrent_;
  }
  std::size_t num_connections() const {
    const std::lock_guard lock(mutex_);
    return num_connections_;
  }
  bool wait_for_requests(std::size_t count, milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return received_.size() >= count; });
  }
  void open(const std::string& gate) {
    {
      const std::lock_guard lock(mutex_);
      orders_.push_back({gate, false});
    }
    wake();
  }
  void close_idle() {
    {
      const std::lock_guard lock(mutex_);
      orders_.push_back({{}, true});
    }
    wake();
  }

 private:
  enum class Drop : std::uint8_t { kClose, kReset };
  struct Order {
    std::string gate;
    bool close_idle;
  };
  struct Connection {
    std::size_t number = 0;
    std::string in;
    bool answering = false;  ///< From the request's last byte to the answer's.
    bool ready = false;      ///< The answer may go out: delay and gate are behind it.
    Reply reply;
    std::string out;
    std::size_t sent = 0;
    std::size_t allowed = 0;  ///< Of `out`, what may be sent by now (drip).
    std::size_t last = 0;     ///< Of `out`, what is sent at all (fault).
    std::uint64_t turn = 0;   ///< Counts answers: a timer of an earlier one means nothing.
    bool wants_write = false;
  };
  struct Timer {
    int fd;
    std::size_t number;  ///< Of the connection: the descriptor may have been reused.
    std::uint64_t turn;
  };

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  }

  void watch(int operation, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, operation, fd, &event);
  }

  void run() {
    std::vector<epoll_event> events(256);
    while (!ended_) {
      int timeout = -1;
      if (!timers_.empty()) {
        const auto left = std::chrono::ceil<milliseconds>(timers_.begin()->first - Clock::now()).count();
        timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
      }
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == wake_) {
          take_orders();
        } else if (event.data.fd == listener_) {
          accept_all();
        } else {
          if ((event.events & EPOLLOUT) != 0) flush(event.data.fd);
          if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(event.data.fd);
        }
      }
      while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
        const Timer timer = timers_.begin()->second;
        timers_.erase(timers_.begin());
        const auto found = connections_.find(timer.fd);
        if (found == connections_.end() || found->second.number != timer.number) continue;
        if (found->second.answering && found->second.turn == timer.turn) due(timer.fd, found->second);
      }
    }
  }

  void take_orders() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_, &count, sizeof count);
    std::vector<Order> orders;
    {
      const std::lock_guard lock(mutex_);
      orders.swap(orders_);
    }
    for (const Order& order : orders) {
      std::vector<int> chosen;
      for (auto& [fd, connection] : connections_) {
        const bool idle = !connection.answering && connection.in.empty();
        const bool waits = connection.answering && !connection.ready && connection.reply.gate == order.gate;
        if (order.close_idle ? idle : waits) chosen.push_back(fd);
      }
      if (!order.close_idle) open_gates_.insert(order.gate);
      for (const int fd : chosen) {
        if (order.close_idle) {
          drop(fd, Drop::kClose);
        } else {
          schedule(fd, connections_.at(fd), connections_.at(fd).reply.delay);
        }
      }
    }
  }

  void accept_all() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Connection connection;
      {
        const std::lock_guard lock(mutex_);
        connection.number = num_connections_++;
      }
      connections_.emplace(fd, std::move(connection));
      watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
  }

  void receive(int fd) {
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    Connection& connection = found->second;
    char bytes[65536];
    while (true) {
      const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
      if (got > 0) {
        connection.in.append(bytes, static_cast<std::size_t>(got));
        continue;
      }
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
      return drop(fd, Drop::kClose);
    }
    if (!connection.answering) next_request(fd, connection);
  }

  void next_request(int fd, Connection& connection) {
    ReceivedRequest request;
    const std::size_t used = parse(connection.in, request);
    if (used == 0) return;
    if (used == std::string::npos) {
      static constexpr std::string_view kRefusal = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
      [[maybe_unused]] const auto sent = ::send(fd, kRefusal.data(), kRefusal.size(), MSG_NOSIGNAL);
      return drop(fd, Drop::kClose);
    }
    connection.in.erase(0, used);
    request.connection = connection.number;
    request.received = Clock::now();
    {
      const std::lock_guard lock(mutex_);
      request.index = received_.size();
      received_.push_back(request);
      max_concurrent_ = std::max(max_concurrent_, ++concurrent_);
    }
    changed_.notify_all();
    connection.reply = handler_(request);
    connection.answering = true;
    connection.ready = false;
    ++connection.turn;
    const Reply& reply = connection.reply;
    std::size_t head_bytes = 0;
    connection.out = reply.raw.empty() ? render(reply, head_bytes) : reply.raw;
    connection.sent = 0;
    connection.last = connection.out.size();
    if (reply.fault != Fault::kNone) connection.last = std::min(connection.last, head_bytes + reply.fault_after);
    if (reply.fault == Fault::kNoAnswer) connection.last = 0;
    connection.allowed = reply.drip_bytes == 0 ? connection.last : std::min(connection.last, head_bytes);
    if (reply.gate.empty() || open_gates_.contains(reply.gate)) schedule(fd, connection, reply.delay);
  }

  void schedule(int fd, Connection& connection, milliseconds delay) {
    if (delay <= milliseconds{0}) return due(fd, connection);
    timers_.emplace(Clock::now() + delay, Timer{fd, connection.number, connection.turn});
  }

  /// The delay is over, or the next piece of a drip is due.
  void due(int fd, Connection& connection) {
    if (connection.ready) {
      connection.allowed = std::min(connection.last, connection.allowed + connection.reply.drip_bytes);
    }
    connection.ready = true;
    if (connection.allowed < connection.last)
      schedule(fd, connection, std::max(connection.reply.drip_interval, milliseconds{1}));
    flush(fd);
  }

  void flush(int fd) {
    const auto found = connections_.find(fd);
    if (found == connections_.end() || !found->second.answering || !found->second.ready) return;
    Connection& connection = found->second;
    while (connection.sent < connection.allowed) {
      const ssize_t put =
          ::send(fd, connection.out.data() + connection.sent, connection.allowed - connection.sent, MSG_NOSIGNAL);
      if (put > 0) {
        connection.sent += static_cast<std::size_t>(put);
        continue;
      }
      if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return want_write(fd, connection, true);
      return drop(fd, Drop::kClose);
    }
    if (connection.wants_write) want_write(fd, connection, false);
    if (connection.sent < connection.last) return;  // The drip goes on.
    finish(fd, connection);
  }

  void want_write(int fd, Connection& connection, bool on) const {
    if (connection.wants_write == on) return;
    connection.wants_write = on;
    watch(EPOLL_CTL_MOD, fd, on ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  void finish(int fd, Connection& connection) {
    switch (connection.reply.fault) {
      case Fault::kReset:
        return drop(fd, Drop::kReset);
      case Fault::kCloseEarly:
      case Fault::kNoAnswer:
        return drop(fd, Drop::kClose);
      case Fault::kHang:
        return;
      case Fault::kNone:
        break;
    }
    if (connection.reply.close || !connection.reply.raw.empty()) return drop(fd, Drop::kClose);
    connection.answering = false;
    settle();
    next_request(fd, connection);
  }

  void settle() {
    const std::lock_guard lock(mutex_);
    --concurrent_;
  }

  void drop(int fd, Drop how) {
    const auto found = connections_.find(fd);
    if (found->second.answering) settle();
    if (how == Drop::kReset) {
      const linger at_once{1, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    ::close(fd);
    connections_.erase(found);
  }

  const Handler handler_;
  int listener_ = -1;
  int epoll_ = -1;
  int wake_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ended_{false};

  // Of the thread alone (and of the destructor once it is joined).
  std::unordered_map<int, Connection> connections_;
  std::multimap<Clock::time_point, Timer> timers_;
  std::set<std::string> open_gates_;

  mutable std::mutex mutex_;  ///< Guards all below.
  mutable std::condition_variable changed_;
  std::vector<ReceivedRequest> received_;
  std::vector<Order> orders_;
  std::size_t concurrent_ = 0;
  std::size_t max_concurrent_ = 0;
  std::size_t num_connections_ = 0;

  std::thread thread_;
};

LoopbackServer::LoopbackServer(Handler handler) : engine_(std::make_unique<Engine>(std::move(handler))) {}
LoopbackServer::~LoopbackServer() = default;

std::uint16_t LoopbackServer::port() const noexcept { return engine_->port(); }

std::string LoopbackServer::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port()) + std::string(path);
}

std::vector<ReceivedRequest> LoopbackServer::requests() const { return engine_->requests(); }

std::vector<ReceivedRequest> LoopbackServer::requests_to(std::string_view path) const {
  std::vector<ReceivedRequest> all = engine_->requests();
  std::erase_if(all, [&](const ReceivedRequest& request) { return request.path != path; });
  return all;
}

std::size_t LoopbackServer::num_requests() const { return engine_->num_requests(); }
std::size_t LoopbackServer::max_concurrent() const { return engine_->max_concurrent(); }
std::size_t LoopbackServer::num_connections() const { return engine_->num_connections(); }

bool LoopbackServer::wait_for_requests(std::size_t count, milliseconds timeout) const {
  return engine_->wait_for_requests(count, timeout);
}

void LoopbackServer::open(const std::string& gate) { engine_->open(gate); }
void LoopbackServer::close_idle_connections() { engine_->close_idle(); }

}  // namespace riptide::loopback

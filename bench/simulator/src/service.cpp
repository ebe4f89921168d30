#include "service.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "random.hpp"

namespace riptide::simulator {
namespace {

// What an epoll event is about: a connection's slot, or one of these.
constexpr std::uint64_t kListener = UINT64_MAX;
constexpr std::uint64_t kTimer = UINT64_MAX - 1;
constexpr std::uint64_t kWake = UINT64_MAX - 2;
constexpr std::uint64_t kStop = UINT64_MAX - 3;

// A whole page fits, so that an answer is one call and the thread is free for the next.
constexpr int kSendBufferBytes = 4 << 20;
constexpr std::int64_t kMaxDrainNs = 1'000'000'000;

std::int64_t now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string_view reason(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Other";
  }
}

void append_number(std::string& to, std::size_t number) {
  std::array<char, 20> digits;
  to.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t about) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = about;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

std::string system_error(std::string_view what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Service::Service(ServiceOptions options, Api& api)
    : options_(std::move(options)), api_(api), faults_(options_.faults, options_.seed) {}

Service::~Service() = default;

std::optional<std::string> Service::open() {
  listener_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
  timer_ = Descriptor(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  wake_ = Descriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!listener_.is_open() || !epoll_.is_open() || !timer_.is_open() || !wake_.is_open()) {
    return system_error("cannot open the server's descriptors");
  }
  // Accepted sockets inherit these.
  const int on = 1;
  setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(listener_.get(), SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);

  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    return system_error("cannot take port " + std::to_string(options_.port) + " of 127.0.0.1");
  }
  if (::listen(listener_.get(), SOMAXCONN) != 0) return system_error("cannot listen");
  if (::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return system_error("cannot ask for the port");
  }
  port_ = ntohs(address.sin_port);
  watch(epoll_.get(), listener_.get(), EPOLLIN, kListener);
  watch(epoll_.get(), timer_.get(), EPOLLIN, kTimer);
  watch(epoll_.get(), wake_.get(), EPOLLIN, kWake);
  return std::nullopt;
}

void Service::stop() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);  // cannot block: nobody else adds to it
}

ServerStats Service::stats() const {
  const std::lock_guard lock(mutex);
  ServerStats stats = stats_;
  timespec used{};
  if (cpu_clock_ && clock_gettime(*cpu_clock_, &used) == 0) {
    stats.cpu = std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
  }
  return stats;
}

void Service::run(int stop_fd) {
  if (stop_fd >= 0) watch(epoll_.get(), stop_fd, EPOLLIN, kStop);
  {
    const std::lock_guard lock(mutex);
    clockid_t clock{};
    if (pthread_getcpuclockid(pthread_self(), &clock) == 0) cpu_clock_ = clock;
  }
  std::array<epoll_event, 256> events;
  bool serving = true;
  while (serving) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) break;
    for (int i = 0; i < count; ++i) {
      const std::uint64_t about = events[static_cast<std::size_t>(i)].data.u64;
      if (about == kListener) {
        accept_all();
      } else if (about == kTimer) {
        fire_timers();
      } else if (about == kWake || about == kStop) {
        serving = false;
      } else {
        const auto slot = static_cast<std::uint32_t>(about);
        connections_[slot].readable = true;  // or writable, or gone: the next call tells
        advance(slot);
      }
    }
    while (!runnable_.empty()) {
      const std::uint32_t slot = runnable_.back();
      runnable_.pop_back();
      advance(slot);
    }
    arm_timer();
  }
  connections_.clear();
  free_slots_.clear();
  const ServerStats last = stats();
  const std::lock_guard lock(mutex);
  stats_.cpu = last.cpu;
  cpu_clock_.reset();
}

void Service::accept_all() {
  for (;;) {
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) {
      if (errno == EMFILE || errno == ENFILE) ::poll(nullptr, 0, 1);  // it stays readable: do not spin
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    std::uint32_t slot = 0;
    if (free_slots_.empty()) {
      slot = static_cast<std::uint32_t>(connections_.size());
      connections_.emplace_back();
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
    }
    Connection& connection = connections_[slot];
    connection.socket = std::move(socket);
    connection.generation = next_generation_++;
    watch(epoll_.get(), connection.socket.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, slot);
    const std::lock_guard lock(mutex);
    ++stats_.connections;
  }
}

// Takes a connection as far as it goes without waiting.
void Service::advance(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  if (!connection.socket.is_open()) return;  // an event of before it was closed
  Progress progress = Progress::kMore;
  while (progress == Progress::kMore) {
    switch (connection.phase) {
      case Phase::kReading:
        progress = read_request(slot);
        break;
      case Phase::kSending:
        progress = send_some(slot);
        break;
      case Phase::kDraining:
        progress = drain(slot);
        break;
      case Phase::kQueued:
      case Phase::kDelayed:
      case Phase::kDripping:
        progress = Progress::kBlocked;
        break;
    }
  }
}

Service::Progress Service::receive(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  if (!connection.readable) return Progress::kBlocked;
  std::array<char, 16'384> bytes;
  const ssize_t received = ::recv(connection.socket.get(), bytes.data(), bytes.size(), 0);
  if (received > 0) {
    const auto size = static_cast<std::size_t>(received);
    connection.input.append(bytes.data(), size);
    // A short read has emptied the socket: what comes later is a new edge (epoll(7)).
    connection.readable = size == bytes.size();
    return Progress::kMore;
  }
  if (received < 0 && errno == EINTR) return Progress::kMore;
  connection.readable = false;
  if (received < 0 && errno == EAGAIN) return Progress::kBlocked;
  close(slot, Ending::kClose);
  return Progress::kClosed;
}

Service::Progress Service::read_request(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  if (connection.input.empty()) {
    const Progress progress = receive(slot);
    if (progress != Progress::kMore) return progress;
  }
  switch (parse_request(connection.input, connection.request)) {
    case ParseResult::kNeedsMore: {
      return receive(slot);
    }
    case ParseResult::kBad:
      refuse(connection, 400, "This is not an HTTP/1.1 request.");
      return Progress::kMore;
    case ParseResult::kTooLarge:
      refuse(connection, 431, "The request's header is too long.");
      return Progress::kMore;
    case ParseResult::kUnsupported:
      refuse(connection, 413, "The request's body is too long.");
      return Progress::kMore;
    case ParseResult::kComplete:
      break;
  }
  const std::string_view method = connection.request.method;
  if (method != "GET" && (method != "POST" || api_.methods().find(method) == std::string_view::npos)) {
    refuse(connection, 405, "This method is not supported.");
    return Progress::kMore;
  }
  if (connection.request.target == "/simulator/stats") {
    connection.buffer = buffers_.take();
    connection.fault = {};
    write_stats(connection.buffer);
    seal(connection, {});
    return Progress::kMore;
  }
  if (options_.capacity > 0 && in_service_ >= options_.capacity) {
    connection.phase = Phase::kQueued;
    queue_.push_back({slot, connection.generation});
    const std::lock_guard lock(mutex);
    stats_.max_waiting = std::max<std::uint64_t>(stats_.max_waiting, queue_.size());
    return Progress::kBlocked;
  }
  begin(slot);
  return Progress::kMore;
}

// From now on the request is in service.
void Service::begin(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  connection.in_service = true;
  ++in_service_;
  std::string target(connection.request.target);
  if (connection.request.method == "POST") target.append(" ").append(connection.request.body);
  connection.fault = faults_.decide(target);
  {
    const std::lock_guard lock(mutex);
    ++stats_.requests;
    ++stats_.by_fault[static_cast<std::size_t>(connection.fault.fault)];
    stats_.max_in_service = std::max<std::uint64_t>(stats_.max_in_service, in_service_);
  }
  std::int64_t delay_ns = options_.latency.count() * 1000;
  if (options_.latency_jitter.count() > 0) {
    const double part = unit(hash(target, options_.seed + 1));
    delay_ns += static_cast<std::int64_t>(part * static_cast<double>(options_.latency_jitter.count()) * 1000);
  }
  if (delay_ns > 0) {
    connection.phase = Phase::kDelayed;
    schedule(slot, now_ns() + delay_ns);
  } else {
    make_answer(connection);
  }
}

void Service::make_answer(Connection& connection) {
  if (options_.before_answer) options_.before_answer(connection.request.target);
  connection.buffer = buffers_.take();
  const Reply reply = write_answer(connection);
  seal(connection, reply);
  if (reply.status != 200) return;
  // The header is whole, half of the body is missing.
  const std::size_t missing = (connection.buffer.body().size() + 1) / 2;
  if (connection.fault.fault == Fault::kReset || connection.fault.fault == Fault::kShortBody) {
    connection.unsent.remove_suffix(missing);
    connection.ending = connection.fault.fault == Fault::kReset ? Ending::kReset : Ending::kClose;
  }
}

Service::Reply Service::write_answer(Connection& connection) {
  ByteBuffer& body = connection.buffer;
  Reply reply;
  if (!api_.knows(connection.request)) {
    api_.write_error("You must be logged in to request this resource: the credentials are missing or wrong.", body);
    return {.status = 401};
  }
  switch (connection.fault.fault) {
    case Fault::kTooManyRequests:
    case Fault::kUnavailable: {
      const bool unavailable = connection.fault.fault == Fault::kUnavailable;
      api_.write_error(unavailable ? "The server is not available for now." : "Too many requests.", body);
      reply.status = unavailable ? 503 : 429;
      if (options_.faults.retry_after) {
        reply.extra_headers = "Retry-After: " + std::to_string(options_.faults.retry_after->count()) + "\r\n";
      }
      return reply;
    }
    case Fault::kStatus:
      api_.write_error("This answer was asked for by a fault rule.", body);
      return {.status = connection.fault.status};
    case Fault::kHtml:
      body.append("<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n");
      return {.content_type = "text/html; charset=utf-8"};
    case Fault::kNone:
    case Fault::kReset:
    case Fault::kShortBody:
    case Fault::kTruncatedJson:
    case Fault::kDrip:
      break;
  }
  // Half of a gzip stream is a broken stream, not half of a JSON text.
  const bool plain = !connection.request.accepts_gzip || connection.fault.fault == Fault::kTruncatedJson;
  const std::lock_guard lock(mutex);
  const Api::Answer answer =
      api_.answer(connection.request, plain ? Api::Encoding::kPlain : Api::Encoding::kGzip, body);
  if (connection.fault.fault == Fault::kTruncatedJson) body.truncate(body.body().size() / 2);
  reply.status = answer.status;
  reply.gzip = answer.gzip;
  return reply;
}

// Puts the header in front: the answer is ready to be sent.
void Service::seal(Connection& connection, const Reply& reply) {
  header_.assign("HTTP/1.1 ");
  append_number(header_, static_cast<std::size_t>(reply.status));
  header_ += ' ';
  header_ += reason(reply.status);
  header_ += "\r\nServer: riptide-simulator\r\nContent-Type: ";
  header_ += reply.content_type;
  header_ += "\r\nContent-Length: ";
  append_number(header_, connection.buffer.body().size());
  header_ += "\r\n";
  if (reply.gzip) header_ += "Content-Encoding: gzip\r\n";
  header_ += reply.extra_headers;
  if (!connection.request.keep_alive) header_ += "Connection: close\r\n";
  header_ += "\r\n";
  connection.unsent = connection.buffer.with_header(header_);
  connection.ending = connection.request.keep_alive ? Ending::kKeepOpen : Ending::kClose;
  connection.phase = Phase::kSending;
  const std::lock_guard lock(mutex);
  ++stats_.by_status[reply.status];
}

// Answers what is no request of ours, and gives the connection up: where the next request starts is anybody's guess.
void Service::refuse(Connection& connection, int status, std::string_view message) {
  connection.buffer = buffers_.take();
  connection.fault = {};
  connection.request.keep_alive = false;
  api_.write_error(message, connection.buffer);
  const std::string allow = "Allow: " + std::string(api_.methods()) + "\r\n";
  seal(connection, {.status = status, .extra_headers = status == 405 ? allow : ""});
  connection.ending = Ending::kDrain;
}

Service::Progress Service::send_some(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  const bool drips = connection.fault.fault == Fault::kDrip;
  while (!connection.unsent.empty()) {
    const std::size_t size =
        drips ? std::min(options_.faults.drip_bytes, connection.unsent.size()) : connection.unsent.size();
    const ssize_t sent = ::send(connection.socket.get(), connection.unsent.data(), size, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return Progress::kBlocked;  // an edge comes when there is room
      close(slot, Ending::kClose);
      return Progress::kClosed;
    }
    connection.unsent.remove_prefix(static_cast<std::size_t>(sent));
    {
      const std::lock_guard lock(mutex);
      stats_.bytes += static_cast<std::uint64_t>(sent);
    }
    if (drips && !connection.unsent.empty()) {
      connection.phase = Phase::kDripping;
      schedule(slot, now_ns() + options_.faults.drip_interval.count() * 1000);
      return Progress::kBlocked;
    }
  }
  return finish(slot);
}

Service::Progress Service::finish(std::uint32_t slot) {
  Connection& connection = connections_[slot];
  buffers_.give_back(std::exchange(connection.buffer, {}));
  if (connection.ending == Ending::kDrain) {
    ::shutdown(connection.socket.get(), SHUT_WR);
    connection.phase = Phase::kDraining;
    schedule(slot, now_ns() + kMaxDrainNs);
    return Progress::kMore;
  }
  if (connection.ending != Ending::kKeepOpen) {
    close(slot, connection.ending);
    return Progress::kClosed;
  }
  connection.input.erase(0, connection.request.bytes);
  connection.phase = Phase::kReading;
  leave_service(connection);
  return Progress::kMore;
}

Service::Progress Service::drain(std::uint32_t slot) {
  connections_[slot].input.clear();
  return receive(slot);
}

// Whoever waits longest takes the place.
void Service::leave_service(Connection& connection) {
  if (!std::exchange(connection.in_service, false)) return;
  --in_service_;
  while (!queue_.empty()) {
    const Waiting next = queue_.front();
    queue_.pop_front();
    if (connections_[next.slot].generation != next.generation) continue;
    begin(next.slot);
    runnable_.push_back(next.slot);
    return;
  }
}

void Service::close(std::uint32_t slot, Ending how) {
  Connection& connection = connections_[slot];
  if (how == Ending::kReset) {
    const linger now{.l_onoff = 1, .l_linger = 0};  // close sends RST
    setsockopt(connection.socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  const bool was_in_service = connection.in_service;
  connection = Connection{};
  free_slots_.push_back(slot);
  connection.in_service = was_in_service;
  leave_service(connection);
}

void Service::schedule(std::uint32_t slot, std::int64_t due_ns) {
  timers_.push({due_ns, next_timer_++, slot, connections_[slot].generation});
}

void Service::fire_timers() {
  std::uint64_t expirations = 0;
  [[maybe_unused]] const auto read = ::read(timer_.get(), &expirations, sizeof expirations);
  armed_ns_ = 0;
  const std::int64_t now = now_ns();
  while (!timers_.empty() && timers_.top().due_ns <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    Connection& connection = connections_[timer.slot];
    if (connection.generation != timer.generation) continue;
    if (connection.phase == Phase::kDelayed) {
      make_answer(connection);
    } else if (connection.phase == Phase::kDripping) {
      connection.phase = Phase::kSending;
    } else if (connection.phase == Phase::kDraining) {
      close(timer.slot, Ending::kClose);
    }
    advance(timer.slot);
  }
}

void Service::arm_timer() {
  const std::int64_t due_ns = timers_.empty() ? 0 : timers_.top().due_ns;
  if (due_ns == 0 || (armed_ns_ != 0 && armed_ns_ <= due_ns))
    return;  // a call too many is cheaper than setting it anew
  itimerspec when{};
  when.it_value.tv_sec = due_ns / 1'000'000'000;
  when.it_value.tv_nsec = due_ns % 1'000'000'000;
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
  armed_ns_ = due_ns;
}

void Service::write_stats(ByteBuffer& body) const {
  const ServerStats now = stats();
  const auto member = [&body](std::string_view separator, std::string_view name, std::uint64_t value) {
    body.append(separator);
    body.append("\"");
    body.append(name);
    body.append("\": ");
    body.append_number(value);
  };
  member("{", "connections", now.connections);
  member(", ", "requests", now.requests);
  member(", ", "bytes", now.bytes);
  member(", ", "max_in_service", now.max_in_service);
  member(", ", "max_waiting", now.max_waiting);
  member(", ", "cpu_ns", static_cast<std::uint64_t>(now.cpu.count()));
  body.append(", \"by_status\": {");
  std::string_view separator;
  for (const auto& [status, count] : now.by_status) {
    member(separator, std::to_string(status), count);
    separator = ", ";
  }
  body.append("}, \"by_fault\": {");
  separator = {};
  for (std::size_t i = 0; i < kNumFaults; ++i) {
    member(separator, fault_name(static_cast<Fault>(i)), now.by_fault[i]);
    separator = ", ";
  }
  body.append("}}");
}

}  // namespace riptide::simulator

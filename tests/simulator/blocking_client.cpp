#include "blocking_client.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>
#include <variant>

namespace riptide::simulator {

BlockingClient::BlockingClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    throw std::runtime_error("cannot connect");
  }
}

BlockingClient::~BlockingClient() { ::close(socket_); }

void BlockingClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return;  // the answer, or its absence, will tell
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

BlockingClient::Received BlockingClient::receive() {
  char bytes[65'536];
  const ssize_t received = ::recv(socket_, bytes, sizeof bytes, 0);
  if (received == 0) return Received::kEnd;
  if (received < 0) {
    if (errno == ECONNRESET || errno == EPIPE) return Received::kReset;
    throw std::runtime_error("no answer within ten seconds");
  }
  input_.append(bytes, static_cast<std::size_t>(received));
  return Received::kBytes;
}

Reply BlockingClient::read() {
  Reply reply;
  std::size_t header_end = 0;
  const auto fill = [&] {
    const Received received = receive();
    if (received == Received::kEnd) reply.end = End::kClosed;
    if (received == Received::kReset) reply.end = End::kReset;
    return received == Received::kBytes;
  };
  while ((header_end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return reply;
  }
  const std::string header = input_.substr(0, header_end + 2);
  input_.erase(0, header_end + 4);
  reply.status = std::stoi(header.substr(9, 3));
  for (std::size_t at = header.find("\r\n") + 2; at < header.size();) {
    const std::size_t end = header.find("\r\n", at);
    const std::size_t colon = header.find(": ", at);
    std::string name = header.substr(at, colon - at);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    reply.headers[name] = header.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  const std::size_t length = std::stoul(reply.headers.at("content-length"));
  while (input_.size() < length) {
    if (!fill()) break;
  }
  reply.body = input_.substr(0, length);
  input_.erase(0, reply.body.size());
  return reply;
}

Reply BlockingClient::get(std::string_view target, std::string_view headers) {
  send("GET " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + std::string(headers) + "\r\n");
  return read();
}

bool BlockingClient::at_end() { return input_.empty() && receive() == Received::kEnd; }

Reply get(const OctopusServer& server, std::string_view target, std::string_view headers) {
  return BlockingClient(server.port()).get(target, headers);
}

std::unique_ptr<OctopusServer> start(OctopusOptions options) {
  auto started = OctopusServer::start(std::move(options));
  if (const auto* wrong = std::get_if<std::string>(&started)) throw std::runtime_error(*wrong);
  return std::get<std::unique_ptr<OctopusServer>>(std::move(started));
}

std::vector<std::string> ids_of(std::string_view body) {
  simdjson::dom::parser parser;
  std::vector<std::string> ids;
  for (const simdjson::dom::element record : parser.parse(simdjson::padded_string(body))["Items"].get_array()) {
    ids.emplace_back(record["Id"].get_string().value());
  }
  return ids;
}

std::int64_t number_of(std::string_view body, std::string_view member) {
  simdjson::dom::parser parser;
  return parser.parse(simdjson::padded_string(body))[member].get_int64();
}

bool is_json(std::string_view body) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  return parser.parse(simdjson::padded_string(body)).get(element) == simdjson::SUCCESS;
}

}  // namespace riptide::simulator

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/simulator/octopus_server.hpp"

namespace riptide::simulator {

/// How an answer ended.
enum class End {
  kComplete,
  kClosed,  ///< An orderly close before all of it was there.
  kReset,
};

struct Reply {
  End end = End::kComplete;
  int status = 0;
  std::map<std::string, std::string> headers = {};  ///< Names in lower case.
  std::string body = {};
};

/// One connection that blocks, with nothing between the test and the bytes. Gives up after ten seconds of silence.
class BlockingClient {
 public:
  explicit BlockingClient(std::uint16_t port);
  ~BlockingClient();
  BlockingClient(const BlockingClient&) = delete;
  BlockingClient& operator=(const BlockingClient&) = delete;

  void send(std::string_view bytes);
  /// The next answer; one with a body needs a Content-Length.
  Reply read();
  /// `headers`: whole lines, each with its end.
  Reply get(std::string_view target, std::string_view headers = "");
  /// True when the server has closed the connection and nothing is left to read.
  bool at_end();

 private:
  enum class Received { kBytes, kEnd, kReset };
  Received receive();

  int socket_;
  std::string input_;
};

/// Asks on a connection of its own.
Reply get(const OctopusServer& server, std::string_view target, std::string_view headers = "");

/// A server that is up; fails the test when it does not start.
std::unique_ptr<OctopusServer> start(OctopusOptions options);

/// The Ids of a listing's answer.
std::vector<std::string> ids_of(std::string_view body);
/// A whole number of the envelope.
std::int64_t number_of(std::string_view body, std::string_view member);
/// True when it parses from the first byte to the last.
bool is_json(std::string_view body);

}  // namespace riptide::simulator

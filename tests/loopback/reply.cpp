#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "loopback_server.hpp"

namespace riptide::loopback {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::optional<std::string> ReceivedRequest::header(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (same_name(field, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string> ReceivedRequest::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const auto equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name) return std::string(pair.substr(std::min(pair.size(), equals + 1)));
  }
  return std::nullopt;
}

Reply Reply::json(std::string body) {
  Reply reply;
  reply.headers.emplace_back("Content-Type", "application/json");
  reply.body = std::move(body);
  return reply;
}

Reply Reply::text(int status, std::string body) {
  Reply reply;
  reply.status = status;
  reply.headers.emplace_back("Content-Type", "text/plain");
  reply.body = std::move(body);
  return reply;
}

Reply Reply::gzipped(std::string_view plain, std::string_view type) {
  Reply reply;
  reply.headers.emplace_back("Content-Type", std::string(type));
  reply.headers.emplace_back("Content-Encoding", "gzip");
  reply.body = gzip(plain);
  return reply;
}

Reply Reply::redirect(std::string location) {
  Reply reply;
  reply.status = 302;
  reply.headers.emplace_back("Location", std::move(location));
  return reply;
}

Reply Reply::raw_bytes(std::string bytes) {
  Reply reply;
  reply.raw = std::move(bytes);
  return reply;
}

Reply Reply::with_header(std::string name, std::string value) const {
  Reply changed = *this;
  changed.headers.emplace_back(std::move(name), std::move(value));
  return changed;
}

Reply Reply::with_status(int new_status) const {
  Reply changed = *this;
  changed.status = new_status;
  return changed;
}

Reply Reply::with_delay(milliseconds new_delay) const {
  Reply changed = *this;
  changed.delay = new_delay;
  return changed;
}

Reply Reply::with_gate(std::string new_gate) const {
  Reply changed = *this;
  changed.gate = std::move(new_gate);
  return changed;
}

Reply Reply::with_fault(Fault new_fault, std::size_t after) const {
  Reply changed = *this;
  changed.fault = new_fault;
  changed.fault_after = after;
  return changed;
}

Reply Reply::with_drip(std::size_t bytes, milliseconds interval) const {
  Reply changed = *this;
  changed.drip_bytes = bytes;
  changed.drip_interval = interval;
  return changed;
}

Reply Reply::with_chunks() const {
  Reply changed = *this;
  changed.chunked = true;
  return changed;
}

std::string gzip(std::string_view plain) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib does not start");
  }
  std::string packed(deflateBound(&stream, static_cast<uLong>(plain.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib does not finish");
  return packed;
}

struct Script::State {
  struct Path {
    std::vector<Reply> replies;
    std::size_t next = 0;
    Handler handler;  ///< Wins over the replies.
  };

  Reply answer(const ReceivedRequest& request) {
    Handler handler;
    {
      const std::lock_guard lock(mutex);
      auto found = paths.find(request.target);
      if (found == paths.end()) found = paths.find(request.path);
      if (found == paths.end()) {
        handler = fallback;
      } else if (found->second.handler) {
        handler = found->second.handler;
      } else {
        Path& path = found->second;
        const std::size_t position = std::min(path.next++, path.replies.size() - 1);
        return path.replies[position];
      }
    }
    return handler ? handler(request) : Reply::text(404, "no script for " + request.target);
  }

  std::mutex mutex;  ///< Guards all below.
  std::map<std::string, Path> paths;
  Handler fallback;
};

Script::State& Script::state() {
  if (!state_) state_ = std::make_shared<State>();
  return *state_;
}

Script& Script::at(const std::string& path, std::initializer_list<Reply> replies) {
  if (replies.size() == 0) throw std::invalid_argument("a path needs at least one reply");
  State& mine = state();
  const std::lock_guard lock(mine.mutex);
  mine.paths[path] = {std::vector<Reply>(replies), 0, nullptr};
  return *this;
}

Script& Script::at(const std::string& path, Handler handler) {
  State& mine = state();
  const std::lock_guard lock(mine.mutex);
  mine.paths[path] = {{}, 0, std::move(handler)};
  return *this;
}

Script& Script::otherwise(Handler handler) {
  State& mine = state();
  const std::lock_guard lock(mine.mutex);
  mine.fallback = std::move(handler);
  return *this;
}

Handler Script::handler() const {
  return [state = state_ ? state_ : std::make_shared<State>()](const ReceivedRequest& request) {
    return state->answer(request);
  };
}

}  // namespace riptide::loopback

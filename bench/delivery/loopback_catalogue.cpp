#include "loopback_catalogue.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "loopback_server.hpp"

namespace riptide::bench {
namespace {

using loopback::ReceivedRequest;
using loopback::Reply;

constexpr std::size_t kListedAtOnce = 5000;

/// Raw JSON of the string behind `name` at or after `from`; "" if there is none. The mapping's identifiers and
/// blueprints have no escapes.
std::string_view string_behind(std::string_view text, std::string_view name, std::size_t from = 0) {
  const std::size_t at = text.find(name, from);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = at + name.size();
  return text.substr(begin, text.find('"', begin + 1) + 1 - begin);
}

/// One thread uses it: the server's.
class Catalogue {
 public:
  Reply answer(const ReceivedRequest& request) {
    if (request.path.ends_with("/access_token")) {
      return Reply::json(R"({"ok":true,"accessToken":"token","expiresIn":10800,"tokenType":"Bearer"})");
    }
    if (request.path.ends_with("/entities/bulk")) return upsert(request.body);
    if (request.path.find("datasource") != std::string::npos || request.path.ends_with("/search")) {
      return list(request.body);
    }
    return Reply::text(404);
  }

 private:
  // Entities begin with {"identifier":"...","blueprint":"...".
  Reply upsert(std::string_view body) {
    constexpr std::string_view kEntity = R"({"identifier":)";
    std::string done;
    std::size_t index = 0;
    for (std::size_t at = body.find(kEntity); at != std::string_view::npos; at = body.find(kEntity, at + 1)) {
      std::string entry(kEntity);
      entry += string_behind(body, kEntity, at);
      const std::size_t identifier_end = entry.size();
      entry.append(R"(,"blueprint":)").append(string_behind(body, R"("blueprint":)", at)).append("}");
      const bool created = known_.insert(entry).second;
      if (created) entries_.push_back(entry);
      if (index != 0) done += ',';
      done.append(R"({"index":)").append(std::to_string(index++)).append(",");
      done.append(std::string_view(entry).substr(1, identifier_end - 1));
      done.append(created ? R"(,"created":true})" : R"(,"created":false})");
    }
    return Reply::json(R"({"ok":true,"entities":[)" + done + R"(],"errors":[]})");
  }

  [[nodiscard]] Reply list(std::string_view body) const {
    const std::string_view from = string_behind(body, R"("from":)");
    const std::size_t first = from.size() > 2 ? std::stoul(std::string(from.substr(1, from.size() - 2))) : 0;
    const std::size_t end = std::min(entries_.size(), first + kListedAtOnce);
    std::string entities;
    for (std::size_t i = first; i < end; ++i) entities.append(i == first ? "" : ",").append(entries_[i]);
    return Reply::json(R"({"ok":true,"entities":[)" + entities + R"(],"next":)" +
                       (end < entries_.size() ? "\"" + std::to_string(end) + "\"" : "null") + "}");
  }

  std::unordered_set<std::string> known_;
  std::vector<std::string> entries_;  ///< In the order of their creation.
};

[[noreturn]] void serve(int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Catalogue catalogue;
  const loopback::LoopbackServer server([&](const ReceivedRequest& request) { return catalogue.answer(request); });
  const std::string url = server.url();
  if (::write(ready, url.data(), url.size()) != static_cast<ssize_t>(url.size())) ::_exit(1);
  ::close(ready);
  while (true) ::pause();
}

}  // namespace

std::unique_ptr<LoopbackCatalogue> LoopbackCatalogue::start() {
  int ready[2];
  if (::pipe(ready) != 0) return nullptr;
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ready[0]);
    serve(ready[1]);
  }
  ::close(ready[1]);
  char url[256];
  const ssize_t length = pid < 0 ? 0 : ::read(ready[0], url, sizeof url);
  ::close(ready[0]);
  if (length <= 0) return nullptr;
  return std::unique_ptr<LoopbackCatalogue>(
      new LoopbackCatalogue(pid, std::string(url, static_cast<std::size_t>(length))));
}

LoopbackCatalogue::~LoopbackCatalogue() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace riptide::bench

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/graph.hpp"
#include "riptide/pipeline/result.hpp"

namespace riptide::cli {

/// What a running graph shows to who looks in.
struct LookIn {
  std::function<LiveGraph()> live;
  std::function<pipeline::Result<void>(std::string_view node, std::size_t count,
                                       std::function<void(const TappedItem&)> hear)>
      tap;
};

/// Lets other processes of the same user look into a run, through a socket in a directory that only that user can
/// enter: `$XDG_RUNTIME_DIR/riptide/`, else `/tmp/riptide-<uid>/`. One line is asked, lines of JSON are answered:
/// `live` gives the state once a second, `tap COUNT NODE` the items that pass. Whoever does not read loses items, and
/// does not hold up the run. Its threads end when it dies.
class LiveSocket {
 public:
  /// Where it cannot be opened nobody can look in; `why` says so then.
  LiveSocket(const std::string& run_id, LookIn look_in, std::string& why);
  ~LiveSocket();
  LiveSocket(const LiveSocket&) = delete;
  LiveSocket& operator=(const LiveSocket&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Runs that can be looked into, by their ids; those whose process is gone are left out.
std::vector<std::string> live_runs();

/// Asks a run, by its id or the beginning of it (empty: the only one), and calls `take` with each line of the answer
/// until there are no more or it returns false. Errors: kNotFound (no such run, or several: they are named),
/// kTransport; kRejected with what the run says.
pipeline::Result<void> ask_run(const std::string& run_id, const std::string& request,
                               const std::function<bool(std::string_view line)>& take);

/// One state as a line of JSON.
std::string to_json(const LiveGraph& live);

}  // namespace riptide::cli

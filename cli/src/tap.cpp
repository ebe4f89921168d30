#include <fmt/format.h>

#include <cstdio>

#include "riptide/cli/live_socket.hpp"
#include "riptide/cli/live_view.hpp"
#include "riptide/cli/terminal.hpp"
#include "riptide/cli/verbs.hpp"

namespace riptide::cli {
namespace {

bool print_line(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  return std::fflush(stdout) == 0;
}

int said(const pipeline::Result<void>& asked, Terminal& terminal) {
  if (asked) return kExitComplete;
  terminal.print("riptide: " + asked.error().message);
  return kExitUsage;
}

}  // namespace

int run_tap(const TapFlags& flags) {
  Terminal terminal(2);
  return said(ask_run(flags.run, fmt::format("tap {} {}", flags.count, flags.node), print_line), terminal);
}

int show_live(const std::string& run) {
  Terminal terminal(2);
  const Terminal out(1);
  if (!out.is_tty()) return said(ask_run(run, "live", print_line), terminal);
  std::optional<LiveGraph> before;
  const auto asked = ask_run(run, "live", [&](std::string_view line) {
    auto now = read_live(line);
    if (!now) return false;
    const std::string table = live_table(before.value_or(LiveGraph()), *now, out.width(), out.colours());
    before = std::move(now);
    const std::string screen = "\x1b[H\x1b[J" + table;
    std::fwrite(screen.data(), 1, screen.size(), stdout);
    return std::fflush(stdout) == 0;
  });
  return said(asked, terminal);
}

}  // namespace riptide::cli

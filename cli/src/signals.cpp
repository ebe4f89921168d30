#include "riptide/cli/signals.hpp"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace riptide::cli {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

SignalThread::SignalThread(pipeline::Stop& stop, std::function<void(int)> on_first, std::function<void()> last_words)
    : stop_(stop), on_first_(std::move(on_first)), last_words_(std::move(last_words)) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files (ulimit -f) is an error of the write, as a full disk is
  const sigset_t set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { wait_for_signals(); });
}

SignalThread::~SignalThread() {
  closing_.store(true, std::memory_order_release);
  ::pthread_kill(thread_.native_handle(), SIGTERM);  // wakes the wait; blocked everywhere else
  thread_.join();
}

void SignalThread::wait_for_signals() {
  const sigset_t set = stop_signals();
  int received = 0;
  while (true) {
    int signal = 0;
    if (::sigwait(&set, &signal) != 0) continue;
    if (closing_.load(std::memory_order_acquire)) return;
    ++received;
    if (received == 1) {
      first_.store(signal, std::memory_order_release);
      if (on_first_ && !over_.load(std::memory_order_acquire)) on_first_(signal);
      stop_.request(pipeline::Error(pipeline::ErrorKind::kStopped,
                                    signal == SIGINT ? "stopped by SIGINT" : "stopped by SIGTERM"));
      continue;
    }
    stop_.request(pipeline::Error(pipeline::ErrorKind::kStopped, "stopped by a second signal"),
                  pipeline::Stop::Urgency::kAbort);
    timespec grace{kGrace.count() / 1000, (kGrace.count() % 1000) * 1'000'000};
    ::sigtimedwait(&set, nullptr, &grace);  // a third signal, or the destructor's, ends the wait
    if (closing_.load(std::memory_order_acquire)) return;
    if (last_words_) last_words_();
    ::_exit(128 + first());
  }
}

}  // namespace riptide::cli

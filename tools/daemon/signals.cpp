// The signals tidemarkd answers to: see signals.hpp.
// tools/daemon/: sigtimedwait on the main thread.
#include "tools/daemon/signals.hpp"

#include <csignal>
#include <ctime>

namespace tidemark::tools {
namespace {

sigset_t our_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&signals, signal);
  return signals;
}

}  // namespace

void block_signals() {
  const sigset_t signals = our_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

std::optional<Signal> wait_for_signal(std::chrono::milliseconds most) {
  const sigset_t signals = our_signals();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(most);
  const timespec time{.tv_sec = seconds.count(),
                      .tv_nsec = std::chrono::nanoseconds(most - seconds).count()};
  switch (sigtimedwait(&signals, nullptr, &time)) {
    case SIGINT:
    case SIGTERM:
      return Signal::stop;
    case SIGHUP:
      return Signal::reload;
    case SIGUSR1:
      return Signal::log_more;
    case SIGUSR2:
      return Signal::log_less;
    default:
      return std::nullopt;
  }
}

}  // namespace tidemark::tools

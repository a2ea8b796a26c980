// Signal handlers that do nothing but set a flag.
// tools/: see interrupt.hpp.
#include "tools/interrupt.hpp"

#include <csignal>

namespace tidemark::tools {
namespace {

volatile std::sig_atomic_t caught = 0;

extern "C" void on_interrupt(int /*signal*/) { caught = 1; }

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  // No SA_RESTART: read(2) has to return. SA_RESETHAND: the second one is meant.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool interrupted() { return caught != 0; }

}  // namespace tidemark::tools

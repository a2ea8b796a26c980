// What systemd is told: see service_manager.hpp.
// tools/daemon/: libsystemd writes the datagrams.
#include "tools/daemon/service_manager.hpp"

#include <algorithm>
#include <ctime>
#include <systemd/sd-daemon.h>

namespace tidemark::tools::service_manager {
namespace {

void tell(const std::string& text) { (void)sd_notify(0, text.c_str()); }

/// A status is one line, and another line would be another message.
std::string status_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return "STATUS=" + text;
}

}  // namespace

void ready(const std::string& status) { tell("READY=1\n" + status_line(status)); }

void reloading() {
  // With the time, so that systemd can tell this reload's READY from one before.
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const long long us = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us) +
       "\nSTATUS=reading the configuration again");
}

void stopping() { tell("STOPPING=1\nSTATUS=stopping"); }

void status(const std::string& text) { tell(status_line(text)); }

void alive() { tell("WATCHDOG=1"); }

std::optional<std::chrono::milliseconds> watchdog_interval() {
  std::uint64_t us = 0;
  if (sd_watchdog_enabled(0, &us) <= 0 || us < 1'000) return std::nullopt;
  return std::chrono::milliseconds(us / 1'000);
}

}  // namespace tidemark::tools::service_manager

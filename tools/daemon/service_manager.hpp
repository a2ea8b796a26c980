// What systemd is told: that the broker is ready, reads its configuration, stops, and lives.
// tools/daemon/: by sd_notify(3); without NOTIFY_SOCKET nobody is told and nothing fails.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace tidemark::tools::service_manager {

/// It listens; or has finished reading its configuration again.
void ready(const std::string& status);
void reloading();
void stopping();
/// One line for `systemctl status`.
void status(const std::string& text);
/// The watchdog's sign of life.
void alive();
/// alive() is expected at least this often; none: nobody watches.
[[nodiscard]] std::optional<std::chrono::milliseconds> watchdog_interval();

}  // namespace tidemark::tools::service_manager

// The signals tidemarkd answers to, taken one at a time by the thread that asks.
// tools/daemon/: blocked in all threads, so that nothing is interrupted.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace tidemark::tools {

enum class Signal : std::uint8_t { stop, reload, log_more, log_less };

/// Blocks them in this thread and those it will start, and ignores SIGPIPE. Before any thread is.
void block_signals();
/// The next one; nullopt: none came in this time.
[[nodiscard]] std::optional<Signal> wait_for_signal(std::chrono::milliseconds most);

}  // namespace tidemark::tools

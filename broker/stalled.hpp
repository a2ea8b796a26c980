// When a client that takes nothing gives back the shared memory it holds.
// broker/: what WebSocket sessions and event streams do alike about stalled clients.
#pragma once

#include <chrono>
#include <cstddef>

namespace tidemark::broker {

/// A stalled client holds what it is being sent for so long at least.
constexpr std::chrono::seconds kReleaseAfter{1};

/// Is a segment freed for less than it takes, if each of its `holders` copies what it is still to
/// be sent, here `rest` bytes? Those that stall at the same place hold the same segment: after a
/// restart ten thousand copies of 64 KiB once took 500 MiB to free a few. Either way all of them
/// together hold at most their number times what one is sent at a time.
constexpr bool copies_free_memory(std::size_t holders, std::size_t rest,
                                  std::size_t segment_bytes) {
  return holders * rest < segment_bytes;
}

}  // namespace tidemark::broker

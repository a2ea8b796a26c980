// A data directory with something of everything, written by the real store and closed.
// tests/: what inspecting, verifying, exporting and repairing is tried on.
#pragma once

#include <cstdint>
#include <filesystem>

#include "storage/rocks_store.hpp"

namespace tidemark::test {

/// What write_sample_log has written, fixed so that tests can say what they expect:
/// - "orders", application/json: events 1 to `events`, in batches of 50, a batch a second from
///   kStart on; event n has the data {"order":n}, the key "k" and n mod 20, and, where n mod 10 is
///   0, the header kind: big. Epoch kFirstEpoch up to half, kSecondEpoch behind it. Producers "p1"
///   (epoch 3, sequences 0 to 9, an event each, the last being event 10) and "p2" (epoch 1,
///   sequences 0 to 4, offsets 11 to 15). Cursors "device-1" at 40 and "device-2" at 100, both of
///   kFirstEpoch, acknowledged just now. A stored state as of event 30: {"sum":30}.
/// - "prices", application/json, keep latest: 8 events with keys EUR, USD, EUR, GBP, EUR, USD, JPY,
///   GBP and data 1 to 8, but that the last one, of GBP, is a tombstone; then trimmed to keep
///   from 5.
/// - "rooms/1", text/plain: events "hello", "line\nbreak" and "".
/// - "rooms/raw", application/octet-stream: one event, the bytes 0 to 255.
/// - "orders-fork": a fork of "orders" after event 60, with 5 events of its own, of kForkEpoch.
/// - "empty": no events.
struct SampleLog {
  std::uint64_t events = 1000;  ///< of orders; 200 or more, in hundreds
  /// What lies behind the first half of orders is only in the write-ahead log, as after kill -9;
  /// else all is in table files.
  bool leave_wal = false;

  static constexpr Timestamp kStart{1'764'000'000'000};
  static constexpr Epoch kFirstEpoch{1001};
  static constexpr Epoch kSecondEpoch{2002};
  static constexpr Epoch kForkEpoch{3003};
};

/// Writes it into `directory`, which must be empty or not exist. Throws what goes wrong.
void write_sample_log(const std::filesystem::path& directory, const SampleLog& sample = {});

}  // namespace tidemark::test

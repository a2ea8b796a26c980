// Reads the newest event of every key of a topic, as of one position.
// storage/: what a state of keys is made of; held by whoever sends one.
#pragma once

#include <functional>
#include <string_view>

#include "protocol/types.hpp"

namespace tidemark::storage {

/// One moment of a topic's keys: what comes later is not seen, however long the reading takes. It
/// holds resources of the engine, so it is let go soon. After the engine had to be opened anew it
/// reads no more (storage_failed). Threads: one at a time. Lifetime: that of the store at most.
class KeyReader {
 public:
  virtual ~KeyReader() = default;
  /// The head of the topic at that moment; every entry's offset is at most this.
  [[nodiscard]] virtual Position position() const = 0;
  /// An entry, complete; false: stop here, and go on behind it at the next read(). Views die when
  /// it returns. It must not call the log or the store, nor wait for whoever does.
  using Visit = std::function<bool(const EventView& entry)>;
  /// Visits entries in order of their keys, going on where the last call stopped. True: there may
  /// be more. Blocks on the disk. Errors: corrupt_record, storage_failed.
  virtual Result<bool> read(const Visit& visit) = 0;
};

}  // namespace tidemark::storage

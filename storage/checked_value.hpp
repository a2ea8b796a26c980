// Stored values with a checksum of their own: the newest event of a key, states, cursors.
// storage/: FORMAT.md specifies the bytes; knows no RocksDB.
#pragma once

#include <string>
#include <string_view>

#include "storage/log.hpp"

namespace tidemark::storage {

/// What is stored of the newest event of a key. A view: valid as long as the bytes.
struct LatestRecord {
  Offset offset;
  Timestamp time;
  std::string_view record;  ///< as in a batch
};

/// The value to store under `key`, which is the whole key of the store.
[[nodiscard]] std::string encode_latest(std::string_view key, const LatestRecord& latest);
/// Checks version and checksum; a value under another key does not verify. Errors: corrupt_record;
/// store_newer_format for a later version.
[[nodiscard]] Result<LatestRecord> decode_latest(std::string_view key, std::string_view value);

/// As for LatestRecord.
[[nodiscard]] std::string encode_state(std::string_view key, const StoredState& state);
[[nodiscard]] Result<StoredState> decode_state(std::string_view key, std::string_view value);

[[nodiscard]] std::string encode_cursor(std::string_view key, const StoredCursor& cursor);
[[nodiscard]] Result<StoredCursor> decode_cursor(std::string_view key, std::string_view value);

}  // namespace tidemark::storage

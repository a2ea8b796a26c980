// Questions about a topic that any log answers, of a topic that is loaded but not open.
// storage/: for the store, and for who reads a directory without one.
#pragma once

#include "storage/log.hpp"

namespace tidemark::storage {

[[nodiscard]] Bounds bounds_of(const LoadedTopic& topic);

/// Bytes of the batches from the one that holds the earliest event on. Blocks on the disk. Errors:
/// corrupt_record, storage_failed.
[[nodiscard]] Result<std::uint64_t> stored_bytes(Log& log, const LoadedTopic& topic);

/// When the event of this offset was appended; nullopt: there is none. Errors: as above.
[[nodiscard]] Result<std::optional<Timestamp>> time_of(Log& log, const LoadedTopic& topic,
                                                       Offset offset);

}  // namespace tidemark::storage

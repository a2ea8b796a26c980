// What the store remembers of itself, and what a start adds to it.
// storage/: private to the units rocks_*; opening the parts is rocks_store's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_store.hpp"
#include "storage/store_place.hpp"

namespace tidemark::storage {

/// What the store as a whole remembers; read at the start and after a recovery.
struct StoreState {
  std::uint64_t next_topic_id = 1;
  std::uint64_t last_epoch = 0;
  std::uint64_t topic_count = 0;
  std::vector<IncidentRecord> incidents;  ///< oldest first
  StartKind start = StartKind::clean;     ///< not stored: what this start has found
  static Result<StoreState> read(RocksDatabase& database);
};

/// What is known of a data directory before its database is written to.
struct StartFindings {
  bool lost = false;    ///< a loss was accepted
  bool backup = false;  ///< it is of the past
  PlaceFound place;     ///< of the file HEAD
  std::string boot_id;  ///< of the machine's present boot
};

/// Reads what the store remembers, and brings it up to date: the incident that this start is, where
/// it is, and that the log is open. Synced when it returns. At most one incident: the gravest.
/// Errors: store_newer_format, corrupt_record, disk_full, storage_failed.
Result<StoreState> start_store(RocksDatabase& database, const StoreOptions& options,
                               const StartFindings& findings);

}  // namespace tidemark::storage

// Puts the database of a damaged directory together anew from its tables and logs, elsewhere.
// storage/: the last resort of a repair, when RocksDB has lost its own list of files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "storage/rocks_store.hpp"

namespace tidemark::storage {

struct RebuiltDatabase {
  std::filesystem::path directory;  ///< as a data directory, without a head marker
  std::uint64_t sequence = 0;       ///< the last change that was found
  /// Files of which nothing or not all could be read, a clause each.
  std::vector<std::string> left_out;
};

/// Reads every table and every write-ahead log below `from`/db on its own and merges what they hold
/// into a new database below `scratch`, which must not exist; the caller removes it, also after an
/// error. Of each key the newest change counts; of batches the one of the later epoch. Tables are
/// linked where that is possible, else copied one at a time; `from` is only read. What was removed
/// by ranges, as deleted topics are, may be there again. `progress` takes the bytes of the files
/// that are done; false: stop. Errors: corrupt_record (there is nothing to be read), disk_full,
/// store_not_writable, cancelled, storage_failed.
boost::system::result<RebuiltDatabase, OpenError> rebuild_database(
    const std::filesystem::path& from, const std::filesystem::path& scratch,
    const std::function<bool(std::uint64_t bytes, std::uint64_t total)>& progress);

}  // namespace tidemark::storage

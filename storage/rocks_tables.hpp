// The table files RocksDB writes, so that one that holds nothing can't end the process.
// storage/: private to the units rocks_*.
#pragma once

#include <memory>

#include <rocksdb/env.h>
#include <rocksdb/table_properties.h>

namespace tidemark::storage {

/// RocksDB 7.8 writes a table even if a compaction has dropped everything, as it does with what was
/// trimmed, and removes it again. If writing it fails, on a full disk say, it looks for the keys
/// of the table that has none, and Debian's build of it ends the process with an assertion. Here
/// what fails to be written of such a table is not told: nobody was to read it.
///
/// Both go together: the factory learns of keys, the environment writes the files. `below` outlives
/// the environment; null: the system's.
[[nodiscard]] std::unique_ptr<rocksdb::Env> environment_of_tables(rocksdb::Env* below);
[[nodiscard]] std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> keys_of_tables();

}  // namespace tidemark::storage

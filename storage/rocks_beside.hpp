// Keys, states and cursors of topics: their part of a write.
// storage/: private to the units rocks_*; what reads them is in rocks_keys.cpp and
// rocks_beside.cpp.
#pragma once

#include <cstddef>

#include <rocksdb/write_batch.h>

#include "storage/log.hpp"
#include "storage/rocks_database.hpp"

namespace tidemark::storage {

/// About what put_beside() will add.
[[nodiscard]] std::size_t bytes_beside(const CommitGroup& group);
/// What the group says of them.
void put_beside(rocksdb::WriteBatch& batch, RocksDatabase& database, const CommitGroup& group);
/// Removes all an erased topic has of them. Pre: nobody writes meanwhile.
void erase_beside(rocksdb::WriteBatch& batch, RocksDatabase& database, TopicId topic);

}  // namespace tidemark::storage

// A write being put together, and what changes in memory once it has succeeded.
// storage/: private to the units of RocksLog.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <rocksdb/write_batch.h>

#include "storage/rocks_database.hpp"

namespace tidemark::storage {

struct PendingWrite {
  explicit PendingWrite(std::size_t reserve = 0) : batch(reserve) {}
  rocksdb::WriteBatch batch;
  std::uint64_t topic_count = 0;
  std::uint64_t epoch = 0;
  std::uint64_t reserved_ids = 0;
  std::set<std::string_view> erased;  // names

  void put_integer(std::string_view key, std::uint64_t value) {
    std::string bytes;
    append_be64(bytes, value);
    batch.Put(slice(key), bytes);
  }
};

}  // namespace tidemark::storage

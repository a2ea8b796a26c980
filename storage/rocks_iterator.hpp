// An iterator of RocksDB that can't leave its range.
// storage/: private to the units rocks_*.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include <rocksdb/iterator.h>
#include <rocksdb/options.h>

#include "storage/rocks_database.hpp"
#include "storage/rocks_log.hpp"

namespace tidemark::storage {

/// All that belongs to a topic, in a family whose keys begin with its id.
[[nodiscard]] inline KeyRange topic_range(TopicId topic) {
  return {.begin = topic_key(topic), .end = topic_key({topic.value + 1})};
}

/// No seek of it walks what other topics have left behind. Lifetime: the database's at most.
/// Threads: one.
class BoundedIterator {
 public:
  BoundedIterator(RocksDatabase& database, rocksdb::ColumnFamilyHandle* family, KeyRange range,
                  rocksdb::ReadOptions options = {})
      : range_(std::move(range)), lower_(range_.begin), upper_(range_.end) {
    options.iterate_lower_bound = &lower_;
    options.iterate_upper_bound = &upper_;
    it_.reset(database.db().NewIterator(options, family));
  }
  BoundedIterator(const BoundedIterator&) = delete;
  BoundedIterator& operator=(const BoundedIterator&) = delete;
  rocksdb::Iterator* operator->() { return it_.get(); }
  [[nodiscard]] std::string_view key() const { return view(it_->key()); }
  [[nodiscard]] std::string_view value() const { return view(it_->value()); }
  [[nodiscard]] Result<void> status() const {
    const auto status = it_->status();
    return status.ok() ? ok() : Result<void>(errc_of(status));
  }

 private:
  KeyRange range_;
  rocksdb::Slice lower_, upper_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

}  // namespace tidemark::storage

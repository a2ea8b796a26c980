// What is open of topics' keys: scans, each of one moment, that end before their database does.
// storage/: a part of RocksLog; see rocks_keys.cpp.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace tidemark::storage {

class KeyScan;

/// The scans that readers hold. Threads: any. Lock order: its own, then that of one scan; a scan's
/// is held while it reads, and nothing of the log is called under it.
class KeyScans {
 public:
  void add(const std::shared_ptr<KeyScan>& scan);
  /// Ends them all: their readers read no more, and hold nothing of the database. Waits for reads
  /// under way. Pre: nothing adds a scan of the same database meanwhile, or after.
  void end_all();

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<KeyScan>> scans_;  ///< bounded by the readers there are at a time
};

}  // namespace tidemark::storage

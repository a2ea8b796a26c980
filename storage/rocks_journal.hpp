// RocksDB's own log: what it warns of, in the file LOG of the database.
// storage/: private to the units rocks_*.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>

#include <rocksdb/env.h>

namespace tidemark::storage {

/// Stands in for RocksDB's logger, which Debian's build of 7.8 ends the process with: a line that
/// did not fit a full disk fails an assertion when the next one is written. Here it is lost.
/// Threads: any.
class RocksJournal final : public rocksdb::Logger {
 public:
  /// A larger file becomes LOG.old when the database is opened.
  static constexpr std::uintmax_t kLargest = std::uintmax_t{1} << 20;

  explicit RocksJournal(const std::filesystem::path& database);

  using rocksdb::Logger::Logv;
  void Logv(const char* format, std::va_list arguments) override;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::filesystem::path path_;
  std::mutex mutex_;
  std::unique_ptr<std::FILE, Close> file_;  ///< opened with the first line
};

}  // namespace tidemark::storage

// One open RocksDB with our column families and options, and the mapping of its errors.
// storage/: private to the units rocks_*, which alone see RocksDB's headers.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "protocol/result.hpp"
#include "storage/engine_errors.hpp"
#include "storage/key_codec.hpp"
#include "storage/rocks_store.hpp"

namespace tidemark::storage {

/// 1: metadata without what forks, closing and expiry need. 2: no families for keys, states and
/// cursors. Both are opened: the families are made then, metadata is upgraded as it is written.
inline constexpr std::uint64_t kFormatVersion = 3;

/// Keys of the default column family.
namespace store_keys {
inline constexpr std::string_view format = "format";
inline constexpr std::string_view next_topic_id = "next_topic_id";
inline constexpr std::string_view last_epoch = "last_epoch";
inline constexpr std::string_view topic_count = "topic_count";
inline constexpr std::string_view run = "run";
inline constexpr std::string_view place = "place";
inline constexpr std::string_view incident_prefix = "incident/";
}  // namespace store_keys

/// The column families, in the order of RocksDatabase::families().
inline constexpr std::array<const char*, 7> kFamilyNames{"default", "events", "topics", "producers",
                                                         "keys",    "states", "cursors"};

inline rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(const rocksdb::Slice& text) { return {text.data(), text.size()}; }

/// The one place where RocksDB's errors become ours. Pre: !status.ok().
[[nodiscard]] Errc errc_of(const rocksdb::Status& status);

/// Threads: as RocksDB: any, except that it must not be in use while it is destroyed.
class RocksDatabase {
 public:
  enum class Recovery {
    strict,   ///< refuses a WAL damaged anywhere but at its cut end
    salvage,  ///< drops everything after the first damage
    most,     ///< only for reading: leaves out what is damaged, wherever it is
  };
  /// Opens, and creates what is missing.
  static rocksdb::Status open(const std::filesystem::path& directory, const StoreOptions& options,
                              Recovery recovery, std::unique_ptr<RocksDatabase>& out);
  /// Opens what there is, to read it: writes nothing, takes no lock. Families that an earlier
  /// format lacks are empty. Table files stay open, as far as the process may have so many.
  static rocksdb::Status open_to_read(const std::filesystem::path& directory, Recovery recovery,
                                      std::unique_ptr<RocksDatabase>& out);
  /// Closes without flushing: what was committed is in the WAL.
  ~RocksDatabase();
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;

  [[nodiscard]] rocksdb::DB& db() { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* store() { return families_[0]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* events() { return families_[1]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* topics() { return families_[2]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* producers() { return families_[3]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* keys() { return families_[4]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* states() { return families_[5]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* cursors() { return families_[6]; }
  [[nodiscard]] const std::vector<rocksdb::ColumnFamilyHandle*>& families() { return families_; }

  /// Opened by open_to_read(): it never changes.
  [[nodiscard]] bool read_only() const { return read_only_; }
  /// Whether the store lacks this family, which is read as the default one then: in that no key
  /// begins with a topic's id, so whoever keeps to a topic finds nothing.
  [[nodiscard]] bool lacks(const rocksdb::ColumnFamilyHandle* family) const {
    return read_only_ && family == db_->DefaultColumnFamily();
  }

  /// Writes all memtables to files, so that the next start has nothing to replay.
  rocksdb::Status flush();

  /// An integer of the default column family; 0 if it is absent.
  Result<std::uint64_t> integer(std::string_view key);

 private:
  RocksDatabase() = default;
  void let_flushes_finish();
  bool read_only_ = false;
  std::shared_ptr<EngineErrors> errors_;  ///< null: nobody asks
  std::unique_ptr<rocksdb::Env> env_;     ///< null: the system's
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;  ///< owned by db_; given back on closing
};

/// Opens the database of a data directory with RocksDatabase::open_to_read, again where a writer
/// has removed a file that was to be opened, and checks that this version knows its format. Errors:
/// as StoreScan::open.
boost::system::result<std::unique_ptr<RocksDatabase>, OpenError> open_database_to_read(
    const std::filesystem::path& directory, RocksDatabase::Recovery recovery);

[[nodiscard]] inline std::filesystem::path database_path(const std::filesystem::path& directory) {
  return directory / "db";
}

}  // namespace tidemark::storage

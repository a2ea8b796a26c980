// A data directory read key by key, around whatever is damaged in it; never written.
// storage/: what verify and repair look at a store through. Private to the room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/rocks_store.hpp"

namespace tidemark::storage {

class RocksDatabase;

/// The column families, as FORMAT.md names them.
enum class Family : std::uint8_t { store, events, topics, producers, keys, states, cursors };
inline constexpr std::size_t kFamilies = 7;
/// "events"; of `store` "default".
[[nodiscard]] std::string_view name_of(Family family);

/// A stretch of keys that can't be read.
struct ScanDamage {
  std::string after;   ///< the last key that was read before it; empty: none in the range
  std::string before;  ///< the first that can be read behind it; empty: none in the range
  std::string what;    ///< as RocksDB has it: what is wrong, in which file, where
};

/// Threads: one at a time.
class StoreScan {
 public:
  /// How a write-ahead log is taken that is damaged before its end.
  enum class Wal : std::uint8_t {
    strict,  ///< corrupt_record
    prefix,  ///< up to the damage
    most,    ///< all that is intact, wherever it is; what comes of it may have holes
  };
  /// As open_rocks_log_to_read, without looking at the head marker. While a broker writes to the
  /// directory, files may go between two looks at it; then it is opened again, some times.
  /// Errors: not_found, store_not_ours, store_not_writable, store_newer_format, corrupt_record,
  /// storage_failed.
  static boost::system::result<std::unique_ptr<StoreScan>, OpenError> open(
      const std::filesystem::path& directory, Wal wal);
  ~StoreScan();
  StoreScan(const StoreScan&) = delete;
  StoreScan& operator=(const StoreScan&) = delete;

  /// The database's last change.
  [[nodiscard]] std::uint64_t sequence() const;
  /// About how many bytes of keys and values a family holds from `begin` to `end`, uncompressed or
  /// not: for a progress bar. Both empty: all.
  [[nodiscard]] std::uint64_t bytes(Family family, std::string_view begin = {},
                                    std::string_view end = {}) const;

  /// Takes a key and its value; both die when it returns. False: enough.
  using Entry = std::function<bool(std::string_view key, std::string_view value)>;
  using Damage = std::function<void(const ScanDamage&)>;
  /// Calls `entry` for what can be read of begin <= key < end (an empty `end`: to the end), in
  /// order, and `damage` for what can't, in its place. Checksums of RocksDB are verified. What is
  /// read is not cached. Work and memory are bounded: where there is so much damage that a bound is
  /// reached, something intact may be left out, of what a damage's stretch covers.
  void each(Family family, std::string_view begin, std::string_view end, const Entry& entry,
            const Damage& damage);

 private:
  explicit StoreScan(std::unique_ptr<RocksDatabase> database);
  std::unique_ptr<RocksDatabase> database_;
};

}  // namespace tidemark::storage

// Backups of the log: made while the broker goes on, listed, removed.
// broker/: a server has one; backup_routes and the page of metrics ask it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "storage/event_store.hpp"

namespace tidemark::broker {

struct Backup {
  std::string name;
  std::filesystem::path path;  ///< absolute
  storage::BackupNote note;
};

/// Why something of a backup could not be done.
struct BackupFailure {
  Errc code = Errc::storage_failed;
  std::string text;  ///< more than the code says, or empty
};

/// 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with a dot.
[[nodiscard]] bool check_backup_name(std::string_view name);
/// What a backup of this moment is called: 20261129T143000Z.
[[nodiscard]] std::string backup_name(Timestamp time);

/// Backups are the directories of one directory that have a note (storage/backup.hpp). One that is
/// being made or removed has a name that begins with a dot and ends with ".partial"; what is left
/// of such is removed when the next one begins. Threads: any.
class Backups {
 public:
  using Made = std::variant<Backup, BackupFailure>;

  /// `directory` is made when the first backup is; empty: there are no backups. The store outlives
  /// stop().
  Backups(storage::EventStore& store, std::filesystem::path directory);
  /// Waits for the one being made.
  ~Backups();
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  [[nodiscard]] bool possible() const { return !directory_.empty(); }

  /// Begins to make one, on a thread of its own: that of a large log on another disk takes minutes.
  /// `done` is called there, once, and destroyed there; not if this fails. Publishing goes on.
  /// Pre: possible, check_backup_name. Errors: backup_running, shutting_down; `done` gets
  /// backup_exists, disk_full, store_not_writable, not_found (the store cannot), storage_failed.
  Result<void> make(std::string name, std::function<void(Made)> done);

  /// All that are whole, by name. Blocks on the disk. Errors: storage_failed, store_not_writable.
  [[nodiscard]] std::variant<std::vector<Backup>, BackupFailure> list() const;
  /// Removes one. Blocks on the disk. Errors: not_found, store_not_writable, storage_failed.
  [[nodiscard]] std::optional<BackupFailure> remove(const std::string& name);

  /// For metrics.
  struct Figures {
    std::uint64_t made = 0;  ///< since the start, as those that follow but the last
    std::uint64_t failed = 0;
    bool running = false;
    std::chrono::microseconds took{0};      ///< the last that succeeded; 0: none
    std::optional<Timestamp> last_success;  ///< before the start too, if it is still there
  };
  [[nodiscard]] Figures figures() const;

  /// Makes no more, and waits for the one being made. Safe to call twice.
  void stop();

 private:
  Made work(const std::string& name);
  [[nodiscard]] std::optional<BackupFailure> prepare(const std::string& name) const;
  [[nodiscard]] BackupFailure failure(Errc code) const;
  void note(const std::string& name, const Made& made, std::chrono::microseconds took);

  storage::EventStore& store_;
  const std::filesystem::path directory_;

  std::mutex files_mutex_;  ///< while directories are removed: what is removed is nobody else's

  mutable std::mutex mutex_;
  std::optional<boost::asio::thread_pool> worker_;  ///< from the first backup on
  bool running_ = false;
  bool stopping_ = false;
  Figures figures_;
};

}  // namespace tidemark::broker

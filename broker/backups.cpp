// Backups of the log: see backups.hpp.
// broker/: names, directories and threads; the store makes the copy.
#include "broker/backups.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <boost/asio/post.hpp>

#include "broker/log/log.hpp"
#include "broker/shapes/rfc3339.hpp"
#include "storage/head_marker.hpp"

namespace tidemark::broker {

namespace fs = std::filesystem;
using std::chrono::microseconds;
using storage::errc_of_errno;

namespace {

constexpr std::size_t kNameBytes = 64;
constexpr std::string_view kPartial = ".partial";

bool is_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

Result<void> sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errc_of_errno(errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return errc_of_errno(error);
  return ok();
}

/// What an earlier backup or removal has left because the broker was killed.
Result<void> remove_leftovers(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> left;
  for (auto entry = fs::directory_iterator(directory, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.starts_with('.') && name.ends_with(kPartial)) left.push_back(entry->path());
  }
  for (const auto& path : left) {
    if (!error) fs::remove_all(path, error);
  }
  if (error) return errc_of_errno(error.value());
  return ok();
}

}  // namespace

bool check_backup_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytes && name.front() != '.' &&
         std::ranges::all_of(name, is_name_character);
}

std::string backup_name(Timestamp time) {
  // 2026-11-29T14:30:00.000Z without what divides it, and to the second.
  auto text = to_rfc3339(time).substr(0, 19);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

Backups::Backups(storage::EventStore& store, fs::path directory)
    : store_(store),
      directory_(directory.empty() ? fs::path() : fs::absolute(directory).lexically_normal()) {
  // So that an alert about backups that are not made any more outlives a restart.
  const auto found = list();
  if (const auto* const all = std::get_if<std::vector<Backup>>(&found)) {
    for (const auto& backup : *all) {
      auto& last = figures_.last_success;
      if (!last || last->ms < backup.note.time.ms) last = backup.note.time;
    }
  }
}

Backups::~Backups() { stop(); }

void Backups::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (worker_) worker_->join();  // nobody makes it any more
}

Result<void> Backups::make(std::string name, std::function<void(Made)> done) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return Errc::shutting_down;
  if (running_) return Errc::backup_running;
  running_ = true;
  if (!worker_) worker_.emplace(1);
  boost::asio::post(*worker_, [this, name = std::move(name), done = std::move(done)]() mutable {
    const auto begin = std::chrono::steady_clock::now();
    Made made = work(name);
    note(name, made,
         std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - begin));
    done(std::move(made));
  });
  return ok();
}

Backups::Made Backups::work(const std::string& name) {
  if (auto fault = prepare(name)) return *fault;
  {
    const std::lock_guard lock(files_mutex_);
    if (const auto cleaned = remove_leftovers(directory_); !cleaned) return failure(cleaned.errc());
  }
  const auto partial = directory_ / ("." + name + std::string(kPartial));
  std::error_code ignored;
  const auto copied = store_.backup(partial);
  if (!copied) {
    fs::remove_all(partial, ignored);
    return failure(copied.errc());
  }
  std::error_code error;
  fs::rename(partial, directory_ / name, error);
  if (error) {
    fs::remove_all(partial, ignored);
    return failure(errc_of_errno(error.value()));
  }
  // It is there; that it stays there is what is promised.
  if (const auto synced = sync_directory(directory_); !synced) return failure(synced.errc());
  return Backup{.name = name, .path = directory_ / name, .note = *copied};
}

/// Has the directory there, and the name free in it.
std::optional<BackupFailure> Backups::prepare(const std::string& name) const {
  // Only for who runs the broker: whoever reads a backup reads all topics.
  if (::mkdir(directory_.c_str(), S_IRWXU) == 0) {
    if (const auto synced = sync_directory(directory_.parent_path()); !synced) {
      return failure(synced.errc());
    }
  } else if (errno != EEXIST) {
    return failure(errc_of_errno(errno));
  }
  std::error_code error;
  const auto there = fs::symlink_status(directory_ / name, error);
  if (fs::exists(there)) return BackupFailure{.code = Errc::backup_exists, .text = {}};
  return std::nullopt;
}

BackupFailure Backups::failure(Errc code) const {
  switch (code) {
    case Errc::store_not_writable:
      return {code, "the directory of backups cannot be written: " + directory_.string()};
    case Errc::disk_full:
      return {code, "the disk is full where backups are: " + directory_.string()};
    case Errc::not_found:
      return {code, "this broker's store cannot be backed up"};
    default:
      return {code, {}};
  }
}

void Backups::note(const std::string& name, const Made& made, microseconds took) {
  const auto* const backup = std::get_if<Backup>(&made);
  const auto error =
      backup != nullptr ? std::nullopt : std::optional(std::get<BackupFailure>(made).code);
  if (backup != nullptr) {
    log::event(log::Level::info, "backup_made",
               {{"backup", name}, {"bytes", backup->note.bytes()}, {"took", took}});
  } else if (error != Errc::backup_exists) {
    log::event(log::Level::error, "backup_failed",
               {{"backup", name}, {"code", info(*error).name}, {"took", took}});
  }
  const std::lock_guard lock(mutex_);
  running_ = false;
  if (backup != nullptr) {
    ++figures_.made;
    figures_.took = took;
    figures_.last_success = backup->note.time;
  } else if (error != Errc::backup_exists) {  // for which nothing was tried
    ++figures_.failed;
  }
}

std::variant<std::vector<Backup>, BackupFailure> Backups::list() const {
  std::vector<Backup> found;
  if (!possible()) return found;
  std::error_code error;
  for (auto entry = fs::directory_iterator(directory_, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto& path = entry->path();
    auto name = path.filename().string();
    if (!check_backup_name(name)) continue;
    // What has no note, or none that can be read, is not to be taken for a backup.
    auto note = storage::read_backup_note(path);
    if (note) found.push_back({.name = std::move(name), .path = path, .note = std::move(*note)});
  }
  // It is made with the first.
  if (error && error != std::errc::no_such_file_or_directory) {
    return failure(errc_of_errno(error.value()));
  }
  std::ranges::sort(found, {}, &Backup::name);
  return found;
}

std::optional<BackupFailure> Backups::remove(const std::string& name) {
  const std::lock_guard lock(files_mutex_);
  const auto path = directory_ / name;
  std::error_code error;
  const bool is_one = fs::is_regular_file(path / storage::kBackupFile, error);
  if (!is_one) return BackupFailure{Errc::not_found, "there is no backup of this name"};
  // Renamed first, so that half of it is never taken for one. '~' is in no backup's name, hence
  // this is not where one is being made.
  const auto leaving = directory_ / ("." + name + "~" + std::string(kPartial));
  fs::remove_all(leaving, error);
  if (!error) fs::rename(path, leaving, error);
  if (!error) fs::remove_all(leaving, error);
  if (error) return failure(errc_of_errno(error.value()));
  log::event(log::Level::info, "backup_removed", {{"backup", name}});
  return std::nullopt;
}

Backups::Figures Backups::figures() const {
  const std::lock_guard lock(mutex_);
  Figures out = figures_;
  out.running = running_;
  return out;
}

}  // namespace tidemark::broker

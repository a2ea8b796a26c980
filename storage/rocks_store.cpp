// Opening a data directory: whose it is, what it holds, whether anything of it is gone.
// storage/: makes a RocksLog of the marker and the database, or tells a person why it can't.
#include "storage/rocks_store.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "storage/backup.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_log.hpp"
#include "storage/rocks_start.hpp"
#include "storage/store_place.hpp"

namespace tidemark::storage {

void throw_exception_from_error(const OpenError& error, const boost::source_location& where) {
  boost::throw_exception(std::runtime_error(error.text), where);
}

namespace {

namespace fs = std::filesystem;

OpenError open_error(Errc code, std::string text) {
  return {.code = code, .text = std::move(text)};
}

OpenError not_writable(const fs::path& directory, const std::string& why) {
  return open_error(Errc::store_not_writable,
                    "The data directory " + directory.string() + " can't be written: " + why +
                        ". Give another one with --data, or change its owner.");
}

// What can be done about a directory that is not whole. Accepting the loss has been tried if it was
// asked for.
std::string advice(const fs::path& directory, bool accepting) {
  std::string out =
      " Restore the directory from a backup, or save what can be read of it with "
      "tidemark repair " +
      directory.string() + " NEW";
  if (!accepting)
    out += ", or start with --accept-data-loss, which goes on with what the database still opens";
  return out + ". Every topic then opens a new epoch and clients are told.";
}

OpenError lost_data(const fs::path& directory, const std::string& what) {
  return open_error(Errc::store_lost_data, "The log in " + directory.string() +
                                               " has lost data that was on disk: " + what +
                                               " Events that were acknowledged are missing." +
                                               advice(directory, false));
}

OpenError newer_format(const fs::path& directory) {
  return open_error(Errc::store_newer_format,
                    "The log in " + directory.string() +
                        " was written by a later version of Tidemark, which this one can't read. "
                        "Start the version that wrote it, or a later one.");
}

// Of a call that failed with our own code, about a file of the directory.
OpenError file_error(const fs::path& directory, Errc code, const std::string& what) {
  switch (code) {
    case Errc::store_locked:
      return open_error(code, "The data directory " + directory.string() +
                                  " is in use by another process. Stop it first, or give another "
                                  "directory with --data.");
    case Errc::store_newer_format:
      return newer_format(directory);
    case Errc::disk_full:
      return open_error(code, "The disk of the data directory " + directory.string() +
                                  " is full. Free some space and start again.");
    case Errc::store_not_writable:
      return not_writable(directory, what);
    default:
      return open_error(code,
                        "The log in " + directory.string() + " can't be opened: " + what + ".");
  }
}

OpenError damaged(const fs::path& directory, const std::string& what, bool accepting) {
  return open_error(Errc::corrupt_record, "The log in " + directory.string() + " is damaged: " +
                                              what + "." + advice(directory, accepting));
}

OpenError rocks_error(const fs::path& directory, const rocksdb::Status& status, bool accepting) {
  const std::string text = status.ToString();
  Errc code = errc_of(status);
  // Our own lock comes first, so this is a tool that opened the database alone.
  if (status.IsIOError() && (text.find("lock hold by") != std::string::npos ||
                             text.find("While lock file") != std::string::npos))
    code = Errc::store_locked;
  if (status.IsIOError() && text.find("Permission denied") != std::string::npos)
    code = Errc::store_not_writable;
  // A file of the database that is missing is damage like any other.
  if (status.IsPathNotFound() || text.find("No such file or directory") != std::string::npos)
    code = Errc::corrupt_record;
  if (code == Errc::corrupt_record) return damaged(directory, text, accepting);
  return file_error(directory, code, text);
}

// What a directory looks like before anything in it is opened.
struct Found {
  bool marker = false;
  bool database = false;
  bool backup = false;
};

bool is_ours(const fs::path& name) {
  return name == "HEAD" || name == "db" || name == "HEAD.damaged";
}

// Makes the directory and those above it that are missing, each on disk with its name.
boost::system::result<void, OpenError> make_directory(const fs::path& directory, DiskCalls& disk) {
  std::error_code error;
  std::vector<fs::path> above;
  for (fs::path at = fs::absolute(directory / "").parent_path(); !fs::exists(at, error);
       at = at.parent_path())
    above.push_back(at.parent_path());
  fs::create_directories(directory, error);
  if (error) return file_error(directory, errc_of_errno(error.value()), error.message());
  for (const auto& each : above) {
    const auto synced = sync_directory(each, disk);
    // One that may be written but not read can't be synced, and that is its owner's choice.
    if (!synced && synced.errc() != Errc::store_not_writable)
      return file_error(each, synced.errc(), "it can't be synced");
  }
  return boost::system::in_place_value;
}

boost::system::result<Found, OpenError> look_at(const fs::path& directory, DiskCalls& disk) {
  std::error_code error;
  const auto status = fs::status(directory, error);
  if (!fs::exists(status)) {
    if (auto made = make_directory(directory, disk); !made) return made.error();
    fs::permissions(directory, fs::perms::owner_all, error);
  } else if (!fs::is_directory(status)) {
    return not_writable(directory, "it is not a directory");
  }
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0)
    return not_writable(directory, std::strerror(errno));
  Found found;
  bool others = false;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto name = entry.path().filename();
    if (name != "lost+found" && !is_ours(name)) others = true;
  }
  if (error) return not_writable(directory, error.message());
  found.marker = fs::exists(directory / "HEAD", error);
  found.database = fs::exists(database_path(directory) / "CURRENT", error);
  found.backup = fs::exists(directory / kBackupFile, error);
  if (found.backup && !found.marker && !found.database)
    return open_error(Errc::store_lost_data,
                      "The backup in " + directory.string() +
                          " is not whole: there is no database. Copy it again, or give another "
                          "directory with --data.");
  if (others && !found.marker && !found.database)
    return open_error(Errc::store_not_ours,
                      "The directory " + directory.string() +
                          " holds files, but no Tidemark log. Give an empty or a new directory "
                          "with --data.");
  return found;
}

// Opens the marker, or says why the directory must not be used; sets `lost` if it starts afresh.
boost::system::result<std::unique_ptr<HeadMarker>, OpenError> open_marker(
    const fs::path& directory, Found found, const StoreOptions& options, bool& lost) {
  const auto file = directory / "HEAD";
  if (!found.marker && found.database) {
    if (!options.accept_loss)
      return lost_data(directory, "the file HEAD, which says how far the log went, is missing.");
    lost = true;
  }
  auto marker = HeadMarker::open(
      file, found.database && !lost ? HeadMarker::Missing::refuse : HeadMarker::Missing::create,
      options.disk_calls());
  if (!marker && marker.errc() == Errc::corrupt_record) {
    if (!options.accept_loss)
      return lost_data(directory, "the file HEAD, which says how far the log went, is damaged.");
    lost = true;
    std::error_code error;
    fs::rename(file, directory / "HEAD.damaged", error);
    marker = HeadMarker::open(file, HeadMarker::Missing::create, options.disk_calls());
  }
  if (!marker) return file_error(directory, marker.errc(), std::string(info(marker.errc()).text));
  if (!found.database && (*marker)->sequence() > 0) {
    if (!options.accept_loss)
      return lost_data(directory,
                       "the database in " + database_path(directory).string() + " is missing.");
    lost = true;
  }
  return std::move(*marker);
}

boost::system::result<std::unique_ptr<RocksDatabase>, OpenError> open_database(
    const fs::path& directory, const StoreOptions& options, bool& lost) {
  std::unique_ptr<RocksDatabase> database;
  auto status = RocksDatabase::open(database_path(directory), options,
                                    RocksDatabase::Recovery::strict, database);
  if (status.IsCorruption() && options.accept_loss) {
    lost = true;
    status = RocksDatabase::open(database_path(directory), options,
                                 RocksDatabase::Recovery::salvage, database);
  }
  if (!status.ok()) return rocks_error(directory, status, options.accept_loss);
  return database;
}

std::string boot_id(const StoreOptions& options) {
  if (!options.boot_id.empty()) return options.boot_id;
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

}  // namespace

boost::system::result<std::unique_ptr<Log>, OpenError> open_rocks_log(const fs::path& directory,
                                                                      const StoreOptions& asked) {
  StoreOptions options = asked;
  if (!options.errors) options.errors = std::make_shared<EngineErrors>();
  const auto found = look_at(directory, options.disk_calls());
  if (!found) return found.error();
  bool lost = false;
  auto marker = open_marker(directory, *found, options, lost);
  if (!marker) return marker.error();
  auto database = open_database(directory, options, lost);
  if (!database) return database.error();
  // RocksDB syncs what is in its directory, but not that there is one.
  if (auto synced = sync_directory(directory, options.disk_calls()); !synced)
    return file_error(directory, synced.errc(), "it can't be synced");
  const auto have = (*database)->db().GetLatestSequenceNumber();
  const auto want = (*marker)->sequence();
  if (have < want) {
    if (!options.accept_loss)
      return lost_data(directory, "it ends at change " + std::to_string(have) +
                                      ", but was on disk up to change " + std::to_string(want) +
                                      ".");
    lost = true;
  }
  const std::string boot = boot_id(options);
  auto state = start_store(**database, options,
                           {.lost = lost,
                            .backup = found->backup,
                            .place = place_of(directory / "HEAD"),
                            .boot_id = boot});
  if (!state && state.errc() == Errc::corrupt_record)
    return damaged(directory, "what the store remembers of itself can't be read",
                   options.accept_loss);
  if (!state) return file_error(directory, state.errc(), std::string(info(state.errc()).text));
  // After the incident is on disk: a stop in between only asks for the acceptance again.
  if (auto done = (*marker)->write((*database)->db().GetLatestSequenceNumber()); !done)
    return file_error(directory, done.errc(), "HEAD can't be written");
  if (auto done = (*marker)->sync(); !done)
    return file_error(directory, done.errc(), "HEAD can't be written");
  if (found->backup) {
    // The incident is on disk. A stop before this adds another, which is one epoch more.
    if (auto done = remove_backup_note(directory); !done)
      return file_error(directory, done.errc(),
                        "the file BACKUP, which says that it is one, can't be removed");
  }
  return std::unique_ptr<Log>(
      std::make_unique<RocksLog>(RocksLog::Parts{.directory = directory,
                                                 .options = options,
                                                 .marker = std::move(*marker),
                                                 .database = std::move(*database),
                                                 .boot_id = boot},
                                 *state));
}

}  // namespace tidemark::storage

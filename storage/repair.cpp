// Salvages a damaged data directory into a new one: see repair.hpp.
// storage/: finds a way to read it, then copies topic by topic; the new one is renamed when it is
// whole.
#include "storage/repair.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <random>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "storage/head_marker.hpp"
#include "storage/repair_survey.hpp"
#include "storage/repair_topic.hpp"
#include "storage/rocks_rebuild.hpp"
#include "storage/rocks_scan.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;
using Stop = std::optional<OpenError>;

OpenError failed(Errc code, std::string text) { return {.code = code, .text = std::move(text)}; }

/// A directory that is gone when this is, unless it has been kept.
class Draft {
 public:
  explicit Draft(fs::path path) : path_(std::move(path)) {}
  ~Draft() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  fs::path path_;
};

fs::path with_suffix(const fs::path& path, const char* suffix) {
  return fs::path(path).concat(suffix);
}

fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

OpenError unreadable(const fs::path& path, int error) {
  return failed(Errc::store_not_writable,
                path.string() + " can't be read: " + std::strerror(error) +
                    ". Nothing is wrong with it for that: repair it as a user who may read it.");
}

// ---- before anything is done ----

Stop check_from(const fs::path& from) {
  std::error_code error;
  const auto status = fs::status(from, error);
  if (!fs::exists(status)) return failed(Errc::not_found, "There is no " + from.string() + ".");
  if (!fs::is_directory(status))
    return failed(Errc::store_not_ours, from.string() + " is not a directory.");
  if (::access(from.c_str(), R_OK | X_OK) != 0) return unreadable(from, errno);
  const auto database = from / "db";
  if (!fs::exists(database, error))
    return fs::exists(from / "HEAD", error)
               ? failed(Errc::corrupt_record, "The database of the log in " + from.string() +
                                                  " is missing: there is nothing to salvage.")
               : failed(Errc::store_not_ours,
                        "The directory " + from.string() + " holds no Tidemark log.");
  if (::access(database.c_str(), R_OK | X_OK) != 0) return unreadable(database, errno);
  for (const auto& entry : fs::directory_iterator(database, error)) {
    const bool theirs = entry.path().extension() == ".sst" || entry.path().extension() == ".log";
    if (theirs && ::access(entry.path().c_str(), R_OK) != 0) return unreadable(entry.path(), errno);
  }
  if (error) return unreadable(database, error.value());
  if (const auto writer = writer_of(from))
    return failed(
        Errc::store_locked,
        "The log in " + from.string() + " is in use" +
            (*writer > 0 ? " by process " + std::to_string(*writer) : std::string()) +
            ". Stop its broker first: what it writes meanwhile would not be taken along.");
  return std::nullopt;
}

bool within(const fs::path& path, const fs::path& directory) {
  const auto [end, rest] =
      std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return end == directory.end();
}

Stop check_to(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (fs::exists(to, error) && !(fs::is_directory(to, error) && fs::is_empty(to, error)))
    return failed(Errc::store_not_writable, to.string() +
                                                " is there already, and is not empty. A "
                                                "repair never writes over anything.");
  const auto parent = fs::absolute(to, error).parent_path();
  if (!fs::is_directory(parent, error))
    return failed(Errc::store_not_writable,
                  "There is no directory " + parent.string() + " for the new one to be made in.");
  if (::access(parent.c_str(), W_OK | X_OK) != 0)
    return failed(Errc::store_not_writable, "The directory " + parent.string() +
                                                " can't be written: " + std::strerror(errno) + ".");
  if (within(fs::weakly_canonical(fs::absolute(to, error), error),
             fs::weakly_canonical(fs::absolute(from, error), error)))
    return failed(Errc::store_not_writable,
                  to.string() + " is within the damaged directory, which is not to be written.");
  for (const auto* suffix : {".partial", ".scratch"}) {
    const auto left = with_suffix(to, suffix);
    if (fs::exists(left, error))
      return failed(Errc::store_not_writable, left.string() +
                                                  " is left of a repair that was cut off. Remove "
                                                  "it, and repair again.");
  }
  return std::nullopt;
}

// ---- a way to read it ----

struct Way {
  std::unique_ptr<StoreScan> scan;
  std::string how;
  std::string lossy;  ///< why more may be missing than damage tells; or empty
};

class WayFinder {
 public:
  WayFinder(const fs::path& from, const fs::path& scratch, const RepairOptions& options)
      : from_(from), scratch_(scratch), options_(options) {}

  boost::system::result<Way, OpenError> find() {
    const auto head = HeadMarker::peek(from_ / "HEAD");
    if (head) head_ = *head;
    if (!head)
      lose("the file HEAD is missing or damaged, so whether its end is lost can't be told");
    auto strict = StoreScan::open(from_, StoreScan::Wal::strict);
    if (strict && reaches_head((*strict)->sequence()))
      return Way{.scan = std::move(*strict), .how = "the database opens as it is", .lossy = {}};
    if (!strict && !may_be_damage(strict.error().code)) return strict.error();
    Way best;
    if (strict) {
      best.scan = std::move(*strict);
      best.how = "the database opens, but ends before what was on disk";
    } else if (auto most = StoreScan::open(from_, StoreScan::Wal::most)) {
      best.scan = std::move(*most);
      best.how = "the database opens without the damaged part of its write-ahead log";
    }
    if (best.scan && !strict && reaches_head(best.scan->sequence()))
      return settled(std::move(best), kLogDamaged);
    return rebuilt(std::move(best), strict);
  }

 private:
  static constexpr const char* kLogDamaged = "they were in a damaged part of the write-ahead log";
  static constexpr const char* kLost = "they were in files that are missing or can't be read";

  static bool may_be_damage(Errc code) {
    return code == Errc::corrupt_record || code == Errc::store_lost_data ||
           code == Errc::storage_failed || code == Errc::not_found || code == Errc::store_not_ours;
  }
  [[nodiscard]] bool reaches_head(std::uint64_t sequence) const {
    return !head_ || sequence >= *head_;
  }
  void lose(std::string what) const {
    options_.loss({.topic = {}, .offsets = {}, .what = std::move(what)});
  }
  [[nodiscard]] Way settled(Way way, const char* lossy) const {
    way.lossy = lossy;
    lose(std::string("changes are lost: ") + lossy);
    return way;
  }
  void lose_end(std::uint64_t sequence) const {
    if (!reaches_head(sequence))
      lose("the newest changes are lost: it ends at change " + std::to_string(sequence) +
           ", but was on disk up to change " + std::to_string(*head_));
  }

  boost::system::result<Way, OpenError> rebuilt(
      Way best, const boost::system::result<std::unique_ptr<StoreScan>, OpenError>& strict) {
    auto rebuilt = rebuild_database(from_, scratch_, [this](auto bytes, auto total) {
      return !options_.progress ||
             options_.progress({.bytes = bytes, .total = total, .step = "copying"});
    });
    if (!rebuilt && rebuilt.error().code != Errc::corrupt_record) return rebuilt.error();
    const bool better = rebuilt && (!best.scan || rebuilt->sequence > best.scan->sequence());
    if (!better) {
      if (!best.scan) return strict ? rebuilt.error() : damaged(strict.error());
      lose_end(best.scan->sequence());
      return settled(std::move(best), kLost);
    }
    auto scan = StoreScan::open(rebuilt->directory, StoreScan::Wal::strict);
    if (!scan) return scan.error();
    for (const auto& file : rebuilt->left_out) lose("of the file " + file);
    lose_end(rebuilt->sequence);
    return settled({.scan = std::move(*scan),
                    .how = "the database does not open; it was put together anew from its files",
                    .lossy = {}},
                   kLost);
  }

  [[nodiscard]] OpenError damaged(const OpenError& error) const {
    return failed(Errc::corrupt_record,
                  "Nothing of the log in " + from_.string() + " can be salvaged. " + error.text);
  }

  const fs::path& from_;
  const fs::path& scratch_;
  const RepairOptions& options_;
  std::optional<std::uint64_t> head_;
};

// ---- the new one ----

Stop failure_of_writing(const fs::path& to, const Result<void>& status) {
  if (status) return std::nullopt;
  if (status.errc() == Errc::disk_full)
    return failed(Errc::disk_full,
                  "The disk of " + to.string() + " is full; nothing was made of it.");
  return failed(status.errc(), "The new directory " + to.string() + " can't be written: " +
                                   std::string(info(status.errc()).text) + ".");
}

OpenError stopped() {
  return failed(Errc::cancelled, "The repair was stopped; nothing is left of it.");
}

Stop copy_topics(Way& way, Log& log, const fs::path& to, const RepairOptions& options,
                 RepairReport& report) {
  Survey survey = survey_store(*way.scan, way.lossy, options.loss);
  RepairTarget target(log, survey.last_epoch, [] { return std::uint64_t{std::random_device{}()}; });
  RepairProgress progress{.bytes = 0, .total = 0, .step = "reading"};
  for (const auto family :
       {Family::events, Family::producers, Family::keys, Family::states, Family::cursors})
    progress.total += way.scan->bytes(family);
  bool cancelled = false;
  const std::function<bool(std::uint64_t)> read = [&](std::uint64_t bytes) {
    progress.bytes += bytes;
    cancelled = cancelled || (options.progress && !options.progress(progress));
    return !cancelled;
  };
  RepairWork work{.scan = *way.scan,
                  .target = target,
                  .topics = survey.topics,
                  .report = report,
                  .loss = options.loss,
                  .read = read,
                  .lossy = way.lossy};
  for (std::size_t i = 0; i < survey.topics.size(); ++i)
    if (!salvage_topic(work, i)) break;
  if (cancelled) return stopped();
  target.flush();
  if (auto stop = failure_of_writing(to, target.status())) return stop;
  progress.step = "writing";
  if (!read(0)) return stopped();
  return failure_of_writing(to, log.sync());
}

/// The entry of a directory is on disk once its parent is synced.
bool sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  return synced;
}

Stop put_in_place(Draft& draft, const fs::path& to) {
  std::error_code error;
  fs::rename(draft.path(), to, error);  // over an empty directory it goes, over no other
  if (error)
    return failed(errc_of_errno(error.value()), draft.path().string() + " can't be renamed to " +
                                                    to.string() + ": " + error.message() + ".");
  draft.keep();
  if (!sync_directory(fs::absolute(to).parent_path()))
    return failed(Errc::storage_failed, to.string() +
                                            " is whole, but whether it is on disk can't "
                                            "be told: " +
                                            std::strerror(errno) + ".");
  return std::nullopt;
}

}  // namespace

boost::system::result<RepairReport, OpenError> repair_store(const fs::path& from,
                                                            const fs::path& to,
                                                            const RepairOptions& given) {
  const auto place = without_slash(to);
  if (auto stop = check_from(from)) return std::move(*stop);
  if (auto stop = check_to(from, place)) return std::move(*stop);
  RepairOptions options = given;
  if (!options.loss) options.loss = [](const Loss&) {};

  RepairReport report;
  Draft scratch(with_suffix(place, ".scratch"));
  auto way = WayFinder(from, scratch.path(), options).find();
  if (!way) return way.error();
  report.way = way->how;
  Draft draft(with_suffix(place, ".partial"));
  {
    auto log = open_rocks_log(draft.path(), {});
    if (!log) return log.error();
    if (auto stop = copy_topics(*way, **log, place, options, report)) return std::move(*stop);
  }
  way->scan.reset();  // it may be of the scratch copy, which goes
  if (auto stop = put_in_place(draft, place)) return std::move(*stop);
  return report;
}

}  // namespace tidemark::storage

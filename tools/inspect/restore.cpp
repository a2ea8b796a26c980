// A backup becomes a data directory: checked, copied beside its place, tried, then renamed.
// tools/inspect/: see backup.hpp.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

#include "broker/shapes/rfc3339.hpp"
#include "storage/backup.hpp"
#include "storage/directory_copy.hpp"
#include "storage/head_marker.hpp"
#include "storage/rocks_store.hpp"
#include "tools/cursors.hpp"
#include "tools/exit_code.hpp"
#include "tools/inspect/backup.hpp"
#include "tools/inspect/progress_bar.hpp"
#include "tools/inspect/store_failure.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/interrupt.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace fs = std::filesystem;
namespace json = boost::json;
using storage::BackupNote;
namespace {

constexpr const char* kFooter = R"(
DIR appears when everything is in it and it could be read; until then it is called DIR.partial. The
backup stays as it is. A broker that is started on the restored directory opens a new epoch in every
topic, since clients may have seen more than the backup holds: they are told, and can take a state
or go on from what there is.

--plain-copy is for a copy of a data directory that was made by other means while no broker ran on
it, such as a snapshot of the file system.

Examples:
  tidemark restore /var/lib/tidemark/backups/20261129T143000Z /var/lib/tidemark-restored
  tidemark restore --plain-copy /mnt/snapshot/tidemark /var/lib/tidemark-restored
  tidemarkd --data /var/lib/tidemark-restored)";

struct RestoreOptions {
  std::string from;
  std::string to;
  bool plain_copy = false;
  bool quiet = false;
  bool json = false;
};

/// Files are not asked whether a broker runs.
int fail(const HttpFailure& failure) {
  complain(failure.text);
  return failure.exit;
}
int fail(ExitCode exit, const std::string& text) { return fail(HttpFailure{exit, text, {}}); }

std::string shown(const fs::path& path) { return printable(path.string()); }

std::string reason(int error) { return std::system_category().message(error); }

// ---- what is to be restored ----

struct Restoring {
  fs::path from;
  fs::path to;
  fs::path partial;
  BackupNote note;
};

HttpFailure no_backup(const fs::path& from, bool is_ours) {
  if (!is_ours) {
    return {
        kUnreachable, shown(from) + " is no backup: it has no file BACKUP, and no HEAD either", {}};
  }
  return {
      kUsage,
      shown(from) +
          " is a data directory, no backup: it has no file BACKUP. tidemark backup create makes "
          "a backup of a running broker; of a copy that was made while no broker ran, say "
          "--plain-copy",
      {}};
}

/// A note for what has none. Whoever writes to it meanwhile would make it a copy of no moment.
std::optional<HttpFailure> note_plain_copy(const fs::path& from, BackupNote& note) {
  if (const auto writer = storage::writer_of(from)) {
    const auto who = *writer > 0 ? "process " + std::to_string(*writer) : "another process";
    return HttpFailure{kRefused,
                       "a broker (" + who + ") runs on " + shown(from) +
                           "; tidemark backup create copies a running broker's log",
                       {}};
  }
  const auto head = storage::HeadMarker::peek(from / "HEAD");
  if (!head) return failure_of(head.errc(), "reading HEAD of " + shown(from));
  auto files = storage::files_of(from);
  if (!files) return failure_of(files.errc(), "listing the files of " + shown(from));
  using std::chrono::system_clock;
  const auto since = system_clock::now().time_since_epoch();
  note.time = {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
  note.sequence = *head;
  note.files = std::move(*files);
  return std::nullopt;
}

std::optional<HttpFailure> find_note(const RestoreOptions& options, Restoring& out) {
  std::error_code error;
  if (!fs::is_directory(out.from, error)) {
    return HttpFailure{kUnreachable, "there is no directory " + shown(out.from), {}};
  }
  auto note = storage::read_backup_note(out.from);
  if (note) {
    out.note = std::move(*note);
    return std::nullopt;
  }
  if (note.errc() != Errc::not_found) {
    return failure_of(note.errc(), "reading " + shown(out.from / storage::kBackupFile));
  }
  const bool is_ours = fs::exists(out.from / "HEAD", error) && fs::exists(out.from / "db", error);
  if (!options.plain_copy || !is_ours) return no_backup(out.from, is_ours);
  return note_plain_copy(out.from, out.note);
}

/// Says what is missing of it.
bool is_whole(const Restoring& what) {
  const auto missing = storage::missing_files(what.from, what.note);
  constexpr std::size_t kMostTold = 20;
  for (std::size_t i = 0; i < std::min(missing.size(), kMostTold); ++i) {
    complain(printable(missing[i]));
  }
  if (missing.size() > kMostTold) {
    complain("… and " + grouped(missing.size() - kMostTold) + " more");
  }
  return missing.empty();
}

// ---- where it goes ----

/// Without a slash at its end, which would make it a name within itself.
fs::path directory_named(const std::string& text) {
  auto path = fs::absolute(fs::path(text)).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

bool is_within(const fs::path& path, const fs::path& directory) {
  std::error_code error;
  const auto outer = fs::weakly_canonical(directory, error);
  const auto inner = fs::weakly_canonical(path, error);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

std::optional<HttpFailure> check_place(const Restoring& what) {
  std::error_code error;
  const auto parent = what.to.parent_path();
  if (!fs::is_directory(parent, error)) {
    return HttpFailure{kUnreachable, "there is no directory " + shown(parent), {}};
  }
  if (is_within(what.to, what.from)) {
    return HttpFailure{kRefused, shown(what.to) + " is within what is to be restored", {}};
  }
  const auto there = fs::symlink_status(what.to, error);
  const bool empty_directory = fs::is_directory(there) && fs::is_empty(what.to, error) && !error;
  if (fs::exists(there) && !empty_directory) {
    return HttpFailure{
        kRefused,
        shown(what.to) + " is there and is not empty; a restore never writes over anything",
        {}};
  }
  const auto space = fs::space(parent, error);
  if (!error && space.available < what.note.bytes()) {
    return HttpFailure{kFailed,
                       "there is no room in " + shown(parent) + ": it takes " +
                           size_behind(what.note.bytes()) + ", and " +
                           size_behind(space.available) + " are free",
                       {}};
  }
  return std::nullopt;
}

/// Only where there is none, so that two restores do not mix, and nothing is removed that this one
/// has not made.
std::optional<HttpFailure> make_partial(const Restoring& what) {
  if (::mkdir(what.partial.c_str(), S_IRWXU) == 0) return std::nullopt;
  const int error = errno;
  if (error != EEXIST) {
    return HttpFailure{kFailed, "cannot make " + shown(what.partial) + ": " + reason(error), {}};
  }
  return HttpFailure{
      kRefused,
      shown(what.partial) +
          " is there: a restore is at work on it, or was cut off; if none is, remove "
          "it and try again",
      {}};
}

// ---- copying ----

std::optional<HttpFailure> copy(const Restoring& what, ProgressBar* bar) {
  const auto copied =
      storage::copy_files(what.from, what.partial, what.note.files, [bar](std::uint64_t bytes) {
        if (bar != nullptr) bar->at(bytes);
        return !interrupted();
      });
  if (copied) return std::nullopt;
  const auto& error = copied.error();
  if (error.code == Errc::cancelled) {
    return HttpFailure{kIncomplete, "interrupted; nothing has been restored", {}};
  }
  return failure_of(storage::OpenError{error.code, error.text});
}

/// What is copied is looked at as a broker would, so that a backup that is damaged is not found out
/// when it is needed.
std::optional<HttpFailure> try_out(Restoring& what, bool count_topics) {
  const auto log = storage::open_rocks_log_to_read(what.partial);
  if (!log) return failure_of(log.error());
  if (count_topics) what.note.topics = (*log)->topic_count();
  return std::nullopt;
}

std::optional<HttpFailure> write_note(Restoring& what) {
  const auto written = storage::write_backup_note(what.partial, what.note);
  if (written) return std::nullopt;
  return failure_of(written.errc(), "writing " + shown(what.partial / storage::kBackupFile));
}

bool sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  return synced;
}

/// An empty directory in its place is replaced; anything else there is not.
std::optional<HttpFailure> give_name(const Restoring& what) {
  if (::rename(what.partial.c_str(), what.to.c_str()) != 0) {
    const int error = errno;
    return HttpFailure{
        kFailed,
        "cannot rename " + shown(what.partial) + " to " + shown(what.to) + ": " + reason(error),
        {}};
  }
  if (!sync_directory(what.to.parent_path())) {
    warn("the name of " + shown(what.to) + " may not be on the disk yet");
  }
  return std::nullopt;
}

std::optional<HttpFailure> fill(Restoring& what, const RestoreOptions& options) {
  {
    std::unique_ptr<ProgressBar> bar;
    if (!options.quiet) bar = std::make_unique<ProgressBar>("restoring", what.note.bytes());
    if (auto failure = copy(what, bar.get())) return failure;
  }
  if (auto failure = try_out(what, options.plain_copy && what.note.topics == 0)) return failure;
  if (auto failure = write_note(what)) return failure;
  return give_name(what);
}

// ---- the whole ----

int say_restored(const Restoring& what, const RestoreOptions& options) {
  const auto& note_of = what.note;
  std::string text;
  if (options.json) {
    text = json::serialize(json::object{{"directory", what.to.string()},
                                        {"from", what.from.string()},
                                        {"time", broker::to_rfc3339(note_of.time)},
                                        {"topics", note_of.topics},
                                        {"bytes", note_of.bytes()}}) +
           "\n";
  } else {
    text = shown(what.to) + ": " + size_behind(note_of.bytes()) + " of " +
           counted(note_of.topics, "topic") + ", as of " + local_time(note_of.time) + "\n";
  }
  const bool written = write_all(STDOUT_FILENO, text);
  if (!options.quiet && !options.json) {
    note("tidemarkd --data " + shown(what.to) +
         " serves it; every topic then opens a new epoch, of which clients are told");
  }
  return written ? kOk : kFailed;
}

int restore(const RestoreOptions& options) {
  catch_interrupts();
  Restoring what;
  what.from = directory_named(options.from);
  what.to = directory_named(options.to);
  what.partial = what.to;
  what.partial += ".partial";
  if (const auto failure = find_note(options, what)) return fail(*failure);
  if (!is_whole(what)) {
    return fail(kDamaged, "the backup is not whole; nothing has been restored");
  }
  if (const auto failure = check_place(what)) return fail(*failure);
  if (const auto failure = make_partial(what)) return fail(*failure);
  if (const auto failure = fill(what, options)) {
    std::error_code ignored;
    fs::remove_all(what.partial, ignored);
    return fail(*failure);
  }
  return say_restored(what, options);
}

}  // namespace

void add_restore(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("restore", "Make a data directory of a backup");
  const auto options = std::make_shared<RestoreOptions>();
  command->add_option("BACKUP", options->from, "The backup's directory")
      ->type_name("DIR")
      ->required();
  command->add_option("DIR", options->to, "The new data directory; not there yet, or empty")
      ->type_name("DIR")
      ->required();
  command->add_flag("--plain-copy", options->plain_copy,
                    "BACKUP is a copy of a data directory, made while no broker ran on it");
  command->add_flag("-q,--quiet", options->quiet, "No progress, and no hint at the end");
  command->add_flag("--json", options->json, "Print what has been restored as JSON");
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] { run = [options] { return restore(*options); }; });
}

}  // namespace tidemark::tools

// An open log, with the incident that what is imported has to answer.
// tools/transfer/: see import_target.hpp.
#include "tools/transfer/import_target.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

#include "storage/backup.hpp"
#include "storage/rocks_store.hpp"
#include "tools/inspect/store_failure.hpp"

namespace tidemark::tools {
namespace {

namespace fs = std::filesystem;
using storage::Durability;
using storage::TopicMeta;
using Incident = storage::Log::Incident;
using Opened = boost::system::result<std::unique_ptr<storage::Log>, HttpFailure>;

// Metadata written in one group.
constexpr std::size_t kPage = 1024;

Timestamp now() {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

HttpFailure cannot_write(const fs::path& directory, Errc code) {
  return failure_of(code, "writing " + directory.string());
}

Opened open(const fs::path& directory) {
  auto log = storage::open_rocks_log(directory, {});
  if (!log) return failure_of(log.error());
  return std::move(*log);
}

/// What concerned a topic before the incident still does; of the others it has been answered.
bool concerned(const TopicMeta& meta, const Incident& before) {
  return meta.incident < before.number &&
         (!before.buffered_only || meta.settings.durability == Durability::buffered);
}

Result<void> answer_for_others(storage::Log& log, const Incident& before) {
  const std::uint64_t number = log.incidents_after(0).number;
  std::string last;
  for (;;) {
    // Listed first, written then: a visitor must not write.
    storage::CommitGroup group;
    std::size_t seen = 0;
    const auto listed = log.list(last, [&](const TopicMeta& meta) {
      last = meta.name;
      if (!concerned(meta, before)) {
        group.topics.push_back(meta);
        group.topics.back().incident = number;
      }
      return ++seen < kPage;
    });
    if (!listed) return listed;
    if (auto written = log.commit(group, Durability::buffered); !written) return written;
    if (seen < kPage) return log.sync();
  }
}

}  // namespace

Opened open_to_import(const fs::path& directory) {
  auto log = open(directory);
  if (!log) return log;
  const Incident before = (*log)->incidents_after(0);
  if (before.number > 0 && !before.buffered_only) return log;
  // Only opening a directory of the past adds one, and that takes the note away again.
  const storage::BackupNote note{
      .time = now(), .sequence = 0, .topics = (*log)->topic_count(), .files = {}};
  if (const auto noted = storage::write_backup_note(directory, note); !noted)
    return cannot_write(directory, noted.errc());
  log->reset();
  log = open(directory);
  if (!log) return log;
  if (const auto answered = answer_for_others(**log, before); !answered)
    return cannot_write(directory, answered.errc());
  return log;
}

Opened open_to_try(const fs::path& directory) {
  std::error_code error;
  const auto status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found) return std::unique_ptr<storage::Log>();
  if (fs::is_directory(status) && fs::is_empty(directory, error) && !error)
    return std::unique_ptr<storage::Log>();
  auto log = storage::open_rocks_log_to_read(directory);
  if (!log) return failure_of(log.error());
  return std::move(*log);
}

}  // namespace tidemark::tools

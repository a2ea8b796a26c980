// Verifying a data directory: what can be opened of it, then one step after another.
// storage/: see verify.hpp; the steps are in the units verify_*.
#include "storage/verify.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/suggestion.hpp"
#include "storage/backup.hpp"
#include "storage/head_marker.hpp"
#include "storage/key_codec.hpp"
#include "storage/verify_steps.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSuggested = 4096;

Finding damage_of(std::string what, std::string where = {}, std::string around = {}) {
  return {.weight = Finding::Weight::damage,
          .topic = {},
          .offsets = {},
          .what = std::move(what),
          .where = std::move(where),
          .around = std::move(around)};
}

/// Also if it can't be looked at: then opening says why.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::status(path, ignored).type() != fs::file_type::not_found;
}

/// Whether there are files of a database without the one that says which of them count.
bool beheaded(const fs::path& database) {
  std::error_code error;
  for (fs::directory_iterator it(database, error), end; !error && it != end; it.increment(error)) {
    const auto name = it->path().filename().string();
    if (name.ends_with(".sst") || name.starts_with("MANIFEST-")) return true;
  }
  return false;
}

/// What RocksDB has said, without the sentence it was put into.
std::string_view rocksdb_words(std::string_view text) {
  constexpr std::string_view kBefore = " is damaged: ";
  constexpr std::string_view kBehind = ". \"tidemark verify\"";
  if (const auto at = text.find(kBefore); at != std::string_view::npos)
    text.remove_prefix(at + kBefore.size());
  return text.substr(0, text.find(kBehind));
}

/// There is something to be found in the directory, but not by opening it.
bool nothing_to_read(Errc code) {
  return code == Errc::not_found || code == Errc::store_not_ours ||
         code == Errc::store_not_writable || code == Errc::store_newer_format;
}

OpenError marker_error(const fs::path& directory, Errc code) {
  return {.code = code,
          .text = code == Errc::store_newer_format
                      ? "The log in " + directory.string() +
                            " was written by a later version of Tidemark, which this one can't "
                            "read."
                      : "The data directory " + directory.string() +
                            " can't be read: its file HEAD refuses it. Run this as the user the "
                            "broker runs as."};
}

/// A directory being opened: what is wrong with it as a whole comes out here.
class Opening {
 public:
  Opening(const fs::path& directory, Findings& findings)
      : directory_(directory), findings_(findings), head_(HeadMarker::peek(directory / "HEAD")) {}

  /// Null: nothing can be read, and the findings say why, or there is nothing yet.
  boost::system::result<std::unique_ptr<StoreScan>, OpenError> open();

 private:
  using Scan = boost::system::result<std::unique_ptr<StoreScan>, OpenError>;

  Scan open_partly(const OpenError& why);
  void judge_head(const StoreScan& scan);
  void judge_missing_head();
  void judge_backup();

  const fs::path& directory_;
  Findings& findings_;
  /// Looked at before the database, which a broker writes first: it must have come as far.
  const Result<std::uint64_t> head_;
};

Opening::Scan Opening::open() {
  std::error_code ignored;
  if (!fs::is_directory(directory_, ignored))
    return StoreScan::open(directory_, StoreScan::Wal::strict);
  if (!head_ &&
      (head_.errc() == Errc::store_newer_format || head_.errc() == Errc::store_not_writable))
    return marker_error(directory_, head_.errc());
  const fs::path database = directory_ / "db";
  const bool marked = head_ || head_.errc() != Errc::not_found;
  if (!is_there(database / "CURRENT") && (marked || beheaded(database))) {
    judge_missing_head();
    judge_backup();
    // The marker is made before the database; a broker killed in between has lost nothing.
    if (!head_ || *head_ > 0 || beheaded(database))
      findings_.add(damage_of("the database is missing, or the file CURRENT of it", "db/CURRENT",
                              "tidemark repair salvages what is in the files that are left"));
    return std::unique_ptr<StoreScan>();
  }
  auto scan = StoreScan::open(directory_, StoreScan::Wal::strict);
  if (!scan && nothing_to_read(scan.error().code)) return scan;
  judge_missing_head();
  judge_backup();
  if (!scan) return open_partly(scan.error());
  judge_head(**scan);
  return scan;
}

Opening::Scan Opening::open_partly(const OpenError& why) {
  auto words = words_of(rocksdb_words(why.text));
  auto scan = StoreScan::open(directory_, StoreScan::Wal::prefix);
  findings_.add(damage_of(std::move(words.what), std::move(words.where),
                          scan ? "what lies before the damage in the write-ahead log can be read, "
                                 "and all that is in table files"
                               : "tidemark repair salvages what is in the files that are left"));
  return scan ? std::move(*scan) : std::unique_ptr<StoreScan>();
}

void Opening::judge_head(const StoreScan& scan) {
  if (!head_ || *head_ <= scan.sequence()) return;
  findings_.add(damage_of("the database ends at change " + std::to_string(scan.sequence()) +
                              ", but was on disk up to change " + std::to_string(*head_) +
                              ": what was written last is lost",
                          "db"));
}

void Opening::judge_missing_head() {
  if (head_) return;
  findings_.add(damage_of(head_.errc() == Errc::not_found
                              ? "the file HEAD, which says how far the log went, is missing"
                          : head_.errc() == Errc::corrupt_record
                              ? "the file HEAD, which says how far the log went, is damaged"
                              : "the file HEAD, which says how far the log went, can't be read",
                          "HEAD"));
}

void Opening::judge_backup() {
  const auto note = read_backup_note(directory_);
  if (!note && note.errc() == Errc::not_found) return;
  if (!note) {
    findings_.add(damage_of("the note of the backup " + undecodable(note.errc()), kBackupFile));
    return;
  }
  // A broker that has been started on a backup changes its files before it removes the note.
  if (writer_of(directory_)) return;
  for (auto& sentence : missing_files(directory_, *note)) {
    if (sentence.ends_with('.')) sentence.pop_back();
    findings_.add(damage_of("the backup is not whole: " + sentence));
  }
}

/// What is there for all topics, or for one.
KeysOf keys_of(const KnownTopic& topic) {
  return {.begin = topic_key(topic.id), .end = topic_key({topic.id.value + 1})};
}

constexpr std::array kByTopic{Family::events, Family::producers, Family::keys, Family::states,
                              Family::cursors};

void check_beside(VerifyRun& run, const KeysOf& keys) {
  check_producers(run, keys);
  check_latest(run, keys);
  check_states(run, keys);
  check_cursors(run, keys);
}

void verify_all(VerifyRun& run) {
  const KeysOf keys{.begin = first_topic_key(), .end = end_of_topic_keys()};
  run.expect(Family::store, {}, {});
  run.expect(Family::topics, {}, {});
  for (const Family family : kByTopic) run.expect(family, keys.begin, keys.end);
  read_store(run);
  read_topics(run);
  if (run.report.stopped) return;
  judge_topics(run);
  check_events(run);
  if (run.report.stopped) return;
  check_inherited(run);
  check_beside(run, keys);
}

std::vector<std::string> some_names(VerifyRun& run) {
  std::vector<std::string> names;
  run.scan.each(
      Family::topics, {}, {},
      [&](std::string_view key, std::string_view) {
        names.emplace_back(key);
        return names.size() < kSuggested;
      },
      [](const ScanDamage&) {});
  return names;
}

void verify_one(VerifyRun& run, const std::string& name) {
  const auto& all = run.topics.all();
  const auto place = std::ranges::find(all, name, &KnownTopic::name);
  if (place == all.end()) return;  // its metadata is damaged, which has been told
  KnownTopic& topic = *run.topics.find(place->id);
  const auto keys = keys_of(topic);
  for (const Family family : kByTopic) run.expect(family, keys.begin, keys.end);
  std::vector<OriginPart> parts;
  if (const auto found = run.store.origins.find(topic.id); found != run.store.origins.end())
    parts = found->second;
  for (const auto& part : parts)
    run.expect(Family::events, topic_key(part.topic), event_key(part.topic, part.last.next()));
  for (const auto& part : parts) {
    KnownTopic* const source = run.topics.find(part.topic);
    if (source != nullptr && source != &topic) check_events(run, *source, part.last);
  }
  check_events(run, topic, {kMaxInteger});
  check_beside(run, keys);
}

}  // namespace

boost::system::result<VerifyReport, OpenError> verify_store(const fs::path& directory,
                                                            const VerifyOptions& options) {
  VerifyReport report;
  Findings findings(report, options);
  auto scan = Opening(directory, findings).open();
  if (!scan) return scan.error();
  if (*scan) {
    VerifyRun run(**scan, options, report, findings);
    if (options.topic.empty()) {
      verify_all(run);
    } else {
      read_store(run);
      if (!read_topic(run, options.topic) && !report.stopped)
        return OpenError{.code = Errc::unknown_topic,
                         .text = "There is no topic " + options.topic + " in " +
                                 directory.string() + did_you_mean(options.topic, some_names(run)) +
                                 "."};
      verify_one(run, options.topic);
    }
  }
  findings.flush();
  return report;
}

}  // namespace tidemark::storage

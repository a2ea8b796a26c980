// The start of a store: reads and writes what it remembers of itself, in the default column family.
// storage/: what was found before is rocks_store's to say.
#include "storage/rocks_start.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <rocksdb/write_batch.h>

namespace tidemark::storage {
namespace {

Timestamp now(const StoreOptions& options) {
  if (options.clock) return options.clock();
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

Result<std::uint64_t> count_topics(RocksDatabase& database) {
  std::uint64_t count = 0;
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator(rocksdb::ReadOptions(), database.topics()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
  if (!it->status().ok()) return errc_of(it->status());
  return count;
}

// What the store remembers, brought up to date with what this start found; written synced.
class Start {
 public:
  Start(RocksDatabase& database, const StoreOptions& options)
      : database_(database), options_(options) {}

  Result<StoreState> run(const StartFindings& findings) {
    auto format = database_.integer(store_keys::format);
    if (!format) return format.errc();
    if (*format > kFormatVersion) return Errc::store_newer_format;
    auto state = StoreState::read(database_);
    if (!state) return state.errc();
    put(store_keys::format, kFormatVersion);
    auto last = last_run();
    if (!last) return last.errc();
    const auto copied = is_copy(findings.place);
    if (!copied) return copied.errc();
    // Another boot, and the log had not been closed: what had not been synced may be gone.
    const bool stopped = !last->clean && last->boot_id != findings.boot_id;
    if (findings.lost) {
      const auto count = count_topics(database_);
      if (!count) return count.errc();
      state->topic_count = *count;
      put(store_keys::topic_count, *count);
      state->start = StartKind::accepted_loss;
      add_incident(*state, false, "a loss of data was accepted");
    } else if (findings.backup) {
      // Clients may have been told of events that came after it.
      state->start = StartKind::backup;
      add_incident(*state, false, "a backup was restored");
    } else if (*copied) {
      // Of when, nobody can know. If nothing is missing, the new epoch costs clients nothing.
      add_incident(*state, false, "the log is a copy of a data directory");
    } else if (stopped) {
      state->start = StartKind::unclean;
      add_incident(*state, true, "the machine stopped without closing the log");
    }
    batch_.Put(slice(store_keys::place), encode_value(findings.place.place));
    batch_.Put(slice(store_keys::run),
               encode_value(RunRecord{.boot_id = findings.boot_id, .clean = false}));
    rocksdb::WriteOptions synced;
    synced.sync = true;
    const auto status = database_.db().Write(synced, &batch_);
    if (!status.ok()) return errc_of(status);
    return state;
  }

 private:
  void put(std::string_view key, std::uint64_t value) {
    std::string bytes;
    append_be64(bytes, value);
    batch_.Put(slice(key), bytes);
  }

  Result<RunRecord> last_run() {
    std::string bytes;
    const auto status = database_.db().Get({}, slice(store_keys::run), &bytes);
    if (status.IsNotFound()) return RunRecord{.boot_id = {}, .clean = true};
    if (!status.ok()) return errc_of(status);
    return decode_value<RunRecord>(bytes);
  }

  // Whether the directory is another than the one that was written to. Where the file system does
  // not say when a file was born, only its number is compared.
  Result<bool> is_copy(const PlaceFound& found) {
    std::string bytes;
    const auto status = database_.db().Get({}, slice(store_keys::place), &bytes);
    if (status.IsNotFound()) return false;  // new, or of a version that did not look
    if (!status.ok()) return errc_of(status);
    const auto last = decode_value<StorePlace>(bytes);
    if (!last) return last.errc();
    if (last->inode == 0 || found.place.inode == 0) return false;
    const bool births = last->born_ns != 0 && found.place.born_ns != 0;
    return found.touched || last->inode != found.place.inode ||
           (births && last->born_ns != found.place.born_ns);
  }

  void add_incident(StoreState& state, bool buffered_only, std::string text) {
    const std::uint64_t number = state.incidents.empty() ? 1 : state.incidents.back().number + 1;
    IncidentRecord incident{.number = number,
                            .time = now(options_),
                            .buffered_only = buffered_only,
                            .text = std::move(text)};
    std::string key(store_keys::incident_prefix);
    append_be64(key, number);
    batch_.Put(key, encode_value(incident));
    state.incidents.push_back(std::move(incident));
  }

  RocksDatabase& database_;
  const StoreOptions& options_;
  rocksdb::WriteBatch batch_;
};

}  // namespace

Result<StoreState> start_store(RocksDatabase& database, const StoreOptions& options,
                               const StartFindings& findings) {
  return Start(database, options).run(findings);
}

Result<StoreState> StoreState::read(RocksDatabase& database) {
  const auto next = database.integer(store_keys::next_topic_id);
  const auto epoch = database.integer(store_keys::last_epoch);
  const auto count = database.integer(store_keys::topic_count);
  for (const auto* value : {&next, &epoch, &count})
    if (!*value) return value->errc();
  StoreState state{.next_topic_id = std::max<std::uint64_t>(*next, 1),
                   .last_epoch = *epoch,
                   .topic_count = *count,
                   .incidents = {},
                   .start = StartKind::clean};
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator(rocksdb::ReadOptions(), database.store()));
  for (it->Seek(slice(store_keys::incident_prefix));
       it->Valid() && it->key().starts_with(slice(store_keys::incident_prefix)); it->Next()) {
    auto incident = decode_value<IncidentRecord>(view(it->value()));
    if (!incident) return incident.errc();
    state.incidents.push_back(std::move(*incident));
  }
  if (!it->status().ok()) return errc_of(it->status());
  return state;
}

}  // namespace tidemark::storage

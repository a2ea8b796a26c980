// Puts a database together anew from its files: see rocks_rebuild.hpp.
// storage/: one file at a time. RocksDB can rebuild its list of tables itself (RepairDB), but puts
// all of them on one level, where tables that compactions have written are refused, since their
// changes overlap. Of one file alone it never is, and the changes say themselves which is newer.
#include "storage/rocks_rebuild.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>
#include <rocksdb/utilities/debug.h>

#include "storage/head_marker.hpp"
#include "storage/record_batch.hpp"
#include "storage/rocks_database.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

// RocksDB's families in the order of their ids: see RocksDatabase::open.
constexpr std::array<std::string_view, 7> kNames{"default", "events", "topics", "producers",
                                                 "keys",    "states", "cursors"};
constexpr std::size_t kEvents = 1;
constexpr std::size_t kPageOfSmall = 1024;  // versions of keys in memory at a time
constexpr std::size_t kPageOfLarge = 16;    // of those that may take some MiB each
constexpr int kDeletion = 0;                // RocksDB's kTypeDeletion, kTypeValue
constexpr int kValue = 1;

std::optional<std::size_t> family_named(std::string_view name) {
  const auto* const at = std::ranges::find(kNames, name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<std::size_t>(at - kNames.begin());
}

OpenError failed(Errc code, const std::string& text) { return {.code = code, .text = text}; }

OpenError failed(const rocksdb::Status& status) {
  const Errc code = errc_of(status);
  if (code == Errc::disk_full)
    return failed(code, "The disk is full: the database can't be put together anew.");
  return failed(Errc::storage_failed,
                "The database can't be put together anew: " + status.ToString() + ".");
}

OpenError failed(const fs::path& file, const std::error_code& error) {
  return failed(errc_of_errno(error.value()),
                "The file " + file.string() + " can't be copied: " + error.message() + ".");
}

/// A database of one file of another, opened for reading. Threads: one.
class OneFile {
 public:
  ~OneFile() {
    for (auto* family : families_) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  }
  OneFile(const OneFile&) = delete;
  OneFile& operator=(const OneFile&) = delete;

  /// Of the files in `directory`, which RocksDB has made a database of.
  static rocksdb::Status open(const fs::path& directory, std::unique_ptr<OneFile>& out) {
    const rocksdb::DBOptions options;
    std::vector<std::string> names;
    auto status = rocksdb::DB::ListColumnFamilies(options, directory.string(), &names);
    if (!status.ok()) return status;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const auto& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::unique_ptr<OneFile> file(new OneFile);
    rocksdb::DB* db = nullptr;
    status =
        rocksdb::DB::OpenForReadOnly(options, directory.string(), families, &file->families_, &db);
    file->db_.reset(db);
    if (status.ok()) out = std::move(file);
    return status;
  }
  [[nodiscard]] rocksdb::DB& db() { return *db_; }
  [[nodiscard]] const std::vector<rocksdb::ColumnFamilyHandle*>& families() { return families_; }
  [[nodiscard]] bool empty() const {
    std::vector<rocksdb::LiveFileMetaData> files;
    db_->GetLiveFilesMetaData(&files);
    return files.empty();
  }

 private:
  OneFile() = default;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

class Rebuild {
 public:
  using Progress = std::function<bool(std::uint64_t bytes, std::uint64_t total)>;
  Rebuild(fs::path from, fs::path scratch, const Progress& progress)
      : from_(database_path(from)), scratch_(std::move(scratch)), progress_(progress) {}

  boost::system::result<RebuiltDatabase, OpenError> run();

 private:
  struct File {
    fs::path path;
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    bool table = false;
  };
  /// What stopped it; nothing: go on.
  using Stop = std::optional<OpenError>;

  void find_files();
  Stop prepare();
  Stop make_seeds();
  Stop take(const File& file);
  Stop repair_alone(const File& file, bool with_seeds, rocksdb::Status& repaired);
  Stop copy_in(const File& file, const fs::path& to) const;
  rocksdb::Status merge(OneFile& file);
  rocksdb::Status merge_events(rocksdb::Iterator& it, bool forward);
  rocksdb::Status merge_versions(OneFile& file, rocksdb::ColumnFamilyHandle* handle,
                                 std::size_t family);
  rocksdb::Status merge_version(std::size_t family, const rocksdb::KeyVersion& version);
  rocksdb::Status put_event(std::string_view key, std::string_view value);
  rocksdb::Status put(RocksDatabase& database, std::size_t family, std::string_view key,
                      std::string_view value);
  bool read_around(const File& file, rocksdb::Status& written);
  void leave_out(const File& file, const std::string& why) {
    out_.left_out.push_back(file.path.filename().string() + ": " + why);
  }
  [[nodiscard]] fs::path alone() const { return scratch_ / "file"; }

  const fs::path from_;
  const fs::path scratch_;
  const Progress& progress_;
  std::vector<File> files_;
  std::uint64_t total_ = 0;
  std::vector<fs::path> seeds_;
  std::unique_ptr<RocksDatabase> whole_;     ///< what it becomes
  std::unique_ptr<RocksDatabase> versions_;  ///< by the same keys: which change a value is of
  std::uint64_t taken_ = 0;                  ///< entries
  std::string last_;                         ///< the last batch's key that was read around damage
  RebuiltDatabase out_;
};

void Rebuild::find_files() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(from_, error)) {
    const auto extension = entry.path().extension();
    const std::string stem = entry.path().stem().string();
    const bool numbered = !stem.empty() && stem.size() < 19 &&
                          stem.find_first_not_of("0123456789") == std::string::npos;
    if (!numbered || (extension != ".sst" && extension != ".log")) continue;
    std::error_code ignored;
    const auto bytes = fs::file_size(entry.path(), ignored);
    files_.push_back({.path = entry.path(),
                      .number = std::stoull(stem),
                      .bytes = ignored ? 0 : bytes,
                      .table = extension == ".sst"});
    total_ += files_.back().bytes;
  }
  std::ranges::sort(files_, {}, &File::number);
}

Rebuild::Stop Rebuild::prepare() {
  std::error_code error;
  for (const auto* name : {"whole", "versions"}) {
    fs::create_directories(scratch_ / name, error);
    if (error) return failed(scratch_, error);
  }
  out_.directory = scratch_ / "whole";
  auto status = RocksDatabase::open(database_path(out_.directory), {},
                                    RocksDatabase::Recovery::strict, whole_);
  if (status.ok())
    status = RocksDatabase::open(database_path(scratch_ / "versions"), {},
                                 RocksDatabase::Recovery::strict, versions_);
  if (!status.ok()) return failed(status);
  return make_seeds();
}

// A log names families by their ids alone, and RocksDB knows those of the tables it finds. A store
// that was never full has none of some; these have one entry each, which removes nothing.
Rebuild::Stop Rebuild::make_seeds() {
  const auto directory = scratch_ / "seeds";
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return failed(directory, error);
  {
    std::unique_ptr<RocksDatabase> database;
    auto status = RocksDatabase::open(directory, {}, RocksDatabase::Recovery::strict, database);
    if (!status.ok()) return failed(status);
    for (auto* family : database->families()) {
      status = database->db().Delete({}, family, "\xFF\xFF");
      if (!status.ok()) return failed(status);
    }
    status = database->flush();
    if (!status.ok()) return failed(status);
  }
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (entry.path().extension() == ".sst") seeds_.push_back(entry.path());
  return error ? Stop(failed(directory, error)) : std::nullopt;
}

Rebuild::Stop Rebuild::copy_in(const File& file, const fs::path& to) const {
  std::error_code error;
  // RocksDB changes no table; a log it may.
  if (file.table) {
    fs::create_hard_link(file.path, to, error);
    if (!error) return std::nullopt;
  }
  fs::copy_file(file.path, to, error);
  if (!error) return std::nullopt;
  // What the disk can't give back is the file's damage, what it can't take is ours.
  if (error == std::errc::io_error) return std::nullopt;
  return failed(file.path, error);
}

Rebuild::Stop Rebuild::repair_alone(const File& file, bool with_seeds, rocksdb::Status& repaired) {
  std::error_code error;
  fs::remove_all(alone(), error);
  if (!error) fs::create_directories(alone(), error);
  if (error) return failed(alone(), error);
  if (auto stop = copy_in(file, alone() / file.path.filename())) return stop;
  if (with_seeds) {
    std::uint64_t number = file.number;
    for (const auto& seed : seeds_) {
      std::array<char, 32> name{};
      std::snprintf(name.data(), name.size(), "%06llu.sst",
                    static_cast<unsigned long long>(++number));
      fs::create_hard_link(seed, alone() / name.data(), error);
      if (error) fs::copy_file(seed, alone() / name.data(), error);
      if (error) return failed(seed, error);
    }
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto name : kNames)
    families.emplace_back(std::string(name), rocksdb::ColumnFamilyOptions());
  rocksdb::DBOptions options;
  options.info_log_level = rocksdb::InfoLogLevel::FATAL_LEVEL;
  repaired = rocksdb::RepairDB(alone().string(), options, families);
  if (errc_of(repaired) == Errc::disk_full && !repaired.ok()) return failed(repaired);
  return std::nullopt;
}

rocksdb::Status Rebuild::put(RocksDatabase& database, std::size_t family, std::string_view key,
                             std::string_view value) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;  // of a rebuild that is cut off nothing is kept
  return database.db().Put(options, database.families()[family], slice(key), slice(value));
}

// Batches never change. Two under one key are of two histories, of which the later is the log's.
rocksdb::Status Rebuild::put_event(std::string_view key, std::string_view value) {
  rocksdb::PinnableSlice old;
  const auto found = whole_->db().Get({}, whole_->families()[kEvents], slice(key), &old);
  if (!found.ok() && !found.IsNotFound()) return found;
  if (found.ok()) {
    const auto kept = peek_header(view(old));
    const auto next = peek_header(value);
    if (kept && (!next || next->epoch <= kept->epoch)) return rocksdb::Status::OK();
  }
  ++taken_;
  return put(*whole_, kEvents, key, value);
}

rocksdb::Status Rebuild::merge_events(rocksdb::Iterator& it, bool forward) {
  for (; it.Valid(); forward ? it.Next() : it.Prev()) {
    if (!forward && view(it.key()) <= last_) break;
    if (auto status = put_event(view(it.key()), view(it.value())); !status.ok()) return status;
    if (forward) last_ = view(it.key());
  }
  return rocksdb::Status::OK();
}

rocksdb::Status Rebuild::merge_version(std::size_t family, const rocksdb::KeyVersion& version) {
  if (version.type != kValue && version.type != kDeletion) return rocksdb::Status::OK();
  std::string known;
  const auto found =
      versions_->db().Get({}, versions_->families()[family], version.user_key, &known);
  if (!found.ok() && !found.IsNotFound()) return found;
  if (found.ok() && known.size() == 8 && load_be64(known) >= version.sequence)
    return rocksdb::Status::OK();
  std::string sequence;
  append_be64(sequence, version.sequence);
  auto status = put(*versions_, family, version.user_key, sequence);
  if (!status.ok()) return status;
  ++taken_;
  if (version.type == kValue) return put(*whole_, family, version.user_key, version.value);
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return whole_->db().Delete(options, whole_->families()[family], version.user_key);
}

rocksdb::Status Rebuild::merge_versions(OneFile& file, rocksdb::ColumnFamilyHandle* handle,
                                        std::size_t family) {
  const bool large = kNames[family] == "states" || kNames[family] == "keys";
  const std::size_t page = large ? kPageOfLarge : kPageOfSmall;
  std::string begin;
  while (true) {
    std::vector<rocksdb::KeyVersion> versions;
    auto status =
        rocksdb::GetAllKeyVersions(&file.db(), handle, begin, rocksdb::Slice(), page, &versions);
    if (!status.ok()) return status;
    for (const auto& version : versions)
      if (status = merge_version(family, version); !status.ok()) return status;
    if (versions.size() < page) return rocksdb::Status::OK();
    // The newest version of a key comes first, so what a page has cut off is older.
    begin = versions.back().user_key + '\0';
  }
}

rocksdb::Status Rebuild::merge(OneFile& file) {
  out_.sequence = std::max<std::uint64_t>(out_.sequence, file.db().GetLatestSequenceNumber());
  for (auto* handle : file.families()) {
    const auto family = family_named(handle->GetName());
    if (!family) continue;
    rocksdb::Status status;
    if (*family == kEvents) {
      const std::unique_ptr<rocksdb::Iterator> it(file.db().NewIterator({}, handle));
      it->SeekToFirst();
      status = merge_events(*it, true);
      if (status.ok()) status = it->status();
    } else {
      status = merge_versions(file, handle, *family);
    }
    if (!status.ok()) return status;
  }
  return rocksdb::Status::OK();
}

// RocksDB leaves a table out if any block of it is damaged. Of batches, which are most of a store,
// what is before and behind the damage is read here. False: nothing could be.
bool Rebuild::read_around(const File& file, rocksdb::Status& written) {
  rocksdb::SstFileReader reader{rocksdb::Options()};
  if (!reader.Open(file.path.string()).ok()) return false;
  const auto properties = reader.GetTableProperties();
  if (!properties || properties->column_family_name != kNames[kEvents]) return false;
  const auto before = taken_;
  last_.clear();
  {
    const std::unique_ptr<rocksdb::Iterator> it(reader.NewIterator({}));
    it->SeekToFirst();
    written = merge_events(*it, true);
    if (it->status().ok() || !written.ok()) return taken_ > before;
  }
  const std::unique_ptr<rocksdb::Iterator> it(reader.NewIterator({}));
  it->SeekToLast();
  written = merge_events(*it, false);
  return taken_ > before;
}

Rebuild::Stop Rebuild::take(const File& file) {
  if (file.bytes == 0) {
    if (file.table) leave_out(file, "it is empty");
    return std::nullopt;
  }
  rocksdb::Status repaired;
  if (auto stop = repair_alone(file, !file.table, repaired)) return stop;
  if (!repaired.ok() && !file.table) {
    if (auto stop = repair_alone(file, false, repaired)) return stop;
  }
  rocksdb::Status merged = repaired;
  std::unique_ptr<OneFile> one;
  if (repaired.ok()) merged = OneFile::open(alone(), one);
  if (merged.ok() && (!file.table || !one->empty())) merged = merge(*one);
  if (!merged.ok() && errc_of(merged) == Errc::disk_full) return failed(merged);
  const bool whole = merged.ok() && one && (!file.table || !one->empty());
  one.reset();
  if (whole) return std::nullopt;
  rocksdb::Status written;
  const bool some = file.table && read_around(file, written);
  if (!written.ok()) return failed(written);
  leave_out(file, some ? "only what is around the damage can be read" : "it can't be read");
  return std::nullopt;
}

boost::system::result<RebuiltDatabase, OpenError> Rebuild::run() {
  find_files();
  if (files_.empty())
    return failed(Errc::corrupt_record, "There are no tables and no logs in " + from_.string() +
                                            ": nothing can be salvaged.");
  if (auto stop = prepare()) return std::move(*stop);
  std::uint64_t done = 0;
  for (const auto& file : files_) {
    if (auto stop = take(file)) return std::move(*stop);
    done += file.bytes;
    if (!progress_(done, total_)) return failed(Errc::cancelled, "The repair was stopped.");
  }
  if (taken_ == 0)
    return failed(Errc::corrupt_record, "None of the files in " + from_.string() +
                                            " can be read: nothing can be "
                                            "salvaged.");
  if (const auto status = whole_->flush(); !status.ok()) return failed(status);
  whole_.reset();
  versions_.reset();
  return std::move(out_);
}

}  // namespace

boost::system::result<RebuiltDatabase, OpenError> rebuild_database(
    const fs::path& from, const fs::path& scratch,
    const std::function<bool(std::uint64_t bytes, std::uint64_t total)>& progress) {
  return Rebuild(from, scratch, progress).run();
}

}  // namespace tidemark::storage

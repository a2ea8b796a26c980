// A bare RocksDB iteration over the events of a data directory: what verify and export stand
// beside. bench/: no code of the house; opened for reading, so a directory is left as it is.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/options.h>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The least that can be called reading: each value is looked at, word by word.
std::uint64_t sum_of(const rocksdb::Slice& value) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < value.size(); i += 64) sum += static_cast<unsigned char>(value[i]);
  return sum;
}

int complain(const rocksdb::Status& status) {
  std::fprintf(stderr, "bare_scan: %s\n", status.ToString().c_str());
  return 1;
}

int scan(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* events, Clock::time_point start) {
  const double opened = seconds_since(start);
  rocksdb::ReadOptions options;  // verifies the checksums of blocks
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(options, events));
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t sum = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    ++entries;
    bytes += it->key().size() + it->value().size();
    sum += sum_of(it->value());
  }
  if (!it->status().ok()) return complain(it->status());
  std::printf(
      "{\"entries\":%llu,\"bytes\":%llu,\"sum\":%llu,\"open_seconds\":%.6f,\"seconds\":%.6f}\n",
      static_cast<unsigned long long>(entries), static_cast<unsigned long long>(bytes),
      static_cast<unsigned long long>(sum), opened, seconds_since(start));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bare_scan DATA\n");
    return 2;
  }
  const auto start = Clock::now();
  const std::string path = std::string(argv[1]) + "/db";
  std::vector<std::string> names;
  auto status = rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path, &names);
  if (!status.ok()) return complain(status);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  std::size_t events = names.size();
  for (const auto& name : names) {
    if (name == "events") events = families.size();
    families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  }
  if (events == names.size()) {
    std::fprintf(stderr, "bare_scan: %s holds no Tidemark log\n", argv[1]);
    return 1;
  }
  rocksdb::DBOptions options;
  options.advise_random_on_open = false;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  status = rocksdb::DB::OpenForReadOnly(options, path, families, &handles, &opened);
  if (!status.ok()) return complain(status);
  const std::unique_ptr<rocksdb::DB> db(opened);
  const int code = scan(*db, handles[events], start);
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  return code;
}

// What RocksDB knows of itself that somebody who runs a broker wants to see.
// storage/: a part of RocksLog; which properties and tickers these are is decided here.
#include <array>
#include <string>

#include <rocksdb/metadata.h>
#include <rocksdb/statistics.h>

#include "storage/rocks_database.hpp"
#include "storage/rocks_log.hpp"

namespace tidemark::storage {

namespace {

struct PropertyRow {
  const std::string* property;  // RocksDB's name
  LogFigure figure;
  bool of_all_families = true;  // they add up; else it is the database's
};

struct TickerRow {
  rocksdb::Tickers ticker;
  LogFigure figure;
  double unit = 1;  // of the ticker, in the figure's
};

using Properties = rocksdb::DB::Properties;

const std::array kProperties{
    PropertyRow{&Properties::kLiveSstFilesSize,
                {"live_files_bytes", "Bytes of table files that hold data in use"}},
    PropertyRow{&Properties::kTotalSstFilesSize,
                {"files_bytes", "Bytes of all table files, those about to be removed included"}},
    PropertyRow{&Properties::kCurSizeAllMemTables,
                {"memtable_bytes", "Bytes written that are in no table file yet"}},
    PropertyRow{&Properties::kEstimatePendingCompactionBytes,
                {"pending_compaction_bytes", "Bytes that compactions are behind, estimated"}},
    PropertyRow{&Properties::kMemTableFlushPending,
                {"pending_flushes", "Families whose memtable waits to be written to a file"}},
    PropertyRow{
        &Properties::kNumRunningCompactions, {"running_compactions", "Compactions at work"}, false},
    PropertyRow{&Properties::kNumRunningFlushes, {"running_flushes", "Flushes at work"}, false},
    PropertyRow{&Properties::kBackgroundErrors,
                {"background_errors_total", "Errors met in the background", true}},
    PropertyRow{&Properties::kIsWriteStopped,
                {"write_stopped", "1 while writing stands still until compactions catch up"},
                false},
    PropertyRow{
        &Properties::kActualDelayedWriteRate,
        {"delayed_write_bytes_per_second", "The rate writing is held down to; 0: it is not"},
        false},
    PropertyRow{
        &Properties::kBlockCacheUsage, {"block_cache_bytes", "Bytes in the block cache"}, false},
    PropertyRow{&Properties::kEstimateTableReadersMem,
                {"table_readers_bytes", "Memory of open table files outside the block cache"}},
};

constexpr std::array kTickers{
    TickerRow{rocksdb::BYTES_WRITTEN,
              {"written_bytes_total", "Bytes of keys and values written", true}},
    TickerRow{rocksdb::WAL_FILE_BYTES,
              {"wal_bytes_total", "Bytes written to the write-ahead log", true}},
    TickerRow{rocksdb::WAL_FILE_SYNCED,
              {"wal_syncs_total", "Times the write-ahead log was synced", true}},
    TickerRow{rocksdb::STALL_MICROS,
              {"stall_seconds_total", "Time writing was held up by flushes and compactions", true},
              1e-6},
    TickerRow{rocksdb::FLUSH_WRITE_BYTES,
              {"flush_write_bytes_total", "Bytes of files written from memtables", true}},
    TickerRow{rocksdb::COMPACT_READ_BYTES,
              {"compaction_read_bytes_total", "Bytes read to compact files", true}},
    TickerRow{rocksdb::COMPACT_WRITE_BYTES,
              {"compaction_write_bytes_total", "Bytes written by compacting files", true}},
    TickerRow{rocksdb::BLOCK_CACHE_HIT,
              {"block_cache_hits_total", "Blocks found in the block cache", true}},
    TickerRow{rocksdb::BLOCK_CACHE_MISS,
              {"block_cache_misses_total", "Blocks that had to be read from a file", true}},
};

std::uint64_t integer(RocksDatabase& database, const std::string& property, bool of_all_families) {
  std::uint64_t sum = 0;
  for (auto* const family : database.families()) {
    if (database.lacks(family)) continue;
    std::uint64_t value = 0;
    if (database.db().GetIntProperty(family, property, &value)) sum += value;
    if (!of_all_families) break;
  }
  return sum;
}

}  // namespace

std::uint64_t RocksLog::held_bytes() {
  const auto store = enter();
  if (!database_) return 0;
  return integer(*database_, Properties::kLiveSstFilesSize, true) +
         integer(*database_, Properties::kCurSizeAllMemTables, true);
}

std::vector<LogFigure> RocksLog::figures() {
  const auto store = enter();
  std::vector<LogFigure> out;
  if (!database_) return out;
  for (const PropertyRow& row : kProperties) {
    LogFigure figure = row.figure;
    figure.value = static_cast<double>(integer(*database_, *row.property, row.of_all_families));
    out.push_back(figure);
  }
  const auto statistics = database_->db().GetDBOptions().statistics;
  for (const TickerRow& row : kTickers) {
    LogFigure figure = row.figure;
    if (statistics)
      figure.value = static_cast<double>(statistics->getTickerCount(row.ticker)) * row.unit;
    out.push_back(figure);
  }
  return out;
}

std::vector<LogLevel> RocksLog::levels() {
  const auto store = enter();
  std::vector<LogLevel> out;
  if (!database_) return out;
  for (auto* const family : database_->families()) {
    if (database_->lacks(family)) continue;
    rocksdb::ColumnFamilyMetaData meta;
    database_->db().GetColumnFamilyMetaData(family, &meta);
    for (const auto& level : meta.levels)
      if (!level.files.empty())
        out.push_back({.family = family->GetName(),
                       .level = level.level,
                       .files = level.files.size(),
                       .bytes = level.size});
  }
  return out;
}

}  // namespace tidemark::storage

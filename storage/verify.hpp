// Whether a data directory is intact: everything is read, and held against everything else.
// storage/: reads alone; what FORMAT.md says must hold is checked here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "storage/rocks_store.hpp"

namespace tidemark::storage {

/// Something that is not as it should be.
struct Finding {
  enum class Weight : std::uint8_t {
    damage,  ///< data is lost or wrong
    note,    ///< worth knowing: repairs itself, or harms nothing
  };
  Weight weight = Weight::damage;
  std::string topic;    ///< empty: it is about the store as a whole
  OffsetRange offsets;  ///< the events concerned; empty: it is about none
  std::string what;     ///< a clause: "the checksum of the batch is wrong"
  std::string where;    ///< file and place, as far as they are known; or empty
  std::string around;   ///< what can be read before and behind it; or empty
};

struct VerifyProgress {
  std::uint64_t bytes = 0;  ///< read
  std::uint64_t total = 0;  ///< about, of what is to be read
  std::string_view topic;   ///< at which it is; empty: none
};

struct VerifyReport {
  std::uint64_t topics = 0;
  std::uint64_t batches = 0;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::uint64_t producers = 0;
  std::uint64_t keys = 0;
  std::uint64_t states = 0;
  std::uint64_t cursors = 0;
  std::uint64_t damages = 0;  ///< findings of that weight
  std::uint64_t notes = 0;
  std::uint64_t unclaimed_bytes = 0;  ///< trimmed or deleted, and not yet given back
  bool stopped = false;               ///< `progress` has said so
  [[nodiscard]] bool intact() const { return damages == 0; }
};

struct VerifyOptions {
  std::string topic;  ///< only this; empty: all, and the store as a whole
  std::function<void(const Finding&)> finding;
  std::function<bool(const VerifyProgress&)> progress;  ///< false: stop; or null
};

/// Reads the directory, also while a broker writes to it. Memory does not grow with its size, but
/// for the metadata of its topics.
/// Checked are: the head marker against the database; RocksDB's checksums of whatever is read;
/// metadata, names, ids and counts; of each topic that batches verify, records have their shape,
/// offsets are contiguous, epochs are those of the lineage, byte counts add up; producers against
/// the log; the newest event of each key, stored states and cursors against the log; origins of
/// forks. What can't be opened at all is a finding too. A hole that a later epoch explains is none:
/// what was there was given up, and clients are told so. Of one topic, `topic`, what it has
/// inherited is read too, and findings about the store as a whole are told as well. Errors:
/// unknown_topic, and those of StoreScan::open that say there is nothing to verify (not_found,
/// store_not_ours, store_not_writable, store_newer_format).
boost::system::result<VerifyReport, OpenError> verify_store(const std::filesystem::path& directory,
                                                            const VerifyOptions& options);

}  // namespace tidemark::storage

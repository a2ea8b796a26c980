// Salvages what can be read of a damaged data directory into a new one.
// storage/: the damaged one is never written; the new one opens as any other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "storage/rocks_store.hpp"

namespace tidemark::storage {

/// Something that is not in the new directory and was, or should have been, in the old one.
struct Loss {
  std::string topic;    ///< empty: it is about the store as a whole
  OffsetRange offsets;  ///< the events lost; empty: it is about none
  std::string what;     ///< a clause
};

struct RepairProgress {
  std::uint64_t bytes = 0;
  std::uint64_t total = 0;  ///< about
  std::string_view step;    ///< what is being done: "copying", "reading", "writing"
};

struct RepairReport {
  std::uint64_t topics = 0;
  std::uint64_t events = 0;
  std::uint64_t lost_events = 0;  ///< those whose offsets are known
  std::string way;                ///< how the damaged database could be read, a clause
};

struct RepairOptions {
  std::function<void(const Loss&)> loss;
  std::function<bool(const RepairProgress&)> progress;  ///< false: stop; or null
};

/// Reads `from` (which no broker may be using), and writes what is intact of it into `to`, which
/// must not exist or be empty, and whose parent must. Names, settings, ids, offsets, epochs and
/// times stay, and batches are copied as they are. Where events are lost within a topic, what
/// follows them gets an epoch of its own from there on, and every topic gets a new one for what
/// comes next, whose offsets were never given, as far as anything tells of them: so clients are
/// told. Batches behind a hole are written anew, so that their counts of bytes add up. A topic
/// whose first events are lost begins with those there are. Producers, keys, states and cursors are
/// taken along as far as they are intact, and the newest event of a damaged key is looked for among
/// the events. Positions of states and cursors are put into the new epochs, since who had all
/// events up to an offset has them still. Events without metadata become a topic `recovered/ID`. If
/// the database can't be opened, or ends before what was on disk, it is put together anew from its
/// files in a copy of them, beside `to`, which is removed again; then a topic that was deleted may
/// be back if metadata is missing as well. `to` appears when it is whole; until then it is
/// `to`.partial, and on an error nothing is left.
/// Errors: store_locked, not_found, store_not_ours, store_newer_format, store_not_writable (also of
/// files that may not be read), disk_full, corrupt_record (nothing can be salvaged), cancelled,
/// storage_failed.
boost::system::result<RepairReport, OpenError> repair_store(const std::filesystem::path& from,
                                                            const std::filesystem::path& to,
                                                            const RepairOptions& options);

}  // namespace tidemark::storage

// A topic's events out of a log, around whatever is damaged in it.
// tools/inspect/: what files are read with.
#pragma once

#include "storage/log.hpp"
#include "tools/inspect/source.hpp"

namespace tidemark::tools {

/// Whether the code is one of damage in a store that could be opened: what is of a later format in
/// one of ours is so by a flipped bit.
[[nodiscard]] constexpr bool is_damage(Errc code) {
  return code == Errc::corrupt_record || code == Errc::store_newer_format;
}

/// Feeds `visit` the events of a range, each or as part of a gap, in order; what lies behind the
/// end of `topic` is left out. What is damaged, and what is missing in the middle or at the end, is
/// a gap with the cause corrupt, as a broker tells it. Errors: as Log::read, but for
/// those of damage.
[[nodiscard]] Result<void> read_around_damage(storage::Log& log, const storage::LoadedTopic& topic,
                                              EventRange range, const EventVisitor& visit);

/// Where reading goes on behind `from`, at which nothing can be read; `end` if that is not before
/// `end`. Near by it is exact; events between two damaged stretches that are far away may be
/// passed over.
[[nodiscard]] Offset readable_behind(storage::Log& log, storage::TopicId topic, Offset from,
                                     Offset end);

/// The end of a topic whose last batch is damaged: the last event that can be read. Reads all of
/// it.
[[nodiscard]] storage::Tail readable_end(storage::Log& log, const storage::TopicMeta& meta);

}  // namespace tidemark::tools

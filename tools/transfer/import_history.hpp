// Whether a topic that is there and one of a file are of one history, and which has more of it.
// tools/transfer/: pure; the importer asks before it adds anything to a topic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/settings.hpp"

namespace tidemark::tools {

/// A topic's epochs and its last event.
struct HistoryView {
  const std::vector<storage::EpochStart>& lineage;
  Offset head;
};

/// Whether they can be one history, by their epochs alone. `there` may have more of them: behind
/// holes an import makes its own. Where the file has more events, an epoch that has begun behind
/// the last one there has to be the file's too.
[[nodiscard]] bool may_be_one(const HistoryView& there, const HistoryView& file);

/// How what is there came of the file's history.
enum class Kinship : std::uint8_t {
  none,         ///< it did not
  as_imported,  ///< with an epoch of its own behind each of the file's holes
  as_written,   ///< as the file says it
};

/// Whether all epochs up to the last event that both have are the same. `imported`: the file's, as
/// an import makes them. Of two answers that are right it is as_imported.
[[nodiscard]] Kinship kinship_of(const HistoryView& there, const HistoryView& file,
                                 const std::vector<storage::EpochStart>& imported);

/// "1001 from 1, 2002 from 501, up to 1000"; of many epochs the last ones.
[[nodiscard]] std::string text_of(const HistoryView& history);

}  // namespace tidemark::tools

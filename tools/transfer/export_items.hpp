// What an export is made of, whichever form it is written in. EXPORT.md has the forms.
// tools/transfer/: the exporter makes these, the importer takes them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "storage/log.hpp"

namespace tidemark::tools {

/// Of the whole file; the first item.
struct ExportHead {
  Timestamp time;  ///< when the export began
};

/// A topic begins; what follows it belongs to it, up to the next.
struct ExportTopic {
  std::string name;
  storage::TopicSettings settings;
  Timestamp created;
  std::vector<storage::EpochStart> lineage;  ///< never empty; oldest first
  Offset earliest{1};  ///< the first that is retained; what is before it is gone
  Offset head;         ///< the last there was when the export began
  bool closed = false;
  std::string last_sequence;  ///< see PublishRequest::sequence; empty: none, or not known
  bool operator==(const ExportTopic&) const = default;
};

/// Events of one epoch and one time that follow one another.
struct ExportEvents {
  Epoch epoch;
  Offset first;
  Timestamp time;
  std::vector<NewEvent> events;  ///< never empty
};

/// Events that are in the topic's range and could not be read.
struct ExportGap {
  OffsetRange offsets;
  std::string why;
};

struct ExportProducer {
  std::string id;
  storage::ProducerState state;
};

struct ExportCursor {
  std::string name;
  storage::StoredCursor cursor;
};

/// The newest event of a key, of a topic that keeps the latest.
struct ExportKey {
  std::string key;
  Offset offset;
  Timestamp time;
  NewEvent event;
};

/// What an application has stored as the topic's state.
struct ExportState {
  storage::StoredState state;
};

/// The last item: without it the file was cut off.
struct ExportEnd {
  std::uint64_t topics = 0;
  std::uint64_t events = 0;
};

/// In this order: head; for each topic, by name: the topic, its events and gaps by offset, without
/// a hole from `earliest` to `head`, keys by key, producers by id, cursors by name, the state; the
/// end. Names, keys and ids are ordered by their bytes, so that each comes once.
using ExportItem = std::variant<ExportHead, ExportTopic, ExportEvents, ExportGap, ExportKey,
                                ExportProducer, ExportCursor, ExportState, ExportEnd>;

enum class ExportForm : std::uint8_t { ndjson, binary };

}  // namespace tidemark::tools

// What is beside a topic's events: keys, producers, cursors, the state.
// tools/transfer/: a part of TopicImport. What is there and further is left as it is, so that an
// import that was cut off between two of them goes on like any other.
#include <tuple>
#include <utility>

#include "storage/lineage.hpp"
#include "tools/terminal.hpp"
#include "tools/transfer/topic_import.hpp"

namespace tidemark::tools {
namespace {

using Run = storage::ProducerState::Run;

/// What is wrong with what is remembered of a producer; empty: nothing. Pre: its runs are within
/// the log, as the reader of exports sees to.
std::string fault_of(const storage::ProducerState& state) {
  const Run* before = nullptr;
  for (const auto& run : state.runs) {
    // The last sequence of the run, which has to be one.
    if (run.sequence + (run.requests - 1) < run.sequence) return "has sequences that are none";
    const bool overlaps =
        before != nullptr &&
        (run.first.value < before->first.value + before->requests * before->events ||
         run.sequence <= before->sequence + (before->requests - 1));
    if (overlaps) return "has runs that overlap";
    before = &run;
  }
  if (before != nullptr && before->sequence + (before->requests - 1) != state.last_sequence)
    return "does not end with its last sequence";
  return {};
}

bool newer(const storage::ProducerState& there, const storage::ProducerState& file) {
  return std::tie(there.epoch, there.last_sequence) >= std::tie(file.epoch, file.last_sequence);
}

}  // namespace

boost::system::result<bool, HttpFailure> TopicImport::takes_beside() {
  if (auto failure = finish_events()) return std::move(*failure);
  if (mode_ != Mode::appending) return mode_ == Mode::writing;
  if (!std::exchange(left_out_, true))
    outcome_.notes.emplace_back(
        "producers, cursors and the state in the file are of another history and are left out");
  return false;
}

void TopicImport::note_beside() {
  if (there_) outcome_.did = ImportedTopic::Did::continued;
}

// ---- keys ----

Failure TopicImport::take(const ExportKey& key) {
  const auto wanted = takes_beside();
  if (!wanted) return wanted.error();
  const Payload payload = payload_of(meta_.settings.content_type);
  if (!*wanted || !meta_.settings.keep_latest || is_tombstone(key.event.data, payload) ||
      place_.writer == nullptr)
    return std::nullopt;
  if (!std::exchange(keys_begun_, true)) {
    // What its events make of the keys has to be there to be looked up.
    if (auto failure = written(place_.writer->flush())) return failure;
  }
  // Of an event that is in the log its keys have been made; the file only says so again.
  const auto header = place_.log->header_at(meta_.id, key.offset);
  if (!header) return failed(header.errc(), "reading");
  if (*header && (*header)->first <= key.offset) return std::nullopt;
  const auto latest = place_.log->latest(meta_.id, key.key);
  if (!latest && latest.errc() != Errc::corrupt_record) return failed(latest.errc(), "reading");
  const bool is_new = latest && !*latest;
  if (latest && *latest && **latest >= key.offset) return std::nullopt;
  if (auto failure = enter()) return failure;
  storage::LatestUpdate update{
      .topic = meta_.id, .key = key.key, .offset = key.offset, .time = key.time, .record = {}};
  storage::append_record(update.record, key.event);
  note_beside();
  return written(place_.writer->put(std::move(update), is_new));
}

// ---- producers ----

Failure TopicImport::take(const ExportProducer& producer) {
  const auto wanted = takes_beside();
  if (!wanted) return wanted.error();
  if (!*wanted) return std::nullopt;
  if (const auto fault = fault_of(producer.state); !fault.empty())
    return damaged("what is remembered of the producer " + printable(producer.id) + " " + fault);
  if (there_) {
    const auto known = place_.log->producer(meta_.id, producer.id);
    if (!known && known.errc() != Errc::corrupt_record) return failed(known.errc(), "reading");
    if (known && *known && newer(**known, producer.state)) return std::nullopt;
  }
  note_beside();
  if (place_.writer == nullptr) return std::nullopt;
  return written(place_.writer->put(
      storage::ProducerUpdate{.topic = meta_.id, .id = producer.id, .state = producer.state}));
}

// ---- positions ----

bool TopicImport::is_of_history(Position position) const {
  return check_position(meta_.lineage, {kMaxInteger}, position).has_value();
}

/// Who had everything up to an offset has it still, where a hole has changed the epochs behind it.
Position TopicImport::moved(Position position) const {
  const bool was = position.epoch.value != 0 &&
                   check_position(file_.lineage, {kMaxInteger}, position).has_value();
  if (!was || is_of_history(position)) return position;
  return storage::position_at(meta_.lineage, position.offset);
}

bool TopicImport::goes_further(const std::optional<Position>& there, Position to) const {
  return !there || (is_of_history(to) && storage::further(meta_.lineage, *there, to));
}

Failure TopicImport::take(const ExportCursor& cursor) {
  const auto wanted = takes_beside();
  if (!wanted) return wanted.error();
  if (!*wanted) return std::nullopt;
  storage::StoredCursor stored = cursor.cursor;
  stored.position = moved(stored.position);
  if (there_) {
    const auto known = place_.log->cursor(meta_.id, cursor.name);
    if (!known && known.errc() != Errc::corrupt_record) return failed(known.errc(), "reading");
    const bool is_there = known && *known;
    if (is_there && !goes_further((*known)->position, stored.position)) return std::nullopt;
  }
  note_beside();
  if (place_.writer == nullptr) return std::nullopt;
  return written(place_.writer->put(
      storage::CursorUpdate{.topic = meta_.id, .name = cursor.name, .cursor = stored}));
}

Failure TopicImport::take(const ExportState& state) {
  const auto wanted = takes_beside();
  if (!wanted) return wanted.error();
  if (!*wanted) return std::nullopt;
  storage::StoredState stored = state.state;
  stored.position = moved(stored.position);
  if (!is_of_history(stored.position)) {
    outcome_.notes.emplace_back("the state in the file is of another history and is left out");
    return std::nullopt;
  }
  if (there_) {
    const auto known = place_.log->state_position(meta_.id);
    if (!known && known.errc() != Errc::corrupt_record) return failed(known.errc(), "reading");
    if (known && *known && !goes_further(**known, stored.position)) return std::nullopt;
  }
  note_beside();
  if (place_.writer == nullptr) return std::nullopt;
  return written(
      place_.writer->put(storage::StateUpdate{.topic = meta_.id, .state = std::move(stored)}));
}

}  // namespace tidemark::tools

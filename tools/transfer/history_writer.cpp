// Events into batches, batches into groups, groups into the log.
// tools/transfer/: see history_writer.hpp; does what the committer does, for events that have been
// given their places before.
#include "tools/transfer/history_writer.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace tidemark::tools {

using storage::Durability;

namespace {

// One write of RocksDB's each; larger ones only take more memory.
constexpr std::size_t kGroupBytes = std::size_t{4} << 20;
// What anything takes beside its bytes, about.
constexpr std::size_t kOverhead = 64;

std::size_t size_of(const storage::ProducerState& state) {
  return state.runs.size() * sizeof(storage::ProducerState::Run);
}

}  // namespace

// ---- topics ----

Result<void> HistoryWriter::begin(storage::TopicMeta meta, const storage::Tail& tail) {
  finish_topic();
  meta_ = std::move(meta);
  tail_ = tail;
  payload_ = payload_of(meta_.settings.content_type);
  meta_changed_ = true;
  bytes_ += kOverhead + meta_.name.size() + meta_.lineage.size() * sizeof(storage::EpochStart);
  return flush_if_large();
}

void HistoryWriter::change(storage::TopicMeta meta) {
  TIDEMARK_ENSURE(meta.id == meta_.id && meta.name == meta_.name, "it is the topic that was begun");
  meta.keys = meta_.keys;
  meta_ = std::move(meta);
  meta_changed_ = true;
}

/// Whatever is collected of the topic goes into the group.
void HistoryWriter::finish_topic() {
  finish_batch();
  keys_.collect(meta_.id, group_.latest);
  if (meta_changed_) group_.topics.push_back(meta_);
  meta_changed_ = false;
}

// ---- events ----

Result<void> HistoryWriter::add(const ExportEvents& events) {
  TIDEMARK_ENSURE(events.first > tail_.head && events.time >= tail_.last_time,
                  "what is added follows what there is");
  TIDEMARK_ENSURE(events.epoch == meta_.lineage.back().epoch, "it is of the newest epoch");
  const bool goes_on = open_ && open_->epoch == events.epoch && open_->time == events.time &&
                       tail_.head.next() == events.first;
  if (!goes_on) finish_batch();
  tail_.head = {events.first.value - 1};
  tail_.last_time = events.time;
  for (const NewEvent& event : events.events) {
    if (!builder_.fits(event)) {
      finish_batch();
      if (auto flushed = flush_if_large(); !flushed) return flushed;
    }
    if (meta_.settings.keep_latest && !event.key.empty()) {
      const std::span<const NewEvent> one(&event, 1);
      if (auto known = keys_.look_up(log_, meta_.id, one); !known) return known;
    }
    tail_.head = tail_.head.next();
    if (!open_) open_ = {.epoch = events.epoch, .first = tail_.head, .time = events.time};
    builder_.add(event);
    if (!meta_.settings.keep_latest || event.key.empty()) continue;
    const int growth = keys_.append(event, tail_.head, events.time, payload_);
    bytes_ += kOverhead + event.key.size() + event.data.size();
    if (growth == 0) continue;
    meta_.keys = growth > 0 ? meta_.keys + 1 : std::max<std::uint64_t>(meta_.keys, 1) - 1;
    meta_changed_ = true;
  }
  return flush_if_large();
}

void HistoryWriter::finish_batch() {
  if (!open_) return;
  std::string value = builder_.finish(meta_.id, {.epoch = open_->epoch,
                                                 .first = open_->first,
                                                 .count = 0,
                                                 .time = open_->time,
                                                 .bytes_before = tail_.bytes});
  tail_.bytes += value.size();
  bytes_ += kOverhead + value.size();
  group_.batches.push_back({.topic = meta_.id, .first = open_->first, .value = std::move(value)});
  open_.reset();
}

// ---- what is beside them ----

Result<void> HistoryWriter::put(storage::ProducerUpdate producer) {
  bytes_ += kOverhead + producer.id.size() + size_of(producer.state);
  group_.producers.push_back(std::move(producer));
  return flush_if_large();
}

Result<void> HistoryWriter::put(storage::CursorUpdate cursor) {
  bytes_ += kOverhead + cursor.name.size();
  group_.cursors.push_back(std::move(cursor));
  return flush_if_large();
}

Result<void> HistoryWriter::put(storage::StateUpdate state) {
  bytes_ += kOverhead + (state.state ? state.state->data.size() : 0);
  group_.states.push_back(std::move(state));
  return flush_if_large();
}

Result<void> HistoryWriter::put(storage::LatestUpdate latest, bool is_new) {
  bytes_ += kOverhead + latest.key.size() + latest.record.size();
  group_.latest.push_back(std::move(latest));
  if (is_new) {
    ++meta_.keys;
    meta_changed_ = true;
  }
  return flush_if_large();
}

// ---- groups ----

Result<void> HistoryWriter::flush_if_large() { return bytes_ >= kGroupBytes ? flush() : ok(); }

Result<void> HistoryWriter::flush() {
  finish_topic();
  if (group_.empty()) return ok();
  unsynced_bytes_ += bytes_;
  bytes_ = 0;
  const auto group = std::exchange(group_, {});
  return log_.commit(group, Durability::buffered);
}

Result<void> HistoryWriter::sync() {
  if (auto flushed = flush(); !flushed) return flushed;
  if (unsynced_bytes_ == 0) return ok();
  unsynced_bytes_ = 0;
  return log_.sync();
}

}  // namespace tidemark::tools

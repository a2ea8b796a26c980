// Takes one topic from a damaged store into a new one: see repair_topic.hpp.
// storage/: batches that need no other epoch are copied as they are.
#include "storage/repair_topic.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "protocol/messages.hpp"
#include "storage/key_codec.hpp"
#include "storage/repair_beside.hpp"

namespace tidemark::storage {
namespace {

RepairedHistory::Start start_of(const RepairWork& work, const SurveyedTopic& topic) {
  const auto& meta = topic.meta;
  RepairedHistory::Start start;
  Offset before{0};
  if (meta.origin) {
    before = meta.origin->inherited;
    for (const auto& entry : work.topics[topic.source].repaired)
      if (entry.first <= before) start.inherited.push_back(entry);
  }
  for (const auto& entry : meta.lineage)
    if (!meta.origin || entry.first > before) start.own.push_back(entry);
  if (!topic.nameless) start.first = std::max(meta.earliest, before.next());
  for (const auto& heir : topic.heirs) {
    const auto& fork = work.topics[heir.fork].meta;
    const auto own = std::ranges::find_if(fork.lineage, [&](const EpochStart& entry) {
      return entry.first > fork.origin->inherited;
    });
    if (own != fork.lineage.end())
      start.heirs.push_back({.inherited = heir.inherited, .epoch = own->epoch});
  }
  return start;
}

/// The batch with another epoch and another count of bytes before it. More than one comes of it
/// only if it was larger than batches are made.
std::vector<EncodedBatch> rewritten(TopicId topic, const BatchView& batch, Epoch epoch,
                                    std::uint64_t bytes_before) {
  std::vector<EncodedBatch> out;
  BatchBuilder builder;
  BatchHeader header = batch.header();
  header.epoch = epoch;
  header.bytes_before = bytes_before;
  const auto finish = [&] {
    const std::uint32_t count = builder.count();
    auto value = builder.finish(topic, header);
    header.bytes_before += value.size();
    out.push_back({.topic = topic, .first = header.first, .value = std::move(value)});
    header.first.value += count;
  };
  for (std::uint32_t i = 0; i < batch.count(); ++i) {
    const auto view = batch.event(i);
    NewEvent event;
    event.data = view.data;
    event.key = view.key;
    for (const auto& each : view.headers)
      event.headers.push_back({.name = std::string(each.name), .value = std::string(each.value)});
    if (!builder.fits(event)) finish();
    builder.add(event);
  }
  finish();
  return out;
}

/// What the payloads of a topic are whose settings are lost: what all of them can be read as.
class ContentGuess {
 public:
  void look_at(const BatchView& batch) {
    for (std::uint32_t i = 0; i < batch.count() && (json_ || text_); ++i) {
      NewEvent event;
      event.data = batch.event(i).data;
      text_ = text_ && valid_utf8(event.data);
      json_ = json_ && check_event(event, Payload::json, limits::event_bytes).has_value();
    }
  }
  [[nodiscard]] std::string content_type() const {
    if (json_) return "application/json";
    return text_ ? "text/plain" : "application/octet-stream";
  }

 private:
  bool json_ = true;
  bool text_ = true;
};

class TopicSalvage {
 public:
  TopicSalvage(RepairWork& work, SurveyedTopic& topic)
      : work_(work),
        topic_(topic),
        meta_(topic.meta),
        old_lineage_(topic.meta.lineage),
        history_(start_of(work, topic), work.target.random()) {
    known_ = {meta_.earliest.value - 1};
    if (meta_.origin) known_ = std::max(known_, meta_.origin->inherited);
    for (const auto& heir : topic_.heirs) known_ = std::max(known_, heir.inherited);
    for (const auto& entry : old_lineage_) known_ = std::max(known_, Offset{entry.first.value - 1});
    // Forks read what this topic shows no more.
    keep_from_ = topic_.heirs.empty() ? meta_.earliest : Offset{0};
    if (topic_.nameless) keep_from_ = {0};
  }

  bool run() {
    read_events();
    if (!going_on()) return false;
    keep_head();
    settle_heirs(Offset{kMaxInteger});
    history_.close();
    const BesideFound beside =
        salvage_beside(work_, topic_, {.old = old_lineage_, .now = history_.lineage()});
    if (!beside.complete || !going_on()) return false;
    seen_ = std::max(seen_, beside.known);
    end_of_log();
    finish(beside);
    return going_on();
  }

 private:
  void read_events();
  void take_batch(std::string_view key, std::string_view value);
  void place(const BatchView& batch, std::string_view value);
  void write(const BatchView& batch, std::string_view value, Epoch epoch);
  void keep_head();
  void settle_heirs(Offset next);
  void end_of_log();
  void begin_of_log();
  void finish(const BesideFound& beside);
  [[nodiscard]] bool going_on() const { return !stopped_ && work_.target.status(); }
  void lose(OffsetRange offsets, std::string what) {
    work_.report.lost_events += offsets.count();
    work_.loss({.topic = topic_.label, .offsets = offsets, .what = std::move(what)});
  }

  RepairWork& work_;
  SurveyedTopic& topic_;
  TopicMeta& meta_;
  const std::vector<EpochStart> old_lineage_;
  RepairedHistory history_;
  ContentGuess guess_;
  Offset keep_from_;
  Offset known_;                      ///< no offset up to it is given again
  Offset seen_;                       ///< there has been an event of this offset
  std::optional<Offset> placed_end_;  ///< behind the last batch that was taken along
  std::optional<Offset> first_placed_;
  std::optional<std::uint64_t> bytes_;  ///< bytes before the next batch
  std::string trimmed_;                 ///< the last batch before what is kept, as it was stored
  Offset trimmed_first_;
  std::string reason_;    ///< of the damage since the last batch; empty: none
  std::size_t heir_ = 0;  ///< the first whose end has not been passed
  bool stopped_ = false;
};

void TopicSalvage::read_events() {
  work_.scan.each(
      Family::events, topic_key(meta_.id), topic_key({meta_.id.value + 1}),
      [&](std::string_view key, std::string_view value) {
        stopped_ = !work_.read(key.size() + value.size());
        if (going_on()) take_batch(key, value);
        return going_on();
      },
      [&](const ScanDamage& damage) { reason_ = damage.what; });
}

void TopicSalvage::take_batch(std::string_view key, std::string_view value) {
  if (key.size() != 16) return;  // no batch has such a key
  const Offset first{load_be64(key.substr(8))};
  const auto batch = BatchView::parse(meta_.id, first, value);
  if (!batch) {
    if (first.value <= kMostRepaired) seen_ = std::max(seen_, first);
    reason_ = batch.errc() == Errc::store_newer_format ? "a batch is of a later version of Tidemark"
                                                       : "the checksum of a batch is wrong";
    return;
  }
  if (batch->end() <= keep_from_) {
    trimmed_ = value;
    trimmed_first_ = first;
    return;
  }
  place(*batch, value);
}

void TopicSalvage::place(const BatchView& batch, std::string_view value) {
  const OffsetRange offsets{batch.header().first, batch.end()};
  const auto expected = history_.expected();
  const auto epoch = history_.place(offsets, batch.header().epoch);
  if (!epoch) {
    lose({}, "a batch of the events " + std::to_string(offsets.first.value) + " to " +
                 std::to_string(offsets.end.value - 1) +
                 " is not of the topic's history, or is there twice");
    return;
  }
  if (expected && offsets.first > *expected) {
    // Without any damage, where an epoch began, it is a hole that was there before.
    const bool begins = std::ranges::any_of(
        old_lineage_, [&](const EpochStart& entry) { return entry.first == offsets.first; });
    const std::string why = reason_.empty() ? work_.lossy : reason_;
    if (!why.empty() || !begins)
      lose({*expected, offsets.first}, why.empty() ? "they are not in the log" : why);
  }
  reason_.clear();
  settle_heirs(offsets.first);
  write(batch, value, *epoch);
  placed_end_ = offsets.end;
  if (!first_placed_) {
    first_placed_ = offsets.first;
    if (topic_.nameless) meta_.created = batch.header().time;
  }
  seen_ = std::max(seen_, Offset{offsets.end.value - 1});
  work_.report.events += batch.count();
}

void TopicSalvage::write(const BatchView& batch, std::string_view value, Epoch epoch) {
  const auto& header = batch.header();
  work_.target.note(epoch);
  if (topic_.nameless) guess_.look_at(batch);
  if (!bytes_) bytes_ = header.bytes_before;
  if (epoch == header.epoch && header.bytes_before == *bytes_) {
    *bytes_ += value.size();
    work_.target.add(
        EncodedBatch{.topic = meta_.id, .first = header.first, .value = std::string(value)});
    return;
  }
  for (auto& each : rewritten(meta_.id, batch, epoch, *bytes_)) {
    *bytes_ += each.value.size();
    work_.target.add(std::move(each));
  }
}

// A topic of which everything was dropped keeps its last batch: its head is found by that, and the
// time no later event may be before.
void TopicSalvage::keep_head() {
  if (placed_end_ || trimmed_.empty()) return;
  const auto batch = BatchView::parse(meta_.id, trimmed_first_, trimmed_);
  if (!batch) return;
  const std::string reason = std::exchange(reason_, {});
  place(*batch, trimmed_);
  work_.report.events -= placed_end_ ? batch->count() : 0;  // nobody can read them
  reason_ = reason;
}

// What is left of the events each fork reads here, once a batch behind its last one comes.
void TopicSalvage::settle_heirs(Offset next) {
  for (; heir_ < topic_.heirs.size() && topic_.heirs[heir_].inherited < next; ++heir_) {
    if (!placed_end_) continue;
    const auto& heir = topic_.heirs[heir_];
    const Offset last{placed_end_->value - 1};
    work_.topics[heir.fork].available = std::min(heir.inherited, last);
  }
}

void TopicSalvage::end_of_log() {
  known_ = std::max(known_, seen_);
  auto expected = history_.expected();
  if (expected) expected = std::max(*expected, meta_.earliest);
  const std::string why = reason_.empty() ? work_.lossy : reason_;
  // Epochs may have begun behind a hole that is no news; events that something tells of have not.
  const Offset end = reason_.empty() ? seen_.next() : known_.next();
  if (expected && *expected < end)
    lose({*expected, end}, why.empty() ? "they are not in the log" : why);
  if (!reason_.empty())
    lose({}, "whether there were events behind " + std::to_string(known_.value) +
                 " can't be told: " + reason_);
}

// Where the first events are lost it begins with those that are there, as if damage had trimmed it.
void TopicSalvage::begin_of_log() {
  if (topic_.available.value >= meta_.earliest.value) return;  // a fork's, in its source
  const bool any = placed_end_ && *placed_end_ > meta_.earliest;
  const Offset begin = any ? *first_placed_ : known_.next();
  if (begin <= meta_.earliest) return;
  meta_.earliest = begin;
  meta_.trim_cause = static_cast<std::uint8_t>(GapCause::corrupt);
}

void TopicSalvage::finish(const BesideFound& beside) {
  if (topic_.nameless) {
    meta_.settings.content_type = guess_.content_type();
    meta_.settings.keep_latest = beside.keys > 0;
  }
  begin_of_log();
  if (meta_.origin) meta_.origin->inherited = std::min(meta_.origin->inherited, topic_.available);
  meta_.keys = beside.keys;
  meta_.incident = 0;  // the new store has had none
  work_.target.note(history_.epoch());
  meta_.lineage = history_.finish(known_.next(), work_.target.next_epoch());
  meta_.earliest = std::min(meta_.earliest, known_.next());
  topic_.repaired = meta_.lineage;
  work_.target.add(meta_);
  ++work_.report.topics;
}

}  // namespace

bool salvage_topic(RepairWork& work, std::size_t index) {
  return TopicSalvage(work, work.topics[index]).run();
}

}  // namespace tidemark::storage

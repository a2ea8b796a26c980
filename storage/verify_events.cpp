// All batches, one after another: whole, contiguous, of the right epochs, counted right.
// storage/: a step of a verification; see verify_steps.hpp. One pass, nothing is copied.
#include <algorithm>
#include <utility>

#include "storage/key_codec.hpp"
#include "storage/record_batch.hpp"
#include "storage/verify_steps.hpp"

namespace tidemark::storage {
namespace {

constexpr Offset kNoEnd{kMaxInteger};

Offset end_of(const BatchHeader& header) { return {header.first.value + header.count}; }

/// A stretch of a topic that has been found bad, until it is known where good events begin again.
struct BadStretch {
  Offset first;
  Offset end;  ///< at least
  std::string what;
  std::string where;
};

/// A stretch of keys that RocksDB can't read: of topics behind `from` up to `to`, what is there of
/// them may be missing.
struct UnreadKeys {
  TopicId from;
  TopicId to;
  DamageWords words;
  bool told = false;  ///< a topic has been found that is concerned
};

class EventsCheck {
 public:
  explicit EventsCheck(VerifyRun& run) : run_(run), findings_(run.findings) {}

  void all();
  void one(KnownTopic& topic, Offset last);

 private:
  void take(std::string_view key, std::string_view value);
  void take_batch(std::string_view key, std::string_view value);
  void take_damage(const ScanDamage& damage);
  void enter(TopicId id);
  void begin(KnownTopic& topic);
  void leave();

  void bad_batch(Offset first, std::string_view value, Errc code);
  void miss_before(Offset first);
  void check_hole(OffsetRange hole, Epoch behind, Epoch before);
  void check_place(const BatchView& batch);
  void check_epoch(const BatchHeader& header);
  void count(const BatchView& batch);
  void miss(Offset first, Offset end, Offset behind);
  void mark_bad(Offset first, Offset end, const DamageWords& words);
  void end_bad(Offset end, bool readable_behind);
  void check_tail();
  void check_part_end();
  void tell_unread();
  void tell(Finding::Weight weight, OffsetRange offsets, std::string what,
            std::string around = {}) {
    findings_.add({.weight = weight,
                   .topic = topic_->name,
                   .offsets = offsets,
                   .what = std::move(what),
                   .where = {},
                   .around = std::move(around)});
  }
  [[nodiscard]] std::string readable_before() const;

  VerifyRun& run_;
  Findings& findings_;
  std::size_t next_ = 0;         ///< first known topic that has not been entered
  Offset last_ = kNoEnd;         ///< what lies behind is not looked at
  std::optional<TopicId> id_;    ///< whose batches are being read
  KnownTopic* topic_ = nullptr;  ///< null: of nobody
  Offset own_;                   ///< the first event that can lie in this topic's own log
  Offset expected_;              ///< the first that must
  std::size_t epoch_ = 0;        ///< place in the lineage of the batch before
  std::optional<BatchHeader> before_;
  std::uint64_t bytes_ = 0;      ///< bytes_before of the next batch
  std::uint64_t old_bytes_ = 0;  ///< of the last batch that nobody needs
  std::optional<BadStretch> bad_;
  std::optional<UnreadKeys> unread_;
};

void EventsCheck::all() {
  run_.each(
      Family::events, first_topic_key(), end_of_topic_keys(),
      [this](std::string_view key, std::string_view value) {
        take(key, value);
        return true;
      },
      [this](const ScanDamage& damage) { take_damage(damage); });
  if (run_.report.stopped) return;
  enter({kMaxInteger + 1});
  tell_unread();
}

void EventsCheck::one(KnownTopic& topic, Offset last) {
  next_ = static_cast<std::size_t>(&topic - run_.topics.all().data());
  last_ = last;
  const std::string end =
      last == kNoEnd ? topic_key({topic.id.value + 1}) : event_key(topic.id, last.next());
  run_.each(
      Family::events, topic_key(topic.id), end,
      [this](std::string_view key, std::string_view value) {
        take(key, value);
        return true;
      },
      [this](const ScanDamage& damage) { take_damage(damage); });
  if (run_.report.stopped) return;
  if (!id_) enter(topic.id);
  leave();
  tell_unread();
}

void EventsCheck::enter(TopicId id) {
  leave();
  auto& all = run_.topics.all();
  for (; next_ < all.size() && all[next_].id < id; ++next_) {
    begin(all[next_]);
    leave();
  }
  id_ = id;
  if (next_ < all.size() && all[next_].id == id) begin(all[next_++]);
}

void EventsCheck::begin(KnownTopic& topic) {
  topic_ = &topic;
  run_.at = topic.name;
  own_ = topic.origin ? topic.origin->inherited.next() : Offset{1};
  expected_ = std::max(own_, topic.needed_from);
  epoch_ = 0;
  before_.reset();
  bad_.reset();
  bytes_ = 0;
  old_bytes_ = 0;
  if (unread_ && topic.id > unread_->from && topic.id <= unread_->to)
    mark_bad(expected_, expected_, unread_->words);
}

void EventsCheck::leave() {
  id_.reset();
  if (topic_ == nullptr) return;
  if (last_ == kNoEnd) {
    check_tail();
  } else {
    check_part_end();
  }
  topic_ = nullptr;
  run_.at = {};
}

void EventsCheck::take(std::string_view key, std::string_view value) {
  take_batch(key, value);
  // The first batch behind it shows whether a stretch that can't be read has cost anything.
  if (unread_ && !bad_) tell_unread();
}

void EventsCheck::take_batch(std::string_view key, std::string_view value) {
  if (key.size() != 16) {
    findings_.add({.weight = Finding::Weight::damage,
                   .topic = {},
                   .offsets = {},
                   .what = "a batch lies under a key that is none of a batch",
                   .where = {},
                   .around = {}});
    return;
  }
  const TopicId id{load_be64(key)};
  const Offset first{load_be64(key.substr(8))};
  if (!id_ || *id_ != id) enter(id);
  if (topic_ == nullptr) {
    run_.report.unclaimed_bytes += value.size();
    return;
  }
  const auto batch = BatchView::parse(id, first, value);
  if (!batch) return bad_batch(first, value, batch.errc());
  check_place(*batch);
  check_epoch(batch->header());
  count(*batch);
  // One that lies within another has been told of, and what follows is not held against it.
  if (before_ && batch->end() < end_of(*before_)) return;
  before_ = batch->header();
  bytes_ = batch->header().bytes_before + batch->stored_bytes();
}

void EventsCheck::bad_batch(Offset first, std::string_view value, Errc code) {
  // The header may be as wrong as the rest, so only what it could say is believed of it.
  Offset end{first.value < kMaxInteger ? first.value + 1 : first.value};
  if (const auto header = peek_header(value);
      header && header->first == first && header->count <= kMaxBatchEvents)
    end = end_of(*header);
  miss_before(first);
  mark_bad(first, end,
           {.what = code == Errc::store_newer_format
                        ? "a batch is of a later version of Tidemark"
                        : "a batch is damaged: its checksum or its shape is wrong",
            .where = "the batch under topic id " + std::to_string(topic_->id.value) + ", offset " +
                     std::to_string(first.value)});
}

/// What is missing before a batch whose own epoch can't be read: the topic's history has it.
void EventsCheck::miss_before(Offset first) {
  if (bad_) return;
  const Offset next = before_ ? end_of(*before_) : expected_;
  const auto& lineage = topic_->lineage;
  const Epoch epoch = before_ ? before_->epoch : position_at(lineage, next).epoch;
  if (first > next && position_at(lineage, first).epoch <= epoch) miss(next, first, {0});
}

void EventsCheck::mark_bad(Offset first, Offset end, const DamageWords& words) {
  constexpr std::size_t kMaxWhere = 256;
  if (!bad_) {
    bad_ = BadStretch{.first = first, .end = end, .what = words.what, .where = words.where};
    return;
  }
  bad_->end = std::max(bad_->end, end);
  if (bad_->where.size() < kMaxWhere && bad_->where.find(words.where) == std::string::npos)
    bad_->where += (bad_->where.empty() ? "" : "; ") + words.where;
}

std::string EventsCheck::readable_before() const {
  return before_ ? "up to " + std::to_string(before_->first.value + before_->count - 1)
                 : std::string();
}

/// What has been bad ends before `end`; whether a good batch begins there.
void EventsCheck::end_bad(Offset end, bool readable_behind) {
  const auto bad = *std::exchange(bad_, std::nullopt);
  const OffsetRange lost{.first = std::max(bad.first, expected_), .end = end};
  // A batch that nobody needs any more, or no batch at all, was where it can't be read.
  if (lost.empty() && (readable_behind || bad.end > bad.first)) return;
  topic_->events_damaged = true;
  if (unread_) unread_->told = true;
  std::string around = readable_before();
  if (readable_behind)
    around += (around.empty() ? "from " : " and from ") + std::to_string(end.value) + " on";
  findings_.add({.weight = Finding::Weight::damage,
                 .topic = topic_->name,
                 .offsets = lost.empty() ? OffsetRange{} : lost,
                 .what = lost.empty() ? "events from " + std::to_string(lost.first.value) +
                                            " on can't be read, if there are any: " + bad.what
                                      : bad.what,
                 .where = bad.where,
                 .around = around.empty() ? "" : "events can be read " + around});
}

/// Events that should be there and are not. `behind`: where they begin again; 0: nowhere.
void EventsCheck::miss(Offset first, Offset end, Offset behind) {
  const OffsetRange lost{.first = std::max(first, expected_), .end = end};
  if (lost.empty()) return;
  topic_->events_damaged = true;
  std::string around = readable_before();
  if (behind.value != 0)
    around += (around.empty() ? "from " : " and from ") + std::to_string(behind.value) + " on";
  tell(Finding::Weight::damage, lost, "events are missing",
       around.empty() ? "" : "events can be read " + around);
}

/// Events that are not there between two batches. A later epoch explains it: they were given up,
/// and clients are told so.
void EventsCheck::check_hole(OffsetRange hole, Epoch behind, Epoch before) {
  if (hole.empty()) return;
  if (behind <= before) return miss(hole.first, hole.end, hole.end);
  tell(Finding::Weight::note, hole,
       "events were given up; epoch " + std::to_string(behind.value) + " begins behind them");
}

/// Where a batch lies in relation to the one before it.
void EventsCheck::check_place(const BatchView& batch) {
  const auto& header = batch.header();
  const OffsetRange offsets{.first = header.first, .end = batch.end()};
  if (header.first < own_)
    tell(Finding::Weight::damage, offsets, "events lie in its own log that it has inherited");
  if (bad_) {
    end_bad(header.first, true);
    return;
  }
  if (!before_) {
    check_hole({.first = expected_, .end = header.first}, header.epoch,
               position_at(topic_->lineage, expected_).epoch);
    return;
  }
  const Offset expected = end_of(*before_);
  check_hole({.first = expected, .end = header.first}, header.epoch, before_->epoch);
  if (header.first < expected)
    tell(Finding::Weight::damage, {.first = header.first, .end = std::min(expected, batch.end())},
         "two batches hold the same offsets");
  // Behind a hole the bytes of what is missing may be counted or not.
  const bool adds_up =
      header.first == expected ? header.bytes_before == bytes_ : header.bytes_before >= bytes_;
  if (header.first >= expected && !adds_up)
    tell(Finding::Weight::damage, offsets, "the bytes before the batch do not add up");
  if (header.time < before_->time)
    tell(Finding::Weight::note, offsets, "the time of the batch is before that of the one before");
}

void EventsCheck::check_epoch(const BatchHeader& header) {
  const auto& lineage = topic_->lineage;
  while (epoch_ + 1 < lineage.size() && lineage[epoch_ + 1].first <= header.first) ++epoch_;
  const bool within = epoch_ + 1 == lineage.size() || end_of(header) <= lineage[epoch_ + 1].first;
  if (lineage[epoch_].epoch == header.epoch && within) return;
  tell(Finding::Weight::damage, {.first = header.first, .end = end_of(header)},
       "the epoch of the batch is not that of the topic's history");
}

void EventsCheck::count(const BatchView& batch) {
  ++run_.report.batches;
  const Offset first = std::max(batch.header().first, topic_->needed_from);
  const Offset end = std::min(batch.end(), last_.next());
  if (end > first) run_.report.events += end.value - first.value;
  // The last batch of a topic stays, needed or not, so each counts once there is another.
  run_.report.unclaimed_bytes += old_bytes_;
  old_bytes_ = batch.end() <= topic_->needed_from ? batch.stored_bytes() : 0;
}

/// The end of a topic, against what its metadata knows of it.
void EventsCheck::check_tail() {
  const Offset newest = topic_->lineage.back().first;
  const Offset read = before_ ? end_of(*before_) : own_;  // one behind what has been read
  if (bad_) {
    end_bad(std::max(bad_->end, newest), false);
  } else if (newest > read) {
    const Epoch epoch = before_ ? before_->epoch : position_at(topic_->lineage, expected_).epoch;
    if (topic_->lineage.back().epoch <= epoch) miss(read, newest, {0});
  }
  const Offset known = std::max(read, newest);
  // An imported topic may begin with nothing at its first retained event.
  if (before_ && topic_->earliest > known && !topic_->events_damaged) {
    const bool accepted = topic_->incident < run_.store.loss;
    tell(accepted ? Finding::Weight::note : Finding::Weight::damage, {},
         "events up to " + std::to_string(topic_->earliest.value - 1) +
             " have been trimmed, but the log ends with " + std::to_string(known.value - 1) +
             (accepted ? ": a loss that was accepted" : ""));
  }
  topic_->head = {std::max(known, topic_->earliest).value - 1};
}

/// The end of the part of a log that has been read.
void EventsCheck::check_part_end() {
  const Offset end = last_.next();
  const Offset read = before_ ? end_of(*before_) : own_;
  if (bad_) {
    end_bad(end, false);
  } else if (read < end) {
    miss(read, end, {0});
  }
  topic_->head = last_;
}

void EventsCheck::take_damage(const ScanDamage& damage) {
  if (!bad_) tell_unread();
  const auto id_of = [](std::string_view key, std::uint64_t none) {
    return TopicId{key.size() >= 8 ? load_be64(key) : none};
  };
  unread_ = UnreadKeys{.from = id_of(damage.after, 0),
                       .to = id_of(damage.before, kMaxInteger),
                       .words = words_of(damage.what)};
  if (topic_ == nullptr) return;
  const Offset first = before_ ? end_of(*before_) : expected_;
  mark_bad(first, first, unread_->words);
}

/// Of a stretch that has cost no topic anything, as far as can be seen.
void EventsCheck::tell_unread() {
  if (unread_ && !unread_->told)
    findings_.add({.weight = Finding::Weight::damage,
                   .topic = {},
                   .offsets = {},
                   .what = "a stretch of the events can't be read: " + unread_->words.what,
                   .where = unread_->words.where,
                   .around = "no topic needs what lies there, as far as can be seen"});
  unread_.reset();
}

}  // namespace

void check_events(VerifyRun& run) { EventsCheck(run).all(); }

void check_events(VerifyRun& run, KnownTopic& topic, Offset last) {
  EventsCheck(run).one(topic, last);
}

void check_inherited(VerifyRun& run) {
  for (const auto& topic : run.topics.all()) {
    const auto parts = run.store.origins.find(topic.id);
    if (!topic.origin || parts == run.store.origins.end()) continue;
    for (const auto& part : parts->second) {
      const auto* const source = run.topics.find(part.topic);
      if (source == nullptr || source->events_damaged || source->head >= part.last) continue;
      run.findings.add({.weight = Finding::Weight::damage,
                        .topic = topic.name,
                        .offsets = {.first = source->head.next(), .end = part.last.next()},
                        .what = "events it has inherited are missing",
                        .where = {},
                        .around = source->name + ", which has them, ends with event " +
                                  std::to_string(source->head.value)});
    }
  }
}

}  // namespace tidemark::storage

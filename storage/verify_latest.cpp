// The newest event of each key, against the events: the index beside the log.
// storage/: a step of a verification; see verify_steps.hpp.
#include <algorithm>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/checked_value.hpp"
#include "storage/key_codec.hpp"
#include "storage/record_batch.hpp"
#include "storage/verify_steps.hpp"

namespace tidemark::storage {
namespace {

constexpr std::size_t kIdBytes = 8;
// 12 MiB. A topic of more keys has its events read once more for each so many.
constexpr std::size_t kKeysAtOnce = std::size_t{1} << 19;
constexpr std::uint64_t kStopBytes = std::uint64_t{1} << 20;

std::uint64_t hash_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

/// What is kept of an entry until the events have been read: hashes, so that memory is bounded
/// whatever keys and records are like.
struct Entry {
  std::uint64_t key = 0;
  Offset offset;
  std::uint64_t record = 0;  ///< 0: its event has been seen
};

class LatestCheck {
 public:
  explicit LatestCheck(VerifyRun& run) : run_(run) {}
  void check(const KeysOf& keys);

 private:
  void take(std::string_view key, std::string_view value);
  void take_damage(const ScanDamage& damage);
  void take_entry(std::string_view key, std::string_view value);
  void read_events();
  void see_batch(const BatchView& batch);
  [[nodiscard]] bool given_up(Offset offset) const;
  void see_event(std::string_view record, const EventView& event);
  void judge_counts(const KeysOf& keys);
  void tell(const KnownTopic& topic, std::string what, OffsetRange offsets = {}) {
    run_.findings.add({.weight = Finding::Weight::damage,
                       .topic = topic.name,
                       .offsets = offsets,
                       .what = std::move(what),
                       .where = {},
                       .around = {}});
  }

  VerifyRun& run_;
  KnownTopic* topic_ = nullptr;  ///< of which entries are being collected
  std::vector<Entry> entries_;
  Offset next_;                     ///< behind the last batch that has been seen
  std::vector<OffsetRange> holes_;  ///< between them; there are no more than epochs
};

void LatestCheck::check(const KeysOf& keys) {
  run_.each(
      Family::keys, keys.begin, keys.end,
      [this](std::string_view key, std::string_view value) {
        take(key, value);
        return !run_.report.stopped;
      },
      [this](const ScanDamage& damage) { take_damage(damage); });
  read_events();
  if (!run_.report.stopped) judge_counts(keys);
  run_.at = {};
}

void LatestCheck::take(std::string_view key, std::string_view value) {
  auto* const topic = key.size() < kIdBytes ? nullptr : run_.topics.find({load_be64(key)});
  if (topic != topic_ || entries_.size() >= kKeysAtOnce) read_events();
  topic_ = topic;
  if (topic == nullptr) {
    run_.report.unclaimed_bytes += value.size();
    return;
  }
  run_.at = topic->name;
  ++run_.report.keys;
  ++topic->keys_seen;
  take_entry(key, value);
}

void LatestCheck::take_entry(std::string_view key, std::string_view value) {
  const std::string_view name = key.substr(kIdBytes);
  const auto whose = [&] { return "the newest event of key " + quoted_bytes(name); };
  const auto latest = decode_latest(key, value);
  if (!latest) return tell(*topic_, whose() + " " + undecodable(latest.errc()));
  const auto event = parse_record(latest->record, latest->offset, latest->time);
  if (!event || event->key != name)
    return tell(*topic_, whose() + (event ? " has another key" : " is damaged"));
  if (latest->offset > topic_->head && !topic_->events_damaged)
    return tell(*topic_, whose() + " is said to be " + std::to_string(latest->offset.value) +
                             ", behind the end of the log");
  const std::uint64_t record =
      hash_of(latest->record) ^ static_cast<std::uint64_t>(latest->time.ms);
  entries_.push_back({.key = hash_of(name),
                      .offset = latest->offset,
                      .record = std::max<std::uint64_t>(record, 1)});
}

/// Holds what has been collected against the events that are retained.
void LatestCheck::read_events() {
  if (entries_.empty() || run_.report.stopped) return entries_.clear();
  std::ranges::sort(entries_, {}, &Entry::key);
  std::uint64_t unsaid = 0;
  next_ = topic_->earliest;
  holes_.clear();
  const TopicId id = topic_->id;
  run_.scan.each(
      Family::events, topic_key(id), topic_key({id.value + 1}),
      [&](std::string_view key, std::string_view value) {
        unsaid += value.size();
        if (unsaid >= kStopBytes) {
          unsaid = 0;
          if (!run_.may_go_on()) return false;
        }
        if (key.size() != 16) return true;
        // What is damaged has been told when the events were read for themselves.
        const auto batch = BatchView::parse(id, {load_be64(key.substr(kIdBytes))}, value);
        if (batch && batch->end() > topic_->earliest) see_batch(*batch);
        return true;
      },
      [](const ScanDamage&) {});
  if (!run_.report.stopped && !topic_->events_damaged)
    for (const auto& entry : entries_)
      if (entry.record != 0 && entry.offset >= topic_->earliest && !given_up(entry.offset))
        tell(*topic_, "the newest event of a key is not in the log as it is beside it",
             {.first = entry.offset, .end = entry.offset.next()});
  entries_.clear();
}

/// A key whose newest event is gone with others before a new epoch keeps it.
bool LatestCheck::given_up(Offset offset) const {
  return std::ranges::any_of(holes_, [offset](const OffsetRange& hole) {
    return offset >= hole.first && offset < hole.end;
  });
}

void LatestCheck::see_batch(const BatchView& batch) {
  if (batch.header().first > next_) holes_.push_back({.first = next_, .end = batch.header().first});
  next_ = std::max(next_, batch.end());
  std::uint32_t begin = 0;
  for (std::uint32_t i = 0; i < batch.count(); ++i) {
    const std::uint32_t end = batch.record_end(i);
    const auto event = batch.event(i);
    if (!event.key.empty() && event.offset >= topic_->earliest)
      see_event(batch.records().substr(begin, end - begin), event);
    begin = end;
  }
}

void LatestCheck::see_event(std::string_view record, const EventView& event) {
  const std::uint64_t key = hash_of(event.key);
  const auto entry = std::ranges::lower_bound(entries_, key, {}, &Entry::key);
  if (entry == entries_.end() || entry->key != key || event.offset < entry->offset) return;
  if (event.offset > entry->offset) {
    tell(*topic_, "the log has a newer event of a key than is kept beside it",
         {.first = event.offset, .end = event.offset.next()});
    return;
  }
  const std::uint64_t hash = hash_of(record) ^ static_cast<std::uint64_t>(event.time.ms);
  if (std::max<std::uint64_t>(hash, 1) == entry->record) entry->record = 0;
}

void LatestCheck::judge_counts(const KeysOf& keys) {
  const auto read = [&](const KnownTopic& topic) {
    const auto key = topic_key(topic.id);
    return key >= keys.begin && key < keys.end;
  };
  for (const auto& topic : run_.topics.all())
    if (read(topic) && topic.keys != topic.keys_seen && !topic.keys_unread)
      tell(topic, "its keys are counted as " + std::to_string(topic.keys) + ", but there are " +
                      std::to_string(topic.keys_seen));
}

void LatestCheck::take_damage(const ScanDamage& damage) {
  const auto id_of = [](std::string_view key, std::uint64_t none) {
    return TopicId{key.size() >= kIdBytes ? load_be64(key) : none};
  };
  const TopicId first = id_of(damage.after, 0);
  const TopicId last = id_of(damage.before, kMaxInteger);
  for (auto& topic : run_.topics.all())
    if (topic.id >= first && topic.id <= last) topic.keys_unread = true;
  const auto* const after = run_.topics.find(first);
  const auto words = words_of(damage.what);
  const auto key_of = [](std::string_view key) {
    return quoted_bytes(key.substr(std::min(key.size(), kIdBytes)));
  };
  std::string around;
  if (!damage.after.empty()) around += "up to " + key_of(damage.after);
  if (!damage.before.empty())
    around += (around.empty() ? "from " : " and from ") + key_of(damage.before) + " on";
  run_.findings.add({.weight = Finding::Weight::damage,
                     .topic = after != nullptr && first == last ? after->name : "",
                     .offsets = {},
                     .what = "the newest events of keys can't be read: " + words.what,
                     .where = words.where,
                     .around = around.empty() ? "" : "they can be read by key " + around});
}

}  // namespace

void check_latest(VerifyRun& run, const KeysOf& keys) { LatestCheck(run).check(keys); }

}  // namespace tidemark::storage

// Keys, a stored state, producers and cursors of a salvaged topic: see repair_beside.hpp.
// storage/: each has its own checksum or is checked against what can be.
#include "storage/repair_beside.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "storage/checked_value.hpp"
#include "storage/key_codec.hpp"
#include "storage/lineage.hpp"

namespace tidemark::storage {
namespace {

constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kPendingKeys = 4096;

/// The last event of a producer's runs; nullopt: they make no sense.
std::optional<Offset> last_of(const ProducerState& state) {
  Offset last;
  for (const auto& run : state.runs) {
    const bool sane = run.requests > 0 && run.events > 0 && run.first.value > 0 &&
                      run.first.value <= kMostRepaired && run.requests <= kMostRepaired &&
                      run.events <= kMostRepaired / run.requests &&
                      run.requests * run.events <= kMostRepaired - run.first.value;
    if (!sane) return std::nullopt;
    last = std::max(last, Offset{run.first.value + run.requests * run.events - 1});
  }
  return last;
}

class BesideSalvage {
 public:
  BesideSalvage(RepairWork& work, const SurveyedTopic& topic, const RepairedLineages& lineages)
      : work_(work), topic_(topic), id_(topic.meta.id), lineages_(lineages) {}

  BesideFound run() {
    if (topic_.meta.settings.keep_latest || topic_.nameless) read_keys();
    if (keys_damaged_ && topic_.meta.settings.keep_latest) find_keys();
    read_state();
    read_producers();
    read_cursors();
    found_.complete = going_on();
    return found_;
  }

 private:
  template <class Take>
  void each(Family family, std::string_view what, const Take& take);
  void read_keys();
  void take_key(std::string_view key, std::string_view value);
  void find_keys();
  void find_key(const EventView& event);
  void flush_keys();
  void read_state();
  void read_producers();
  void read_cursors();
  [[nodiscard]] Position moved(Position position);
  [[nodiscard]] bool going_on() const { return !stopped_ && work_.target.status(); }
  void know(Offset offset) { found_.known = std::max(found_.known, offset); }
  void lose(std::string what) {
    work_.loss({.topic = topic_.label, .offsets = {}, .what = std::move(what)});
  }

  RepairWork& work_;
  const SurveyedTopic& topic_;
  const TopicId id_;
  const RepairedLineages lineages_;
  BesideFound found_;
  bool keys_damaged_ = false;
  std::map<std::string, LatestUpdate, std::less<>> pending_;  ///< keys found among the events
  bool stopped_ = false;
};

/// Calls `take` with the key without the topic's id, and the whole one.
template <class Take>
void BesideSalvage::each(Family family, std::string_view what, const Take& take) {
  if (!going_on()) return;
  work_.scan.each(
      family, topic_key(id_), topic_key({id_.value + 1}),
      [&](std::string_view key, std::string_view value) {
        stopped_ = !work_.read(key.size() + value.size());
        if (going_on()) take(key, value);
        return going_on();
      },
      [&](const ScanDamage& damage) {
        keys_damaged_ = keys_damaged_ || family == Family::keys;
        lose(std::string(what) + " can't be read: " + damage.what);
      });
}

// ---- keys ----

void BesideSalvage::read_keys() {
  each(Family::keys, "the newest events of some keys",
       [this](std::string_view key, std::string_view value) { take_key(key, value); });
}

void BesideSalvage::take_key(std::string_view key, std::string_view value) {
  const auto latest = decode_latest(key, value);
  const auto name = key.substr(kIdBytes);
  const auto event = latest ? parse_record(latest->record, latest->offset, latest->time)
                            : Result<EventView>(Errc::corrupt_record);
  if (!event || event->key != name || latest->offset.value > kMostRepaired) {
    keys_damaged_ = true;
    lose("the newest event of the key " + std::string(name) + " is damaged");
    return;
  }
  know(latest->offset);
  ++found_.keys;
  work_.target.add(LatestUpdate{.topic = id_,
                                .key = std::string(name),
                                .offset = latest->offset,
                                .time = latest->time,
                                .record = std::string(latest->record)});
}

void BesideSalvage::find_keys() {
  work_.target.flush();
  work_.scan.each(
      Family::events, topic_key(id_), topic_key({id_.value + 1}),
      [&](std::string_view key, std::string_view value) {
        if (key.size() != 2 * kIdBytes) return true;
        const auto batch = BatchView::parse(id_, {load_be64(key.substr(kIdBytes))}, value);
        for (std::uint32_t i = 0; batch && i < batch->count(); ++i) find_key(batch->event(i));
        stopped_ = !work_.read(0);
        return going_on();
      },
      [](const ScanDamage&) {});  // told of already
  flush_keys();
}

void BesideSalvage::find_key(const EventView& event) {
  if (event.key.empty()) return;
  const auto pending = pending_.find(event.key);
  // A pending one without a record is gone; its offset still counts against what is older.
  const std::optional<Offset> newest =
      pending != pending_.end() ? pending->second.offset : work_.target.latest(id_, event.key);
  if (newest && *newest >= event.offset) return;
  const bool there =
      pending != pending_.end() ? !pending->second.record.empty() : newest.has_value();
  const bool gone = is_tombstone(event.data, payload_of(topic_.meta.settings.content_type));
  if (gone && !there) return;
  if (gone) --found_.keys;
  if (!gone && !there) ++found_.keys;
  LatestUpdate update{.topic = id_,
                      .key = std::string(event.key),
                      .offset = event.offset,
                      .time = event.time,
                      .record = {}};
  if (!gone) {
    NewEvent again;
    again.key = event.key;
    again.data = event.data;
    for (const auto& header : event.headers)
      again.headers.push_back(
          {.name = std::string(header.name), .value = std::string(header.value)});
    append_record(update.record, again);
  }
  pending_.insert_or_assign(std::string(event.key), std::move(update));
  if (pending_.size() >= kPendingKeys) flush_keys();
}

void BesideSalvage::flush_keys() {
  for (auto& [key, update] : pending_) work_.target.add(std::move(update));
  pending_.clear();
  work_.target.flush();
}

// ---- the rest ----

// Who had everything up to an offset has it still: the events that are left are the same.
Position BesideSalvage::moved(Position position) {
  if (position.epoch.value == 0 || position.offset.value > kMostRepaired) return position;
  if (!check_position(lineages_.old.empty() ? lineages_.now : lineages_.old, {kMaxInteger},
                      position))
    return position;
  know(position.offset);
  if (lineages_.now.empty() || check_position(lineages_.now, {kMaxInteger}, position))
    return position;
  return position_at(lineages_.now, position.offset);
}

void BesideSalvage::read_state() {
  each(Family::states, "its stored state", [this](std::string_view key, std::string_view value) {
    auto state = decode_state(key, value);
    if (!state || key.size() != kIdBytes) {
      lose("its stored state is damaged");
      return;
    }
    state->position = moved(state->position);
    work_.target.add(StateUpdate{.topic = id_, .state = std::move(*state)});
  });
}

void BesideSalvage::read_producers() {
  each(Family::producers, "what is remembered of some producers",
       [this](std::string_view key, std::string_view value) {
         auto state = decode_value<ProducerState>(value);
         const std::string id(key.substr(kIdBytes));
         const auto last = state ? last_of(*state) : std::nullopt;
         if (!last || id.empty()) {
           lose("what is remembered of the producer " + id + " is damaged");
           return;
         }
         know(*last);
         work_.target.add(ProducerUpdate{.topic = id_, .id = id, .state = std::move(*state)});
       });
}

void BesideSalvage::read_cursors() {
  each(Family::cursors, "some cursors", [this](std::string_view key, std::string_view value) {
    auto cursor = decode_cursor(key, value);
    const std::string name(key.substr(kIdBytes));
    if (!cursor || !check_cursor_name(name)) {
      lose("the cursor " + name + " is damaged");
      return;
    }
    cursor->position = moved(cursor->position);
    work_.target.add(CursorUpdate{.topic = id_, .name = name, .cursor = *cursor});
  });
}

}  // namespace

BesideFound salvage_beside(RepairWork& work, const SurveyedTopic& topic,
                           const RepairedLineages& lineages) {
  return BesideSalvage(work, topic, lineages).run();
}

}  // namespace tidemark::storage

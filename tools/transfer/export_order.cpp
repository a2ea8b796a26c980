// The rules of items, and of what may follow what.
// tools/transfer/: see export_order.hpp. Nothing here believes what a file says.
#include "tools/transfer/export_order.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "storage/producers.hpp"
#include "storage/requests.hpp"

namespace tidemark::tools {
namespace {

using Fault = std::optional<std::string>;

constexpr std::size_t kWhyBytes = 1024;
constexpr std::int64_t kMostMs = static_cast<std::int64_t>(kMaxInteger);
constexpr std::int64_t kMostSeconds = kMostMs / 1000;

std::string text(Offset offset) { return std::to_string(offset.value); }
std::string text(Errc code) { return std::string(info(code).text); }

bool is_visible(char c) { return c > ' ' && c <= '~'; }
bool is_time(Timestamp time) { return time.ms >= 0 && time.ms <= kMostMs; }

Fault check_times(const ExportTopic& topic) {
  const auto& settings = topic.settings;
  const auto age = settings.retention.max_age.count();
  const bool right =
      is_time(topic.created) && age >= 0 && age <= kMostMs &&
      (!settings.expires_at || is_time(*settings.expires_at)) &&
      (!settings.ttl || (settings.ttl->count() >= 0 && settings.ttl->count() <= kMostSeconds));
  return right ? Fault() : "a time of the topic is out of range";
}

Fault check_lineage(const ExportTopic& topic) {
  if (topic.lineage.empty()) return "the topic has no epoch";
  Epoch epoch;
  Offset first{1};
  for (const auto& start : topic.lineage) {
    if (start.epoch <= epoch || start.epoch.value > kMaxInteger)
      return "its epochs do not follow one another";
    if (start.first < first) return "its epochs begin before one another";
    epoch = start.epoch;
    first = start.first;
  }
  if (first > topic.head.next()) return "its last epoch begins behind its end";
  return std::nullopt;
}

Fault check_topic(const ExportTopic& topic) {
  if (const auto name = TopicName::parse(topic.name); !name) return text(name.errc());
  if (!valid_content_type(topic.settings.content_type)) return text(Errc::invalid_content_type);
  if (topic.head.value >= kMaxInteger) return "its last offset is out of range";
  if (topic.earliest.value == 0 || topic.earliest > topic.head.next())
    return "its earliest offset is not within its log";
  const bool visible = std::ranges::all_of(topic.last_sequence, is_visible);
  if (!visible || topic.last_sequence.size() > storage::kMaxSequenceBytes)
    return "its last sequence is none that a publisher can give";
  if (auto fault = check_times(topic)) return fault;
  return check_lineage(topic);
}

// Pre: first >= 1.
Fault check_run(const storage::ProducerState::Run& run, Offset head) {
  const std::uint64_t room = head.value + 1 - run.first.value;
  const bool fits = run.events == 0 || run.requests <= room / run.events;
  if (run.requests == 0 || !fits) return "what it remembers of the producer is not within the log";
  return std::nullopt;
}

Fault check_state(const storage::ProducerState& state, Offset head) {
  if (!is_time(state.last_used)) return "a time of the producer is out of range";
  if (state.runs.size() > storage::kMaxProducerRuns) return "it remembers too much of the producer";
  for (const auto& run : state.runs) {
    if (run.first.value == 0 || run.first > head.next())
      return "what it remembers of the producer is not within the log";
    if (auto fault = check_run(run, head)) return fault;
  }
  return std::nullopt;
}

bool is_position(Position position) {
  return position.epoch.value <= kMaxInteger && position.offset.value <= kMaxInteger;
}

}  // namespace

std::optional<std::string> ExportOrder::take(ExportItem& item) {
  if (part_ == Part::end) return "something follows its end";
  auto fault = std::visit([this](auto& each) { return take_item(each); }, item);
  if (!fault) ++items_;
  return fault;
}

Fault ExportOrder::take_item(ExportHead& head) {
  if (part_ != Part::nothing) return "it begins twice";
  if (!is_time(head.time)) return "its time is out of range";
  part_ = Part::head;
  return std::nullopt;
}

Fault ExportOrder::complete() const {
  if (part_ == Part::nothing) return "it does not begin as an export does";
  if (!topic_ || next_ == topic_->head.next()) return std::nullopt;
  return "events of " + topic_->name + " are missing from offset " + text(next_) + " on";
}

Fault ExportOrder::take_item(ExportTopic& topic) {
  if (auto fault = complete()) return fault;
  if (auto fault = check_topic(topic)) return fault;
  if (topic_ && topic.name <= topic_->name)
    return "the topic " + topic.name + " comes behind " + topic_->name;
  topic_ = topic;
  payload_ = payload_of(topic.settings.content_type);
  next_ = topic.earliest;
  last_.clear();
  part_ = Part::events;
  ++topics_;
  return std::nullopt;
}

// ---- events ----

Fault ExportOrder::take_offsets(OffsetRange offsets) {
  if (part_ != Part::events) return "events stand where there can be none";
  if (offsets.first != next_) {
    return "offset " + text(offsets.first) + " stands where " + text(next_) + " has to follow";
  }
  if (offsets.empty()) return "a range of offsets is empty";
  if (offsets.end > topic_->head.next()) {
    return "offsets go on behind the topic's end, " + text(topic_->head);
  }
  next_ = offsets.end;
  return std::nullopt;
}

Fault ExportOrder::take_item(ExportEvents& item) {
  if (part_ != Part::events) return "events stand where there can be none";
  if (item.events.empty()) return "there are no events where there should be some";
  if (!is_time(item.time)) return "the time of an event is out of range";
  // Before anything is added to it: it may be any number.
  if (item.first != next_)
    return "offset " + text(item.first) + " stands where " + text(next_) + " has to follow";
  const Offset end{item.first.value + item.events.size()};
  const Offset last{end.value - 1};
  const auto& lineage = topic_->lineage;
  if (storage::position_at(lineage, item.first).epoch != item.epoch ||
      storage::position_at(lineage, last).epoch != item.epoch) {
    return "the events from offset " + text(item.first) + " on are not of their epoch";
  }
  for (auto& event : item.events) {
    if (const auto checked = check_event(event, payload_, limits::event_bytes); !checked)
      return text(checked.errc());
  }
  if (auto fault = take_offsets({item.first, end})) return fault;
  events_ += item.events.size();
  return std::nullopt;
}

Fault ExportOrder::take_item(ExportGap& gap) {
  if (gap.why.size() > kWhyBytes || !valid_utf8(gap.why)) return "the cause of a gap is no text";
  return take_offsets(gap.offsets);
}

// ---- what is beside them ----

// Each part has its own names, in order; `name` is the item's.
Fault ExportOrder::take_beside(Part part, const std::string& name) {
  if (part_ < Part::events) return "something stands before the first topic";
  if (auto fault = complete()) return fault;
  if (part_ > part) return "something stands behind what has to follow it";
  if (part_ == part && name <= last_) return "something stands twice, or out of order";
  part_ = part;
  last_ = name;
  return std::nullopt;
}

Fault ExportOrder::take_item(ExportKey& key) {
  if (!topic_ || !topic_->settings.keep_latest) return "a topic that keeps no keys has some";
  if (key.key.empty() || key.key != key.event.key) return "an event is not that of its key";
  if (key.offset.value == 0 || key.offset > topic_->head || !is_time(key.time))
    return "the event of a key is not within the log";
  if (const auto checked = check_event(key.event, payload_, limits::event_bytes); !checked)
    return text(checked.errc());
  return take_beside(Part::keys, key.key);
}

Fault ExportOrder::take_item(ExportProducer& producer) {
  if (!topic_) return "something stands before the first topic";
  if (const auto checked = check_producer({.id = producer.id}); !checked)
    return text(checked.errc());
  if (auto fault = check_state(producer.state, topic_->head)) return fault;
  return take_beside(Part::producers, producer.id);
}

Fault ExportOrder::take_item(ExportCursor& cursor) {
  if (const auto checked = check_cursor_name(cursor.name); !checked) return text(checked.errc());
  const auto& stored = cursor.cursor;
  if (!is_position(stored.position) || !is_time(stored.created) || !is_time(stored.acknowledged))
    return "the position of a cursor is out of range";
  return take_beside(Part::cursors, cursor.name);
}

Fault ExportOrder::take_item(ExportState& item) {
  const auto& state = item.state;
  if (!valid_content_type(state.content_type)) return text(Errc::invalid_content_type);
  if (state.data.size() > limits::state_bytes) return text(Errc::state_too_large);
  if (!topic_ || state.position.epoch.value > kMaxInteger || state.position.offset > topic_->head ||
      !is_time(state.stored))
    return "the state is not of a position of the log";
  if (part_ == Part::state) return "a topic has two states";
  return take_beside(Part::state, {});
}

Fault ExportOrder::take_item(ExportEnd& end) {
  if (auto fault = complete()) return fault;
  if (end.topics != topics_ || end.events != events_) {
    return "it should hold " + std::to_string(end.events) + " events of " +
           std::to_string(end.topics) + " topics, and holds " + std::to_string(events_) + " of " +
           std::to_string(topics_);
  }
  part_ = Part::end;
  return std::nullopt;
}

}  // namespace tidemark::tools

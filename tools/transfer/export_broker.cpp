// Events one by one, put together as they were appended.
// tools/transfer/: see export_broker.hpp.
#include "tools/transfer/export_broker.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "broker/shapes/rfc3339.hpp"
#include "tools/json_values.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

using Part = ExportOrder::Part;

Timestamp time_of(const json::object& object, const char* name) {
  return broker::parse_rfc3339(text_of(object, name)).value_or(Timestamp{});
}

storage::RetentionPolicy retention_of(const json::object& topic) {
  const auto* value = topic.if_contains("retention");
  if (value == nullptr || !value->is_object()) return {};
  const auto& kept = value->get_object();
  const auto age = std::min(number_of(kept, "max_age_ms"), kMaxInteger);
  return {.max_events = number_of(kept, "max_events"),
          .max_bytes = number_of(kept, "max_bytes"),
          .max_age = std::chrono::milliseconds(static_cast<std::int64_t>(age))};
}

std::vector<storage::EpochStart> lineage_of(const json::object& topic) {
  std::vector<storage::EpochStart> out;
  const auto* value = topic.if_contains("lineage");
  if (value == nullptr || !value->is_array()) return out;
  for (const auto& each : value->get_array()) {
    if (!each.is_object()) continue;
    const auto& start = each.get_object();
    out.push_back({.epoch = {number_of(start, "epoch")}, .first = {number_of(start, "first")}});
  }
  return out;
}

ExportTopic topic_of(const json::object& object) {
  ExportTopic topic;
  auto& settings = topic.settings;
  topic.name = text_of(object, "name");
  settings.content_type = text_of(object, "content_type");
  settings.durability = text_of(object, "durability") == "buffered" ? storage::Durability::buffered
                                                                    : storage::Durability::synced;
  settings.retention = retention_of(object);
  const auto ttl = std::min(number_of(object, "ttl_seconds"), kMaxInteger / 1000);
  if (ttl > 0) settings.ttl = std::chrono::seconds(static_cast<std::int64_t>(ttl));
  if (object.contains("expires_at")) settings.expires_at = time_of(object, "expires_at");
  settings.keep_latest = flag_of(object, "keep_latest");
  topic.created = time_of(object, "created");
  topic.lineage = lineage_of(object);
  topic.earliest = {number_of(object, "earliest")};
  topic.head = {number_of(object, "head")};
  topic.closed = flag_of(object, "closed");
  return topic;
}

NewEvent event_of(const EventView& view) {
  NewEvent event{.data = std::string(view.data), .key = std::string(view.key), .headers = {}};
  for (const auto& header : view.headers)
    event.headers.push_back({std::string(header.name), std::string(header.value)});
  return event;
}

}  // namespace

ExportOrigin::Described BrokerExport::describe(const std::string& name) {
  json::object object;
  if (const auto failure = source_.topic(name, object)) {
    if (failure->code == "unknown_topic") return std::optional<ExportTopic>();
    return *failure;
  }
  auto topic = topic_of(object);
  // What an older broker says of a topic has no lineage, and without it there is no history.
  if (topic.name == name && !topic.lineage.empty()) return std::optional(std::move(topic));
  return HttpFailure{.exit = kFailed,
                     .text = "the broker does not say which epochs " + printable(name) +
                             " has had; is it of an earlier version?",
                     .code = {}};
}

std::optional<HttpFailure> BrokerExport::write(const ExportTopic& topic, const ExportPlace* place) {
  topic_ = topic;
  if (place == nullptr && !output_.put(topic)) return std::nullopt;
  const Part part = place == nullptr ? Part::events : place->part();
  const auto last_of = [&](Part of) { return part == of ? place->last() : std::string(); };
  if (part == Part::events) {
    if (auto failure = events(place == nullptr ? topic.earliest : place->next())) return failure;
  }
  if (output_.go_on() && part <= Part::producers) {
    if (auto failure = producers(last_of(Part::producers))) return failure;
  }
  if (output_.go_on() && part <= Part::cursors) return cursors(last_of(Part::cursors));
  return std::nullopt;
}

// ---- events ----

Failure BrokerExport::events(Offset from) {
  next_ = from;
  held_ = {};
  held_bytes_ = 0;
  const EventVisitor visitor{
      .event = [this](const EventView& event, Epoch epoch) { return take(event, epoch); },
      .gap =
          [this](const Gap& gap) {
            const bool damaged = gap.cause == GapCause::corrupt;
            static_cast<void>(lose(gap.lost, to_string(gap.cause), damaged));
          }};
  if (next_ <= topic_.head) {
    auto failure = source_.read(topic_.name, {.from = next_, .to = topic_.head}, visitor);
    if (!output_.go_on()) return std::nullopt;
    if (failure) {
      static_cast<void>(hand_on());  // an export that is resumed goes on behind it
      return failure;
    }
  }
  if (hand_on()) static_cast<void>(lose({next_, topic_.head.next()}, "missing", true));
  return std::nullopt;
}

bool BrokerExport::take(const EventView& event, Epoch epoch) {
  if (event.offset < next_) return output_.go_on();
  if (event.offset > topic_.head) return false;
  if (event.offset > next_ && !lose({next_, event.offset}, "missing", true)) return false;
  if (storage::position_at(topic_.lineage, event.offset).epoch != epoch)
    return lose({next_, next_.next()}, "of an epoch that is not the topic's", true);
  const bool joins = held_.epoch == epoch && held_.time == event.time &&
                     held_.events.size() < storage::kMaxBatchEvents &&
                     held_bytes_ < storage::kMaxBatchBytes;
  if (!joins && !hand_on()) return false;
  if (held_.events.empty()) {
    held_.epoch = epoch;
    held_.first = event.offset;
    held_.time = event.time;
  }
  held_.events.push_back(event_of(event));
  held_bytes_ += event.key.size() + event.headers.packed().size() + event.data.size();
  next_ = next_.next();
  return true;
}

// Writes what is held. False: the output has stopped.
bool BrokerExport::hand_on() {
  if (held_.events.empty()) return output_.go_on();
  bytes_read_ += held_bytes_;
  output_.at(bytes_read_, topic_.name);
  const bool written = output_.put(std::exchange(held_, {}));
  held_bytes_ = 0;
  return written;
}

// What of `lost` follows is a gap.
bool BrokerExport::lose(OffsetRange lost, std::string_view why, bool damaged) {
  if (!hand_on()) return false;
  const Offset end = std::min(lost.end, topic_.head.next());
  if (end <= next_) return true;
  const std::string what = printable(topic_.name) + ": offsets " + std::to_string(next_.value) +
                           " to " + std::to_string(end.value - 1) +
                           " can't be had: " + std::string(why);
  damaged ? output_.damage(what) : output_.notice(what);
  const ExportGap gap{.offsets = {next_, end}, .why = std::string(why)};
  next_ = end;
  return output_.put(gap);
}

// ---- what is beside them ----

Failure BrokerExport::producers(const std::string& after) {
  std::uint64_t newer = 0;
  auto failure = source_.producers(topic_.name, [&](const json::object& object) {
    ExportProducer producer;
    producer.id = text_of(object, "producer");
    if (!after.empty() && producer.id <= after) return true;
    if (number_of(object, "last_offset") > topic_.head.value) {
      ++newer;
      return true;
    }
    producer.state.epoch = number_of(object, "epoch");
    producer.state.last_sequence = number_of(object, "sequence");
    producer.state.last_used = time_of(object, "last_used");
    return output_.put(producer);
  });
  if (newer > 0) {
    output_.notice(printable(topic_.name) + ": " + grouped(newer) +
                   " producers have gone on since the export began, and are left out");
  }
  return failure;
}

Failure BrokerExport::cursors(const std::string& after) {
  return source_.cursors(topic_.name, [&](const json::object& object) {
    ExportCursor cursor;
    cursor.name = text_of(object, "cursor");
    if (!after.empty() && cursor.name <= after) return true;
    cursor.cursor.position = {.epoch = {number_of(object, "epoch")},
                              .offset = {number_of(object, "offset")}};
    cursor.cursor.created = time_of(object, "created");
    cursor.cursor.acknowledged = time_of(object, "acknowledged");
    cursor.cursor = cursor_at(cursor.cursor, topic_);
    return output_.put(cursor);
  });
}

}  // namespace tidemark::tools

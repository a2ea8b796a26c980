// Asked over HTTP, but for the time of the last event that goes, which is read.
// tools/: see topic_loss.hpp.
#include "tools/topic_loss.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>

#include "protocol/position_token.hpp"
#include "storage/settings.hpp"
#include "tools/json_values.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace json = boost::json;

namespace {

/// An offset in an answer; one that is none of the protocol's would overflow.
Offset offset_of(const json::object& object, const char* name) {
  return {std::min(number_of(object, name), kMaxInteger - 1)};
}

json::object object_of(const json::object& object, const char* name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_object() ? found->get_object() : json::object();
}

std::optional<Timestamp> moment_of(const json::object& object, const char* name) {
  return parse_time(text_of(object, name), {});
}

std::vector<storage::EpochStart> lineage_of(const json::object& topic) {
  std::vector<storage::EpochStart> out;
  if (const auto* lineage = topic.if_contains("lineage"); lineage && lineage->is_array()) {
    for (const auto& start : lineage->get_array()) {
      if (!start.is_object()) continue;
      const auto& object = start.get_object();
      out.push_back({.epoch = {std::min(number_of(object, "epoch"), kMaxInteger)},
                     .first = offset_of(object, "first")});
    }
  }
  return out;
}

/// The first event that a cursor has not.
Offset next_of(const json::object& cursor, Offset head) {
  if (flag_of(cursor, "in_epoch")) return offset_of(cursor, "offset").next();
  // It is of an earlier history, and what it has in common with this one is less than its offset.
  const auto behind = number_of(object_of(cursor, "lag"), "events");
  return {head.value + 1 - std::min(behind, head.value)};
}

/// Those that lose events before `keep`; with `all` the others too.
Failure find_cursors(TopicLook& look, Offset keep, bool all, TopicLoss& out) {
  const auto earliest = look.earliest();
  const auto head = look.head();
  return look.source->cursors(look.name(), [&](const json::object& cursor) {
    const auto next = std::max(next_of(cursor, head), earliest);
    const std::uint64_t loses = keep > next ? keep.value - next.value : 0;
    if (loses == 0 && !all) return true;
    ++out.cursor_count;
    if (out.cursors.size() < TopicLoss::kMostNamed) {
      out.cursors.push_back({.name = text_of(cursor, "cursor"),
                             .offset = number_of(cursor, "offset"),
                             .loses = loses});
    }
    return true;
  });
}

Failure find_forks(TopicLook& look, TopicLoss& out) {
  out.fork_count = number_of(look.topic, "forks");
  if (out.fork_count == 0) return std::nullopt;
  const auto name = look.name();
  return look.source->topics({}, [&](const json::object& other) {
    if (text_of(object_of(other, "fork"), "source") == name) {
      out.forks.push_back(text_of(other, "name"));
    }
    return out.forks.size() < std::min<std::uint64_t>(out.fork_count, TopicLoss::kMostNamed);
  });
}

void find_bytes(const TopicLook& look, TopicLoss& out) {
  const auto whole = number_of(look.topic, "bytes");
  if (out.kept.empty() || out.events.empty()) {
    out.bytes = out.events.empty() ? 0 : whole;
    return;
  }
  if (const auto rest = look.bytes_from(out.kept.first)) {
    out.bytes = whole - std::min(*rest, whole);
    return;
  }
  const auto events = static_cast<double>(out.events.count());
  const auto all = events + static_cast<double>(out.kept.count());
  out.bytes = static_cast<std::uint64_t>(static_cast<double>(whole) * events / all);
  out.about = true;
}

/// Of the last event that goes. Whoever may trim a topic need not be allowed to read it: then it is
/// not told.
std::optional<Timestamp> time_of_last(TopicLook& look, OffsetRange events) {
  const Offset last{events.end.value - 1};
  if (last == look.head()) return moment_of(look.topic, "newest");
  std::optional<Timestamp> out;
  const EventVisitor visit{.event =
                               [&](const EventView& event, Epoch) {
                                 out = event.time;
                                 return false;
                               },
                           .gap = [](const Gap&) {}};
  const auto failure = look.source->read(look.name(), {.from = last, .to = last}, visit);
  return failure ? std::nullopt : out;
}

void find_events(TopicLook& look, Offset keep, TopicLoss& out) {
  const auto earliest = look.earliest();
  const auto end = look.head().next();
  out.topic = look.name();
  keep = std::clamp(keep, std::min(earliest, end), end);
  out.events = {.first = std::min(earliest, end), .end = keep};
  out.kept = {.first = keep, .end = end};
  out.keys = number_of(look.topic, "keys");
  out.subscribers = number_of(look.topic, "subscribers");
  find_bytes(look, out);
  if (out.events.empty()) return;
  out.oldest = moment_of(look.topic, "oldest");
  out.newest = time_of_last(look, out.events);
}

}  // namespace

std::string TopicLook::name() const { return text_of(topic, "name"); }
Offset TopicLook::earliest() const { return std::max(offset_of(topic, "earliest"), Offset{1}); }
Offset TopicLook::head() const { return offset_of(topic, "head"); }

std::optional<std::uint64_t> TopicLook::bytes_from(Offset from) const {
  const auto lineage = lineage_of(topic);
  if (lineage.empty()) return std::nullopt;
  const auto after = to_token(storage::position_at(lineage, {from.value - 1}));
  HttpAnswer answer;
  if (ask_broker(broker, "GET", "/v1/unread/" + name() + "?after=" + after, {}, answer)) {
    return std::nullopt;
  }
  if (answer.body.if_contains("bytes") == nullptr) return std::nullopt;
  return number_of(answer.body, "bytes");
}

Failure look_at(const BrokerChoice& broker, const std::string& topic, TopicLook& out) {
  auto opened = Source::open({.broker = broker, .data = {}});
  if (!opened) return opened.error();
  out.broker = broker;
  out.source = std::move(*opened);
  if (auto failure = out.source->topic(topic, out.topic)) return failure;
  // What is asked for, whatever the answer calls it.
  out.topic["name"] = topic;
  return std::nullopt;
}

Failure find_trim_loss(TopicLook& look, Offset keep, TopicLoss& out) {
  find_events(look, keep, out);
  if (out.events.empty()) return std::nullopt;
  if (auto failure = find_cursors(look, out.events.end, false, out)) return failure;
  return find_forks(look, out);
}

Failure find_delete_loss(TopicLook& look, TopicLoss& out) {
  const auto end = look.head().next();
  out.deleted = true;
  out.producers = number_of(look.topic, "producers");
  find_events(look, end, out);
  if (auto failure = find_cursors(look, end, true, out)) return failure;
  return find_forks(look, out);
}

}  // namespace tidemark::tools

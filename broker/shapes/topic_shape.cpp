// A topic as JSON: what the API says of one.
// broker/shapes/: see topic_shape.hpp.
#include "broker/shapes/topic_shape.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "broker/shapes/rfc3339.hpp"
#include "protocol/messages.hpp"

namespace tidemark::broker {

namespace json = boost::json;
using storage::Durability;
using storage::RetentionPolicy;
using storage::TopicMeta;

namespace {

json::object describe(const RetentionPolicy& kept) {
  return {{"max_events", kept.max_events},
          {"max_bytes", kept.max_bytes},
          {"max_age_ms", kept.max_age.count()}};
}

json::array describe(const std::vector<storage::EpochStart>& lineage) {
  json::array out;
  for (const auto& start : lineage) {
    out.push_back({{"epoch", start.epoch.value}, {"first", start.first.value}});
  }
  return out;
}

/// What has gone from the front of the log. A fork's are its source's too, as far as it inherits.
json::object dropped(const TopicMeta& meta) {
  json::object out{{"events", meta.earliest.value - 1}};
  if (meta.earliest > Offset{1} &&
      meta.trim_cause <= static_cast<std::uint8_t>(GapCause::corrupt)) {
    const auto cause = to_string(static_cast<GapCause>(meta.trim_cause));
    out["cause"] = json::string_view(cause.data(), cause.size());
  }
  return out;
}

void add_detail(json::object& out, const TopicMeta& meta, const TopicDetail& detail) {
  out["lineage"] = describe(meta.lineage);
  out["dropped"] = dropped(meta);
  if (meta.settings.keep_latest) out["keys"] = meta.keys;
  if (detail.producers) out["producers"] = *detail.producers;
  if (detail.cursors) out["cursors"] = *detail.cursors;
  if (detail.oldest) out["oldest"] = to_rfc3339(*detail.oldest);
  if (detail.newest) out["newest"] = to_rfc3339(*detail.newest);
  if (!detail.damaged.empty()) out["damaged"] = describe_ranges(detail.damaged);
  if (detail.memory_bytes) out["memory_bytes"] = *detail.memory_bytes;
}

}  // namespace

json::array describe_ranges(const std::vector<OffsetRange>& ranges) {
  constexpr std::size_t kMost = 100;
  json::array out;
  for (const auto& range : ranges) {
    if (out.size() == kMost) break;
    out.push_back({{"first", range.first.value}, {"last", range.end.value - 1}});
  }
  return out;
}

json::object describe(const TopicView& view) {
  const auto& meta = view.topic.meta;
  const auto& settings = meta.settings;
  json::object out{
      {"name", meta.name},
      {"epoch", meta.lineage.back().epoch.value},
      {"head", view.topic.tail.head.value},
      {"earliest", meta.earliest.value},
      {"content_type", settings.content_type},
      {"durability", settings.durability == Durability::synced ? "synced" : "buffered"},
      {"retention", describe(settings.retention)},
      {"keep_latest", settings.keep_latest},
      {"closed", meta.closed},
      {"forks", meta.forks}};
  if (view.subscribers) out["subscribers"] = *view.subscribers;
  out["created"] = to_rfc3339(meta.created);
  if (view.bytes) out["bytes"] = *view.bytes;
  if (settings.ttl) out["ttl_seconds"] = settings.ttl->count();
  if (settings.expires_at) out["expires_at"] = to_rfc3339(*settings.expires_at);
  if (meta.origin) {
    out["fork"] = {{"source", meta.origin->source}, {"offset", meta.origin->inherited.value}};
  }
  if (view.detail) add_detail(out, meta, *view.detail);
  return out;
}

}  // namespace tidemark::broker

// Topics as JSON: what the API says of one, and what a PUT may set.
// broker/: see topics_json.hpp.
#include "broker/topics_json.hpp"

#include <utility>

#include <boost/json/value.hpp>

#include "broker/json_members.hpp"
#include "broker/rfc3339.hpp"

namespace tidemark::broker {

namespace json = boost::json;
using storage::Durability;
using storage::RetentionPolicy;

namespace {

RetentionPolicy read_retention(json::object object, std::string& fault) {
  JsonMembers members(std::move(object), "retention");
  RetentionPolicy policy;
  policy.max_events = members.integer("max_events").value_or(0);
  policy.max_bytes = members.integer("max_bytes").value_or(0);
  policy.max_age = std::chrono::milliseconds(members.integer("max_age_ms").value_or(0));
  fault = members.finish();
  return policy;
}

json::object describe(const RetentionPolicy& kept) {
  return {{"max_events", kept.max_events},
          {"max_bytes", kept.max_bytes},
          {"max_age_ms", kept.max_age.count()}};
}

}  // namespace

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
      {"forks", meta.forks},
      {"subscribers", view.subscribers},
      {"created", to_rfc3339(meta.created)}};
  if (view.bytes) out["bytes"] = *view.bytes;
  if (settings.ttl) out["ttl_seconds"] = settings.ttl->count();
  if (settings.expires_at) out["expires_at"] = to_rfc3339(*settings.expires_at);
  if (meta.origin) {
    out["fork"] = {{"source", meta.origin->source}, {"offset", meta.origin->inherited.value}};
  }
  return out;
}

std::string read_settings(std::string_view body, storage::ConfigureRequest& request) {
  if (body.empty()) return {};
  std::string fault;
  auto object = parse_object(body, fault);
  if (!object) return fault;
  JsonMembers members(std::move(*object), "topic settings");
  request.content_type = members.text("content_type");
  if (const auto durability = members.text("durability")) {
    const bool synced = *durability == "synced";
    if (!synced && *durability != "buffered") {
      members.fault("durability", "must be \"synced\" or \"buffered\"");
    }
    request.durability = synced ? Durability::synced : Durability::buffered;
  }
  if (auto retention = members.object("retention")) {
    request.retention = read_retention(std::move(*retention), fault);
  }
  request.keep_latest = members.boolean("keep_latest");
  return fault.empty() ? members.finish() : fault;
}

}  // namespace tidemark::broker

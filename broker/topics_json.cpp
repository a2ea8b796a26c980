// What the body of a PUT may set of a topic.
// broker/: see topics_json.hpp.
#include "broker/topics_json.hpp"

#include <utility>

#include <boost/json/value.hpp>

#include "broker/json_members.hpp"

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

}  // namespace

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

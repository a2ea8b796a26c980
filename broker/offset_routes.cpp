// Where in a topic a moment is, over HTTP.
// broker/: see offset_routes.hpp.
#include "broker/offset_routes.hpp"

#include <memory>
#include <utility>

#include <boost/json/object.hpp>

#include "broker/query.hpp"
#include "broker/topic_defaults.hpp"
#include "protocol/position_token.hpp"

namespace tidemark::broker {

using storage::EventStore;

namespace {

/// Blocks on the disk.
ApiReply find(EventStore& store, const TopicName& name, Timestamp time) {
  const auto topic = store.open_topic(name);
  if (!topic) return error_reply(topic.errc());
  const auto before = store.resolve(**topic, StartTime{time});
  if (!before) return error_reply(before.errc());
  return json_reply(
      {{"topic", name.str()}, {"offset", before->offset.value + 1}, {"token", to_token(*before)}});
}

}  // namespace

void answer_offset(ConnectionGroup& group, const ApiRequest& request, const Routed& routed,
                   std::function<void(ApiReply)> respond) {
  const auto topic = TopicName::parse(routed.topic);
  if (!topic) return respond(error_reply(topic.errc()));
  const Query query(request.target, {"time"});
  if (!query.fault().empty()) return respond(error_reply(Errc::malformed_message, query.fault()));
  const auto time = parse_count(query.find("time").value_or(""));
  if (!time || *time > kMaxInteger) {
    return respond(error_reply(Errc::malformed_message,
                               "\"time\" must be milliseconds since 1970, from 0 to 2^53 - 1"));
  }
  auto reply = std::make_shared<ApiReply>();
  auto& store = group.shard().store();
  group.shard().run_blocking(
      [reply, &store, name = *topic, ms = static_cast<std::int64_t>(*time)] {
        *reply = find(store, name, Timestamp{ms});
      },
      [reply, respond = std::move(respond)] { respond(std::move(*reply)); });
}

}  // namespace tidemark::broker

// Who has published to a topic and is remembered, over HTTP.
// broker/: see producer_routes.hpp.
#include "broker/producer_routes.hpp"

#include <memory>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/query.hpp"
#include "broker/shapes/producer_shape.hpp"

namespace tidemark::broker {

namespace json = boost::json;
using storage::EventStore;

namespace {

struct Page {
  TopicName topic;
  std::string after;
  std::size_t limit = kListDefault;
};

/// Blocks on the disk.
ApiReply list(EventStore& store, const Page& page) {
  const auto topic = store.open_topic(page.topic);
  if (!topic) return error_reply(topic.errc());
  json::array producers;
  bool more = false;
  const auto visited = store.producers(
      **topic, page.after, [&](std::string_view id, const storage::ProducerState& state) {
        more = producers.size() == page.limit;
        if (!more) producers.push_back(describe(id, state));
        return !more;
      });
  if (!visited) return error_reply(visited.errc());
  json::object body;
  if (more) body["next"] = producers.back().at("producer");
  body["producers"] = std::move(producers);
  return json_reply(body);
}

}  // namespace

void answer_producers(ConnectionGroup& group, const ApiRequest& request, const Routed& routed,
                      std::function<void(ApiReply)> respond) {
  const auto topic = TopicName::parse(routed.topic);
  if (!topic) return respond(error_reply(topic.errc()));
  const Query query(request.target, {"after", "limit"});
  if (!query.fault().empty()) return respond(error_reply(Errc::malformed_message, query.fault()));
  const auto limit = query.limit();
  if (!limit) return respond(error_reply(Errc::malformed_message, kLimitFault));
  Page page{.topic = *topic, .after = query.find("after").value_or(""), .limit = *limit};
  auto reply = std::make_shared<ApiReply>();
  auto& store = group.shard().store();
  group.shard().run_blocking(
      [reply, &store, page = std::move(page)] { *reply = list(store, page); },
      [reply, respond = std::move(respond)] { respond(std::move(*reply)); });
}

}  // namespace tidemark::broker

// Named cursors over HTTP, and how much a reader has not read.
// broker/: see cursor_routes.hpp.
#include "broker/cursor_routes.hpp"

#include <memory>
#include <optional>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/cursor.hpp"
#include "broker/json_members.hpp"
#include "broker/query.hpp"
#include "broker/shapes/cursor_shape.hpp"
#include "protocol/position_token.hpp"

namespace tidemark::broker {

namespace json = boost::json;
using storage::EventStore;
using storage::Topic;

namespace {

ApiReply malformed(std::string_view text) { return error_reply(Errc::malformed_message, text); }

// ---- what a request says ----

/// A token, or as the offset of a read before all events.
std::optional<Position> parse_place(std::string_view text) {
  if (text == "-1") return Position{};
  const auto position = parse_token(text);
  return position ? std::optional(*position) : std::nullopt;
}

/// Where a body puts a cursor; else `fault` says what is wrong.
std::optional<Position> read_place(std::string_view body, std::string& fault) {
  auto object = parse_object(body, fault);
  if (!object) return std::nullopt;
  JsonMembers members(std::move(*object), "cursor");
  const auto epoch = members.integer("epoch");
  const auto offset = members.integer("offset");
  const auto after = members.text("after");
  if (after && (epoch || offset)) members.fault("after", "stands for epoch and offset");
  if (!after && !offset) members.fault("offset", "is missing");
  std::optional<Position> place;
  if (offset) place = Position{.epoch = {epoch.value_or(0)}, .offset = {*offset}};
  if (after && !(place = parse_place(*after))) {
    members.fault("after", "must be an offset this broker has given");
  }
  fault = members.finish();
  return fault.empty() ? place : std::nullopt;
}

// ---- these block on the disk ----

/// A name before `name` and after all that are before it: no name holds the byte 0xff. Pre: not
/// empty.
std::string just_before(std::string_view name) {
  std::string out(name);
  out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) - 1);
  return out + '\xff';
}

ApiReply show(EventStore& store, const TopicName& name, const std::string& cursor) {
  const auto topic = store.open_topic(name);
  if (!topic) return error_reply(topic.errc());
  const auto there = store.cursors().find(**topic, cursor);
  if (!there) return error_reply(there.errc());
  if (!*there) return error_reply(Errc::unknown_cursor);
  const auto found =
      store.cursors().list({.topic = name.str(), .name = just_before(cursor)}, 1,
                           [&](std::string_view other) { return other == name.str(); });
  if (!found) return error_reply(found.errc());
  // Removed since.
  if (found->empty() || found->front().name != cursor) return error_reply(Errc::unknown_cursor);
  return json_reply(describe(found->front()));
}

struct Move {
  TopicName topic;
  std::string cursor;
  Position position;
  bool force = false;
};

ApiReply move(EventStore& store, const Move& asked) {
  const auto topic = store.open_topic(asked.topic);
  if (!topic) return error_reply(topic.errc());
  auto& cursors = store.cursors();
  const auto moved = asked.force ? cursors.place(**topic, asked.cursor, asked.position)
                                 : cursors.acknowledge(**topic, asked.cursor, asked.position);
  if (!moved) return error_reply(moved.errc());
  json::object body{{"topic", asked.topic.str()}, {"cursor", asked.cursor}};
  for (auto& member : describe(*moved)) body.insert(std::move(member));
  return json_reply(body);
}

ApiReply remove(EventStore& store, const TopicName& name, const std::string& cursor) {
  const auto topic = store.open_topic(name);
  if (!topic) return error_reply(topic.errc());
  const auto removed = store.cursors().remove(**topic, cursor);
  return removed ? ApiReply{.status = 204, .body = {}} : error_reply(removed.errc());
}

/// Where a reader is: `after`, else where its cursor is.
struct Reader {
  TopicName topic;
  std::optional<Position> after;
  std::string cursor;
};

ApiReply unread(EventStore& store, const Reader& asked) {
  const auto topic = store.open_topic(asked.topic);
  if (!topic) return error_reply(topic.errc());
  auto position = asked.after;
  if (!position) {
    const auto found = store.cursors().find(**topic, asked.cursor);
    if (!found) return error_reply(found.errc());
    if (!*found) return error_reply(Errc::unknown_cursor);
    position = **found;
  }
  const auto answer = (*topic)->read(*position);
  if (answer.state == storage::ReadAnswer::State::deleted) return error_reply(Errc::topic_deleted);
  if (answer.state == storage::ReadAnswer::State::gap) {
    const auto code = errc_of(answer.gap.cause);
    // What was trimmed is told as lost; damage is met by whoever reads.
    if (code == Errc::wrong_epoch || code == Errc::position_ahead) {
      return error_reply({.code = code, .gap = answer.gap});
    }
  }
  if (position->epoch.value == 0) {
    position->epoch = (*topic)->epoch_at(position->offset).start.epoch;
  }
  const auto lag = store.lag(**topic, *position);
  if (!lag) return error_reply(lag.errc());
  return json_reply({{"unread", lag->events},
                     {"epoch", position->epoch.value},
                     {"offset", position->offset.value},
                     {"head", (*topic)->bounds().head.value},
                     {"bytes", lag->bytes},
                     {"lost", lag->lost}});
}

struct Page {
  Caller caller;
  std::optional<std::string> topic;
  std::string prefix;
  storage::Cursors::Place after;
  std::size_t limit = kListDefault;
};

ApiReply list(Network& network, const Page& page) {
  // Asked about each cursor, though many are of one topic.
  std::string judged;
  bool may = false;
  const auto choose = [&](std::string_view topic) {
    if (judged == topic) return may;
    judged = topic;
    const auto name = TopicName::parse(topic);
    may = name && (!page.topic || *page.topic == topic) && topic.starts_with(page.prefix) &&
          page.caller.may(Right::manage, *name);
    return may;
  };
  const auto found = network.hub.store().cursors().list(page.after, page.limit, choose);
  if (!found) return error_reply(found.errc());
  json::object body;
  if (found->size() == page.limit) {
    const auto& last = found->back();
    body["next"] = network.page_tokens.seal(last.topic + '\0' + last.name);
  }
  json::array array;
  for (const auto& cursor : *found) array.push_back(describe(cursor));
  body["cursors"] = std::move(array);
  return json_reply(body);
}

// ---- routing ----

/// A request on its way through the routes.
struct Call {
  ConnectionGroup& group;
  const ApiRequest& request;
  std::function<void(ApiReply)> respond;

  /// Answers with what `make` returns, which may block on the disk.
  template <class Make>
  void respond_later(Make make) const {
    auto reply = std::make_shared<ApiReply>();
    auto& store = group.shard().store();
    group.shard().run_blocking([reply, &store, make = std::move(make)] { *reply = make(store); },
                               [reply, answer = respond] { answer(std::move(*reply)); });
  }
};

/// The page a request asks for; else `fault` says what is wrong.
std::optional<Page> read_page(const Call& call, std::string& fault) {
  const Query query(call.request.target, {"topic", "prefix", "limit", "after"});
  Page page{.caller = call.request.caller, .topic = query.find("topic")};
  page.prefix = query.find("prefix").value_or("");
  // A name is behind the empty one of its topic.
  page.after.topic = page.topic.value_or(page.prefix);
  fault = query.fault();
  if (const auto limit = query.limit()) {
    page.limit = *limit;
  } else if (fault.empty()) {
    fault = kLimitFault;
  }
  if (const auto after = query.find("after")) {
    const auto opened = call.group.network().page_tokens.open(*after);
    const auto end = opened ? opened->find('\0') : std::string::npos;
    if (end == std::string::npos) {
      fault = "\"after\" is of no page of this broker";
    } else {
      page.after = {.topic = opened->substr(0, end), .name = opened->substr(end + 1)};
    }
  }
  return fault.empty() ? std::optional(std::move(page)) : std::nullopt;
}

void route_list(const Call& call) {
  std::string fault;
  auto page = read_page(call, fault);
  if (!page) return call.respond(malformed(fault));
  call.respond_later([&network = call.group.network(), page = std::move(*page)](EventStore&) {
    return list(network, page);
  });
}

void route_unread(const Call& call, const TopicName& topic) {
  const Query query(call.request.target, {"after", "cursor"});
  if (!query.fault().empty()) return call.respond(malformed(query.fault()));
  const auto after = query.find("after");
  const auto cursor = query.find("cursor");
  if (after.has_value() == cursor.has_value()) {
    return call.respond(malformed("either \"after\" or \"cursor\" says where the reader is"));
  }
  Reader asked{.topic = topic, .after = {}, .cursor = cursor.value_or("")};
  if (cursor && !check_cursor_name(*cursor)) {
    return call.respond(error_reply(Errc::invalid_cursor));
  }
  if (after && !(asked.after = parse_place(*after))) {
    return call.respond(malformed("\"after\" must be an offset this broker has given"));
  }
  call.respond_later(
      [asked = std::move(asked)](EventStore& store) { return unread(store, asked); });
}

void route_move(const Call& call, const TopicName& topic, std::string cursor, bool force) {
  std::string fault;
  const auto place = read_place(call.request.body, fault);
  if (!place) return call.respond(malformed(fault));
  call.respond_later(
      [asked =
           Move{.topic = topic, .cursor = std::move(cursor), .position = *place, .force = force}](
          EventStore& store) { return move(store, asked); });
}

/// Where a cursor is named.
void route_cursor(const Call& call, Endpoint endpoint, const TopicName& topic) {
  const bool moves = endpoint == Endpoint::move_cursor;
  const Query query = moves ? Query(call.request.target, {"cursor", "force"})
                            : Query(call.request.target, {"cursor"});
  if (!query.fault().empty()) return call.respond(malformed(query.fault()));
  auto cursor = query.find("cursor").value_or("");
  if (!check_cursor_name(cursor)) return call.respond(error_reply(Errc::invalid_cursor));
  if (moves) {
    const auto force = query.find("force").value_or("false");
    if (force != "true" && force != "false") {
      return call.respond(malformed("\"force\" must be true or false"));
    }
    return route_move(call, topic, std::move(cursor), force == "true");
  }
  const bool removes = endpoint == Endpoint::delete_cursor;
  call.respond_later([topic, cursor = std::move(cursor), removes](EventStore& store) {
    return removes ? remove(store, topic, cursor) : show(store, topic, cursor);
  });
}

}  // namespace

void answer_cursors(ConnectionGroup& group, const ApiRequest& request, const Routed& routed,
                    std::function<void(ApiReply)> respond) {
  const Call call{group, request, std::move(respond)};
  const auto endpoint = routed.route->endpoint;
  if (endpoint == Endpoint::list_cursors) return route_list(call);
  const auto topic = TopicName::parse(routed.topic);
  if (!topic) return call.respond(error_reply(topic.errc()));
  if (endpoint == Endpoint::count_unread) return route_unread(call, *topic);
  route_cursor(call, endpoint, *topic);
}

}  // namespace tidemark::broker

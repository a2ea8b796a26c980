// The verbs of Durable Streams: what each does with a topic, and the answer.
// broker/: see stream_routes.hpp.
#include "broker/stream_routes.hpp"

#include <algorithm>
#include <functional>
#include <span>

#include "broker/answered.hpp"
#include "broker/publish_body.hpp"
#include "broker/routes.hpp"
#include "broker/shapes/rfc3339.hpp"
#include "broker/state_request.hpp"
#include "broker/stream_body.hpp"
#include "broker/stream_fields.hpp"
#include "broker/stream_reader.hpp"
#include "broker/stream_request.hpp"
#include "broker/with_topic.hpp"

namespace tidemark::broker {

using storage::Topic;

namespace {

/// A request on its way through the routes.
struct Call {
  ConnectionGroup& group;
  std::shared_ptr<Exchange> exchange;
  std::string body;
  std::string url;  ///< of the request, absolute; empty if the client has not said for which host

  [[nodiscard]] storage::EventStore& store() const { return group.shard().store(); }
  void respond(HttpReply reply) const { exchange->respond(std::move(reply)); }
  void fail(Errc code, std::string_view text = {}) const { respond(failed(code, text)); }
};
using SharedCall = std::shared_ptr<Call>;

/// The absolute URL of a request, if the host is spelled as hosts are.
std::string url_of(const boost::beast::http::request_header<>& head, bool secure) {
  const auto host = head[boost::beast::http::field::host];
  const auto target = head.target();
  const bool plain = std::ranges::all_of(host, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(".-:[]").find(c) != std::string_view::npos;
  });
  std::string url;
  if (!host.empty() && plain) {
    url.append(secure ? "https://" : "http://").append(host.data(), host.size());
  }
  const std::string_view path(target.data(), std::min(target.find('?'), target.size()));
  return url.append(path);
}

/// False: they come too fast, and it has been answered.
bool admit_rate(const Call& call, const TopicName& topic, std::span<const NewEvent> events) {
  const auto wait =
      call.group.admit_publish(Channel::http, call.exchange->publisher(), topic, events);
  if (wait.count() == 0) return true;
  call.respond(rate_limited_reply(wait));
  return false;
}

// ---- PUT ----

void settings_fields(HttpReply& reply, const storage::TopicSettings& settings) {
  if (settings.ttl) reply.add("Stream-TTL", std::to_string(settings.ttl->count()));
  if (settings.expires_at) reply.add("Stream-Expires-At", to_rfc3339(*settings.expires_at));
}

void created(const Call& call, const storage::CreateRequest& done) {
  if (done.error) return call.fail(*done.error, done.error_text);
  // An answer without a body that names its type: the stream's.
  HttpReply reply{.status = done.created ? 201U : 200U, .content_type = done.settings.content_type};
  if (done.created) reply.add("Location", call.url);
  add_next_offset(reply, done.tail);
  settings_fields(reply, done.settings);
  if (done.closed) add_closed(reply);
  call.respond(std::move(reply));
}

void submit_create(const SharedCall& call, CreateStream&& asked, const std::string& content_type) {
  auto request = std::make_unique<Answered<storage::CreateRequest>>(std::move(asked.name));
  if (!call->body.empty()) {
    auto split =
        split_body(std::move(call->body), content_type, call->group.limits().events_per_append);
    if (split.error) return call->fail(*split.error, split.text);
    request->events = std::move(split.events);
    if (!admit_rate(*call, request->topic, request->events)) return;
  }
  if (!asked.content_type.empty()) request->content_type = std::move(asked.content_type);
  request->ttl = asked.ttl;
  request->expires_at = asked.expires_at;
  request->close = asked.close;
  if (asked.fork) {
    request->fork = storage::CreateRequest::Fork{.source = std::move(asked.fork->source),
                                                 .after = asked.fork->after,
                                                 .sub_offset = asked.fork->sub_offset};
  }
  request->done = [call](const storage::CreateRequest& done) { created(*call, done); };
  call->group.submit(std::move(request));
}

void create(const SharedCall& call, CreateStream&& asked) {
  // A fork's first content is of its source's type unless it says which.
  if (asked.fork && asked.content_type.empty() && !call->body.empty()) {
    const TopicName source = asked.fork->source;
    return with_topic(call->group.shard(), source,
                      [call, asked = std::move(asked)](const TopicFound& found) mutable {
                        if (!found) {
                          const bool gone = found.errc() == Errc::topic_deleted;
                          return call->fail(gone ? Errc::source_deleted : found.errc());
                        }
                        submit_create(call, std::move(asked), (*found)->content_type());
                      });
  }
  const std::string type =
      asked.content_type.empty() ? std::string(storage::kPlainContentType) : asked.content_type;
  submit_create(call, std::move(asked), type);
}

// ---- POST ----

void producer_fields(HttpReply& reply, const storage::PublishRequest& done) {
  if (!done.producer) return;
  reply.add("Producer-Epoch", std::to_string(done.producer_epoch.value_or(done.producer->epoch)));
  if (done.producer_sequence) {
    reply.add("Producer-Seq", std::to_string(*done.producer_sequence));
  }
}

HttpReply closed_reply(Position tail) {
  auto reply = failed(Errc::topic_closed);
  add_next_offset(reply, tail);
  add_closed(reply);
  return reply;
}

HttpReply append_refused(const storage::PublishRequest& done) {
  if (*done.error == Errc::topic_closed) return closed_reply(done.tail);
  auto reply = failed(*done.error, done.error_text);
  switch (*done.error) {
    case Errc::producer_fenced:
      reply.add("Producer-Epoch", std::to_string(done.producer_epoch.value_or(0)));
      break;
    case Errc::sequence_gap:
      // A producer's new epoch begins with 0: that is a rule, not a gap.
      if (done.begins_epoch) {
        return failed(400, Errc::sequence_gap, "the first sequence of a producer's new epoch is 0");
      }
      reply.add("Producer-Expected-Seq", std::to_string(done.expected_sequence.value_or(0)));
      reply.add("Producer-Received-Seq", std::to_string(done.producer->sequence));
      break;
    default:
      break;
  }
  return reply;
}

void appended(const Call& call, const storage::PublishRequest& done) {
  if (done.error) return call.respond(append_refused(done));
  const bool news = done.producer && !done.duplicate && !done.events.empty();
  HttpReply reply{.status = news ? 200U : 204U, .content_type = {}};
  add_next_offset(reply, done.tail);
  producer_fields(reply, done);
  if (done.closed) add_closed(reply);
  call.respond(std::move(reply));
}

/// Fills in the events of the body; false if it has been answered.
bool take_body(const SharedCall& call, const Topic& topic, const AppendStream& asked,
               storage::PublishRequest& request) {
  const auto fail = [&](Errc code, std::string_view text) {
    call->fail(code, text);
    return false;
  };
  if (call->body.empty()) {
    return asked.close || fail(Errc::malformed_message, "an append has a body");
  }
  if (asked.content_type.empty()) {
    return fail(Errc::invalid_content_type, "an append says what it carries in Content-Type");
  }
  const auto end = topic.end();
  const bool same_type = same_content_type(asked.content_type, topic.content_type());
  BodyEvents split;
  if (same_type) {
    split = split_body(std::move(call->body), topic.content_type(),
                       call->group.limits().events_per_append);
  }
  if (end.closed && (split.events.empty() || split.error)) {
    // It takes nothing, whatever this is; what it has taken before may come again as it was.
    call->respond(closed_reply(end.tail));
    return false;
  }
  if (!same_type) {
    return fail(Errc::content_type_mismatch, "the topic's content type is " + topic.content_type());
  }
  if (split.error) return fail(*split.error, split.text);
  if (split.events.empty()) return fail(Errc::invalid_payload, "an array of no messages");
  request.content_type = asked.content_type;
  request.events = std::move(split.events);
  return check_events(call->store(), request) || fail(*request.error, request.error_text);
}

void append(const SharedCall& call, AppendStream&& asked) {
  const TopicName name = asked.name;
  with_topic(
      call->group.shard(), name, [call, asked = std::move(asked)](const TopicFound& found) mutable {
        if (!found) return call->fail(found.errc());
        auto request = std::make_unique<Answered<storage::PublishRequest>>(asked.name);
        if (!take_body(call, **found, asked, *request)) return;
        if (!admit_rate(*call, request->topic, request->events)) return;
        request->must_exist = true;
        request->close = asked.close;
        request->producer = std::move(asked.producer);
        request->sequence = std::move(asked.sequence);
        request->done = [call](const storage::PublishRequest& done) { appended(*call, done); };
        call->group.submit(std::move(request));
      });
}

// ---- GET, HEAD, DELETE ----

Result<Position> start_of(const Call& call, const ReadStream& asked, Topic& topic) {
  if (!asked.after) return call.store().resolve(topic, StartNow{});
  if (asked.after->epoch.value == 0) return call.store().resolve(topic, StartEarliest{});
  return *asked.after;
}

/// Does it begin with the state? Messages begin as a WebSocket's subscription does. Of the others
/// who is far behind would rather have the state, but not if the client has to be told that its
/// position is none of this history.
bool wants_state(const ReadStream& asked, const Cursor& cursor, const std::optional<Gap>& gap) {
  if (asked.state && !asked.resumes) return true;
  if (gap && asked.messages) return asked.on_gap == OnGap::state;
  if (!asked.state_if_behind) return false;
  if (gap && (gap->cause == GapCause::epoch || gap->cause == GapCause::ahead)) return false;
  return cursor.behind() > asked.state_if_behind->events.value_or(kMaxInteger);
}

/// Who has no position yet is to have one at once, who has all there is waits for more.
std::optional<StreamsUntil> until(const ReadStream& asked) {
  if (!asked.messages) return std::nullopt;
  if (!asked.once) return StreamsUntil::left;
  const bool placed = asked.after && asked.after->epoch.value != 0;
  return placed ? StreamsUntil::news : StreamsUntil::tail;
}

/// `state`: what it begins with; null: with what follows the cursor.
void begin_stream(Exchange& exchange, const ReadStream& asked, Cursor&& cursor,
                  std::unique_ptr<StateFeed> state = nullptr) {
  exchange.stream({.cursor = std::move(cursor),
                   .client_cursor = asked.cursor,
                   .on_gap = asked.on_gap,
                   .filter = asked.filter,
                   .state = std::move(state),
                   .messages = until(asked)});
}

/// An event stream that begins with the state, once its first part is there: until then the client
/// can still be told by a status that there is none. Who has only been too far behind for the
/// `backlog` is sent that if there is none.
void begin_with_state(const SharedCall& call, ReadStream&& asked,
                      const std::shared_ptr<Topic>& topic, std::optional<Position> backlog) {
  const auto wanted = std::make_shared<const ReadStream>(std::move(asked));
  auto then = [topic, wanted](Exchange& exchange, std::unique_ptr<StateFeed> feed) {
    const Position position = feed->position();
    begin_stream(exchange, *wanted, Cursor(topic, position, wanted->on_gap), std::move(feed));
  };
  StateRequest::Otherwise otherwise;
  if (backlog) {
    otherwise = [topic, wanted, start = *backlog](Exchange& exchange) {
      begin_stream(exchange, *wanted, Cursor(topic, start, wanted->on_gap));
    };
  }
  std::make_shared<StateRequest>(call->group, call->exchange, topic, std::move(then),
                                 std::move(otherwise))
      ->start();
}

void begin_read(const SharedCall& call, ReadStream&& asked, const std::shared_ptr<Topic>& topic) {
  const auto start = start_of(*call, asked, *topic);
  if (!start) return call->fail(start.errc());
  call->store().touch(*topic);
  Cursor cursor(topic, *start, asked.on_gap);
  const auto gap = cursor.gap_at_start();
  if (wants_state(asked, cursor, gap)) {
    const bool demanded = gap || (asked.state && !asked.resumes);
    return begin_with_state(call, std::move(asked), topic,
                            demanded ? std::nullopt : std::optional(*start));
  }
  if (asked.on_gap == OnGap::fail && gap) return call->respond(gap_reply(*gap));
  if (asked.live == ReadStream::Live::sse) {
    return begin_stream(*call->exchange, asked, std::move(cursor));
  }
  std::make_shared<StreamReader>(call->group, call->exchange, std::move(asked), std::move(cursor))
      ->start();
}

void read(const SharedCall& call, ReadStream&& asked) {
  const TopicName name = asked.name;
  with_topic(call->group.shard(), name,
             [call, asked = std::move(asked)](const TopicFound& found) mutable {
               if (!found) return call->fail(found.errc());
               begin_read(call, std::move(asked), *found);
             });
}

void look(const SharedCall& call, const HeadStream& asked) {
  with_topic(call->group.shard(), asked.name, [call](const TopicFound& found) {
    if (!found) return call->fail(found.errc());
    const auto end = (*found)->end();
    const auto settings = (*found)->meta().settings;
    HttpReply reply{.status = 200, .content_type = settings.content_type, .endless = true};
    add_next_offset(reply, end.tail);
    settings_fields(reply, settings);
    if (end.closed) add_closed(reply);
    call->respond(std::move(reply));
  });
}

void erase(const SharedCall& call, DeleteStream&& asked) {
  auto request = std::make_unique<Answered<storage::EraseRequest>>(std::move(asked.name));
  request->done = [call](const storage::EraseRequest& done) {
    if (done.error) return call->fail(*done.error, done.error_text);
    call->respond({.status = 204, .content_type = {}});
  };
  call->group.submit(std::move(request));
}

}  // namespace

void answer_stream(ConnectionGroup& group, const boost::beast::http::request_header<>& head,
                   std::string body, std::shared_ptr<Exchange> exchange) {
  auto url = url_of(head, exchange->is_secure());
  const auto call =
      std::make_shared<Call>(group, std::move(exchange), std::move(body), std::move(url));
  auto parsed = parse_stream_request(head);
  if (!parsed) {
    const auto& fault = parsed.error();
    auto reply = failed(fault.code, fault.text);
    if (fault.code == Errc::method_not_allowed) {
      reply.add("Allow", find_route(head.method(), std::string(kStreamPrefix) + "-").allow);
    }
    return call->respond(std::move(reply));
  }
  struct {
    const SharedCall& call;
    void operator()(CreateStream&& asked) const { create(call, std::move(asked)); }
    void operator()(AppendStream&& asked) const { append(call, std::move(asked)); }
    void operator()(ReadStream&& asked) const { read(call, std::move(asked)); }
    void operator()(HeadStream&& asked) const { look(call, asked); }
    void operator()(DeleteStream&& asked) const { erase(call, std::move(asked)); }
  } visitor{call};
  std::visit(visitor, std::move(*parsed));
}

}  // namespace tidemark::broker

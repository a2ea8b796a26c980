// What a Durable Streams request asks for, or what is wrong with it before any topic is looked at.
// broker/: pure; stream_routes acts on what comes out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <boost/beast/http/message.hpp>

#include "protocol/messages.hpp"

namespace tidemark::broker {

/// The path of a stream is this and a topic's name.
inline constexpr std::string_view kStreamPrefix = "/v1/stream/";

/// Where a fork leaves its source.
struct ForkOf {
  TopicName source;
  std::optional<Position> after;  ///< last event it inherits; unset: the source's last
  std::uint64_t sub_offset = 0;   ///< and so much of what follows: events of JSON, else bytes
};

/// PUT
struct CreateStream {
  TopicName name;
  std::string content_type;  ///< empty: not said
  std::optional<std::chrono::seconds> ttl;
  std::optional<Timestamp> expires_at;  ///< never together with ttl
  bool close = false;
  std::optional<ForkOf> fork;
};

/// POST. Whether there is a body, and whether it then needs a content type, is not judged here.
struct AppendStream {
  TopicName name;
  std::string content_type;  ///< empty: not said
  std::optional<ProducerStamp> producer;
  std::optional<std::string> sequence;
  bool close = false;
};

/// GET
struct ReadStream {
  enum class Live : std::uint8_t { none, long_poll, sse };
  TopicName name;
  Live live = Live::none;
  std::optional<Position> after;  ///< epoch 0: from the start; unset: from now on
  bool resumes = false;           ///< `after` is a Last-Event-ID
  OnGap on_gap = OnGap::fail;
  // Of sse only:
  bool state = false;  ///< begins with the topic's state, unless it resumes
  std::optional<StateIfBehind> state_if_behind;
  Filter filter;
  bool messages = false;  ///< as the protocol's messages, not as Durable Streams has it
  bool once = false;      ///< of messages: what there is, and if there is nothing what comes
  std::optional<std::uint64_t> cursor;  ///< Stream-Cursor of an answer before
  std::string if_none_match;            ///< empty: none
  bool gzip = false;                    ///< the client takes gzip
};

struct HeadStream {
  TopicName name;
};
struct DeleteStream {
  TopicName name;
};

using StreamRequest =
    std::variant<CreateStream, AppendStream, ReadStream, HeadStream, DeleteStream>;

/// Why a request is refused.
struct RequestFault {
  Errc code = Errc::malformed_message;
  std::string text;  ///< for people, nothing of the client's in it; empty: the code says it all
};

using ParsedStreamRequest = boost::system::result<StreamRequest, RequestFault>;

/// Reads the head of a request to kStreamPrefix.
/// Name: the path behind the prefix, percent-decoded once, is a valid TopicName as it stands then:
/// `a/b`, `a%2Fb` and `%61/b` are all the topic a/b; an empty or dot segment, a NUL, a second
/// layer of escapes or a broken one is none. The prefix itself has no other spelling, and names
/// whose first segment is `__ds` are kept for the protocol's own (not_found).
/// Query: `offset` (`-1`, `now` or a position token, once), `live` (`long-poll`, `sse`; needs an
/// offset), `cursor` (whatever is no number counts for nothing), `on_gap` (`fail`, `earliest`);
/// others are passed over. For `sse`, Last-Event-ID goes before `offset`, which may then be
/// missing; a client that resumes by itself can't be asked, so on_gap is `earliest` then unless the
/// query says otherwise. For `sse` alone: `state` (`true`, instead of an offset; `false`), after
/// which on_gap is `state` unless the query says otherwise; on_gap `state`; `state_if_behind` (a
/// number of events); `filter_key` and `filter_header` (`name:value`), any number of each, where
/// those of one name are alternatives; `form` (`messages`), and with it `once` (`true`, `false`).
/// Fields of ours that are there twice are refused, of this request or not.
/// Errors: not_found, invalid_topic, reserved_topic, method_not_allowed, malformed_message,
/// invalid_content_type, invalid_producer, invalid_fork, invalid_filter.
[[nodiscard]] ParsedStreamRequest parse_stream_request(
    const boost::beast::http::request_header<>& head);

/// Whose fork a PUT with this head would make; nullopt: nobody's, or it can't be read.
[[nodiscard]] std::optional<TopicName> fork_source(
    const boost::beast::http::request_header<>& head);

}  // namespace tidemark::broker

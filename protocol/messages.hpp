// The messages of the WebSocket protocol as plain structs; PROTOCOL.md is their specification.
// protocol/: the codecs turn these into bytes and back, sessions act on them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/types.hpp"

namespace tidemark {

/// Chosen by the client, echoed in the answer; at most kMaxInteger. Absent: 0.
using RequestId = std::uint64_t;

// ---- where a subscription starts ----

struct StartAfter {
  Position position;  ///< epoch 0: "whatever the epoch is", for people at a terminal
  bool operator==(const StartAfter&) const = default;
};
struct StartEarliest {
  bool operator==(const StartEarliest&) const = default;
};
struct StartNow {
  bool operator==(const StartNow&) const = default;
};
struct StartLast {
  std::uint64_t count = 0;
  bool operator==(const StartLast&) const = default;
};
struct StartTime {
  Timestamp time;  ///< from the first event appended at or after it
  bool operator==(const StartTime&) const = default;
};
using Start = std::variant<StartAfter, StartEarliest, StartNow, StartLast, StartTime>;

/// What to do when events after the position are gone.
enum class OnGap : std::uint8_t {
  fail,      ///< refuse the subscription, or end it; the default
  earliest,  ///< tell of the gap, then go on with the earliest retained event
  state,     ///< send the topic's state and what follows it; later gaps are told of before it
};

/// Rather the state than a large backlog: of more than so many events, or bytes as they are stored.
struct StateIfBehind {
  std::optional<std::uint64_t> events;
  std::optional<std::uint64_t> bytes;
  bool operator==(const StateIfBehind&) const = default;
};

/// Which events are sent; the position advances over all. One that names nothing lets all pass.
struct Filter {
  /// An event has to have the value, byte for byte, in a header of the name: one of `values`.
  struct Match {
    std::string name;
    std::vector<std::string> values;
    bool operator==(const Match&) const = default;
  };
  std::vector<std::string> keys;  ///< one of them is its key; one that ends in '*' is a prefix
  std::vector<Match> headers;     ///< all of them
  [[nodiscard]] bool empty() const { return keys.empty() && headers.empty(); }
  bool operator==(const Filter&) const = default;
};

/// Where a reader is in one of several topics.
struct TopicPosition {
  std::string topic;
  Position position;
  bool operator==(const TopicPosition&) const = default;
};

// ---- from the client ----

/// Follows a topic, or with `pattern` every topic that matches, those created later too.
struct Subscribe {
  RequestId id = 0;
  std::string topic;  ///< as it came; the session validates it. Empty with a pattern
  Start start = StartNow{};
  OnGap on_gap = OnGap::fail;
  bool state = false;  ///< begin with the topic's state; then `start` is not given
  std::optional<StateIfBehind> state_if_behind;
  Filter filter;
  std::string cursor;   ///< begin after what this named cursor has, if there is one; empty: none
  std::string pattern;  ///< `*` within a segment, `**` any number of them. Empty with a topic
  /// With a pattern: where the reader is in the topics it has seen, as it kept them. Given, also
  /// without one entry: topics that are not in it are sent from their earliest event on, and
  /// `start` is not given.
  std::optional<std::vector<TopicPosition>> positions;
  bool operator==(const Subscribe&) const = default;
};

struct Unsubscribe {
  RequestId id = 0;
  std::string topic;    ///< empty with a pattern
  std::string pattern;  ///< as it was subscribed to; empty with a topic
  bool operator==(const Unsubscribe&) const = default;
};

struct Publish {
  RequestId id = 0;
  std::string topic;
  std::vector<NewEvent> events;  ///< appended together or not at all
  std::optional<ProducerStamp> producer;
  std::optional<Offset> expected_last;  ///< refuse unless the topic's last offset is this
  std::string content_type;  ///< given: creates the topic with it, must match if it exists
  bool operator==(const Publish&) const = default;
};

struct Ping {
  RequestId id = 0;
  bool operator==(const Ping&) const = default;
};

/// Who the client is: first of all, or again before its token expires.
struct Authenticate {
  RequestId id = 0;
  std::string token;  ///< a token or an API key
  bool operator==(const Authenticate&) const = default;
};

/// A reader has applied everything up to `position`, and a named cursor of the topic is to keep it.
struct Acknowledge {
  RequestId id = 0;
  std::string topic;
  std::string cursor;
  Position position;  ///< epoch 0: the topic's now
  bool operator==(const Acknowledge&) const = default;
};

using ClientMessage =
    std::variant<Subscribe, Unsubscribe, Publish, Ping, Authenticate, Acknowledge>;

// ---- from the broker ----

struct Subscribed {
  RequestId id = 0;
  std::string topic;
  Position position;  ///< the next event is the one after this
  Offset head;        ///< last offset at this moment
  Offset earliest;    ///< first retained offset; head + 1 if there is none
  std::string content_type;
  bool operator==(const Subscribed&) const = default;
};

/// A subscription to a pattern has begun: a Subscribed without id comes for every topic it follows,
/// now and later.
struct Following {
  RequestId id = 0;
  std::string pattern;
  bool operator==(const Following&) const = default;
};

/// The subscription has ended: asked for, or because of `reason` (topic_deleted, position_trimmed
/// …).
struct Unsubscribed {
  RequestId id = 0;
  std::string topic;    ///< empty with a pattern
  std::string pattern;  ///< empty with a topic
  std::optional<Errc> reason;
  bool operator==(const Unsubscribed&) const = default;
};

/// An event as a client receives it. The broker sends these through EventFramer, never as a struct.
struct Event {
  std::string topic;
  Offset offset;
  Timestamp time;
  std::string key;
  std::vector<Header> headers;
  std::string data;
  Form form = Form::raw;  ///< json after decoding from JSON, until settle_payload
  bool operator==(const Event&) const = default;
};

/// The newest event of a key, in a topic that keeps those.
struct StateEntry {
  std::string key;
  Offset offset;  ///< of the event
  Timestamp time;
  std::vector<Header> headers;
  std::string data;
  Form form = Form::raw;  ///< as Event::form
  bool operator==(const StateEntry&) const = default;
};

/// State of a topic as of `position`; every later event follows. From `first` on what the reader
/// had is void; it has the state whole with `last`. Either one message with `bundle`, or any number
/// with `entries`.
struct State {
  std::string topic;
  Position position;
  bool first = true;
  bool last = true;
  std::string content_type;           ///< of the bundle; empty with entries
  std::optional<std::string> bundle;  ///< none: these are entries, perhaps no one
  std::vector<StateEntry> entries;
  bool operator==(const State&) const = default;
};

/// The reader has everything up to `offset`: what came after its last event was filtered out.
struct Advanced {
  std::string topic;
  Offset offset;
  bool operator==(const Advanced&) const = default;
};

/// The cursor has this position now, or had a later one already.
struct Acknowledged {
  RequestId id = 0;
  std::string topic;
  std::string cursor;
  Position position;
  bool operator==(const Acknowledged&) const = default;
};

/// Everything up to `offset` has been sent; what follows is live. Once per subscription and gap.
struct CaughtUp {
  std::string topic;
  Offset offset;
  bool operator==(const CaughtUp&) const = default;
};

enum class GapCause : std::uint8_t { count, bytes, age, trimmed, epoch, ahead, corrupt };
[[nodiscard]] std::string_view to_string(GapCause cause);

/// Events the reader expects or claims to have and this history cannot give.
struct Gap {
  OffsetRange lost;
  GapCause cause = GapCause::trimmed;
  Epoch epoch;      ///< the history now
  Offset earliest;  ///< first retained offset; head + 1 if there is none
  Offset head;
  bool operator==(const Gap&) const = default;
};

struct GapNotice {
  std::string topic;
  Gap gap;
  bool operator==(const GapNotice&) const = default;
};

/// The events that follow belong to `epoch`, which begins at `first`.
struct EpochNotice {
  std::string topic;
  Epoch epoch;
  Offset first;
  bool operator==(const EpochNotice&) const = default;
};

struct Published {
  RequestId id = 0;
  std::string topic;
  Epoch epoch;
  OffsetRange offsets;     ///< empty for a duplicate whose offsets are no longer remembered
  bool duplicate = false;  ///< this producer's sequence had been appended before
  bool operator==(const Published&) const = default;
};

struct Pong {
  RequestId id = 0;
  bool operator==(const Pong&) const = default;
};

/// The broker is going away; come back after about this long (spread over the clients).
struct Goodbye {
  std::uint32_t reconnect_after_ms = 0;
  bool operator==(const Goodbye&) const = default;
};

struct Failure {
  RequestId id = 0;
  Errc code = Errc::malformed_message;
  std::string text;            ///< for people; says what was wrong with this very request
  std::string topic;           ///< empty if it concerns none
  std::optional<Gap> gap;      ///< position_* and wrong_epoch
  std::optional<Offset> head;  ///< offset_mismatch
  std::optional<std::uint64_t> expected_sequence;  ///< sequence_gap
  std::optional<std::uint64_t> producer_epoch;     ///< producer_fenced
  std::optional<std::uint64_t> retry_after_ms;     ///< rate_limited: the time to wait
  bool operator==(const Failure&) const = default;
};

/// The connection acts for `subject` from here on.
struct Authenticated {
  RequestId id = 0;
  std::string subject;
  std::optional<Timestamp> expires;  ///< then the connection is closed; none: never
  bool operator==(const Authenticated&) const = default;
};

/// The token will expire: send another, or be closed.
struct TokenExpires {
  std::uint32_t in_ms = 0;
  bool operator==(const TokenExpires&) const = default;
};

using ServerMessage = std::variant<Subscribed, Unsubscribed, Event, CaughtUp, GapNotice,
                                   EpochNotice, Published, Pong, Goodbye, Failure, Authenticated,
                                   TokenExpires, Following, State, Advanced, Acknowledged>;

}  // namespace tidemark

// A broker's messages, each read by a table of its fields.
// protocol/: see json_codec.hpp.
#include <array>
#include <optional>
#include <utility>

#include "protocol/json_codec.hpp"
#include "protocol/json_messages.hpp"
#include "protocol/json_names.hpp"
#include "protocol/json_parts.hpp"

namespace tidemark {
namespace {

using namespace json_parts;  // NOLINT(google-build-using-namespace): made for the decoders alone

constexpr std::array kSubscribed{
    type<Subscribed>(),
    may<Subscribed, &Subscribed::id>("id"),
    must<Subscribed, &Subscribed::topic>("topic"),
    must<Subscribed, &Subscribed::position, &Position::epoch>("epoch"),
    must<Subscribed, &Subscribed::position, &Position::offset>("offset"),
    must<Subscribed, &Subscribed::head>("head"),
    must<Subscribed, &Subscribed::earliest>("earliest"),
    must<Subscribed, &Subscribed::content_type>("content_type"),
};

using UnsubscribedDraft = TargetDraft<Unsubscribed>;

constexpr std::array kUnsubscribed{
    type<UnsubscribedDraft>(),
    may<UnsubscribedDraft, &UnsubscribedDraft::message, &Unsubscribed::id>("id"),
    Field<UnsubscribedDraft>{"topic", get_topic},
    Field<UnsubscribedDraft>{"pattern", get_pattern},
    may<UnsubscribedDraft, &UnsubscribedDraft::message, &Unsubscribed::reason>("reason"),
};

ServerMessage read_unsubscribed(JsonReading& in) {
  auto draft = object(in, kUnsubscribedName, kUnsubscribed);
  check_one_target(in, draft.given);
  return std::move(draft.message);
}

using SentEvent = EventDraft<Event>;

constexpr std::array kEvent{
    type<SentEvent>(),
    must<SentEvent, &SentEvent::event, &Event::topic>("topic"),
    must<SentEvent, &SentEvent::event, &Event::offset>("offset"),
    must<SentEvent, &SentEvent::event, &Event::time>("time"),
    may<SentEvent, &SentEvent::event, &Event::key>("key"),
    may<SentEvent, &SentEvent::event, &Event::headers>("headers"),
    Field<SentEvent>{"data", get_data},
    Field<SentEvent>{"data_base64", get_base64},
};

ServerMessage read_event(JsonReading& in) {
  auto draft = object(in, "event", kEvent);
  check_one_payload(in, draft);
  return std::move(draft.event);
}

constexpr std::array kCaughtUp{
    type<CaughtUp>(),
    must<CaughtUp, &CaughtUp::topic>("topic"),
    must<CaughtUp, &CaughtUp::offset>("offset"),
};

constexpr std::array kGapNotice{
    type<GapNotice>(),
    must<GapNotice, &GapNotice::topic>("topic"),
    must<GapNotice, &GapNotice::gap, &Gap::lost, &OffsetRange::first>("first"),
    must<GapNotice, &GapNotice::gap, &Gap::lost, &OffsetRange::end>("end"),
    must<GapNotice, &GapNotice::gap, &Gap::cause>("cause"),
    must<GapNotice, &GapNotice::gap, &Gap::epoch>("epoch"),
    must<GapNotice, &GapNotice::gap, &Gap::earliest>("earliest"),
    must<GapNotice, &GapNotice::gap, &Gap::head>("head"),
};

constexpr std::array kEpochNotice{
    type<EpochNotice>(),
    must<EpochNotice, &EpochNotice::topic>("topic"),
    must<EpochNotice, &EpochNotice::epoch>("epoch"),
    must<EpochNotice, &EpochNotice::first>("first"),
};

struct PublishedDraft {
  Published message;
  std::optional<Offset> first;
  std::optional<Offset> last;
};

constexpr std::array kPublished{
    type<PublishedDraft>(),
    may<PublishedDraft, &PublishedDraft::message, &Published::id>("id"),
    must<PublishedDraft, &PublishedDraft::message, &Published::topic>("topic"),
    must<PublishedDraft, &PublishedDraft::message, &Published::epoch>("epoch"),
    may<PublishedDraft, &PublishedDraft::first>("first"),
    may<PublishedDraft, &PublishedDraft::last>("last"),
    may<PublishedDraft, &PublishedDraft::message, &Published::duplicate>("duplicate"),
};

ServerMessage read_published(JsonReading& in) {
  auto draft = object(in, "published", kPublished);
  if (draft.first && draft.last && *draft.first <= *draft.last) {
    draft.message.offsets = {*draft.first, draft.last->next()};
  } else if (draft.first || draft.last) {
    in.fail(Errc::malformed_message, "\"first\" and \"last\" are no range");
  }
  return std::move(draft.message);
}

constexpr std::array kPong{type<Pong>(), may<Pong, &Pong::id>("id")};

constexpr std::array kGoodbye{type<Goodbye>(),
                              must<Goodbye, &Goodbye::reconnect_after_ms>("reconnect_after_ms")};

void get_failure_gap(JsonReading& in, Failure& failure) { failure.gap = object(in, "gap", kGap); }

constexpr std::array kFailure{
    type<Failure>(),
    may<Failure, &Failure::id>("id"),
    must<Failure, &Failure::code>("code"),
    must<Failure, &Failure::text>("message"),
    may<Failure, &Failure::topic>("topic"),
    Field<Failure>{"gap", get_failure_gap},
    may<Failure, &Failure::head>("head"),
    may<Failure, &Failure::expected_sequence>("expected_sequence"),
    may<Failure, &Failure::producer_epoch>("producer_epoch"),
    may<Failure, &Failure::retry_after_ms>("retry_after_ms"),
};

constexpr std::array kAuthenticated{
    type<Authenticated>(),
    may<Authenticated, &Authenticated::id>("id"),
    must<Authenticated, &Authenticated::subject>("subject"),
    may<Authenticated, &Authenticated::expires>("expires"),
};

constexpr std::array kTokenExpires{type<TokenExpires>(),
                                   must<TokenExpires, &TokenExpires::in_ms>("in_ms")};

constexpr std::array kFollowing{
    type<Following>(),
    may<Following, &Following::id>("id"),
    must<Following, &Following::pattern>("pattern"),
};

constexpr std::array kAdvanced{
    type<Advanced>(),
    must<Advanced, &Advanced::topic>("topic"),
    must<Advanced, &Advanced::offset>("offset"),
};

constexpr std::array kAcknowledged{
    type<Acknowledged>(),
    may<Acknowledged, &Acknowledged::id>("id"),
    must<Acknowledged, &Acknowledged::topic>("topic"),
    must<Acknowledged, &Acknowledged::cursor>("cursor"),
    must<Acknowledged, &Acknowledged::position, &Position::epoch>("epoch"),
    must<Acknowledged, &Acknowledged::position, &Position::offset>("offset"),
};

// ---- a state ----

using EntryDraft = EventDraft<StateEntry>;

constexpr std::array kStateEntry{
    must<EntryDraft, &EntryDraft::event, &StateEntry::key>("key"),
    must<EntryDraft, &EntryDraft::event, &StateEntry::offset>("offset"),
    must<EntryDraft, &EntryDraft::event, &StateEntry::time>("time"),
    may<EntryDraft, &EntryDraft::event, &StateEntry::headers>("headers"),
    Field<EntryDraft>{"data", get_data},
    Field<EntryDraft>{"data_base64", get_base64},
};

struct Bundle {
  std::string data;
  Form form = Form::raw;
};

struct StateDraft {
  State message;
  EventDraft<Bundle> bundle;
  bool has_entries = false;
};

template <auto Read>
void get_bundle(JsonReading& in, StateDraft& draft) {
  Read(in, draft.bundle);
}

// As many as the message's size lets there be.
void get_entries(JsonReading& in, StateDraft& draft) {
  draft.has_entries = true;
  in.items("entries[]", [&] {
    auto item = object(in, "entry", kStateEntry);
    check_one_payload(in, item);
    draft.message.entries.push_back(std::move(item.event));
  });
}

constexpr std::array kState{
    type<StateDraft>(),
    must<StateDraft, &StateDraft::message, &State::topic>("topic"),
    must<StateDraft, &StateDraft::message, &State::position, &Position::epoch>("epoch"),
    must<StateDraft, &StateDraft::message, &State::position, &Position::offset>("offset"),
    must<StateDraft, &StateDraft::message, &State::first>("first"),
    must<StateDraft, &StateDraft::message, &State::last>("last"),
    may<StateDraft, &StateDraft::message, &State::content_type>("content_type"),
    Field<StateDraft>{"data", get_bundle<&get_data<Bundle>>},
    Field<StateDraft>{"data_base64", get_bundle<&get_base64<Bundle>>},
    Field<StateDraft>{"entries", get_entries},
};

// Settled here: a bundle's content type stands beside it, that of events does not.
void take_bundle(JsonReading& in, StateDraft& draft) {
  check_one_payload(in, draft.bundle);
  auto& bundle = draft.bundle.event;
  if (in.fault()) return;
  const Payload payload = payload_of(draft.message.content_type);
  // Text and JSON that came as base64 would be believed to be what nobody has checked.
  if (bundle.form == Form::raw && payload != Payload::bytes) {
    return in.fail(Errc::invalid_payload, "\"data_base64\" does not fit \"content_type\"");
  }
  if (!settle_payload(bundle.data, bundle.form, payload)) {
    return in.fail(Errc::invalid_payload, "\"data\" does not fit \"content_type\"");
  }
  draft.message.bundle = std::move(bundle.data);
}

ServerMessage read_state(JsonReading& in) {
  auto draft = object(in, kStateName, kState);
  if (in.fault()) return std::move(draft.message);
  if (!draft.has_entries) {
    take_bundle(in, draft);
  } else if (draft.bundle.payloads != 0) {
    in.fail(Errc::malformed_message, "\"entries\" and a bundle's data exclude each other");
  }
  return std::move(draft.message);
}

constexpr std::array kServerTypes{
    Type<ServerMessage>{"event", read_event},
    Type<ServerMessage>{"published", read_published},
    Type<ServerMessage>{kSubscribedName, read_plain<ServerMessage, kSubscribed, kSubscribedName>},
    Type<ServerMessage>{kUnsubscribedName, read_unsubscribed},
    Type<ServerMessage>{kCaughtUpName, read_plain<ServerMessage, kCaughtUp, kCaughtUpName>},
    Type<ServerMessage>{kGapName, read_plain<ServerMessage, kGapNotice, kGapName>},
    Type<ServerMessage>{kEpochName, read_plain<ServerMessage, kEpochNotice, kEpochName>},
    Type<ServerMessage>{kPongName, read_plain<ServerMessage, kPong, kPongName>},
    Type<ServerMessage>{kGoodbyeName, read_plain<ServerMessage, kGoodbye, kGoodbyeName>},
    Type<ServerMessage>{kErrorName, read_plain<ServerMessage, kFailure, kErrorName>},
    Type<ServerMessage>{kAuthenticatedName,
                        read_plain<ServerMessage, kAuthenticated, kAuthenticatedName>},
    Type<ServerMessage>{kTokenExpiresName,
                        read_plain<ServerMessage, kTokenExpires, kTokenExpiresName>},
    Type<ServerMessage>{kStateName, read_state},
    Type<ServerMessage>{kFollowingName, read_plain<ServerMessage, kFollowing, kFollowingName>},
    Type<ServerMessage>{kAdvancedName, read_plain<ServerMessage, kAdvanced, kAdvancedName>},
    Type<ServerMessage>{kAcknowledgedName,
                        read_plain<ServerMessage, kAcknowledged, kAcknowledgedName>},
};

}  // namespace

Decoded<ServerMessage> decode_json_server(std::string_view text) {
  return json_parts::decode_message(text, kServerTypes, Unknown::skip);
}

}  // namespace tidemark

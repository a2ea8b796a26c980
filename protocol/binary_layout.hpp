// The fields of every message in the order of the binary form, said once for all archives.
// protocol/: cereal's output archive writes by these, binary_codec's bounded reader reads by them,
// tests also read by them with cereal itself. PROTOCOL.md, section 8, is the same list in prose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "protocol/messages.hpp"

namespace tidemark::wire {

/// The first byte cereal's portable archive writes: whether the rest is little-endian.
inline constexpr std::uint8_t kLittleEndian = 1;

template <class Message, class Variant>
struct IndexIn;
template <class Message, class... Rest>
struct IndexIn<Message, std::variant<Message, Rest...>> : std::integral_constant<int, 0> {};
template <class Message, class First, class... Rest>
struct IndexIn<Message, std::variant<First, Rest...>>
    : std::integral_constant<int, 1 + IndexIn<Message, std::variant<Rest...>>::value> {};

/// The kind byte of the first message of each direction; the others follow in the variant's order.
template <class Variant>
inline constexpr int kFirstKind = std::is_same_v<Variant, ClientMessage> ? 0x01 : 0x11;

template <class Variant, class Message>
constexpr std::uint8_t kind_of() {
  return static_cast<std::uint8_t>(kFirstKind<Variant> + IndexIn<Message, Variant>::value);
}

/// Tells a loading archive that what it has read is nonsense. Cereal's own archives throw.
template <class Archive>
void refuse(Archive& archive, const char* why) {
  if constexpr (requires { archive.refuse(why); }) {
    archive.refuse(why);
  } else {
    throw std::invalid_argument(why);
  }
}

/// As above, with the error it is.
template <class Archive>
void refuse(Archive& archive, Errc code, const char* why) {
  if constexpr (requires { archive.refuse(code, why); }) {
    archive.refuse(code, why);
  } else {
    throw std::invalid_argument(why);
  }
}

/// A string that must be UTF-8; event data alone is not.
template <class Archive>
void text(Archive& archive, std::string& value) {
  archive(value);
  if constexpr (Archive::is_loading::value) {
    if (!valid_utf8(value)) refuse(archive, "text is not UTF-8");
  }
}

/// A list of such strings. A reader that believes no length is told the most there may be, and what
/// more of them are.
template <class Archive>
void texts(Archive& archive, std::vector<std::string>& list, std::size_t most, Errc code,
           const char* too_many) {
  if constexpr (requires { archive.texts(list, most, code, too_many); }) {
    archive.texts(list, most, code, too_many);
  } else {
    archive(list);
  }
  if constexpr (Archive::is_loading::value) {
    for (const auto& value : list) {
      if (!valid_utf8(value)) return refuse(archive, "text is not UTF-8");
    }
  }
}

/// An enumerator as a byte, at most `last`.
template <class Archive, class Enum>
void enumerator(Archive& archive, Enum& value, Enum last) {
  auto byte = static_cast<std::uint8_t>(value);
  archive(byte);
  if constexpr (Archive::is_loading::value) {
    if (byte > static_cast<std::uint8_t>(last)) return refuse(archive, "no such enumerator");
    value = static_cast<Enum>(byte);
  }
}

/// An error by its name, since the numbers of the enum may move.
template <class Archive>
void error_name(Archive& archive, Errc& code) {
  std::string name;
  if constexpr (!Archive::is_loading::value) name = info(code).name;
  archive(name);
  if constexpr (Archive::is_loading::value) {
    const auto known = errc_named(name);
    if (!known) return refuse(archive, "no error has this name");
    code = *known;
  }
}

/// A Start as three fields that are always there: kind (its index in the variant), epoch (after
/// only), and offset, count or time.
struct FlatStart {
  std::uint8_t kind = 0;
  std::uint64_t epoch = 0;
  std::uint64_t value = 0;
};

inline FlatStart flat(const Start& start) {
  FlatStart out{.kind = static_cast<std::uint8_t>(start.index())};
  if (const auto* after = std::get_if<StartAfter>(&start)) {
    out.epoch = after->position.epoch.value;
    out.value = after->position.offset.value;
  } else if (const auto* last = std::get_if<StartLast>(&start)) {
    out.value = last->count;
  } else if (const auto* time = std::get_if<StartTime>(&start)) {
    out.value = static_cast<std::uint64_t>(time->time.ms);
  }
  return out;
}

/// The Start again; nothing if the kind is none.
inline std::optional<Start> start_of(const FlatStart& flat) {
  switch (flat.kind) {
    case 0:
      return StartAfter{{Epoch{flat.epoch}, Offset{flat.value}}};
    case 1:
      return StartEarliest{};
    case 2:
      return StartNow{};
    case 3:
      return StartLast{flat.value};
    case 4:
      return StartTime{Timestamp{static_cast<std::int64_t>(flat.value)}};
    default:
      return std::nullopt;
  }
}

}  // namespace tidemark::wire

namespace tidemark {

// ---- the vocabulary ----

template <class Archive>
void serialize(Archive& archive, Offset& v) {
  archive(v.value);
}
template <class Archive>
void serialize(Archive& archive, Epoch& v) {
  archive(v.value);
}
template <class Archive>
void serialize(Archive& archive, Timestamp& v) {
  archive(v.ms);
}
template <class Archive>
void serialize(Archive& archive, OffsetRange& v) {
  archive(v.first, v.end);
}
template <class Archive>
void serialize(Archive& archive, Position& v) {
  archive(v.epoch, v.offset);
}
template <class Archive>
void serialize(Archive& archive, Header& v) {
  wire::text(archive, v.name);
  wire::text(archive, v.value);
}
template <class Archive>
void serialize(Archive& archive, NewEvent& v) {
  wire::text(archive, v.key);
  archive(v.headers, v.data);
}
template <class Archive>
void serialize(Archive& archive, ProducerStamp& v) {
  wire::text(archive, v.id);
  archive(v.epoch, v.sequence);
}
template <class Archive>
void serialize(Archive& archive, Gap& v) {
  archive(v.lost);
  wire::enumerator(archive, v.cause, GapCause::corrupt);
  archive(v.epoch, v.earliest, v.head);
}

template <class Archive>
void serialize(Archive& archive, StateIfBehind& v) {
  archive(v.events, v.bytes);
}
template <class Archive>
void serialize(Archive& archive, Filter::Match& v) {
  wire::text(archive, v.name);
  wire::texts(archive, v.values, limits::filter_values, Errc::invalid_filter,
              "more than 64 values of a header");
  if constexpr (Archive::is_loading::value) {
    if (v.values.empty()) {
      wire::refuse(archive, Errc::invalid_filter, "a header has no value to match");
    }
  }
}
template <class Archive>
void serialize(Archive& archive, Filter& v) {
  wire::texts(archive, v.keys, limits::filter_keys, Errc::invalid_filter, "more than 256 keys");
  archive(v.headers);
}
template <class Archive>
void serialize(Archive& archive, TopicPosition& v) {
  wire::text(archive, v.topic);
  archive(v.position);
}
template <class Archive>
void serialize(Archive& archive, StateEntry& v) {
  wire::text(archive, v.key);
  archive(v.offset, v.time, v.headers, v.data);
}

// ---- from the client ----

template <class Archive>
void serialize(Archive& archive, Subscribe& m) {
  archive(m.id);
  wire::text(archive, m.topic);
  auto start = wire::flat(m.start);
  archive(start.kind, start.epoch, start.value);
  wire::enumerator(archive, m.on_gap, OnGap::state);
  archive(m.state, m.state_if_behind, m.filter);
  wire::text(archive, m.cursor);
  wire::text(archive, m.pattern);
  archive(m.positions);
  if constexpr (Archive::is_loading::value) {
    const auto known = wire::start_of(start);
    if (!known) return wire::refuse(archive, "no such kind of start");
    m.start = *known;
  }
}
template <class Archive>
void serialize(Archive& archive, Unsubscribe& m) {
  archive(m.id);
  wire::text(archive, m.topic);
  wire::text(archive, m.pattern);
}
template <class Archive>
void serialize(Archive& archive, Publish& m) {
  archive(m.id);
  wire::text(archive, m.topic);
  archive(m.events, m.producer, m.expected_last);
  wire::text(archive, m.content_type);
}
template <class Archive>
void serialize(Archive& archive, Ping& m) {
  archive(m.id);
}

template <class Archive>
void serialize(Archive& archive, Authenticate& m) {
  archive(m.id);
  wire::text(archive, m.token);
}

template <class Archive>
void serialize(Archive& archive, Acknowledge& m) {
  archive(m.id);
  wire::text(archive, m.topic);
  wire::text(archive, m.cursor);
  archive(m.position);
}

// ---- from the broker ----

template <class Archive>
void serialize(Archive& archive, Subscribed& m) {
  archive(m.id);
  wire::text(archive, m.topic);
  archive(m.position, m.head, m.earliest);
  wire::text(archive, m.content_type);
}
template <class Archive>
void serialize(Archive& archive, Unsubscribed& m) {
  archive(m.id);
  wire::text(archive, m.topic);
  wire::text(archive, m.pattern);
  bool asked_for = !m.reason;
  archive(asked_for);
  if (asked_for) return;
  Errc reason = m.reason.value_or(Errc::cancelled);
  wire::error_name(archive, reason);
  m.reason = reason;
}
template <class Archive>
void serialize(Archive& archive, Event& m) {
  wire::text(archive, m.topic);
  archive(m.offset, m.time);
  wire::text(archive, m.key);
  archive(m.headers, m.data);
}
template <class Archive>
void serialize(Archive& archive, CaughtUp& m) {
  wire::text(archive, m.topic);
  archive(m.offset);
}
template <class Archive>
void serialize(Archive& archive, GapNotice& m) {
  wire::text(archive, m.topic);
  archive(m.gap);
}
template <class Archive>
void serialize(Archive& archive, EpochNotice& m) {
  wire::text(archive, m.topic);
  archive(m.epoch, m.first);
}
template <class Archive>
void serialize(Archive& archive, Published& m) {
  archive(m.id);
  wire::text(archive, m.topic);
  archive(m.epoch, m.offsets, m.duplicate);
}
template <class Archive>
void serialize(Archive& archive, Pong& m) {
  archive(m.id);
}
template <class Archive>
void serialize(Archive& archive, Goodbye& m) {
  archive(m.reconnect_after_ms);
}
template <class Archive>
void serialize(Archive& archive, Failure& m) {
  archive(m.id);
  wire::error_name(archive, m.code);
  wire::text(archive, m.text);
  wire::text(archive, m.topic);
  archive(m.gap, m.head, m.expected_sequence, m.producer_epoch, m.retry_after_ms);
}
template <class Archive>
void serialize(Archive& archive, Authenticated& m) {
  archive(m.id);
  wire::text(archive, m.subject);
  archive(m.expires);
}
template <class Archive>
void serialize(Archive& archive, TokenExpires& m) {
  archive(m.in_ms);
}
template <class Archive>
void serialize(Archive& archive, Following& m) {
  archive(m.id);
  wire::text(archive, m.pattern);
}
template <class Archive>
void serialize(Archive& archive, State& m) {
  wire::text(archive, m.topic);
  archive(m.position, m.first, m.last);
  wire::text(archive, m.content_type);
  archive(m.bundle, m.entries);
  if constexpr (Archive::is_loading::value) {
    if (m.bundle && !m.entries.empty()) wire::refuse(archive, "a state has a bundle and entries");
  }
}
template <class Archive>
void serialize(Archive& archive, Advanced& m) {
  wire::text(archive, m.topic);
  archive(m.offset);
}
template <class Archive>
void serialize(Archive& archive, Acknowledged& m) {
  archive(m.id);
  wire::text(archive, m.topic);
  wire::text(archive, m.cursor);
  archive(m.position);
}

}  // namespace tidemark

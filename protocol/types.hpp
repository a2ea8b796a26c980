// The vocabulary: offsets, epochs, positions, topic names, events.
// protocol/: everything above and below speaks in these; no I/O.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace tidemark {

/// The place of an event in its topic. The first event has offset 1; 0 means "nothing seen yet".
/// At most kMaxInteger, so that a JavaScript number holds it exactly.
struct Offset {
  std::uint64_t value = 0;
  auto operator<=>(const Offset&) const = default;
  [[nodiscard]] constexpr Offset next() const { return {value + 1}; }
};

/// A run of offsets, half-open: first, first + 1, … end - 1.
struct OffsetRange {
  Offset first;
  Offset end;
  auto operator<=>(const OffsetRange&) const = default;
  [[nodiscard]] constexpr bool empty() const { return first >= end; }
  [[nodiscard]] constexpr std::uint64_t count() const {
    return empty() ? 0 : end.value - first.value;
  }
};

/// One incarnation of a topic's history. Never reused, only grows within a topic, at most
/// kMaxInteger. 0 means "not known" and is never the epoch of a topic.
struct Epoch {
  std::uint64_t value = 0;
  auto operator<=>(const Epoch&) const = default;
};

/// What a reader has: everything up to and including `offset` of the history `epoch`.
struct Position {
  Epoch epoch;
  Offset offset;
  auto operator<=>(const Position&) const = default;
};

/// Milliseconds since 1970-01-01 UTC. Never decreases along a topic.
struct Timestamp {
  std::int64_t ms = 0;
  auto operator<=>(const Timestamp&) const = default;
};

inline constexpr std::uint64_t kMaxInteger = (std::uint64_t{1} << 53) - 1;

/// Hard limits of the protocol; configuration may lower, never raise them.
namespace limits {
inline constexpr std::size_t topic_name_bytes = 255;
inline constexpr std::size_t key_bytes = 1024;
inline constexpr std::size_t headers = 32;
inline constexpr std::size_t header_name_bytes = 128;
inline constexpr std::size_t header_value_bytes = 4096;
inline constexpr std::size_t event_bytes = std::size_t{16} << 20;
inline constexpr std::size_t events_per_publish = 4096;
inline constexpr std::size_t producer_id_bytes = 128;
inline constexpr std::size_t content_type_bytes = 128;
inline constexpr std::size_t json_depth = 64;
inline constexpr std::size_t cursor_name_bytes = 128;
inline constexpr std::size_t filter_keys = 256;
inline constexpr std::size_t filter_headers = 16;
inline constexpr std::size_t filter_values = 64;                   ///< of one header
inline constexpr std::size_t positions = 10'000;                   ///< given with a pattern
inline constexpr std::size_t state_bytes = std::size_t{64} << 20;  ///< a bundle
}  // namespace limits

/// A valid topic name: one or more segments of [A-Za-z0-9._~-] joined by '/', at most 255 bytes, no
/// segment empty, "." or "..". Names whose first segment is "_tidemark" are kept for the broker.
class TopicName {
 public:
  /// Errors: invalid_topic, reserved_topic.
  static Result<TopicName> parse(std::string_view text);

  [[nodiscard]] const std::string& str() const { return text_; }
  auto operator<=>(const TopicName&) const = default;

 private:
  explicit TopicName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A header of an event: a name and a value, both UTF-8.
struct HeaderView {
  std::string_view name;
  std::string_view value;
  bool operator==(const HeaderView&) const = default;
};

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

/// Headers as they lie in a record: per header two little-endian 16-bit lengths, name, value.
/// A view: valid as long as the bytes are. Built only from bytes that `valid` accepts.
class HeadersView {
 public:
  class iterator {
   public:
    using value_type = HeaderView;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    explicit iterator(const char* at) : at_(at) {}
    HeaderView operator*() const;
    iterator& operator++();
    iterator operator++(int);
    bool operator==(const iterator&) const = default;

   private:
    const char* at_ = nullptr;
  };

  HeadersView() = default;
  explicit HeadersView(std::string_view packed) : packed_(packed) {}

  static bool valid(std::string_view packed);
  [[nodiscard]] iterator begin() const { return iterator(packed_.data()); }
  [[nodiscard]] iterator end() const { return iterator(packed_.data() + packed_.size()); }
  [[nodiscard]] bool empty() const { return packed_.empty(); }
  [[nodiscard]] std::string_view packed() const { return packed_; }

 private:
  std::string_view packed_;
};

/// Appends one header in HeadersView's form. Pre: within the limits.
void pack_header(std::string& out, const HeaderView& header);

/// An event of the log, as a view into a record. Valid as long as what it was read from.
struct EventView {
  Offset offset;
  Timestamp time;
  std::string_view key;  ///< empty: no key
  HeadersView headers;
  std::string_view data;
};

/// How `data` is to be read. A JSON message does not tell a topic's content type, so the decoder
/// hands on the JSON value as it stands; settle_payload then makes the payload of it.
enum class Form : std::uint8_t {
  raw,   ///< the payload itself
  json,  ///< a JSON value as text, known to be valid; only the decoders set this
};

/// An event on its way into the log.
struct NewEvent {
  std::string data;
  std::string key;  ///< empty: no key
  std::vector<Header> headers;
  Form form = Form::raw;
  bool operator==(const NewEvent&) const = default;
};

/// Who publishes, for retries that do not double: within one epoch of a producer the sequences are
/// 0, 1, 2 …, one per publish request; a higher epoch fences the lower ones and starts at 0 again.
struct ProducerStamp {
  std::string id;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  bool operator==(const ProducerStamp&) const = default;
};

/// How payloads of a content type are carried in JSON.
enum class Payload : std::uint8_t {
  json,   ///< application/json, *+json: embedded as it is
  text,   ///< text/*: a JSON string
  bytes,  ///< all others: base64
};

/// By media type, parameters ignored, case ignored.
[[nodiscard]] Payload payload_of(std::string_view content_type);

/// How the body of an HTTP read carries them, where only application/json has messages: an array of
/// them. Everything else, *+json too, is a stream of bytes, or of characters for text/*.
[[nodiscard]] Payload stream_payload_of(std::string_view content_type);

/// True if both name the same media type; parameters and case are ignored.
[[nodiscard]] bool same_content_type(std::string_view a, std::string_view b);

/// A content type the broker takes: type "/" subtype of RFC 9110 tokens, optional parameters,
/// printable ASCII, at most limits::content_type_bytes.
[[nodiscard]] bool valid_content_type(std::string_view text);

/// Turns data of Form::json into the payload of a topic and sets Form::raw. JSON topics take the
/// value as it is, text topics the content of a JSON string; bytes travel as base64, so any JSON
/// value is refused for them. Data of Form::raw is left as it is, unchecked.
/// Errors: invalid_payload.
[[nodiscard]] Result<void> settle_payload(std::string& data, Form& form, Payload payload);

/// Settles one event (see settle_payload), then checks it against the hard limits and its topic's
/// content type: raw data parses as JSON to at most limits::json_depth, text is UTF-8, header names
/// and key are UTF-8 and in bounds, header names are distinct. `max_event_bytes` bounds the data.
/// Errors: event_too_large, invalid_key, invalid_headers, invalid_payload.
[[nodiscard]] Result<void> check_event(NewEvent& event, Payload payload,
                                       std::size_t max_event_bytes);

/// Checks the id (UTF-8, 1 to limits::producer_id_bytes). Errors: invalid_producer.
[[nodiscard]] Result<void> check_producer(const ProducerStamp& stamp);

/// A name for a cursor the broker keeps: UTF-8 without control characters, 1 to
/// limits::cursor_name_bytes. Errors: invalid_cursor.
[[nodiscard]] Result<void> check_cursor_name(std::string_view name);

/// Does an event with a key remove it? In JSON topics data `null` does, in others no data at all.
[[nodiscard]] bool is_tombstone(std::string_view data, Payload payload);

/// True if `text` is well-formed UTF-8 (no overlong forms, no surrogates).
[[nodiscard]] bool valid_utf8(std::string_view text);

/// The wire forms a WebSocket message can take.
enum class WireForm : std::uint8_t { json, binary };

/// The broker's port, and Durable Streams' default.
inline constexpr std::uint16_t kDefaultPort = 4437;

}  // namespace tidemark

template <>
struct std::hash<tidemark::TopicName> {
  std::size_t operator()(const tidemark::TopicName& name) const noexcept {
    return std::hash<std::string>{}(name.str());
  }
};

// Frame headers, and the events of a topic encoded straight into memory of known size.
// protocol/: see frames.hpp. The messages' shapes are those of json_codec and binary_codec; tests
// hold the three together.
#include "protocol/frames.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "protocol/base64.hpp"
#include "protocol/binary_layout.hpp"
#include "protocol/codec.hpp"
#include "protocol/json_text.hpp"
#include "protocol/sse_text.hpp"

namespace tidemark {
namespace {

constexpr unsigned kFinalText = 0x81;
constexpr unsigned kFinalBinary = 0x82;

constexpr std::string_view kTime = ",\"time\":";
constexpr std::string_view kKey = ",\"key\":";
constexpr std::string_view kHeaders = ",\"headers\":{";
constexpr std::string_view kData = ",\"data\":";
constexpr std::string_view kBase64 = ",\"data_base64\":\"";

char* write_byte(unsigned value, char* out) {
  *out++ = static_cast<char>(value);
  return out;
}

char* write_big_endian(std::size_t value, int bytes, char* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out = write_byte(static_cast<unsigned>(value >> shift & 0xffU), out);
  }
  return out;
}

// The number it was given last, as text. A topic's offsets follow one another and the events of a
// batch have one time, so the digits are rarely worked out anew.
class Decimal {
 public:
  std::string_view of(std::uint64_t value) {
    if (value == value_ + 1 && text_[size_ - 1] < '9') {
      ++text_[size_ - 1];
    } else if (value != value_) {
      size_ = static_cast<std::size_t>(write_number(value, text_.data()) - text_.data());
    }
    value_ = value;
    return {text_.data(), size_};
  }

 private:
  std::uint64_t value_ = 0;
  std::array<char, kMaxDigits> text_{'0'};
  std::size_t size_ = 1;
};

struct EventNumbers {
  Decimal offset;
  Decimal time;
};
// Asked twice for each event, by json_size and by write_json.
thread_local EventNumbers numbers;

std::uint64_t time_of(const EventView& event) { return static_cast<std::uint64_t>(event.time.ms); }

// ---- JSON ----

std::size_t json_headers_size(HeadersView headers) {
  if (headers.empty()) return 0;
  std::size_t size = kHeaders.size();
  for (const auto& h : headers) size += json_string_size(h.name) + json_string_size(h.value) + 2;
  return size;  // a colon and a comma each; the last comma's byte goes to the closing brace
}

char* write_json_headers(HeadersView headers, char* out) {
  if (headers.empty()) return out;
  out = write_bytes(kHeaders, out);
  for (const auto& h : headers) {
    out = write_json_string(h.name, out);
    *out++ = ':';
    out = write_json_string(h.value, out);
    *out++ = ',';
  }
  out[-1] = '}';
  return out;
}

std::size_t json_data_size(std::string_view data, Payload payload) {
  switch (payload) {
    case Payload::json:
      return kData.size() + data.size();
    case Payload::text:
      return kData.size() + json_string_size(data);
    case Payload::bytes:
      return kBase64.size() + base64_size(data.size()) + 1;
  }
  return 0;
}

char* write_json_data(std::string_view data, Payload payload, char* out) {
  if (payload == Payload::bytes) {
    out = write_base64(data, write_bytes(kBase64, out));
    *out++ = '"';
    return out;
  }
  out = write_bytes(kData, out);
  return payload == Payload::json ? write_bytes(data, out) : write_json_string(data, out);
}

std::size_t json_size(const EventView& event, Payload payload) {
  return numbers.offset.of(event.offset.value).size() + kTime.size() +
         numbers.time.of(time_of(event)).size() +
         (event.key.empty() ? 0 : kKey.size() + json_string_size(event.key)) +
         json_headers_size(event.headers) + json_data_size(event.data, payload) + 1;
}

// All before the data.
char* write_json_head(const EventView& event, char* out) {
  out = write_bytes(numbers.offset.of(event.offset.value), out);
  out = write_bytes(numbers.time.of(time_of(event)), write_bytes(kTime, out));
  if (!event.key.empty()) out = write_json_string(event.key, write_bytes(kKey, out));
  return write_json_headers(event.headers, out);
}

char* write_json(const EventView& event, Payload payload, char* out) {
  out = write_json_data(event.data, payload, write_json_head(event, out));
  *out++ = '}';
  return out;
}

// ---- cereal's portable binary, little-endian ----

char* write_u64(std::uint64_t value, char* out) {
  static_assert(std::endian::native == std::endian::little, "frames are written as memory lies");
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

char* write_sized(std::string_view text, char* out) {
  return write_bytes(text, write_u64(text.size(), out));
}

constexpr std::size_t kSize = sizeof(std::uint64_t);

std::size_t count_of(HeadersView headers) {
  std::size_t count = 0;
  for (auto it = headers.begin(); it != headers.end(); ++it) ++count;
  return count;
}

std::size_t binary_size(const EventView& event) {
  std::size_t size = 2 * kSize + kSize + event.key.size() + kSize + kSize + event.data.size();
  for (const auto& h : event.headers) size += kSize + h.name.size() + kSize + h.value.size();
  return size;
}

char* write_binary(const EventView& event, char* out) {
  out = write_u64(event.offset.value, out);
  out = write_u64(time_of(event), out);
  out = write_sized(event.key, out);
  out = write_u64(count_of(event.headers), out);
  for (const auto& h : event.headers) out = write_sized(h.value, write_sized(h.name, out));
  return write_sized(event.data, out);
}

// ---- pieces of HTTP answers ----

std::size_t body_size(std::string_view data, Payload payload) {
  return data.size() + (payload == Payload::json ? 1 : 0);
}

char* write_body(std::string_view data, Payload payload, char* out) {
  if (payload == Payload::json) *out++ = ',';
  return write_bytes(data, out);
}

constexpr std::string_view kNextElement = "data:,";

// Of text and JSON: bytes are kept as bodies.
std::size_t sse_size(std::string_view data, Payload payload) {
  const std::size_t lines = sse_lines_size(data);
  return payload == Payload::json ? kNextElement.size() + lines + 1 : lines;
}

char* write_sse(std::string_view data, Payload payload, char* out) {
  if (payload == Payload::text) return write_sse_lines(data, out);
  out = write_sse_lines(data, write_bytes(kNextElement, out));
  *out++ = '\n';
  return out;
}

// ---- whole Server-Sent Events ----

constexpr std::string_view kDataField = "data:";
constexpr std::string_view kEventEnd = "\n\n";

// Of JSON text, which begins with no blank.
void append_whole_event(std::string_view json, std::string& out) {
  const std::size_t at = out.size() + kDataField.size();
  out += kDataField;
  out.resize(at + sse_lines_size(json));
  write_sse_lines(json, out.data() + at);
  out += kEventEnd;
}

// ---- messages ----

constexpr bool holds_message(FrameForm form) {
  return form != FrameForm::body && form != FrameForm::sse;
}

std::string prefix_of(WireForm form, const TopicName& topic) {
  std::string prefix;
  if (form == WireForm::json) {
    prefix = "{\"type\":\"event\",\"topic\":";
    append_json_string(prefix, topic.str());
    return prefix + ",\"offset\":";
  }
  prefix.push_back(static_cast<char>(wire::kLittleEndian));
  prefix.push_back(static_cast<char>(wire::kind_of<ServerMessage, Event>()));
  const std::size_t at = prefix.size();
  prefix.resize(at + kSize + topic.str().size());
  write_sized(topic.str(), prefix.data() + at);
  return prefix;
}

template <class Message>
void append_framed(WireForm form, const Message& message, Payload payload, std::string& out) {
  // The header's size depends on the payload's: leave room for the longest, then close the gap.
  const std::size_t start = out.size();
  out.append(kMaxFrameHeader, '\0');
  encode(form, message, payload, out);
  const std::size_t size = out.size() - start - kMaxFrameHeader;
  const std::size_t spare = kMaxFrameHeader - frame_header_size(size);
  out.erase(start, spare);
  write_frame_header(form, size, out.data() + start);
}

}  // namespace

char* write_frame_header(WireForm form, std::size_t payload, char* out) {
  out = write_byte(form == WireForm::json ? kFinalText : kFinalBinary, out);
  if (payload < 126) return write_byte(static_cast<unsigned>(payload), out);
  if (payload < 65536) return write_big_endian(payload, 2, write_byte(126, out));
  return write_big_endian(payload, 8, write_byte(127, out));
}

void append_frame(WireForm form, const ServerMessage& message, Payload payload, std::string& out) {
  append_framed(form, message, payload, out);
}

void append_frame(WireForm form, const State& state, Payload payload, std::string& out) {
  append_framed(form, state, payload, out);
}

void append_event(const ServerMessage& message, Payload payload, std::string& out) {
  std::string json;
  encode(WireForm::json, message, payload, json);
  append_whole_event(json, out);
}

void append_event(const State& state, Payload payload, std::string& out) {
  std::string json;
  encode(WireForm::json, state, payload, json);
  append_whole_event(json, out);
}

EventFramer::EventFramer(FrameForm form, const TopicName& topic, Payload payload)
    : form_(form),
      wire_(form == FrameForm::binary ? WireForm::binary : WireForm::json),
      payload_(payload) {
  if (holds_message(form)) prefix_ = prefix_of(wire_, topic);
}

std::size_t EventFramer::size(const EventView& event) const {
  if (form_ == FrameForm::body) return body_size(event.data, payload_);
  if (form_ == FrameForm::sse) return sse_size(event.data, payload_);
  if (form_ == FrameForm::event) return whole_event_size(event);
  const std::size_t message = message_size(event);
  return frame_header_size(message) + message;
}

char* EventFramer::write(const EventView& event, char* out) const {
  if (form_ == FrameForm::body) return write_body(event.data, payload_, out);
  if (form_ == FrameForm::sse) return write_sse(event.data, payload_, out);
  if (form_ == FrameForm::event) return write_whole_event(event, out);
  return write_frame(event, out);
}

char* EventFramer::write_frame(const EventView& event, char* out) const {
  if (form_ == FrameForm::json && payload_ == Payload::text) {
    // Escapes are known only after a scan, and `size` has scanned already: so the message goes
    // where it would begin without escapes, and moves in the rare case that they cost a header.
    const std::size_t guess = frame_header_size(prefix_.size() + event.data.size());
    char* const end = write_message(event, out + guess);
    const auto message = static_cast<std::size_t>(end - out) - guess;
    const std::size_t header = frame_header_size(message);
    if (header != guess) std::memmove(out + header, out + guess, message);
    write_frame_header(wire_, message, out);
    return out + header + message;
  }
  return write_message(event, write_frame_header(wire_, message_size(event), out));
}

std::size_t EventFramer::message_size(const EventView& event) const {
  return prefix_.size() +
         (wire_ == WireForm::json ? json_size(event, payload_) : binary_size(event));
}

char* EventFramer::write_message(const EventView& event, char* out) const {
  out = write_bytes(prefix_, out);
  return form_ == FrameForm::json ? write_json(event, payload_, out) : write_binary(event, out);
}

// Of a message only JSON data, kept as it was published, can have line ends: in strings they are
// escaped.
std::size_t EventFramer::whole_event_size(const EventView& event) const {
  const std::size_t lines =
      payload_ == Payload::json ? sse_lines_size(event.data) - event.data.size() : 0;
  return kDataField.size() + message_size(event) + lines + kEventEnd.size();
}

char* EventFramer::write_whole_event(const EventView& event, char* out) const {
  out = write_bytes(prefix_, write_bytes(kDataField, out));
  out = write_json_head(event, out);
  if (payload_ == Payload::json) {
    out = write_sse_lines(event.data, write_bytes(kData, out));
  } else {
    out = write_json_data(event.data, payload_, out);
  }
  *out++ = '}';
  return write_bytes(kEventEnd, out);
}

}  // namespace tidemark

// Events ready to be sent, the same bytes for every client: WebSocket frames and pieces of HTTP
// answers.
// protocol/: segments keep them, fanout_stream and the HTTP readers send them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/messages.hpp"

namespace tidemark {

/// Most bytes a server frame's header can take (RFC 6455, 5.2; no mask).
inline constexpr std::size_t kMaxFrameHeader = 10;

/// Bytes of the header of an unmasked frame that carries `payload` bytes: 2, 4 or 10.
[[nodiscard]] constexpr std::size_t frame_header_size(std::size_t payload) {
  return payload < 126 ? 2 : payload < 65536 ? 4 : 10;
}

/// Writes the header of a final, unmasked text (json) or binary frame; returns past its end.
char* write_frame_header(WireForm form, std::size_t payload, char* out);

/// Appends one whole frame with the message to `out`. What a session answers with.
void append_frame(WireForm form, const ServerMessage& message, Payload payload, std::string& out);

/// The same for a part of a state, without a copy of it: see encode.
void append_frame(WireForm form, const State& state, Payload payload, std::string& out);

/// Appends the message as one whole Server-Sent Event: its JSON in `data` lines, and the empty line
/// that ends it.
void append_event(const ServerMessage& message, Payload payload, std::string& out);

/// The same for a part of a state, without a copy of it.
void append_event(const State& state, Payload payload, std::string& out);

/// What an event is kept ready as. Each is encoded once, when somebody asks for it, and shared by
/// all its readers. Pieces lie one behind another; what begins and ends an answer is around them:
///
///              | body                  | sse
///     json     | `,` data              | `data:,` data in lines, line end
///     text     | data                  | data in lines (sse_text.hpp)
///     bytes    | data                  | (none: a run of bodies in base64, see write_base64)
///
/// So the JSON array of a body is `[`, the run without its first byte, `]`; that of an SSE event is
/// `data:[`, the run without its first 6 bytes, `data:]`. Base64 ends with padding, so pieces of it
/// can't be joined: bytes are encoded when the run is known.
enum class FrameForm : std::uint8_t {
  json,    ///< a WebSocket frame, unmasked and whole
  binary,  ///< a WebSocket frame, unmasked and whole
  body,    ///< a piece of an HTTP body
  sse,     ///< a piece of the data of a Server-Sent Event; not of bytes
  event,   ///< a whole Server-Sent Event: the JSON message as append_event has it
};
inline constexpr std::size_t kFrameForms = 5;

/// The frames of a WebSocket of that wire form.
[[nodiscard]] constexpr FrameForm frame_form(WireForm form) {
  return form == WireForm::json ? FrameForm::json : FrameForm::binary;
}

/// Encodes the events of one topic in one form.
/// Threads: any; immutable. One per topic and form, since all but the event is known beforehand.
class EventFramer {
 public:
  EventFramer(FrameForm form, const TopicName& topic, Payload payload);

  /// The exact bytes `write` will produce. Cost: a scan of text payloads, else constant.
  [[nodiscard]] std::size_t size(const EventView& event) const;
  /// Writes the frame at `out` and returns past its end. Pre: size(event) bytes are free there.
  char* write(const EventView& event, char* out) const;

 private:
  [[nodiscard]] std::size_t message_size(const EventView& event) const;
  char* write_message(const EventView& event, char* out) const;
  char* write_frame(const EventView& event, char* out) const;
  [[nodiscard]] std::size_t whole_event_size(const EventView& event) const;
  char* write_whole_event(const EventView& event, char* out) const;

  FrameForm form_;
  WireForm wire_;  ///< of the forms that hold messages
  Payload payload_;
  std::string prefix_;  ///< of a message: everything up to the offset
};

}  // namespace tidemark

// Ready-to-send WebSocket frames: unmasked, whole, the same bytes for every client.
// protocol/: segments keep them, fanout_stream sends them.
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

/// Encodes the events of one topic as whole frames of one wire form.
/// Threads: any; immutable. One per topic and form, since all but the event is known beforehand.
class EventFramer {
 public:
  EventFramer(WireForm form, const TopicName& topic, Payload payload);

  /// The exact bytes `write` will produce. Cost: a scan of text payloads, else constant.
  [[nodiscard]] std::size_t size(const EventView& event) const;
  /// Writes the frame at `out` and returns past its end. Pre: size(event) bytes are free there.
  char* write(const EventView& event, char* out) const;

 private:
  [[nodiscard]] std::size_t payload_size(const EventView& event) const;
  char* write_payload(const EventView& event, char* out) const;

  WireForm form_;
  Payload payload_;
  std::string prefix_;  ///< everything up to the offset
};

}  // namespace tidemark

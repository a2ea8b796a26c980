// Upgrade, masks and control frames of a client.
// tools/: see bench_websocket.hpp.
#include "tools/bench_websocket.hpp"

#include <algorithm>

namespace tidemark::tools::bench {

void WebSocketPeer::open(const std::string& host_and_port) {
  send_now(upgrade_request(host_and_port, form_));
  check_upgrade(read_head(), form_);  // the broker says nothing more before it is asked
}

bool WebSocketPeer::control(const FrameView& frame) {
  if (frame.opcode == kPingFrame) {
    append_client_frame(kPongFrame, frame.text(), mask(), out());
    return true;
  }
  if (frame.opcode == kCloseFrame) {
    throw BenchError("the broker closes a connection: " +
                     std::string(frame.text().substr(std::min<std::size_t>(2, frame.size))));
  }
  return frame.opcode == kPongFrame;
}

std::uint32_t WebSocketPeer::mask() {
  mask_ ^= mask_ << 13;
  mask_ ^= mask_ >> 17;
  mask_ ^= mask_ << 5;
  return mask_;
}

}  // namespace tidemark::tools::bench

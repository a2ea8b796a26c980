// A WebSocket of the load generator: upgrade, masks and control frames.
// tools/: part of `tidemark bench`; who publishes and follows over one is in bench_peers.
#pragma once

#include "tools/bench_loop.hpp"

namespace tidemark::tools::bench {

class WebSocketPeer : public Peer {
 public:
  explicit WebSocketPeer(WireForm form) : form_(form) {}

  [[nodiscard]] WireForm form() const { return form_; }

 protected:
  void open(const std::string& host_and_port) override;
  /// Answers pings; true if the frame was a control frame. Throws on a close frame.
  bool control(const FrameView& frame);
  [[nodiscard]] std::uint32_t mask();

 private:
  WireForm form_;
  std::uint32_t mask_ = 0x9e3779b9;
};

}  // namespace tidemark::tools::bench

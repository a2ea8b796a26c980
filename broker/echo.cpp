// A WebSocket that sends every message back as it came, for conformance suites.
// broker/: see echo.hpp.
#include "broker/echo.hpp"

#include <array>

#include "protocol/frames.hpp"

namespace tidemark::broker {
namespace {

class Echo final : public MessageUse {
 public:
  [[nodiscard]] std::size_t most_bytes(const ServerLimits& /*limits*/) const override {
    return kEchoBytes;
  }

  void take(const WebSocketMessage& message, std::string& out) override {
    const auto form = message.is_text ? WireForm::json : WireForm::binary;
    std::array<char, kMaxFrameHeader> head;  // NOLINT: filled by write_frame_header
    char* const end = write_frame_header(form, message.bytes.size(), head.data());
    out.reserve(out.size() + kMaxFrameHeader + message.bytes.size());
    out.append(head.data(), end).append(message.bytes);
  }

  void tell(const ServerMessage& /*message*/, std::string& /*out*/) const override {}
};

}  // namespace

MessageUse& echo_use() {
  static Echo echo;
  return echo;
}

}  // namespace tidemark::broker

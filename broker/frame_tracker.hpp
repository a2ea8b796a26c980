// Where frames begin and end in a stream of bytes that somebody else writes.
// broker/: FanoutStream asks it when a run may enter between Beast's frames.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tidemark::broker {

/// Follows WebSocket frames (RFC 6455, 5.2) through a stream of bytes cut anywhere.
class FrameTracker {
 public:
  void pass(const char* bytes, std::size_t count);
  /// Is the next byte the first of a frame?
  [[nodiscard]] bool at_boundary() const { return rest_ == 0 && have_ == 0; }
  /// Has a close frame begun?
  [[nodiscard]] bool seen_close() const { return seen_close_; }

 private:
  [[nodiscard]] std::size_t header_bytes() const;
  [[nodiscard]] std::uint64_t payload_bytes() const;

  std::uint64_t rest_ = 0;  ///< of the payload
  std::array<unsigned char, 14> header_{};
  std::uint8_t have_ = 0;  ///< of the header
  bool seen_close_ = false;
};

}  // namespace tidemark::broker

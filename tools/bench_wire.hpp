// The client's side of RFC 6455 and of our messages, at a cost of nanoseconds per frame.
// tools/: part of `tidemark bench`. The shapes are those of PROTOCOL.md; a test holds these
// shortcuts against the codecs. What is not on the fast path goes through the codecs.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/codec.hpp"

namespace tidemark::tools::bench {

/// A measurement that cannot go on; the text is for the person who asked for it.
struct BenchError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// ---- WebSocket ----

struct FrameView {
  const char* payload = nullptr;
  std::size_t size = 0;
  unsigned opcode = 0;
  [[nodiscard]] std::string_view text() const { return {payload, size}; }
};

inline constexpr unsigned kTextFrame = 1;
inline constexpr unsigned kBinaryFrame = 2;
inline constexpr unsigned kCloseFrame = 8;
inline constexpr unsigned kPingFrame = 9;
inline constexpr unsigned kPongFrame = 10;

/// Reads the server's frame at `at`; returns past its end, or null if it isn't whole yet.
inline const char* read_frame(const char* at, const char* end, FrameView& frame) {
  const auto available = static_cast<std::size_t>(end - at);
  if (available < 2) return nullptr;
  const auto byte = [at](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(at[i]));
  };
  std::size_t header = 2;
  std::size_t size = byte(1) & 0x7fU;
  if (size >= 126) {
    const std::size_t bytes = size == 126 ? 2 : 8;
    header += bytes;
    if (available < header) return nullptr;
    size = 0;
    for (std::size_t i = 2; i < header; ++i) size = size << 8 | byte(i);
  }
  if (available - header < size) return nullptr;
  frame = {at + header, size, static_cast<unsigned>(byte(0)) & 0x0fU};
  return at + header + size;
}

/// Appends one final frame, masked as a client must.
void append_client_frame(unsigned opcode, std::string_view payload, std::uint32_t mask,
                         std::string& out);

/// The request that opens /v1/ws with the subprotocol of `form`.
[[nodiscard]] std::string upgrade_request(std::string_view host, WireForm form);
/// Throws BenchError unless `head` is the answer to it.
void check_upgrade(std::string_view head, WireForm form);

// ---- payloads ----

/// Event data of one size that begin with the time they are due and are random otherwise, so that
/// compression gains nothing: {"t":"000000123456789","p":"…"}.
class Payloads {
 public:
  static constexpr std::size_t least_bytes = 32;

  /// Pre: size >= least_bytes.
  Payloads(std::size_t size, std::uint64_t seed);

  /// The next payload, with `due_ns` in it. Valid until the pool has gone round once.
  std::string_view stamped(std::int64_t due_ns);
  [[nodiscard]] std::size_t count() const { return pool_.size(); }

 private:
  std::vector<std::string> pool_;
  std::size_t next_ = 0;
};

/// The stamp of event data, or -1 if there is none.
[[nodiscard]] std::int64_t stamp_of(std::string_view data);

// ---- messages ----

/// Appends a publish to `out`, masked and framed.
void append_publish(WireForm form, RequestId id, std::string_view topic,
                    std::span<const std::string_view> events, std::uint32_t mask, std::string& out);

/// Appends any message by the codecs, masked and framed.
void append_message(WireForm form, const ClientMessage& message, std::uint32_t mask,
                    std::string& out);

/// What the fast path reads of an answer to a publish.
struct Ack {
  RequestId id = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
/// False if `frame` is something else, or a duplicate, which the caller did not ask for.
bool read_ack(WireForm form, const FrameView& frame, Ack& ack);

/// The number that must come next, and what it looks like in JSON.
class Expected {
 public:
  explicit Expected(std::uint64_t value = 1) { set(value); }

  void set(std::uint64_t value);
  void advance() {
    ++value_;
    low_ += low_unit_;
    high_ += high_unit_;
    if (--until_carry_ == 0) set(value_);
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }
  [[nodiscard]] std::size_t digits() const { return digits_; }

  /// True if the number, followed by a comma, stands at `at`. Pre: 16 bytes can be read there.
  [[nodiscard]] bool in_json(const char* at) const {
    return (((load(at) ^ low_) & low_mask_) | ((load(at + 8) ^ high_) & high_mask_)) == 0;
  }
  /// True if it stands at `at` as 8 bytes, little-endian.
  [[nodiscard]] bool in_binary(const char* at) const { return load(at) == value_; }

 private:
  static std::uint64_t load(const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
  }

  // Kept as the words they are compared with: the last digit is counted up in place, and only every
  // tenth number is written anew.
  std::uint64_t value_ = 0;
  std::uint64_t low_ = 0, high_ = 0;
  std::uint64_t low_mask_ = 0, high_mask_ = 0;
  std::uint64_t low_unit_ = 0, high_unit_ = 0;
  unsigned until_carry_ = 0;
  std::size_t digits_ = 0;
};

/// The events of one topic as they arrive.
class EventPattern {
 public:
  EventPattern(WireForm form, std::string_view topic);

  /// True if `frame` is an event of the topic.
  [[nodiscard]] bool matches(const FrameView& frame) const {
    // Beyond the prefix every event has at least its time and data: more than the 16 bytes that
    // Expected reads.
    return frame.size >= prefix_.size() + kLeastRest &&
           std::memcmp(frame.payload, prefix_.data(), prefix_.size()) == 0;
  }
  [[nodiscard]] bool has_offset(const FrameView& frame, const Expected& offset) const {
    const char* at = frame.payload + prefix_.size();
    return form_ == WireForm::json ? offset.in_json(at) : offset.in_binary(at);
  }
  /// The stamp of an event that has_offset, or -1.
  [[nodiscard]] std::int64_t stamp(const FrameView& frame, std::size_t offset_digits) const;

 private:
  static constexpr std::size_t kLeastRest = 24;
  WireForm form_;
  std::string prefix_;  ///< of the message, up to the offset
};

}  // namespace tidemark::tools::bench

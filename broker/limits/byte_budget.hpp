// Bytes that many may hold together, and what one of them holds.
// broker/limits/: pure; bounds what is counted per connection only by a number of connections.
#pragma once

#include <cstddef>

namespace tidemark::broker {

/// Threads: one at a time.
class ByteBudget {
 public:
  explicit ByteBudget(std::size_t most) : most_(most) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  [[nodiscard]] std::size_t held() const { return held_; }

 private:
  friend class ByteShare;

  std::size_t most_;
  std::size_t held_ = 0;
};

/// What one holds of a budget; given back at its end. Pre: the budget outlives it.
class ByteShare {
 public:
  explicit ByteShare(ByteBudget& budget) : budget_(budget) {}
  ~ByteShare() { static_cast<void>(hold(0)); }
  ByteShare(const ByteShare&) = delete;
  ByteShare& operator=(const ByteShare&) = delete;

  /// Holds so many from now on; false if there is no room for more than before, and then nothing
  /// has changed. Less is always possible.
  [[nodiscard]] bool hold(std::size_t bytes) {
    const std::size_t others = budget_.held_ - held_;
    if (bytes > held_ && (others > budget_.most_ || bytes > budget_.most_ - others)) return false;
    budget_.held_ = others + bytes;
    held_ = bytes;
    return true;
  }

 private:
  ByteBudget& budget_;
  std::size_t held_ = 0;
};

}  // namespace tidemark::broker

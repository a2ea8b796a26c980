// Where frames begin and end in a stream of bytes that somebody else writes.
// broker/: see frame_tracker.hpp.
#include "broker/frame_tracker.hpp"

#include <algorithm>

namespace tidemark::broker {

std::size_t FrameTracker::header_bytes() const {
  const unsigned length = header_[1] & 0x7fU;
  const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  return 2 + extended + ((header_[1] & 0x80U) != 0 ? 4 : 0);
}

std::uint64_t FrameTracker::payload_bytes() const {
  const unsigned length = header_[1] & 0x7fU;
  if (length < 126) return length;
  const std::size_t end = length == 126 ? 4 : 10;
  std::uint64_t value = 0;
  for (std::size_t i = 2; i < end; ++i) value = value << 8U | header_.at(i);
  return value;
}

void FrameTracker::pass(const char* bytes, std::size_t count) {
  while (count > 0) {
    if (rest_ > 0) {
      const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(rest_, count));
      rest_ -= step;
      bytes += step;
      count -= step;
      continue;
    }
    header_.at(have_++) = static_cast<unsigned char>(*bytes++);
    --count;
    if (have_ == 1 && (header_[0] & 0x0fU) == 0x8U) seen_close_ = true;
    if (have_ >= 2 && have_ == header_bytes()) {
      rest_ = payload_bytes();
      have_ = 0;
    }
  }
}

}  // namespace tidemark::broker

// WebSocket frames: the tracker against the plain reading of RFC 6455, 5.2, cut anywhere.
// tests/fuzz/: broker/frame_tracker, protocol/frames.
#include "protocol/frames.hpp"

#include <array>
#include <string>

#include "broker/frame_tracker.hpp"
#include "tests/fuzz/bytes.hpp"

namespace tidemark::fuzz {
namespace {

/// Reads all bytes at once and says where frames begin.
struct Reading {
  bool at_boundary = true;
  bool seen_close = false;
};

Reading read_whole(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  Reading out;
  while (!bytes.empty()) {
    if ((at(0) & 0x0fU) == 8) out.seen_close = true;
    out.at_boundary = false;
    if (bytes.size() < 2) return out;
    const unsigned length = at(1) & 0x7fU;
    const std::size_t extended = length == 127 ? 8 : length == 126 ? 2 : 0;
    const std::size_t header = 2 + extended + (at(1) >= 0x80 ? 4 : 0);
    if (bytes.size() < header) return out;
    std::uint64_t payload = extended == 0 ? length : 0;
    for (std::size_t i = 0; i < extended; ++i) payload = payload * 256 + at(2 + i);
    bytes.remove_prefix(header);
    if (bytes.size() < payload) return out;
    bytes.remove_prefix(static_cast<std::size_t>(payload));
    out.at_boundary = true;
  }
  return out;
}

void check_tracker(std::string_view bytes, std::uint64_t seed) {
  broker::FrameTracker tracker;
  Cuts cuts(seed);
  for (std::size_t done = 0; done < bytes.size();) {
    const auto step = cuts.next(bytes.size() - done);
    tracker.pass(bytes.data() + done, step);
    done += step;
    const auto expected = read_whole(bytes.substr(0, done));
    TIDEMARK_ENSURE(tracker.at_boundary() == expected.at_boundary, "frames end where they end");
    TIDEMARK_ENSURE(tracker.seen_close() == expected.seen_close, "a close frame is seen");
  }
}

/// A frame of ours is one frame, whatever it carries.
void check_header(std::size_t payload) {
  std::array<char, kMaxFrameHeader> header{};
  auto* const end = write_frame_header(WireForm::binary, payload, header.data());
  const auto size = static_cast<std::size_t>(end - header.data());
  TIDEMARK_ENSURE(size == frame_header_size(payload), "a header is as long as it says");
  broker::FrameTracker tracker;
  tracker.pass(header.data(), size);
  TIDEMARK_ENSURE(tracker.at_boundary() == (payload == 0), "a header is a header");
  const std::string body(payload, 'x');
  tracker.pass(body.data(), body.size());
  TIDEMARK_ENSURE(tracker.at_boundary(), "a frame ends with its payload");
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark::fuzz;  // NOLINT(google-build-using-namespace): a program of its own
  auto bytes = text_of(data, size).substr(0, 2048);  // every cut is read again from the beginning
  const std::uint64_t seed = take_byte(bytes) + 256U * bytes.size();
  check_tracker(bytes, seed);
  check_header(seed % 70'000);
  return 0;
}

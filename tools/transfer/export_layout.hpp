// The binary form's bytes: magic, frames, fields. EXPORT.md specifies them.
// tools/transfer/: shared by its writer and its reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::tools::export_layout {

/// As that of PNG: it is no text, and whoever turns line ends or cuts the eighth bit shows here.
inline constexpr std::string_view kMagic{"\x89TMX\r\n\x1a\n", 8};
inline constexpr std::uint8_t kVersion = 1;

enum class Frame : char {
  head = 'H',
  topic = 'T',
  events = 'E',
  gap = 'G',
  key = 'K',
  producer = 'P',
  cursor = 'C',
  state = 'S',
  end = 'Z',
};

inline constexpr std::size_t kFrameHead = 1 + 4;  ///< type, length of the payload
inline constexpr std::size_t kChecksum = 8;
/// A state of limits::state_bytes is the largest thing there is.
inline constexpr std::size_t kMaxPayload = std::size_t{65} << 20;
/// Of one frame; a stored batch has 256 at most.
inline constexpr std::size_t kMaxFrameEvents = 4096;

/// XXH3-64 of a frame's type, length and payload, seeded with its number: the first is 0.
[[nodiscard]] std::uint64_t checksum(std::uint64_t number, std::string_view bytes);

/// Integers are little-endian; a text is its length in 32 bits, then its bytes.
inline void put(std::string& out, std::uint64_t value, int bytes = 8) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}
void put_text(std::string& out, std::string_view text);
/// Seven bits a byte, the lowest first; the eighth says that more follow.
void put_varint(std::string& out, std::uint64_t value);

/// Takes fields off the front of a payload. What is not there sets the fault, and reads as zero.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : left_(bytes) {}

  [[nodiscard]] std::uint64_t integer(int bytes = 8);
  /// At most `most`, or it is a fault.
  [[nodiscard]] std::uint64_t integer_to(std::uint64_t most);
  [[nodiscard]] std::string_view text();
  [[nodiscard]] std::uint64_t varint();
  [[nodiscard]] std::string_view take(std::uint64_t bytes);
  [[nodiscard]] std::string_view rest() { return take(left_.size()); }
  [[nodiscard]] std::size_t left() const { return left_.size(); }
  [[nodiscard]] bool good() const { return good_; }
  /// Everything was there, and nothing more.
  [[nodiscard]] bool whole() const { return good_ && left_.empty(); }

 private:
  std::string_view left_;
  bool good_ = true;
};

}  // namespace tidemark::tools::export_layout

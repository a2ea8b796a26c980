// Frames and messages built and read without the codecs where it must be quick.
// tools/: see bench_wire.hpp.
#include "tools/bench_wire.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/json_text.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::string_view kStampHead = "{\"t\":\"";
constexpr std::string_view kStampTail = "\",\"p\":\"";
constexpr std::size_t kStampDigits = 15;

// The sample nonce of RFC 6455, 1.3, and its answer: a constant key spares the client a SHA-1, and
// the key protects against caches, of which there are none here.
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

void append_u64(std::string& out, std::uint64_t value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

void append_sized(std::string& out, std::string_view text) {
  append_u64(out, text.size());
  out.append(text);
}

void append_header(unsigned opcode, std::size_t size, std::string& out) {
  const auto put = [&out](std::size_t byte) { out.push_back(static_cast<char>(byte & 0xffU)); };
  put(0x80U | opcode);
  if (size < 126) return put(0x80U | size);
  const int bytes = size < 65536 ? 2 : 8;
  put(0x80U | (bytes == 2 ? 126U : 127U));
  for (int i = bytes - 1; i >= 0; --i) put(size >> (8 * i));
}

void mask_bytes(char* at, std::size_t size, std::uint32_t mask) {
  const std::uint64_t twice = std::uint64_t{mask} << 32 | mask;
  for (; size >= 8; at += 8, size -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    word ^= twice;
    std::memcpy(at, &word, sizeof word);
  }
  char key[4];
  std::memcpy(key, &mask, sizeof key);
  for (std::size_t i = 0; i < size; ++i) at[i] = static_cast<char>(at[i] ^ key[i % 4]);
}

void append_masked(unsigned opcode, std::string_view payload, std::uint32_t mask,
                   std::string& out) {
  append_header(opcode, payload.size(), out);
  char key[4];
  std::memcpy(key, &mask, sizeof key);
  out.append(key, sizeof key);
  const std::size_t at = out.size();
  out.append(payload);
  mask_bytes(out.data() + at, payload.size(), mask);
}

void json_publish(RequestId id, std::string_view topic, std::span<const std::string_view> events,
                  std::string& out) {
  out.append("{\"type\":\"publish\",\"id\":");
  append_number(out, id);
  out.append(",\"topic\":\"").append(topic).append("\",");
  if (events.size() == 1) {
    out.append("\"data\":").append(events.front()).append("}");
    return;
  }
  out.append("\"events\":");
  char separator = '[';
  for (const auto event : events) {
    out.push_back(separator);
    out.append("{\"data\":").append(event).append("}");
    separator = ',';
  }
  out.append("]}");
}

void binary_publish(RequestId id, std::string_view topic, std::span<const std::string_view> events,
                    std::string& out) {
  out.append("\x01\x03", 2);  // little-endian, publish
  append_u64(out, id);
  append_sized(out, topic);
  append_u64(out, events.size());
  for (const auto event : events) {
    append_u64(out, 0);  // no key
    append_u64(out, 0);  // no headers
    append_sized(out, event);
  }
  out.append("\x01\x01", 2);  // no producer, no expected offset
  append_u64(out, 0);         // no content type
}

bool take(std::string_view& rest, std::string_view text) {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  return true;
}

bool take_number(std::string_view& rest, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc()) return false;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return true;
}

bool take_u64(std::string_view& rest, std::uint64_t& value) {
  if (rest.size() < sizeof value) return false;
  std::memcpy(&value, rest.data(), sizeof value);
  rest.remove_prefix(sizeof value);
  return true;
}

bool read_json_ack(std::string_view rest, Ack& ack) {
  std::uint64_t epoch = 0;
  if (!take(rest, "{\"type\":\"published\",\"id\":") || !take_number(rest, ack.id) ||
      !take(rest, ",\"topic\":\"")) {
    return false;
  }
  const auto quote = rest.find('"');
  if (quote == std::string_view::npos) return false;
  rest.remove_prefix(quote);
  return take(rest, "\",\"epoch\":") && take_number(rest, epoch) && take(rest, ",\"first\":") &&
         take_number(rest, ack.first) && take(rest, ",\"last\":") && take_number(rest, ack.last) &&
         rest == "}";
}

bool read_binary_ack(std::string_view rest, Ack& ack) {
  std::uint64_t topic = 0;
  std::uint64_t epoch = 0;
  std::uint64_t end = 0;
  if (!take(rest, "\x01\x17") || !take_u64(rest, ack.id) || !take_u64(rest, topic) ||
      topic > rest.size()) {
    return false;
  }
  rest.remove_prefix(topic);
  if (!take_u64(rest, epoch) || !take_u64(rest, ack.first) || !take_u64(rest, end)) return false;
  ack.last = end - 1;
  return end > ack.first && rest == std::string_view("\0", 1);
}

}  // namespace

void append_client_frame(unsigned opcode, std::string_view payload, std::uint32_t mask,
                         std::string& out) {
  append_masked(opcode, payload, mask, out);
}

std::string upgrade_request(std::string_view host, WireForm form) {
  std::string out = "GET /v1/ws HTTP/1.1\r\nHost: ";
  out.append(host).append("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n");
  out.append("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ").append(kKey);
  out.append("\r\nSec-WebSocket-Protocol: ").append(subprotocol(form)).append("\r\n\r\n");
  return out;
}

void check_upgrade(std::string_view head, WireForm form) {
  if (!head.starts_with("HTTP/1.1 101 ")) {
    throw BenchError("the broker refused the WebSocket: " +
                     std::string(head.substr(0, head.find("\r\n"))));
  }
  if (head.find(kAccept) == std::string_view::npos ||
      head.find(subprotocol(form)) == std::string_view::npos) {
    throw BenchError("what listens there is no tidemarkd: its upgrade answer is wrong");
  }
}

Payloads::Payloads(std::size_t size, std::uint64_t seed) {
  if (size < least_bytes) {
    throw BenchError("--size must be at least " + std::to_string(least_bytes));
  }
  // Wide enough apart that a compressor's window does not reach the same text again.
  const std::size_t count = std::clamp<std::size_t>((std::size_t{1} << 20) / size, 64, 4096);
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::mt19937_64 random(seed);
  pool_.resize(count);
  for (auto& text : pool_) {
    text = std::string(kStampHead) + std::string(kStampDigits, '0') + std::string(kStampTail);
    while (text.size() < size - 2) text.push_back(letters[random() % letters.size()]);
    text += "\"}";
  }
}

std::string_view Payloads::stamped(std::int64_t due_ns) {
  auto& text = pool_[next_];
  next_ = next_ + 1 == pool_.size() ? 0 : next_ + 1;
  auto rest = static_cast<std::uint64_t>(std::max<std::int64_t>(due_ns, 0));
  for (std::size_t i = kStampDigits; i > 0; --i, rest /= 10) {
    text[kStampHead.size() + i - 1] = static_cast<char>('0' + rest % 10);
  }
  return text;
}

std::int64_t stamp_of(std::string_view data) {
  if (data.size() < kStampHead.size() + kStampDigits || !data.starts_with(kStampHead)) return -1;
  std::int64_t value = 0;
  for (const char c : data.substr(kStampHead.size(), kStampDigits)) value = value * 10 + (c - '0');
  return value;
}

void append_publish(WireForm form, RequestId id, std::string_view topic,
                    std::span<const std::string_view> events, std::uint32_t mask,
                    std::string& out) {
  thread_local std::string message;
  message.clear();
  if (form == WireForm::json) {
    json_publish(id, topic, events, message);
    append_masked(kTextFrame, message, mask, out);
  } else {
    binary_publish(id, topic, events, message);
    append_masked(kBinaryFrame, message, mask, out);
  }
}

void append_message(WireForm form, const ClientMessage& message, std::uint32_t mask,
                    std::string& out) {
  std::string bytes;
  encode(form, message, Payload::json, bytes);
  append_masked(form == WireForm::json ? kTextFrame : kBinaryFrame, bytes, mask, out);
}

bool read_ack(WireForm form, const FrameView& frame, Ack& ack) {
  return form == WireForm::json ? read_json_ack(frame.text(), ack)
                                : read_binary_ack(frame.text(), ack);
}

void Expected::set(std::uint64_t value) {
  value_ = value;
  char text[kMaxDigits + 16] = {};
  char* const end = write_number(value, text);
  digits_ = static_cast<std::size_t>(end - text);
  if (digits_ > 15) throw BenchError("an offset has more digits than the load generator reads");
  *end = ',';
  low_ = load(text);
  high_ = load(text + 8);
  const std::size_t compared = digits_ + 1;
  const auto mask_of = [](std::size_t bytes) {
    return bytes >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * bytes)) - 1;
  };
  low_mask_ = mask_of(compared);
  high_mask_ = compared > 8 ? mask_of(compared - 8) : 0;
  const std::size_t last = digits_ - 1;
  low_unit_ = last < 8 ? std::uint64_t{1} << (8 * last) : 0;
  high_unit_ = last < 8 ? 0 : std::uint64_t{1} << (8 * (last - 8));
  until_carry_ = 10 - static_cast<unsigned>(value % 10);
}

EventPattern::EventPattern(WireForm form, std::string_view topic) : form_(form) {
  if (form == WireForm::json) {
    prefix_ = "{\"type\":\"event\",\"topic\":\"" + std::string(topic) + "\",\"offset\":";
  } else {
    prefix_ = "\x01\x13";
    append_sized(prefix_, topic);
  }
}

std::int64_t EventPattern::stamp(const FrameView& frame, std::size_t offset_digits) const {
  // JSON: ,"time":1790000000000,"data":   binary: offset, time, no key, no headers, length
  constexpr std::size_t json_between = 8 + 13 + 8;
  constexpr std::size_t binary_between = 5 * sizeof(std::uint64_t);
  const std::size_t at =
      prefix_.size() + (form_ == WireForm::json ? offset_digits + json_between : binary_between);
  return at < frame.size ? stamp_of(frame.text().substr(at)) : -1;
}

}  // namespace tidemark::tools::bench

// The kinds of attack, as bytes.
// tools/: see bench_attacks.hpp.
#include "tools/bench_attacks.hpp"

#include <random>

namespace tidemark::tools::bench {
namespace {

constexpr unsigned kContinuation = 0;
constexpr std::size_t kPiece = 4096;
constexpr double kDrip = 1;  // bytes a second: enough to look alive

std::string request_head(std::string_view method, std::string_view target, std::string_view host) {
  return std::string(method) + ' ' + std::string(target) +
         " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n";
}

std::string noise(std::size_t size) {
  std::mt19937 random(7);
  std::string out;
  while (out.size() < size) out += static_cast<char>(random() & 0xffU);
  return out;
}

std::string whole_frame(unsigned opcode, std::string_view payload) {
  return frame_head(true, opcode, payload.size()).append(payload);
}

// ---- before a request is whole ----

std::vector<Attack> at_the_door(const AttackTarget& target) {
  Attack slow{.key = "slow_heads", .name = "slow heads"};
  slow.opening = request_head("GET", "/v1/topics", target.host) + "X-Slow: ";
  slow.refrain = "a";
  slow.bytes_per_second = kDrip;

  Attack silent{.key = "half_open", .name = "half open"};

  Attack fields{.key = "header_floods", .name = "header floods"};
  fields.opening = request_head("GET", "/v1/topics", target.host);
  fields.refrain = "X-More: " + std::string(1000, 'a') + "\r\n";
  fields.bytes_per_second = target.flood;

  Attack garbage{.key = "garbage", .name = "garbage"};
  garbage.opening = noise(kPiece);
  garbage.refrain = garbage.opening;
  garbage.bytes_per_second = target.flood;

  Attack churn{.key = "churn", .name = "connect and reset"};
  churn.leaves = true;
  churn.must_end = false;
  return {slow, silent, fields, garbage, churn};
}

// ---- over HTTP ----

std::vector<Attack> over_http(const AttackTarget& target) {
  Attack body{.key = "endless_bodies", .name = "endless bodies"};
  body.opening = request_head("POST", "/v1/topics/" + target.topic + "/events", target.host) +
                 "Transfer-Encoding: chunked\r\n\r\n";
  body.refrain = "1000\r\n" + std::string(kPiece, '1') + "\r\n";
  body.bytes_per_second = target.flood;

  Attack unread{.key = "unread_answers", .name = "answers never read"};
  unread.refrain =
      request_head("GET", "/v1/stream/" + target.topic + "?offset=-1", target.host) + "\r\n";
  unread.bytes_per_second = target.flood;
  unread.reads = false;

  Attack stream{.key = "unread_streams", .name = "event streams never read"};
  stream.opening =
      request_head("GET", "/v1/stream/" + target.topic + "?offset=-1&live=sse", target.host) +
      "\r\n";
  stream.refrain = "\r\n";  // so that it is told when nobody is there any more
  stream.bytes_per_second = kDrip;
  stream.reads = false;
  return {body, unread, stream};
}

// ---- over a WebSocket ----

Attack web_socket(const AttackTarget& target, std::string key, std::string name) {
  Attack attack{.key = std::move(key), .name = std::move(name)};
  attack.opening = upgrade_request(target.host, WireForm::json);
  attack.upgrades = true;
  return attack;
}

std::vector<Attack> over_web_sockets(const AttackTarget& target) {
  auto huge = web_socket(target, "huge_frames", "oversized frames");
  huge.then = frame_head(true, kTextFrame, std::uint64_t{1} << 40);
  huge.refrain = std::string(kPiece, '1');
  huge.bytes_per_second = target.flood;

  auto endless = web_socket(target, "endless_fragments", "endless fragments");
  endless.then = frame_head(false, kTextFrame, 1) + '"';
  endless.refrain = frame_head(false, kContinuation, 100) + std::string(100, 'a');
  endless.bytes_per_second = target.flood;

  auto nonsense = web_socket(target, "garbage_frames", "garbage frames");
  nonsense.then = noise(kPiece);
  nonsense.refrain = nonsense.then;
  nonsense.bytes_per_second = target.flood;

  // Allowed, and answered one by one: it is only work.
  auto pings = web_socket(target, "ping_floods", "ping floods");
  pings.refrain = whole_frame(kPingFrame, std::string(125, 'p'));
  pings.bytes_per_second = target.flood;
  pings.must_end = false;

  auto unread = web_socket(target, "unread_events", "subscribers that never read");
  append_message(WireForm::json,
                 Subscribe{.id = 1, .topic = target.topic, .start = StartEarliest{}}, 0,
                 unread.then);
  unread.refrain = whole_frame(kPingFrame, "");  // alive, and told when nobody is there any more
  unread.bytes_per_second = kDrip;
  unread.reads = false;
  return {huge, endless, nonsense, pings, unread};
}

}  // namespace

std::vector<Attack> all_attacks(const AttackTarget& target) {
  std::vector<Attack> out;
  for (const auto& kinds : {at_the_door(target), over_http(target), over_web_sockets(target)}) {
    out.insert(out.end(), kinds.begin(), kinds.end());
  }
  return out;
}

std::string frame_head(bool last, unsigned opcode, std::uint64_t size) {
  std::string out{static_cast<char>((last ? 0x80U : 0U) | opcode)};
  const auto put = [&out, size](unsigned marker, unsigned bytes) {
    out += static_cast<char>(0x80U | marker);
    for (unsigned i = bytes; i-- > 0;) out += static_cast<char>(size >> (8 * i) & 0xffU);
  };
  if (size < 126) {
    put(static_cast<unsigned>(size), 0);
  } else if (size < 65536) {
    put(126, 2);
  } else {
    put(127, 8);
  }
  return out.append(4, '\0');
}

}  // namespace tidemark::tools::bench

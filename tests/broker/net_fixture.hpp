// A server on a store in memory, and clients that speak raw bytes or WebSocket frames to it.
// tests/: what the tests of the broker's network side stand on.
#pragma once

#include <cstdint>
#include <functional>
#include <linux/filter.h>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "broker/hub.hpp"
#include "broker/server.hpp"
#include "tests/broker/store_fixture.hpp"
#include "tests/broker/tls_door.hpp"

namespace tidemark::broker {

struct TestServer {
  explicit TestServer(ServerOptions options = {}, storage::EventStoreOptions store = {},
                      HubOptions in_hub = {})
      : memory(std::move(store)),
        hub(memory.store, std::move(in_hub)),
        server(hub, door.fit(with_port_0(options))) {}

  static ServerOptions with_port_0(ServerOptions options) {
    options.port = 0;
    return options;
  }

  /// Where plain clients find it.
  [[nodiscard]] std::uint16_t port() const { return door.port(server.port()); }

  /// Waits until `condition` holds of the stats. They change without a sign, hence the polling.
  void wait_for(const std::function<bool(const ServerStats&)>& condition) const {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition(server.stats())) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain");
      std::this_thread::yield();
    }
  }

  TlsDoor door;
  MemoryStore memory;
  Hub hub;
  Server server;
};

/// A TCP client that sends and reads bytes. Reading waits for at most kPatience.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // NOLINTNEXTLINE: the interface of connect
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      throw std::runtime_error("connect failed");
    }
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  /// Closes with a reset instead of a farewell.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  /// From now on it is as if the machine were gone: the kernel drops what comes for it, unanswered.
  void deafen() {
    sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog program{.len = 1, .filter = &drop};
    if (::setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
      throw std::runtime_error("the socket takes no filter");
    }
  }

  /// False if the other side is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Sends what fits, without waiting.
  void try_send(std::string_view bytes) {
    (void)::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  /// Reads without waiting; as recv.
  ssize_t take(char* bytes, std::size_t count) { return ::recv(fd_, bytes, count, MSG_DONTWAIT); }

  /// Reads what there is, waiting for something; false at the end. Throws if nothing comes.
  bool fill() {
    pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
    const auto patience = std::chrono::milliseconds(kPatience).count();
    if (::poll(&wait, 1, static_cast<int>(patience)) <= 0) throw std::runtime_error("silence");
    char bytes[65536];  // NOLINT: filled by recv
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    in.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  /// Everything until the other side closes.
  std::string read_all() {
    while (fill()) {
    }
    return std::exchange(in, {});
  }
  std::string read_until(std::string_view mark) {
    while (in.find(mark) == std::string::npos) {
      if (!fill()) throw std::runtime_error("closed before \"" + std::string(mark) + "\"");
    }
    const auto end = in.find(mark) + mark.size();
    std::string out = in.substr(0, end);
    in.erase(0, end);
    return out;
  }
  std::string read_bytes(std::size_t count) {
    while (in.size() < count) {
      if (!fill()) throw std::runtime_error("closed early");
    }
    std::string out = in.substr(0, count);
    in.erase(0, count);
    return out;
  }

  std::string in;  ///< read, but not taken yet

 private:
  int fd_;
};

// ---- HTTP ----

struct HttpAnswer {
  int status = 0;
  std::string head;
  std::string body;
  [[nodiscard]] boost::json::value json() const { return boost::json::parse(body); }
  [[nodiscard]] std::string error() const {
    const auto value = json();
    return std::string(value.at("code").as_string());
  }
};

inline HttpAnswer read_answer(RawClient& client, bool with_body = true) {
  HttpAnswer answer;
  answer.head = client.read_until("\r\n\r\n");
  answer.status = std::stoi(answer.head.substr(9, 3));
  const auto length = answer.head.find("Content-Length: ");
  if (with_body && length != std::string::npos) {
    answer.body = client.read_bytes(std::stoul(answer.head.substr(length + 16)));
  }
  return answer;
}

/// One request with a Content-Length if there is a body.
inline std::string http_request(std::string_view line, std::string_view body = {},
                                std::string_view headers = {}) {
  std::string text = std::string(line) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers);
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + std::string(body);
}

inline HttpAnswer ask(std::uint16_t port, std::string_view request) {
  RawClient client(port);
  client.send(request);
  return read_answer(client);
}

// ---- WebSocket ----

struct Frame {
  unsigned opcode = 0;
  std::string payload;
};

namespace opcode {
inline constexpr unsigned continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10;
}

/// A client's frame: masked, final unless said otherwise.
inline std::string masked_frame(unsigned op, std::string_view payload, bool final = true) {
  constexpr std::string_view key = "\x11\x22\x33\x44";
  std::string out(1, static_cast<char>(op | (final ? 0x80U : 0U)));
  const auto size = payload.size();
  if (size < 126) {
    out += static_cast<char>(0x80U | size);
  } else {
    const int bytes = size < 65536 ? 2 : 8;
    out += static_cast<char>(0x80U | (bytes == 2 ? 126U : 127U));
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i) & 0xffU);
  }
  out += key;
  for (std::size_t i = 0; i < size; ++i) {
    out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^
                             static_cast<unsigned char>(key[i % 4]));
  }
  return out;
}

/// Takes one frame of a server off `bytes`; nullopt if it is not all there. Throws if it is masked
/// or cut, as a client would fail the connection.
inline std::optional<Frame> take_frame(std::string& bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 2) return std::nullopt;
  if ((at(0) & 0x70U) != 0 || (at(1) & 0x80U) != 0)
    throw std::runtime_error("no frame of a server");
  if ((at(0) & 0x80U) == 0) throw std::runtime_error("a server's frames are whole");
  std::size_t head = 2;
  std::uint64_t size = at(1);
  if (size >= 126) {
    head = size == 126 ? 4 : 10;
    if (bytes.size() < head) return std::nullopt;
    size = 0;
    for (std::size_t i = 2; i < head; ++i) size = size << 8U | at(i);
  }
  if (bytes.size() < head + size) return std::nullopt;
  Frame frame{at(0) & 0x0fU, bytes.substr(head, size)};
  bytes.erase(0, head + size);
  return frame;
}

inline std::string upgrade_request(std::string_view headers = {},
                                   std::string_view path = "/v1/ws") {
  return "GET " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         std::string(headers) + "\r\n";
}

/// A WebSocket client in the JSON form.
class WsClient {
 public:
  explicit WsClient(std::uint16_t port, std::string_view headers = {}, int receive_buffer = 0,
                    std::string_view path = "/v1/ws")
      : raw(port, receive_buffer) {
    raw.send(upgrade_request(headers, path));
    head = raw.read_until("\r\n\r\n");
    if (!head.starts_with("HTTP/1.1 101 ")) throw std::runtime_error(head);
  }

  void send(std::string_view text) { raw.send(masked_frame(opcode::text, text)); }

  /// The next frame of any kind; nullopt when the connection ends.
  std::optional<Frame> frame() {
    while (true) {
      if (auto frame = take_frame(raw.in)) return frame;
      if (!raw.fill()) return std::nullopt;
    }
  }
  /// The next message; pings and pongs are passed over.
  boost::json::value message() {
    while (const auto next = frame()) {
      if (next->opcode == opcode::text) return boost::json::parse(next->payload);
      if (next->opcode == opcode::close) throw std::runtime_error("closed: " + next->payload);
    }
    throw std::runtime_error("the connection has ended");
  }
  /// The next message, which must be of this type.
  boost::json::value expect(std::string_view type) {
    auto next = message();
    if (type_of(next) != type) {
      ADD_FAILURE() << "expected " << type << ", got " << boost::json::serialize(next);
    }
    return next;
  }
  static std::string type_of(const boost::json::value& message) {
    return std::string(message.at("type").as_string());
  }
  /// Sends and returns the answer.
  boost::json::value ask(std::string_view text) {
    send(text);
    return message();
  }
  /// The code of the error that answers.
  std::string refused(std::string_view text) {
    const auto answer = ask(text);
    if (type_of(answer) != "error") return "no error: " + boost::json::serialize(answer);
    return std::string(answer.at("code").as_string());
  }
  /// The close code, after everything else has been passed over; 0: closed without one.
  unsigned closed_with() {
    while (const auto next = frame()) {
      if (next->opcode != opcode::close || next->payload.size() < 2) continue;
      const auto at = [&](std::size_t i) { return static_cast<unsigned char>(next->payload[i]); };
      return at(0) * 256U + at(1);
    }
    return 0;
  }

  RawClient raw;
  std::string head;  ///< of the handshake's answer
};

inline std::int64_t number(const boost::json::value& message, std::string_view field) {
  return message.at(boost::json::string_view(field.data(), field.size())).to_number<std::int64_t>();
}

}  // namespace tidemark::broker

// Many connections on one epoll loop, read in large pieces.
// tools/: part of `tidemark bench`; what they speak is in bench_websocket and bench_http_peers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench_wire.hpp"

namespace tidemark::tools::bench {

/// Nanoseconds since the program began; what payloads are stamped with.
[[nodiscard]] std::int64_t now_ns();

/// Set by SIGINT and SIGTERM: loops end early, everything is cleaned up.
[[nodiscard]] bool interrupted();
void catch_interrupts();

/// One connection. Owned by whoever made it; the loop only refers to it.
class Peer {
 public:
  Peer() = default;
  virtual ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Blocks; not while a loop has the connection. Once more: a new one, and what was to be sent or
  /// not whole is forgotten. Throws BenchError.
  void connect(const std::string& host, std::uint16_t port);

  /// Takes what is whole at the beginning of the bytes; returns how many bytes that was.
  virtual std::size_t take(const char* bytes, std::size_t size) = 0;
  /// The broker has closed the connection. Throws unless that was expected.
  virtual void closed();

 protected:
  /// For what a protocol says before the loop has the connection: blocks. Throws BenchError.
  virtual void open(const std::string& host_and_port);
  void send_now(std::string_view bytes);
  /// Reads up to and including the first empty line, or what came before the end.
  [[nodiscard]] std::string read_head();

  /// What is to be sent; the loop sends it on flush() and after take().
  [[nodiscard]] std::string& out() { return out_; }

 private:
  friend class Loop;
  void flush();

  int fd_ = -1;
  std::string carry_;  ///< the beginning of what was not whole
  std::string out_;
  std::size_t sent_ = 0;
  bool wants_write_ = false;  ///< the socket took less than there is
  bool watched_ = false;      ///< the loop tells when it takes more
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void add(Peer& peer);
  void remove(Peer& peer);
  /// Sends what the peer has to say, now or when its socket takes it.
  void flush(Peer& peer);

  /// Waits for input up to `timeout` and handles what is there.
  void turn(std::chrono::nanoseconds timeout);
  /// Turns until `done`; false if that did not come within `timeout`. Throws if interrupted.
  bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds timeout);

 private:
  void read(Peer& peer);
  void watch(Peer& peer, int operation);

  int epoll_ = -1;
  std::vector<char> buffer_;
};

}  // namespace tidemark::tools::bench

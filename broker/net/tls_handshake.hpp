// A connection until TLS has been agreed upon.
// broker/net/: a Listener makes one for every connection that is to be secure.
#pragma once

#include <memory>
#include <string>

#include "broker/connection.hpp"
#include "broker/net/transport.hpp"

namespace tidemark::broker {

/// Becomes an HttpSession within limits.handshake_timeout, or is closed. Whoever speaks HTTP in the
/// clear is told so. Threads: the shard's.
class TlsHandshake final : public Connection, public std::enable_shared_from_this<TlsHandshake> {
 public:
  /// Pre: transport.tls().
  TlsHandshake(ConnectionGroup& group, ConnectionSlot slot, Transport transport);

  void start() { step(); }

 private:
  // Connection
  void sweep(SteadyTime now) override;
  void drain() override { abort(); }
  void abort() override;

  void step();
  void succeed();
  void fail();
  void count_failure(const std::string& why);
  void answer_plainly();
  void linger();

  Transport transport_;
  SteadyTime deadline_;      ///< of the first request's head too
  std::size_t dropped_ = 0;  ///< bytes of a request that was answered plainly
  bool over_ = false;
};

}  // namespace tidemark::broker

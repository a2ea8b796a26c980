// What one attempt to send or receive has come to.
// broker/net/: said by transports and TLS sessions alike.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <sys/types.h>

#include <boost/system/error_code.hpp>

namespace tidemark::broker {

struct Transfer {
  enum class Outcome : std::uint8_t {
    moved,    ///< some bytes, at least one
    blocked,  ///< none now, but later
    ended,    ///< none ever again: the peer sends no more
    failed,   ///< none ever again, and `error` says why
  };
  std::size_t bytes = 0;
  int error = 0;  ///< as errno
  Outcome outcome = Outcome::moved;

  [[nodiscard]] bool moved() const { return outcome == Outcome::moved; }
  [[nodiscard]] bool blocked() const { return outcome == Outcome::blocked; }
  [[nodiscard]] boost::system::error_code error_code() const {
    return {error, boost::system::system_category()};
  }

  /// Of what ::send and its like have returned.
  static Transfer of(ssize_t count) {
    if (count >= 0) return {.bytes = static_cast<std::size_t>(count)};
    const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return {.error = errno, .outcome = again ? Outcome::blocked : Outcome::failed};
  }
};

/// What somebody waits for to become possible.
enum class Ready : std::uint8_t { to_send, to_receive };

}  // namespace tidemark::broker

// Something a coroutine waits for and others on the same strand raise.
// protocol/client/: the only way the client's coroutines wait for each other.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tidemark::client {

/// The completion of every I/O here: errors are values, since a closed socket is nothing special.
inline constexpr auto kNoThrow = boost::asio::as_tuple(boost::asio::use_awaitable);

/// Wakes whoever waits now; is not remembered, so wait in a loop that tests the condition. Nothing
/// is lost that way as long as everybody is on one strand. Threads: that strand.
class Signal {
 public:
  explicit Signal(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  void raise() { timer_.cancel(); }

  /// Until raised, or the waiting coroutine is cancelled.
  boost::asio::awaitable<void> wait() {
    return wait_until(boost::asio::steady_timer::time_point::max());
  }

  /// Also until `then`.
  boost::asio::awaitable<void> wait_until(boost::asio::steady_timer::time_point then) {
    // Moving the expiry would wake those who wait already, so only its changing is worth that.
    if (timer_.expiry() != then) timer_.expires_at(then);
    co_await timer_.async_wait(kNoThrow);
  }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace tidemark::client

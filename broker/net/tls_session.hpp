// TLS over one descriptor, at the server's end.
// broker/net/: a Transport has one if it is secure; TlsContext makes them.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

#include "broker/net/transfer.hpp"

struct ssl_st;

namespace tidemark::broker {

/// Attempts never wait. The descriptor is not owned, and not touched by the destructor.
/// Threads: one at a time. Not movable: OpenSSL holds its address.
class TlsSession {
 public:
  /// Owns `session` from now on. Pre: it is new, and not null.
  TlsSession(ssl_st* session, int descriptor);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Before anything else, until it has moved.
  Transfer shake_hands();
  /// Has what came first been a request of plain HTTP? Then the handshake fails without an answer.
  [[nodiscard]] bool heard_http() const;
  /// Why it has failed, in OpenSSL's words, for a log.
  [[nodiscard]] const std::string& why() const { return why_; }

  /// Sends the first of the bytes, in records as large as may be. A record that has been blocked is
  /// encrypted already: the next attempt begins with the same bytes, as many of them at least.
  Transfer send(std::span<const iovec> pieces);
  Transfer send(std::string_view bytes);
  /// Is there such a record?
  [[nodiscard]] bool owes() const { return owes_; }

  /// As many bytes as can be had without waiting, up to the size of `into`.
  Transfer receive(std::span<char> into);
  /// As receive() of one byte, which is still there afterwards.
  Transfer peek();
  /// Is it worth while to receive, though nothing may come to the descriptor?
  [[nodiscard]] bool holds_bytes() const;

  /// Says that nothing more will be sent (close_notify). Pre: nothing is owed.
  Transfer end_sending();

  /// What the descriptor has to be ready for, if an attempt of this kind was blocked.
  [[nodiscard]] Ready needed(Ready attempt) const { return needed_.at(index(attempt)); }

 private:
  struct Channel {
    int descriptor = -1;
    char first = 0;  ///< byte that came
    bool heard = false;
    bool at_end = false;
  };
  friend struct ChannelBio;

  static std::size_t index(Ready attempt) { return attempt == Ready::to_send ? 0 : 1; }
  Transfer write(std::string_view record);
  Transfer read(std::span<char> into, bool keep);
  Transfer moved(Ready attempt, std::size_t bytes);
  Transfer stopped(Ready attempt, int result);

  ssl_st* const ssl_;
  Channel channel_;
  std::string why_;
  std::array<Ready, 2> needed_{Ready::to_send, Ready::to_receive};
  bool shaken_ = false;  ///< hands
  bool broken_ = false;  ///< OpenSSL must not be asked again
  bool owes_ = false;
  bool drained_ = false;  ///< the last attempt to receive has used up what the descriptor had
};

}  // namespace tidemark::broker

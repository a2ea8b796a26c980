// TLS over one descriptor, at the server's end.
// broker/net/: see tls_session.hpp.
#include "broker/net/tls_session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace tidemark::broker {

namespace {

// The most a record holds (RFC 8446, 5.1).
constexpr std::size_t kRecord = std::size_t{16} << 10;

/// The record to send next: from `pieces` in place if the first is enough, else gathered, since a
/// record for each of many small pieces would be mostly record.
std::string_view next_record(std::span<const iovec> pieces, std::size_t skip) {
  thread_local std::array<char, kRecord> gathered;
  std::size_t count = 0;
  for (const auto& piece : pieces) {
    if (skip >= piece.iov_len) {
      skip -= piece.iov_len;
      continue;
    }
    const std::string_view bytes(static_cast<const char*>(piece.iov_base) + skip,
                                 piece.iov_len - skip);
    skip = 0;
    const bool last = &piece == &pieces.back();
    if (count == 0 && (last || bytes.size() >= kRecord)) return bytes.substr(0, kRecord);
    const auto step = std::min(bytes.size(), kRecord - count);
    std::memcpy(gathered.data() + count, bytes.data(), step);
    count += step;
    if (count == kRecord) break;
  }
  return {gathered.data(), count};
}

}  // namespace

// ---- what OpenSSL reads and writes by ----

/// OpenSSL's own would write without MSG_NOSIGNAL, and block if the descriptor does.
struct ChannelBio {
  using Channel = TlsSession::Channel;

  static Channel& channel(BIO* bio) { return *static_cast<Channel*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* bytes, int count) {
    BIO_clear_retry_flags(bio);
    const auto sent =
        Transfer::of(::send(channel(bio).descriptor, bytes, static_cast<std::size_t>(count),
                            MSG_NOSIGNAL | MSG_DONTWAIT));
    if (sent.moved()) return static_cast<int>(sent.bytes);
    if (sent.blocked()) BIO_set_retry_write(bio);
    return -1;
  }

  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    auto& from = channel(bio);
    const auto got =
        Transfer::of(::recv(from.descriptor, into, static_cast<std::size_t>(size), MSG_DONTWAIT));
    if (got.blocked()) BIO_set_retry_read(bio);
    if (!got.moved()) return -1;
    from.at_end = got.bytes == 0;
    if (!from.at_end && !std::exchange(from.heard, true)) from.first = *into;
    return static_cast<int>(got.bytes);
  }

  static long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
    if (command == BIO_CTRL_EOF) return channel(bio).at_end ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO_METHOD* make_method() {
    auto* const method =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tidemark channel");
    BIO_meth_set_write(method, write);
    BIO_meth_set_read(method, read);
    BIO_meth_set_ctrl(method, control);
    return method;
  }

  static BIO* open(Channel& to) {
    static BIO_METHOD* const method = make_method();
    BIO* const bio = BIO_new(method);
    BIO_set_data(bio, &to);
    BIO_set_init(bio, 1);
    return bio;
  }
};

// ---- the session ----

TlsSession::TlsSession(ssl_st* session, int descriptor)
    : ssl_(session), channel_{.descriptor = descriptor} {
  BIO* const bio = ChannelBio::open(channel_);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

Transfer TlsSession::moved(Ready attempt, std::size_t bytes) {
  needed_.at(index(attempt)) = attempt;
  return {.bytes = bytes};
}

/// OpenSSL has not done what was asked for.
Transfer TlsSession::stopped(Ready attempt, int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      needed_.at(index(attempt)) = Ready::to_receive;
      return {.outcome = Transfer::Outcome::blocked};
    case SSL_ERROR_WANT_WRITE:
      needed_.at(index(attempt)) = Ready::to_send;
      return {.outcome = Transfer::Outcome::blocked};
    case SSL_ERROR_ZERO_RETURN:
      return {.outcome = Transfer::Outcome::ended};
    default:
      break;
  }
  broken_ = true;
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  why_ = reason != nullptr ? reason : "the connection broke";
  ERR_clear_error();
  return {.error = EPROTO, .outcome = Transfer::Outcome::failed};
}

Transfer TlsSession::shake_hands() {
  if (broken_) return {.error = EPROTO, .outcome = Transfer::Outcome::failed};
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  shaken_ = result == 1;
  const Transfer out = shaken_ ? moved(Ready::to_receive, 0) : stopped(Ready::to_receive, result);
  drained_ = out.blocked();
  return out;
}

bool TlsSession::heard_http() const {
  // Methods are capital letters; no record of TLS begins with one.
  return !shaken_ && channel_.heard && channel_.first >= 'A' && channel_.first <= 'Z';
}

// ---- sending ----

Transfer TlsSession::write(std::string_view record) {
  if (broken_) return {.error = EPIPE, .outcome = Transfer::Outcome::failed};
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_write_ex(ssl_, record.data(), record.size(), &count);
  if (result == 1) {
    owes_ = false;
    return moved(Ready::to_send, count);
  }
  const Transfer out = stopped(Ready::to_send, result);
  owes_ = out.blocked();
  return out;
}

Transfer TlsSession::send(std::span<const iovec> pieces) {
  std::size_t total = 0;
  for (;;) {
    const auto record = next_record(pieces, total);
    if (record.empty()) return {.bytes = total};
    const Transfer sent = write(record);
    if (!sent.moved()) return total > 0 ? Transfer{.bytes = total} : sent;
    total += sent.bytes;
  }
}

Transfer TlsSession::send(std::string_view bytes) {
  // NOLINTNEXTLINE: iovec is not for constants
  const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  return send(std::span(&piece, 1));
}

Transfer TlsSession::end_sending() {
  if (broken_ || !shaken_) return {};
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_);
  // 0: said, and the peer has not said so yet; that is for receive() to hear.
  return result >= 0 ? moved(Ready::to_send, 0) : stopped(Ready::to_send, result);
}

// ---- receiving ----

Transfer TlsSession::read(std::span<char> into, bool keep) {
  if (broken_) return {.error = ECONNRESET, .outcome = Transfer::Outcome::failed};
  ERR_clear_error();
  std::size_t count = 0;
  const int result = keep ? SSL_peek_ex(ssl_, into.data(), into.size(), &count)
                          : SSL_read_ex(ssl_, into.data(), into.size(), &count);
  drained_ = false;
  if (result == 1) return moved(Ready::to_receive, count);
  const Transfer out = stopped(Ready::to_receive, result);
  drained_ = out.blocked();
  return out;
}

Transfer TlsSession::receive(std::span<char> into) {
  std::size_t total = 0;
  do {
    const Transfer got = read(into.subspan(total), false);
    if (!got.moved()) return total > 0 ? Transfer{.bytes = total} : got;
    total += got.bytes;
  } while (total < into.size() && holds_bytes());
  return {.bytes = total};
}

Transfer TlsSession::peek() {
  std::array<char, 1> byte{};
  return read(byte, true);
}

/// What is held may be a part of a record; once that has been tried the descriptor is asked.
bool TlsSession::holds_bytes() const { return !drained_ && SSL_has_pending(ssl_) == 1; }

}  // namespace tidemark::broker

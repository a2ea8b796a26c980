// A connection until TLS has been agreed upon.
// broker/net/: see tls_handshake.hpp.
#include "broker/net/tls_handshake.hpp"

#include <array>
#include <string>

#include "broker/http_reply.hpp"
#include "broker/http_session.hpp"
#include "broker/log/log.hpp"

namespace tidemark::broker {

using boost::system::error_code;

namespace {

// What is still sent after the plain answer is dropped, since unread bytes would destroy it.
constexpr std::size_t kLingerBytes = std::size_t{1} << 20;

}  // namespace

TlsHandshake::TlsHandshake(ConnectionGroup& group, ConnectionSlot slot, Transport transport)
    : Connection(group, std::move(slot)),
      transport_(std::move(transport)),
      deadline_(group.ends_within(group.limits().handshake_timeout)) {}

void TlsHandshake::sweep(SteadyTime now) {
  if (over_ || now < deadline_) return;
  group().counters().timeouts[TimeLimit::handshake].add();
  count_failure("timed out");
  abort();
}

void TlsHandshake::abort() {
  over_ = true;
  transport_.close();
}

void TlsHandshake::step() {
  if (over_) return;
  const Transfer shaken = transport_.tls()->shake_hands();
  if (shaken.moved()) return succeed();
  if (!shaken.blocked()) return fail();
  transport_.wait(Ready::to_receive, [self = shared_from_this()](error_code error) {
    error ? self->abort() : self->step();
  });
}

void TlsHandshake::succeed() {
  over_ = true;  // the transport is another's from here on
  const auto session =
      std::make_shared<HttpSession>(group(), release_slot(), std::move(transport_));
  group().add(*session);
  session->start(deadline_);
}

void TlsHandshake::fail() {
  count_failure(transport_.tls()->why());
  transport_.tls()->heard_http() ? answer_plainly() : abort();
}

void TlsHandshake::count_failure(const std::string& why) {
  ++group().network().handshakes_failed;
  if (!log::enabled(log::Level::info)) return;
  log::event(log::Level::info, "handshake_failed",
             {{"conn", id()}, {"client", client().str()}, {"why", why}});
}

void TlsHandshake::answer_plainly() {
  const HttpReply reply =
      failed(Errc::malformed_message, "here TLS is spoken: the URL begins with https:// or wss://");
  std::string answer;
  append_head(reply, {.close = true}, answer);
  answer += reply.body;
  transport_.drop_tls();
  // It fits the socket's buffer.
  static_cast<void>(transport_.send(answer));
  if (transport_.end_sending(nullptr)) return abort();
  deadline_ = group().clock() + group().limits().close_timeout;
  linger();
}

void TlsHandshake::linger() {
  transport_.wait(Ready::to_receive, [self = shared_from_this()](error_code error) {
    if (error || self->over_) return self->abort();
    std::array<char, 16384> bytes;  // NOLINT: filled by receive
    const Transfer got = self->transport_.receive(bytes);
    self->dropped_ += got.bytes;
    const bool there = got.moved() || got.blocked();
    there && self->dropped_ < kLingerBytes ? self->linger() : self->abort();
  });
}

}  // namespace tidemark::broker

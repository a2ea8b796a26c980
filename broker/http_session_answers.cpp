// What becomes of a request that has come, and the sending of its answer.
// broker/: see http_session.hpp.
#include <array>
#include <charconv>

#include <boost/asio/post.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "broker/accept_encoding.hpp"
#include "broker/api_routes.hpp"
#include "broker/echo.hpp"
#include "broker/head_fields.hpp"
#include "broker/http_session.hpp"
#include "broker/judgement.hpp"
#include "broker/page_routes.hpp"
#include "broker/sse_session.hpp"
#include "broker/state_routes.hpp"
#include "broker/stream_request.hpp"
#include "broker/stream_routes.hpp"
#include "broker/url_text.hpp"
#include "broker/websocket_session.hpp"

namespace tidemark::broker {

namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

// An answer up to this size is copied behind its head, and buffers up to it are kept.
constexpr std::size_t kShortBytes = 4096;

bool is_mutating(http::verb method) {
  return method != http::verb::get && method != http::verb::head && method != http::verb::options;
}

constexpr std::string_view kWebSocketPath = "/v1/ws";

/// What may be asked while the broker stops.
bool tells_of_broker(std::string_view path) {
  return path == "/healthz" || path == "/readyz" || path == "/metrics";
}

}  // namespace

/// What a request is refused for whatever it wants.
std::optional<HttpReply> HttpSession::refuse(const Request& request) const {
  const auto& origins = group().rules().origins_for(operators());
  const auto host = field(request, http::field::host).value_or("");
  if (!origins.knows_host(host)) {
    return failed(Errc::forbidden_origin,
                  "this broker listens on a loopback address and answers to its names only");
  }
  const auto origin = field(request, http::field::origin);
  const auto path = cut_target(view(request.target())).path;
  const bool web_socket = path == kWebSocketPath || path == kEchoPath;
  if ((web_socket || is_mutating(request.method())) && !origins.allows(origin, host)) {
    return failed(Errc::forbidden_origin);
  }
  if (group().network().stopping && !tells_of_broker(path)) {
    return failed(Errc::shutting_down);
  }
  return std::nullopt;
}

void HttpSession::dispatch() {
  // The parser is gone before the next request comes; what is still needed of it is taken along.
  Request request = parser_->release();
  parser_.reset();
  static_cast<void>(arriving_.hold(0));
  body_bytes_ = 0;
  checked_ = 0;
  state_ = State::working;
  const auto path = cut_target(view(request.target())).path;
  if (refused_) return respond(access_refused(*refused_, shown_));
  if (path == kWebSocketPath) return upgrade(request);
  if (path == kEchoPath && group().network().test_echo) return upgrade_to_echo(request);
  if (answer_preflight(request)) return;
  if (auto page = answer_page(request.base(), group().rules().pages)) {
    return respond(std::move(*page));
  }
  if (path.starts_with(kStreamPrefix)) {
    return answer_stream(group(), request.base(), std::move(request.body()), shared_from_this());
  }
  if (path.starts_with(kStatePrefix)) {
    return answer_state(group(), request.base(), std::move(request.body()), shared_from_this());
  }
  ApiRequest call;
  call.method = request.method();
  call.target = view(request.target());
  call.content_type = field(request, http::field::content_type).value_or("");
  call.body = std::move(request.body());
  call.gzip = accepts_gzip(field(request, http::field::accept_encoding).value_or(""));
  call.client = client();
  call.publisher = publisher();
  call.operators = operators();
  call.caller = caller_;
  answer_api(group(), std::move(call), [self = shared_from_this()](ApiReply reply) {
    self->respond(to_reply(std::move(reply)));
  });
}

/// A browser asks before it sends what is not a simple request.
bool HttpSession::answer_preflight(const Request& request) {
  if (request.method() != http::verb::options) return false;
  preflight_ = true;
  respond({.status = 204, .content_type = {}});
  return true;
}

/// True if the request asks for a WebSocket; else it has been answered.
bool HttpSession::asks_for_upgrade(const Request& request) {
  if (boost::beast::websocket::is_upgrade(request) && request.body().empty()) return true;
  respond(failed(426, Errc::malformed_message, "this path takes WebSocket upgrades only"));
  return false;
}

void HttpSession::upgrade(const Request& request) {
  if (!asks_for_upgrade(request)) return;
  const auto offered = request.count(http::field::sec_websocket_protocol) > 1
                           ? std::optional<std::string_view>("?")
                           : field(request, http::field::sec_websocket_protocol);
  const auto form = choose_form(offered.value_or(""));
  if (!form) {
    return respond(failed(Errc::malformed_message,
                          "the subprotocols are tidemark.v1.json and tidemark.v1.cereal"));
  }
  const auto session = become_web_socket(*form);
  session->accept(request, pending(), offered.has_value(),
                  Standing(group().network().access.get(), std::move(caller_)));
}

/// Nobody has to say who they are, since nothing of the broker's is to be had. Subprotocols that
/// the client may offer are not chosen from.
void HttpSession::upgrade_to_echo(const Request& request) {
  if (!asks_for_upgrade(request)) return;
  const auto session = become_web_socket(WireForm::json);
  session->serve(echo_use());
  session->accept(request, pending(), false, Standing());
}

std::shared_ptr<WebSocketSession> HttpSession::become_web_socket(WireForm form) {
  state_ = State::over;  // the transport is another's from here on
  auto session =
      std::make_shared<WebSocketSession>(group(), release_slot(), std::move(transport_), form);
  group().add(*session);
  return session;
}

void HttpSession::stream(EventStreamStart start) {
  if (state_ == State::over) return;
  drop_answer();
  state_ = State::over;  // the transport is another's from here on
  auto context = head_context();
  context.close = true;
  start.caller = std::move(caller_);
  const auto session = std::make_shared<SseSession>(group(), release_slot(), std::move(transport_),
                                                    std::move(start));
  group().add(*session);
  session->start(context);
  // The wait goes on with the transport, for as long as the stream lasts: this need not.
  if (const auto watcher = watcher_.lock()) watcher->reset();
}

void HttpSession::wait_with(std::shared_ptr<PendingAnswer> answer) {
  if (state_ != State::working) return answer->client_gone();
  set_answer(std::move(answer));
  if (in_.size() == 0) in_.shrink_to_fit();
  if (draining_) return std::shared_ptr(answer_)->drain();
  watch_client();
}

void HttpSession::set_answer(std::shared_ptr<PendingAnswer> answer) {
  drop_answer();
  answer_ = std::move(answer);
  if (answer_->follows()) group().counters().subscriptions[Channel::long_poll].add();
}

std::shared_ptr<PendingAnswer> HttpSession::drop_answer() {
  if (answer_ && answer_->follows()) {
    group().counters().subscriptions[Channel::long_poll].take();
  }
  return std::exchange(answer_, nullptr);
}

/// A client that waits sends nothing; if it has left, whoever works for it is told. Once it sends
/// something ahead it can't be watched without reading it all.
void HttpSession::watch_client() {
  auto watcher = std::make_shared<std::shared_ptr<HttpSession>>(shared_from_this());
  watcher_ = watcher;
  transport_.wait(Ready::to_receive, [watcher = std::move(watcher)](error_code error) {
    const auto self = std::move(*watcher);
    if (!self || !self->answer_) return;
    if (error) return self->abort();
    const Transfer seen = self->transport_.peek();
    if (seen.moved()) return;
    seen.blocked() ? self->watch_client() : self->abort();
  });
}

/// Answers a request that was not read to its end, and then closes.
void HttpSession::fail(HttpReply reply) {
  parser_.reset();
  static_cast<void>(arriving_.hold(0));
  close_ = true;
  respond(std::move(reply));
}

HeadContext HttpSession::head_context() const {
  return {.close = close_,
          .cors_origin = cors_origin_,
          .preflight = preflight_,
          .cors_credentials = cookies_,
          .authenticated = caller_.is_known()};
}

void HttpSession::respond(HttpReply reply) {
  if (state_ == State::over) return;
  const auto waiter = drop_answer();
  const bool polled = waiter && waiter->follows();
  if (draining_) close_ = true;
  out_.clear();
  append_head(reply, head_context(), out_);
  note(reply, polled ? Channel::long_poll : Channel::http);
  const bool has_body = !head_only_ && !reply.content_type.empty();
  const bool is_short =
      reply.pieces.empty() && reply.body.size() + reply.tail.size() <= kShortBytes;
  if (has_body && is_short) out_.append(reply.body).append(reply.tail);
  sender_.add(out_);
  if (has_body && !is_short) {
    reply_ = std::make_unique<HttpReply>(std::move(reply));
    sender_.add(reply_->body);
    for (const std::string_view piece : reply_->pieces) sender_.add(piece);
    sender_.add(reply_->tail);
  }
  enter(State::writing, group().limits().stall_timeout);
  sent_at_sweep_ = sender_.sent_bytes();
  if (sender_.send()) return written();
  if (reply_) hold_answer(reply_->body_size());
}

void HttpSession::respond(HttpReply head, std::unique_ptr<BodyParts> body) {
  if (state_ == State::over) return;
  head.chunked = takes_chunks_;
  head.endless = !takes_chunks_;
  close_ = close_ || !takes_chunks_;
  if (!head_only_) parts_ = std::move(body);
  respond(std::move(head));
}

/// The parts there are, one after another; then the answer is over, or waits for the next.
void HttpSession::send_parts() {
  while (parts_) {
    state_ = State::working;
    auto part = parts_->next([self = shared_from_this()] {
      boost::asio::post(self->group().shard().io(), [self] {
        if (self->parts_ && self->state_ == State::working) self->send_parts();
      });
    });
    if (!part) return;
    if (!*part) return abort();  // an answer that is cut off tells its client so by that
    if (!send_part(std::move(**part))) return;
  }
  written();
}

/// True if all of it has gone.
bool HttpSession::send_part(BodyParts::Part part) {
  static constexpr std::string_view kEnd = "0\r\n\r\n";
  part_ = std::move(part.bytes);
  out_.clear();
  if (takes_chunks_ && !part_.empty()) {
    std::array<char, 16> size;  // NOLINT: filled by to_chars
    const auto end = std::to_chars(size.data(), size.data() + size.size(), part_.size(), 16).ptr;
    out_.append(size.data(), end).append("\r\n");
    part_ += "\r\n";
  }
  sender_.add(out_);
  sender_.add(part_);
  if (takes_chunks_ && part.last) sender_.add(kEnd);
  group().counters().bytes_out[Channel::http].add(out_.size() + part_.size());
  if (part.last) parts_.reset();
  enter(State::writing, group().limits().stall_timeout);
  sent_at_sweep_ = sender_.sent_bytes();
  if (sender_.send()) return true;
  hold_answer(part_.size());
  return false;
}

void HttpSession::note(const HttpReply& reply, Channel channel) {
  auto& counters = group().counters();
  const bool has_body = !head_only_ && !reply.content_type.empty();
  log_answer(speaker(), asked_for_, reply);
  if (reply.error) counters.refusals[*reply.error].add();
  counters.responses.at(std::min<std::size_t>(reply.status / 100, kStatusClasses - 1)).add();
  counters.events_out[channel].add(has_body ? reply.events : 0);
  counters.bytes_out[channel].add(out_.size() + (has_body ? reply.body_size() : 0));
}

void HttpSession::written() {
  if (state_ == State::over) return;
  reply_.reset();
  part_ = {};
  hold_answer(0);
  if (parts_) return send_parts();
  if (close_ || draining_) return linger();
  head_only_ = false;
  slot().speak_for_nobody();
  caller_ = Caller();
  asked_for_.clear();
  give_back_memory();
  // What was read ahead of the answer comes first.
  enter(State::idle, group().limits().idle_timeout);
  advance();
}

/// Buffers of a large request or answer are not kept by a quiet connection.
void HttpSession::give_back_memory() {
  if (in_.size() == 0 && in_.capacity() > kShortBytes) in_.shrink_to_fit();
  if (out_.capacity() > kShortBytes) out_ = {};
  sender_.shrink();
}

/// Half closes, so that the answer arrives even if the client is still sending.
void HttpSession::linger() {
  // Who is late has sent nothing that was not read, so that closing destroys no answer.
  if (transport_.end_sending(shared_from_this()) || late_) return abort();
  enter(State::lingering, group().limits().close_timeout);
  in_.consume(in_.size());
  read();
}

}  // namespace tidemark::broker

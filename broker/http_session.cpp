// One HTTP connection: requests one after another, or the way to a WebSocket.
// broker/: see http_session.hpp.
#include "broker/http_session.hpp"

#include <algorithm>

#include "broker/credential.hpp"
#include "broker/head_fields.hpp"
#include "broker/judgement.hpp"
#include "broker/limits/slowest_rate.hpp"
#include "broker/request_faults.hpp"
#include "broker/state_routes.hpp"
#include "broker/url_text.hpp"

namespace tidemark::broker {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kBodyReadBytes = std::size_t{64} << 10;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
// What a refused client still sends is dropped, since unread bytes would destroy the answer.
constexpr std::size_t kLingerBytes = std::size_t{16} << 20;

HttpReply body_too_large(bool is_state) {
  if (is_state) return failed(Errc::state_too_large);
  return failed(Errc::message_too_large, "the request's body is too large");
}

}  // namespace

// ---- the life of a connection ----

HttpSession::HttpSession(ConnectionGroup& group, ConnectionSlot slot, Transport transport)
    : Connection(group, std::move(slot)),
      transport_(std::move(transport)),
      sender_(transport_, *this),
      arriving_(group.arriving()) {
  this->group().counters().connections[Channel::http].add();
}

HttpSession::~HttpSession() {
  hold_answer(0);
  group().counters().connections[Channel::http].take();
}

void HttpSession::start(SteadyTime head_by) {
  state_ = State::idle;
  deadline_ = head_by;
  read();
}

void HttpSession::enter(State state, milliseconds time) {
  state_ = state;
  deadline_ = group().clock() + time;
}

/// Of a part of a request, which has to come soon.
void HttpSession::await(State state) {
  state_ = state;
  deadline_ = group().ends_within(group().limits().handshake_timeout);
}

void HttpSession::sweep(SteadyTime now) {
  if (state_ == State::working && answer_) {
    const auto answer = answer_;  // it may answer, and be let go
    return answer->sweep(now);
  }
  if (state_ == State::writing) see_progress(now);
  if (state_ == State::over || state_ == State::working || now < deadline_) return;
  if (state_ == State::head || state_ == State::body) {
    timed_out(TimeLimit::handshake);
    late_ = true;
    return fail(failed(408, Errc::timed_out, "the request took too long to arrive"));
  }
  const auto quiet = asked_ ? TimeLimit::idle : TimeLimit::handshake;
  timed_out(state_ == State::idle      ? quiet
            : state_ == State::judging ? TimeLimit::handshake
            : state_ == State::writing ? TimeLimit::stall
                                       : TimeLimit::close);
  abort();
}

void HttpSession::timed_out(TimeLimit limit) { group().counters().timeouts[limit].add(); }

/// Who waits is at the end of its topic.
void HttpSession::count_cursors(CursorCensus& census) const {
  if (answer_ && answer_->follows()) census.count(false, 0);
}

/// A client that takes its answer slowly has more time, but not for ever: it pins events.
void HttpSession::see_progress(SteadyTime now) {
  const auto bytes = sender_.sent_bytes() - std::exchange(sent_at_sweep_, sender_.sent_bytes());
  deadline_ = prolonged(deadline_, bytes, now, group().limits().stall_timeout);
}

/// `bytes`: of the answer that waits from now on; 0: none.
void HttpSession::hold_answer(std::size_t bytes) {
  if (held_ == bytes) return;
  group().release_answer(std::exchange(held_, bytes));
  group().hold_answer(bytes);
}

void HttpSession::drain() {
  draining_ = true;
  if (state_ == State::idle) return abort();
  // Whom a key has to be fetched for first is not waited for.
  if (state_ == State::judging) return fail(failed(Errc::shutting_down));
  if (const auto answer = answer_) answer->drain();
}

void HttpSession::abort() {
  if (state_ == State::over) return;
  state_ = State::over;
  const auto parts = std::move(parts_);  // what it holds may be the last that holds this
  transport_.close();
  reply_.reset();
  hold_answer(0);
  if (const auto answer = drop_answer()) answer->client_gone();
}

// ---- reading ----

std::string_view HttpSession::pending() const {
  const auto bytes = in_.data();
  return {static_cast<const char*>(bytes.data()), bytes.size()};
}

void HttpSession::read() {
  // One is outstanding already if a request has timed out.
  if (reading_) return;
  reading_ = true;
  const std::size_t room = state_ == State::body ? kBodyReadBytes : kReadBytes;
  transport_.read_some(in_.prepare(room),
                       [self = shared_from_this()](error_code error, std::size_t bytes) {
                         self->on_read(error, bytes);
                       });
}

void HttpSession::on_read(error_code error, std::size_t bytes) {
  reading_ = false;
  // A request that timed out has been answered meanwhile; then what comes is dropped.
  if (state_ == State::over || state_ == State::writing) return;
  if (error) return abort();
  if (state_ == State::lingering) {
    lingered_ += bytes;
    if (lingered_ > kLingerBytes) return abort();
    return read();
  }
  in_.commit(bytes);
  if (state_ == State::body) {
    deadline_ = prolonged(deadline_, bytes, group().now(), group().limits().stall_timeout);
  }
  advance();
}

/// Goes on with the bytes there are, as far as they go. A loop, since an answer may be sent at
/// once: what a client sends ahead must not become a tower of calls.
void HttpSession::advance() {
  if (std::exchange(advancing_, true)) return;
  while (take_step()) {
  }
  advancing_ = false;
}

/// False if something has to come first: bytes, an answer, or its being sent.
bool HttpSession::take_step() {
  switch (state_) {
    case State::idle:
      return take_idle();
    case State::head:
      return take_head();
    case State::body:
      return take_body();
    default:
      return false;
  }
}

bool HttpSession::take_idle() {
  // Empty lines before a request are passed over (RFC 9112, 2.2).
  while (pending().starts_with("\r\n")) in_.consume(2);
  if (pending().empty() || pending() == "\r") {
    read();
    return false;
  }
  // The time for the first one began with the connection: a byte now and then wins nothing.
  state_ = State::head;
  if (asked_) await(State::head);
  return true;
}

bool HttpSession::take_head() {
  const auto text = pending();
  const auto from = checked_ < kHeadEnd.size() ? 0 : checked_ - kHeadEnd.size();
  const auto end = text.find(kHeadEnd, from);
  const bool whole = end != std::string_view::npos;
  const auto head = whole ? text.substr(0, end + 2) : text;
  const auto most = group().limits().http_header_bytes;
  const auto refused = [this](HttpReply reply) {
    fail(std::move(reply));
    return true;
  };
  if (head.size() > most) {
    return refused(failed(431, Errc::message_too_large, "the request's head is too large"));
  }
  if (const auto fault = fault_of_head(head)) {
    return refused(failed(Errc::malformed_message, *fault));
  }
  checked_ = text.size();
  if (!whole) {
    read();
    return false;
  }
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(most + kHeadEnd.size()));
  parser_->body_limit(boost::none);  // until it is known what it is for
  error_code error;
  const auto used = parser_->put(asio::buffer(text.data(), end + kHeadEnd.size()), error);
  if (error || !parser_->is_header_done()) {
    return refused(failed(Errc::malformed_message, "the request's head cannot be read"));
  }
  in_.consume(used);
  if (!limit_body()) return refused(body_too_large(is_state_));
  head_done();
  return true;
}

/// A state may be larger than a message, or must be smaller. False: it has said that it is too
/// large.
bool HttpSession::limit_body() {
  const auto& request = parser_->get();
  is_state_ =
      request.method() == http::verb::put && view(request.target()).starts_with(kStatePrefix);
  body_limit_ =
      is_state_ ? group().shard().store().max_state_bytes() : group().limits().message_bytes;
  parser_->body_limit(body_limit_);
  return parser_->content_length().value_or(0) <= body_limit_;
}

void HttpSession::head_done() {
  asked_ = true;
  const auto& request = parser_->get();
  ++requests_;
  asked_for_.assign(view(request.method_string()))
      .append(" ")
      .append(cut_target(view(request.target())).path);
  cors_origin_.clear();
  if (const auto origin = field(request, http::field::origin)) {
    if (const auto* listed = group().rules().origins_for(operators()).listed(*origin))
      cors_origin_ = *listed;
  }
  if (!speak_for_client(request)) return fail(failed(Errc::too_many_from_address));
  if (const auto fault = fault_of_framing(request.base())) {
    return fail(failed(Errc::malformed_message, *fault));
  }
  if (is_coded(request.base())) {
    auto refusal = failed(415, Errc::malformed_message, "a body has to have no Content-Encoding");
    refusal.add("Accept-Encoding", "identity");
    return fail(std::move(refusal));
  }
  head_only_ = request.method() == http::verb::head;
  takes_chunks_ = request.version() == 11;
  preflight_ = false;
  close_ = !request.keep_alive() || draining_;
  // The checks need no body, and a client that is refused needs not send one.
  if (auto refusal = refuse(request)) return fail(std::move(*refusal));
  identify();
}

/// Finds out who asks, now or later, and whether they may. What a URL may carry for it goes no
/// further than here.
void HttpSession::identify() {
  auto& head = parser_->get().base();
  const auto& access = group().network().access;
  const auto needs = needs_of(head);
  // What operators have an address of their own for needs no credential there; all else does.
  const bool for_operators = operators() && (needs == Needs::nothing || needs == Needs::operate);
  caller_ = access && !for_operators ? Caller(access->anonymous()) : Caller();
  refused_.reset();
  shown_ = false;
  std::optional<std::string> credential;
  const auto rules = access ? access->rules() : nullptr;
  cookies_ = rules && !rules->cookie.empty();
  const bool looks = needs != Needs::nothing && !for_operators;
  if (rules && rules->configured() && looks && head.method() != http::verb::options) {
    auto found = find_credential(head, {.cookie = rules->cookie, .query = rules->query_token});
    if (!found) return fail(failed(Errc::malformed_message, found.error().text));
    credential = std::move(*found);
  }
  head.target(without_access_token(view(head.target())));
  enter(State::judging, group().limits().handshake_timeout);
  if (!credential) return identified(caller_.identity());
  shown_ = true;
  group().authenticator().ask(*credential, [self = shared_from_this()](const AuthOutcome& outcome) {
    self->identified(outcome);
    self->advance();
  });
}

void HttpSession::identified(const AuthOutcome& outcome) {
  if (state_ != State::judging) return;
  if (const auto* const refusal = std::get_if<AccessRefusal>(&outcome)) {
    refused_ = refusal->code;
    log_auth_refused(speaker(), *refusal);
  } else {
    caller_ = Caller(std::get<std::shared_ptr<const Identity>>(outcome));
    refused_ = judge(caller_, parser_->get().base());
  }
  if (shown_) note_auth();
  begin_body();
}

/// What became of the credential that was shown.
void HttpSession::note_auth() {
  const auto event = !refused_                         ? AuthEvent::accepted
                     : refused_ == Errc::forbidden     ? AuthEvent::forbidden
                     : refused_ == Errc::token_expired ? AuthEvent::expired
                                                       : AuthEvent::refused;
  group().counters().auth[event].add();
}

void HttpSession::begin_body() {
  const auto& request = parser_->get();
  // Who is refused needs not send a large body; a small one is let by, and the connection goes on.
  const bool small = parser_->content_length().value_or(kBodyReadBytes + 1) <= kBodyReadBytes &&
                     !field(request, http::field::expect);
  if (refused_ && !parser_->is_done() && !small) return fail(access_refused(*refused_, shown_));
  await(State::body);
  parser_->eager(true);
  if (!parser_->is_done() && !invite_body(request)) {
    return fail(failed(417, Errc::malformed_message, "the only expectation met is 100-continue"));
  }
}

/// Finds out whom a trusted proxy speaks for; false if they have as many connections as they may.
bool HttpSession::speak_for_client(const Request& request) {
  const auto& proxies = group().rules().proxies;
  if (proxies.empty() || !proxies.trusts(slot().peer())) return true;
  std::string all;  // several fields are one, joined by commas
  const auto [begin, end] = request.equal_range("X-Forwarded-For");
  for (auto at = begin; at != end; ++at) all.append(",").append(view(at->value()));
  return slot().speak_for(proxies.client_of(slot().peer(), all), group().rules());
}

/// Tells a client that asks to send its body; false if it expects something else.
bool HttpSession::invite_body(const Request& request) {
  const auto expect = field(request, http::field::expect);
  if (!expect || request.version() != 11) return true;
  if (!boost::beast::iequals(boost::beast::string_view(expect->data(), expect->size()),
                             "100-continue")) {
    return false;
  }
  if (!pending().empty()) return true;
  // Small enough for the socket's buffer; if it isn't taken the client sends its body anyway.
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  const Transfer sent = transport_.send(kContinue);
  // In parts, or encrypted and kept back, it would get between the parts of the answer.
  if (sent.blocked() ? transport_.owes() : sent.bytes < kContinue.size()) abort();
  return true;
}

bool HttpSession::take_body() {
  while (in_.size() > 0 && !parser_->is_done()) {
    if (parser_->chunked() && is_short_last_chunk(pending())) break;
    error_code error;
    const auto used = parser_->put(in_.data(), error);
    in_.consume(used);
    body_bytes_ += used;
    const auto refused = [this](Errc code, std::string_view text) {
      fail(failed(code, text));
      return true;
    };
    if (error == http::error::body_limit) {
      fail(body_too_large(is_state_));
      return true;
    }
    if (error && error != http::error::need_more) {
      return refused(Errc::malformed_message, "the request's body cannot be read");
    }
    // Chunk headers and trailers are outside the parser's limit.
    if (body_bytes_ > 2 * body_limit_ + kBodyReadBytes ||
        (used == 0 && in_.size() > group().limits().http_header_bytes)) {
      return refused(Errc::message_too_large, "the body's chunks carry too much else");
    }
    if (used == 0) break;
  }
  if (body_bytes_ > group().limits().small_message_bytes && !arriving_.hold(body_bytes_)) {
    fail(failed(Errc::overloaded, "others are sending too many large bodies"));
    return true;
  }
  if (!parser_->is_done()) {
    read();
    return false;
  }
  dispatch();
  return true;
}

}  // namespace tidemark::broker

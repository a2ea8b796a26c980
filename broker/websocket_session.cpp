// One WebSocket connection: requests in, answers and events out.
// broker/: see websocket_session.hpp.
#include "broker/websocket_session.hpp"

#include <algorithm>

#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "broker/limits/slowest_rate.hpp"
#include "broker/stalled.hpp"
#include "broker/websocket_follower.hpp"
#include "protocol/frames.hpp"

namespace tidemark::broker {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using std::chrono::milliseconds;
using storage::Topic;

namespace {

// What a std::string holds without the heap.
constexpr std::size_t kSmallString = 15;
// An empty ping, ready to be sent.
constexpr std::string_view kPingFrame{"\x89\x00", 2};

/// Of text that is UTF-8 but for its end: is a character cut there? Beast looks at the bytes as
/// they come, but ends a message with an empty frame without asking whether something is missing.
bool ends_within_character(std::string_view text) {
  constexpr std::size_t longest = 4;
  for (std::size_t back = 1; back <= std::min(longest, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0U) == 0x80U) continue;  // not the first of its character
    const std::size_t bytes = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return bytes > back;
  }
  return false;
}

}  // namespace

std::optional<WireForm> choose_form(std::string_view offered) {
  if (offered.empty()) return WireForm::json;
  for (const auto token : beast::http::token_list{offered}) {
    for (const auto form : {WireForm::json, WireForm::binary}) {
      if (std::string_view(token) == subprotocol(form)) return form;
    }
  }
  return std::nullopt;
}

WebSocketSession::WebSocketSession(ConnectionGroup& group, ConnectionSlot slot, Transport transport,
                                   WireForm form)
    : Connection(group, std::move(slot)),
      ws_(std::move(transport)),
      form_(form),
      last_seen_(group.now()),
      deadline_(group.now() + group.limits().handshake_timeout),
      arriving_(group.arriving()) {
  stream().set_owner(*this);
  ++group.network().websockets;
  group.counters().connections[Channel::websocket].add();
}

WebSocketSession::~WebSocketSession() {
  for (const auto& pattern : patterns_) pattern->removed = true;
  --group().network().websockets;
  group().counters().connections[Channel::websocket].take();
}

// ---- handshake and reading ----

void WebSocketSession::accept(const Request& request, std::string_view behind, bool tell_form,
                              Standing standing) {
  standing_ = std::move(standing);
  stream().give_back(behind);
  ws_.auto_fragment(false);
  ws_.read_message_max(use_->most_bytes(group().limits()));
  ws_.set_option(websocket::stream_base::decorator(
      [form = form_, tell_form](websocket::response_type& response) {
        response.set(beast::http::field::server, "tidemark");
        if (!tell_form) return;
        const auto name = subprotocol(form);
        response.set(beast::http::field::sec_websocket_protocol,
                     beast::string_view(name.data(), name.size()));
      }));
  ws_.control_callback([this](websocket::frame_type, beast::string_view) {
    last_seen_ = group().now();
    pinged_ = false;
  });
  ws_.async_accept(request,
                   [self = shared_from_this()](error_code error) { self->accepted(error); });
}

void WebSocketSession::accepted(error_code error) {
  if (error || over_) return abort();
  open_ = true;
  stream().begin_frames();
  last_seen_ = group().now();
  if (group().network().stopping) drain();
  if (look_at_standing(group().clock())) read();
}

bool WebSocketSession::may_read() const {
  const auto& limits = group().limits();
  return open_ && !reading_ && !over_ && !closing_ && !authenticating_ &&
         publishes_ < limits.publishes_in_flight && acks_.size() < limits.publishes_in_flight &&
         replies_.size() < limits.reply_bytes;
}

void WebSocketSession::read() {
  if (!may_read()) {
    if (!reading_) message_by_ = {};  // the time in which it isn't read is not the peer's
    return;
  }
  if (filled_ > 0 && message_by_ == SteadyTime{}) {
    message_by_ = group().ends_within(group().limits().handshake_timeout);
  }
  if (!make_room()) {
    refuse(0, Errc::overloaded, {}, "others are sending too many large messages");
    return close(Errc::overloaded);
  }
  reading_ = true;
  ws_.async_read_some(space(), asio::bind_executor(group().shard().turn().executor(),
                                                   [self = shared_from_this()](error_code error,
                                                                               std::size_t bytes) {
                                                     self->on_read(error, bytes);
                                                   }));
}

/// Room for what comes next of a message. It grows with what has come, not with what a frame's
/// header claims. False if all who are sending large messages hold too much together.
bool WebSocketSession::make_room() {
  if (filled_ < (large_.empty() ? small_.size() : large_.size())) return true;
  const auto& limits = group().limits();
  const auto most = use_->most_bytes(limits);
  const auto size = std::max(filled_ + 1, std::min(filled_ * 2 + 1024, most));
  if (size > limits.small_message_bytes && !arriving_.hold(size)) return false;
  if (large_.empty()) large_.assign(small_.data(), filled_);
  large_.resize(size);
  return true;
}

asio::mutable_buffer WebSocketSession::space() {
  return (large_.empty() ? asio::buffer(small_) : asio::buffer(large_)) + filled_;
}

void WebSocketSession::forget_message() {
  filled_ = 0;
  message_by_ = {};
  if (large_.empty()) return;
  large_ = {};
  static_cast<void>(arriving_.hold(0));
}

bool WebSocketSession::is_arriving_too_slowly(SteadyTime now) const {
  return reading_ && message_by_ != SteadyTime{} && now >= message_by_;
}

void WebSocketSession::on_read(error_code error, std::size_t bytes) {
  reading_ = false;
  if (error == websocket::error::message_too_big) {
    group().counters().refusals[Errc::message_too_large].add();
  }
  // The close under way ends the connection, and it is what has taken the stream from the reader.
  if (error && close_started_) return;
  if (error) return abort();
  last_seen_ = group().now();
  pinged_ = false;
  filled_ += bytes;
  if (ws_.is_message_done()) {
    take_message();
    forget_message();
  } else if (message_by_ != SteadyTime{}) {
    message_by_ = prolonged(message_by_, bytes, last_seen_, group().limits().stall_timeout);
  }
  read();
}

void WebSocketSession::take_message() {
  if (closing_) return;
  const std::string_view bytes(large_.empty() ? small_.data() : large_.data(), filled_);
  if (ws_.got_text() && ends_within_character(bytes)) return close(Errc::malformed_message);
  use_->take({ws_.got_text(), bytes}, replies_);
  if (!replies_.empty()) schedule();
}

// ---- messages of topics ----

void WebSocketSession::take(const WebSocketMessage& message, std::string& /*out*/) {
  if (message.is_text != (form_ == WireForm::json)) {
    refuse(0, Errc::malformed_message, {},
           form_ == WireForm::json ? "binary frames need the subprotocol tidemark.v1.cereal"
                                   : "text frames need the subprotocol tidemark.v1.json");
    return close(Errc::malformed_message);
  }
  auto asked = decode_client(form_, message.bytes);
  if (!asked) {
    const auto& fault = asked.error();
    return refuse(fault.id, fault.code, {}, fault.text);
  }
  std::visit([this](auto&& m) { handle(std::forward<decltype(m)>(m)); }, std::move(*asked));
}

void WebSocketSession::tell(const ServerMessage& message, std::string& out) const {
  append_frame(form_, message, Payload::json, out);
}

// ---- answers ----

void WebSocketSession::answer(const ServerMessage& message) {
  if (over_) return;
  use_->tell(message, replies_);
  schedule();
}

void WebSocketSession::answer_failure(Failure&& failure) {
  group().counters().refusals[failure.code].add();
  log_refusal(speaker(), failure.code, failure.topic);
  if (failure.text.empty()) failure.text = info(failure.code).text;
  answer(ServerMessage(std::move(failure)));
}

void WebSocketSession::refuse(RequestId id, Errc code, std::string_view topic, std::string text) {
  Failure failure;
  failure.id = id;
  failure.code = code;
  failure.text = std::move(text);
  failure.topic = topic;
  answer_failure(std::move(failure));
}

/// Closes once the answers made so far have gone.
void WebSocketSession::close(Errc reason) {
  if (closing_ || over_) return;
  closing_ = reason;
  log_closed(speaker(), reason);
  deadline_ = group().clock() + group().limits().close_timeout;
  schedule();
}

// ---- the end ----

void WebSocketSession::start_close() {
  if (close_started_) return;
  close_started_ = true;
  const auto& row = info(*closing_);
  const beast::string_view name(row.name.data(), row.name.size());
  ws_.async_close(websocket::close_reason(static_cast<websocket::close_code>(row.close_code), name),
                  [self = shared_from_this()](error_code) { self->abort(); });
}

void WebSocketSession::say_goodbye() {
  if (said_goodbye_) return;
  said_goodbye_ = true;
  answer(Goodbye{static_cast<std::uint32_t>(group().reconnect_delay().count())});
  close(Errc::shutting_down);
}

void WebSocketSession::drain() {
  draining_ = true;
  if (open_ && publishes_ == 0 && !acknowledging_) say_goodbye();
}

void WebSocketSession::abort() {
  if (over_) return;
  over_ = true;
  group().counters().subscriptions[Channel::websocket].take(followers_.size());
  for (const auto& follower : std::exchange(followers_, {})) {
    follower->removed = true;
    follower->Waiter::unlink();
    follower->Ready::unlink();
    follower->state.reset();
  }
  drop_patterns();
  acks_ = {};
  stream().abort();
  pinned_.reset();
  replies_ = {};
  sending_ = {};
  forget_message();
}

// ---- looking after it ----

void WebSocketSession::sweep(SteadyTime now) {
  if (over_) return;
  if (!open_ || closing_) {
    if (now >= deadline_) time_out(closing_ ? TimeLimit::close : TimeLimit::handshake);
    return;
  }
  if (stream().closing()) {
    // The peer's doing, or Beast's because of a frame that was none: its read ends by itself.
    return close(Errc::connection_lost);
  }
  if (!look_at_standing(now)) return;
  if (stream().blocked()) return sweep_blocked(now);
  if (std::exchange(blocked_since_, {}) != SteadyTime{}) {
    // It has taken what it was sent, however long that took: it is there, though it said nothing.
    last_seen_ = now;
    pinged_ = false;
  }
  give_back_memory();
  if (is_arriving_too_slowly(now)) {
    group().counters().timeouts[TimeLimit::handshake].add();
    refuse(0, Errc::timed_out, {}, "the message took too long to arrive");
    return close(Errc::timed_out);
  }
  if (!reading_) return;  // our own doing: a peer that isn't read from can't be heard
  const auto quiet = now - last_seen_;
  const auto limit = group().limits().idle_timeout;
  if (quiet >= limit) return time_out(TimeLimit::idle);
  if (quiet < limit / 2 || pinged_) return;
  pinged_ = true;
  replies_ += kPingFrame;
  schedule();
}

void WebSocketSession::time_out(TimeLimit limit) {
  group().counters().timeouts[limit].add();
  abort();
}

void WebSocketSession::count_cursors(CursorCensus& census) const {
  for (const auto& follower : followers_) {
    if (follower->cursor) census.count(follower->cursor->is_cold(), follower->cursor->behind());
  }
}

/// Buffers of a burst are not kept by a quiet connection.
void WebSocketSession::give_back_memory() {
  if (replies_.empty() && replies_.capacity() > kSmallString) replies_ = {};
  if (sending_.empty() && sending_.capacity() > kSmallString) sending_ = {};
}

/// The client takes nothing. First its share of the events' memory becomes its own, if that lets a
/// segment be freed; then it is closed. It loses nothing: it resumes.
void WebSocketSession::sweep_blocked(SteadyTime now) {
  const bool moved = stream().sent_bytes() != blocked_at_;
  if (moved || blocked_since_ == SteadyTime{}) {
    blocked_at_ = stream().sent_bytes();
    blocked_since_ = now;
    return;
  }
  if (now - blocked_since_ >= group().limits().stall_timeout) return time_out(TimeLimit::stall);
  // A state's bytes are shared by all who are sent it: a copy would be one for every slow client.
  if (!pinned_ || pins_state_ || now - blocked_since_ < kReleaseAfter) return;
  const auto& segment = *static_cast<const storage::Segment*>(pinned_.get());
  const auto holders = static_cast<std::size_t>(pinned_.use_count());
  if (!copies_free_memory(holders, stream().rest().size(), segment.memory())) return;
  sending_.assign(stream().rest());
  stream().move_rest(sending_.data());
  pinned_.reset();
}

}  // namespace tidemark::broker

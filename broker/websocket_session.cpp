// One WebSocket connection: requests in, answers and events out.
// broker/: see websocket_session.hpp.
#include "broker/websocket_session.hpp"

#include <algorithm>

#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "broker/api_routes.hpp"
#include "broker/judgement.hpp"
#include "protocol/frames.hpp"

namespace tidemark::broker {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using std::chrono::milliseconds;
using storage::Topic;

namespace {

// Enough to fill a socket's buffer; more would only delay the other sessions of the thread.
constexpr int kStepsPerFlush = 8;
// A stalled client's events are copied after this long, so that it keeps no segment from being
// freed.
constexpr std::chrono::seconds kReleaseAfter{1};
// A buffer that answers have left behind is kept for the next ones up to this size.
constexpr std::size_t kKeptReplies = std::size_t{32} << 10;
// To verify a signature costs some 100 µs: an auth a second, and so many at once.
constexpr std::chrono::milliseconds kAuthPace{1'000};
constexpr int kAuthsAtOnce = 4;
// What a std::string holds without the heap.
constexpr std::size_t kSmallString = 15;
// An empty ping, ready to be sent.
constexpr std::string_view kPingFrame{"\x89\x00", 2};

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

/// A subscription of this connection.
struct WebSocketSession::Follower final : Waiter, Ready, std::enable_shared_from_this<Follower> {
  Follower(WebSocketSession& s, std::string t, const Subscribe& m)
      : session(s), topic(std::move(t)), id(m.id), on_gap(m.on_gap) {}
  void wake() override { make_ready(); }
  void enqueue();
  void make_ready();

  WebSocketSession& session;  // removes its followers when it ends
  const std::string topic;
  const RequestId id;
  const OnGap on_gap;
  std::optional<Cursor> cursor;  // none while the topic is being opened
  bool loading = false;
  bool removed = false;
};

void WebSocketSession::Follower::enqueue() {
  if (!cursor || loading || removed || Ready::is_linked()) return;
  session.ready_.push_back(*this);
}

void WebSocketSession::Follower::make_ready() {
  enqueue();
  session.schedule();
}

/// A publish of this connection on its way through the committer.
struct WebSocketSession::Publishing final : storage::PublishRequest {
  Publishing(TopicName name, std::shared_ptr<WebSocketSession> s, RequestId i)
      : PublishRequest(std::move(name)), session(std::move(s)), id(i) {}
  void answer() override { session->published(*this); }

  // Shared: the connection may be gone before the answer comes.
  const std::shared_ptr<WebSocketSession> session;
  const RequestId id;
};

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
  --group().network().websockets;
  group().counters().connections[Channel::websocket].take();
}

// ---- handshake and reading ----

void WebSocketSession::accept(const Request& request, std::string_view behind, bool echo,
                              Caller caller) {
  standing_ = Standing(group().network().access.get(), std::move(caller));
  stream().give_back(behind);
  ws_.auto_fragment(false);
  ws_.read_message_max(group().limits().message_bytes);
  ws_.set_option(
      websocket::stream_base::decorator([form = form_, echo](websocket::response_type& response) {
        response.set(beast::http::field::server, "tidemark");
        if (!echo) return;
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
  if (look_at_standing(std::chrono::steady_clock::now())) read();
}

bool WebSocketSession::may_read() const {
  const auto& limits = group().limits();
  return open_ && !reading_ && !over_ && !closing_ && !authenticating_ &&
         publishes_ < limits.publishes_in_flight && replies_.size() < limits.reply_bytes;
}

void WebSocketSession::read() {
  if (!may_read()) return;
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
  const auto size = std::max(filled_ + 1, std::min(filled_ * 2 + 1024, limits.message_bytes));
  if (size > limits.small_message_bytes && !arriving_.hold(size)) return false;
  if (large_.empty()) {
    large_since_ = group().now();
    large_.assign(small_.data(), filled_);
  }
  large_.resize(size);
  return true;
}

asio::mutable_buffer WebSocketSession::space() {
  return (large_.empty() ? asio::buffer(small_) : asio::buffer(large_)) + filled_;
}

void WebSocketSession::forget_message() {
  filled_ = 0;
  if (large_.empty()) return;
  large_ = {};
  static_cast<void>(arriving_.hold(0));
}

/// A large message comes at 16 KiB/s at least, as the body of a request does.
bool WebSocketSession::is_arriving_too_slowly(SteadyTime now) const {
  constexpr std::size_t slowest_bytes_per_second = std::size_t{16} << 10;
  if (large_.empty() || !reading_) return false;
  const std::chrono::milliseconds earned(filled_ * 1000 / slowest_bytes_per_second);
  return now - large_since_ >= group().limits().stall_timeout + earned;
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
  }
  read();
}

void WebSocketSession::take_message() {
  if (closing_) return;
  if (ws_.got_text() != (form_ == WireForm::json)) {
    refuse(0, Errc::malformed_message, {},
           form_ == WireForm::json ? "binary frames need the subprotocol tidemark.v1.cereal"
                                   : "text frames need the subprotocol tidemark.v1.json");
    return close(Errc::malformed_message);
  }
  const std::string_view bytes(large_.empty() ? small_.data() : large_.data(), filled_);
  auto message = decode_client(form_, bytes);
  if (!message) {
    const auto& fault = message.error();
    return refuse(fault.id, fault.code, {}, fault.text);
  }
  std::visit([this](auto&& m) { handle(std::forward<decltype(m)>(m)); }, std::move(*message));
}

// ---- answers ----

void WebSocketSession::answer(const ServerMessage& message) {
  if (over_) return;
  append_frame(form_, message, Payload::json, replies_);
  schedule();
}

void WebSocketSession::answer_failure(Failure&& failure) {
  group().counters().refusals[failure.code].add();
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
  deadline_ = std::chrono::steady_clock::now() + group().limits().close_timeout;
  schedule();
}

// ---- ping, publish ----

void WebSocketSession::handle(Ping&& message) { answer(Pong{message.id}); }

void WebSocketSession::handle(Publish&& message) {
  auto name = TopicName::parse(message.topic);
  if (!name) return refuse(message.id, name.errc(), message.topic);
  if (!caller().may(Right::publish, *name)) {
    return refuse(message.id, caller().refusal(), message.topic);
  }
  if (draining_) return refuse(message.id, Errc::shutting_down, message.topic);
  if (message.events.size() > group().limits().events_per_publish) {
    return refuse(message.id, Errc::too_many_events, message.topic);
  }
  auto publishing = std::make_unique<Publishing>(std::move(*name), shared_from_this(), message.id);
  publishing->events = std::move(message.events);
  publishing->producer = std::move(message.producer);
  publishing->expected_last = message.expected_last;
  publishing->content_type = std::move(message.content_type);
  if (!check_events(group().shard().store(), *publishing)) {
    return refuse(message.id, *publishing->error, message.topic, publishing->error_text);
  }
  if (const auto wait = group().admit_publish(Channel::websocket, publisher(caller()),
                                              publishing->topic, publishing->events);
      wait.count() > 0) {
    Failure failure;
    failure.id = message.id;
    failure.code = Errc::rate_limited;
    failure.topic = std::move(message.topic);
    failure.retry_after_ms = static_cast<std::uint64_t>(wait.count());
    return answer_failure(std::move(failure));
  }
  group().submit(std::move(publishing));
  ++publishes_;
}

void WebSocketSession::published(Publishing& request) {
  --publishes_;
  if (request.error) {
    Failure failure;
    failure.id = request.id;
    failure.code = *request.error;
    failure.text = std::move(request.error_text);
    failure.topic = request.topic.str();
    failure.head = request.head;
    failure.expected_sequence = request.expected_sequence;
    failure.producer_epoch = request.producer_epoch;
    answer_failure(std::move(failure));
  } else {
    answer(Published{request.id, request.topic.str(), request.epoch, request.offsets,
                     request.duplicate});
  }
  if (draining_ && publishes_ == 0) say_goodbye();
  read();
}

// ---- access ----

/// The time to wait before another try; nullopt: none, and this one is counted.
std::optional<milliseconds> WebSocketSession::wait_to_authenticate() {
  const auto now = std::chrono::steady_clock::now();
  const auto due = std::max(auth_next_, now);
  const auto ahead = due - now - (kAuthsAtOnce - 1) * kAuthPace;
  if (ahead > milliseconds(0)) return std::chrono::ceil<milliseconds>(ahead);
  auth_next_ = due + kAuthPace;
  return std::nullopt;
}

/// What comes behind this message is read when it is known who sent it.
void WebSocketSession::handle(Authenticate&& message) {
  if (!group().network().access) {  // every credential is as good as another
    return answer(ServerMessage(Authenticated{.id = message.id, .subject = {}, .expires = {}}));
  }
  if (const auto wait = wait_to_authenticate()) {
    Failure failure;
    failure.id = message.id;
    failure.code = Errc::rate_limited;
    failure.text = "a connection says who it is at most once a second";
    failure.retry_after_ms = static_cast<std::uint64_t>(wait->count());
    return answer_failure(std::move(failure));
  }
  authenticating_ = true;
  group().authenticator().ask(
      message.token, [self = shared_from_this(), id = message.id](const AuthOutcome& outcome) {
        self->authenticated(id, outcome);
      });
}

void WebSocketSession::authenticated(RequestId id, const AuthOutcome& outcome) {
  authenticating_ = false;
  if (over_ || closing_) return;
  if (const auto* const refusal = std::get_if<AccessRefusal>(&outcome)) {
    log_auth_refused(*refusal, client());
    note_auth(refusal->code == Errc::token_expired ? AuthEvent::expired : AuthEvent::refused);
    refuse(id, refusal->code, {});
    return close(refusal->code);
  }
  const auto& identity = std::get<std::shared_ptr<const Identity>>(outcome);
  if (caller().is_known() && !caller().identity()->same_client(*identity)) {
    group().counters().auth[AuthEvent::refused].add();
    refuse(id, Errc::unauthorized, {}, "the credential is not of the client this connection is of");
    return close(Errc::unauthorized);
  }
  note_auth(caller().is_known() ? AuthEvent::refreshed : AuthEvent::accepted);
  replace_caller(id, Caller(identity));
}

void WebSocketSession::note_auth(AuthEvent event) { group().counters().auth[event].add(); }

void WebSocketSession::replace_caller(RequestId id, Caller caller) {
  standing_.replace(std::move(caller));
  const auto& now = standing_.caller();
  answer(ServerMessage(
      Authenticated{.id = id, .subject = std::string(now.name()), .expires = now.expires()}));
  end_forbidden();
  // It may expire within the notice's time already. Reading goes on at the end of the turn.
  look_at_standing(std::chrono::steady_clock::now());
}

/// Its credential is over.
void WebSocketSession::end_for(AuthEvent event) {
  if (!closing_) note_auth(event);
  close(event == AuthEvent::ended ? Errc::token_expired : Errc::unauthorized);
}

/// Acts on what has become of the credential; false if the connection ends.
bool WebSocketSession::look_at_standing(SteadyTime now) {
  using Change = Standing::Change;
  const auto wall = group().wall_now();
  const auto change = standing_.look(wall);
  if (change == Change::expired) return end_for(AuthEvent::ended), false;
  if (change == Change::withdrawn) return end_for(AuthEvent::withdrawn), false;
  if (change == Change::rights) end_forbidden();
  if (change == Change::notice) {
    answer(TokenExpires{static_cast<std::uint32_t>(standing_.left(wall).count())});
  }
  if (caller().may_anything()) {
    auth_by_ = {};
  } else if (auth_by_ == SteadyTime{}) {
    auth_by_ = now + group().limits().handshake_timeout;
  } else if (now >= auth_by_ && !authenticating_) {
    return close(Errc::unauthorized), false;
  }
  return true;
}

/// Ends the subscriptions the caller has no right to, or not any more.
void WebSocketSession::end_forbidden() {
  for (const auto& follower : std::vector(followers_)) {
    const auto name = TopicName::parse(follower->topic);
    if (name && caller().may(Right::subscribe, *name)) continue;
    if (follower->cursor) {
      end(*follower, Errc::forbidden);
    } else {
      refuse(follower->id, Errc::forbidden, follower->topic);
      remove(*follower);
    }
  }
}

// ---- subscribe ----

WebSocketSession::Follower* WebSocketSession::find(std::string_view topic) const {
  for (const auto& follower : followers_) {
    if (follower->topic == topic) return follower.get();
  }
  return nullptr;
}

std::optional<Errc> WebSocketSession::refuse_subscribe(const Subscribe& message) const {
  if (draining_) return Errc::shutting_down;
  if (find(message.topic) != nullptr) return Errc::already_subscribed;
  if (followers_.size() >= group().limits().subscriptions_per_connection) {
    return Errc::too_many_subscriptions;
  }
  return std::nullopt;
}

void WebSocketSession::handle(Subscribe&& message) {
  const auto name = TopicName::parse(message.topic);
  if (!name) return refuse(message.id, name.errc(), message.topic);
  if (!caller().may(Right::subscribe, *name)) {
    return refuse(message.id, caller().refusal(), message.topic);
  }
  if (const auto code = refuse_subscribe(message)) {
    return refuse(message.id, *code, message.topic);
  }
  auto follower = std::make_shared<Follower>(*this, message.topic, message);
  followers_.push_back(follower);
  group().counters().subscriptions[Channel::websocket].add();

  auto& store = group().shard().store();
  const auto topic = store.find_open(*name);
  // Only a time has to be looked up on the disk.
  if (topic && !std::holds_alternative<StartTime>(message.start)) {
    return begin(*follower, topic, store.resolve(*topic, message.start));
  }
  open(follower, *name, std::move(message));
}

void WebSocketSession::open(const std::shared_ptr<Follower>& follower, const TopicName& name,
                            Subscribe&& message) {
  struct Found {
    std::shared_ptr<Topic> topic;
    Result<Position> start = Errc::unknown_topic;
  };
  auto found = std::make_shared<Found>();
  auto& shard = group().shard();
  shard.run_blocking(
      [found, &store = shard.store(), name, start = message.start] {
        auto topic = store.open_topic(name);
        if (!topic) {
          found->start = topic.errc();
          return;
        }
        found->topic = std::move(*topic);
        found->start = store.resolve(*found->topic, start);
      },
      [found, follower, self = shared_from_this()] {
        if (!follower->removed) self->begin(*follower, found->topic, found->start);
      });
}

void WebSocketSession::begin(Follower& follower, const std::shared_ptr<Topic>& topic,
                             Result<Position> start) {
  const auto fail = [&](Errc code, std::optional<Gap> gap) {
    Failure failure;
    failure.id = follower.id;
    failure.code = code;
    failure.topic = follower.topic;
    failure.gap = gap;
    remove(follower);
    answer_failure(std::move(failure));
  };
  if (!start) return fail(start.errc(), std::nullopt);
  if (topic->deleted()) return fail(Errc::unknown_topic, std::nullopt);
  follower.cursor.emplace(topic, *start, follower.on_gap);
  const auto gap = follower.cursor->gap_at_start();
  if (gap && follower.on_gap == OnGap::fail) return fail(errc_of(gap->cause), gap);

  // Attach, then read: an event shown in between wakes us, and is found anyway.
  group().shard().attach(topic, follower);
  const auto bounds = topic->bounds();
  Subscribed subscribed;
  subscribed.id = follower.id;
  subscribed.topic = follower.topic;
  subscribed.position = *start;
  subscribed.head = bounds.head;
  subscribed.earliest = bounds.earliest;
  subscribed.content_type = topic->content_type();
  answer(ServerMessage(std::move(subscribed)));
  follower.make_ready();
}

void WebSocketSession::handle(Unsubscribe&& message) {
  auto* follower = find(message.topic);
  if (follower == nullptr) return refuse(message.id, Errc::not_subscribed, message.topic);
  // A subscribe that is still on its way gets its answer before the one that takes it back.
  if (!follower->cursor) refuse(follower->id, Errc::cancelled, message.topic);
  remove(*follower);
  answer(Unsubscribed{message.id, std::move(message.topic), std::nullopt});
}

void WebSocketSession::remove(const Follower& follower) {
  const auto found =
      std::ranges::find(followers_, &follower, [](const auto& f) { return f.get(); });
  if (found == followers_.end()) return;
  const auto keep = *found;
  keep->removed = true;
  keep->Waiter::unlink();
  keep->Ready::unlink();
  followers_.erase(found);
  group().counters().subscriptions[Channel::websocket].take();
}

// ---- sending ----

void WebSocketSession::prefetch() const {
  prefetch_lines(&ws_.next_layer(), sizeof(FanoutStream));
  if (ready_.empty()) return;
  prefetch_lines(&static_cast<const Follower&>(ready_.front()), sizeof(Follower));
}

void WebSocketSession::flush() {
  if (over_ || !open_) return;
  for (int steps = 0; stream().free(); ++steps) {
    forget_sent();
    if (steps == kStepsPerFlush) {
      schedule();
      break;
    }
    if (!replies_.empty()) {
      send_replies();
      continue;
    }
    if (closing_) return start_close();
    if (ready_.empty()) break;
    const auto follower = static_cast<Follower&>(ready_.front()).shared_from_this();
    ready_.pop_front();
    if (serve(*follower)) follower->enqueue();
  }
  read();
}

/// The stream is free, so what was being sent has gone.
void WebSocketSession::forget_sent() {
  run_.segment.reset();
  if (sending_.empty()) return;
  sending_.clear();
  if (sending_.capacity() > kKeptReplies) sending_ = {};
}

void WebSocketSession::send_replies() {
  replies_.swap(sending_);
  group().counters().bytes_out[Channel::websocket].add(sending_.size());
  stream().send_run(sending_);
}

/// One step of a cursor; true if there may be more.
bool WebSocketSession::serve(Follower& follower) {
  auto next = follower.cursor->next(group().shard().store(), group().counters().reads);
  if (auto* events = std::get_if<step::Events>(&next)) {
    send_events(follower, events->slice);
    return true;
  }
  if (auto* epoch = std::get_if<step::Epoch>(&next)) {
    append_frame(form_, std::move(epoch->notice), Payload::json, replies_);
    return true;
  }
  if (auto* gap = std::get_if<step::Gap>(&next)) {
    append_frame(form_, std::move(gap->notice), Payload::json, replies_);
    return true;
  }
  if (auto* caught_up = std::get_if<step::CaughtUp>(&next)) {
    append_frame(form_, std::move(caught_up->message), Payload::json, replies_);
    return true;
  }
  if (std::holds_alternative<step::Load>(next)) {
    load(follower);
  } else if (auto* ended = std::get_if<step::Ended>(&next)) {
    end(follower, ended->reason);
  }
  return false;
}

void WebSocketSession::send_events(Follower& follower, const storage::Slice& slice) {
  auto& shard = group().shard();
  run_ = shard.frames(*follower.cursor->topic(), slice, frame_form(form_),
                      group().limits().bytes_in_flight);
  follower.cursor->advance(Offset{run_.run.offsets.end.value - 1});
  auto& counters = group().counters();
  counters.events_out[Channel::websocket].add(run_.run.offsets.count());
  counters.bytes_out[Channel::websocket].add(run_.run.bytes);
  stream().send_run({run_.run.data, run_.run.bytes});
}

void WebSocketSession::load(Follower& follower) {
  follower.loading = true;
  const auto& cursor = *follower.cursor;
  group().shard().load(
      cursor.topic(), cursor.position().offset,
      [keep = follower.shared_from_this(), self = shared_from_this()](const Result<void>& loaded) {
        keep->loading = false;
        if (keep->removed) return;
        if (!loaded) return self->end(*keep, loaded.errc());
        keep->make_ready();
      });
}

/// The subscription is over without the client's doing.
void WebSocketSession::end(Follower& follower, Errc reason) {
  const auto keep = follower.shared_from_this();
  remove(follower);
  answer(Unsubscribed{0, follower.topic, reason});
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
  if (open_ && publishes_ == 0) say_goodbye();
}

void WebSocketSession::abort() {
  if (over_) return;
  over_ = true;
  group().counters().subscriptions[Channel::websocket].take(followers_.size());
  for (const auto& follower : std::exchange(followers_, {})) {
    follower->removed = true;
    follower->Waiter::unlink();
    follower->Ready::unlink();
  }
  stream().abort();
  run_.segment.reset();
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
  blocked_since_ = {};
  give_back_memory();
  if (is_arriving_too_slowly(now)) {
    group().counters().timeouts[TimeLimit::stall].add();
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

/// The client takes nothing. First its share of the events' memory becomes its own, so that it
/// holds no segment; then it is closed. It loses nothing: it resumes.
void WebSocketSession::sweep_blocked(SteadyTime now) {
  const bool moved = stream().sent_bytes() != blocked_at_;
  if (moved || blocked_since_ == SteadyTime{}) {
    blocked_at_ = stream().sent_bytes();
    blocked_since_ = now;
    return;
  }
  if (now - blocked_since_ >= group().limits().stall_timeout) return time_out(TimeLimit::stall);
  if (!run_.segment || now - blocked_since_ < kReleaseAfter) return;
  sending_.assign(stream().rest());
  stream().move_rest(sending_.data());
  run_.segment.reset();
}

}  // namespace tidemark::broker

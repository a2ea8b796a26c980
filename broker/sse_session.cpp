// One connection that is a stream of events: Server-Sent Events.
// broker/: see sse_session.hpp. The format: HTML Living Standard, 9.2, "Server-sent events".
#include "broker/sse_session.hpp"

#include <array>

#include "broker/live_interval.hpp"
#include "broker/wall_clock.hpp"
#include "protocol/json_text.hpp"
#include "protocol/position_token.hpp"

namespace tidemark::broker {

using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

// Enough to fill a socket's buffer; more would only delay the other sessions of the thread.
constexpr int kStepsPerFlush = 8;
// A stalled client's events are copied after this long, so that it keeps no segment from being
// freed.
constexpr std::chrono::seconds kReleaseAfter{1};
// Proxies cut connections on which nothing comes; 30 s is the shortest that is usual.
constexpr std::chrono::seconds kKeepAlive{15};
// A client that comes back because its stream has reached its age misses this much of live.
constexpr milliseconds kReconnectSoon{100};
constexpr milliseconds kReconnect{1'000};
// A reader has nothing to say. What it says is dropped, and this much of it is enough.
constexpr std::size_t kMostHeard = std::size_t{64} << 10;
constexpr std::size_t kKeptBuffer = std::size_t{4} << 10;

void append_retry(std::string& out, milliseconds time) {
  out += "retry:";
  append_number(out, static_cast<std::uint64_t>(time.count()));
  out += "\n\n";
}

void append_json_gap(std::string& out, const Gap& gap) {
  out += R"({"code":")";
  out += info(errc_of(gap.cause)).name;
  out += R"(","cause":")";
  out += to_string(gap.cause);
  out += R"(","lost":{"first":)";
  append_number(out, gap.lost.first.value);
  out += R"(,"end":)";
  append_number(out, gap.lost.end.value);
  out += R"(},"epoch":)";
  append_number(out, gap.epoch.value);
  out += R"(,"earliest":)";
  append_number(out, gap.earliest.value);
  out += R"(,"head":)";
  append_number(out, gap.head.value);
  out += '}';
}

}  // namespace

SseSession::SseSession(ConnectionGroup& group, ConnectionSlot slot, Transport transport,
                       EventStreamStart start)
    : Connection(group, std::move(slot)),
      transport_(std::move(transport)),
      sender_(transport_, *this),
      cursor_(std::move(start.cursor)),
      payload_(stream_payload_of(cursor_.topic()->content_type())),
      client_cursor_(start.client_cursor),
      on_gap_(start.on_gap),
      filter_(std::move(start.filter)),
      standing_(group.network().access.get(), std::move(start.caller)),
      feed_(std::move(start.state)) {
  group.counters().connections[Channel::sse].add();
  group.counters().subscriptions[Channel::sse].add();
}

SseSession::~SseSession() {
  group().counters().connections[Channel::sse].take();
  group().counters().subscriptions[Channel::sse].take();
}

void SseSession::start(const HeadContext& context) {
  // Attach, then read: an event shown in between wakes us, and is found anyway.
  group().shard().attach(cursor_.topic(), *this);
  if (feed_) watch_feed();
  const auto now = std::chrono::steady_clock::now();
  const auto lifetime = group().limits().sse_lifetime;
  // Spread by a tenth, so that clients that came at once do not come back at once.
  if (lifetime.count() > 0) end_at_ = now + lifetime - lifetime * (group().random() % 100) / 1'000;
  alive_until_ = now + kKeepAlive;
  HttpReply head{.status = 200,
                 .content_type = "text/event-stream",
                 .cache_control = standing_.caller().is_known() ? "private, no-cache, no-transform"
                                                                : "no-cache, no-transform",
                 .endless = true};
  head.add("X-Accel-Buffering", "no");  // nginx would wait for more
  if (payload_ == Payload::bytes) head.add("Stream-SSE-Data-Encoding", "base64");
  append_head(head, context, front_);
  append_retry(front_, kReconnect);
  send();
  watch_client();
  schedule();
  // The group's last visit may have been before.
  if (group().network().stopping) drain();
}

/// Hears nothing but the end.
void SseSession::watch_client() {
  transport_.wait(Ready::to_receive, [self = shared_from_this()](error_code error) {
    if (self->over_) return;
    if (error) return self->abort();
    std::array<char, 4096> bytes;  // NOLINT: filled by receive
    const Transfer got = self->transport_.receive(bytes);
    self->heard_ += got.bytes;
    const bool there = got.moved() || got.blocked();
    if (!there || self->heard_ > kMostHeard) return self->abort();
    self->watch_client();
  });
}

// ---- sending ----

void SseSession::prefetch() const { prefetch_lines(this, sizeof *this); }

void SseSession::pieces_sent() { schedule(); }

void SseSession::flush() {
  if (over_ || closing_) return;
  for (int steps = 0; sender_.idle(); ++steps) {
    forget_sent();
    if (ending_) {
      if (!tell_return()) return end();
      continue;  // nothing but the end follows, once that has gone
    }
    if (steps == kStepsPerFlush) return schedule();
    if (!serve()) return;
  }
}

/// The sender is idle, so what was being sent has gone.
void SseSession::forget_sent() {
  run_.segment.reset();
  part_.reset();
  for (std::string* const buffer : {&front_, &back_}) {
    buffer->clear();
    if (buffer->capacity() > kKeptBuffer) *buffer = {};
  }
}

/// One step of the cursor; false if there is nothing to do until something happens.
bool SseSession::serve() {
  if (loading_) return false;
  if (feed_) return serve_state();
  auto next = cursor_.next(group().shard().store(), group().counters().reads);
  if (const auto* events = std::get_if<step::Events>(&next)) return take_events(events->slice);
  if (const auto* gap = std::get_if<step::Gap>(&next)) {
    send_gap(gap->notice.gap);
    return true;
  }
  if (std::holds_alternative<step::Wait>(next)) return tell_tail();
  if (std::holds_alternative<step::Load>(next)) {
    load();
    return false;
  }
  if (std::holds_alternative<step::State>(next)) ask_for_state();
  // Positions carry their epoch, and what is caught up is told with the events.
  if (std::holds_alternative<step::Ended>(next)) ending_ = true;
  return true;
}

/// What is lost, and the place to go on from: the cursor has moved there, or is to end, or has to
/// have the state first.
void SseSession::send_gap(const Gap& gap) {
  owes_state_ = !cursor_.ended() && on_gap_ == OnGap::state;
  const bool goes_on = !cursor_.ended() && !owes_state_;
  if (goes_on) append_id(front_);  // else the client keeps the one it has
  front_ += "event: gap\ndata:";
  append_json_gap(front_, gap);
  front_ += "\n\n";
  send();
}

/// Says once that there is no more yet, or for good; true if the cursor is to be asked again.
bool SseSession::tell_tail() {
  const auto end = end_if_reached();
  if (!end) return true;  // something has come since the cursor looked
  if (told_tail_ == end->tail.offset && !end->closed) return false;
  append_control(front_);
  send();
  return true;
}

std::optional<storage::Topic::End> SseSession::end_if_reached() const {
  auto end = cursor_.topic()->end();
  if (end.tail.offset != cursor_.position().offset) return std::nullopt;
  return end;
}

/// In the epoch of its event, as every other answer has it.
Position SseSession::position() const {
  const Offset offset = cursor_.position().offset;
  return {.epoch = cursor_.topic()->epoch_at(offset).start.epoch, .offset = offset};
}

void SseSession::append_id(std::string& out) const {
  out += "id:";
  out += to_token(position());
  out += '\n';
}

/// Where the reader is now, and whether there is more.
void SseSession::append_control(std::string& out) {
  passed_over_ = 0;
  const auto end = end_if_reached();
  const std::string token = to_token(position());
  out.append("id:").append(token).append("\nevent: control\ndata:{\"streamNextOffset\":\"");
  out.append(token) += '"';
  if (end && end->closed) {
    out += ",\"streamClosed\":true";
    ending_ = true;
  } else {
    out += ",\"streamCursor\":\"";
    append_number(out, next_cursor(wall_now(), client_cursor_, group().random()));
    out += '"';
  }
  if (end) {
    out += ",\"upToDate\":true";
    told_tail_ = end->tail.offset;
  }
  out += "}\n\n";
}

void SseSession::send(std::string_view run) {
  sender_.add(front_);
  sender_.add(run);
  sender_.add(back_);
  alive_until_ = group().now() + kKeepAlive;
  group().counters().bytes_out[Channel::sse].add(front_.size() + run.size() + back_.size());
  static_cast<void>(sender_.send());  // what is parked comes back as pieces_sent()
}

void SseSession::load() {
  loading_ = true;
  group().shard().load(cursor_.topic(), cursor_.position().offset,
                       [self = shared_from_this()](const Result<void>& loaded) {
                         self->loading_ = false;
                         if (!loaded) self->ending_ = true;
                         if (!self->over_) self->schedule();
                       });
}

// ---- the end ----

/// The client is to come back: to us later, or to whoever is started after us. It is told so behind
/// what is just being sent to it: under load every client is in the middle of something.
void SseSession::finish(milliseconds come_back_after) {
  if (over_ || ending_) return;
  ending_ = true;
  come_back_after_ = come_back_after;
  schedule();
}

/// True if the client is just being told when to come back; once.
bool SseSession::tell_return() {
  const auto after = std::exchange(come_back_after_, std::nullopt);
  if (!after) return false;
  append_retry(front_, *after);
  send();
  return true;
}

/// All has been sent. The client is to see the end, not a reset, so it closes first.
void SseSession::end() {
  closing_ = true;
  Waiter::unlink();
  feed_.reset();
  end_at_ = std::chrono::steady_clock::now() + group().limits().close_timeout;
  if (transport_.end_sending(shared_from_this())) abort();
}

void SseSession::drain() {
  if (!closing_) finish(group().reconnect_delay());
}

void SseSession::abort() {
  if (over_) return;
  over_ = true;
  Waiter::unlink();
  transport_.close();
  run_.segment.reset();
  feed_.reset();
}

// ---- looking after it ----

void SseSession::time_out(TimeLimit limit) {
  group().counters().timeouts[limit].add();
  abort();
}

void SseSession::count_cursors(CursorCensus& census) const {
  if (!over_) census.count(cursor_.is_cold(), cursor_.behind());
}

void SseSession::sweep(SteadyTime now) {
  if (over_) return;
  if (closing_) {
    if (now >= end_at_) time_out(TimeLimit::close);
    return;
  }
  if (!may_go_on()) finish(kReconnectSoon);
  if (!sender_.idle()) return sweep_blocked(now);
  blocked_since_ = {};
  // Who has half of a state would have to begin with it again.
  if (end_at_ != SteadyTime{} && now >= end_at_ && !feed_) return finish(kReconnectSoon);
  if (now < alive_until_ || ending_ || loading_) return;
  forget_sent();
  if (feed_ || owes_state_) {
    front_ += ":\n\n";  // a comment: it is nowhere yet
  } else {
    append_control(front_);
  }
  send();
  schedule();
}

/// False when the credential has expired or was withdrawn, or the right was. Who comes back then is
/// told by a status.
bool SseSession::may_go_on() {
  using Change = Standing::Change;
  const auto change = standing_.look(group().wall_now());
  if (change == Change::expired || change == Change::withdrawn) {
    const auto event = change == Change::expired ? AuthEvent::ended : AuthEvent::withdrawn;
    if (!ending_) group().counters().auth[event].add();
    return false;
  }
  if (change != Change::rights) return true;
  return standing_.caller().may(Right::subscribe, cursor_.topic()->name());
}

/// The client takes nothing. First its share of the events' memory becomes its own, so that it
/// holds no segment; then it is closed. It loses nothing: it resumes.
void SseSession::sweep_blocked(SteadyTime now) {
  if (blocked_since_ == SteadyTime{} || blocked_at_ != sender_.sent_bytes()) {
    blocked_at_ = sender_.sent_bytes();
    blocked_since_ = now;
    return;
  }
  if (now - blocked_since_ >= group().limits().stall_timeout) return time_out(TimeLimit::stall);
  if (!run_.segment || now - blocked_since_ < kReleaseAfter) return;
  front_ = sender_.rest();
  sender_.move_rest(front_);
  back_ = {};
  run_.segment.reset();
}

}  // namespace tidemark::broker

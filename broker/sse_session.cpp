// One connection that is a stream of events: Server-Sent Events.
// broker/: see sse_session.hpp. The format: HTML Living Standard, 9.2, "Server-sent events".
#include "broker/sse_session.hpp"

#include <algorithm>
#include <array>

#include "broker/durable_dialect.hpp"
#include "broker/message_dialect.hpp"
#include "broker/stalled.hpp"

namespace tidemark::broker {

using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

// Enough to fill a socket's buffer; more would only delay the other sessions of the thread.
constexpr int kStepsPerFlush = 8;
// Proxies cut connections on which nothing comes; 30 s is the shortest that is usual.
constexpr std::chrono::seconds kKeepAlive{15};
// A client that comes back because its stream has reached its age misses this much of live.
constexpr milliseconds kReconnectSoon{100};
constexpr milliseconds kReconnect{1'000};
// A reader has nothing to say. What it says is dropped, and this much of it is enough.
constexpr std::size_t kMostHeard = std::size_t{64} << 10;

std::unique_ptr<SseDialect> dialect_of(const EventStreamStart& start, const Cursor& cursor,
                                       ConnectionGroup& group) {
  if (start.messages) return std::make_unique<MessageDialect>(cursor, *start.messages);
  return std::make_unique<DurableDialect>(cursor, group, start.client_cursor);
}

}  // namespace

SseSession::SseSession(ConnectionGroup& group, ConnectionSlot slot, Transport transport,
                       EventStreamStart start)
    : Connection(group, std::move(slot)),
      transport_(std::move(transport)),
      sender_(transport_, *this),
      cursor_(std::move(start.cursor)),
      dialect_(dialect_of(start, cursor_, group)),
      on_gap_(start.on_gap),
      filter_(std::move(start.filter)),
      standing_(group.network().access.get(), std::move(start.caller)),
      bounded_(start.messages.value_or(StreamsUntil::left) != StreamsUntil::left),
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
  const auto now = group().clock();
  const auto lifetime = group().limits().sse_lifetime;
  end_at_ = SteadyTime::max();
  // Spread by a tenth, so that clients that came at once do not come back at once.
  if (lifetime.count() > 0) end_at_ = now + lifetime - lifetime * (group().random() % 100) / 1'000;
  if (bounded_) end_at_ = std::min(end_at_, now + group().limits().long_poll_timeout);
  alive_until_ = now + kKeepAlive;
  HttpReply head{.status = 200,
                 .content_type = "text/event-stream",
                 .cache_control = standing_.caller().is_known() ? "private, no-cache, no-transform"
                                                                : "no-cache, no-transform",
                 .endless = true};
  head.add("X-Accel-Buffering", "no");  // nginx would wait for more
  dialect_->add_fields(head);
  append_head(head, context, out_.front);
  append_retry(out_.front, kReconnect);
  dialect_->begin(out_);
  send();
  sent_ = 0;
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
      if (!say_farewell()) return end();
      continue;  // nothing but the end follows, once that has gone
    }
    if (steps == kStepsPerFlush) return schedule();
    if (!serve()) return;
  }
}

/// The sender is idle, so what was being sent has gone.
void SseSession::forget_sent() { out_.clear(); }

/// One step of the cursor; false if there is nothing to do until something happens.
bool SseSession::serve() {
  if (loading_) return false;
  if (feed_) return serve_state();
  if (is_full()) {
    finish({.why = SseEnd::Why::pause});
    return true;
  }
  auto next = cursor_.next(group().shard().store(), group().counters().reads);
  if (const auto* events = std::get_if<step::Events>(&next)) return take_events(events->slice);
  if (std::holds_alternative<step::Wait>(next)) return tell_tail();
  if (std::holds_alternative<step::Load>(next)) {
    load();
    return false;
  }
  notify(std::move(next));
  return true;
}

/// Of what is neither an event nor a reason to wait.
void SseSession::notify(Step&& step) {
  if (auto* epoch = std::get_if<step::Epoch>(&step)) {
    dialect_->epoch(std::move(epoch->notice), out_);
  } else if (auto* gap = std::get_if<step::Gap>(&step)) {
    tell_gap(std::move(gap->notice));
  } else if (auto* caught_up = std::get_if<step::CaughtUp>(&step)) {
    tell_place();
    dialect_->caught_up(std::move(caught_up->message), out_);
  } else if (const auto* ended = std::get_if<step::Ended>(&step)) {
    return finish({.why = SseEnd::Why::over, .reason = ended->reason});
  } else {
    return ask_for_state();
  }
  send();
}

/// An answer that is read whole is to end; a state that has to come is part of it.
bool SseSession::is_full() const {
  return bounded_ && !owes_state_ && sent_ >= group().limits().catch_up_bytes;
}

void SseSession::tell_gap(GapNotice&& notice) {
  owes_state_ = !cursor_.ended() && on_gap_ == OnGap::state;
  passed_over_ = 0;
  dialect_->gap(std::move(notice), !cursor_.ended() && !owes_state_, out_);
}

/// There is no more yet, or for good; true if the cursor is to be asked again.
bool SseSession::tell_tail() {
  const auto end = end_if_reached(cursor_);
  if (!end) return true;  // something has come since the cursor looked
  tell_place();
  dialect_->tail(*end, out_);
  if (out_.size() == 0) return false;
  send();
  return true;
}

/// Once for however many events in a row were not for this reader.
void SseSession::tell_place() {
  if (std::exchange(passed_over_, 0) > 0) dialect_->place(out_);
}

void SseSession::send() {
  if (out_.size() == 0) return;
  if (out_.last) ending_ = true;
  sender_.add(out_.front);
  sender_.add(out_.run);
  sender_.add(out_.back);
  alive_until_ = group().now() + kKeepAlive;
  sent_ += out_.size();
  group().counters().bytes_out[Channel::sse].add(out_.size());
  static_cast<void>(sender_.send());  // what is parked comes back as pieces_sent()
}

void SseSession::load() {
  loading_ = true;
  group().shard().load(cursor_.topic(), cursor_.position().offset,
                       [self = shared_from_this()](const Result<void>& loaded) {
                         self->loading_ = false;
                         if (self->over_) return;
                         if (loaded) return self->schedule();
                         self->finish({.why = SseEnd::Why::over, .reason = loaded.errc()});
                       });
}

// ---- the end ----

/// The client is told so behind what is just being sent to it: under load every client is in the
/// middle of something.
void SseSession::finish(const SseEnd& end) {
  if (over_ || ending_) return;
  ending_ = true;
  farewell_ = end;
  schedule();
}

/// True if the client is just being told why and when to come back; once.
bool SseSession::say_farewell() {
  const auto farewell = std::exchange(farewell_, std::nullopt);
  if (!farewell) return false;
  dialect_->end(*farewell, placed(), out_);
  if (out_.size() == 0) return false;
  send();
  return true;
}

/// All has been sent. The client is to see the end, not a reset, so it closes first.
void SseSession::end() {
  closing_ = true;
  Waiter::unlink();
  feed_.reset();
  end_at_ = group().clock() + group().limits().close_timeout;
  if (transport_.end_sending(shared_from_this())) abort();
}

void SseSession::drain() {
  if (closing_) return;
  finish({.why = SseEnd::Why::stop, .come_back_after = group().reconnect_delay()});
}

void SseSession::abort() {
  if (over_) return;
  over_ = true;
  Waiter::unlink();
  transport_.close();
  out_.segment.reset();
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
  if (const auto ended = end_of_standing()) finish(*ended);
  if (!sender_.idle()) return sweep_blocked(now);
  blocked_since_ = {};
  // Who has half of a state would have to begin with it again.
  if (now >= end_at_ && !feed_) {
    return finish({.why = SseEnd::Why::pause, .come_back_after = kReconnectSoon});
  }
  if (now < alive_until_ || ending_ || loading_) return;
  forget_sent();
  dialect_->keep_alive(placed(), out_);
  send();
  schedule();
}

/// Given when the credential has expired or was withdrawn, or the right was. Who comes back then is
/// told by a status.
std::optional<SseEnd> SseSession::end_of_standing() {
  using Change = Standing::Change;
  const auto change = standing_.look(group().wall_now());
  if (change == Change::expired || change == Change::withdrawn) {
    const auto event = change == Change::expired ? AuthEvent::ended : AuthEvent::withdrawn;
    if (!ending_) group().counters().auth[event].add();
    return SseEnd{.why = SseEnd::Why::pause, .come_back_after = kReconnectSoon};
  }
  if (change != Change::rights) return std::nullopt;
  if (standing_.caller().may(Right::subscribe, cursor_.topic()->name())) return std::nullopt;
  return SseEnd{
      .why = SseEnd::Why::over, .reason = Errc::forbidden, .come_back_after = kReconnectSoon};
}

/// The client takes nothing. First its share of the events' memory becomes its own, if that lets a
/// segment be freed; then it is closed. It loses nothing: it resumes.
void SseSession::sweep_blocked(SteadyTime now) {
  if (blocked_since_ == SteadyTime{} || blocked_at_ != sender_.sent_bytes()) {
    blocked_at_ = sender_.sent_bytes();
    blocked_since_ = now;
    return;
  }
  if (now - blocked_since_ >= group().limits().stall_timeout) return time_out(TimeLimit::stall);
  if (!out_.segment || now - blocked_since_ < kReleaseAfter) return;
  const auto holders = static_cast<std::size_t>(out_.segment.use_count());
  if (!copies_free_memory(holders, sender_.rest_bytes(), out_.segment->memory())) return;
  out_.front = sender_.rest();
  sender_.move_rest(out_.front);
  out_.run = {};
  out_.back = {};
  out_.segment.reset();
}

}  // namespace tidemark::broker

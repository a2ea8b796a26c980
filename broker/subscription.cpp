// A subscription inside the process: see subscription.hpp.
// broker/: the simplest owner of a cursor; what it does, a network session does with sockets.
#include "broker/subscription.hpp"

#include <atomic>
#include <mutex>
#include <thread>

namespace tidemark::broker {

namespace {

// Events handed over in one turn of the loop: enough that the turn's own cost (a post, about 1 µs)
// does not show, few enough that a long replay doesn't hold up the shard's other readers.
constexpr std::size_t kEventsPerTurn = 256;

// A source that retention outruns is run again; if it does so each time the reader is told the gap.
constexpr unsigned kMostRuns = 3;

Result<StateBundle> build(const InitialStateSource& source, Position taken) {
  try {
    return source(taken);
  } catch (...) {  // the application's code; what it threw concerns this subscription only
    return Errc::cancelled;
  }
}

/// The making of an initial state.
struct Joining {
  InitialStateSource source;
  OnGap on_gap = OnGap::fail;
  unsigned runs = 0;
  Position taken;      ///< before the source is called
  storage::Hold hold;  ///< on what follows
  Result<StateBundle> bundle = Errc::cancelled;
};

}  // namespace

/// Two locks, taken in this order: `running_` is held while callbacks are called, so that closing
/// can wait for them; `position_mutex_` for a moment.
class Subscription::Impl final : public Waiter,
                                 public Flushable,
                                 public std::enable_shared_from_this<Impl> {
 public:
  Impl(Shard& shard, Cursor cursor, SubscriptionHandler handler)
      : shard_(shard),
        link_(shard.link()),
        cursor_(std::move(cursor)),
        handler_(std::move(handler)),
        position_(cursor_.position()) {}

  void start() {
    link_->post([self = shared_from_this()] { self->begin(); });
  }
  void start(InitialStateSource source, OnGap on_gap);
  void close();
  [[nodiscard]] Position position() const {
    const std::lock_guard lock(position_mutex_);
    return position_;
  }

  void wake() override { shard_.schedule(*this, shared_from_this()); }
  void flush() override {
    run([this] { step(); });
  }

 private:
  /// Runs `body`, which calls the application, so that close() waits for it; not at all once
  /// closed. On the shard's thread, apart from the source of an initial state.
  template <class Body>
  void run(const Body& body);

  void begin();
  void run_source(std::shared_ptr<Joining> joining);
  void begin_after(const std::shared_ptr<Joining>& joining);
  void step();
  bool take(Step step);
  bool take_events(const storage::Slice& slice);
  void load();
  void end(Errc reason);
  void remember(Position position) {
    const std::lock_guard lock(position_mutex_);
    position_ = position;
  }

  // The shard's thread only, and not after the shard: its link is asked before every post.
  Shard& shard_;
  const std::shared_ptr<ShardLink> link_;
  Cursor cursor_;
  std::size_t budget_ = 0;
  bool loading_ = false;
  bool over_ = false;

  std::mutex running_;
  std::atomic<std::thread::id> runner_;  ///< who holds running_ to call callbacks
  bool closed_ = false;                  ///< running_
  SubscriptionHandler handler_;          ///< running_

  mutable std::mutex position_mutex_;
  Position position_;
};

template <class Body>
void Subscription::Impl::run(const Body& body) {
  SubscriptionHandler done_with;  // destroyed after the lock: it may hold anything
  const std::lock_guard lock(running_);
  if (closed_ || over_) return;
  runner_ = std::this_thread::get_id();
  try {
    body();
  } catch (...) {
    try {
      end(Errc::cancelled);
    } catch (...) {  // on_end itself; there is nobody left to tell
    }
  }
  runner_ = std::thread::id();
  if (closed_) std::swap(done_with, handler_);
}

void Subscription::Impl::close() {
  SubscriptionHandler done_with;
  if (runner_ == std::this_thread::get_id()) {
    closed_ = true;  // in a callback of its own, which still needs the handler
  } else {
    const std::lock_guard lock(running_);
    closed_ = true;
    std::swap(done_with, handler_);
  }
  // A waiter is the shard's thread's to unlink. If the shard is gone it is unlinked already.
  link_->post([self = shared_from_this()] { self->unlink(); });
}

void Subscription::Impl::begin() {
  if (over_) return;
  shard_.attach(cursor_.topic(), *this);
  shard_.schedule(*this, shared_from_this());
}

void Subscription::Impl::start(InitialStateSource source, OnGap on_gap) {
  remember({});
  auto joining = std::make_shared<Joining>();
  joining->source = std::move(source);
  joining->on_gap = on_gap;
  run_source(std::move(joining));
}

void Subscription::Impl::run_source(std::shared_ptr<Joining> joining) {
  // Taken before the source is called: a position covers whatever happens while it works.
  const auto& topic = cursor_.topic();
  const storage::Bounds now = topic->bounds();
  joining->taken = {.epoch = now.epoch, .offset = now.head};
  joining->hold = storage::Topic::hold(topic, now.head, std::chrono::steady_clock::now());
  ++joining->runs;
  shard_.run_blocking(
      [self = shared_from_this(), joining] {
        self->run([&] { joining->bundle = build(joining->source, joining->taken); });
      },
      [self = shared_from_this(), joining] { self->run([&] { self->begin_after(joining); }); });
}

void Subscription::Impl::begin_after(const std::shared_ptr<Joining>& joining) {
  const auto& bundle = joining->bundle;
  if (!bundle) return end(bundle.errc());
  const auto& topic = cursor_.topic();
  const auto after = position_after(*bundle, joining->taken, topic->bounds().head);
  if (!after) return end(after.errc());
  // The hold before the look, so that what is seen is there when the cursor begins.
  joining->hold = storage::Topic::hold(topic, after->offset, std::chrono::steady_clock::now());
  const bool outrun = topic->read(*after).state == storage::ReadAnswer::State::gap;
  if (outrun && joining->runs < kMostRuns) return run_source(joining);
  cursor_ = Cursor(topic, *after, joining->on_gap);
  if (handler_.on_state) handler_.on_state(bundle->data, *after);
  if (closed_) return;
  remember(*after);
  begin();
}

void Subscription::Impl::step() {
  if (loading_) return;
  budget_ = kEventsPerTurn;
  while (take(cursor_.next(shard_.store(), shard_.counters().reads))) {
    if (closed_) return;
    remember(cursor_.position());
    if (budget_ == 0) return shard_.schedule(*this, shared_from_this());
  }
}

/// Does the step; false if there is nothing more to do now.
bool Subscription::Impl::take(Step step) {
  struct {
    Impl& self;
    bool operator()(const step::Events& s) const { return self.take_events(s.slice); }
    bool operator()(const step::Epoch& s) const {
      if (self.handler_.on_epoch) self.handler_.on_epoch(s.notice);
      return true;
    }
    bool operator()(const step::Gap& s) const {
      if (self.handler_.on_gap) self.handler_.on_gap(s.notice.gap);
      return true;
    }
    bool operator()(const step::CaughtUp& s) const {
      if (self.handler_.on_caught_up) self.handler_.on_caught_up(s.message.offset);
      return true;
    }
    bool operator()(const step::Load&) const { return self.load(), false; }
    bool operator()(const step::State&) const { return self.end(Errc::no_state), false; }
    bool operator()(const step::Wait&) const { return false; }
    bool operator()(const step::Ended& s) const { return self.end(s.reason), false; }
  } visitor{*this};
  return std::visit(visitor, step);
}

bool Subscription::Impl::take_events(const storage::Slice& slice) {
  const Epoch epoch = slice.segment->epoch();
  for (Offset at = slice.offsets.first; at < slice.offsets.end && budget_ > 0; at = at.next()) {
    if (handler_.on_event) handler_.on_event(slice.segment->event(at), epoch);
    if (closed_) return false;
    cursor_.advance(at);
    remember({.epoch = epoch, .offset = at});
    --budget_;
  }
  return true;
}

void Subscription::Impl::load() {
  loading_ = true;
  shard_.load(cursor_.topic(), cursor_.position().offset,
              [self = shared_from_this()](const Result<void>& loaded) {
                self->loading_ = false;
                if (loaded) return self->shard_.schedule(*self, self);
                const Errc reason = loaded.errc();
                self->run([&] { self->end(reason); });
              });
}

void Subscription::Impl::end(Errc reason) {
  over_ = true;
  unlink();
  if (handler_.on_end && !closed_) handler_.on_end(reason);
}

Subscription::~Subscription() { impl_->close(); }

std::unique_ptr<Subscription> Subscription::follow(Shard& shard, Cursor cursor,
                                                   SubscriptionHandler handler) {
  auto impl = std::make_shared<Impl>(shard, std::move(cursor), std::move(handler));
  impl->start();
  return std::make_unique<Subscription>(std::move(impl));
}

std::unique_ptr<Subscription> Subscription::join(Shard& shard,
                                                 std::shared_ptr<storage::Topic> topic,
                                                 InitialStateSource source, OnGap on_gap,
                                                 SubscriptionHandler handler) {
  const storage::Bounds now = topic->bounds();
  Cursor cursor(std::move(topic), {.epoch = now.epoch, .offset = now.head}, on_gap);
  auto impl = std::make_shared<Impl>(shard, std::move(cursor), std::move(handler));
  impl->start(std::move(source), on_gap);
  return std::make_unique<Subscription>(std::move(impl));
}

Position Subscription::position() const { return impl_->position(); }

}  // namespace tidemark::broker

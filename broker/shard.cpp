// One I/O thread's part of the hub: see shard.hpp.
// broker/: where a group commit becomes one turn of the loop, whatever the number of readers.
#include "broker/shard.hpp"

#include <boost/asio/post.hpp>

namespace tidemark::broker {

namespace {

// A send takes microseconds, a line of memory a tenth of one: few are asked for ahead.
constexpr std::size_t kAhead = 2;
// What the members take that lead to the rest: of a session, and of one who waits.
constexpr std::size_t kFlushableBytes = 320;
constexpr std::size_t kWaiterBytes = 192;

/// Readers near each other ask for different places of the same segment; the first of them has
/// brought it in when the others' turn comes.
Result<void> load_if_cold(storage::EventStore& store, storage::Topic& topic, Offset after) {
  const auto state = store.read(topic, {.epoch = Epoch{}, .offset = after}).state;
  if (state != storage::ReadAnswer::State::cold) return ok();
  return store.load(topic, after);
}

}  // namespace

/// All who wait for one topic here; exists as long as somebody does.
struct Waiter::Room {
  using Waiting = boost::intrusive::list<
      Waiter, boost::intrusive::member_hook<Waiter, decltype(Waiter::hook_), &Waiter::hook_>,
      boost::intrusive::constant_time_size<false>>;
  Room(Shard& s, std::shared_ptr<storage::Topic> t) : shard(s), topic(std::move(t)) {}
  Shard& shard;
  const std::shared_ptr<storage::Topic> topic;  // so that its address stays its own
  Waiting waiting;
  // Written here only; others look, to count who follows a topic.
  std::atomic<std::uint32_t> count{0};
  bool calling = false;

  void count_by(std::uint32_t change) {
    count.store(count.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
  }
};

void Waiter::unlink() {
  if (room_ == nullptr) return;
  Room& room = *std::exchange(room_, nullptr);
  hook_.unlink();
  room.count_by(~0U);  // one less
  if (!room.calling && room.waiting.empty()) room.shard.close_room(room);
}

void ShardLink::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (shard_ != nullptr) boost::asio::post(shard_->io(), std::move(work));
}

Shard::Shard(storage::EventStore& store, boost::asio::io_context& io,
             boost::asio::thread_pool& readers)
    : store_(store), io_(io), readers_(readers), link_(std::make_shared<ShardLink>()), turn_(io) {
  link_->shard_ = this;
}

Shard::~Shard() {
  {
    const std::lock_guard lock(link_->mutex_);
    link_->shard_ = nullptr;
  }
  for (auto& [topic, room] : rooms_) {
    room->waiting.clear_and_dispose([](Waiter* waiter) { waiter->room_ = nullptr; });
    store_.end_wait(*room->topic);
  }
}

void Shard::attach(const std::shared_ptr<storage::Topic>& topic, Waiter& waiter) {
  waiter.unlink();
  std::unique_ptr<Room>& room = rooms_[topic.get()];
  if (!room) {
    room = std::make_unique<Room>(*this, topic);
    store_.begin_wait(*topic);
    const std::lock_guard lock(inbox_mutex_);
    interest_.try_emplace(topic.get(), Interest{.told = false, .waiting = &room->count});
  }
  room->waiting.push_back(waiter);
  room->count_by(1);
  waiter.room_ = room.get();
}

void Shard::close_room(Room& room) {
  // The topic's last reference may be here; it goes after the lock.
  const std::shared_ptr<storage::Topic> topic = room.topic;
  store_.end_wait(*topic);
  {
    const std::lock_guard lock(inbox_mutex_);
    interest_.erase(topic.get());
  }
  rooms_.erase(topic.get());
}

void Shard::watch(const std::string& pattern, const std::shared_ptr<PatternWatcher>& watcher) {
  watchers_.add(pattern, watcher);
  note_watching();
}

void Shard::unwatch(const std::string& pattern, const PatternWatcher& watcher) {
  watchers_.remove(pattern, watcher);
  note_watching();
}

/// Under the lock that created() takes too: a topic it passes over has been written before, so that
/// a listing begun after watch() finds it.
void Shard::note_watching() {
  const std::lock_guard lock(inbox_mutex_);
  watching_ = !watchers_.empty();
}

std::size_t Shard::waiting_for(const storage::Topic& topic) {
  const std::lock_guard lock(inbox_mutex_);
  const auto waited = interest_.find(&topic);
  return waited == interest_.end() ? 0 : waited->second.waiting->load(std::memory_order_relaxed);
}

void Shard::schedule(Flushable& who, std::shared_ptr<void> keep_alive) {
  if (std::exchange(who.scheduled_, true)) return;
  scheduled_.emplace_back(&who, std::move(keep_alive));
  if (draining_ || std::exchange(flush_posted_, true)) return;
  boost::asio::post(io_, [this] {
    flush_posted_ = false;
    flush_scheduled();
  });
}

void Shard::committed(std::vector<std::unique_ptr<storage::Request>> done,
                      std::span<const std::shared_ptr<storage::Topic>> advanced) {
  const std::lock_guard lock(inbox_mutex_);
  for (auto& request : done) answers_.push_back(std::move(request));
  for (const auto& topic : advanced) {
    const auto waited = interest_.find(topic.get());
    if (waited == interest_.end() || std::exchange(waited->second.told, true)) continue;
    advanced_.push_back(topic);
  }
  if (posted_ || (answers_.empty() && advanced_.empty())) return;
  posted_ = true;
  boost::asio::post(io_, [this] { drain(); });
}

void Shard::created(std::span<const std::shared_ptr<storage::Topic>> topics) {
  const std::lock_guard lock(inbox_mutex_);
  if (!watching_ || topics.empty()) return;
  created_.insert(created_.end(), topics.begin(), topics.end());
  if (std::exchange(posted_, true)) return;
  boost::asio::post(io_, [this] { drain(); });
}

void Shard::drain() {
  ++stats_.drains;
  // Most entries are behind by now; and an idle shard should not pin segments.
  memos_.fill({});
  draining_ = true;
  answer_and_wake();
  draining_ = false;
  flush_scheduled();
}

void Shard::answer_and_wake() {
  std::vector<std::unique_ptr<storage::Request>> answers;
  std::vector<std::shared_ptr<storage::Topic>> advanced;
  std::vector<std::shared_ptr<storage::Topic>> created;
  {
    const std::lock_guard lock(inbox_mutex_);
    posted_ = false;
    answers.swap(answers_);
    advanced.swap(advanced_);
    created.swap(created_);
    for (const auto& topic : advanced) {
      if (const auto waited = interest_.find(topic.get()); waited != interest_.end()) {
        waited->second.told = false;
      }
    }
  }
  for (const auto& request : answers) request->answer();
  for (const auto& topic : created) watchers_.tell(topic);
  for (const auto& topic : advanced) {
    if (const auto room = rooms_.find(topic.get()); room != rooms_.end()) wake_all(*room->second);
  }
}

void Shard::wake_all(Room& room) {
  // Each is moved aside before it is called, so it may unlink or destroy itself or any other, and
  // whoever attaches meanwhile is not called in this round (it reads after attaching).
  room.calling = true;
  Room::Waiting round;
  round.swap(room.waiting);
  while (!round.empty()) {
    Waiter& waiter = round.front();
    round.pop_front();
    if (!round.empty()) prefetch_lines(&round.front(), kWaiterBytes);
    room.waiting.push_back(waiter);
    ++stats_.wakes;
    waiter.wake();
  }
  room.calling = false;
  if (room.waiting.empty()) close_room(room);
}

void Shard::flush_scheduled() {
  std::vector<std::pair<Flushable*, std::shared_ptr<void>>> turn;
  turn.swap(scheduled_);
  for (std::size_t i = 0; i < turn.size(); ++i) {
    if (i + 2 * kAhead < turn.size()) prefetch_lines(turn[i + 2 * kAhead].first, kFlushableBytes);
    if (i + kAhead < turn.size()) turn[i + kAhead].first->prefetch();
    auto& [who, keep_alive] = turn[i];
    who->scheduled_ = false;
    ++stats_.flushes;
    who->flush();
    keep_alive.reset();
  }
  // Keeps the capacity, unless somebody has scheduled for the next turn.
  turn.clear();
  if (scheduled_.empty()) scheduled_.swap(turn);
}

SharedRun Shard::frames(const storage::Topic& /*topic*/, const storage::Slice& slice,
                        FrameForm form, std::size_t max_bytes) {
  const std::uint64_t mix = reinterpret_cast<std::uintptr_t>(slice.segment.get()) / 16 +
                            slice.offsets.first.value * kFrameForms +
                            static_cast<std::uint64_t>(form);
  Memo& memo = memos_[mix * 0x9E3779B97F4A7C15u >> 59];
  static_assert(kMemos == 32, "the hash above has 5 bits");
  const bool same = memo.segment == slice.segment && memo.known.first == slice.offsets.first &&
                    memo.known.end >= slice.offsets.end && memo.form == form &&
                    memo.max_bytes == max_bytes;
  if (!same) {
    memo = {.segment = slice.segment,
            .known = slice.offsets,
            .form = form,
            .max_bytes = max_bytes,
            .run = slice.segment->frames(form, slice.offsets.first, max_bytes)};
  }
  return {memo.segment, memo.run};
}

void Shard::load(const std::shared_ptr<storage::Topic>& topic, Offset after,
                 std::function<void(Result<void>)> done) {
  const Place place{topic->id(), after};
  auto& waiting = loading_[place];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  ++stats_.loads;
  const auto result = std::make_shared<Result<void>>(ok());
  run_blocking([this, topic, after, result] { *result = load_if_cold(store_, *topic, after); },
               [this, place, result] {
                 auto callers = std::move(loading_.extract(place).mapped());
                 for (auto& caller : callers) caller(*result);
               });
}

void Shard::run_blocking(std::function<void()> work, std::function<void()> done) {
  boost::asio::post(readers_, [this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    work = nullptr;
    boost::asio::post(io_, std::move(done));
  });
}

}  // namespace tidemark::broker

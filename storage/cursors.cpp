// Named cursors: see cursors.hpp.
// storage/: finding, moving and removing; looks and writing are files of their own.
#include "storage/cursors.hpp"

#include <algorithm>

#include "storage/cursors_impl.hpp"
#include "storage/lineage.hpp"

namespace tidemark::storage {
namespace {

/// A position as it is to be kept. Errors: unknown_topic: deleted; wrong_epoch, position_ahead.
Result<Position> judged(const Topic& topic, Position position) {
  if (topic.deleted()) return Errc::unknown_topic;
  const Bounds bounds = topic.bounds();
  if (position.epoch.value == 0) position.epoch = bounds.epoch;
  // Nearly always of the newest epoch: the lineage need not be copied.
  if (position.epoch == bounds.epoch)
    return position.offset > bounds.head ? Result<Position>(Errc::position_ahead) : position;
  const auto checked = check_position(topic.meta().lineage, bounds.head, position);
  if (!checked) return checked.error();
  return position;
}

bool is_further(const Topic& topic, Position from, Position to) {
  if (from.epoch == to.epoch) return to.offset > from.offset;
  return further(topic.meta().lineage, from, to);
}

}  // namespace

// ---- the door ----

Cursors::Cursors(Log& log, Topics& topics, Committer& committer, StoreClock& clock,
                 CursorsOptions options)
    : impl_(std::make_unique<Impl>(log, topics, committer, clock, options)) {}

Cursors::~Cursors() = default;

Result<std::optional<Position>> Cursors::find(const Topic& topic, std::string_view name) {
  return impl_->find(topic, name);
}

Result<Position> Cursors::acknowledge(const Topic& topic, std::string_view name,
                                      Position position) {
  return impl_->acknowledge(topic, name, position);
}

Result<Position> Cursors::place(const Topic& topic, std::string_view name, Position position) {
  return impl_->place(topic, name, position);
}

Result<void> Cursors::remove(const Topic& topic, std::string_view name) {
  return impl_->remove(topic, name);
}

Result<std::vector<CursorInfo>> Cursors::list(const Place& after, std::size_t limit,
                                              const ChooseTopic& choose) {
  return impl_->list(after, limit, choose);
}

Result<std::uint64_t> Cursors::count(const Topic& topic) { return impl_->count_of(topic); }

Result<Lag> Cursors::lag(const LoadedTopic& topic, Position position) {
  return impl_->lag(topic, position);
}

Cursors::Figures Cursors::figures() const { return impl_->figures(); }

void Cursors::apply(CursorsOptions options) { impl_->apply(options); }

void Cursors::stop() { impl_->stop(); }

// ---- finding ----

/// How many there are of each topic. Until that is known none is made or removed, so that nothing
/// is counted twice: it fails only if the disk does.
Result<void> Cursors::Impl::count() {
  const std::lock_guard counting(count_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (counted_) return ok();
  }
  struct Counted {
    TopicName topic;
    TopicId id;
    std::uint64_t cursors;
  };
  std::vector<Counted> all;
  const auto visited =
      log_.topics_with_cursors([&](TopicId id, std::string_view name, std::uint64_t cursors) {
        if (auto topic = TopicName::parse(name))
          all.push_back({.topic = std::move(*topic), .id = id, .cursors = cursors});
        return true;
      });
  if (!visited) return visited;
  const std::lock_guard lock(mutex_);
  for (const Counted& each : all) table_.count(each.topic, each.id, each.cursors);
  counted_ = true;
  return ok();
}

/// Where a cursor is: in the table from now on, if there is one. Lets go of the lock to read it;
/// who asks for the same meanwhile waits, so that nobody changes it unseen.
Result<CursorTable::Known> Cursors::Impl::fetch(Lock& lock, const TopicName& topic, TopicId id,
                                                std::string_view name) {
  std::pair<TopicId, std::string> key(id, name);
  for (;;) {
    if (const auto* const known = table_.find(id, name)) return *known;
    if (!fetching_.contains(key)) break;
    fetched_.wait(lock);
  }
  fetching_.insert(key);
  lock.unlock();
  auto stored = log_.cursor(id, name);
  lock.lock();
  fetching_.erase(key);
  fetched_.notify_all();
  if (stored && *stored) table_.enter(topic, id, name, **stored);
  return stored;
}

Result<std::optional<Position>> Cursors::Impl::find(const Topic& topic, std::string_view name) {
  std::optional<Position> position;
  if (topic.deleted() || !check_cursor_name(name)) return position;
  Lock lock(mutex_);
  const auto found = fetch(lock, topic.name(), topic.id(), name);
  if (!found) return found.error();
  if (*found) position = (*found)->position;
  return position;
}

// ---- moving ----

Result<Cursors::Impl::Found> Cursors::Impl::find_for(Lock& lock, const Topic& topic,
                                                     std::string_view name, Position position) {
  if (auto named = check_cursor_name(name); !named) return named.error();
  const auto to = judged(topic, position);
  if (!to) return to.error();
  if (auto counted = count(); !counted) return counted.error();
  lock = Lock(mutex_);
  const auto found = fetch(lock, topic.name(), topic.id(), name);
  if (!found) return found.error();
  if (stopping_) return Errc::shutting_down;
  if (!*found && table_.size() >= options_.max_cursors) return Errc::too_many_cursors;
  return Found{.cursor = *found, .position = *to};
}

/// How much later a cursor may have been acknowledged where it is than what is written of it: a
/// write for each time would tell nobody anything.
std::chrono::milliseconds Cursors::Impl::slack() const {
  constexpr std::chrono::milliseconds kMost = std::chrono::minutes(1);
  if (options_.expire_after.count() == 0) return kMost;
  // Compared in seconds, since so many milliseconds may not fit.
  const auto seconds =
      std::min<std::chrono::seconds>(options_.expire_after, 8 * std::chrono::minutes(1));
  return std::min(kMost, std::chrono::milliseconds(seconds) / 8);
}

Result<Position> Cursors::Impl::acknowledge(const Topic& topic, std::string_view name,
                                            Position position) {
  const Timestamp now = clock_.now();
  Lock lock;
  auto found = find_for(lock, topic, name, position);
  if (!found) return found.error();
  auto& [cursor, to] = *found;
  if (cursor && !is_further(topic, cursor->position, to)) {
    table_.touch(topic.id(), name, now, slack());
    return cursor->position;
  }
  if (!cursor) cursor = StoredCursor{.position = to, .created = now, .acknowledged = now};
  cursor->position = to;
  cursor->acknowledged = std::max(cursor->acknowledged, now);
  table_.set(topic.name(), topic.id(), name, cursor);
  return to;
}

Result<Position> Cursors::Impl::place(const Topic& topic, std::string_view name,
                                      Position position) {
  const Timestamp now = clock_.now();
  Lock lock;
  auto found = find_for(lock, topic, name, position);
  if (!found) return found.error();
  auto& [cursor, to] = *found;
  if (!cursor) cursor = StoredCursor{.position = to, .created = now, .acknowledged = now};
  cursor->position = to;
  table_.set(topic.name(), topic.id(), name, cursor);
  return to;
}

Result<void> Cursors::Impl::remove(const Topic& topic, std::string_view name) {
  if (topic.deleted() || !check_cursor_name(name)) return Errc::unknown_cursor;
  if (auto counted = count(); !counted) return counted;
  Lock lock(mutex_);
  const auto found = fetch(lock, topic.name(), topic.id(), name);
  // What is damaged can't be read, but removed.
  if (!found && found.errc() != Errc::corrupt_record) return found.error();
  if (found && !*found) return Errc::unknown_cursor;
  if (stopping_) return Errc::shutting_down;
  table_.set(topic.name(), topic.id(), name, std::nullopt);
  return ok();
}

// ---- the rest ----

Result<Lag> Cursors::Impl::lag(const LoadedTopic& topic, Position position) {
  const auto checked = check_position(topic.meta.lineage, topic.tail.head, position);
  if (!checked) return checked.error();
  return LagMeter(log_, topic, clock_.now()).of(position);
}

void Cursors::Impl::apply(CursorsOptions options) {
  {
    const std::lock_guard lock(mutex_);
    options_ = options;
    applied_ = true;
  }
  wake_.notify_one();
}

}  // namespace tidemark::storage

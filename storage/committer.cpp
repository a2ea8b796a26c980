// The one writer: see committer.hpp.
// storage/: nothing in memory changes before the log has said that the group is written.
#include "storage/committer.hpp"

#include <algorithm>

#include "storage/committer_group.hpp"

namespace tidemark::storage {

namespace {

std::size_t bytes_of(std::span<const NewEvent> events) {
  std::size_t bytes = 0;
  for (const NewEvent& event : events) bytes += record_size(event) + sizeof(NewEvent);
  return bytes;
}

std::size_t bytes_of(const Request& request) {
  constexpr std::size_t kItself = 256;  // about
  constexpr std::size_t kCursorName = 32;
  if (request.kind == Request::Kind::publish)
    return kItself + bytes_of(static_cast<const PublishRequest&>(request).events);
  if (request.kind == Request::Kind::create)
    return kItself + bytes_of(static_cast<const CreateRequest&>(request).events);
  if (request.kind == Request::Kind::store_state) {
    const auto& state = static_cast<const StoreStateRequest&>(request).state;
    return kItself + (state ? state->data.size() : 0);
  }
  if (request.kind == Request::Kind::move_cursors) {
    const auto& cursors = static_cast<const MoveCursorsRequest&>(request).cursors;
    return kItself + cursors.size() * (sizeof(CursorUpdate) + kCursorName);
  }
  return kItself;
}

constexpr std::string_view kUnknownOutcome =
    "writing failed, and whether this was written is not known; publishing it again with its "
    "producer and sequence does not double it";

std::string_view text_while_failing(Errc why) {
  if (why == Errc::disk_full) return "the disk is full; publishing goes on once there is room";
  return "writing to the log has failed; publishing goes on once it can be written again";
}

/// Removals share a group with their like alone: what is removed must not have been appended to in
/// the same one. A fork comes first in its group, so that all it inherits is in the log already.
bool may_follow(const Request& first, const Request& next) {
  constexpr auto kErase = Request::Kind::erase;
  if ((first.kind == kErase) != (next.kind == kErase)) return false;
  return next.kind != Request::Kind::create || !static_cast<const CreateRequest&>(next).fork;
}

}  // namespace

Committer::Committer(Log& log, Topics& topics, StoreClock& clock, CommitterOptions options)
    : log_(log),
      topics_(topics),
      clock_(clock),
      options_(std::move(options)),
      guard_(
          options_.disk, [&log] { return log.held_bytes(); }, options_.limits.space),
      max_topics_(options_.limits.topics),
      quotas_(log, options_.limits.topics_of),
      thread_([this] { run(); }) {}

Committer::~Committer() { stop(); }

void Committer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

Result<void> Committer::enqueue_locked(std::unique_ptr<Request>& request) {
  if (stopping_) return Errc::shutting_down;
  const std::size_t bytes = bytes_of(*request);
  std::size_t most_bytes = options_.max_queued_bytes;
  // One may be as large as the queue, and would never fit beside anything else.
  if (request->kind == Request::Kind::store_state) most_bytes += options_.max_state_bytes;
  if (queued_requests_ >= options_.max_queued_requests || queued_bytes_ + bytes > most_bytes)
    return Errc::overloaded;
  queue_.push_back(std::move(request));
  queued_bytes_ += bytes;
  ++queued_requests_;
  return ok();
}

Result<void> Committer::submit(std::unique_ptr<Request>& request) {
  bool notify = false;
  {
    const std::lock_guard lock(mutex_);
    if (auto queued = enqueue_locked(request); !queued) return queued;
    notify = std::exchange(sleeping_, false);
  }
  if (notify) wake_.notify_one();
  return ok();
}

Result<void> Committer::submit(std::vector<std::unique_ptr<Request>>& requests) {
  Result<void> outcome = ok();
  auto taken = requests.begin();
  bool notify = false;
  {
    const std::lock_guard lock(mutex_);
    for (; taken != requests.end(); ++taken) {
      outcome = enqueue_locked(*taken);
      if (!outcome) break;
    }
    notify = taken != requests.begin() && std::exchange(sleeping_, false);
  }
  requests.erase(requests.begin(), taken);
  if (notify) wake_.notify_one();
  return outcome;
}

void Committer::add_observer(CommitObserver& observer) {
  const std::lock_guard lock(observers_mutex_);
  observers_.push_back(&observer);
}

void Committer::remove_observer(CommitObserver& observer) {
  const std::lock_guard lock(observers_mutex_);
  std::erase(observers_, &observer);
}

void Committer::apply(StoreLimits limits) {
  guard_.set_limits(limits.space);
  const std::lock_guard lock(mutex_);
  new_limits_ = std::make_unique<StoreLimits>(std::move(limits));
}

// ---- the thread ----

Committer::Requests Committer::take() {
  std::unique_lock lock(mutex_);
  while (queue_.empty() && !stopping_) {
    std::optional<std::chrono::steady_clock::time_point> until = flush_at_;
    if (failing_) until = next_recovery_;
    sleeping_ = true;
    if (until) {
      if (wake_.wait_until(lock, *until) == std::cv_status::timeout) break;
    } else {
      wake_.wait(lock);
    }
  }
  sleeping_ = false;
  if (const auto limits = std::exchange(new_limits_, nullptr)) {
    max_topics_ = limits->topics;
    quotas_.set(std::move(limits->topics_of));
  }
  return std::exchange(queue_, {});
}

void Committer::run() {
  for (;;) {
    Requests requests = take();
    flush_if_due();
    if (requests.empty()) {
      const std::lock_guard lock(mutex_);
      if (stopping_ && queue_.empty()) break;
    }
    if (failing_ && std::chrono::steady_clock::now() >= next_recovery_) recover();
    // What waited is done in portions, so that one group stays a bounded write.
    auto begin = requests.begin();
    while (begin != requests.end()) {
      std::size_t bytes = 0;
      std::size_t count = 0;
      auto end = begin;
      while (end != requests.end() && (end == begin || bytes < options_.max_group_bytes)) {
        bytes += bytes_of(**end);
        ++end;
        ++count;
      }
      work(Requests(std::make_move_iterator(begin), std::make_move_iterator(end)));
      begin = end;
      const std::lock_guard lock(mutex_);
      queued_bytes_ -= bytes;
      queued_requests_ -= count;
    }
  }
  if (!failing_ && flush_at_) static_cast<void>(log_.sync());
}

void Committer::flush_if_due() {
  if (!flush_at_ || failing_ || std::chrono::steady_clock::now() < *flush_at_) return;
  flush_at_.reset();
  if (auto synced = log_.sync(); !synced) {
    begin_to_fail(synced.errc());
    next_recovery_ = {};
  }
}

bool Committer::ready_to_write(std::span<const std::unique_ptr<Request>> requests) {
  if (!failing_) return true;
  for (const auto& request : requests)
    refuse(*request, failure_, std::string(text_while_failing(failure_)));
  return false;
}

void Committer::work(Requests requests) {
  std::vector<std::shared_ptr<Topic>> advanced;
  const std::span all(requests);
  std::size_t begin = 0;
  while (begin < requests.size()) {
    if (!ready_to_write(all.subspan(begin))) break;
    Group group;
    group.now = clock_.now();
    std::size_t end = begin;
    do stage(group, *requests[end++]);
    while (end < requests.size() && may_follow(*requests[begin], *requests[end]));
    finish(group, all.subspan(begin, end - begin));
    advanced.insert(advanced.end(), group.advanced.begin(), group.advanced.end());
    begin = end;
  }
  note(all);
  deliver(std::move(requests), advanced);
  keep_ring_budget();
}

void Committer::stage(Group& group, Request& request) {
  switch (request.kind) {
    case Request::Kind::publish:
      return stage_publish(group, static_cast<PublishRequest&>(request));
    case Request::Kind::create:
      return stage_create(group, static_cast<CreateRequest&>(request));
    case Request::Kind::configure:
      return stage_configure(group, static_cast<ConfigureRequest&>(request));
    case Request::Kind::trim:
      return stage_trim(group, static_cast<TrimRequest&>(request));
    case Request::Kind::erase:
      return stage_erase(group, static_cast<EraseRequest&>(request));
    case Request::Kind::use:
      return stage_use(group, static_cast<UseRequest&>(request));
    case Request::Kind::read_keys:
      return stage_read_keys(group, static_cast<ReadKeysRequest&>(request));
    case Request::Kind::store_state:
      return stage_store_state(group, static_cast<StoreStateRequest&>(request));
    case Request::Kind::move_cursors:
      return stage_move_cursors(group, static_cast<MoveCursorsRequest&>(request));
  }
}

// ---- the group ----

void Committer::finish_batch(Group& group, Staged& staged) {
  const Offset first{staged.tail.head.value - staged.builder.count() + 1};
  std::string value =
      staged.builder.finish(staged.meta.id, {.epoch = staged.meta.lineage.back().epoch,
                                             .first = first,
                                             .count = 0,
                                             .time = staged.time,
                                             .bytes_before = staged.tail.bytes});
  staged.tail.bytes += value.size();
  bytes_since_budget_ += value.size();
  staged.batches.push_back(group.commit.batches.size());
  group.commit.batches.push_back({staged.meta.id, first, std::move(value)});
}

/// What the group's topics have come to, as one commit.
void Committer::collect(Group& group) {
  for (const auto& removed : group.removed) group.commit.erased.push_back(removed->meta);
  for (auto& [name, staged] : group.staged) {
    if (!staged) continue;
    if (staged->builder.count() > 0) finish_batch(group, *staged);
    staged->keys.collect(staged->meta.id, group.commit.latest);
    if (staged->changed) {
      if (staged->topic) staged->meta.used = staged->topic->used().value_or(staged->meta.used);
      group.commit.topics.push_back(staged->meta);
    }
    if (staged->state) group.commit.states.push_back(std::move(*staged->state));
    for (const auto& [id, state] : staged->producers) {
      // Known, but nothing was appended: it is as it was.
      if (state && (!staged->batches.empty() || staged->changed)) {
        group.commit.producers.push_back({staged->meta.id, id, *state});
      }
    }
  }
}

void Committer::finish(Group& group, std::span<const std::unique_ptr<Request>> requests) {
  collect(group);
  if (group.commit.empty()) return open_key_readers(group);
  const auto begun = std::chrono::steady_clock::now();
  const bool written = commit(group);
  quotas_.settle(written);
  if (written) {
    note_written(group, std::chrono::steady_clock::now() - begun);
    show(group);
    return open_key_readers(group);
  }
  for (const auto& [name, staged] : group.staged)
    if (staged && !staged->topic) perhaps_born_.emplace_back(name, staged->meta.id);
  // Whatever a request was told on the strength of this group is void, its outcome unknown.
  for (const auto& request : requests) {
    if (!request->error) refuse(*request, failure_, std::string(kUnknownOutcome));
  }
}

bool Committer::commit(Group& group) {
  auto committed = log_.commit(group.commit, group.durability);
  if (!committed) {
    begin_to_fail(committed.errc());
    ++failed_groups_;
    return false;
  }
  ++groups_;
  events_ += group.events;
  if (group.durability == Durability::synced) {
    ++synced_groups_;
    flush_at_.reset();
  } else if (!flush_at_) {
    flush_at_ = std::chrono::steady_clock::now() + options_.flush_interval;
  }
  return true;
}

void Committer::show(Group& group) {
  show_removed(group);
  for (auto& [name, staged] : group.staged) {
    if (staged && (staged->changed || !staged->batches.empty())) show_staged(group, name, *staged);
  }
  for (ProducerUpdate& update : group.commit.producers) {
    producers_.put(update.topic, update.id, std::move(update.state));
  }
  tell_created(group.born);
  tell_dropped(group.dropped);
}

void Committer::show_removed(Group& group) {
  for (const auto& removed : group.removed) {
    removed->topic->mark_deleted();
    topics_.remove(*removed->topic);
    group.advanced.push_back(removed->topic);
  }
}

void Committer::show_staged(Group& group, const TopicName& name, Staged& staged) {
  if (!staged.topic) {
    staged.topic = topics_.add(name, {.meta = staged.meta, .tail = staged.tail});
    staged.topic->touch(staged.meta.used);
    group.born.push_back(staged.topic);
  }
  std::vector<BatchView> batches;
  batches.reserve(staged.batches.size());
  for (const std::size_t i : staged.batches) {
    const EncodedBatch& encoded = group.commit.batches[i];
    auto batch = BatchView::parse(encoded.topic, encoded.first, encoded.value);
    TIDEMARK_ENSURE(batch.has_value(), "a batch that was just built can be parsed");
    batches.push_back(*batch);
  }
  const TopicMeta* const changed = staged.changed ? &staged.meta : nullptr;
  if (!batches.empty()) {
    staged.topic->publish(batches, staged.tail, changed);
  } else if (changed != nullptr) {
    staged.topic->adopt(*changed);
  }
  group.advanced.push_back(staged.topic);
}

void Committer::tell_created(std::span<const std::shared_ptr<Topic>> topics) {
  if (topics.empty()) return;
  const std::lock_guard lock(observers_mutex_);
  for (CommitObserver* const observer : observers_) observer->created(topics);
}

void Committer::tell_dropped(std::span<const std::pair<TopicId, Offset>> dropped) {
  if (dropped.empty()) return;
  const std::lock_guard lock(observers_mutex_);
  for (CommitObserver* const observer : observers_) {
    for (const auto& [topic, keep] : dropped) observer->dropped(topic, keep);
  }
}

void Committer::deliver(Requests requests, std::span<const std::shared_ptr<Topic>> advanced) {
  const std::lock_guard lock(observers_mutex_);
  for (CommitObserver* const observer : observers_) {
    Requests mine;
    for (auto& request : requests) {
      if (request && request->observer == observer) mine.push_back(std::move(request));
    }
    if (!mine.empty() || !advanced.empty()) observer->committed(std::move(mine), advanced);
  }
}

// ---- memory ----

/// Looks at all rings whenever a sixteenth of the budget has been appended, and empties those
/// longest without an event first.
void Committer::keep_ring_budget() {
  if (bytes_since_budget_ < options_.ring_total_bytes / 16) return;
  bytes_since_budget_ = 0;
  struct Held {
    std::shared_ptr<Topic> topic;
    Timestamp last;
  };
  std::vector<Held> held;
  std::size_t bytes = 0;
  topics_.each([&](const std::shared_ptr<Topic>& topic) {
    held.push_back({topic, topic->tail().last_time});
    bytes += topic->memory();
  });
  if (bytes <= options_.ring_total_bytes) return;
  std::sort(held.begin(), held.end(), [](const Held& a, const Held& b) { return a.last < b.last; });
  for (const Held& each : held) {
    while (bytes > options_.ring_total_bytes) {
      const std::size_t before = each.topic->memory();
      if (!each.topic->shrink(true)) break;
      bytes -= before - each.topic->memory();
    }
  }
}

}  // namespace tidemark::storage

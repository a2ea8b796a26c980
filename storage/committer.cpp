// The one writer: see committer.hpp.
// storage/: nothing in memory changes before the log has said that the group is written.
#include "storage/committer.hpp"

#include <algorithm>

namespace tidemark::storage {

namespace {

std::size_t bytes_of(const Request& request) {
  std::size_t bytes = 256;  // the request itself, about
  if (request.kind == Request::Kind::publish) {
    for (const NewEvent& event : static_cast<const PublishRequest&>(request).events) {
      bytes += record_size(event) + sizeof(NewEvent);
    }
  }
  return bytes;
}

void refuse(Request& request, Errc code, std::string text = {}) {
  request.error = code;
  request.error_text = std::move(text);
}

}  // namespace

struct Committer::Staged {
  std::shared_ptr<Topic> topic;  ///< null until a created topic has been committed
  TopicMeta meta;
  Tail tail;
  Payload payload = Payload::json;
  Timestamp time;
  bool changed = false;  ///< the metadata
  BatchBuilder builder;
  std::vector<std::size_t> batches;  ///< in the group's commit
  std::unordered_map<std::string, std::optional<ProducerState>> producers;
};

struct Committer::Group {
  CommitGroup commit;
  Durability durability = Durability::buffered;
  std::unordered_map<TopicName, std::unique_ptr<Staged>> staged;
  std::vector<std::shared_ptr<Topic>> advanced;
  std::vector<std::pair<TopicId, Offset>> dropped;
  std::uint64_t events = 0;
};

Committer::Committer(Log& log, Topics& topics, CommitterOptions options)
    : log_(log), topics_(topics), options_(std::move(options)), thread_([this] { run(); }) {}

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
  if (queued_requests_ >= options_.max_queued_requests ||
      queued_bytes_ + bytes > options_.max_queued_bytes) {
    return Errc::overloaded;
  }
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

CommitterStats Committer::stats() const {
  return {.groups = groups_,
          .events = events_,
          .synced_groups = synced_groups_,
          .failed_groups = failed_groups_,
          .failing = failing_};
}

Timestamp Committer::now() const {
  if (options_.clock) return options_.clock();
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

TopicSettings Committer::default_settings(const TopicName& name) const {
  return options_.defaults ? options_.defaults(name) : TopicSettings{};
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
    failure_ = synced.errc();
    failing_ = true;
    next_recovery_ = {};
  }
}

bool Committer::ready_to_write(std::span<const std::unique_ptr<Request>> requests) {
  if (!failing_) return true;
  for (const auto& request : requests) refuse(*request, failure_);
  return false;
}

void Committer::work(Requests requests) {
  std::vector<std::shared_ptr<Topic>> advanced;
  std::size_t begin = 0;
  while (begin < requests.size()) {
    // A removal is a group of its own: it must not mix with what the same group appends.
    Group group;
    std::size_t end = begin;
    const std::span all(requests);
    if (!ready_to_write(all.subspan(begin))) break;
    if (requests[begin]->kind == Request::Kind::erase) {
      erase(group, static_cast<EraseRequest&>(*requests[begin]));
      ++end;
    } else {
      while (end < requests.size() && requests[end]->kind != Request::Kind::erase) {
        stage(group, *requests[end++]);
      }
      finish(group, all.subspan(begin, end - begin));
    }
    advanced.insert(advanced.end(), group.advanced.begin(), group.advanced.end());
    begin = end;
  }
  deliver(std::move(requests), advanced);
  keep_ring_budget();
}

void Committer::stage(Group& group, Request& request) {
  switch (request.kind) {
    case Request::Kind::publish:
      return stage_publish(group, static_cast<PublishRequest&>(request));
    case Request::Kind::configure:
      return stage_configure(group, static_cast<ConfigureRequest&>(request));
    case Request::Kind::trim:
      return stage_trim(group, static_cast<TrimRequest&>(request));
    case Request::Kind::erase:
      TIDEMARK_ENSURE(false, "a removal is not staged");
  }
}

// ---- topics of the group ----

/// The topic's part of the group, or null: the request has an error, unknown_topic if there is
/// none.
Committer::Staged* Committer::find_staged(Group& group, Request& request) {
  if (const auto found = group.staged.find(request.topic); found != group.staged.end()) {
    return found->second.get();
  }
  auto topic = topics_.open(request.topic);
  if (!topic) {
    refuse(request, topic.errc());
    return nullptr;
  }
  auto staged = std::make_unique<Staged>();
  staged->topic = *topic;
  staged->meta = (*topic)->meta();
  staged->tail = (*topic)->tail();
  staged->payload = (*topic)->payload();
  staged->time = std::max(now(), staged->tail.last_time);
  answer_incidents(*staged);
  return group.staged.emplace(request.topic, std::move(staged)).first->second.get();
}

/// If data may have been lost without the log's doing, what is appended from now on is another
/// history: a reader who has seen more than is here must not take it for the same.
void Committer::answer_incidents(Staged& staged) {
  const Log::Incident incident = log_.incidents_after(staged.meta.incident);
  if (incident.number == staged.meta.incident) return;
  if (incident.buffered_only && staged.meta.settings.durability == Durability::synced) return;
  staged.meta.incident = incident.number;
  staged.meta.lineage.push_back({log_.next_epoch(), staged.tail.head.next()});
  staged.changed = true;
}

Committer::Staged* Committer::create(Group& group, Request& request, TopicSettings settings) {
  if (log_.topic_count() + group.commit.topics.size() >= options_.max_topics) {
    refuse(request, Errc::too_many_topics);
    return nullptr;
  }
  if (!valid_content_type(settings.content_type)) {
    refuse(request, Errc::invalid_content_type);
    return nullptr;
  }
  auto staged = std::make_unique<Staged>();
  staged->meta.id = log_.next_topic_id();
  staged->meta.name = request.topic.str();
  staged->meta.settings = std::move(settings);
  staged->meta.created = now();
  staged->meta.lineage.push_back({log_.next_epoch(), Offset{1}});
  staged->meta.incident = log_.incidents_after(0).number;
  staged->payload = payload_of(staged->meta.settings.content_type);
  staged->time = staged->meta.created;
  staged->changed = true;
  request.error.reset();
  request.error_text.clear();
  return group.staged.insert_or_assign(request.topic, std::move(staged)).first->second.get();
}

// ---- publishing ----

void Committer::stage_publish(Group& group, PublishRequest& request) {
  Staged* staged = find_staged(group, request);
  if (staged == nullptr && request.error == Errc::unknown_topic && !request.must_exist) {
    TopicSettings settings = default_settings(request.topic);
    if (!request.content_type.empty()) settings.content_type = request.content_type;
    // Judged before the topic is made: a refused publish must not leave an empty topic behind.
    Staged trial;
    trial.meta.settings = settings;
    trial.payload = payload_of(settings.content_type);
    request.error.reset();
    if (!valid_content_type(settings.content_type))
      return refuse(request, Errc::invalid_content_type);
    if (request.producer) trial.producers.emplace(request.producer->id, std::nullopt);
    if (!admit(trial, request)) return;
    request.checked = true;
    staged = create(group, request, std::move(settings));
    if (staged != nullptr && request.producer) {
      staged->producers.emplace(request.producer->id, std::nullopt);
    }
  }
  if (staged == nullptr) return;
  if (admit(*staged, request)) append(group, *staged, request);
  tell_end(*staged, request);
}

void Committer::tell_end(const Staged& staged, PublishRequest& request) {
  request.tail = position_at(staged.meta.lineage, staged.tail.head);
  request.closed = staged.meta.closed;
}

/// Checks everything that could refuse the request; true if its events are to be appended.
bool Committer::admit(Staged& staged, PublishRequest& request) {
  if (request.events.empty() && !request.close) {
    refuse(request, Errc::malformed_message, "a publish carries at least one event");
    return false;
  }
  if (staged.meta.closed) {
    answer_closed(staged, request);
    return false;
  }
  if (!admit_events(staged, request)) return false;
  if (request.producer && !admit_producer(staged, request)) return false;
  if (request.sequence && !admit_sequence(staged, request)) return false;
  if (request.expected_last && *request.expected_last != staged.tail.head) {
    request.head = staged.tail.head;
    refuse(request, Errc::offset_mismatch);
    return false;
  }
  return true;
}

bool Committer::admit_events(Staged& staged, PublishRequest& request) {
  if (!request.content_type.empty() &&
      !same_content_type(request.content_type, staged.meta.settings.content_type)) {
    refuse(request, Errc::content_type_mismatch,
           "the topic's content type is " + staged.meta.settings.content_type);
    return false;
  }
  if (request.checked) return true;
  for (NewEvent& event : request.events) {
    if (auto checked = check_event(event, staged.payload, options_.max_event_bytes); !checked) {
      refuse(request, checked.errc());
      return false;
    }
  }
  return true;
}

bool Committer::admit_sequence(const Staged& staged, PublishRequest& request) {
  if (request.sequence->empty() || request.sequence->size() > kMaxSequenceBytes) {
    refuse(request, Errc::malformed_message, "a sequence has 1 to 256 bytes");
    return false;
  }
  if (*request.sequence > staged.meta.last_sequence) return true;
  refuse(request, Errc::sequence_regressed);
  return false;
}

/// A closed topic takes nothing; but what it has taken before is answered as it was then, since the
/// answer may have been lost.
void Committer::answer_closed(Staged& staged, PublishRequest& request) {
  if (request.producer) {
    const auto verdict = judge_producer(staged, request);
    if (!verdict || verdict->kind == ProducerVerdict::Kind::duplicate) return;
  } else if (request.events.empty()) {
    request.offsets = {staged.tail.head.next(), staged.tail.head.next()};
    return;
  }
  refuse(request, Errc::topic_closed);
}

/// What is to be said to the producer, and for a duplicate the answer; nullopt: it has been
/// refused.
std::optional<ProducerVerdict> Committer::judge_producer(Staged& staged, PublishRequest& request) {
  if (auto valid = check_producer(*request.producer); !valid) {
    refuse(request, valid.errc());
    return std::nullopt;
  }
  const std::string& id = request.producer->id;
  auto known = staged.producers.find(id);
  if (known == staged.producers.end()) {
    auto state = producers_.get(log_, staged.meta.id, id);
    if (!state) {
      refuse(request, state.errc());
      return std::nullopt;
    }
    known = staged.producers.emplace(id, std::move(*state)).first;
  }
  const ProducerVerdict verdict = judge(known->second, *request.producer);
  if (verdict.kind == ProducerVerdict::Kind::duplicate) {
    request.duplicate = true;
    request.epoch = staged.meta.lineage.back().epoch;
    request.offsets = verdict.original;
    request.producer_sequence = known->second->last_sequence;
  }
  return verdict;
}

bool Committer::admit_producer(Staged& staged, PublishRequest& request) {
  const auto verdict = judge_producer(staged, request);
  if (!verdict) return false;
  switch (verdict->kind) {
    case ProducerVerdict::Kind::append:
      return true;
    case ProducerVerdict::Kind::duplicate:
      return false;
    case ProducerVerdict::Kind::fenced:
      request.producer_epoch = verdict->current_epoch;
      refuse(request, Errc::producer_fenced);
      return false;
    case ProducerVerdict::Kind::gap:
      request.expected_sequence = verdict->expected;
      refuse(request, Errc::sequence_gap);
      return false;
  }
  return false;
}

void Committer::append(Group& group, Staged& staged, PublishRequest& request) {
  request.epoch = staged.meta.lineage.back().epoch;
  request.offsets = {staged.tail.head.next(), {staged.tail.head.value + 1 + request.events.size()}};
  for (const NewEvent& event : request.events) {
    if (!staged.builder.fits(event)) finish_batch(group, staged);
    staged.builder.add(event);
    staged.tail.head = staged.tail.head.next();
  }
  if (!request.events.empty()) staged.tail.last_time = staged.time;
  if (request.producer) {
    record(staged.producers[request.producer->id], *request.producer, request.offsets, staged.time);
    request.producer_sequence = request.producer->sequence;
  }
  if (request.sequence) staged.meta.last_sequence = *request.sequence;
  if (request.close) staged.meta.closed = true;
  if (request.sequence || request.close) staged.changed = true;
  if (staged.meta.settings.durability == Durability::synced) group.durability = Durability::synced;
  group.events += request.events.size();
}

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

// ---- managing ----

void Committer::stage_configure(Group& group, ConfigureRequest& request) {
  Staged* staged = find_staged(group, request);
  if (staged == nullptr && request.error == Errc::unknown_topic) {
    TopicSettings settings = default_settings(request.topic);
    if (request.content_type) settings.content_type = *request.content_type;
    staged = create(group, request, std::move(settings));
    request.created = staged != nullptr;
  }
  if (staged == nullptr) return;
  if (!request.created && request.must_create) return refuse(request, Errc::topic_exists);
  TopicSettings& settings = staged->meta.settings;
  if (request.content_type && !same_content_type(*request.content_type, settings.content_type)) {
    return refuse(request, Errc::content_type_mismatch,
                  "the topic's content type is " + settings.content_type);
  }
  if (request.retention) settings.retention = *request.retention;
  if (request.durability && *request.durability != settings.durability) {
    settings.durability = *request.durability;
    // An incident before this change concerned the topic as it was then, and has been answered.
    staged->meta.incident = log_.incidents_after(staged->meta.incident).number;
  }
  staged->changed = true;
  group.durability = Durability::synced;
}

void Committer::stage_trim(Group& group, TrimRequest& request) {
  Staged* staged = find_staged(group, request);
  if (staged == nullptr) return;
  if (request.id.value != 0 && request.id != staged->meta.id) {
    return refuse(request, Errc::unknown_topic);
  }
  request.id = staged->meta.id;
  const Offset keep = std::min(request.keep, staged->tail.head.next());
  if (keep > staged->meta.earliest) {
    staged->meta.earliest = keep;
    staged->meta.trim_cause = static_cast<std::uint8_t>(request.cause);
    staged->changed = true;
    // Files are removed afterwards, outside the write-ahead log: the watermark must be safe first.
    group.durability = Durability::synced;
    group.dropped.emplace_back(staged->meta.id, keep);
  }
  request.bounds = {.epoch = staged->meta.lineage.back().epoch,
                    .earliest = staged->meta.earliest,
                    .head = staged->tail.head};
}

void Committer::erase(Group& group, EraseRequest& request) {
  auto topic = topics_.open(request.topic);
  if (!topic) return refuse(request, topic.errc());
  if (auto erased = log_.erase((*topic)->meta()); !erased) {
    failure_ = erased.errc();
    failing_ = true;
    return refuse(request, erased.errc());
  }
  (*topic)->mark_deleted();
  topics_.remove(request.topic);
  producers_.clear();
  group.advanced.push_back(*topic);
  group.dropped.emplace_back((*topic)->id(), kWholeTopic);
  tell_dropped(group);
}

// ---- the group ----

void Committer::finish(Group& group, std::span<const std::unique_ptr<Request>> requests) {
  for (auto& [name, staged] : group.staged) {
    if (staged->builder.count() > 0) finish_batch(group, *staged);
    if (staged->changed) group.commit.topics.push_back(staged->meta);
    for (const auto& [id, state] : staged->producers) {
      // Known, but nothing was appended: it is as it was.
      if (state && (!staged->batches.empty() || staged->changed)) {
        group.commit.producers.push_back({staged->meta.id, id, *state});
      }
    }
  }
  if (group.commit.empty()) return;
  if (commit(group)) return show(group);
  // Whatever a request was told on the strength of this group is void, its outcome unknown.
  for (const auto& request : requests) {
    if (!request->error) refuse(*request, failure_);
  }
}

bool Committer::commit(Group& group) {
  auto committed = log_.commit(group.commit, group.durability);
  if (!committed) {
    failure_ = committed.errc();
    failing_ = true;
    next_recovery_ = std::chrono::steady_clock::now() + options_.recover_interval;
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
  for (auto& [name, staged] : group.staged) {
    if (!staged->changed && staged->batches.empty()) continue;
    if (!staged->topic) {
      auto created = topics_.open(name);
      TIDEMARK_ENSURE(created.has_value(), "a topic that was just committed can be opened");
      staged->topic = *created;
    }
    std::vector<BatchView> batches;
    batches.reserve(staged->batches.size());
    for (const std::size_t i : staged->batches) {
      const EncodedBatch& encoded = group.commit.batches[i];
      auto batch = BatchView::parse(encoded.topic, encoded.first, encoded.value);
      TIDEMARK_ENSURE(batch.has_value(), "a batch that was just built can be parsed");
      batches.push_back(*batch);
    }
    const TopicMeta* const changed = staged->changed ? &staged->meta : nullptr;
    if (!batches.empty()) {
      staged->topic->publish(batches, staged->tail, changed);
    } else if (changed != nullptr) {
      staged->topic->adopt(*changed);
    }
    group.advanced.push_back(staged->topic);
  }
  for (ProducerUpdate& update : group.commit.producers) {
    producers_.put(update.topic, update.id, std::move(update.state));
  }
  tell_dropped(group);
}

void Committer::tell_dropped(const Group& group) {
  if (group.dropped.empty()) return;
  const std::lock_guard lock(observers_mutex_);
  for (CommitObserver* const observer : observers_) {
    for (const auto& [topic, keep] : group.dropped) observer->dropped(topic, keep);
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

// ---- after a failure ----

/// The group that failed may be in the log or not: everything known is read anew.
void Committer::recover() {
  next_recovery_ = std::chrono::steady_clock::now() + options_.recover_interval;
  if (auto recovered = log_.recover(); !recovered) {
    failure_ = recovered.errc();
    return;
  }
  producers_.clear();
  flush_at_.reset();
  std::vector<std::shared_ptr<Topic>> advanced;
  bool whole = true;
  topics_.each([&](const std::shared_ptr<Topic>& topic) {
    auto loaded = log_.load(topic->name());
    if (!loaded) {
      whole = false;
      return;
    }
    if (!*loaded) return;
    topic->reload(std::move(**loaded));
    advanced.push_back(topic);
  });
  if (!whole) return;
  failing_ = false;
  deliver({}, advanced);
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

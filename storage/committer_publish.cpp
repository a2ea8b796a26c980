// Publishing: what may refuse it, and what it becomes in the group.
// storage/: a part of the committer; see committer.hpp.
#include "storage/committer_group.hpp"

namespace tidemark::storage {

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
  if (!request.error) renew(group, *staged);
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
  return request.events.empty() || (has_room(request) && has_room_for_keys(staged, request));
}

/// What adds nothing is never refused for it: duplicates are answered, topics closed.
bool Committer::has_room(Request& request) {
  auto why = guard_.refusal(std::chrono::steady_clock::now());
  if (!why) return true;
  counters_.refused_for_space.add();
  refuse(request, Errc::disk_full, std::move(*why));
  return false;
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
      request.begins_epoch = verdict->begins_epoch;
      refuse(request, Errc::sequence_gap);
      return false;
  }
  return false;
}

void Committer::append(Group& group, Staged& staged, PublishRequest& request) {
  request.epoch = staged.meta.lineage.back().epoch;
  request.offsets = {staged.tail.head.next(), {staged.tail.head.value + 1 + request.events.size()}};
  append_events(group, staged, request.events);
  if (request.producer) {
    record(staged.producers[request.producer->id], *request.producer, request.offsets, staged.time);
    request.producer_sequence = request.producer->sequence;
  }
  if (request.sequence) staged.meta.last_sequence = *request.sequence;
  if (request.close) staged.meta.closed = true;
  if (request.sequence || request.close) staged.changed = true;
  if (staged.meta.settings.durability == Durability::synced) group.durability = Durability::synced;
}

void Committer::append_events(Group& group, Staged& staged, std::span<const NewEvent> events) {
  for (const NewEvent& event : events) {
    if (!staged.builder.fits(event)) finish_batch(group, staged);
    staged.builder.add(event);
    staged.tail.head = staged.tail.head.next();
    if (staged.meta.settings.keep_latest && !event.key.empty()) keep_latest(staged, event);
  }
  if (!events.empty()) staged.tail.last_time = staged.time;
  group.events += events.size();
}

}  // namespace tidemark::storage

// Topics of the group: found or found expired, settings, trims, removal.
// storage/: a part of the committer; see committer.hpp.
#include <algorithm>

#include "storage/committer_group.hpp"

namespace tidemark::storage {

// ---- finding ----

/// The topic's part of the group; judged when it enters the group, and then for the whole of it:
/// one that has expired is removed in the same commit. Errors: unknown_topic, those of
/// Topics::open.
Result<Committer::Staged*> Committer::look_up(Group& group, const TopicName& name) {
  auto at = group.staged.find(name);
  if (at == group.staged.end()) {
    auto topic = topics_.open(name);
    if (!topic) return topic.error();
    auto staged = std::make_unique<Staged>();
    staged->topic = *topic;
    staged->meta = (*topic)->meta();
    staged->tail = (*topic)->tail();
    staged->payload = (*topic)->payload();
    staged->time = std::max(clock_.stamp(), staged->tail.last_time);
    Staged& entered = *group.staged.emplace(name, std::move(staged)).first->second;
    const bool kept_for_nobody = entered.meta.gone && entered.meta.forks == 0;
    if (kept_for_nobody || (!entered.meta.gone && (*topic)->expired(group.now))) {
      if (auto removed = remove(group, entered); !removed) {
        group.staged.erase(name);
        return removed.errc();
      }
    } else if (!entered.meta.gone) {
      answer_incidents(group, entered);
    }
    at = group.staged.find(name);
  }
  if (!at->second) return Errc::unknown_topic;
  return at->second.get();
}

/// The topic's part of the group, or null: the request has an error, unknown_topic if there is
/// none.
Committer::Staged* Committer::find_staged(Group& group, Request& request) {
  const auto found = look_up(group, request.topic);
  if (found && !(*found)->meta.gone) return *found;
  refuse(request, found ? Errc::topic_deleted : found.errc());
  return nullptr;
}

/// If data may have been lost without the log's doing, what is appended from now on is another
/// history: a reader who has seen more than is here must not take it for the same.
void Committer::answer_incidents(Group& group, Staged& staged) {
  const bool synced = staged.meta.settings.durability == Durability::synced;
  const Log::Incident incident = log_.incidents_after(staged.meta.incident);
  if (incident.number == staged.meta.incident) return;
  if (incident.buffered_only && synced) return;
  staged.meta.incident = incident.number;
  staged.meta.lineage.push_back({log_.next_epoch(), staged.tail.head.next()});
  staged.changed = true;
  if (synced) group.durability = Durability::synced;
}

/// Notes a use. It is written now and then, see use_slack; and whenever the metadata are.
void Committer::renew(const Group& group, Staged& staged) {
  const auto& ttl = staged.meta.settings.ttl;
  if (!ttl) return;
  if (staged.topic) staged.topic->touch(group.now);
  if (group.now.ms - staged.meta.used.ms < use_slack(*ttl).count()) return;
  staged.meta.used = group.now;
  staged.changed = true;
}

// ---- managing ----

void Committer::stage_configure(Group& group, ConfigureRequest& request) {
  Staged* staged = find_staged(group, request);
  if (staged == nullptr && request.error == Errc::unknown_topic) {
    TopicSettings settings = default_settings(request.topic);
    if (request.content_type) settings.content_type = *request.content_type;
    settings.keep_latest = request.keep_latest.value_or(settings.keep_latest);
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
  if (!admit_keep_latest(*staged, request)) return;
  if (request.keep_latest && *request.keep_latest != settings.keep_latest) {
    if (settings.keep_latest) forget_keys(group, *staged);
    settings.keep_latest = *request.keep_latest;
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
  Offset keep = std::min(request.keep, staged->tail.head.next());
  if (request.cause != GapCause::trimmed && staged->topic) {
    const auto held = staged->topic->held(std::chrono::steady_clock::now());
    keep = std::min(keep, held.value_or(keep));
  }
  if (keep > staged->meta.earliest) {
    ++group.trims.at(static_cast<std::size_t>(request.cause));
    group.trimmed_events += keep.value - staged->meta.earliest.value;
    staged->meta.earliest = keep;
    staged->meta.trim_cause = static_cast<std::uint8_t>(request.cause);
    staged->changed = true;
    // Files are removed afterwards, outside the write-ahead log: the watermark must be safe first.
    group.durability = Durability::synced;
    // Forks still read what lies before; the last of them to go has it given back.
    if (staged->meta.forks == 0) group.dropped.emplace_back(staged->meta.id, keep);
  }
  request.bounds = {.epoch = staged->meta.lineage.back().epoch,
                    .earliest = staged->meta.earliest,
                    .head = staged->tail.head};
}

void Committer::stage_use(Group& group, UseRequest& request) {
  Staged* staged = find_staged(group, request);
  if (staged == nullptr || staged->meta.id != request.id || !staged->topic) return;
  if (staged->topic->use_unsaved()) staged->changed = true;
}

// ---- removal ----

void Committer::stage_erase(Group& group, EraseRequest& request) {
  Staged* staged = find_staged(group, request);
  if (staged == nullptr) return;
  if (auto removed = remove(group, *staged); !removed) refuse(request, removed.errc());
}

/// Takes a topic away: what has forks is kept for them, gone; what has none is erased, and its
/// source after it if that was kept for this fork alone. Pre: the group has appended nothing to it.
/// Errors: as look_up; then nothing has changed.
Result<void> Committer::remove(Group& group, Staged& staged) {
  Staged* leaving = &staged;
  while (leaving->meta.forks == 0) {
    const auto source = source_of(group, leaving->meta);
    if (!source) {
      // Further up it stays, kept for nobody, until it is looked at again.
      if (leaving == &staged) return source.errc();
      break;
    }
    erase(group, *leaving);
    if (*source == nullptr) return ok();
    TopicMeta& meta = (*source)->meta;
    --meta.forks;
    (*source)->changed = true;
    if (!meta.gone) {
      if (meta.forks == 0 && meta.earliest > Offset{1})
        group.dropped.emplace_back(meta.id, meta.earliest);
      return ok();
    }
    leaving = *source;
  }
  // Its forks read its events, but nobody its keys.
  if (leaving->meta.settings.keep_latest) forget_keys(group, *leaving);
  leaving->meta.gone = true;
  leaving->changed = true;
  group.durability = Durability::synced;
  return ok();
}

/// Who counts the fork; null: it is none, or damage has left nobody who does.
Result<Committer::Staged*> Committer::source_of(Group& group, const TopicMeta& fork) {
  Staged* const nobody = nullptr;
  if (!fork.origin) return nobody;
  const auto name = TopicName::parse(fork.origin->source);
  if (!name) return nobody;
  const auto found = look_up(group, *name);
  if (!found) {
    const bool lost = found.errc() == Errc::unknown_topic || found.errc() == Errc::corrupt_record;
    return lost ? Result<Staged*>(nobody) : found;
  }
  const bool counts = (*found)->meta.id == fork.origin->id && (*found)->meta.forks > 0;
  return counts ? *found : nobody;
}

void Committer::erase(Group& group, Staged& staged) {
  TIDEMARK_ENSURE(staged.topic && staged.batches.empty() && staged.builder.count() == 0,
                  "a group does not remove what it has appended");
  group.durability = Durability::synced;  // nobody must find it alive again
  group.dropped.emplace_back(staged.meta.id, kWholeTopic);
  quotas_.remove(staged.topic->name().str());
  group.removed.push_back(std::move(group.staged.at(staged.topic->name())));
}

}  // namespace tidemark::storage

// Creating topics: everything that may refuse one comes before the first change.
// storage/: a part of the committer; see committer.hpp.
#include <algorithm>

#include "storage/committer_group.hpp"

namespace tidemark::storage {

struct Committer::Birth {
  TopicSettings settings;
  Payload payload = Payload::bytes;
  Staged* source = nullptr;  ///< a fork's
  ForkPoint point;
  Tail tail;                    ///< of what is inherited
  std::optional<NewEvent> cut;  ///< what of an event is inherited
};

namespace {

/// The end of a log that ends with `last`. Pre: what `last` is in has been committed.
Result<Tail> tail_at(Log& log, TopicId topic, Offset last) {
  Tail tail{.head = last, .last_time = {}, .bytes = 0};
  if (last.value == 0) return tail;
  const auto read = log.read(topic, last, [&](const BatchView& batch) {
    if (batch.header().first > last) return false;  // trimmed, and given back
    tail.last_time = batch.header().time;
    tail.bytes = batch.header().bytes_before + batch.stored_bytes();
    return false;
  });
  if (!read) return read.error();
  return tail;
}

Result<std::optional<std::string>> data_of(Log& log, TopicId topic, Offset offset) {
  std::optional<std::string> data;
  const auto read = log.read(topic, offset, [&](const BatchView& batch) {
    if (batch.header().first > offset) return false;
    const auto i = static_cast<std::uint32_t>(offset.value - batch.header().first.value);
    data = std::string(batch.event(i).data);
    return false;
  });
  if (!read) return read.error();
  return data;
}

}  // namespace

TopicSettings Committer::default_settings(const TopicName& name) const {
  return options_.defaults ? options_.defaults(name) : TopicSettings{};
}

/// False: the request has been refused.
bool Committer::may_create(const Group& group, Request& request, const TopicSettings& settings) {
  const auto no = [&](Errc code, std::string text = {}) {
    refuse(request, code, std::move(text));
    return false;
  };
  if (!valid_content_type(settings.content_type)) return no(Errc::invalid_content_type);
  const std::uint64_t topics = log_.topic_count() - group.removed.size() + group.created;
  if (topics >= max_topics_) return no(Errc::too_many_topics);
  const auto quota = quotas_.refusal(request.topic);
  if (!quota) return no(quota.errc());
  if (*quota) return no(Errc::too_many_topics, **quota);
  return has_room(request);
}

/// For a request that had found no topic; null: it is refused.
Committer::Staged* Committer::create(Group& group, Request& request, TopicSettings settings) {
  if (!may_create(group, request, settings)) return nullptr;
  request.error.reset();
  request.error_text.clear();
  return &begin(group, request.topic, std::move(settings));
}

/// Pre: may_create, and the group has no topic of that name.
Committer::Staged& Committer::begin(Group& group, const TopicName& name, TopicSettings settings) {
  auto staged = std::make_unique<Staged>();
  staged->meta.id = log_.next_topic_id();
  staged->meta.name = name.str();
  staged->meta.settings = std::move(settings);
  staged->meta.created = clock_.stamp();
  staged->meta.lineage.push_back({log_.next_epoch(), Offset{1}});
  staged->meta.incident = log_.incidents_after(0).number;
  staged->meta.used = group.now;
  staged->payload = payload_of(staged->meta.settings.content_type);
  staged->time = staged->meta.created;
  staged->changed = true;
  ++group.created;
  quotas_.add(name.str());
  return *group.staged.insert_or_assign(name, std::move(staged)).first->second;
}

void Committer::stage_create(Group& group, CreateRequest& request) {
  const auto there = look_up(group, request.topic);
  if (there) return answer_existing(**there, request);
  if (there.errc() != Errc::unknown_topic) return refuse(request, there.errc());
  Birth birth;
  if (!plan(group, request, birth)) return;
  Staged& staged = begin(group, request.topic, std::move(birth.settings));
  staged.meta.closed = request.close;
  if (birth.source != nullptr) {
    begin_in(staged.meta, birth.source->meta, birth.point, request.fork->sub_offset);
    staged.tail = birth.tail;
    staged.time = std::max(staged.time, staged.tail.last_time);
    ++birth.source->meta.forks;
    ++group.forked;
    birth.source->changed = true;
  }
  if (birth.cut) append_events(group, staged, {&*birth.cut, 1});
  append_events(group, staged, request.events);
  group.durability = Durability::synced;
  request.created = true;
  answer_existing(staged, request);
}

void Committer::answer_existing(const Staged& staged, CreateRequest& request) {
  if (staged.meta.gone) {
    return refuse(request, Errc::topic_exists, "it has been deleted, and is kept for its forks");
  }
  request.tail = position_at(staged.meta.lineage, staged.tail.head);
  request.closed = staged.meta.closed;
  request.settings = staged.meta.settings;
  if (!request.created && !same_topic(staged.meta, request)) refuse(request, Errc::topic_differs);
}

/// Settles what the topic will be; false: the request has been refused, and nothing has changed.
bool Committer::plan(Group& group, CreateRequest& request, Birth& birth) {
  birth.settings = default_settings(request.topic);
  birth.settings.content_type = request.content_type.value_or(std::string(kPlainContentType));
  birth.settings.ttl = request.ttl;
  birth.settings.expires_at = request.expires_at;
  if (request.fork && !plan_fork(group, request, birth)) return false;
  if (!may_create(group, request, birth.settings)) return false;
  birth.payload = payload_of(birth.settings.content_type);
  return admit_first_events(request, birth);
}

bool Committer::plan_fork(Group& group, CreateRequest& request, Birth& birth) {
  const auto no = [&](Errc code, std::string text = {}) {
    refuse(request, code, std::move(text));
    return false;
  };
  const auto source = look_up(group, request.fork->source);
  if (!source) return no(source.errc());
  const TopicMeta& meta = (*source)->meta;
  if (meta.gone) return no(Errc::source_deleted);
  if (request.content_type &&
      !same_content_type(*request.content_type, meta.settings.content_type)) {
    return no(Errc::content_type_mismatch,
              "the source's content type is " + meta.settings.content_type);
  }
  if (meta.origin && meta.origin->depth >= kMaxForkDepth) return no(Errc::too_many_forks);
  const auto point = fork_point({.meta = meta, .tail = (*source)->tail}, *request.fork);
  if (!point) return no(point.errc());
  birth.settings.keep_latest = false;  // of what it inherits it would not have the keys
  birth.source = *source;
  birth.point = *point;
  if (!request.content_type) birth.settings.content_type = meta.settings.content_type;
  if (!request.ttl && !request.expires_at) {
    birth.settings.ttl = meta.settings.ttl;
    birth.settings.expires_at = meta.settings.expires_at;
  }
  if (point->cut_bytes > 0 && !plan_cut(request, birth)) return false;
  const auto tail = tail_at(log_, meta.id, birth.point.inherited);
  if (!tail) return no(tail.errc());
  birth.tail = *tail;
  return true;
}

/// An event that is inherited in part becomes the fork's own as far as it goes; one inherited whole
/// stays where it is.
bool Committer::plan_cut(CreateRequest& request, Birth& birth) {
  const Offset next = birth.point.inherited.next();
  auto data = data_of(log_, birth.source->meta.id, next);
  if (!data) {
    refuse(request, data.errc());
    return false;
  }
  if (!*data || birth.point.cut_bytes > (*data)->size()) {
    refuse(request, Errc::invalid_fork, "the event has fewer bytes");
    return false;
  }
  if (birth.point.cut_bytes == (*data)->size()) {
    birth.point.inherited = next;
    return true;
  }
  (*data)->resize(birth.point.cut_bytes);
  birth.cut.emplace().data = std::move(**data);
  const Payload payload = payload_of(birth.settings.content_type);
  if (check_event(*birth.cut, payload, options_.max_event_bytes)) return true;
  refuse(request, Errc::invalid_fork, "what would be left of the event is not of the content type");
  return false;
}

bool Committer::admit_first_events(CreateRequest& request, const Birth& birth) const {
  for (NewEvent& event : request.events) {
    if (request.checked) break;
    if (auto checked = check_event(event, birth.payload, options_.max_event_bytes); !checked) {
      refuse(request, checked.errc());
      return false;
    }
  }
  if (!birth.settings.keep_latest) return true;
  const std::int64_t keys = KeyChanges().growth(request.events, birth.payload);
  if (may_have_keys(static_cast<std::uint64_t>(keys))) return true;
  refuse(request, Errc::too_many_keys);
  return false;
}

}  // namespace tidemark::storage

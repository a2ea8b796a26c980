// The storage room's front door: see event_store.hpp.
// storage/: composition only; the parts do the work.
#include "storage/event_store.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "storage/head_marker.hpp"
#include "storage/lineage.hpp"
#include "storage/log_queries.hpp"
#include "storage/retention.hpp"

namespace tidemark::storage {
namespace {

/// Completes the note with what is in the directory, and writes it there.
Result<void> note_backup(const std::filesystem::path& directory, BackupNote& note) {
  const auto sequence = HeadMarker::peek(directory / "HEAD");
  if (!sequence) return sequence.errc();
  auto files = files_of(directory);
  if (!files) return files.errc();
  note.sequence = *sequence;
  note.files = std::move(*files);
  return write_backup_note(directory, note);
}

/// A text before all names that begin with `prefix`, and after all names before those: no topic's
/// name holds a character beyond '~'.
std::string just_before(std::string_view prefix) {
  std::string out(prefix);
  if (out.empty()) return out;
  if (out.back() == '\0') {
    out.pop_back();
    return out;
  }
  out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) - 1);
  out += '\x7f';
  return out;
}

}  // namespace

boost::system::result<std::unique_ptr<EventStore>, OpenError> EventStore::open(
    const std::filesystem::path& directory, EventStoreOptions options) {
  auto log = open_rocks_log(directory, options.store);
  if (!log) return log.error();
  if (!options.committer.disk) options.committer.disk = disk_of(directory);
  return std::make_unique<EventStore>(std::move(*log), std::move(options));
}

EventStore::EventStore(std::unique_ptr<Log> log, EventStoreOptions options)
    : max_event_bytes_(options.committer.max_event_bytes),
      max_state_bytes_(options.committer.max_state_bytes),
      clock_(std::move(options.clock)),
      log_(std::move(log)),
      topics_(*log_, options.max_open_topics, options.ring_topic_bytes),
      cache_(*log_, options.segment_cache_bytes),
      committer_(*log_, topics_, clock_, std::move(options.committer)),
      cursors_(*log_, topics_, committer_, clock_, options.cursors),
      janitor_(*log_, topics_, committer_, cache_, clock_, options.janitor) {}

EventStore::~EventStore() { stop(); }

void EventStore::stop() {
  janitor_.stop();
  cursors_.stop();  // the committer writes what they still have to be written
  committer_.stop();
}

Result<void> EventStore::alive(const Topic& topic) {
  // Most never expire, and need not know what time it is.
  return topic.alive(topic.may_expire() ? clock_.now() : Timestamp{});
}

std::shared_ptr<Topic> EventStore::find_open(const TopicName& name) {
  auto topic = topics_.find(name);
  return topic && alive(*topic) ? topic : nullptr;
}

Result<std::shared_ptr<Topic>> EventStore::open_topic(const TopicName& name) {
  auto topic = topics_.open(name);
  if (!topic) return topic;
  if (auto lives = alive(**topic); !lives) return lives.error();
  return topic;
}

bool EventStore::touch(Topic& topic) {
  if (!topic.may_expire()) return !topic.deleted();
  const Timestamp now = clock_.now();
  if (!topic.alive(now)) return false;
  topic.touch(now);
  return true;
}

void EventStore::end_wait(Topic& topic) {
  touch(topic);  // before: after it the topic may have expired already
  topic.end_wait();
}

bool EventStore::expired(const Topic& topic) {
  return topic.may_expire() && topic.expired(clock_.now());
}

ReadAnswer EventStore::read(const Topic& topic, Position after) {
  ReadAnswer answer;
  if (expired(topic)) {
    answer.state = ReadAnswer::State::deleted;
    return answer;
  }
  answer = topic.read(after);
  if (answer.state != ReadAnswer::State::cold) return answer;
  if (auto segment = cache_.find(topic.id(), after.offset.next())) {
    const Offset end = segment->end();
    answer.state = ReadAnswer::State::events;
    answer.slice = {
        .segment = std::move(segment), .offsets = {after.offset.next(), end}, .cached = true};
  }
  return answer;
}

Result<void> EventStore::load(Topic& topic, Offset after) {
  auto loaded = cache_.load(topic, after.next());
  if (loaded || loaded.errc() != Errc::corrupt_record) return loaded;
  topics_.damage().note(topic.name(), topic.id(), topic.damaged());
  return ok();  // the reader is told a gap
}

Result<Position> EventStore::resolve(Topic& topic, const Start& start) {
  const Bounds bounds = topic.bounds();
  // The position before `next`, in the epoch of what comes there.
  const auto before = [&](Offset next) {
    return Position{topic.epoch_at(next).start.epoch, Offset{next.value - 1}};
  };
  if (const auto* after = std::get_if<StartAfter>(&start)) {
    Position position = after->position;
    if (position.epoch.value == 0) position.epoch = topic.epoch_at(position.offset).start.epoch;
    return position;
  }
  if (std::holds_alternative<StartEarliest>(start)) return before(bounds.earliest);
  if (const auto* last = std::get_if<StartLast>(&start)) {
    const OffsetRange held{bounds.earliest, bounds.head.next()};
    const std::uint64_t count = std::min(last->count, held.count());
    return before(Offset{bounds.head.value + 1 - count});
  }
  if (const auto* time = std::get_if<StartTime>(&start)) {
    auto found = offset_at_time(bounds, time->time,
                                [&](Offset offset) { return log_->header_at(topic.id(), offset); });
    if (!found) return found.error();
    return before(*found);
  }
  return Position{bounds.epoch, bounds.head};
}

Result<std::vector<LoadedTopic>> EventStore::list(std::string_view after, std::size_t limit,
                                                  std::string_view prefix) {
  return list(after, limit, prefix, [](const TopicName&) { return Listing::take; });
}

Result<std::vector<LoadedTopic>> EventStore::list(std::string_view after, std::size_t limit,
                                                  std::string_view prefix, const Choose& choose) {
  std::vector<LoadedTopic> topics;
  const Timestamp now = clock_.now();
  Result<void> loading = ok();
  const auto start = just_before(prefix);
  auto listed = log_->list(std::max<std::string_view>(after, start), [&](const TopicMeta& meta) {
    if (!meta.name.starts_with(prefix)) return false;
    const auto name = TopicName::parse(meta.name);
    if (!name || meta.gone) return true;
    const auto chosen = choose(*name);
    if (chosen != Listing::take) return chosen == Listing::skip;
    // Loaded without being opened: a listing must not fill memory with idle topics.
    if (const auto open = topics_.find(*name)) {
      if (open->alive(now)) topics.push_back({open->meta(), open->tail()});
    } else if (!lifetime_of(meta.settings).over(latest_use(meta), now)) {
      auto loaded = log_->load(*name);
      if (!loaded) loading = loaded.errc();
      if (loaded && *loaded && !(*loaded)->meta.gone) topics.push_back(std::move(**loaded));
    }
    return loading && topics.size() < limit;
  });
  if (!listed) return listed.error();
  if (!loading) return loading.error();
  return topics;
}

Result<std::uint64_t> EventStore::stored_bytes(const LoadedTopic& topic) {
  return storage::stored_bytes(*log_, topic);
}

Result<std::optional<StoredState>> EventStore::stored_state(const Topic& topic) {
  auto state = log_->state(topic.id());
  if (!state || !*state) return state;
  const Position position = (*state)->position;
  const TopicMeta meta = topic.meta();
  const bool leads_on = position.offset.next() >= meta.earliest &&
                        check_position(meta.lineage, topic.tail().head, position).has_value();
  if (!leads_on) state->reset();
  return state;
}

Result<Lag> EventStore::lag(const Topic& topic, Position position) {
  return cursors_.lag({.meta = topic.meta(), .tail = topic.tail()}, position);
}

Result<BackupNote> EventStore::backup(const std::filesystem::path& directory) {
  BackupNote note{.time = clock_.wall(), .topics = log_->topic_count()};
  if (auto made = log_->checkpoint(directory); !made) return made.errc();
  if (auto noted = note_backup(directory, note); !noted) {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
    return noted.errc();
  }
  return note;
}

EventStore::Figures EventStore::figures() {
  Figures out{.cache_bytes = cache_.memory(),
              .queue = committer_.queue(),
              .space = space(),
              .engine = log_->figures()};
  topics_.each([&](const std::shared_ptr<Topic>& topic) {
    ++out.open_topics;
    out.ring_bytes += topic->memory();
  });
  return out;
}

}  // namespace tidemark::storage

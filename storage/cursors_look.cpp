// Looks at all named cursors: lists, figures, and those that nobody has acknowledged for long.
// storage/: a part of the Cursors; see cursors_impl.hpp.
#include <algorithm>

#include "storage/cursors_impl.hpp"
#include "storage/lifecycle.hpp"
#include "storage/lineage.hpp"

namespace tidemark::storage {
namespace {

bool of_history(const TopicMeta& meta, Offset head, Position position) {
  // Ahead is one that was acknowledged since the topic was looked at.
  const auto checked = check_position(meta.lineage, head, position);
  return checked || checked.errc() != Errc::wrong_epoch;
}

}  // namespace

/// Up to `limit` cursors of a topic after `after`, by name: those of the log, over which goes what
/// the table knew before they were read. Fewer: there are no more.
Result<std::vector<Cursors::Impl::Named>> Cursors::Impl::page(TopicId topic, std::string_view after,
                                                              std::size_t limit) {
  CursorTable::Window window;
  {
    const std::lock_guard lock(mutex_);
    window = table_.window(topic, after, limit);
  }
  std::vector<Named> found;
  const auto visited =
      log_.cursors(topic, after, [&](std::string_view name, const StoredCursor& cursor) {
        if (!window.whole && name > window.known.rbegin()->first) return false;
        if (!window.known.contains(name))
          found.push_back({.name = std::string(name), .cursor = cursor});
        return found.size() < limit;
      });
  if (!visited) return visited.error();
  for (const auto& [name, known] : window.known)
    if (known) found.push_back({.name = name, .cursor = *known});
  std::sort(found.begin(), found.end(),
            [](const Named& a, const Named& b) { return a.name < b.name; });
  if (found.size() > limit)
    found.erase(found.begin() + static_cast<std::ptrdiff_t>(limit), found.end());
  return found;
}

/// A topic without opening it; nullopt: it has been deleted.
Result<std::optional<LoadedTopic>> Cursors::Impl::load(const TopicName& name, TopicId id) {
  std::optional<LoadedTopic> topic;
  if (const auto open = topics_.find(name)) {
    if (open->id() == id && !open->deleted()) topic = {.meta = open->meta(), .tail = open->tail()};
    return topic;
  }
  auto loaded = log_.load(name);
  if (!loaded) return loaded;
  if (*loaded && (*loaded)->meta.id == id && !(*loaded)->meta.gone) topic = std::move(**loaded);
  return topic;
}

// ---- lists ----

Result<std::vector<CursorInfo>> Cursors::Impl::list(const Place& after, std::size_t limit,
                                                    const ChooseTopic& choose) {
  if (auto counted = count(); !counted) return counted.error();
  std::vector<CursorInfo> found;
  CursorTable::TopicPlace at{after.topic, TopicId{}};
  for (bool more = true; more && found.size() < limit;) {
    std::vector<CursorTable::TopicPlace> topics;
    {
      const std::lock_guard lock(mutex_);
      topics = table_.topics(at, kTopics);
    }
    more = topics.size() == kTopics;
    if (more) at = topics.back();
    for (const auto& topic : topics) {
      if (found.size() >= limit) break;
      if (choose && !choose(topic.first)) continue;
      const bool first = topic.first == after.topic;
      if (auto listed = list_topic(topic, first ? after.name : "", limit, found); !listed)
        return listed.error();
    }
  }
  return found;
}

Result<void> Cursors::Impl::list_topic(const CursorTable::TopicPlace& topic, std::string after,
                                       std::size_t limit, std::vector<CursorInfo>& found) {
  const auto name = TopicName::parse(topic.first);
  if (!name) return ok();
  const Timestamp now = clock_.now();
  auto loaded = load(*name, topic.second);
  if (!loaded) return loaded.error();
  if (!*loaded) return ok();
  const TopicMeta meta = (*loaded)->meta;
  const Offset head = (*loaded)->tail.head;
  const auto open = topics_.find(*name);
  if (open ? open->expired(now) : lifetime_of(meta.settings).over(latest_use(meta), now))
    return ok();
  LagMeter meter(log_, std::move(**loaded), now);
  for (bool more = true; more && found.size() < limit;) {
    const std::size_t most = std::min(kPage, limit - found.size());
    auto cursors = page(topic.second, after, most);
    if (!cursors) return cursors.error();
    more = cursors->size() == most;
    if (more) after = cursors->back().name;
    for (Named& each : *cursors) {
      const auto lag = meter.of(each.cursor.position);
      if (!lag) return lag.error();
      found.push_back({.topic = topic.first,
                       .name = std::move(each.name),
                       .position = each.cursor.position,
                       .created = each.cursor.created,
                       .acknowledged = each.cursor.acknowledged,
                       .lag = *lag,
                       .in_epoch = of_history(meta, head, each.cursor.position)});
    }
  }
  return ok();
}

Result<std::uint64_t> Cursors::Impl::count_of(const Topic& topic) {
  if (auto counted = count(); !counted) return counted.error();
  const std::lock_guard lock(mutex_);
  return table_.size_of(topic.id());
}

// ---- the look now and then ----

Cursors::Figures Cursors::Impl::figures() const {
  const std::lock_guard lock(mutex_);
  Figures figures = figures_;
  figures.cursors = table_.size();
  return figures;
}

void Cursors::Impl::look() {
  Figures figures;
  CursorTable::TopicPlace at;
  for (bool more = true; more;) {
    std::vector<CursorTable::TopicPlace> topics;
    {
      const std::lock_guard lock(mutex_);
      topics = table_.topics(at, kTopics);
    }
    more = topics.size() == kTopics;
    if (more) at = topics.back();
    for (const auto& topic : topics)
      if (!look_at(topic, figures)) return;
  }
  const std::lock_guard lock(mutex_);
  figures.expired = figures_.expired;
  figures_ = figures;
}

/// False: the store is being closed. What can't be read is looked at the next time.
bool Cursors::Impl::look_at(const CursorTable::TopicPlace& topic, Figures& figures) {
  const TopicId id = topic.second;
  const auto name = TopicName::parse(topic.first);
  if (!name) return true;
  const auto loaded = load(*name, id);
  if (!loaded) return !stopping();
  if (!*loaded) {
    const std::lock_guard lock(mutex_);
    table_.drop(id);
    return !stopping_;
  }
  LagMeter meter(log_, **loaded, clock_.now());
  std::string after;
  for (bool more = true; more;) {
    write_if_due();  // a look at many must not keep others from being written
    if (stopping()) return false;
    auto cursors = page(id, after, kPage);
    if (!cursors) return true;
    more = cursors->size() == kPage;
    if (more) after = cursors->back().name;
    const Timestamp now = clock_.now();
    for (const Named& each : *cursors) {
      if (over(each.cursor, now)) {
        expire(*name, id, each.name);
      } else {
        tally(**loaded, each, meter, figures);
      }
    }
  }
  return true;
}

void Cursors::Impl::tally(const LoadedTopic& topic, const Named& cursor, LagMeter& meter,
                          Figures& figures) {
  const Position position = cursor.cursor.position;
  const auto lag = meter.of(position);
  if (!lag) return;
  figures.max_lag_events = std::max(figures.max_lag_events, lag->events);
  if (lag->lost > 0 || !of_history(topic.meta, topic.tail.head, position)) {
    ++figures.fallen;
  } else if (lag->falling) {
    ++figures.falling;
  }
}

bool Cursors::Impl::over(const StoredCursor& cursor, Timestamp now) const {
  const std::lock_guard lock(mutex_);
  const auto after = options_.expire_after.count();
  return after > 0 && (now.ms - cursor.acknowledged.ms) / 1000 >= after;
}

void Cursors::Impl::expire(const TopicName& topic, TopicId id, std::string_view name) {
  const Timestamp now = clock_.now();
  Lock lock(mutex_);
  const auto found = fetch(lock, topic, id, name);
  if (!found || !*found || stopping_) return;
  // It may have been acknowledged meanwhile.
  const auto unused = (now.ms - (*found)->acknowledged.ms) / 1000;
  if (unused < options_.expire_after.count()) return;
  table_.set(topic, id, name, std::nullopt);
  ++figures_.expired;
}

}  // namespace tidemark::storage

// Named cursors in memory: see cursor_table.hpp.
// storage/: an entry is as in the log (and in used_), queued to be written, or being written.
#include "storage/cursor_table.hpp"

#include <algorithm>
#include <iterator>

namespace tidemark::storage {

// ---- finding ----

CursorTable::OfTopic& CursorTable::of(const TopicName& topic, TopicId id) {
  const auto [at, fresh] =
      topics_.try_emplace(id, OfTopic{.name = topic, .cursors = 0, .entries = {}});
  if (fresh) names_.emplace(topic.str(), id);
  return at->second;
}

CursorTable::Entry* CursorTable::entry(TopicId topic, std::string_view name) {
  const auto of_topic = topics_.find(topic);
  if (of_topic == topics_.end()) return nullptr;
  const auto found = of_topic->second.entries.find(name);
  return found == of_topic->second.entries.end() ? nullptr : &found->second;
}

const CursorTable::Known* CursorTable::find(TopicId topic, std::string_view name) {
  Entry* const found = entry(topic, name);
  if (found == nullptr) return nullptr;
  if (!found->queued && !found->writing) used_.splice(used_.begin(), used_, found->used);
  return &found->cursor;
}

// ---- changing ----

void CursorTable::enter(const TopicName& topic, TopicId id, std::string_view name,
                        const StoredCursor& stored) {
  make_room();
  const auto [at, fresh] = of(topic, id).entries.try_emplace(std::string(name));
  TIDEMARK_ENSURE(fresh, "a cursor is taken in once");
  ++entries_;
  at->second.cursor = stored;
  at->second.written = stored.acknowledged;
  used_.emplace_front(id, &at->first);
  at->second.used = used_.begin();
}

void CursorTable::set(const TopicName& topic, TopicId id, std::string_view name,
                      const Known& cursor) {
  OfTopic& of_topic = of(topic, id);
  auto at = of_topic.entries.find(name);
  if (at == of_topic.entries.end()) {
    make_room();
    at = of_topic.entries.try_emplace(std::string(name)).first;
    ++entries_;
    used_.emplace_front(id, &at->first);
    at->second.used = used_.begin();
  }
  if (cursor && !at->second.cursor) {
    ++of_topic.cursors;
    ++size_;
  } else if (!cursor && at->second.cursor && of_topic.cursors > 0) {
    --of_topic.cursors;
    --size_;
  }
  at->second.cursor = cursor;
  changed(id, *at);
}

void CursorTable::touch(TopicId topic, std::string_view name, Timestamp now,
                        std::chrono::milliseconds slack) {
  const auto of_topic = topics_.find(topic);
  if (of_topic == topics_.end()) return;
  const auto at = of_topic->second.entries.find(name);
  if (at == of_topic->second.entries.end() || !at->second.cursor) return;
  StoredCursor& cursor = *at->second.cursor;
  cursor.acknowledged = std::max(cursor.acknowledged, now);
  if (cursor.acknowledged.ms - at->second.written.ms >= slack.count()) changed(topic, *at);
}

void CursorTable::changed(TopicId topic, Entries::value_type& entry) {
  Entry& what = entry.second;
  if (what.queued) return;
  if (!what.writing) used_.erase(what.used);
  what.queued = true;
  queue_.emplace_back(topic, entry.first);
}

void CursorTable::drop(TopicId topic) {
  const auto at = topics_.find(topic);
  if (at == topics_.end()) return;
  for (auto& [name, entry] : at->second.entries)
    if (!entry.queued && !entry.writing) used_.erase(entry.used);
  entries_ -= at->second.entries.size();
  size_ -= at->second.cursors;
  names_.erase({at->second.name.str(), topic});
  topics_.erase(at);
}

// ---- letting go ----

void CursorTable::make_room() {
  while (entries_ >= max_entries_ && !used_.empty()) {
    const auto [topic, name] = used_.back();
    const auto of_topic = topics_.find(topic);
    erase(of_topic, of_topic->second.entries.find(*name));
  }
}

/// Pre: the entry is in used_.
void CursorTable::erase(Topics::iterator topic, Entries::iterator entry) {
  used_.erase(entry->second.used);
  topic->second.entries.erase(entry);
  --entries_;
}

void CursorTable::forget_if_empty(Topics::iterator topic) {
  if (topic->second.cursors > 0 || !topic->second.entries.empty()) return;
  names_.erase({topic->second.name.str(), topic->first});
  topics_.erase(topic);
}

// ---- how many ----

void CursorTable::count(const TopicName& topic, TopicId id, std::uint64_t cursors) {
  if (cursors == 0) return;
  OfTopic& of_topic = of(topic, id);
  size_ += cursors - of_topic.cursors;
  of_topic.cursors = cursors;
}

std::uint64_t CursorTable::size_of(TopicId topic) const {
  const auto found = topics_.find(topic);
  return found == topics_.end() ? 0 : found->second.cursors;
}

std::vector<CursorTable::TopicPlace> CursorTable::topics(const TopicPlace& after,
                                                         std::size_t limit) const {
  std::vector<TopicPlace> found;
  for (auto at = names_.upper_bound(after); at != names_.end() && found.size() < limit; ++at)
    found.push_back(*at);
  return found;
}

CursorTable::Window CursorTable::window(TopicId topic, std::string_view after,
                                        std::size_t limit) const {
  Window window;
  const auto of_topic = topics_.find(topic);
  if (of_topic == topics_.end()) return window;
  const Entries& entries = of_topic->second.entries;
  std::size_t there = 0;
  for (auto at = entries.upper_bound(after); at != entries.end(); ++at) {
    if (there >= limit) {
      window.whole = false;
      break;
    }
    window.known.emplace_hint(window.known.end(), at->first, at->second.cursor);
    if (at->second.cursor) ++there;
  }
  return window;
}

// ---- writing ----

std::vector<CursorTable::Unwritten> CursorTable::take(std::size_t most) {
  std::vector<Unwritten> taken;
  for (; most > 0 && !queue_.empty(); --most) {
    const auto [topic, name] = std::move(queue_.front());
    queue_.pop_front();
    const auto of_topic = topics_.find(topic);
    Entry* const found = entry(topic, name);
    if (found == nullptr || !found->queued) continue;
    if (found->writing) {  // taken before and not settled: it has to wait
      queue_.emplace_back(topic, name);
      continue;
    }
    found->queued = false;
    found->writing = true;
    if (found->cursor) found->written = found->cursor->acknowledged;
    taken.push_back({.topic = of_topic->second.name,
                     .update = {.topic = topic, .name = name, .cursor = found->cursor}});
  }
  return taken;
}

void CursorTable::settle(const CursorUpdate& taken, bool written) {
  const auto topic = topics_.find(taken.topic);
  if (topic == topics_.end()) return;
  const auto at = topic->second.entries.find(taken.name);
  if (at == topic->second.entries.end() || !at->second.writing) return;
  Entry& entry = at->second;
  entry.writing = false;
  if (entry.queued) return;  // it has changed again
  if (written) return settled(topic, at);
  entry.queued = true;
  queue_.emplace_back(taken.topic, taken.name);
}

/// The entry is as in the log now.
void CursorTable::settled(Topics::iterator topic, Entries::iterator at) {
  used_.emplace_front(topic->first, &at->first);
  at->second.used = used_.begin();
  if (at->second.cursor && entries_ <= max_entries_) return;
  erase(topic, at);
  forget_if_empty(topic);
}

}  // namespace tidemark::storage

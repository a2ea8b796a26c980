// The topics that are open: see topics.hpp.
// storage/: the lock is held while one topic loads, so that there is one Topic per name.
#include "storage/topics.hpp"

namespace tidemark::storage {

std::shared_ptr<Topic> Topics::find(const TopicName& name) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return nullptr;
  used_.splice(used_.begin(), used_, found->second.used);
  return found->second.topic;
}

Result<std::shared_ptr<Topic>> Topics::open(const TopicName& name) {
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(name); found != entries_.end()) {
    used_.splice(used_.begin(), used_, found->second.used);
    return found->second.topic;
  }
  auto loaded = log_.load(name);
  if (!loaded) {
    if (loaded.errc() == Errc::corrupt_record) damage_.note_unreadable(name);
    return loaded.error();
  }
  damage_.note_readable(name);
  if (!*loaded) return Errc::unknown_topic;
  return enter(name, std::move(**loaded));
}

std::shared_ptr<Topic> Topics::enter(const TopicName& name, LoadedTopic loaded) {
  evict();
  auto topic = std::make_shared<Topic>(name, std::move(loaded), ring_bytes_);
  used_.push_front(name);
  const bool entered = entries_.try_emplace(name, Entry{topic, used_.begin()}).second;
  TIDEMARK_ENSURE(entered, "a topic is opened once");
  return topic;
}

void Topics::evict() {
  // Held topics are skipped, a bounded number of times: a scan of the whole list per insertion
  // would be quadratic when everything is held.
  constexpr int kTries = 64;
  auto candidate = used_.end();
  for (int i = 0; i < kTries && entries_.size() >= max_open_ && candidate != used_.begin(); ++i) {
    --candidate;
    const auto found = entries_.find(*candidate);
    if (found->second.topic.use_count() > 1) continue;
    entries_.erase(found);
    candidate = used_.erase(candidate);
  }
}

std::shared_ptr<Topic> Topics::add(const TopicName& name, LoadedTopic created) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  return found != entries_.end() ? found->second.topic : enter(name, std::move(created));
}

void Topics::remove(const Topic& topic) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(topic.name());
  if (found == entries_.end() || found->second.topic.get() != &topic) return;
  used_.erase(found->second.used);
  entries_.erase(found);
}

void Topics::each(const std::function<void(const std::shared_ptr<Topic>&)>& visit) {
  std::vector<std::shared_ptr<Topic>> open;
  {
    const std::lock_guard lock(mutex_);
    open.reserve(entries_.size());
    for (const auto& [name, entry] : entries_) open.push_back(entry.topic);
  }
  for (const auto& topic : open) visit(topic);
}

std::size_t Topics::open_count() {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace tidemark::storage

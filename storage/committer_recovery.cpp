// After a failed commit: what is known is read anew, and who must hear of it does.
// storage/: a part of the committer; see committer.hpp.
#include "storage/committer_group.hpp"

namespace tidemark::storage {

void Committer::begin_to_fail(Errc why) {
  failure_ = why;
  ++failures_;
  if (why == Errc::disk_full) ++full_;
  failing_ = true;
  next_recovery_ = std::chrono::steady_clock::now() + options_.recover_interval;
}

/// The group that failed may be in the log or not: everything known is read anew.
void Committer::recover() {
  next_recovery_ = std::chrono::steady_clock::now() + options_.recover_interval;
  if (auto recovered = log_.recover(); !recovered) {
    failure_ = recovered.errc();
    return;
  }
  producers_.clear();
  quotas_.forget();
  flush_at_.reset();
  std::vector<std::shared_ptr<Topic>> advanced;
  std::vector<std::pair<TopicId, Offset>> dropped;
  bool whole = true;
  topics_.each([&](const std::shared_ptr<Topic>& topic) {
    auto loaded = log_.load(topic->name());
    if (!loaded) {
      whole = false;
      return;
    }
    advanced.push_back(topic);
    if (*loaded && (*loaded)->meta.id == topic->id()) {
      topic->reload(std::move(**loaded));
    } else {  // the group that failed had removed it
      topic->mark_deleted();
      topics_.remove(*topic);
      dropped.emplace_back(topic->id(), kWholeTopic);
    }
  });
  std::vector<std::shared_ptr<Topic>> born;
  if (!whole || !find_born(born)) return;
  failing_ = false;
  perhaps_born_.clear();
  tell_created(born);
  tell_dropped(dropped);
  deliver({}, advanced);
}

/// Those the group that failed has created, if it is in the log all the same: who follows topics
/// that come to be must hear of them. False: it can't be told.
bool Committer::find_born(std::vector<std::shared_ptr<Topic>>& found) {
  for (const auto& [name, id] : perhaps_born_) {
    auto topic = topics_.open(name);
    if (topic && (*topic)->id() == id) found.push_back(std::move(*topic));
    if (!topic && topic.errc() != Errc::unknown_topic && topic.errc() != Errc::corrupt_record)
      return false;
  }
  return true;
}

}  // namespace tidemark::storage

// Where stored events were found damaged, by topic.
// storage/: readers find it, those who run the broker are told; see verify for a whole search.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "protocol/messages.hpp"
#include "storage/settings.hpp"

namespace tidemark::storage {

struct DamagedTopic {
  std::string name;
  TopicId id;                       ///< 0: not known
  std::vector<OffsetRange> events;  ///< disjoint, in order; empty: the topic can't be opened at all
};

/// As far as it has been met since the start. Threads: any.
class Damage {
 public:
  static constexpr std::size_t kMostTopics = 256;  ///< of further ones only the number of times

  /// These events of a topic, and what was known before of it, can't be read.
  void note(const TopicName& name, TopicId id, std::vector<OffsetRange> events);
  /// What the topic is, or where it ends, can't be read.
  void note_unreadable(const TopicName& name);
  /// It can, after all.
  void note_readable(const TopicName& name);
  /// Events before `keep` are gone, damaged or not; see CommitObserver::dropped.
  void forget(TopicId topic, Offset keep);

  [[nodiscard]] std::vector<DamagedTopic> topics() const;
  [[nodiscard]] std::vector<OffsetRange> of(const TopicName& name) const;

  struct Figures {
    std::size_t topics = 0;
    std::uint64_t events = 0;
    std::uint64_t times = 0;  ///< damage was met that had not been known
  };
  [[nodiscard]] Figures figures() const;

 private:
  DamagedTopic* entry(const TopicName& name);

  mutable std::mutex mutex_;
  std::map<std::string, DamagedTopic, std::less<>> topics_;
  std::uint64_t times_ = 0;
};

}  // namespace tidemark::storage

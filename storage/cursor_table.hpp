// Named cursors in memory: those in use, what of them is not written yet, and how many there are.
// storage/: owned and locked by Cursors; knows neither log nor clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/log.hpp"

namespace tidemark::storage {

/// A cursor that has changed is kept until it has been written; one that is as in the log may be
/// let go. Threads: one at a time.
class CursorTable {
 public:
  /// Beyond so many, those longest unused that are as in the log are let go.
  static constexpr std::size_t kMaxEntries = 250'000;
  explicit CursorTable(std::size_t max_entries = kMaxEntries) : max_entries_(max_entries) {}
  CursorTable(const CursorTable&) = delete;
  CursorTable& operator=(const CursorTable&) = delete;

  /// nullopt: there is none. Null: not known here. Lifetime: until the table is changed.
  using Known = std::optional<StoredCursor>;
  [[nodiscard]] const Known* find(TopicId topic, std::string_view name);
  /// Takes in what the log has. Pre: find() is null.
  void enter(const TopicName& topic, TopicId id, std::string_view name, const StoredCursor& stored);
  /// Changes, makes or removes a cursor, to be written. Pre: find() knows it, or the log has none.
  void set(const TopicName& topic, TopicId id, std::string_view name, const Known& cursor);
  /// Notes an acknowledgement that has moved nothing; to be written if what was written last is
  /// older by `slack`. Pre: find() has a cursor.
  void touch(TopicId topic, std::string_view name, Timestamp now, std::chrono::milliseconds slack);
  /// Forgets a topic with all its cursors, written or not.
  void drop(TopicId topic);

  // ---- how many ----

  /// The log has `cursors` of a topic. Pre: none of it has been set() yet.
  void count(const TopicName& topic, TopicId id, std::uint64_t cursors);
  /// Cursors there are, in the log or about to be.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Of them, those of a topic.
  [[nodiscard]] std::uint64_t size_of(TopicId topic) const;
  /// Up to `limit` topics that have cursors, by name and id, after `after`.
  using TopicPlace = std::pair<std::string, TopicId>;
  [[nodiscard]] std::vector<TopicPlace> topics(const TopicPlace& after, std::size_t limit) const;

  /// What is known of a topic's cursors after `after`, by name: so many that `limit` of them exist,
  /// or all. `whole`: all.
  struct Window {
    std::map<std::string, Known, std::less<>> known;
    bool whole = true;
  };
  [[nodiscard]] Window window(TopicId topic, std::string_view after, std::size_t limit) const;

  // ---- writing ----

  struct Unwritten {
    TopicName topic;
    CursorUpdate update;
  };
  /// Cursors that take() would find.
  [[nodiscard]] std::size_t unwritten() const { return queue_.size(); }
  /// Up to `most` that are to be written, in the order in which they have changed. Each is to be
  /// settled before it is taken again.
  [[nodiscard]] std::vector<Unwritten> take(std::size_t most);
  /// What was taken has been written, or is to be taken again.
  void settle(const CursorUpdate& taken, bool written);

 private:
  struct Entry {
    Known cursor;
    Timestamp written;     ///< StoredCursor::acknowledged as in the log, or taken
    bool queued = false;   ///< in queue_
    bool writing = false;  ///< taken
    std::list<std::pair<TopicId, const std::string*>>::iterator used;  ///< if neither
  };
  using Entries = std::map<std::string, Entry, std::less<>>;
  struct OfTopic {
    TopicName name;
    std::uint64_t cursors = 0;
    Entries entries;
  };
  using Topics = std::unordered_map<TopicId, OfTopic>;

  OfTopic& of(const TopicName& topic, TopicId id);
  Entry* entry(TopicId topic, std::string_view name);
  void changed(TopicId topic, Entries::value_type& entry);
  void settled(Topics::iterator topic, Entries::iterator entry);
  void erase(Topics::iterator topic, Entries::iterator entry);
  void forget_if_empty(Topics::iterator topic);
  void make_room();

  const std::size_t max_entries_;
  Topics topics_;
  std::set<TopicPlace> names_;  ///< of topics_
  std::uint64_t size_ = 0;
  std::size_t entries_ = 0;
  /// Of entries that are as in the log, most recently used first.
  std::list<std::pair<TopicId, const std::string*>> used_;
  std::deque<std::pair<TopicId, std::string>> queue_;  ///< some may have been dropped since
};

}  // namespace tidemark::storage

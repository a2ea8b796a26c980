// Named cursors: their table, their thread, their looks at the log.
// storage/: the Cursors' own; nobody else includes it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "storage/committer.hpp"
#include "storage/cursor_table.hpp"
#include "storage/cursors.hpp"
#include "storage/store_clock.hpp"
#include "storage/topics.hpp"

namespace tidemark::storage {

/// The lock is never held while the disk or the committer is waited for: the committer takes it to
/// tell of requests done and topics deleted.
class Cursors::Impl final : private CommitObserver {
 public:
  Impl(Log& log, Topics& topics, Committer& committer, StoreClock& clock, CursorsOptions options);
  ~Impl() override;

  // cursors.cpp
  Result<std::optional<Position>> find(const Topic& topic, std::string_view name);
  Result<Position> acknowledge(const Topic& topic, std::string_view name, Position position);
  Result<Position> place(const Topic& topic, std::string_view name, Position position);
  Result<void> remove(const Topic& topic, std::string_view name);
  Result<Lag> lag(const LoadedTopic& topic, Position position);
  void apply(CursorsOptions options);

  // cursors_look.cpp
  Result<std::vector<CursorInfo>> list(const Place& after, std::size_t limit,
                                       const ChooseTopic& choose);
  Result<std::uint64_t> count_of(const Topic& topic);
  Figures figures() const;

  // cursors_write.cpp
  void stop();

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Time = std::chrono::steady_clock::time_point;
  /// Cursors looked at at a time, and topics.
  static constexpr std::size_t kPage = 1'000;
  static constexpr std::size_t kTopics = 256;
  /// Cursors written together: at most as many requests, of the 65,536 that the committer's queue
  /// takes.
  static constexpr std::size_t kPortion = 4'096;
  /// What can't be written for so long when the store is closed is lost.
  static constexpr std::chrono::seconds kStopTime{2};
  static constexpr std::chrono::milliseconds kStopPause{10};

  // cursors.cpp
  Result<void> count();
  Result<CursorTable::Known> fetch(Lock& lock, const TopicName& topic, TopicId id,
                                   std::string_view name);
  /// Fetches the cursor of a position that has been judged; refuses one more than there may be.
  struct Found {
    CursorTable::Known cursor;
    Position position;
  };
  Result<Found> find_for(Lock& lock, const Topic& topic, std::string_view name, Position position);
  [[nodiscard]] std::chrono::milliseconds slack() const;

  // cursors_look.cpp
  struct Named {
    std::string name;
    StoredCursor cursor;
  };
  Result<std::vector<Named>> page(TopicId topic, std::string_view after, std::size_t limit);
  Result<std::optional<LoadedTopic>> load(const TopicName& name, TopicId id);
  Result<void> list_topic(const CursorTable::TopicPlace& topic, std::string after,
                          std::size_t limit, std::vector<CursorInfo>& found);
  void look();
  bool look_at(const CursorTable::TopicPlace& topic, Figures& figures);
  void tally(const LoadedTopic& topic, const Named& cursor, LagMeter& meter, Figures& figures);
  [[nodiscard]] bool over(const StoredCursor& cursor, Timestamp now) const;
  void expire(const TopicName& topic, TopicId id, std::string_view name);

  // cursors_write.cpp
  void committed(std::vector<std::unique_ptr<Request>> done,
                 std::span<const std::shared_ptr<Topic>>) override;
  void dropped(TopicId topic, Offset keep) override;
  void run();
  void write_if_due();
  bool write();
  bool write_portion(const std::vector<CursorTable::Unwritten>& portion);
  bool settle(const std::vector<CursorTable::Unwritten>& portion,
              const std::unordered_map<TopicId, std::optional<Errc>>& outcomes);
  void write_the_rest();
  [[nodiscard]] bool stopping() const;

  Log& log_;
  Topics& topics_;
  Committer& committer_;
  StoreClock& clock_;

  std::mutex count_mutex_;  ///< before mutex_
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable fetched_;
  std::condition_variable answered_;
  CursorsOptions options_;
  CursorTable table_;
  bool counted_ = false;
  std::set<std::pair<TopicId, std::string>> fetching_;  ///< read from the log by somebody
  std::vector<std::unique_ptr<Request>> answers_;
  Figures figures_;
  bool applied_ = false;
  bool stopping_ = false;

  Time next_write_;  ///< the thread's own
  std::thread thread_;
};

}  // namespace tidemark::storage

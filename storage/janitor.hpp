// Retention at work: looks at topics in turn and has the committer trim them.
// storage/: one thread; retention.hpp decides, the committer moves the watermark, the log reclaims.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "storage/committer.hpp"
#include "storage/segment_cache.hpp"

namespace tidemark::storage {

/// Wall-clock time that a jump forward of the clock can't carry away: it gains on real time at most
/// as fast again, so that a wrong clock expires nothing at once and a corrected one is followed.
class SteadyWallClock {
 public:
  Timestamp now(Timestamp wall, std::chrono::steady_clock::time_point steady);

 private:
  bool started_ = false;
  Timestamp now_;
  std::chrono::steady_clock::time_point steady_;
};

struct JanitorOptions {
  std::chrono::milliseconds open_interval{1'000};  ///< between looks at the open topics
  std::chrono::milliseconds all_interval{60'000};  ///< between looks at all there are
  std::function<Timestamp()> clock;                ///< null: the system's
};

/// Threads: its own. The committer tells it of trims (its own and others') and deleted topics.
class Janitor : private CommitObserver {
 public:
  Janitor(Log& log, Topics& topics, Committer& committer, SegmentCache& cache,
          JanitorOptions options);
  ~Janitor() override;
  /// Safe to call twice. The committer may be stopped already, or not yet.
  void stop();

 private:
  static constexpr std::size_t kPage = 1'000;  ///< topics listed at a time
  struct Reclaim {
    TopicId topic;
    Offset keep;
  };

  void committed(std::vector<std::unique_ptr<Request>>,
                 std::span<const std::shared_ptr<Topic>>) override {}
  void dropped(TopicId topic, Offset keep) override;
  void run();
  void look_at_open();
  void look_at_all();
  void look_at(const TopicName& name, const TopicMeta& meta, const Tail& tail, Timestamp time);
  void reclaim(const Reclaim& what);
  [[nodiscard]] Timestamp now();

  Log& log_;
  Topics& topics_;
  Committer& committer_;
  SegmentCache& cache_;
  const JanitorOptions options_;
  SteadyWallClock clock_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Reclaim> reclaims_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tidemark::storage

// Retention at work: looks at topics in turn and has the committer trim them.
// storage/: one thread; retention.hpp decides, the committer moves the watermark, the log reclaims.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/committer.hpp"
#include "storage/segment_cache.hpp"

namespace tidemark::storage {

struct JanitorOptions {
  std::chrono::milliseconds open_interval{1'000};   ///< between looks at the open topics
  std::chrono::milliseconds all_interval{60'000};   ///< between looks at all there are
  std::function<Timestamp()> clock;                 ///< null: the system's
};

/// Threads: its own; it is also told by the committer when a topic's watermark has moved.
class Janitor : private CommitObserver {
 public:
  Janitor(Log& log, Topics& topics, Committer& committer, SegmentCache& cache,
          JanitorOptions options);
  ~Janitor() override;
  void stop();

 private:
  void committed(std::vector<std::unique_ptr<Request>> done,
                 std::span<const std::shared_ptr<Topic>> advanced) override;
  void run();
  void look_at_open();
  void look_at_all();
  void look_at(const TopicMeta& meta, const Bounds& bounds, const Tail& tail);
  void reclaim(std::vector<std::unique_ptr<Request>> trims);
  [[nodiscard]] Timestamp now() const;

  Log& log_;
  Topics& topics_;
  Committer& committer_;
  SegmentCache& cache_;
  const JanitorOptions options_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Request>> trimmed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tidemark::storage

// Retention and expiry at work: looks at topics in turn and has the committer trim or remove them.
// storage/: one thread; retention.hpp decides, the committer moves the watermark, the log reclaims.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "storage/committer.hpp"
#include "storage/segment_cache.hpp"
#include "storage/store_clock.hpp"

namespace tidemark::storage {

struct JanitorOptions {
  std::chrono::milliseconds open_interval{1'000};  ///< between looks at the open topics
  std::chrono::milliseconds all_interval{60'000};  ///< between looks at all there are
};

/// Threads: its own. The committer tells it of trims (its own and others') and deleted topics.
class Janitor : private CommitObserver {
 public:
  Janitor(Log& log, Topics& topics, Committer& committer, SegmentCache& cache, StoreClock& clock,
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
  void look_at(const TopicName& name, const LoadedTopic& topic, Timestamp time,
               std::optional<Offset> held);
  void look_at_unopened(const TopicMeta& meta, Timestamp time);
  void settle(const TopicName& name, TopicId id);
  void submit(std::unique_ptr<Request> request);
  void reclaim(const Reclaim& what);

  Log& log_;
  Topics& topics_;
  Committer& committer_;
  SegmentCache& cache_;
  StoreClock& clock_;
  const JanitorOptions options_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Reclaim> reclaims_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tidemark::storage

// A store on a faulty disk with a clock of its own and no thread but the committer's.
// tests/proof/: what the random walk and the failing disk are run on.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "faulty_file_system.hpp"
#include "storage/committer.hpp"
#include "storage/rocks_store.hpp"
#include "storage/segment_cache.hpp"
#include "storage/store_clock.hpp"
#include "storage/topics.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::proof {

/// What a reader who begins at the start sees of a topic.
struct Seen {
  Epoch epoch;
  std::uint64_t earliest = 1;
  std::uint64_t head = 0;
  std::vector<std::string> events;  ///< from `earliest` on
};

struct StoreShape {
  std::size_t memtable_bytes = std::size_t{64} << 10;  ///< small: RocksDB flushes meanwhile
  std::size_t ring_bytes = std::size_t{2} << 10;       ///< small: most reads are from the disk
  std::size_t cache_bytes = std::size_t{4} << 10;
  std::chrono::milliseconds recover_interval{0};
};

/// Threads: run(), see() and failing() from any while it is open; the rest from one.
class StoreUnderFaults : private storage::CommitObserver {
 public:
  explicit StoreUnderFaults(StoreShape shape = {});
  ~StoreUnderFaults() override;

  /// False: refused, see refusal().
  [[nodiscard]] bool open(bool accept_loss = false);
  [[nodiscard]] const storage::OpenError& refusal() const { return refusal_; }
  void close();
  /// The power fails; another boot of the machine will find the disk.
  void crash(const PowerLoss& how);

  /// Submits and waits; the request comes back with its outcome.
  template <class R>
  std::unique_ptr<R> run(std::unique_ptr<R> request) {
    return std::unique_ptr<R>(static_cast<R*>(wait_for(std::move(request)).release()));
  }
  [[nodiscard]] Result<Seen> see(const TopicName& name);
  [[nodiscard]] bool failing() const { return committer_->stats().failing; }
  [[nodiscard]] std::uint64_t synced_groups() const { return committer_->stats().synced_groups; }
  /// Waits until the committer has recovered; false: it has not within seconds.
  [[nodiscard]] bool await_recovery() const;
  /// Gives back what trims and removals have dropped; as the janitor does, but when told.
  Result<void> reclaim();

  [[nodiscard]] storage::Log& log() { return *log_; }
  [[nodiscard]] storage::Topics& topics() { return *topics_; }
  [[nodiscard]] FaultyFileSystem& disk() { return *files_; }
  [[nodiscard]] std::filesystem::path home() const { return directory_.path() / "data"; }

  /// Time goes on, for the wall clock by another step if it is set meanwhile.
  void pass(std::int64_t steady_ms, std::int64_t wall_ms) {
    steady_ms_ += steady_ms;
    wall_ms_ += wall_ms;
  }

 private:
  std::unique_ptr<storage::Request> wait_for(std::unique_ptr<storage::Request> request);
  void committed(std::vector<std::unique_ptr<storage::Request>> done,
                 std::span<const std::shared_ptr<storage::Topic>>) override;
  void dropped(storage::TopicId topic, Offset keep) override;
  [[nodiscard]] storage::StoreOptions store_options(bool accept_loss);

  const StoreShape shape_;
  TempDir directory_;
  std::unique_ptr<FaultyFileSystem> files_;
  std::atomic<std::int64_t> wall_ms_{1'800'000'000'000};
  std::atomic<std::int64_t> steady_ms_{1'000'000};
  std::uint64_t boot_ = 1;
  storage::OpenError refusal_;

  std::mutex mutex_;
  std::unordered_map<const storage::Request*, std::promise<std::unique_ptr<storage::Request>>>
      waiting_;
  std::vector<std::pair<storage::TopicId, Offset>> dropped_;

  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::Topics> topics_;
  std::unique_ptr<storage::StoreClock> clock_;
  std::unique_ptr<storage::SegmentCache> cache_;
  std::unique_ptr<storage::Committer> committer_;
};

}  // namespace tidemark::proof

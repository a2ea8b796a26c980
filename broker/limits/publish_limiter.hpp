// How fast may be published, by each identity and to each topic.
// broker/limits/: asked where publishes enter: WebSocket messages, posted events, stream appends.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/limits/token_bucket.hpp"
#include "protocol/types.hpp"
#include "storage/counter.hpp"

namespace tidemark::broker {

/// Per second; 0: no limit.
struct PublishRates {
  double events_per_identity = 0;
  double bytes_per_identity = 0;
  double events_per_topic = 0;
  double bytes_per_topic = 0;
  std::chrono::milliseconds burst{2'000};  ///< the rate of so much time may come at once

  [[nodiscard]] bool any() const {
    return events_per_identity > 0 || bytes_per_identity > 0 || events_per_topic > 0 ||
           bytes_per_topic > 0;
  }
};

/// A publish, as far as limits go.
struct PublishCost {
  std::string_view identity;  ///< a name, or for the anonymous where they come from
  std::string_view topic;
  std::size_t events = 0;
  std::size_t bytes = 0;
};

/// Which of the rates has refused something.
enum class RateLimit : std::uint8_t {
  events_per_identity,
  bytes_per_identity,
  events_per_topic,
  bytes_per_topic,
};
inline constexpr std::size_t kRateLimits = 4;

/// Threads: any. Memory: at most kMostBuckets buckets of each kind; beyond it the longest unused is
/// forgotten, and whoever it was of may burst again. Lock order: an identity's, then a topic's.
class PublishLimiter {
 public:
  using Time = TokenBucket::Time;
  static constexpr std::size_t kMostBuckets = 65'536;

  PublishLimiter();
  ~PublishLimiter();
  PublishLimiter(const PublishLimiter&) = delete;
  PublishLimiter& operator=(const PublishLimiter&) = delete;

  /// 0: it may come, and is counted. Else nothing was counted, and this is the time to wait.
  /// Costs nothing if no rate is set.
  [[nodiscard]] std::chrono::milliseconds admit(const PublishRates& rates, const PublishCost& cost,
                                                Time now);

  [[nodiscard]] std::uint64_t refused(RateLimit limit) const {
    return refused_[static_cast<std::size_t>(limit)].get();
  }
  [[nodiscard]] std::size_t buckets() const;

 private:
  class Table;
  std::unique_ptr<Table> identities_;
  std::unique_ptr<Table> topics_;
  std::array<storage::SharedCounter, kRateLimits> refused_;
};

}  // namespace tidemark::broker

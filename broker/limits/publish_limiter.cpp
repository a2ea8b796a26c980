// How fast may be published: see publish_limiter.hpp.
// broker/limits/: tables of buckets, each bounded and forgotten from its unused end.
#include "broker/limits/publish_limiter.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::broker {

using std::chrono::milliseconds;

namespace {

// Independent locks: shards that publish for different identities rarely meet.
constexpr std::size_t kParts = 16;
constexpr std::size_t kMostPerPart = PublishLimiter::kMostBuckets / kParts;

/// What an identity's or a topic's bucket is measured by.
struct RatePair {
  Rate events;
  Rate bytes;
  [[nodiscard]] bool any() const { return events.per_second > 0 || bytes.per_second > 0; }
};

Rate rate_of(double per_second, milliseconds burst) {
  // At least one event, or nothing could ever come.
  const double seconds = std::chrono::duration<double>(burst).count();
  return {.per_second = per_second, .burst = std::max(1.0, per_second * seconds)};
}

struct Buckets {
  Buckets(const RatePair& rates, PublishLimiter::Time now)
      : events(rates.events, now), bytes(rates.bytes, now) {}
  TokenBucket events;
  TokenBucket bytes;

  /// How long each would have to be waited for.
  std::pair<milliseconds, milliseconds> wait(const RatePair& rates, const PublishCost& cost,
                                             PublishLimiter::Time now) {
    return {events.wait(rates.events, static_cast<double>(cost.events), now),
            bytes.wait(rates.bytes, static_cast<double>(cost.bytes), now)};
  }
  void take(const RatePair& rates, const PublishCost& cost) {
    if (rates.events.per_second > 0) events.take(static_cast<double>(cost.events));
    if (rates.bytes.per_second > 0) bytes.take(static_cast<double>(cost.bytes));
  }
};

}  // namespace

class PublishLimiter::Table {
 public:
  /// The buckets of one name, locked for as long as this lives. Empty if there is no rate.
  struct Held {
    std::unique_lock<std::mutex> lock;
    Buckets* buckets = nullptr;
  };

  Held hold(std::string_view name, const RatePair& rates, Time now) {
    if (!rates.any()) return {};
    Part& part = parts_[std::hash<std::string_view>{}(name) % kParts];
    Held held{.lock = std::unique_lock(part.mutex), .buckets = nullptr};
    held.buckets = &part.find_or_add(name, rates, now);
    return held;
  }

  [[nodiscard]] std::size_t size() {
    std::size_t size = 0;
    for (Part& part : parts_) {
      const std::lock_guard lock(part.mutex);
      size += part.used.size();
    }
    return size;
  }

 private:
  struct Entry {
    std::string name;
    Buckets buckets;
  };
  struct Part {
    std::mutex mutex;
    std::list<Entry> used;  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> entries;  // views of names

    Buckets& find_or_add(std::string_view name, const RatePair& rates, Time now) {
      if (const auto found = entries.find(name); found != entries.end()) {
        used.splice(used.begin(), used, found->second);
        return used.front().buckets;
      }
      forget_idle(rates, now);
      used.push_front({std::string(name), Buckets(rates, now)});
      entries.emplace(used.front().name, used.begin());
      return used.front().buckets;
    }

    /// For each that comes two may go: what is full again is as good as forgotten. If the table is
    /// full one goes in any case.
    void forget_idle(const RatePair& rates, Time now) {
      for (int i = 0; i < 2 && !used.empty(); ++i) {
        Buckets& oldest = used.back().buckets;
        static_cast<void>(oldest.wait(rates, {}, now));
        const bool idle = oldest.events.full(rates.events) && oldest.bytes.full(rates.bytes);
        if (!idle && used.size() < kMostPerPart) return;
        entries.erase(used.back().name);
        used.pop_back();
      }
    }
  };
  std::array<Part, kParts> parts_;
};

PublishLimiter::PublishLimiter()
    : identities_(std::make_unique<Table>()), topics_(std::make_unique<Table>()) {}

PublishLimiter::~PublishLimiter() = default;

milliseconds PublishLimiter::admit(const PublishRates& rates, const PublishCost& cost, Time now) {
  if (!rates.any()) return milliseconds(0);
  const RatePair of_identity{.events = rate_of(rates.events_per_identity, rates.burst),
                             .bytes = rate_of(rates.bytes_per_identity, rates.burst)};
  const RatePair of_topic{.events = rate_of(rates.events_per_topic, rates.burst),
                          .bytes = rate_of(rates.bytes_per_topic, rates.burst)};
  const auto identity = identities_->hold(cost.identity, of_identity, now);
  const auto topic = topics_->hold(cost.topic, of_topic, now);
  std::array<milliseconds, kRateLimits> waits{};
  if (identity.buckets != nullptr) {
    std::tie(waits[0], waits[1]) = identity.buckets->wait(of_identity, cost, now);
  }
  if (topic.buckets != nullptr) {
    std::tie(waits[2], waits[3]) = topic.buckets->wait(of_topic, cost, now);
  }
  const auto longest = std::ranges::max_element(waits);
  if (longest->count() > 0) {
    refused_[static_cast<std::size_t>(longest - waits.begin())].add();
    return *longest;
  }
  if (identity.buckets != nullptr) identity.buckets->take(of_identity, cost);
  if (topic.buckets != nullptr) topic.buckets->take(of_topic, cost);
  return milliseconds(0);
}

std::size_t PublishLimiter::buckets() const { return identities_->size() + topics_->size(); }

}  // namespace tidemark::broker

// Key sets kept up to date in the background: fetched from URLs, read from files.
// broker/access/: one thread; a failure keeps the keys that were there.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "broker/access/access.hpp"
#include "broker/access/access_plan.hpp"
#include "broker/access/key_ring.hpp"

namespace tidemark::broker {

/// Threads: any. Lock order: whoever calls may hold a lock of its own unless `changed` takes it,
/// and nothing is called back under this one's.
class KeySets {
 public:
  using Clock = std::chrono::steady_clock;

  /// Tokens that no key here has signed make a set be fetched at most so often.
  static constexpr std::chrono::seconds least_between_demands{30};
  /// Who waits for a key; more are refused. Their tokens are the memory it costs.
  static constexpr std::size_t most_waiting = 1024;

  /// `changed`: the keys are others now. Called on the thread of this.
  KeySets(AccessSources sources, std::function<void()> changed);
  /// Those who wait are called.
  ~KeySets();
  KeySets(const KeySets&) = delete;
  KeySets& operator=(const KeySets&) = delete;

  /// Other sets from now on. A URL that was there before keeps its keys until it is fetched again;
  /// a new one is fetched at once.
  void replace(const std::vector<PlannedSet>& sets, bool private_addresses);

  [[nodiscard]] std::vector<TrustedKey> keys() const;

  /// No key of here has signed a token. True: the sets are fetched, or being fetched, and `then` is
  /// called on the thread of this when they have been; false: there is nothing to wait for.
  bool demand(std::function<void()> then);

  /// Looks at the clock again; for clocks of a test.
  void look();

 private:
  struct Set {
    std::uint64_t number = 0;
    KeySetRule rule;
    bool private_addresses = false;
    std::vector<VerifyKey> keys;
    Clock::time_point due;
    std::optional<Clock::time_point> tried;
    bool demanded = false;
  };
  using Lock = std::unique_lock<std::mutex>;

  void run(const std::stop_token& stop);
  /// The next set to load; nullptr: none is due.
  Set* due_set();
  void load(Lock& lock, Set& set, const std::stop_token& stop);
  bool take_over(std::uint64_t number, std::variant<std::vector<VerifyKey>, KeyFault> loaded);
  void call_waiting(Lock& lock);
  void wait(Lock& lock, const std::stop_token& stop);
  Clock::duration jittered(Clock::duration period);
  void note(std::string_view name, const std::string& text) const;

  const AccessSources sources_;
  const std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<Set> sets_;
  std::vector<std::function<void()>> waiting_;
  std::uint64_t next_number_ = 1;
  std::optional<std::uint64_t> loading_;
  bool woken_ = false;
  std::minstd_rand random_;
  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace tidemark::broker

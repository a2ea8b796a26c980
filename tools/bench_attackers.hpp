// Hostile clients on a thread of their own, that come back as often as they are sent away.
// tools/: part of `tidemark bench hostile`; what they say is in bench_attacks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tools/bench_attacks.hpp"

namespace tidemark::tools::bench {

/// What became of the connections of one kind.
struct AttackOutcome {
  Attack attack;
  std::uint64_t made = 0;     ///< connections
  std::uint64_t ended = 0;    ///< of these, by the broker
  std::uint64_t refused = 0;  ///< not even made
  std::uint64_t bytes = 0;    ///< sent
};

/// Threads: the constructor's. What attacks is of the lowest priority, so that it takes nothing
/// from the healthy clients that are measured beside it.
class Attackers {
 public:
  /// Deals `connections` out over the attacks; begins at once. Pre: `host` is an IPv4 address of
  /// loopback.
  Attackers(const std::string& host, std::uint16_t port, std::vector<Attack> attacks,
            std::size_t connections);
  /// Ends and resets all of them.
  ~Attackers();
  Attackers(const Attackers&) = delete;
  Attackers& operator=(const Attackers&) = delete;

  [[nodiscard]] std::vector<AttackOutcome> outcomes() const;
  /// True once the broker has ended a connection of every kind that must end.
  [[nodiscard]] bool all_were_bounded() const;

 private:
  class Crowd;

  std::atomic<bool> over_{false};
  std::unique_ptr<Crowd> crowd_;
  std::thread thread_;
};

/// The address if it is IPv4 and loopback: nothing else is attacked. Throws BenchError.
[[nodiscard]] std::string loopback_only(const std::string& host);

}  // namespace tidemark::tools::bench

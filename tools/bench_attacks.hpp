// What hostile clients say, each kind its own way of costing a broker more than it costs them.
// tools/: part of `tidemark bench hostile`; pure. Who says it is in bench_attackers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench_wire.hpp"

namespace tidemark::tools::bench {

/// How one kind of hostile client behaves, from its connecting on.
struct Attack {
  std::string key;        ///< for machines: "slow_heads"
  std::string name;       ///< for people: "slow heads"
  std::string opening;    ///< sent as soon as it is connected
  bool upgrades = false;  ///< the opening asks for a WebSocket: what follows waits for the answer
  std::string then;       ///< sent once behind the opening
  std::string refrain;    ///< sent over and over
  double bytes_per_second = 0;  ///< of the refrain
  bool reads = true;            ///< else nothing behind the answer to an upgrade
  bool leaves = false;          ///< resets the connection by itself once it has said its `then`
  bool must_end = true;  ///< the broker has a limit against it: such a connection does not last
};

struct AttackTarget {
  std::string host;   ///< for the Host field
  std::string topic;  ///< one with more events than sockets hold, for those who never read
  double flood = 0;   ///< bytes a second of those who send without end
};

/// Every kind there is. The same for the same target.
[[nodiscard]] std::vector<Attack> all_attacks(const AttackTarget& target);

/// The head of a client's frame as RFC 6455 has it, for a size that need not be true. Masked with
/// zeros, so that the payload stands as it is.
[[nodiscard]] std::string frame_head(bool last, unsigned opcode, std::uint64_t size);

}  // namespace tidemark::tools::bench

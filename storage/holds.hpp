// Positions whose following events retention leaves alone for a while.
// storage/: owned and locked by Topic.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/types.hpp"

namespace tidemark::storage {

/// Threads: one at a time; Topic's lock guards it.
class Holds {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// At most `most` at a time, each for `time` at most.
  Holds(std::size_t most, std::chrono::seconds time) : most_(most), time_(time) {}

  /// Names the hold for release(); 0: there are as many as there may be, and it keeps nothing.
  std::uint64_t add(Offset after, Time now);
  void release(std::uint64_t number);
  /// The first event that is kept; nullopt: there is none. Forgets those whose time is over.
  std::optional<Offset> first(Time now);

 private:
  struct Held {
    std::uint64_t number = 0;
    Offset after;
    Time until;
  };
  void forget_over(Time now);

  const std::size_t most_;
  const std::chrono::seconds time_;
  std::uint64_t last_number_ = 0;
  std::vector<Held> held_;
};

}  // namespace tidemark::storage

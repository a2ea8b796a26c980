// What one shard counts: traffic, refusals, cursors.
// broker/metrics/: sessions and routes add to it, the page of metrics reads it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/messages.hpp"
#include "protocol/result.hpp"
#include "storage/counter.hpp"

namespace tidemark::broker {

using storage::Counter;

/// How a client is served.
enum class Channel : std::uint8_t { websocket, sse, http, long_poll };
inline constexpr std::size_t kChannels = 4;

/// What became of a credential somebody showed, or did not.
enum class AuthEvent : std::uint8_t {
  accepted,   ///< a new client
  refreshed,  ///< in place, on a connection that goes on
  refused,    ///< no such key, or no valid token
  expired,    ///< too old when it was shown
  forbidden,  ///< known, but without the right to what it asked for
  ended,      ///< a connection closed because its token has expired
  withdrawn,  ///< a connection closed because the rules have changed
};
inline constexpr std::size_t kAuthEvents = 7;

/// Which time a connection was closed for. The limits of ServerLimits, by their names.
enum class TimeLimit : std::uint8_t { handshake, idle, stall, close };
inline constexpr std::size_t kTimeLimits = 4;

/// Entry i is the enumerator with that value.
template <class Enum, std::size_t count>
class CountersBy {
 public:
  Counter& operator[](Enum which) { return counters_[index(which)]; }
  const Counter& operator[](Enum which) const { return counters_[index(which)]; }

 private:
  static std::size_t index(Enum which) {
    const auto i = static_cast<std::size_t>(which);
    return i < count ? i : 0;
  }
  std::array<Counter, count> counters_;
};

/// Error codes begin with 1; entry 0 stays empty.
inline constexpr std::size_t kCodes = static_cast<std::size_t>(Errc::cancelled) + 1;
inline constexpr std::size_t kGapCauses = static_cast<std::size_t>(GapCause::corrupt) + 1;

inline constexpr std::size_t kStatusClasses = 6;

/// What readers were given: one for each step of a cursor.
struct ReadCounters {
  Counter from_ring;   ///< runs of events found among the newest
  Counter from_cache;  ///< found among those that had been read from the disk
  Counter cold;        ///< neither: had to be read from the disk first
  CountersBy<GapCause, kGapCauses> gaps;
};

/// Of the connections looked at in one round: as of then.
struct CursorCensus {
  static constexpr std::size_t kLagBounds = 40;
  std::uint64_t ring = 0;  ///< cursors at or near the end of their topics
  std::uint64_t cold = 0;  ///< cursors that are served from the disk
  /// Entry i: how many are behind by less than 2^i events, and not by less than 2^(i-1).
  std::array<std::uint64_t, kLagBounds + 1> lag{};
  std::uint64_t most_behind = 0;

  void count(bool is_cold, std::uint64_t events_behind);
  void add(const CursorCensus& other);
  /// How far behind the given share of cursors is at most, rounded up to a power of 2 and never
  /// more than the one that is most behind. Pre: 0 < share <= 1.
  [[nodiscard]] std::uint64_t quantile(double share) const;
};

/// Threads: the shard's writes, any read.
struct ShardCounters {
  // in
  CountersBy<Channel, kChannels> publishes_in;    ///< asked for, whatever became of them
  CountersBy<Channel, kChannels> events_in;       ///< in them
  CountersBy<Channel, kChannels> bytes_in;        ///< payload of these
  CountersBy<Errc, kCodes> refusals;              ///< errors told to clients
  std::array<Counter, kStatusClasses> responses;  ///< HTTP answers; entry 2 is 200 to 299

  // out
  CountersBy<Channel, kChannels> events_out;
  CountersBy<Channel, kChannels> bytes_out;  ///< handed to connections, everything in them
  ReadCounters reads;

  // now
  CountersBy<Channel, kChannels> connections;    ///< by what they are; long_poll: waiting
  CountersBy<Channel, kChannels> subscriptions;  ///< likewise; http has none

  CountersBy<TimeLimit, kTimeLimits> timeouts;
  CountersBy<AuthEvent, kAuthEvents> auth;
};

}  // namespace tidemark::broker

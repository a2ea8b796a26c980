// The store's figures as JSON, for `tidemark stats`.
// broker/shapes/: from a running broker with its memory and its commits, from files without.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <boost/json/object.hpp>

#include "storage/counter.hpp"
#include "storage/log.hpp"

namespace tidemark::broker {

/// A histogram with its bounds.
struct StatsHistogram {
  storage::Distribution values;
  std::uint64_t smallest = 1;  ///< the first bound; each is twice the one before
};

/// Of a running broker.
struct StatsRun {
  std::uint64_t open_topics = 0;
  std::uint64_t ring_bytes = 0;
  std::uint64_t segment_cache_bytes = 0;
  std::uint64_t segment_cache_hits = 0;
  std::uint64_t segment_cache_misses = 0;
  std::uint64_t free_bytes = 0;  ///< of the disk; 0: not known
  std::uint64_t publishes = 0;
  std::uint64_t events = 0;
  std::uint64_t groups = 0;
  StatsHistogram synced_us;
  StatsHistogram buffered_us;
  StatsHistogram group_bytes;
};

struct StatsView {
  std::uint64_t topics = 0;
  std::vector<storage::LogFigure> engine;
  std::vector<storage::LogLevel> levels;
  std::optional<StatsRun> run;
};

/// `{"topics","engine":{name:number},"levels":[{"family","level","files","bytes"}]}`, and of a
/// running broker `"memory"`: {"open_topics","ring_bytes","segment_cache_bytes"},
/// `"segment_cache"`:
/// {"hits","misses"}, `"disk"`: {"free_bytes"}, `"commits"`: {"publishes","events","groups",
/// "synced","buffered","group_bytes"}, where the last three are histograms: {"count","sum",
/// "buckets":[{"le","count"}]}, counts not cumulated, microseconds or bytes, buckets of 0 left out,
/// the last one's "le" null where it has no bound. `"write_amplification"`: bytes written to files
/// and WAL for each byte of keys and values, since the store was opened; null: nothing was written.
[[nodiscard]] boost::json::object describe(const StatsView& view);

}  // namespace tidemark::broker

// The store's figures as JSON.
// broker/shapes/: see stats_shape.hpp.
#include "broker/shapes/stats_shape.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace tidemark::broker {

namespace json = boost::json;

namespace {

/// Whole numbers as such, as far as a double holds them exactly.
json::value number(double value) {
  constexpr double kExact = 9'007'199'254'740'992.0;  // 2^53
  if (!std::isfinite(value)) return nullptr;
  if (value != std::floor(value) || std::abs(value) > kExact) return value;
  return static_cast<std::int64_t>(value);
}

double figure(const StatsView& view, std::string_view name) {
  const auto found = std::ranges::find(view.engine, name, &storage::LogFigure::name);
  return found == view.engine.end() ? 0 : found->value;
}

json::value write_amplification(const StatsView& view) {
  const double asked = figure(view, "written_bytes_total");
  if (asked <= 0) return nullptr;
  const double done = figure(view, "wal_bytes_total") + figure(view, "flush_write_bytes_total") +
                      figure(view, "compaction_write_bytes_total");
  return done / asked;
}

json::object describe(const StatsHistogram& histogram) {
  std::uint64_t count = 0;
  json::array buckets;
  const auto& counts = histogram.values.counts;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    count += counts[i];
    if (counts[i] == 0) continue;
    json::object bucket{{"le", nullptr}, {"count", counts[i]}};
    if (i < storage::Distribution::kBounds) bucket["le"] = histogram.smallest << i;
    buckets.push_back(std::move(bucket));
  }
  return {{"count", count}, {"sum", histogram.values.sum}, {"buckets", std::move(buckets)}};
}

void add_run(json::object& out, const StatsRun& run) {
  out["memory"] = {{"open_topics", run.open_topics},
                   {"ring_bytes", run.ring_bytes},
                   {"segment_cache_bytes", run.segment_cache_bytes}};
  out["segment_cache"] = {{"hits", run.segment_cache_hits}, {"misses", run.segment_cache_misses}};
  out["disk"] = json::object{{"free_bytes", run.free_bytes}};
  out["commits"] = {{"publishes", run.publishes},
                    {"events", run.events},
                    {"groups", run.groups},
                    {"synced", describe(run.synced_us)},
                    {"buffered", describe(run.buffered_us)},
                    {"group_bytes", describe(run.group_bytes)}};
}

}  // namespace

json::object describe(const StatsView& view) {
  json::object engine;
  for (const auto& each : view.engine) {
    engine[json::string_view(each.name.data(), each.name.size())] = number(each.value);
  }
  json::array levels;
  for (const auto& level : view.levels) {
    levels.push_back({{"family", level.family},
                      {"level", level.level},
                      {"files", level.files},
                      {"bytes", level.bytes}});
  }
  json::object out{{"topics", view.topics}};
  out["engine"] = std::move(engine);
  out["levels"] = std::move(levels);
  out["write_amplification"] = write_amplification(view);
  if (view.run) add_run(out, *view.run);
  return out;
}

}  // namespace tidemark::broker

// What is for those who run the broker: see operator_routes.hpp.
// broker/: looks at what there is and says it; changes nothing.
#include "broker/operator_routes.hpp"

#include <array>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/gzip_body.hpp"
#include "broker/metrics/collect.hpp"
#include "broker/shapes/stats_shape.hpp"

namespace tidemark::broker {

namespace json = boost::json;

namespace {

StatsHistogram values_of(const storage::Histogram& histogram) {
  return {.values = histogram.get(), .smallest = histogram.bound(0)};
}

}  // namespace

ApiReply ready_reply(Network& network) {
  auto& store = network.hub.store();
  json::array reasons;
  json::array warnings;
  if (network.stopping) reasons.emplace_back("draining");
  if (store.stats().failing) reasons.emplace_back("recovering");
  if (store.space().refusing) warnings.emplace_back("disk_full");
  const bool ready = reasons.empty();
  return json_reply({{"ready", ready}, {"reasons", reasons}, {"warnings", warnings}},
                    ready ? 200 : 503);
}

ApiReply metrics_reply(Network& network, bool gzip) {
  ApiReply reply{
      .status = 200, .body = to_text(collect_metrics(network)), .content_type = kMetricsType};
  if (!gzip) return reply;
  const std::array<std::string_view, 1> whole{reply.body};
  if (auto packed = gzipped(whole)) {
    reply.body = std::move(*packed);
    reply.content_encoding = "gzip";
  }
  return reply;
}

ApiReply stats_reply(Network& network) {
  auto& store = network.hub.store();
  const auto now = store.figures();
  const auto stats = store.stats();
  const auto& counters = store.counters();
  StatsRun run{.open_topics = now.open_topics,
               .ring_bytes = now.ring_bytes,
               .segment_cache_bytes = now.cache_bytes,
               .publishes = counters.publishes.get(),
               .events = stats.events,
               .groups = stats.groups,
               .synced_us = values_of(counters.synced_us),
               .buffered_us = values_of(counters.buffered_us),
               .group_bytes = values_of(counters.group_bytes)};
  // Readers that found older events among those that somebody had read before, and who did not.
  for (std::size_t i = 0; i < network.hub.shard_count(); ++i) {
    const auto& reads = network.hub.shard(i).counters().reads;
    run.segment_cache_hits += reads.from_cache.get();
    run.segment_cache_misses += reads.cold.get();
  }
  if (now.space.disk) run.free_bytes = now.space.disk->free;
  return json_reply(describe(StatsView{
      .topics = store.topic_count(), .engine = now.engine, .levels = store.levels(), .run = run}));
}

}  // namespace tidemark::broker

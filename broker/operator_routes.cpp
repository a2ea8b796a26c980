// What is for those who run the broker: see operator_routes.hpp.
// broker/: looks at what there is and says it; changes nothing.
#include "broker/operator_routes.hpp"

#include <array>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/gzip_body.hpp"
#include "broker/metrics/collect.hpp"
#include "broker/shapes/stats_shape.hpp"
#include "broker/shapes/topic_shape.hpp"

namespace tidemark::broker {

namespace json = boost::json;

namespace {

StatsHistogram values_of(const storage::Histogram& histogram) {
  return {.values = histogram.get(), .smallest = histogram.bound(0)};
}

const storage::ProblemInfo& info_of(const storage::Trouble& trouble) {
  return storage::problems().at(static_cast<std::size_t>(trouble.problem));
}

json::string_view json_text(std::string_view text) { return {text.data(), text.size()}; }

/// At most storage::Damage::kMostTopics of them.
json::array describe(const std::vector<storage::DamagedTopic>& topics) {
  json::array out;
  for (const auto& topic : topics) {
    json::object each{{"topic", topic.name}};
    if (!topic.events.empty()) each["events"] = describe_ranges(topic.events);
    out.push_back(std::move(each));
  }
  return out;
}

}  // namespace

ApiReply health_reply(Network& network, const Caller& caller) {
  auto& store = network.hub.store();
  const auto signs = store.signs();
  const bool failing = signs.writing.failing;
  const bool stopping = network.stopping;
  json::array problems;
  for (const auto& trouble : storage::troubles_of(signs))
    if (trouble.now) problems.emplace_back(json_text(info_of(trouble).name));
  json::object body;
  body["status"] = failing ? "failing" : stopping ? "stopping" : "ok";
  if (failing) body["code"] = json_text(info(signs.writing.failure).name);
  // By these a client knows that it may come: see http_link.ts.
  if (!stopping) body["problems"] = std::move(problems);
  if (signs.damage.topics > 0) body["damaged_topics"] = signs.damage.topics;
  // Everybody may ask how the broker is, not how much there is in it.
  if (caller.may_operate()) {
    body["connections"] = network.connections.load();
    body["websockets"] = network.websockets.load();
    body["topics"] = store.topic_count();
  }
  return json_reply(body, failing || stopping ? 503 : 200);
}

ApiReply ready_reply(Network& network, const Caller& caller) {
  auto& store = network.hub.store();
  json::array reasons;
  json::array warnings;
  json::object details;
  if (network.stopping) reasons.emplace_back("draining");
  for (const auto& trouble : store.troubles()) {
    if (!trouble.now) continue;
    const auto& info = info_of(trouble);
    (info.not_ready ? reasons : warnings).emplace_back(json_text(info.name));
    details[info.name] = trouble.detail;
  }
  const bool ready = reasons.empty();
  json::object body{{"ready", ready}, {"reasons", reasons}, {"warnings", warnings}};
  if (caller.may_operate() && !details.empty()) {
    body["details"] = std::move(details);
    if (auto damaged = describe(store.damage().topics()); !damaged.empty())
      body["damaged"] = std::move(damaged);
  }
  return json_reply(body, ready ? 200 : 503);
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

// What the page of metrics tells of the network side.
// broker/metrics/: see collect.hpp. Sums over shards; each is read as its thread leaves it.
#include <array>
#include <functional>

#include "broker/metrics/collect.hpp"

namespace tidemark::broker {

namespace {

constexpr std::array<std::string_view, kChannels> kChannelNames{"websocket", "sse", "http",
                                                                "long_poll"};
constexpr std::array<std::string_view, kTimeLimits> kTimeLimitNames{"handshake", "idle", "stall",
                                                                    "close"};
constexpr std::array<std::string_view, kAuthEvents> kAuthEventNames{
    "accepted", "refreshed", "refused", "expired", "forbidden", "ended", "withdrawn"};
constexpr std::array<std::string_view, kRateLimits> kRateLimitNames{
    "publish-per-identity", "publish-bytes-per-identity", "publish-per-topic",
    "publish-bytes-per-topic"};

/// The shards of a hub, as one.
class Shards {
 public:
  explicit Shards(Hub& hub) : hub_(hub) {}

  [[nodiscard]] double sum(const std::function<const Counter&(const ShardCounters&)>& of) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < hub_.shard_count(); ++i) sum += of(hub_.shard(i).counters()).get();
    return static_cast<double>(sum);
  }

  /// A sample for each name, with the counter of the enumerator that has its place.
  template <class Enum, std::size_t count>
  void add_each(MetricFamily& family, std::string_view label,
                const std::array<std::string_view, count>& names,
                CountersBy<Enum, count> ShardCounters::*member) const {
    for (std::size_t i = 0; i < count; ++i) {
      const double value = sum([&](const ShardCounters& c) -> const Counter& {
        return (c.*member)[static_cast<Enum>(i)];
      });
      add_sample(family, {{std::string(label), std::string(names[i])}}, value);
    }
  }

 private:
  Hub& hub_;
};

void collect_traffic(const Shards& shards, MetricFamilies& out) {
  const auto by_channel = [&](MetricFamily& family,
                              CountersBy<Channel, kChannels> ShardCounters::*member) {
    shards.add_each(family, "transport", kChannelNames, member);
  };
  by_channel(out.counters("tidemark_received_publishes_total",
                          "Publishes clients have asked for, whatever became of them"),
             &ShardCounters::publishes_in);
  by_channel(out.counters("tidemark_received_events_total", "Events in these publishes"),
             &ShardCounters::events_in);
  by_channel(
      out.counters("tidemark_received_bytes_total", "Bytes of data and keys in these publishes"),
      &ShardCounters::bytes_in);
  by_channel(out.counters("tidemark_deliveries_total",
                          "Events handed to clients: one for each event and client"),
             &ShardCounters::events_out);
  by_channel(
      out.counters("tidemark_sent_bytes_total", "Bytes handed to connections, everything in them"),
      &ShardCounters::bytes_out);
}

void collect_reads(const Shards& shards, MetricFamilies& out) {
  auto& reads =
      out.counters("tidemark_reads_total",
                   "Steps of cursors by where events were found: ring (the newest), cache (read "
                   "from the disk before), cold (had to be read from the disk)");
  add_sample(reads, {{"place", "ring"}}, shards.sum([](const ShardCounters& c) -> const Counter& {
    return c.reads.from_ring;
  }));
  add_sample(reads, {{"place", "cache"}}, shards.sum([](const ShardCounters& c) -> const Counter& {
    return c.reads.from_cache;
  }));
  add_sample(reads, {{"place", "cold"}},
             shards.sum([](const ShardCounters& c) -> const Counter& { return c.reads.cold; }));
  auto& gaps = out.counters("tidemark_gaps_total", "Gaps that readers were told of, by cause");
  for (std::size_t i = 0; i < kGapCauses; ++i) {
    const auto cause = static_cast<GapCause>(i);
    add_sample(
        gaps, {{"cause", std::string(to_string(cause))}},
        shards.sum([&](const ShardCounters& c) -> const Counter& { return c.reads.gaps[cause]; }));
  }
}

void collect_refusals(const Network& network, const Shards& shards, MetricFamilies& out) {
  auto& refusals =
      out.counters("tidemark_refusals_total", "Errors told to clients, by code (see PROTOCOL.md)");
  const auto from_address = network.refused_from_address.load();
  for (const ErrorInfo& row : errors()) {
    double count =
        shards.sum([&](const ShardCounters& c) -> const Counter& { return c.refusals[row.code]; });
    if (row.code == Errc::too_many_connections)
      count += static_cast<double>(network.refused - from_address);
    if (row.code == Errc::too_many_from_address) count += static_cast<double>(from_address);
    add_sample(refusals, {{"code", std::string(row.name)}}, count);
  }
  auto& rates = out.counters("tidemark_rate_limited_total",
                             "Publishes refused for coming too fast, by the limit");
  for (std::size_t i = 0; i < kRateLimits; ++i) {
    const auto refused = network.limiter.refused(static_cast<RateLimit>(i));
    add_sample(rates, {{"limit", std::string(kRateLimitNames.at(i))}},
               static_cast<double>(refused));
  }
  out.gauge("tidemark_rate_limit_buckets", "Identities and topics whose rate is being watched",
            static_cast<double>(network.limiter.buckets()));
  shards.add_each(
      out.counters(
          "tidemark_timeouts_total",
          "Connections closed, or requests refused, because a time was over, by the limit"),
      "limit", kTimeLimitNames, &ShardCounters::timeouts);
  shards.add_each(out.counters("tidemark_auth_total", "What became of credentials"), "event",
                  kAuthEventNames, &ShardCounters::auth);
  auto& responses =
      out.counters("tidemark_http_responses_total", "HTTP answers by class of status");
  for (std::size_t i = 1; i < kStatusClasses; ++i) {
    add_sample(
        responses, {{"status", std::to_string(i) + "xx"}},
        shards.sum([&](const ShardCounters& c) -> const Counter& { return c.responses.at(i); }));
  }
}

void collect_connections(Network& network, const Shards& shards, MetricFamilies& out) {
  shards.add_each(out.gauges("tidemark_connections",
                             "Connections now; http are those that are neither of the others"),
                  "transport", kChannelNames, &ShardCounters::connections);
  shards.add_each(out.gauges("tidemark_subscriptions",
                             "Topics being followed now, counted once for each client"),
                  "transport", kChannelNames, &ShardCounters::subscriptions);
  out.counter("tidemark_accepted_connections_total", "Connections accepted",
              static_cast<double>(network.accepted));
  auto& refused = out.counters("tidemark_refused_connections_total",
                               "Connections turned away at the door, by the limit");
  const auto from_address = network.refused_from_address.load();
  add_sample(refused, {{"limit", "connections"}},
             static_cast<double>(network.refused - from_address));
  add_sample(refused, {{"limit", "connections-per-address"}}, static_cast<double>(from_address));
  out.counter("tidemark_tls_handshakes_failed_total", "TLS handshakes that came to nothing",
              static_cast<double>(network.handshakes_failed));
  out.gauge("tidemark_connections_limit", "Connections there may be (max.connections)",
            static_cast<double>(network.connection_limit.load()));
  out.gauge("tidemark_client_addresses", "Addresses whose connections are counted",
            static_cast<double>(network.addresses.addresses()));
}

void collect_cursors(const Network& network, MetricFamilies& out) {
  CursorCensus census;
  for (const auto& group : network.groups) census.add(group->census());
  auto& cursors = out.gauges("tidemark_cursors",
                             "Places of readers: in the ring of the newest events, or cold (served "
                             "from the disk); counted every few seconds");
  add_sample(cursors, {{"place", "ring"}}, static_cast<double>(census.ring));
  add_sample(cursors, {{"place", "cold"}}, static_cast<double>(census.cold));
  auto& lag = out.gauges("tidemark_cursor_lag_events",
                         "Events between a reader and the end of its topic; quantiles over all "
                         "readers, rounded up to powers of two, 1 is the most");
  for (const auto& [text, share] :
       {std::pair{"0.5", 0.5}, {"0.9", 0.9}, {"0.99", 0.99}, {"1", 1.0}}) {
    add_sample(lag, {{"share", text}}, static_cast<double>(census.quantile(share)));
  }
}

}  // namespace

void collect_network(Network& network, MetricFamilies& out) {
  const Shards shards(network.hub);
  collect_connections(network, shards, out);
  collect_traffic(shards, out);
  collect_reads(shards, out);
  collect_cursors(network, out);
  collect_refusals(network, shards, out);
  out.gauge("tidemark_draining", "1 while the broker is being stopped", network.stopping ? 1 : 0);
}

}  // namespace tidemark::broker

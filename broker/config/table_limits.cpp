// The table's part about limits: how much, how many, how fast, and how full the disk may get.
// broker/config/: see option_table.hpp.
#include "broker/config/option_table.hpp"
#include "protocol/types.hpp"

namespace tidemark::broker::config {
namespace {

constexpr std::uint64_t kKiB = 1ULL << 10;
constexpr std::uint64_t kGiB = 1ULL << 30;

std::vector<Option> sizes() {
  return {
      bytes_option(
          "max.message", "4MiB", {kKiB, kGiB},
          +[](Settings & s) -> auto& { return s.server.limits.message_bytes; },
          "Largest WebSocket message or HTTP body"),
      bytes_option(
          "max.event", "1MiB", {1, limits::event_bytes},
          +[](Settings & s) -> auto& { return s.store.committer.max_event_bytes; },
          "Largest event"),
      bytes_option(
          "max.arriving", "64MiB", {kKiB * kKiB, 64 * kGiB},
          +[](Settings & s) -> auto& { return s.server.limits.arriving_bytes; },
          "Memory of each thread for messages and bodies beyond 64KiB that are still arriving"),
  };
}

std::vector<Option> counts() {
  return {
      live(count_option(
          "max.connections", "100000", {1, 10'000'000},
          +[](Settings & s) -> auto& { return s.server.limits.connections; },
          "Connections at a time; fewer if the limit of open files leaves no room for them")),
      live(count_option(
          "max.connections-per-address", "1000", {0, 10'000'000},
          +[](Settings & s) -> auto& { return s.server.limits.connections_per_address; },
          "Connections at a time from one address (IPv6: one /64); loopback and trusted proxies "
          "are not counted, the addresses they forward are; 0: no limit")),
      live(count_option(
          "max.subscriptions", "1000", {1, 1'000'000},
          +[](Settings & s) -> auto& { return s.server.limits.subscriptions_per_connection; },
          "Topics one connection may follow")),
      live(count_option(
          "max.topics", "1000000", {1, 1'000'000'000},
          +[](Settings & s) -> auto& { return s.store.committer.limits.topics; },
          "Topics there may be")),
      live(bytes_option(
          "max.data", "0", {},
          +[](Settings & s) -> auto& { return s.store.committer.limits.space.most_held; },
          "Bytes of events in all topics; beyond it nothing can be published until some are gone; "
          "0: no limit")),
  };
}

std::vector<Option> rates() {
  return {
      live(count_option(
          "rate.publish-per-identity", "0", {},
          +[](Settings & s) -> auto& { return s.server.limits.publish_rates.events_per_identity; },
          "Events a second from one client identity, or if it has none from one address; 0: no "
          "limit")),
      live(bytes_option(
          "rate.publish-bytes-per-identity", "0", {},
          +[](Settings & s) -> auto& { return s.server.limits.publish_rates.bytes_per_identity; },
          "Bytes a second, likewise")),
      live(count_option(
          "rate.publish-per-topic", "0", {},
          +[](Settings & s) -> auto& { return s.server.limits.publish_rates.events_per_topic; },
          "Events a second to one topic; 0: no limit")),
      live(bytes_option(
          "rate.publish-bytes-per-topic", "0", {},
          +[](Settings & s) -> auto& { return s.server.limits.publish_rates.bytes_per_topic; },
          "Bytes a second, likewise")),
      live(time_option(
          "rate.burst", "2s", {1, 3'600'000},
          +[](Settings & s) -> auto& { return s.server.limits.publish_rates.burst; },
          "What the rates allow in this time may come at once")),
  };
}

}  // namespace

std::vector<Option> limit_options() {
  std::vector<Option> out = sizes();
  for (auto part : {counts(), rates()}) out.insert(out.end(), part.begin(), part.end());
  out.push_back(live(bytes_option(
      "disk.reserve", "256MiB", {},
      +[](Settings & s) -> auto& { return s.store.committer.limits.space.reserve; },
      "While less of the disk is free nothing can be published; it goes on by itself when there is "
      "a tenth more")));
  return out;
}

}  // namespace tidemark::broker::config

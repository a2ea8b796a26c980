// What is for those who run the broker: is it ready, and its figures.
// broker/: api_routes leads here; the answers are for load balancers and Prometheus.
#pragma once

#include "broker/api_reply.hpp"
#include "broker/connection.hpp"

namespace tidemark::broker {

/// 200 with `{"ready":true,"reasons":[]}`, or 503 with why it should be sent no clients: "draining"
/// (it is being stopped), "recovering" (the store refuses writes until it has). A full disk is no
/// such reason, since reading goes on; it is told as a "warning". Threads: any; may ask the disk.
[[nodiscard]] ApiReply ready_reply(Network& network);

/// The page of metrics, as gzip if that may be. Blocks for some milliseconds.
[[nodiscard]] ApiReply metrics_reply(Network& network, bool gzip);

/// The figures of the store, of stats_shape. Blocks for some milliseconds.
[[nodiscard]] ApiReply stats_reply(Network& network);

}  // namespace tidemark::broker

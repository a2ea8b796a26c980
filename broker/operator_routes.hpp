// What is for those who run the broker: is it ready, and its figures.
// broker/: api_routes leads here; the answers are for load balancers and Prometheus.
#pragma once

#include "broker/api_reply.hpp"
#include "broker/connection.hpp"

namespace tidemark::broker {

/// How the broker is: `status` is "ok", or with 503 "failing" (the store refuses writes; `code`
/// says what publishers are told) or "stopping"; `problems` (unless it is stopping) are the names
/// of storage::problems() that there are now, `damaged_topics` how many if there are any. Who may
/// operate it is also told how much there is in it. Threads: any; may ask the disk.
[[nodiscard]] ApiReply health_reply(Network& network, const Caller& caller);

/// 200 with `{"ready":true,"reasons":[],"warnings":[]}`, or 503 with why it should be sent no
/// clients: "draining" (it is being stopped), or a problem that keeps it from serving. Other
/// problems are warnings: with a full disk, say, reading goes on. Who may operate it without
/// showing a credential, which is not looked at here, is also told the `details` of each, and which
/// topics are `damaged`. Threads: any; may ask the disk.
[[nodiscard]] ApiReply ready_reply(Network& network, const Caller& caller);

/// The page of metrics, as gzip if that may be. Blocks for some milliseconds.
[[nodiscard]] ApiReply metrics_reply(Network& network, bool gzip);

/// The figures of the store, of stats_shape. Blocks for some milliseconds.
[[nodiscard]] ApiReply stats_reply(Network& network);

}  // namespace tidemark::broker

// What the page of metrics tells: one function for each part of the house.
// broker/metrics/: called on a reader thread, when somebody asks for the page.
#pragma once

#include <string>
#include <vector>

#include "broker/connection.hpp"
#include "broker/metrics/family.hpp"

namespace tidemark::broker {

/// Connections, traffic, refusals, limits: of the server and the shards of its hub.
void collect_network(Network& network, MetricFamilies& out);
/// The committer, what is kept in memory, the disk, the engine. Blocks; see EventStore::figures.
void collect_store(storage::EventStore& store, MetricFamilies& out);
/// States that newcomers were given, and named cursors.
void collect_states(Hub& hub, MetricFamilies& out);
/// Backups of the log; nothing where there are none.
void collect_backups(const Backups& backups, MetricFamilies& out);
/// This process, and which build it is.
void collect_process(MetricFamilies& out);

/// All of it. Threads: any. Blocks for some milliseconds.
[[nodiscard]] std::vector<MetricFamily> collect_metrics(Network& network);

}  // namespace tidemark::broker

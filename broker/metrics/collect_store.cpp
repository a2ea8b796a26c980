// What the page of metrics tells of the store.
// broker/metrics/: see collect.hpp.
#include "broker/metrics/collect.hpp"

namespace tidemark::broker {

namespace {

constexpr double kMicrosecond = 1e-6;

double real(std::uint64_t value) { return static_cast<double>(value); }

void collect_commits(const storage::CommitterCounters& counters, storage::EventStore& store,
                     MetricFamilies& out) {
  const auto stats = store.stats();
  out.counter("tidemark_committed_groups_total",
              "Groups written: all publishes that came while the one before was being written",
              real(stats.groups));
  out.counter("tidemark_committed_synced_groups_total", "Groups written and synced to the disk",
              real(stats.synced_groups));
  out.counter("tidemark_failed_groups_total", "Groups that could not be written",
              real(stats.failed_groups));
  out.counter("tidemark_events_total", "Events appended to the log", real(stats.events));
  out.counter("tidemark_publishes_total", "Publishes answered as done, duplicates included",
              real(counters.publishes.get()));
  out.counter("tidemark_duplicates_total",
              "Publishes a producer had sent before, which were not appended again",
              real(counters.duplicates.get()));
  out.counter("tidemark_appended_bytes_total", "Bytes appended to the log, as they are stored",
              real(counters.batch_bytes.get()));
  add_histogram(out.histograms("tidemark_group_requests", "Requests that were committed together"),
                {}, counters.group_requests);
  add_histogram(out.histograms("tidemark_group_bytes", "Bytes that were committed together"), {},
                counters.group_bytes);
  auto& seconds = out.histograms("tidemark_commit_seconds",
                                 "Time to write a group: synced is until it is on the disk "
                                 "(fsync), buffered until the operating system has it");
  add_histogram(seconds, {{"durability", "synced"}}, counters.synced_us, kMicrosecond);
  add_histogram(seconds, {{"durability", "buffered"}}, counters.buffered_us, kMicrosecond);
  out.gauge("tidemark_store_failing", "1 from a failed write until the store has recovered",
            stats.failing ? 1 : 0);
}

void collect_topics(const storage::CommitterCounters& counters, storage::EventStore& store,
                    MetricFamilies& out) {
  out.gauge("tidemark_topics", "Topics there are, those kept only for their forks included",
            real(store.topic_count()));
  out.counter("tidemark_topics_created_total", "Topics created, forks included",
              real(counters.topics_created.get()));
  out.counter("tidemark_forks_created_total", "Topics created as forks",
              real(counters.forks_created.get()));
  out.counter("tidemark_topics_removed_total", "Topics deleted or expired",
              real(counters.topics_removed.get()));
  auto& trims =
      out.counters("tidemark_trims_total", "Times a topic lost its oldest events, by cause");
  for (std::size_t i = 0; i < storage::kTrimCauses; ++i) {
    const auto cause = std::string(to_string(static_cast<GapCause>(i)));
    add_sample(trims, {{"cause", cause}}, real(counters.trims.at(i).get()));
  }
  out.counter("tidemark_trimmed_events_total", "Events that trims have taken",
              real(counters.trimmed_events.get()));
}

void collect_memory(const storage::EventStore& store, const storage::EventStore::Figures& now,
                    MetricFamilies& out) {
  out.gauge("tidemark_open_topics", "Topics held in memory", real(now.open_topics));
  out.gauge("tidemark_ring_bytes", "Memory of the newest events of all open topics",
            real(now.ring_bytes));
  out.gauge("tidemark_cache_bytes", "Memory of older events that are being read",
            real(now.cache_bytes));
  const auto& cache = store.cache_counters();
  out.counter("tidemark_cold_reads_total", "Reads of older events from the disk",
              real(cache.reads.get()));
  out.counter("tidemark_cold_read_bytes_total", "Bytes of records these reads have brought",
              real(cache.bytes.get()));
  out.counter("tidemark_cold_read_seconds_total", "Time these reads have taken, in all",
              real(cache.us.get()) * kMicrosecond);
  out.counter("tidemark_cold_read_damaged_total", "Reads that met damaged bytes",
              real(cache.damaged.get()));
  out.counter("tidemark_cache_evictions_total", "Segments of older events let go for want of room",
              real(cache.evicted.get()));
  out.gauge("tidemark_queue_requests", "Requests that wait for the committer",
            real(now.queue.requests));
  out.gauge("tidemark_queue_bytes", "Memory of the requests that wait for the committer",
            real(now.queue.bytes));
}

void collect_space(const storage::DiskGuard::State& space, std::uint64_t refused,
                   MetricFamilies& out) {
  const auto disk = space.disk.value_or(storage::DiskSpace{});
  out.gauge("tidemark_disk_free_bytes", "Bytes free where the log is", real(disk.free));
  out.gauge("tidemark_disk_size_bytes", "Size of the file system where the log is",
            real(disk.total));
  out.gauge("tidemark_disk_reserve_bytes",
            "Bytes kept free: below, publishing is refused (disk.reserve)",
            real(space.limits.reserve));
  out.gauge("tidemark_data_bytes", "Bytes the log takes", real(space.held));
  out.gauge("tidemark_data_limit_bytes", "Bytes the log may take (max.data); 0: no limit",
            real(space.limits.most_held));
  out.gauge("tidemark_disk_guard_refusing", "1 while publishing is refused for want of room",
            space.refusing ? 1 : 0);
  out.counter("tidemark_disk_guard_refusals_total",
              "Publishes and new topics refused for want of room", real(refused));
}

void collect_troubles(const storage::StoreSigns& signs, MetricFamilies& out) {
  auto& problems = out.gauges("tidemark_problem",
                              "1 while there is this problem (README.md says what to do about it)");
  auto& times = out.counters("tidemark_problems_total",
                             "Times a problem has begun or become worse since the start");
  for (const auto& trouble : storage::troubles_of(signs)) {
    const auto& info = storage::problems().at(static_cast<std::size_t>(trouble.problem));
    const MetricLabels labels{{"problem", std::string(info.name)}};
    add_sample(problems, labels, trouble.now ? 1 : 0);
    add_sample(times, labels, real(trouble.times));
  }
  out.gauge("tidemark_damaged_topics", "Topics in which damage was met since the start",
            real(signs.damage.topics));
  out.gauge("tidemark_damaged_events", "Events in them that can't be read",
            real(signs.damage.events));
  constexpr double kMillisecond = 1e-3;
  out.gauge("tidemark_clock_behind_seconds",
            "How far the time by which topics expire is behind the wall clock",
            static_cast<double>(signs.clock.behind.count()) * kMillisecond);
}

}  // namespace

void collect_store(storage::EventStore& store, MetricFamilies& out) {
  const auto& counters = store.counters();
  const auto now = store.figures();
  collect_commits(counters, store, out);
  collect_topics(counters, store, out);
  collect_memory(store, now, out);
  collect_space(now.space, counters.refused_for_space.get(), out);
  collect_troubles(store.signs(), out);
  for (const auto& figure : now.engine) {
    const auto name = "tidemark_rocksdb_" + std::string(figure.name);
    if (figure.counts) {
      out.counter(name, figure.help, figure.value);
    } else {
      out.gauge(name, figure.help, figure.value);
    }
  }
}

}  // namespace tidemark::broker

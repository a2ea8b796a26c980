// What the page of metrics tells of backups.
// broker/metrics/: see collect.hpp.
#include "broker/metrics/collect.hpp"

namespace tidemark::broker {

void collect_backups(const Backups& backups, MetricFamilies& out) {
  if (!backups.possible()) return;
  const auto now = backups.figures();
  auto& all = out.counters("tidemark_backups_total", "Backups by what became of them");
  add_sample(all, {{"outcome", "made"}}, static_cast<double>(now.made));
  add_sample(all, {{"outcome", "failed"}}, static_cast<double>(now.failed));
  out.gauge("tidemark_backup_running", "1 while a backup is being made", now.running ? 1 : 0);
  out.gauge("tidemark_backup_seconds", "Time the last backup took; 0: none since the start",
            std::chrono::duration<double>(now.took).count());
  constexpr double kMilliseconds = 1e-3;
  const auto last = static_cast<double>(now.last_success.value_or(Timestamp{}).ms);
  out.gauge("tidemark_backup_last_success_timestamp_seconds",
            "The moment the last backup is of, in seconds since 1970; 0: there is none",
            last * kMilliseconds);
}

}  // namespace tidemark::broker

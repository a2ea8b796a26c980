// What goes wrong with the store, as lines of the log: see trouble_log.hpp.
// tools/daemon/: compares what is with what was told.
#include "tools/daemon/trouble_log.hpp"

#include "broker/log/log.hpp"

namespace tidemark::tools {

namespace log = broker::log;
using storage::DamagedTopic;
using storage::Problem;
using storage::Trouble;

namespace {

log::Level level_of(Problem problem) {
  switch (problem) {
    case Problem::disk_full:
    case Problem::clock_jumped:
    case Problem::backup_restored:
      return log::Level::warn;
    default:
      return log::Level::error;
  }
}

}  // namespace

void TroubleLog::look(storage::EventStore& store, Time now) {
  look(store.troubles(), store.damage().topics(), now);
}

void TroubleLog::look(const storage::Troubles& troubles, const std::vector<DamagedTopic>& damaged,
                      Time now) {
  for (const Trouble& trouble : troubles)
    look(trouble, known_.at(static_cast<std::size_t>(trouble.problem)), now);
  look(damaged);
}

/// One that has come and gone between two looks is told of too.
void TroubleLog::look(const Trouble& trouble, Known& known, Time now) {
  const auto name = storage::problems().at(static_cast<std::size_t>(trouble.problem)).name;
  const bool more = trouble.times > known.times;
  const bool begun = trouble.now && !known.since;
  if (more || begun) {
    log::event(level_of(trouble.problem), "problem",
               {{"problem", name},
                {"detail", trouble.detail},
                {"times", more ? trouble.times - known.times : 1}});
  }
  if (begun || (more && !known.since)) known.since = now;
  known.times = trouble.times;
  if (trouble.now || !known.since) return;
  log::event(log::Level::info, "problem_over", {{"problem", name}, {"after", now - *known.since}});
  known.since.reset();
}

void TroubleLog::look(const std::vector<DamagedTopic>& damaged) {
  std::map<std::string, std::vector<OffsetRange>> seen;
  for (const DamagedTopic& topic : damaged) {
    const auto told = damaged_.find(topic.name);
    if (told == damaged_.end() || told->second != topic.events) {
      if (topic.events.empty()) {
        log::event(log::Level::error, "damage",
                   {{"topic", topic.name}, {"detail", "the topic can't be opened"}});
      } else {
        std::uint64_t events = 0;
        for (const OffsetRange& range : topic.events) events += range.count();
        log::event(log::Level::error, "damage",
                   {{"topic", topic.name},
                    {"first", topic.events.front().first.value},
                    {"last", topic.events.back().end.value - 1},
                    {"events", events}});
      }
    }
    seen.emplace(topic.name, topic.events);
  }
  damaged_ = std::move(seen);
}

}  // namespace tidemark::tools

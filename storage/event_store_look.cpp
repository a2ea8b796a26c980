// What is asked of the store beside its events: for those who look at it, not for its readers.
// storage/: a part of the EventStore; each asks the log.
#include "storage/event_store.hpp"
#include "storage/log_queries.hpp"

namespace tidemark::storage {

Result<std::optional<Timestamp>> EventStore::time_of(const LoadedTopic& topic, Offset offset) {
  return storage::time_of(*log_, topic, offset);
}

Result<void> EventStore::producers(const Topic& topic, std::string_view after,
                                   const VisitProducer& visit) {
  return log_->producers(topic.id(), after, visit);
}

StoreSigns EventStore::signs() {
  return {.writing = stats(),
          .space = space(),
          .log = log_->health(),
          .damage = topics_.damage().figures(),
          .clock = clock_.state()};
}

std::vector<LogLevel> EventStore::levels() { return log_->levels(); }

}  // namespace tidemark::storage

// Finds a topic for a route, at once or after a look at the disk.
// broker/: what the routes that name one topic begin with.
#pragma once

#include <memory>
#include <utility>

#include "broker/shard.hpp"

namespace tidemark::broker {

using TopicFound = Result<std::shared_ptr<storage::Topic>>;

/// Calls `then(TopicFound)` on the shard: at once if the topic is in memory. Threads: the shard's.
template <class Then>
void with_topic(Shard& shard, const TopicName& name, Then then) {
  if (auto topic = shard.store().find_open(name)) return then(TopicFound(std::move(topic)));
  const auto found = std::make_shared<TopicFound>(Errc::unknown_topic);
  shard.run_blocking([&store = shard.store(), name, found] { *found = store.open_topic(name); },
                     [found, then = std::move(then)]() mutable { then(std::move(*found)); });
}

}  // namespace tidemark::broker

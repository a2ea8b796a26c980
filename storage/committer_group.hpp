// A group commit under construction: its topics as they will be, and what goes with them.
// storage/: the committer's own; nobody else includes it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/committer.hpp"
#include "storage/key_changes.hpp"
#include "storage/lifecycle.hpp"

namespace tidemark::storage {

inline void refuse(Request& request, Errc code, std::string text = {}) {
  request.error = code;
  request.error_text = std::move(text);
}

struct Committer::Staged {
  std::shared_ptr<Topic> topic;  ///< null until a created topic has been committed
  TopicMeta meta;
  Tail tail;
  Payload payload = Payload::json;
  Timestamp time;
  bool changed = false;  ///< the metadata
  BatchBuilder builder;
  std::vector<std::size_t> batches;  ///< in the group's commit
  std::unordered_map<std::string, std::optional<ProducerState>> producers;
  KeyChanges keys;                   ///< of a topic with keep_latest
  std::optional<StateUpdate> state;  ///< what is to be stored, or removed
};

struct Committer::Group {
  CommitGroup commit;
  Durability durability = Durability::buffered;
  Timestamp now;  ///< by which topics expire
  /// By name; null: there is none any more.
  std::unordered_map<TopicName, std::unique_ptr<Staged>> staged;
  std::vector<std::unique_ptr<Staged>> removed;
  std::uint64_t created = 0;
  std::uint64_t forked = 0;  ///< of them
  std::array<std::uint64_t, kTrimCauses> trims{};
  std::uint64_t trimmed_events = 0;
  std::vector<std::shared_ptr<Topic>> advanced;
  std::vector<std::shared_ptr<Topic>> born;  ///< created, and shown
  std::vector<std::pair<TopicId, Offset>> dropped;
  std::uint64_t events = 0;
  std::vector<ReadKeysRequest*> key_readers;  ///< to be opened when this has been committed
};

}  // namespace tidemark::storage

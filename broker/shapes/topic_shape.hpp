// A topic as JSON: what the API says of one.
// broker/shapes/: the same from a running broker and from its files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "storage/log.hpp"

namespace tidemark::broker {

/// What is said only of a topic that is asked for by name.
struct TopicDetail {
  std::optional<Timestamp> oldest;  ///< time of the earliest event retained
  std::optional<Timestamp> newest;
  std::optional<std::size_t> memory_bytes;  ///< in the broker's ring; unset: no broker, or not open
  std::vector<OffsetRange> damaged;         ///< events that the broker could not read
  // unset: not for whoever asks
  std::optional<std::uint64_t> producers;
  std::optional<std::uint64_t> cursors;
};

/// What is known of a topic at one moment.
struct TopicView {
  storage::LoadedTopic topic;
  std::optional<std::uint64_t> bytes;      ///< of the events retained, as stored; unset: not known
  std::optional<std::size_t> subscribers;  ///< who follows it, on any connection; unset: no broker
  std::optional<TopicDetail> detail;
};

/// `{"name","epoch","head","earliest","content_type","durability","retention","keep_latest","closed","forks",
/// "created"}`, and where there are such `subscribers`, `bytes`, `ttl_seconds`, `expires_at` and
/// `fork` (`source`, and `offset`: the last event that is the source's). With detail also
/// `lineage` (a list of `epoch` and `first`, oldest first), `dropped` (`events`, and if any `cause`
/// of the last trim: a name of GapCause), `keys` (how many, of one that keeps the latest),
/// `damaged` (if any: describe_ranges), and where known `producers`, `cursors`, `oldest`, `newest`
/// (RFC 3339) and `memory_bytes`.
[[nodiscard]] boost::json::object describe(const TopicView& view);

/// `[{"first","last"}, …]`; at most 100 of them. Pre: none is empty.
[[nodiscard]] boost::json::array describe_ranges(const std::vector<OffsetRange>& ranges);

}  // namespace tidemark::broker

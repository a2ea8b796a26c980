// Topics as JSON: what the API says of one, and what a PUT may set.
// broker/: shapes only; api_routes asks the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "storage/committer.hpp"
#include "storage/log.hpp"

namespace tidemark::broker {

/// What is known of a topic at one moment.
struct TopicView {
  storage::LoadedTopic topic;
  std::optional<std::uint64_t> bytes;  ///< of the events retained, as stored; unset: not known
  std::size_t subscribers = 0;         ///< who follows it, on any connection of this process
};

/// `{"name","epoch","head","earliest","content_type","durability","retention","keep_latest","closed","forks",
/// "subscribers","created"}`, and where there are such `bytes`, `ttl_seconds`, `expires_at` and
/// `fork` (`source`, and `offset`: the last event that is the source's).
[[nodiscard]] boost::json::object describe(const TopicView& view);

/// Fills in what the body of a PUT sets: `content_type`, `durability`, `retention` (as a whole),
/// `keep_latest`. An empty body sets nothing. Returns a sentence about what is wrong, or nothing.
[[nodiscard]] std::string read_settings(std::string_view body, storage::ConfigureRequest& request);

}  // namespace tidemark::broker

// What the store as a whole may hold; changed while it runs.
// storage/: plain data; the committer keeps to it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/types.hpp"
#include "storage/disk_guard.hpp"

namespace tidemark::storage {

/// How many of the topics that fit a pattern there may be.
struct TopicQuota {
  std::string pattern;  ///< up to its first '*' it stands for itself; for the rest see `fits`
  std::function<bool(std::string_view)> fits;
  std::uint64_t topics = 0;
};

struct StoreLimits {
  std::uint64_t topics = 1'000'000;
  std::vector<TopicQuota> topics_of;
  SpaceLimits space;
};

}  // namespace tidemark::storage

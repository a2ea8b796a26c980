// A topic's state as an application has stored it: a bundle, and what it reflects.
// storage/: kept by the log; the newest replaces the one before.
#pragma once

#include <string>

#include "protocol/types.hpp"

namespace tidemark::storage {

/// State of a topic after `position`: everything up to there is in it, nothing later.
struct StoredState {
  Position position;
  Timestamp stored;
  std::string content_type;
  std::string data;
  bool operator==(const StoredState&) const = default;
};

}  // namespace tidemark::storage

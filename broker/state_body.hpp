// A state of keys as the body of an answer: a JSON array, page by page.
// broker/: state_routes hands it to an exchange.
#pragma once

#include <memory>

#include "broker/exchange.hpp"
#include "broker/state_feed.hpp"

namespace tidemark::broker {

/// Holds one page at a time. Threads: the shard's.
class StateBody final : public BodyParts {
 public:
  /// Pre: `feed` has its first part, which is of entries.
  explicit StateBody(std::unique_ptr<StateFeed> feed) : feed_(std::move(feed)) {}

  std::optional<Result<Part>> next(std::function<void()> ready) override;

 private:
  const std::unique_ptr<StateFeed> feed_;
  bool any_ = false;  ///< an entry has been written
  bool begun_ = false;
};

}  // namespace tidemark::broker

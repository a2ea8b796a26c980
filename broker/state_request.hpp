// A request that waits for a topic's state.
// broker/: what an answer, or an event stream, that begins with a state begins with.
#pragma once

#include <functional>
#include <memory>

#include "broker/exchange.hpp"
#include "broker/standing.hpp"
#include "broker/state_feed.hpp"

namespace tidemark::broker {

/// Asks for the state and waits until its first part is there, or it can't be had, which is the
/// answer then; no longer than the client stays and has the right to. Threads: the shard's.
class StateRequest final : public PendingAnswer, public std::enable_shared_from_this<StateRequest> {
 public:
  /// What becomes of it: the feed has its first part, which is no error.
  using Then = std::function<void(Exchange& exchange, std::unique_ptr<StateFeed> feed)>;
  /// The same of a topic that has no state.
  using Otherwise = std::function<void(Exchange& exchange)>;

  /// Without `otherwise` it is an error if there is no state.
  StateRequest(ConnectionGroup& group, std::shared_ptr<Exchange> exchange,
               std::shared_ptr<storage::Topic> topic, Then then, Otherwise otherwise = {});

  /// Once; ends with an answer to the exchange, with `then` or with `otherwise`.
  void start();

 private:
  // PendingAnswer
  void client_gone() override;
  void sweep(SteadyTime now) override;
  void drain() override;
  [[nodiscard]] bool follows() const override { return false; }

  void advance();
  void respond(HttpReply reply);

  ConnectionGroup& group_;
  std::shared_ptr<Exchange> exchange_;  ///< none once it has been answered, or the client has left
  const std::shared_ptr<storage::Topic> topic_;
  const Then then_;
  const Otherwise otherwise_;
  Standing standing_;
  std::unique_ptr<StateFeed> feed_;
};

}  // namespace tidemark::broker

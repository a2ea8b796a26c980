// One read of a stream by HTTP: what there is after a position, or the wait for it.
// broker/: stream_routes begins it for catch-up and long-poll.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "broker/etag.hpp"
#include "broker/exchange.hpp"
#include "broker/standing.hpp"
#include "broker/stream_request.hpp"

namespace tidemark::broker {

/// A cursor that gathers what it reads into one answer, of at most ConnectionGroup::answer_room
/// (but one event at least): they are sent from where they lie, and nothing is read that is not
/// sent. With live=long-poll and nothing to send it waits for the topic, at most
/// limits.long_poll_timeout, and no longer than the caller has the right to. Threads: the shard's.
class StreamReader final : public PendingAnswer,
                           public Waiter,
                           public Flushable,
                           public std::enable_shared_from_this<StreamReader> {
 public:
  StreamReader(ConnectionGroup& group, std::shared_ptr<Exchange> exchange, ReadStream request,
               Cursor cursor);

  /// Once; ends with an answer to the exchange. Pre: the cursor has no gap at its start, or passes
  /// it.
  void start();

 private:
  // PendingAnswer, Waiter, Flushable
  void client_gone() override;
  void sweep(SteadyTime now) override;
  void drain() override;
  void wake() override { group_.shard().schedule(*this, shared_from_this()); }
  void flush() override { advance(); }

  void advance();
  bool take(Step step);
  bool take_events(const storage::Slice& slice);
  Offset gather(const storage::Slice& slice, std::size_t room);
  [[nodiscard]] Payload payload() const;
  bool take_gap(const Gap& gap);
  bool reach_tail();
  void wait();
  void load();

  void answer();
  [[nodiscard]] HttpReply reply() const;
  [[nodiscard]] BodyTag tag() const;
  void add_body(HttpReply& reply);
  void compress(HttpReply reply, const BodyTag& tag);
  void respond(HttpReply reply);
  void refuse(Errc code);

  [[nodiscard]] bool is_live() const { return request_.live != ReadStream::Live::none; }
  [[nodiscard]] storage::EventStore& store() const { return group_.shard().store(); }

  ConnectionGroup& group_;
  std::shared_ptr<Exchange> exchange_;  ///< none once it has been answered, or the client has left
  const ReadStream request_;
  const std::size_t room_;  ///< bytes
  Cursor cursor_;
  Offset from_;     ///< where the answer begins: after this event
  Offset reached_;  ///< last event of the answer
  std::vector<std::string_view> pieces_;
  std::vector<std::shared_ptr<const storage::Segment>> segments_;  ///< that the pieces lie in
  std::size_t bytes_ = 0;
  std::optional<Gap> gap_;  ///< passed on the way to the first event
  bool up_to_date_ = false;
  bool closed_ = false;
  bool loading_ = false;
  bool answering_ = false;  ///< the answer is made, and perhaps being compressed
  bool attached_ = false;
  std::optional<SteadyTime> deadline_;  ///< of the wait
  Standing standing_;                   ///< the caller's, which the wait may outlast
};

}  // namespace tidemark::broker

// The C++ client: publish with retries that do not double, follow topics across reconnects.
// protocol/client/: what applications include; Session stands behind it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "protocol/client/feed.hpp"
#include "protocol/client/options.hpp"
#include "protocol/client/pattern_feed.hpp"
#include "protocol/client/refusal.hpp"

namespace tidemark::client {

class Session;

/// One topic followed. Survives lost connections: it goes on after the last event received, so that
/// the application sees every event once and in order, or is told of a gap; a state that was cut
/// short begins again. Ends only for a reason that will not pass: topic_deleted, unknown_topic,
/// position_* and wrong_epoch with OnGap::fail, no_state … A state that could not be had for now
/// (state_failed) is asked for again.
/// Destroying it unsubscribes. Threads: one at a time.
class Subscription {
 public:
  Subscription(std::shared_ptr<Session> session, std::shared_ptr<Feed> feed);
  ~Subscription();
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept;

  /// The next event, part of a state, gap, caught-up mark or change of epoch; or, for good, why
  /// there are no more. Does not suspend while something waits. Pre: no other next() is under way.
  /// A Gap comes before the error if the subscription ends because of it.
  [[nodiscard]] boost::asio::awaitable<Reply<Delivery>> next();

  /// Would next() have something at once?
  [[nodiscard]] bool ready() const { return feed_->holds(); }

  /// The last event handed over by next(), or what was filtered out after it, and its epoch: what
  /// to store and give to StartAfter. A state counts with its last part; until then, and after a
  /// gap that a state is to fill, this is what it was before.
  /// Epoch 0: the broker has not answered yet, or the first state is not whole.
  [[nodiscard]] Position position() const { return feed_->position(); }
  /// Empty until the broker has answered.
  [[nodiscard]] std::string content_type() const { return feed_->content_type(); }
  [[nodiscard]] const std::string& topic() const { return feed_->topic(); }

  /// Lets the broker know that everything up to `position` has been applied, so that the named
  /// cursor of the options keeps it; the answer is the cursor's position, later if it was further.
  /// Sent again after a lost connection until it is answered. Of several at once the latest
  /// position stands for all, with its answer. May run beside next(), and outlive the subscription.
  /// Errors: invalid_cursor (the options name none), unknown_topic, wrong_epoch, position_ahead,
  /// too_many_cursors, forbidden, whatever else the broker says; cancelled.
  [[nodiscard]] boost::asio::awaitable<Reply<Position>> acknowledge(Position position);

 private:
  void leave();

  std::shared_ptr<Session> session_;
  std::shared_ptr<Feed> feed_;
};

/// All topics that match a pattern, those created later too. Survives lost connections as a
/// Subscription does, in each of its topics; what was created meanwhile begins with its first
/// event. What one topic ends for (it is deleted, its position is gone with OnGap::fail …) is a
/// TopicEnded, and the others go on. If one can't be served for now, the whole pattern is asked for
/// again after a while. Destroying it unsubscribes. Threads: one at a time.
///
/// A topic that a Subscription of the same client follows is left out. The other way round, a topic
/// that a pattern follows already is refused to a Subscription with already_subscribed. To have
/// both, or patterns that overlap, use a client for each.
class PatternSubscription {
 public:
  PatternSubscription(std::shared_ptr<Session> session, std::shared_ptr<PatternFeed> feed);
  ~PatternSubscription();
  PatternSubscription(PatternSubscription&&) noexcept = default;
  PatternSubscription& operator=(PatternSubscription&& other) noexcept;

  /// As Subscription::next, for any of the topics. With the first CaughtUp a topic has appeared,
  /// also if it has no events yet.
  /// Should the connection be lost while a state comes that only a gap has brought
  /// (PatternOptions::state is false), the gap is told again, or all events of the topic follow.
  [[nodiscard]] boost::asio::awaitable<Reply<TopicDelivery>> next();

  /// Would next() have something at once?
  [[nodiscard]] bool ready() const { return feed_->holds(); }

  /// Where the application is in each topic by what next() has handed over, as
  /// Subscription::position(): what to store as a whole and give to PatternOptions::positions.
  [[nodiscard]] std::vector<TopicPosition> positions() const { return feed_->positions(); }
  [[nodiscard]] const std::string& pattern() const { return feed_->pattern(); }

  /// As Subscription::acknowledge, for a topic.
  [[nodiscard]] boost::asio::awaitable<Reply<Position>> acknowledge(std::string topic,
                                                                    Position position);

 private:
  void leave();

  std::shared_ptr<Session> session_;
  std::shared_ptr<PatternFeed> feed_;
};

/// One connection to a broker, made at first use and made again whenever it is lost, for any number
/// of publishes and subscriptions. A subscription whose queue is full holds up the whole
/// connection, answers to publishes included: use a client of its own for one that is read slowly.
///
/// Threads: any. All work is done on a strand of the executor; on_status is called there.
class Client {
 public:
  /// Throws std::invalid_argument if the URL is none, or there are no certificates in
  /// trust.ca_file.
  Client(boost::asio::any_io_executor executor, ClientOptions options);
  /// Drops the connection without a word; see close().
  ~Client();
  Client(Client&&) noexcept = default;
  Client& operator=(Client&&) = delete;

  /// Waits until the client is connected or one try has failed; it goes on trying all the same.
  /// Only for those who want to know early.
  [[nodiscard]] boost::asio::awaitable<Reply<void>> connect();

  /// Appends events to a topic, together or not at all, and waits until they are durable there.
  /// Any number may be under way; those of one topic are appended in the order of the calls. Kept
  /// and sent again over lost connections and refusals that pass (overloaded, shutting_down,
  /// storage_failed, disk_full), without doubling.
  /// Errors: the broker's refusal; timed_out, and cancelled if the waiting coroutine is cancelled
  /// or the client closed: Refusal::outcome_unknown then says whether they may have been appended.
  [[nodiscard]] boost::asio::awaitable<Reply<PublishReceipt>> publish(std::string topic,
                                                                      std::vector<NewEvent> events,
                                                                      PublishOptions options = {});

  /// Waits until another publish would be sent at once: for those who publish without waiting for
  /// each answer. Errors: cancelled.
  [[nodiscard]] boost::asio::awaitable<Reply<void>> room();

  /// Follows a topic; what is wrong is told by Subscription::next(). One subscription per topic and
  /// client: a second ends with already_subscribed.
  [[nodiscard]] Subscription subscribe(std::string topic, SubscribeOptions options = {});

  /// Follows all topics that match: `*` stands for any characters of a segment, a segment `**` for
  /// any number of segments. What is wrong is told by PatternSubscription::next(). One subscription
  /// per pattern and client: a second ends with already_subscribed.
  [[nodiscard]] PatternSubscription subscribe_pattern(std::string pattern,
                                                      PatternOptions options = {});

  /// Ends everything: publishes and acknowledgements under way are refused with cancelled,
  /// subscriptions end, the broker is told. Returns when no coroutine of the client runs any more.
  [[nodiscard]] boost::asio::awaitable<void> close();

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace tidemark::client

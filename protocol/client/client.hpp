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
#include "protocol/client/refusal.hpp"

namespace tidemark::client {

class Session;

/// One topic followed. Survives lost connections: it goes on after the last event received, so that
/// the application sees every event once and in order, or is told of a gap. Ends only for a reason
/// that will not pass: topic_deleted, unknown_topic, position_* and wrong_epoch with OnGap::fail …
/// Destroying it unsubscribes. Threads: one at a time.
class Subscription {
 public:
  Subscription(std::shared_ptr<Session> session, std::shared_ptr<Feed> feed);
  ~Subscription();
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept;

  /// The next event, gap, caught-up mark or change of epoch; or, for good, why there are no more.
  /// Does not suspend while something waits. Pre: no other next() is under way.
  /// A Gap comes before the error if the subscription ends because of it.
  [[nodiscard]] boost::asio::awaitable<Reply<Delivery>> next();

  /// Would next() have something at once?
  [[nodiscard]] bool ready() const { return feed_->holds(); }

  /// The last event handed over by next() and its epoch: what to store and give to StartAfter.
  /// Epoch 0: the broker has not answered yet.
  [[nodiscard]] Position position() const { return feed_->position(); }
  /// Empty until the broker has answered.
  [[nodiscard]] std::string content_type() const { return feed_->content_type(); }
  [[nodiscard]] const std::string& topic() const { return feed_->topic(); }

 private:
  void leave();

  std::shared_ptr<Session> session_;
  std::shared_ptr<Feed> feed_;
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

  /// Ends everything: publishes under way are refused with cancelled, subscriptions end, the broker
  /// is told. Returns when no coroutine of the client runs any more.
  [[nodiscard]] boost::asio::awaitable<void> close();

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace tidemark::client

// A client's life across connections: connects, reconnects, routes messages, keeps time.
// protocol/client/: what stands behind Client; owns outbox, feeds and the link of the moment.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>

#include "protocol/client/acknowledgements.hpp"
#include "protocol/client/feed.hpp"
#include "protocol/client/link.hpp"
#include "protocol/client/outbox.hpp"
#include "protocol/client/pattern_feed.hpp"

namespace tidemark::client {

/// Threads: its strand, unless said otherwise. Its coroutines keep it alive until it is closed.
///
/// Three coroutines: run() holds the connection and reads it, Link::write_queued() writes, and
/// keep_time() does what is due: deadlines, retries, pings.
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// Threads: any. Throws std::invalid_argument for options that make no sense.
  Session(boost::asio::any_io_executor executor, ClientOptions options);

  /// Threads: any.
  [[nodiscard]] const boost::asio::any_io_executor& strand() const { return strand_; }
  /// Threads: any.
  [[nodiscard]] std::shared_ptr<Feed> make_feed(std::string topic, SubscribeOptions options);
  /// Threads: any.
  [[nodiscard]] std::shared_ptr<PatternFeed> make_feed(std::string pattern, PatternOptions options);

  // Coroutines: to be spawned on strand().
  boost::asio::awaitable<Reply<void>> connect();
  boost::asio::awaitable<Reply<PublishReceipt>> publish(Publish publish, milliseconds timeout);
  boost::asio::awaitable<Reply<void>> room();
  boost::asio::awaitable<Reply<Position>> acknowledge(std::string topic, std::string cursor,
                                                      Position position);
  boost::asio::awaitable<void> arrival(std::shared_ptr<Inbox> inbox);
  boost::asio::awaitable<void> close();

  void follow(const std::shared_ptr<Feed>& feed);
  void follow(const std::shared_ptr<PatternFeed>& feed);
  void leave(const std::shared_ptr<Feed>& feed);
  void leave(const std::shared_ptr<PatternFeed>& feed);
  /// A feed has room again.
  void drained() { drained_.raise(); }
  /// At once, without a word to the broker.
  void abort();

 private:
  template <class T>
  struct Waiting;
  /// Who is told of a topic's messages.
  struct Route {
    Place* place = nullptr;  ///< null: nobody
    std::shared_ptr<Inbox> inbox;
  };

  void start();
  void spawn(boost::asio::awaitable<void> coroutine);
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> keep_time();
  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<void> pause(milliseconds delay);
  boost::asio::awaitable<void> wait_for_room();

  void refresh_credential(Clock::time_point now);
  [[nodiscard]] bool settle_credential();
  void came_up();
  void went_down();
  milliseconds next_delay();
  void receive(std::string_view bytes);
  void on(Subscribed& message);
  void on(Unsubscribed& message);
  void on(Event& message);
  void on(CaughtUp& message);
  void on(GapNotice& message);
  void on(EpochNotice& message);
  void on(Published& message);
  void on(Pong&) {}
  void on(Goodbye& message);
  void on(Failure& message);
  void on(Authenticated&) {}
  void on(TokenExpires& message);
  void on(Following& message);
  void on(State& message);
  void on(Advanced& message);
  void on(Acknowledged& message);

  [[nodiscard]] std::shared_ptr<Feed> feed_of(const std::string& topic);
  [[nodiscard]] std::shared_ptr<PatternFeed> pattern_of(const std::string& topic);
  [[nodiscard]] Route route(const std::string& topic);
  void received(const Route& route, const std::optional<std::string>& wrong);
  bool feed_failed(const Failure& message);
  void reap(const std::string& topic);
  void reap_patterns();
  void end_feeds(const Refusal& refusal);

  void ask(Feed& feed);
  void ask(PatternFeed& feed);
  void ask_all();
  void pump();
  void send(const ClientMessage& message);
  void check_silence(Clock::time_point now);
  void retry_feeds(Clock::time_point now);
  [[nodiscard]] Clock::time_point next_retry() const;
  [[nodiscard]] Clock::time_point next_due(Clock::time_point now);
  void due_by(Clock::time_point then);
  void report(Status status);
  void end(const Refusal& refusal);
  [[nodiscard]] bool usable() const { return up_ && !link_->failed(); }

  const ClientOptions options_;
  Endpoint endpoint_;
  std::shared_ptr<Trust> trust_;  ///< null: in the clear; shared with links, which may end later
  boost::asio::any_io_executor strand_;
  std::uint64_t seed_;
  RequestId last_id_ = 0;
  Outbox outbox_;
  Backoff backoff_;
  std::map<std::string, std::shared_ptr<Feed>> feeds_;  ///< by topic: one each per connection
  std::vector<std::shared_ptr<PatternFeed>> patterns_;  ///< in the order they were asked for
  Acknowledgements acknowledgements_;

  std::shared_ptr<Link> link_;  ///< shared with its writer, which may end a little later
  bool started_ = false;
  bool up_ = false;              ///< link_ is open
  std::shared_ptr<Inbox> full_;  ///< nothing is read until it has room
  bool closing_ = false;
  int coroutines_ = 0;
  std::uint64_t attempts_ = 0;  ///< since the last time it was connected
  std::uint64_t outcomes_ = 0;  ///< connections made or failed
  std::optional<Refusal> last_reason_;
  std::optional<Refusal> end_reason_;  ///< why it is closing_
  std::optional<Refusal> complaint_;  ///< an error of the broker about no request, before it closes
  std::optional<Clock::time_point> leave_by_;  ///< the broker said goodbye
  std::optional<milliseconds> come_back_after_;
  std::string shown_;         ///< the credential the broker has, or has refused
  bool asked_again_ = false;  ///< for another one, since the last time it was connected
  RequestId auth_id_ = 0;     ///< of the last auth
  std::optional<Clock::time_point> refresh_at_;  ///< shown_ expires: look for another one then
  std::optional<Clock::time_point> expires_at_;  ///< when it does, as the broker has said
  Clock::time_point pinged_;
  Clock::time_point due_;

  Signal changed_;   ///< connected, failed, or a coroutine ended
  Signal paused_;    ///< the time between two tries
  Signal time_;      ///< keep_time() has something earlier to do
  Signal drained_;   ///< a feed has room
  Signal answered_;  ///< a publish is done
};

}  // namespace tidemark::client

// Crosses from the application's executor to the session's strand and back.
// protocol/client/: see client.hpp.
#include "protocol/client/client.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "protocol/client/session.hpp"

namespace tidemark::client {
namespace asio = boost::asio;

// Each crossing spawns a coroutine of the session and waits for it. A coroutine begins only when it
// is awaited, perhaps after the Client has gone; so they are functions that own what they use, and
// none is a member. The awaitable gets a name first: GCC 12 destroys temporaries of a co_await
// expression twice in some cases.

namespace {

using SessionPtr = std::shared_ptr<Session>;

asio::awaitable<Reply<void>> connect(SessionPtr session) {
  auto work = session->connect();
  co_return co_await asio::co_spawn(session->strand(), std::move(work), asio::use_awaitable);
}

asio::awaitable<Reply<PublishReceipt>> publish(SessionPtr session, Publish message,
                                               milliseconds timeout) {
  const auto name = TopicName::parse(message.topic);
  if (!name) co_return refusal_of(name.errc());
  if (message.events.empty()) {
    co_return refusal_of(Errc::malformed_message, "there is nothing to publish");
  }
  if (message.events.size() > limits::events_per_publish) {
    co_return refusal_of(Errc::too_many_events);
  }
  auto work = session->publish(std::move(message), timeout);
  co_return co_await asio::co_spawn(session->strand(), std::move(work), asio::use_awaitable);
}

asio::awaitable<Reply<void>> room(SessionPtr session) {
  auto work = session->room();
  co_return co_await asio::co_spawn(session->strand(), std::move(work), asio::use_awaitable);
}

asio::awaitable<void> close(SessionPtr session) {
  auto work = session->close();
  co_await asio::co_spawn(session->strand(), std::move(work), asio::use_awaitable);
}

asio::awaitable<Reply<Position>> acknowledge(SessionPtr session, std::string topic,
                                             std::string cursor, Position position) {
  if (cursor.empty()) {
    co_return refusal_of(Errc::invalid_cursor, "the subscription names no cursor");
  }
  const auto valid = check_cursor_name(cursor);
  if (!valid) co_return refusal_of(valid.errc());
  const auto name = TopicName::parse(topic);
  if (!name) co_return refusal_of(name.errc());
  auto work = session->acknowledge(std::move(topic), std::move(cursor), position);
  co_return co_await asio::co_spawn(session->strand(), std::move(work), asio::use_awaitable);
}

void take(Inbox& inbox, bool& made_room, std::optional<Reply<Delivery>>& out) {
  out = inbox.take(made_room);
}

void take(Inbox& inbox, bool& made_room, std::optional<Reply<TopicDelivery>>& out) {
  Inbox::Origin origin;
  auto taken = inbox.take(made_room, &origin);
  if (!taken) return;
  if (!*taken) {
    out = Reply<TopicDelivery>(taken->error());
  } else {
    out = Reply<TopicDelivery>(TopicDelivery{.topic = std::move(origin.topic),
                                             .content_type = std::move(origin.content_type),
                                             .delivery = std::move(**taken)});
  }
}

template <class T>
asio::awaitable<Reply<T>> next(SessionPtr session, std::shared_ptr<Inbox> inbox) {
  for (;;) {
    bool made_room = false;
    std::optional<Reply<T>> delivery;
    take(*inbox, made_room, delivery);
    if (made_room) asio::post(session->strand(), [session] { session->drained(); });
    if (delivery) co_return std::move(*delivery);
    auto work = session->arrival(inbox);
    co_await asio::co_spawn(session->strand(), std::move(work), asio::use_awaitable);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return refusal_of(Errc::cancelled);
  }
}

}  // namespace

Client::Client(asio::any_io_executor executor, ClientOptions options)
    : session_(std::make_shared<Session>(std::move(executor), std::move(options))) {}

Client::~Client() {
  if (!session_) return;
  asio::post(session_->strand(), [session = session_] { session->abort(); });
}

asio::awaitable<Reply<void>> Client::connect() { return client::connect(session_); }

asio::awaitable<Reply<PublishReceipt>> Client::publish(std::string topic,
                                                       std::vector<NewEvent> events,
                                                       PublishOptions options) {
  Publish message{.topic = std::move(topic), .events = std::move(events)};
  message.producer = std::move(options.producer);
  message.expected_last = options.expected_last;
  message.content_type = std::move(options.content_type);
  return client::publish(session_, std::move(message), options.timeout);
}

asio::awaitable<Reply<void>> Client::room() { return client::room(session_); }

asio::awaitable<void> Client::close() { return client::close(session_); }

Subscription Client::subscribe(std::string topic, SubscribeOptions options) {
  auto feed = session_->make_feed(std::move(topic), std::move(options));
  asio::post(session_->strand(), [session = session_, feed] { session->follow(feed); });
  return {session_, std::move(feed)};
}

PatternSubscription Client::subscribe_pattern(std::string pattern, PatternOptions options) {
  auto feed = session_->make_feed(std::move(pattern), std::move(options));
  asio::post(session_->strand(), [session = session_, feed] { session->follow(feed); });
  return {session_, std::move(feed)};
}

Subscription::Subscription(std::shared_ptr<Session> session, std::shared_ptr<Feed> feed)
    : session_(std::move(session)), feed_(std::move(feed)) {}

Subscription::~Subscription() { leave(); }

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    leave();
    session_ = std::move(other.session_);
    feed_ = std::move(other.feed_);
  }
  return *this;
}

void Subscription::leave() {
  if (!feed_) return;
  asio::post(session_->strand(), [session = session_, feed = feed_] { session->leave(feed); });
}

asio::awaitable<Reply<Delivery>> Subscription::next() {
  return client::next<Delivery>(session_, feed_);
}

asio::awaitable<Reply<Position>> Subscription::acknowledge(Position position) {
  return client::acknowledge(session_, feed_->topic(), feed_->cursor(), position);
}

PatternSubscription::PatternSubscription(std::shared_ptr<Session> session,
                                         std::shared_ptr<PatternFeed> feed)
    : session_(std::move(session)), feed_(std::move(feed)) {}

PatternSubscription::~PatternSubscription() { leave(); }

PatternSubscription& PatternSubscription::operator=(PatternSubscription&& other) noexcept {
  if (this != &other) {
    leave();
    session_ = std::move(other.session_);
    feed_ = std::move(other.feed_);
  }
  return *this;
}

void PatternSubscription::leave() {
  if (!feed_) return;
  asio::post(session_->strand(), [session = session_, feed = feed_] { session->leave(feed); });
}

asio::awaitable<Reply<TopicDelivery>> PatternSubscription::next() {
  return client::next<TopicDelivery>(session_, feed_);
}

asio::awaitable<Reply<Position>> PatternSubscription::acknowledge(std::string topic,
                                                                  Position position) {
  return client::acknowledge(session_, std::move(topic), feed_->cursor(), position);
}

}  // namespace tidemark::client

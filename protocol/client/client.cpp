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

asio::awaitable<Reply<Delivery>> next(SessionPtr session, std::shared_ptr<Feed> feed) {
  for (;;) {
    bool made_room = false;
    auto delivery = feed->take(made_room);
    if (made_room) asio::post(session->strand(), [session] { session->drained(); });
    if (delivery) co_return std::move(*delivery);
    auto work = session->arrival(feed);
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

asio::awaitable<Reply<Delivery>> Subscription::next() { return client::next(session_, feed_); }

}  // namespace tidemark::client

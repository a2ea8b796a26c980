// A request that waits for a topic's state.
// broker/: see state_request.hpp.
#include "broker/state_request.hpp"

#include <utility>

#include <boost/asio/post.hpp>

#include "broker/judgement.hpp"

namespace tidemark::broker {

StateRequest::StateRequest(ConnectionGroup& group, std::shared_ptr<Exchange> exchange,
                           std::shared_ptr<storage::Topic> topic, Then then, Otherwise otherwise)
    : group_(group),
      exchange_(std::move(exchange)),
      topic_(std::move(topic)),
      then_(std::move(then)),
      otherwise_(std::move(otherwise)),
      standing_(group.network().access.get(), exchange_->caller()),
      feed_(std::make_unique<StateFeed>()) {}

void StateRequest::start() {
  // Not kept alive by what waits for it: when the exchange lets it go, nobody is to be answered.
  feed_->set_ready([weak = weak_from_this(), &io = group_.shard().io()] {
    boost::asio::post(io, [weak] {
      if (const auto self = weak.lock()) self->advance();
    });
  });
  feed_->ask(group_.network().hub.states(), group_.shard(), topic_, wanted_by(exchange_->caller()));
  const auto exchange = exchange_;  // it may say at once that the client has left
  exchange->wait_with(shared_from_this());
}

void StateRequest::advance() {
  if (!exchange_) return;
  const auto* const first = feed_->peek();
  if (first == nullptr) return;
  const bool lacking = !*first && first->errc() == Errc::no_state && otherwise_;
  if (!*first && !lacking) return respond(failed(first->errc()));
  const auto exchange = std::exchange(exchange_, nullptr);
  if (lacking) return otherwise_(*exchange);
  then_(*exchange, std::move(feed_));
}

void StateRequest::client_gone() {
  exchange_.reset();
  feed_.reset();
}

void StateRequest::sweep(SteadyTime /*now*/) {
  if (!exchange_) return;
  using Change = Standing::Change;
  const auto change = standing_.look(group_.wall_now());
  const auto& caller = standing_.caller();
  if (change == Change::withdrawn) return respond(access_refused(Errc::unauthorized, true));
  if (change == Change::expired) return respond(access_refused(Errc::token_expired, true));
  if (change == Change::rights && !caller.may(Right::subscribe, topic_->name())) {
    respond(access_refused(caller.refusal(), false));
  }
}

void StateRequest::drain() { respond(failed(Errc::shutting_down)); }

void StateRequest::respond(HttpReply reply) {
  feed_.reset();
  if (const auto exchange = std::exchange(exchange_, nullptr)) exchange->respond(std::move(reply));
}

}  // namespace tidemark::broker

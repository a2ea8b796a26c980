// What a subscription asks for, and what its answers mean for it.
// protocol/client/: see feed.hpp.
#include "protocol/client/feed.hpp"

#include <utility>

namespace tidemark::client {
namespace {

/// Where the application is before the broker has said anything.
std::optional<Position> start_of(const SubscribeOptions& options) {
  const auto* after = std::get_if<StartAfter>(&options.start);
  if (after == nullptr || options.state) return std::nullopt;
  return after->position;
}

}  // namespace

Feed::Feed(const boost::asio::any_io_executor& strand, std::string topic, SubscribeOptions options,
           Backoff backoff)
    : Inbox(strand, {.events = options.queued_events, .bytes = options.queued_bytes}),
      topic_(std::move(topic)),
      options_(std::move(options)),
      place_(*this, add(topic_, start_of(options_)),
             {.on_gap = gap_answer(options_.on_gap, options_.state),
              .filtered = !options_.filter.empty()},
             std::nullopt),
      standing_(std::move(backoff)) {}

Subscribe Feed::ask(RequestId id) {
  standing_.ask(id);
  place_.pause();
  Subscribe out{.id = id, .topic = topic_};
  out.on_gap = gap_answer(options_.on_gap, options_.state);
  out.state_if_behind = options_.state_if_behind;
  out.filter = options_.filter;
  if (place_.awaits_state()) {
    out.state = true;
  } else if (place_.position()) {
    out.start = StartAfter{*place_.position()};
  } else {
    out.cursor = options_.cursor;
    out.state = options_.state;
    if (!out.state) out.start = options_.start;
  }
  beginning_ = beginning_of(out);
  return out;
}

void Feed::disconnected() {
  standing_.stop();
  place_.pause();
}

void Feed::end(Refusal reason) {
  standing_.stop_for_good();
  place_.pause();
  Inbox::end(std::move(reason));
}

void Feed::subscribed(const Subscribed& answer) {
  standing_.go();
  place_.subscribed(answer, beginning_);
}

void Feed::retry(Clock::time_point now) {
  disconnected();
  // One that comes and goes without bringing anything is no reason to come back faster.
  if (place_.take_progress()) standing_.calm();
  standing_.retry(now);
}

void Feed::refused(const Failure& failure, Clock::time_point now) {
  const bool waits = options_.wait_for_topic && failure.code == Errc::unknown_topic;
  if (waits || may_come_back(failure.code)) return retry(now);
  // Told in the same way whether the broker goes on after it or not.
  if (failure.gap) push(place_.slot(), *failure.gap, after_gap(*failure.gap));
  end(refusal_of(failure));
}

void Feed::unsubscribed(const Unsubscribed& message, Clock::time_point now) {
  if (!live()) return;  // of an earlier subscription
  if (!message.reason) return end(refusal_of(Errc::cancelled));
  const bool waits = options_.wait_for_topic && *message.reason == Errc::topic_deleted;
  if (waits || may_come_back(*message.reason)) return retry(now);
  end(refusal_of(*message.reason));
}

}  // namespace tidemark::client

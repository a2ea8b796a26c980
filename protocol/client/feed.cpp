// The place of a subscription and its queue.
// protocol/client/: see feed.hpp.
#include "protocol/client/feed.hpp"

#include <algorithm>

namespace tidemark::client {
namespace {

// What a delivery takes beside its bytes, so that empty events fill the queue too.
constexpr std::size_t kDeliveryOverhead = sizeof(Delivery);

std::size_t bytes_of(const Delivery& delivery) {
  const auto* event = std::get_if<Event>(&delivery);
  if (event == nullptr) return kDeliveryOverhead;
  std::size_t bytes = kDeliveryOverhead + event->data.size() + event->key.size();
  for (const auto& header : event->headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

/// Where a reader stands once it has been told of a gap: before the earliest event there is, or
/// past a damaged stretch further on.
Position after_gap(const Gap& gap) {
  const bool other_history = gap.cause == GapCause::epoch || gap.cause == GapCause::ahead;
  const Offset next = other_history ? gap.earliest : std::max(gap.lost.end, gap.earliest);
  return {gap.epoch, Offset{next.value == 0 ? 0 : next.value - 1}};
}

void move_past(const Delivery& delivery, Position& position) {
  if (const auto* event = std::get_if<Event>(&delivery)) {
    position.offset = event->offset;
  } else if (const auto* gap = std::get_if<Gap>(&delivery)) {
    position = after_gap(*gap);
  } else if (const auto* notice = std::get_if<EpochNotice>(&delivery)) {
    position.epoch = notice->epoch;
  }
}

}  // namespace

Feed::Feed(const boost::asio::any_io_executor& strand, std::string topic, SubscribeOptions options,
           Backoff backoff)
    : topic_(std::move(topic)),
      options_(std::move(options)),
      backoff_(std::move(backoff)),
      arrived_(strand) {
  if (const auto* after = std::get_if<StartAfter>(&options_.start)) handed_ = after->position;
}

std::optional<Reply<Delivery>> Feed::take(bool& made_room) {
  made_room = false;
  const std::scoped_lock lock(mutex_);
  if (queue_.empty()) {
    if (ended_) return Reply<Delivery>(*ended_);
    return std::nullopt;
  }
  Reply<Delivery> out(std::move(queue_.front()));
  queue_.pop_front();
  queued_bytes_ -= bytes_of(*out);
  move_past(*out, handed_);
  // Half empty before reading goes on, so that the reader doesn't stop and go with every event.
  if (queue_.size() <= options_.queued_events / 2 && queued_bytes_ <= options_.queued_bytes / 2) {
    made_room = full_.exchange(false);
  }
  return out;
}

Position Feed::position() const {
  const std::scoped_lock lock(mutex_);
  return handed_;
}

std::string Feed::content_type() const {
  const std::scoped_lock lock(mutex_);
  return content_type_;
}

bool Feed::over() const {
  const std::scoped_lock lock(mutex_);
  return ended_.has_value();
}

bool Feed::holds() const {
  const std::scoped_lock lock(mutex_);
  return !queue_.empty();
}

void Feed::push(Delivery delivery) {
  {
    const std::scoped_lock lock(mutex_);
    queued_bytes_ += bytes_of(delivery);
    queue_.push_back(std::move(delivery));
    if (queue_.size() >= options_.queued_events || queued_bytes_ >= options_.queued_bytes) {
      full_.store(true);
    }
  }
  arrived_.raise();
}

void Feed::end(Refusal reason) {
  {
    const std::scoped_lock lock(mutex_);
    if (!ended_) ended_ = std::move(reason);
  }
  state_ = State::idle;
  retry_at_.reset();
  arrived_.raise();
}

Subscribe Feed::ask(RequestId id) {
  state_ = State::asked;
  asked_id_ = id;
  retry_at_.reset();
  Subscribe out{.id = id, .topic = topic_, .start = options_.start, .on_gap = options_.on_gap};
  if (received_) out.start = StartAfter{*received_};
  return out;
}

void Feed::subscribed(const Subscribed& answer) {
  state_ = State::live;
  jump_ = false;
  payload_ = payload_of(answer.content_type);
  const bool first = !received_;
  if (first) {
    received_ = answer.position;
    const std::scoped_lock lock(mutex_);
    handed_ = answer.position;
  }
  const std::scoped_lock lock(mutex_);
  content_type_ = answer.content_type;
}

void Feed::retry(Clock::time_point now) {
  state_ = State::idle;
  retry_at_ = now + backoff_.next();
}

void Feed::refused(const Failure& failure, Clock::time_point now) {
  const bool waits = options_.wait_for_topic && failure.code == Errc::unknown_topic;
  if (waits || passes(failure.code)) return retry(now);
  // Told in the same way whether the broker goes on after it or not.
  if (failure.gap) push(*failure.gap);
  end(refusal_of(failure));
}

void Feed::unsubscribed(const Unsubscribed& message, Clock::time_point now) {
  if (!live()) return;  // of an earlier subscription
  if (!message.reason) return end(refusal_of(Errc::cancelled));
  const bool waits = options_.wait_for_topic && *message.reason == Errc::topic_deleted;
  if (waits || passes(*message.reason)) return retry(now);
  end(refusal_of(*message.reason));
}

std::optional<std::string> Feed::event(Event event) {
  if (!live()) return std::nullopt;
  if (!jump_ && event.offset <= received_->offset) return std::nullopt;  // seen
  if (!jump_ && event.offset != received_->offset.next()) {
    return "event " + std::to_string(event.offset.value) + " came after " +
           std::to_string(received_->offset.value) + " without a word about those between";
  }
  if (!settle_payload(event.data, event.form, payload_)) {
    return "the data of event " + std::to_string(event.offset.value) +
           " does not fit the topic's content type";
  }
  jump_ = false;
  received_->offset = event.offset;
  backoff_.reset();
  push(std::move(event));
  return std::nullopt;
}

void Feed::gap(const Gap& gap) {
  if (!live()) return;
  received_ = after_gap(gap);
  jump_ = true;
  push(gap);
}

void Feed::epoch(const EpochNotice& notice) {
  if (!live()) return;
  received_->epoch = notice.epoch;
  push(notice);
}

void Feed::caught_up(const CaughtUp& message) {
  if (live()) push(message);
}

}  // namespace tidemark::client

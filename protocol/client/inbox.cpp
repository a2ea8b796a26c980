// The queue in front of the application.
// protocol/client/: see inbox.hpp.
#include "protocol/client/inbox.hpp"

#include <utility>

namespace tidemark::client {
namespace {

// What a delivery takes beside its bytes, so that empty events fill the queue too.
constexpr std::size_t kDeliveryOverhead = sizeof(Delivery);

/// Of what events and entries of a state have in common.
template <class T>
std::size_t content_of(const T& item) {
  std::size_t bytes = item.data.size() + item.key.size();
  for (const auto& header : item.headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

std::size_t bytes_of(const Delivery& delivery) {
  std::size_t bytes = kDeliveryOverhead;
  if (const auto* event = std::get_if<Event>(&delivery)) bytes += content_of(*event);
  if (const auto* state = std::get_if<State>(&delivery)) {
    if (state->bundle) bytes += state->bundle->size();
    for (const auto& entry : state->entries) bytes += sizeof(entry) + content_of(entry);
  }
  return bytes;
}

}  // namespace

Inbox::Inbox(const boost::asio::any_io_executor& strand, Bounds bounds)
    : bounds_(bounds), arrived_(strand) {}

std::optional<Reply<Delivery>> Inbox::take(bool& made_room, Origin* origin) {
  made_room = false;
  const std::scoped_lock lock(mutex_);
  if (queue_.empty()) {
    if (ended_) return Reply<Delivery>(*ended_);
    return std::nullopt;
  }
  const auto topic = topics_.find(queue_.front().slot);
  if (origin != nullptr) *origin = {topic->second.name, topic->second.content_type};
  Item taken = pop();
  const auto* ended = std::get_if<TopicEnded>(&*taken.delivery);
  if (ended != nullptr && ended->deleted) topics_.erase(topic);
  while (!queue_.empty() && !queue_.front().delivery) pop();
  // Half empty before reading goes on, so that the reader doesn't stop and go with every event.
  if (queue_.size() <= bounds_.events / 2 && queued_bytes_ <= bounds_.bytes / 2) {
    made_room = full_.exchange(false);
  }
  return Reply<Delivery>(std::move(*taken.delivery));
}

/// Under the lock. Pre: the queue holds something.
Inbox::Item Inbox::pop() {
  Item out = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= out.bytes;
  if (out.after) topics_.at(out.slot).position = out.after;
  return out;
}

std::vector<TopicPosition> Inbox::positions() const {
  const std::scoped_lock lock(mutex_);
  std::vector<TopicPosition> out;
  for (const auto& [slot, topic] : topics_) {
    if (topic.position) out.push_back({topic.name, *topic.position});
  }
  return out;
}

std::optional<Position> Inbox::position_of(Slot slot) const {
  const std::scoped_lock lock(mutex_);
  return topics_.at(slot).position;
}

std::string Inbox::content_type_of(Slot slot) const {
  const std::scoped_lock lock(mutex_);
  return topics_.at(slot).content_type;
}

bool Inbox::over() const {
  const std::scoped_lock lock(mutex_);
  return ended_.has_value();
}

bool Inbox::holds() const {
  const std::scoped_lock lock(mutex_);
  return !queue_.empty();
}

Inbox::Slot Inbox::add(std::string topic, std::optional<Position> position) {
  const std::scoped_lock lock(mutex_);
  topics_[++last_slot_] = {.name = std::move(topic), .content_type = {}, .position = position};
  return last_slot_;
}

void Inbox::describe(Slot slot, const std::string& content_type) {
  const std::scoped_lock lock(mutex_);
  topics_.at(slot).content_type = content_type;
}

/// Under the lock.
void Inbox::enqueue(Item item) {
  queued_bytes_ += item.bytes;
  queue_.push_back(std::move(item));
  if (queue_.size() >= bounds_.events || queued_bytes_ >= bounds_.bytes) full_.store(true);
}

void Inbox::push(Slot slot, Delivery delivery, std::optional<Position> after) {
  {
    const std::scoped_lock lock(mutex_);
    const std::size_t bytes = bytes_of(delivery);
    enqueue({.slot = slot, .delivery = std::move(delivery), .after = after, .bytes = bytes});
  }
  arrived_.raise();
}

void Inbox::move(Slot slot, Position position) {
  const std::scoped_lock lock(mutex_);
  if (queue_.empty()) {
    topics_.at(slot).position = position;
  } else if (Item& last = queue_.back(); last.slot == slot) {
    last.after = position;
  } else {
    enqueue({.slot = slot, .delivery = {}, .after = position, .bytes = 0});
  }
}

void Inbox::end(Refusal reason) {
  {
    const std::scoped_lock lock(mutex_);
    if (!ended_) ended_ = std::move(reason);
  }
  arrived_.raise();
}

}  // namespace tidemark::client

// Numbering and sending again; see the rules in outbox.hpp.
// protocol/client/: see outbox.hpp.
#include "protocol/client/outbox.hpp"

#include <algorithm>

namespace tidemark::client {
namespace {

// What an event costs in memory and roughly on the wire beside its data.
constexpr std::size_t kEventOverhead = 32;

std::size_t bytes_of(const Publish& publish) {
  std::size_t bytes = publish.topic.size();
  for (const auto& event : publish.events) {
    bytes += kEventOverhead + event.data.size() + event.key.size();
    for (const auto& header : event.headers) bytes += header.name.size() + header.value.size();
  }
  return bytes;
}

// A broker that answers sequence_gap to the first number of a new epoch this often is not one.
constexpr int kMostRaises = 3;

}  // namespace

struct Outbox::Item {
  ClientMessage message;  ///< a Publish; its id: of the attempt under way; 0: none
  std::optional<Time> deadline;
  Done done;  ///< null: nobody waits any more
  std::size_t bytes = 0;
  bool numbered = false;
  bool sent_as_first = false;  ///< nothing before it was unanswered when it was sent last
  int raises = 0;
  std::uint64_t copies = 0;  ///< times sent under its present number
  bool ever_sent = false;

  Publish& publish() { return std::get<Publish>(message); }
};

struct Outbox::Lane {
  std::string name;
  bool own = false;  ///< the application numbers
  std::uint64_t epoch = 0;
  std::uint64_t next_sequence = 0;
  bool raise_pending = false;  ///< nothing more is numbered until all numbered are answered
  bool ready = false;          ///< in ready_
  std::map<std::uint64_t, Item> items;  ///< by place, the order they were added in
  std::set<std::uint64_t> unsent;
  std::uint64_t next_place = 0;
  std::size_t numbered = 0;

  /// Does somebody wait for one of the numbered? Usually the first says so.
  [[nodiscard]] bool awaited() const {
    for (const auto& [place, item] : items) {
      if (!item.numbered) return false;
      if (item.done) return true;
    }
    return false;
  }

  void raise() {
    ++epoch;
    next_sequence = 0;
    raise_pending = false;
  }
};

Outbox::Outbox(Options options, NextId next_id)
    : options_(std::move(options)),
      next_id_(std::move(next_id)),
      backoff_(options_.backoff_min, options_.backoff_max, options_.seed) {}

Outbox::~Outbox() = default;

Outbox::Lane& Outbox::lane_of(const Publish& publish) {
  std::string name = publish.topic;
  if (publish.producer) name.append(1, '\0').append(publish.producer->id);
  auto& lane = lanes_[name];
  if (!lane) {
    lane = std::make_unique<Lane>();
    lane->name = name;
    lane->own = publish.producer.has_value();
    lane->epoch = options_.producer.epoch;
  }
  return *lane;
}

Outbox::Ticket Outbox::add(Publish publish, std::optional<Time> deadline, Done done) {
  Lane& lane = lane_of(publish);
  const std::uint64_t place = lane.next_place++;
  Item item{.message = std::move(publish), .deadline = deadline, .done = std::move(done)};
  item.publish().id = 0;
  item.bytes = bytes_of(item.publish());
  ++waiting_;
  waiting_bytes_ += item.bytes;
  lane.items.emplace(place, std::move(item));
  lane.unsent.insert(place);
  make_ready(lane);
  return {lane.name, place};
}

bool Outbox::abandon(const Ticket& ticket) {
  Lane& lane = *lanes_.at(ticket.lane);
  const auto at = lane.items.find(ticket.place);
  if (at == lane.items.end()) return false;
  Item& item = at->second;
  const bool never_sent = !item.ever_sent;
  if (item.done) release(item);
  if (never_sent) erase(lane, ticket.place);
  settle(lane);
  return never_sent;
}

bool Outbox::window_open() const {
  if (attempts_.empty()) return true;
  return attempts_.size() < options_.publishes_in_flight &&
         bytes_in_flight_ < options_.bytes_in_flight;
}

bool Outbox::has_room() const {
  return waiting_ < options_.publishes_in_flight && waiting_bytes_ < options_.bytes_in_flight;
}

void Outbox::make_ready(Lane& lane) {
  if (lane.ready || lane.unsent.empty()) return;
  lane.ready = true;
  ready_.push_back(&lane);
}

void Outbox::pump(Time now, const Send& send) {
  if (hold_until_ && now < *hold_until_) return;
  hold_until_.reset();
  // Each lane once: one that may not number yet stays ready, and must not keep us here.
  for (std::size_t lanes = ready_.size(); lanes > 0 && window_open(); --lanes) {
    Lane& lane = *ready_.front();
    ready_.pop_front();
    lane.ready = false;
    pump_lane(lane, now, send);
    make_ready(lane);
  }
}

void Outbox::pump_lane(Lane& lane, Time now, const Send& send) {
  while (!lane.unsent.empty() && window_open()) {
    const std::uint64_t place = *lane.unsent.begin();
    Item& item = lane.items.at(place);
    if (item.deadline && now >= *item.deadline && !item.ever_sent) return;  // expire() will say so
    if (!lane.own && !item.numbered) {
      if (lane.raise_pending) return;
      number(lane, item);
    }
    item.publish().id = next_id_();
    item.sent_as_first = lane.items.begin()->first == place;
    item.ever_sent = true;
    ++item.copies;
    lane.unsent.erase(lane.unsent.begin());
    attempts_.emplace(item.publish().id, Attempt{&lane, place});
    bytes_in_flight_ += item.bytes;
    send(item.message);
  }
}

void Outbox::number(Lane& lane, Item& item) {
  item.publish().producer = ProducerStamp{options_.producer.id, lane.epoch, lane.next_sequence++};
  item.numbered = true;
  item.copies = 0;
  ++lane.numbered;
}

void Outbox::forget_attempt(Lane& lane, std::uint64_t place, Item& item) {
  if (item.publish().id == 0) return;
  attempts_.erase(item.publish().id);
  bytes_in_flight_ -= item.bytes;
  item.publish().id = 0;
  lane.unsent.insert(place);
  make_ready(lane);
}

/// Nobody waits for it any more.
void Outbox::release(Item& item) {
  item.done = nullptr;
  --waiting_;
  waiting_bytes_ -= item.bytes;
}

void Outbox::complete(Item& item, Reply<PublishReceipt> reply) {
  if (!item.done) return;
  const Done done = std::move(item.done);
  release(item);
  done(std::move(reply));
}

void Outbox::erase(Lane& lane, std::uint64_t place) {
  Item& item = lane.items.at(place);
  forget_attempt(lane, place, item);
  if (item.numbered) --lane.numbered;
  lane.unsent.erase(place);
  lane.items.erase(place);
}

void Outbox::published(const Published& answer) {
  const auto at = attempts_.find(answer.id);
  if (at == attempts_.end()) return;
  const auto [lane, place] = at->second;
  backoff_.reset();
  complete(lane->items.at(place),
           PublishReceipt{
               .epoch = answer.epoch, .offsets = answer.offsets, .duplicate = answer.duplicate});
  erase(*lane, place);
  settle(*lane);
}

bool Outbox::failed(const Failure& failure, Time now) {
  const auto at = attempts_.find(failure.id);
  if (at == attempts_.end()) return false;
  const auto [lane, place] = at->second;
  if (passes(failure.code)) {
    forget_attempt(*lane, place, lane->items.at(place));
    if (failure.retry_after_ms) {
      const auto then = now + milliseconds(*failure.retry_after_ms);
      hold_until_ = std::max(hold_until_.value_or(then), then);
    }
    if (!hold_until_) hold_until_ = now + backoff_.next();
  } else if (failure.code == Errc::sequence_gap) {
    gap(*lane, place, failure);
  } else {
    refuse(*lane, place, refusal_of(failure));
  }
  return true;
}

void Outbox::gap(Lane& lane, std::uint64_t place, const Failure& failure) {
  Item& item = lane.items.at(place);
  // Behind something unanswered it says nothing yet: that one may have been put off.
  if (!item.sent_as_first) return forget_attempt(lane, place, item);
  if (lane.own || ++item.raises > kMostRaises) return refuse(lane, place, refusal_of(failure));
  unnumber_from(lane, place);
  lane.raise_pending = true;
  settle(lane);
}

void Outbox::refuse(Lane& lane, std::uint64_t place, const Refusal& refusal) {
  Item& item = lane.items.at(place);
  complete(item, refusal);
  const bool counts = !lane.own && item.numbered && refusal.code != Errc::producer_fenced;
  const bool last = counts && item.publish().producer->sequence + 1 == lane.next_sequence;
  const bool only_copy = item.copies == 1;
  erase(lane, place);
  if (counts && last && only_copy && !lane.raise_pending) {
    --lane.next_sequence;
  } else if (counts) {
    unnumber_from(lane, place);
    lane.raise_pending = true;
  }
  settle(lane);
}

/// Takes the numbers from all at or behind `place`. Pre: none of them has been or can be appended
/// under its number: something before them is missing.
void Outbox::unnumber_from(Lane& lane, std::uint64_t place) {
  for (auto at = lane.items.lower_bound(place); at != lane.items.end();) {
    Item& item = at->second;
    const std::uint64_t here = at->first;
    ++at;
    if (!item.numbered) break;
    forget_attempt(lane, here, item);
    item.numbered = false;
    item.ever_sent = false;
    item.publish().producer.reset();
    --lane.numbered;
    // Given up by its caller, and now known not to have been appended.
    if (!item.done) erase(lane, here);
  }
}

/// Begins the next epoch once nothing numbered is worth waiting for.
void Outbox::settle(Lane& lane) {
  if (lane.own) {
    while (!lane.items.empty() && !lane.items.begin()->second.done) {
      erase(lane, lane.items.begin()->first);
    }
  } else if (lane.numbered > 0 && !lane.awaited()) {
    // Sent, and nobody waits: late copies are fenced by the next epoch.
    while (lane.numbered > 0) erase(lane, lane.items.begin()->first);
    lane.raise_pending = true;
  }
  if (lane.raise_pending && lane.numbered == 0) lane.raise();
  make_ready(lane);
}

void Outbox::disconnected() {
  const Attempts lost = std::exchange(attempts_, {});
  bytes_in_flight_ = 0;
  hold_until_.reset();
  for (const auto& [id, attempt] : lost) {
    attempt.lane->items.at(attempt.place).publish().id = 0;
    attempt.lane->unsent.insert(attempt.place);
    make_ready(*attempt.lane);
  }
}

void Outbox::too_large(const Refusal& refusal) {
  const auto size = [](const auto& entry) {
    return entry.second.lane->items.at(entry.second.place).bytes;
  };
  const auto largest = std::ranges::max_element(attempts_, {}, size);
  if (largest == attempts_.end()) return;
  const Attempt attempt = largest->second;
  refuse(*attempt.lane, attempt.place, refusal);
}

void Outbox::expire(Time now) {
  if (hold_until_ && now >= *hold_until_) hold_until_.reset();
  for (auto& [name, lane] : lanes_) {
    bool changed = false;
    for (auto at = lane->items.begin(); at != lane->items.end();) {
      Item& item = at->second;
      const std::uint64_t place = at->first;
      ++at;
      if (!item.done || !item.deadline || now < *item.deadline) continue;
      Refusal refusal = refusal_of(
          Errc::timed_out, item.ever_sent
                               ? "no answer in time; the events may have been appended or not"
                               : "it was never sent: there was no connection, or no room on it");
      refusal.outcome_unknown = item.ever_sent;
      complete(item, refusal);
      if (!item.ever_sent) erase(*lane, place);
      changed = true;
    }
    if (changed) settle(*lane);
  }
}

void Outbox::refuse_all(const Refusal& refusal) {
  attempts_.clear();
  ready_.clear();
  bytes_in_flight_ = 0;
  for (auto& [name, lane] : std::exchange(lanes_, {})) {
    for (auto& [place, item] : lane->items) {
      Refusal own = refusal;
      own.outcome_unknown = item.ever_sent;
      if (item.done) complete(item, std::move(own));
    }
  }
}

std::optional<Outbox::Time> Outbox::next_wake(Time now) const {
  std::optional<Time> first = hold_until_;
  for (const auto& [name, lane] : lanes_) {
    for (const auto& [place, item] : lane->items) {
      if (item.done && item.deadline && (!first || *item.deadline < *first)) first = item.deadline;
    }
  }
  if (first && *first < now) return now;
  return first;
}

}  // namespace tidemark::client

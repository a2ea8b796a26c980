// A session's way to a topic's state: asked for, then taken part by part.
// broker/: see state_feed.hpp.
#include "broker/state_feed.hpp"

#include <utility>

namespace tidemark::broker {

StateWanted wanted_by(const Caller& caller) {
  if (!caller.is_known()) return {};
  const auto& from = caller.identity()->provenance();
  return {.subject = from.subject, .claims = from.claims};
}

void StateFeed::ask(States& states, Shard& shard, const std::shared_ptr<storage::Topic>& topic,
                    const StateWanted& wanted) {
  TIDEMARK_ENSURE(!asked_ && !reading_, "a feed is of one state");
  // The answer may come before the handle does; neither outlives this.
  asked_ = states.ask(shard, topic, wanted, [this](Opened opened) {
    opened_ = std::move(opened);
    ready_();
  });
}

const StateFeed::Part* StateFeed::peek() {
  if (opened_) {
    auto opened = std::move(*opened_);
    opened_.reset();
    asked_.reset();
    if (!opened) {
      part_ = Part(opened.errc());
    } else {
      reading_ = std::move(*opened);
      position_ = reading_->position();
    }
  }
  if (!part_ && reading_ && !reading_next_) {
    reading_next_ = true;
    reading_->next([this](Part part) {
      part_ = std::move(part);
      ready_();
    });
  }
  return part_ ? &*part_ : nullptr;
}

std::optional<StateFeed::Part> StateFeed::take() {
  if (peek() == nullptr) return std::nullopt;
  auto part = std::move(*part_);
  part_.reset();
  reading_next_ = false;
  if (!part || (*part)->message().last) reading_.reset();
  return part;
}

}  // namespace tidemark::broker

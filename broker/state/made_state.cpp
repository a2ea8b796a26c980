// A state that is in memory whole.
// broker/state/: see made_state.hpp.
#include "broker/state/made_state.hpp"

#include <utility>

namespace tidemark::broker {
namespace {

// Of the 60 s a hold lasts; and so a topic has no more than some twelve for one state.
constexpr std::chrono::seconds kHoldIsShared{5};

class MadeReading final : public StateReading {
 public:
  MadeReading(std::shared_ptr<MadeState> made, const std::shared_ptr<storage::Topic>& topic)
      : made_(std::move(made)), hold_(made_->hold(topic)) {}

  [[nodiscard]] Position position() const override { return made_->position(); }

  void next(Done done) override {
    TIDEMARK_ENSURE(next_ < made_->parts().size(), "nothing is asked for after the last part");
    // A copy: `done` may destroy this.
    const auto part = made_->parts()[next_++];
    done(part);
  }

 private:
  const std::shared_ptr<MadeState> made_;  // shared with all who are sent it
  const std::shared_ptr<const storage::Hold> hold_;
  std::size_t next_ = 0;
};

}  // namespace

MadeState::MadeState(Position position, StateParts parts, std::size_t bytes, StateBytes counter)
    : position_(position), parts_(std::move(parts)), bytes_(bytes), counter_(std::move(counter)) {
  TIDEMARK_ENSURE(!parts_.empty() && parts_.back()->message().last, "a state is whole");
  *counter_ += bytes_;
}

MadeState::~MadeState() { *counter_ -= bytes_; }

std::shared_ptr<const storage::Hold> MadeState::hold(const std::shared_ptr<storage::Topic>& topic) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (auto held = hold_.lock(); held && now - held_since_ < kHoldIsShared) return held;
  auto fresh =
      std::make_shared<const storage::Hold>(storage::Topic::hold(topic, position_.offset, now));
  hold_ = fresh;
  held_since_ = now;
  return fresh;
}

std::unique_ptr<StateReading> reading_of(std::shared_ptr<MadeState> made,
                                         const std::shared_ptr<storage::Topic>& topic) {
  return std::make_unique<MadeReading>(std::move(made), topic);
}

}  // namespace tidemark::broker

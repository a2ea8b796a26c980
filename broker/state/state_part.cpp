// Part of a state, and the frames made of it when somebody wants one.
// broker/state/: see states.hpp.
#include <array>
#include <mutex>

#include "broker/state/states.hpp"
#include "protocol/frames.hpp"

namespace tidemark::broker {

namespace {
constexpr std::size_t kForms = 2;
}

/// Each form has a lock of its own: who wants the other does not wait for this one, and who wants
/// the same has it made only once.
struct StatePart::Frames {
  struct One {
    std::mutex mutex;
    std::shared_ptr<const std::string> bytes;
  };
  std::array<One, kForms> by_form;
};

StatePart::StatePart(State message, Payload payload)
    : message_(std::move(message)), payload_(payload), frames_(std::make_unique<Frames>()) {}

StatePart::~StatePart() = default;

std::shared_ptr<const std::string> StatePart::frame(WireForm form) const {
  auto& one = frames_->by_form.at(form == WireForm::json ? 0 : 1);
  const std::lock_guard lock(one.mutex);
  if (!one.bytes) {
    std::string bytes;
    append_frame(form, message_, payload_, bytes);
    one.bytes = std::make_shared<const std::string>(std::move(bytes));
  }
  return one.bytes;
}

}  // namespace tidemark::broker

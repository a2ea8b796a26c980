// Part of a state, and the frames made of it when somebody wants one.
// broker/state/: see states.hpp.
#include <mutex>

#include "broker/state/states.hpp"
#include "protocol/frames.hpp"

namespace tidemark::broker {

/// Made once, by whoever wants it first.
class StatePart::Made {
 public:
  template <class Make>
  std::shared_ptr<const std::string> get(const Make& make) {
    const std::lock_guard lock(mutex_);
    if (!bytes_) {
      std::string bytes;
      make(bytes);
      bytes_ = std::make_shared<const std::string>(std::move(bytes));
    }
    return bytes_;
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const std::string> bytes_;
};

/// Each form has a lock of its own: who wants another does not wait for this one.
struct StatePart::Frames {
  Made json;
  Made binary;
  Made event;
};

StatePart::StatePart(State message, Payload payload)
    : message_(std::move(message)), payload_(payload), frames_(std::make_unique<Frames>()) {}

StatePart::~StatePart() = default;

std::shared_ptr<const std::string> StatePart::frame(WireForm form) const {
  auto& made = form == WireForm::json ? frames_->json : frames_->binary;
  return made.get([&](std::string& out) { append_frame(form, message_, payload_, out); });
}

std::shared_ptr<const std::string> StatePart::event() const {
  return frames_->event.get([&](std::string& out) { append_event(message_, payload_, out); });
}

}  // namespace tidemark::broker

// An event stream in the messages of the protocol, as a WebSocket has them.
// broker/: see message_dialect.hpp.
#include "broker/message_dialect.hpp"

#include <utility>

namespace tidemark::broker {

namespace {

void put(ServerMessage message, SseOut& out) {
  append_event(message, Payload::json, out.front);  // of none of these is the payload told
}

}  // namespace

void MessageDialect::begin(SseOut& out) {
  const auto bounds = cursor().topic()->bounds();
  Subscribed subscribed;
  subscribed.topic = topic();
  subscribed.position = cursor().position();
  subscribed.head = bounds.head;
  subscribed.earliest = bounds.earliest;
  subscribed.content_type = cursor().topic()->content_type();
  put(std::move(subscribed), out);
}

void MessageDialect::events(SharedRun&& run, SseOut& out) {
  told_news_ = true;
  out.run = {run.run.data, run.run.bytes};
  out.segment = std::move(run.segment);
}

void MessageDialect::epoch(EpochNotice&& notice, SseOut& out) {
  told_news_ = true;
  put(std::move(notice), out);
}

void MessageDialect::gap(GapNotice&& notice, bool /*goes_on*/, SseOut& out) {
  told_news_ = true;
  put(std::move(notice), out);
}

void MessageDialect::state(const std::shared_ptr<const StatePart>& part, SseOut& out) {
  told_news_ = true;
  auto event = part->event();
  out.run = *event;
  out.part = std::move(event);
}

void MessageDialect::place(SseOut& out) { put(Advanced{topic(), offset()}, out); }

void MessageDialect::caught_up(CaughtUp&& message, SseOut& out) {
  if (until_ == StreamsUntil::left) put(std::move(message), out);
}

void MessageDialect::tail(const storage::Topic::End& end, SseOut& out) {
  const bool enough = until_ == StreamsUntil::tail || told_news_ || end.closed;
  if (until_ != StreamsUntil::left && enough) end_caught_up(out);
  if (!end.closed) return;
  put(Unsubscribed{0, topic(), {}, Errc::topic_closed}, out);
  out.last = true;
}

void MessageDialect::end_caught_up(SseOut& out) const {
  put(CaughtUp{topic(), offset()}, out);
  out.last = true;
}

void MessageDialect::keep_alive(bool /*placed*/, SseOut& out) { out.front += ":\n\n"; }

void MessageDialect::end(const SseEnd& end, bool placed, SseOut& out) {
  const auto wait = end.come_back_after.value_or(std::chrono::milliseconds(0));
  switch (end.why) {
    case SseEnd::Why::pause:
      if (placed && until_ != StreamsUntil::left && end_if_reached(cursor())) end_caught_up(out);
      break;
    case SseEnd::Why::stop:
      put(Goodbye{static_cast<std::uint32_t>(wait.count())}, out);
      break;
    case SseEnd::Why::over:
    case SseEnd::Why::no_state:
      put(Unsubscribed{0, topic(), {}, end.reason}, out);
      break;
  }
  if (end.come_back_after) append_retry(out.front, wait);
}

}  // namespace tidemark::broker

// An event stream in the messages of the protocol, as a WebSocket has them.
// broker/: for clients whose network lets no WebSocket through. PROTOCOL.md, 10.14.
#pragma once

#include "broker/exchange.hpp"
#include "broker/sse_dialect.hpp"

namespace tidemark::broker {

/// Each message is an event without name and id, its data the JSON form of the message: first
/// `subscribed`, then what a subscriber of the topic is sent. A topic that is closed, which only a
/// stream tells of, ends it with `unsubscribed` (topic_closed).
/// A stream until `tail` or `news` ends with `caught_up`, which is held back until then: one that
/// ends without has not come so far.
class MessageDialect final : public SseDialect {
 public:
  MessageDialect(const Cursor& cursor, StreamsUntil until) : SseDialect(cursor), until_(until) {}

  [[nodiscard]] FrameForm form() const override { return FrameForm::event; }
  void begin(SseOut& out) override;
  void events(SharedRun&& run, SseOut& out) override;
  void epoch(EpochNotice&& notice, SseOut& out) override;
  void gap(GapNotice&& notice, bool goes_on, SseOut& out) override;
  void state(const std::shared_ptr<const StatePart>& part, SseOut& out) override;
  void place(SseOut& out) override;
  void caught_up(CaughtUp&& message, SseOut& out) override;
  void tail(const storage::Topic::End& end, SseOut& out) override;
  void keep_alive(bool placed, SseOut& out) override;
  void end(const SseEnd& end, bool placed, SseOut& out) override;

 private:
  [[nodiscard]] const std::string& topic() const { return cursor().topic()->name().str(); }
  [[nodiscard]] Offset offset() const { return cursor().position().offset; }
  void end_caught_up(SseOut& out) const;

  const StreamsUntil until_;
  bool told_news_ = false;
};

}  // namespace tidemark::broker

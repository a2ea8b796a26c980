// An event stream as Durable Streams has it, and as a browser's EventSource resumes it by itself.
// broker/: Durable Streams, "Server-Sent Events"; PROTOCOL.md, 10.6 and 12.10.
#pragma once

#include "broker/connection.hpp"
#include "broker/sse_dialect.hpp"

namespace tidemark::broker {

/// Events go out as `data` events, a run of them in one, each followed by a `control` event that
/// tells where the reader is then. Beyond the standard every event has an `id`, the token of the
/// position it leads to, so that a browser resumes there; a `gap` event tells of what is lost.
/// A state comes as `state` events, of which only the last has an `id`: who loses the connection in
/// between is not to resume behind a state it has half of. If it can't be had a `failed` event says
/// why.
class DurableDialect final : public SseDialect {
 public:
  /// `client_cursor`: the Stream-Cursor the client has seen.
  DurableDialect(const Cursor& cursor, ConnectionGroup& group,
                 std::optional<std::uint64_t> client_cursor);

  void add_fields(HttpReply& head) const override;
  [[nodiscard]] FrameForm form() const override;
  void events(SharedRun&& run, SseOut& out) override;
  void gap(GapNotice&& notice, bool goes_on, SseOut& out) override;
  void state(const std::shared_ptr<const StatePart>& part, SseOut& out) override;
  void place(SseOut& out) override { append_control(out.front, out); }
  void tail(const storage::Topic::End& end, SseOut& out) override;
  void keep_alive(bool placed, SseOut& out) override;
  void end(const SseEnd& end, bool placed, SseOut& out) override;

 private:
  void put_bundle(const std::shared_ptr<const StatePart>& part, SseOut& out) const;
  void append_id(std::string& to) const;
  void append_control(std::string& to, SseOut& out);
  [[nodiscard]] Position position() const;

  ConnectionGroup& group_;
  const Payload payload_;
  const std::optional<std::uint64_t> client_cursor_;
  std::optional<Offset> told_tail_;  ///< where a control event has said that there is no more yet
};

}  // namespace tidemark::broker

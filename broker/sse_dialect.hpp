// How an event stream tells of its topic: the words, not what happens.
// broker/: SseSession says what there is to tell; DurableDialect and MessageDialect have words.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/cursor.hpp"
#include "broker/http_reply.hpp"
#include "broker/shard.hpp"
#include "broker/state/states.hpp"

namespace tidemark::broker {

/// Bytes of one write: `front`, then `run` from where it lies, then `back`.
struct SseOut {
  std::string front;
  std::string_view run;
  std::string back;
  std::shared_ptr<const storage::Segment> segment;  ///< holds `run`, if it is of events
  std::shared_ptr<const void> part;                 ///< holds `run`, if it is of a state
  bool last = false;                                ///< the stream ends behind it

  [[nodiscard]] std::size_t size() const { return front.size() + run.size() + back.size(); }
  /// Small buffers are kept for what comes next.
  void clear();
};

/// Why a stream ends.
struct SseEnd {
  enum class Why : std::uint8_t {
    pause,     ///< the client comes back and goes on
    stop,      ///< the broker stops
    over,      ///< so is the subscription: `reason`
    no_state,  ///< and this because the state that was to come can't be had: `reason`
  };
  Why why = Why::pause;
  Errc reason = Errc::topic_deleted;
  std::optional<std::chrono::milliseconds> come_back_after = {};
};

/// Each call appends what the reader is to be told of what has happened, or nothing.
/// Threads: the session's shard's. Lifetime: within the cursor's.
class SseDialect {
 public:
  explicit SseDialect(const Cursor& cursor) : cursor_(cursor) {}
  SseDialect(const SseDialect&) = delete;
  SseDialect& operator=(const SseDialect&) = delete;
  virtual ~SseDialect() = default;

  /// Header fields that this one has.
  virtual void add_fields(HttpReply& head) const { static_cast<void>(head); }
  /// What its events are kept ready as.
  [[nodiscard]] virtual FrameForm form() const = 0;

  /// The stream begins, where the cursor is.
  virtual void begin(SseOut& out) { static_cast<void>(out); }
  /// A run in form(). The cursor is behind it already.
  virtual void events(SharedRun&& run, SseOut& out) = 0;
  virtual void epoch(EpochNotice&& notice, SseOut& out) {
    static_cast<void>(notice);
    static_cast<void>(out);
  }
  /// `goes_on`: with the events where the cursor is now; else a state follows, or the end.
  virtual void gap(GapNotice&& notice, bool goes_on, SseOut& out) = 0;
  /// Part of a state. With the last one the cursor is where the state leads to.
  virtual void state(const std::shared_ptr<const StatePart>& part, SseOut& out) = 0;
  /// The cursor has passed over events that are not for this reader.
  virtual void place(SseOut& out) = 0;
  /// All that there was has been sent.
  virtual void caught_up(CaughtUp&& message, SseOut& out) {
    static_cast<void>(message);
    static_cast<void>(out);
  }
  /// There is nothing to send; told each time the reader begins to wait.
  virtual void tail(const storage::Topic::End& end, SseOut& out) = 0;
  /// Nothing has been sent for a while. `placed`: the reader has a position, and waits for no
  /// state.
  virtual void keep_alive(bool placed, SseOut& out) = 0;
  /// Nothing follows but the end of the stream. `placed` as above.
  virtual void end(const SseEnd& end, bool placed, SseOut& out) = 0;

 protected:
  [[nodiscard]] const Cursor& cursor() const { return cursor_; }

 private:
  const Cursor& cursor_;
};

/// Where the topic ends, if the cursor is there.
[[nodiscard]] std::optional<storage::Topic::End> end_if_reached(const Cursor& cursor);

/// `retry:`, which says when a browser is to come back.
void append_retry(std::string& out, std::chrono::milliseconds time);

}  // namespace tidemark::broker
